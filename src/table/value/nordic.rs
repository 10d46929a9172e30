//! Numbers that the Nordic states give to people, by the rules their registers publish.

use super::date::exists;
use super::digits::{exactly, luhn, weighted};

/// Denmark, CPR number: `DDMMYY-SSSS`, whose seventh digit tells the century (CPR-kontoret, Personnummeret i CPR).
///
/// Modulo 11 is no test: numbers without it have been given since October 2007. So one number of eight random digits
/// in twenty-five is one, and a name has to say so, too.
pub fn cpr(text: &str) -> bool {
    let is_written_so = text.len() == 10 || (text.len() == 11 && matches!(text.as_bytes().get(6), Some(b'-' | b' ')));
    let Some(d) = exactly::<10>(text).filter(|_| is_written_so) else { return false };
    let (day, month, short) = (d[0] * 10 + d[1], d[2] * 10 + d[3], d[4] * 10 + d[5]);
    let century = match (d[6], short) {
        (0..=3, _) | (4 | 9, 37..) => 1900,
        (4 | 9, _) | (5..=8, 0..=57) => 2000,
        _ => 1800,
    };
    // Numbers that were replaced have 60 added to the day.
    exists(century + short, month, if day > 60 { day - 60 } else { day })
}

/// Sweden, personnummer (Skatteverket SKV 704): a birth date, three digits, Luhn over ten; 60 is added to the day of a
/// coordination number.
pub fn personnummer(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    let has_other = text.chars().any(|char| !char.is_ascii_digit() && !matches!(char, '-' | '+'));
    let (year, short) = match plain.len() {
        10 => (None, plain.as_str()),
        12 => (plain.get(..4).and_then(|year| year.parse::<u32>().ok()), plain.get(2..).unwrap_or_default()),
        _ => return false,
    };
    let Some(d) = exactly::<10>(short).filter(|_| !has_other) else { return false };
    let (month, day) = (d[2] * 10 + d[3], d[4] * 10 + d[5]);
    // 29 February exists in 2000 as it does in every leap year that two digits write.
    let year = year.unwrap_or(2000 + d[0] * 10 + d[1]);
    (1880..2100).contains(&year) && exists(year, month, if day > 60 { day - 60 } else { day }) && luhn(&d)
}

/// Norway, fødselsnummer (Skatteetaten): a birth date, three digits, and two check digits modulo 11; 40 is added to the
/// day of a D number.
pub fn fodselsnummer(text: &str) -> bool {
    let Some(d) = exactly::<11>(text) else { return false };
    let (day, month, short) = (d[0] * 10 + d[1], d[2] * 10 + d[3], d[4] * 10 + d[5]);
    let day = if day > 40 { day - 40 } else { day };
    let check = |sum: u32| (11 - sum % 11) % 11;
    let first = check(weighted(&d[..9], &[3, 7, 6, 1, 8, 9, 4, 5, 2]));
    let second = check(weighted(&d[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]));
    (exists(1900 + short, month, day) || exists(2000 + short, month, day)) && first == d[9] && second == d[10]
}

/// Finland, henkilötunnus (DVV): a birth date, a sign of the century, three digits, and a letter modulo 31.
pub fn hetu(text: &str) -> bool {
    const CHECKS: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    if text.len() != 11 || !text.is_ascii() {
        return false;
    }
    let (Some(date), Some(sign), Some(serial), Some(check)) =
        (text.get(..6), text.get(6..7), text.get(7..10), text.get(10..))
    else {
        return false;
    };
    let century = match sign {
        "+" => 1800,
        "-" | "U" | "V" | "W" | "X" | "Y" => 1900,
        "A" | "B" | "C" | "D" | "E" | "F" => 2000,
        _ => return false,
    };
    let (Some(d), Some(s)) = (exactly::<6>(date), exactly::<3>(serial)) else { return false };
    let number = d.iter().chain(&s).fold(0usize, |number, digit| number * 10 + *digit as usize);
    exists(century + d[4] * 10 + d[5], d[2] * 10 + d[3], d[0] * 10 + d[1])
        && CHECKS.get(number % 31) == check.as_bytes().first()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Specimens that the registers print, and the same with one character changed.
    #[test]
    fn specimens_of_the_registers_hold() {
        for yes in ["070761-4285", "0707614285", "290200-4001", "670761-4285"] {
            assert!(cpr(yes), "{yes}");
        }
        for no in ["310290-1234", "070761-428", "0707-614285", "0013611234", "phone12345"] {
            assert!(!cpr(no), "{no}");
        }
        assert!(personnummer("811228-9874") && personnummer("198112289874") && personnummer("670919-9530"));
        assert!(!personnummer("811228-9873") && !personnummer("811328-9874"));
        assert!(fodselsnummer("01010750160") && !fodselsnummer("01010750161") && !fodselsnummer("99010750160"));
        assert!(hetu("131052-308T") && hetu("010594Y9032") && !hetu("131052-308U") && !hetu("131352-308T"));
    }
}
