//! Addresses and names of machines, and keys that machines make.

use std::net::IpAddr;

/// An address of the internet protocol that is some machine's: no loopback, no wildcard.
pub fn ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
}

/// An EUI-48 address.
pub fn mac(text: &str) -> bool {
    let sign = if text.contains(':') { ':' } else { '-' };
    let groups: Vec<&str> = text.split(sign).collect();
    groups.len() == 6 && groups.iter().all(|group| group.len() == 2 && is_hex(group))
}

/// A UUID (RFC 9562).
pub fn uuid(text: &str) -> bool {
    let text = text.trim_start_matches("urn:uuid:").trim_matches(['{', '}']);
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| is_hex(group))
}

/// A key in hexadecimal, as long as a hash or half of one, in which a letter shows that it is no count.
pub fn hex_key(text: &str) -> bool {
    matches!(text.len(), 8 | 16 | 32 | 40 | 56 | 64 | 96 | 128) && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A vehicle identification number with the check digit of North America (49 CFR 565.15).
pub fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |char: char| match char {
        '0'..='9' => char.to_digit(10),
        'A'..='H' => Some(char as u32 - 'A' as u32 + 1),
        'J'..='N' => Some(char as u32 - 'J' as u32 + 1),
        'P' => Some(7),
        'R' => Some(9),
        'S'..='Z' => Some(char as u32 - 'S' as u32 + 2),
        _ => None,
    };
    let values: Option<Vec<u32>> = text.chars().take(18).map(value).collect();
    let Some(values) = values.filter(|values| values.len() == 17) else { return false };
    let check = values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum::<u32>() % 11;
    let written = text.chars().nth(8);
    let has_letter = text.bytes().any(|byte| byte.is_ascii_uppercase());
    has_letter && written == if check == 10 { Some('X') } else { char::from_digit(check, 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines() {
        assert!(ip("198.51.100.7") && ip("2001:db8::1") && !ip("127.0.0.1") && !ip("1.2.3") && !ip("0.0.0.0"));
        assert!(mac("00:1B:44:11:3A:B7") && mac("00-1b-44-11-3a-b7") && !mac("00:1B:44"));
        assert!(uuid("1007c05b-8d20-8fe6-6790-44622f8316df") && !uuid("1007c05b-8d20"));
        assert!(hex_key("d41d8cd98f00b204e9800998ecf8427e") && !hex_key("xyz") && !hex_key("abc"));
        assert!(vin("1M8GDM9AXKP042788") && !vin("1M8GDM9A1KP042788") && !vin("11111111111111111"));
    }
}
