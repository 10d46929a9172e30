//! Numbers of accounts and cards.

use super::digits::{digits, luhn};

/// An international bank account number (ISO 13616): the country's length, modulo 97.
pub fn iban(text: &str) -> bool {
    let plain: String = text.chars().filter(|char| *char != ' ').collect();
    let (Some(country), Some(body)) = (plain.get(..2), plain.get(4..)) else { return false };
    if length_of(country) != Some(plain.len()) || !plain.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let turned = body.chars().chain(plain.chars().take(4));
    let rest = turned.fold(0u64, |rest, char| match char.to_ascii_uppercase().to_digit(36) {
        Some(value) if value > 9 => (rest * 100 + u64::from(value)) % 97,
        value => (rest * 10 + u64::from(value.unwrap_or(0))) % 97,
    });
    rest == 1
}

/// Characters of an account number, by country.
fn length_of(country: &str) -> Option<usize> {
    Some(match country {
        "NO" => 15,
        "BE" => 16,
        "DK" | "FI" | "NL" | "FO" | "GL" => 18,
        "SI" => 19,
        "AT" | "EE" | "LT" | "LU" | "XK" | "KZ" => 20,
        "CH" | "HR" | "LI" | "LV" => 21,
        "BG" | "DE" | "GB" | "IE" | "GE" | "ME" | "RS" | "BH" => 22,
        "IL" | "AE" | "GI" => 23,
        "CZ" | "ES" | "MD" | "RO" | "SE" | "SK" | "SA" | "PK" | "AD" | "TN" => 24,
        "PT" => 25,
        "IS" | "TR" => 26,
        "FR" | "GR" | "IT" | "MC" | "SM" => 27,
        "PL" | "HU" | "CY" | "AL" | "AZ" => 28,
        "BR" | "QA" | "UA" => 29,
        "MT" | "MU" => 31,
        _ => return None,
    })
}

/// A payment card (ISO/IEC 7812): an issuer's range, its length, Luhn; not the numbers that test cards have.
pub fn card(text: &str) -> bool {
    const TESTS: [&str; 6] = [
        "4111111111111111",
        "4242424242424242",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "4012888888881881",
    ];
    let Some(d) = digits(text) else { return false };
    let plain: String = text.chars().filter(char::is_ascii_digit).collect();
    let start = |places: usize| d.iter().take(places).fold(0, |number, digit| number * 10 + digit);
    let fits = match d.len() {
        13 | 19 => start(1) == 4,
        14 => matches!(start(3), 300..=305) || matches!(start(2), 36 | 38),
        15 => matches!(start(2), 34 | 37),
        16 => {
            start(1) == 4
                || matches!(start(2), 51..=55 | 62 | 65)
                || matches!(start(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        _ => false,
    };
    fits && luhn(&d) && !TESTS.contains(&plain.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_cards() {
        for yes in ["GB29 NWBK 6016 1331 9268 19", "DE89370400440532013000", "DK5000400440116243", "NL91ABNA0417164300"]
        {
            assert!(iban(yes), "{yes}");
        }
        for no in ["GB29 NWBK 6016 1331 9268 18", "DE8937040044053201300", "XX5000400440116243", "hello"] {
            assert!(!iban(no), "{no}");
        }
        assert!(card("4539 1488 0343 6467") && card("371449635398431"));
        assert!(!card("4539 1488 0343 6468") && !card("4111111111111111") && !card("9539148803436467"));
    }
}
