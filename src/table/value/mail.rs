//! Addresses of mail and telephone numbers.

/// A mail address: a local part, and a domain of at least two labels, the last of letters (RFC 5321, without quoting).
pub fn email(text: &str) -> bool {
    let text = text.trim().trim_start_matches("mailto:");
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_local = |char: char| char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.chars().all(|char| char.is_alphanumeric() || char == '-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    !local.is_empty()
        && local.len() <= 64
        && local.chars().all(is_local)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && top.chars().count() >= 2
        && top.chars().all(char::is_alphabetic)
}

/// A telephone number: E.164, or seven to fifteen digits grouped as people group them.
///
/// Digits alone pass too, so this says nothing without a name.
pub fn phone(text: &str) -> bool {
    let text = text.trim().trim_start_matches("tel:").trim_start_matches("whatsapp:");
    let number =
        ["ext.", "ext", "x"].into_iter().find_map(|word| text.split_once(word)).map_or(text, |(number, _)| number);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_number = number.chars().enumerate().all(|(at, char)| match char {
        '0'..='9' | ' ' | '-' | '.' | '(' | ')' | '/' => true,
        '+' => at == 0,
        _ => false,
    });
    // A date has eight digits, too.
    (7..=15).contains(&digits) && is_number && !super::date::date(number) && !is_decimal(number)
}

/// Whether a value is a number with a fraction, which is no telephone number.
fn is_decimal(text: &str) -> bool {
    text.matches('.').count() == 1 && !text.contains([' ', '-', '(', '/', '+'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses() {
        for yes in ["a@b.dk", "finn.krog0@acmepert.example", "o'hara+x@mail.example.co.uk", "mailto:a@b.org"] {
            assert!(email(yes), "{yes}");
        }
        for no in ["@handle", "a@b", "a b@c.dk", "user@10.0.0.1", "x@y..z", "git@github.com:a/b", "5@3.14"] {
            assert!(!email(no), "{no}");
        }
    }

    #[test]
    fn telephone_numbers() {
        for yes in [
            "+45 20 33 34 57",
            "(415) 555-1212",
            "3364812635",
            "0049 30 1234567",
            "555-810-7203",
            "+1 415 555 1212 ext. 5",
        ] {
            assert!(phone(yes), "{yes}");
        }
        for no in ["2024-05-17", "17.05.2001", "3.14159265", "12345", "A1234567", "1.2.3"] {
            assert!(!phone(no), "{no}");
        }
    }
}
