//! Codes of medicine.

use std::collections::{BTreeMap, BTreeSet};

use super::digits::{digits, luhn, verhoeff};

/// LOINC: up to seven digits, a hyphen, and a Luhn digit (LOINC Users' Guide, appendix).
pub fn loinc(text: &str) -> bool {
    let Some((number, check)) = text.split_once('-') else { return false };
    (1..=7).contains(&number.len()) && check.len() == 1 && digits(text).is_some_and(|digits| luhn(&digits))
}

/// SNOMED CT: 6 to 18 digits after Verhoeff, whose second and third last tell a concept, description or relationship.
pub fn snomed(text: &str) -> bool {
    if !(6..=18).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_digit()) || text.starts_with('0') {
        return false;
    }
    let partition = text.get(text.len() - 3..text.len() - 1);
    matches!(partition, Some("00" | "10" | "01" | "11" | "02" | "12"))
        && digits(text).is_some_and(|digits| verhoeff(&digits))
}

/// ICD-10: a chapter's letter and two digits, with or without a part behind a point.
///
/// So is a well of a plate (`A01` to `H12`), a vitamin (`B12`) and a mutation (`V600E`). A code without a point is one
/// only where its number is none of a plate's, and a mutation never is.
pub fn icd10(text: &str) -> bool {
    let text = text.trim();
    let bytes = text.as_bytes();
    let (Some(letter), Some(tens), Some(units)) = (bytes.first(), bytes.get(1), bytes.get(2)) else { return false };
    let fits = letter.is_ascii_uppercase()
        && tens.is_ascii_digit()
        && (units.is_ascii_digit() || matches!(units, b'A' | b'B'));
    let rest = text.get(3..).unwrap_or_default();
    let has_point = rest.starts_with('.');
    let part = rest.strip_prefix('.').unwrap_or(rest);
    let is_part = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    if !fits || !is_part || (has_point && part.is_empty()) {
        return false;
    }
    let number = u32::from(tens - b'0') * 10 + if units.is_ascii_digit() { u32::from(units - b'0') } else { 0 };
    let is_well = part.is_empty() && (b'A'..=b'P').contains(letter) && (1..=24).contains(&number);
    let is_mutation = !has_point && part.len() >= 2 && part.ends_with(|char: char| char.is_ascii_uppercase());
    !is_well && !is_mutation
}

/// Whether the values of a column, each of which may be a code of ICD-10, together are: some have a point, or they come
/// from several chapters in several lengths and do not count through. `P001`, `P002` number people.
pub fn are_icd10(values: &[&str]) -> bool {
    let pointed = values.iter().filter(|value| value.contains('.')).count();
    if pointed * 5 >= values.len() {
        return true;
    }
    let mut chapters: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    let mut lengths = BTreeSet::new();
    for value in values.iter().map(|value| value.trim()) {
        let Some((letter, number)) = value.split_at_checked(1) else { continue };
        lengths.insert(value.len());
        chapters.entry(letter).or_default().extend(number.parse::<u32>());
    }
    let counts_through = |numbers: &&Vec<u32>| {
        let (low, high) = (numbers.iter().min().unwrap_or(&0), numbers.iter().max().unwrap_or(&0));
        numbers.len() >= 5 && ((high - low) as usize) < numbers.len() * 2
    };
    let counted: usize = chapters.values().filter(counts_through).map(Vec::len).sum();
    chapters.len() >= 4 && lengths.len() >= 2 && counted * 2 < values.len()
}

/// MedDRA: eight digits that begin with 10.
pub fn meddra(text: &str) -> bool {
    text.len() == 8 && text.starts_with("10") && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// ATC, whole: group, two digits, two letters, two digits.
pub fn atc(text: &str) -> bool {
    text.len() == 7
        && text.chars().enumerate().all(|(place, char)| match place {
            0 => "ABCDGHJLMNPRSV".contains(char),
            3 | 4 => char.is_ascii_uppercase(),
            _ => char.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_hold_and_their_look_alikes_do_not() {
        for yes in ["2160-0", "4548-4", "718-7", "39156-5"] {
            assert!(loinc(yes), "{yes}");
        }
        assert!(!loinc("2160-1") && !loinc("2024-05") && !loinc("abc-1"));
        assert!(snomed("22298006") && snomed("73211009") && !snomed("22298007") && !snomed("12345678"));
        for yes in ["E11.9", "I10.0", "E119", "Z51", "C50.911", "U07.1", "F32.2"] {
            assert!(icd10(yes), "{yes}");
        }
        for no in ["A01", "H12", "B12", "V600E", "IL6", "C3", "E11.", "e11.9", "rs123", "P24", "D0000012"] {
            assert!(!icd10(no), "{no}");
        }
        let numbered = |letter: char| (0..40).map(move |number| format!("{letter}{number:03}"));
        let donors: Vec<String> = numbered('P').collect();
        let arms: Vec<String> = "ABCDE".chars().flat_map(numbered).collect();
        let codes = ["E119", "I10", "Z51", "C509", "F322", "J45909", "K219", "E785", "N179", "R079"];
        let of = |values: &[String]| are_icd10(&values.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(!of(&donors) && !of(&arms) && are_icd10(&codes));
        assert!(meddra("10028813") && !meddra("20028813") && atc("A10BJ06") && !atc("A10BJ0"));
    }
}
