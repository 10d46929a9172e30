//! Numbers that states give to people, outside of the north, by the rules their registers publish.

use super::date::exists;
use super::digits::{digits, exactly, iso7064_11_2, iso7064_11_10, luhn, verhoeff, weighted};

/// United States, social security number (SSA, POMS RM 10201.030): no area 000, 666 or 9xx, no group 00, no serial 0000.
pub fn ssn(text: &str) -> bool {
    const NEVER: [&str; 3] = ["078051120", "219099999", "123456789"];
    let Some(d) = exactly::<9>(text) else { return false };
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    let number = |part: &[u32]| part.iter().fold(0, |number, digit| number * 10 + digit);
    let (area, group, serial) = (number(&d[..3]), number(&d[3..5]), number(&d[5..]));
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0 && !NEVER.contains(&plain.as_str())
}

/// United States, Medicare beneficiary identifier (CMS, 2017): letters without S, L, O, I, B and Z.
pub fn mbi(text: &str) -> bool {
    let plain: Vec<char> = text.chars().filter(|char| *char != '-').collect();
    let letter = |char: char| char.is_ascii_uppercase() && !"SLOIBZ".contains(char);
    let digit = |char: char| char.is_ascii_digit();
    plain.len() == 11
        && plain.iter().enumerate().all(|(place, &char)| match place {
            0 => digit(char) && char != '0',
            1 | 4 | 7 | 8 => letter(char),
            2 | 5 => letter(char) || digit(char),
            _ => digit(char),
        })
}

/// United Kingdom, NHS number (NHS Data Dictionary): weights 10 to 2, modulo 11.
pub fn nhs(text: &str) -> bool {
    let Some(d) = exactly::<10>(text) else { return false };
    let check = (11 - weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    check != 10 && check == d[9] && d.iter().any(|digit| *digit != d[0])
}

/// United Kingdom, national insurance number (HMRC, NIM39110).
pub fn nino(text: &str) -> bool {
    const NEVER: [&str; 7] = ["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"];
    let plain: String = text.chars().filter(|char| *char != ' ').collect();
    let (Some(prefix), Some(number), Some(suffix)) = (plain.get(..2), plain.get(2..8), plain.get(8..)) else {
        return false;
    };
    let first = |char: char| char.is_ascii_uppercase() && !"DFIQUV".contains(char);
    prefix.chars().all(first)
        && !prefix.ends_with('O')
        && !NEVER.contains(&prefix)
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && ["A", "B", "C", "D"].contains(&suffix)
}

/// Germany, tax identification number (BZSt; ISO 7064 MOD 11,10): no leading zero, one digit of the first ten twice or
/// three times.
pub fn steuer_id(text: &str) -> bool {
    let Some(d) = exactly::<11>(text) else { return false };
    let most = (0..10).map(|digit| d[..10].iter().filter(|other| **other == digit).count()).max();
    d[0] != 0 && matches!(most, Some(2 | 3)) && iso7064_11_10(&d)
}

/// Germany, health insurance number (§ 290 SGB V): a letter, eight digits and a check digit by weights 1 and 2.
pub fn kvnr(text: &str) -> bool {
    let Some(letter) = text.chars().next().filter(char::is_ascii_uppercase) else { return false };
    let Some(d) = text.get(1..).filter(|rest| rest.len() == 9).and_then(exactly::<9>) else { return false };
    let number = letter as u32 - 'A' as u32 + 1;
    let all = [&[number / 10, number % 10], &d[..8]].concat();
    let sum: u32 = all
        .iter()
        .enumerate()
        .map(|(place, digit)| digit * if place % 2 == 0 { 1 } else { 2 })
        .map(|product| product / 10 + product % 10)
        .sum();
    sum % 10 == d[8]
}

/// France, numéro d'inscription au répertoire (INSEE): 13 digits, A and B for Corsica, and a key of 97 minus the rest.
pub fn nir(text: &str) -> bool {
    let plain: String = text.chars().filter(|char| *char != ' ').collect();
    if plain.len() != 15 || !plain.is_ascii() {
        return false;
    }
    let (replaced, less) = match plain.get(5..7) {
        Some("2A") => (plain.replacen("2A", "19", 1), 0),
        Some("2B") => (plain.replacen("2B", "18", 1), 0),
        _ => (plain, 0),
    };
    let (Some(body), Some(key)) = (replaced.get(..13), replaced.get(13..)) else { return false };
    let (Ok(number), Ok(key)) = (body.parse::<u64>(), key.parse::<u64>()) else { return false };
    let month = body.get(3..5).and_then(|month| month.parse::<u32>().ok()).unwrap_or(0);
    let sex = body.starts_with(['1', '2', '3', '4', '7', '8']);
    sex && (matches!(month, 1..=12 | 20 | 30..=42 | 50..=99)) && 97 - (number - less) % 97 == key
}

/// The Netherlands, burgerservicenummer (RvIG): the test of eleven with minus one for the last digit.
pub fn bsn(text: &str) -> bool {
    let Some(d) = exactly::<9>(text) else { return false };
    let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == d[8] % 11
}

/// Spain, DNI and NIE (Real Decreto 1553/2005): the letter is the number modulo 23.
pub fn dni(text: &str) -> bool {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let plain: String = text.chars().filter(|char| !matches!(char, '-' | ' ' | '.')).collect();
    let plain = match plain.chars().next() {
        Some('X') => plain.replacen('X', "0", 1),
        Some('Y') => plain.replacen('Y', "1", 1),
        Some('Z') => plain.replacen('Z', "2", 1),
        _ => plain,
    };
    let (Some(number), Some(letter)) = (plain.get(..8), plain.get(8..)) else { return false };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let expected = number.parse::<usize>().ok().and_then(|number| LETTERS.get(number % 23));
    is_number && letter.len() == 1 && letter.bytes().next().as_ref() == expected
}

/// Italy, codice fiscale (DM 23 December 1976): six letters, a birth date, a place, and a check letter.
pub fn codice_fiscale(text: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let upper = text.trim().to_ascii_uppercase();
    let is_digit = |char: char| char.is_ascii_digit() || "LMNPQRSTUV".contains(char);
    let fits = upper.len() == 16
        && upper.chars().enumerate().all(|(place, char)| match place {
            0..=5 | 11 | 15 => char.is_ascii_uppercase(),
            8 => "ABCDEHLMPRST".contains(char),
            _ => is_digit(char),
        });
    if !fits {
        return false;
    }
    let value = |char: char| char.to_digit(10).unwrap_or_else(|| (char as u32).saturating_sub('A' as u32));
    let sum: u32 = upper
        .chars()
        .take(15)
        .enumerate()
        .map(|(place, char)| match place % 2 {
            0 => ODD.get(value(char) as usize).copied().unwrap_or(0),
            _ => value(char),
        })
        .sum();
    upper.chars().last().map(value) == Some(sum % 26)
}

/// Poland, PESEL (Ustawa o ewidencji ludności): a birth date whose month tells the century, weights 1, 3, 7, 9.
pub fn pesel(text: &str) -> bool {
    let Some(d) = exactly::<11>(text) else { return false };
    let month = d[2] * 10 + d[3];
    let century = match month / 20 {
        0 => 1900,
        1 => 2000,
        2 => 2100,
        3 => 2200,
        _ => 1800,
    };
    let check = (10 - weighted(&d[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    exists(century + d[0] * 10 + d[1], month % 20, d[4] * 10 + d[5]) && check == d[10]
}

/// China, resident identity number (GB 11643-1999; ISO 7064 MOD 11-2): area, birth date, serial, check.
pub fn cn_id(text: &str) -> bool {
    let (Some(body), Some(check)) = (text.get(..17), text.get(17..)) else { return false };
    let check = match check {
        "X" | "x" => 10,
        _ => match check.parse() {
            Ok(check) if check < 10 => check,
            _ => return false,
        },
    };
    let Some(d) = exactly::<17>(body) else { return false };
    let year = d[6..10].iter().fold(0, |year, digit| year * 10 + digit);
    let area = d[0] * 10 + d[1];
    (11..=91).contains(&area)
        && (1880..2100).contains(&year)
        && exists(year, d[10] * 10 + d[11], d[12] * 10 + d[13])
        && iso7064_11_2(&d, check)
}

/// Japan, individual number (総務省令 85/2014): weights 6 to 2 and 7 to 2, modulo 11.
pub fn my_number(text: &str) -> bool {
    let Some(d) = exactly::<12>(text) else { return false };
    let rest = weighted(&d[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest <= 1 { 0 } else { 11 - rest };
    check == d[11] && d.iter().any(|digit| *digit != d[0])
}

/// India, Aadhaar (UIDAI): twelve digits, the first from 2 on, after Verhoeff.
pub fn aadhaar(text: &str) -> bool {
    digits(text).is_some_and(|d| d.len() == 12 && d[0] >= 2 && verhoeff(&d))
}

/// The Luhn check over all digits, for registers that use nothing else.
pub(super) fn is_luhn<const N: usize>(text: &str) -> bool {
    exactly::<N>(text).is_some_and(|d| luhn(&d))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::type_complexity)]
mod tests {
    use super::*;

    /// Specimens that the registers print, and the same with one digit changed.
    #[test]
    fn specimens_of_the_registers_hold() {
        let cases: [(fn(&str) -> bool, &[&str], &[&str]); 13] = [
            (
                ssn,
                &["536-22-1234", "001-01-0001"],
                &["000-12-3456", "666-12-3456", "900-12-3456", "078-05-1120", "123-00-4567"],
            ),
            (mbi, &["1EG4-TE5-MK73", "1EG4TE5MK73"], &["1SG4TE5MK73", "0EG4TE5MK73", "1EG4TE5MK7"]),
            (nhs, &["943 476 5919", "9990000026"], &["943 476 5918", "0000000000"]),
            (nino, &["AB123456C", "AB 12 34 56 C"], &["BG123456C", "DA123456A", "AO123456A", "AB123456E"]),
            (steuer_id, &["86095742719", "47036892816"], &["86095742718", "06095742719", "11111111111"]),
            (kvnr, &["A123456780"], &["A123456789", "1123456780"]),
            (nir, &["2 55 08 14 168 025 38", "180126955222380"], &["255081416802539", "955081416802538"]),
            (bsn, &["111222333", "123456782"], &["111222334", "000000000"]),
            (dni, &["12345678Z", "X1234567L", "Y1234567X"], &["12345678A", "X1234567A"]),
            (codice_fiscale, &["RSSMRA85T10A562S", "MRTMTT91D08F205J"], &["RSSMRA85T10A562T", "RSSMRA85F10A562S"]),
            (pesel, &["44051401359", "02070803628"], &["44051401358", "44991401359"]),
            (cn_id, &["11010519491231002X", "440524188001010014"], &["110105194912310021", "11010519491331002X"]),
            (my_number, &["123456789018"], &["123456789012", "000000000000"]),
        ];
        for (test, yes, no) in cases {
            for value in yes {
                assert!(test(value), "{value}");
            }
            for value in no {
                assert!(!test(value), "{value}");
            }
        }
        assert!(aadhaar("2341 2341 2346") && !aadhaar("2341 2341 2347") && !aadhaar("0341 2341 2346"));
        assert!(is_luhn::<11>("79927398713") && !is_luhn::<11>("79927398714"));
    }
}
