//! Arithmetic of check digits.

/// The digits of a number whose groups may be parted by spaces, hyphens, points or slashes; none where there is anything
/// else, or more than 32.
pub fn digits(text: &str) -> Option<Vec<u32>> {
    let mut digits = Vec::with_capacity(16);
    for char in text.chars() {
        match char {
            '0'..='9' => digits.push(char as u32 - '0' as u32),
            ' ' | '-' | '.' | '/' => {}
            _ => return None,
        }
        if digits.len() > 32 {
            return None;
        }
    }
    Some(digits)
}

/// Exactly so many digits.
pub fn exactly<const N: usize>(text: &str) -> Option<[u32; N]> {
    digits(text)?.try_into().ok()
}

/// Σ digit × weight, as far as both go.
pub fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// ISO/IEC 7812-1, annex B.
pub fn luhn(digits: &[u32]) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| if place % 2 == 1 { doubled(digit) } else { digit })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// J. Verhoeff, Error Detecting Decimal Codes, 1969: the dihedral group of order ten.
pub fn verhoeff(digits: &[u32]) -> bool {
    // The permutation that positions apply, over and over.
    const STEP: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permuted = |digit: u32, place: usize| {
        (0..place % 8).fold(digit, |digit, _| STEP.get(digit as usize).copied().unwrap_or(0))
    };
    let check =
        digits.iter().rev().enumerate().fold(0, |check, (place, &digit)| dihedral(check, permuted(digit, place)));
    !digits.is_empty() && check == 0
}

/// The product of two elements of the dihedral group of order ten.
fn dihedral(a: u32, b: u32) -> u32 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

/// ISO/IEC 7064, MOD 11,10.
pub fn iso7064_11_10(digits: &[u32]) -> bool {
    let Some((check, body)) = digits.split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == *check
}

/// ISO/IEC 7064, MOD 11-2: the remainder that the check character, X for ten, makes one.
pub fn iso7064_11_2(body: &[u32], check: u32) -> bool {
    let sum = body.iter().fold(0, |sum, digit| (sum + digit) * 2 % 11);
    (sum + check) % 11 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors_hold() {
        let of = |text: &str| digits(text).unwrap();
        assert!(luhn(&of("79927398713")));
        assert!(!luhn(&of("79927398710")));
        assert!(verhoeff(&of("2363")));
        assert!(!verhoeff(&of("2364")));
        assert!(verhoeff(&of("1428570")) && !verhoeff(&of("1428571")));
        assert!(iso7064_11_10(&of("07945")));
        assert!(iso7064_11_2(&of("079"), 10));
        assert_eq!(digits("12-34 5"), Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(digits("12a"), None);
        assert_eq!(exactly::<3>("12"), None);
    }
}
