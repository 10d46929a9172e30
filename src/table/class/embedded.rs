//! Identifiers inside of free text: what a note says of a person whatever its column is called.
//!
//! One pass over the bytes of a cell, and a closer look only where a byte calls for it: most cells cost a glance.
//! What is found is named by its class and counted; it is never a column's class, and no value leaves.

use crate::table::value;

/// Most of a text that is looked at.
const MAX_LOOK: usize = 64 << 10;
/// Shortest text that holds more than one value.
const SHORTEST: usize = 12;

/// Words before a date of birth.
const BORN: [&str; 14] = [
    "born",
    "dob",
    "birth",
    "birthdate",
    "født",
    "fødselsdato",
    "geboren",
    "geb",
    "geburtsdatum",
    "née",
    "né",
    "naissance",
    "nacimiento",
    "nacido",
];
/// Words before a name.
const ADDRESSED: [&str; 22] = [
    "patient",
    "patienten",
    "mr",
    "mrs",
    "ms",
    "miss",
    "dr",
    "prof",
    "herr",
    "frau",
    "hr",
    "fru",
    "monsieur",
    "madame",
    "mme",
    "señor",
    "señora",
    "sr",
    "sra",
    "doctor",
    "pt",
    "læge",
];
/// Words before a telephone number.
const CALLED: [&str; 14] = [
    "phone",
    "tel",
    "telephone",
    "mobile",
    "cell",
    "call",
    "fax",
    "tlf",
    "telefon",
    "mobil",
    "handy",
    "tél",
    "móvil",
    "whatsapp",
];
/// Tests of national numbers that say enough inside of a text: dates, letters or two check digits.
const NATIONAL: [&str; 11] =
    ["hetu", "codice-fiscale", "cn-id", "fodselsnummer", "personnummer", "pesel", "nir", "mbi", "nino", "dni", "iban"];

/// The first identifier in a long text, by class: an address of mail, a telephone number, a national number, a date of
/// birth, a name after a form of address.
pub fn look(text: &str) -> Option<&'static str> {
    if text.len() < SHORTEST {
        return None;
    }
    let text = text.get(..text.floor_char_boundary(MAX_LOOK.min(text.len())))?;
    // Without one of these bytes there is none of them; names need a capital.
    let digits = text.bytes().filter(u8::is_ascii_digit).take(6).count();
    let has_mail = text.contains('@');
    let is_cased = text.bytes().any(|byte| byte.is_ascii_uppercase()) || !text.is_ascii();
    if !has_mail && digits < 6 && !is_cased {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    if has_mail && words.iter().any(|word| is_mail(word)) {
        return Some("email");
    }
    if digits == 6
        && let Some(class) = number(&words)
    {
        return Some(class);
    }
    is_cased.then(|| names(&words)).flatten()
}

/// A word without what surrounds it in a sentence.
fn bare(word: &str) -> &str {
    word.trim_matches(|char: char| !char.is_alphanumeric() && char != '+')
}

fn is_mail(word: &str) -> bool {
    word.contains('@')
        && value::test("email")
            .is_some_and(|test| test(word.trim_matches(|char: char| "<>()[],;:.\"'!?".contains(char))))
}

/// Numbers: national ones by themselves or by their name, telephones and dates of birth by the word before them.
fn number(words: &[&str]) -> Option<&'static str> {
    for (at, word) in words.iter().enumerate() {
        let word = bare(word);
        if word.bytes().filter(u8::is_ascii_digit).count() < 2 {
            continue;
        }
        let before = |list: &[&str], reach: usize| {
            words.get(at.saturating_sub(reach)..at).unwrap_or_default().iter().any(|before| {
                let lower = bare(before).to_lowercase();
                list.contains(&lower.as_str())
            })
        };
        let passes = |name: &str| value::test(name).is_some_and(|test| test(word));
        if passes("date") || passes("birth-year") {
            if before(&BORN, 3) {
                return Some("birth_date");
            }
            continue;
        }
        // With a hyphen after six digits nothing else is usual.
        let is_cpr = word.len() == 11 && word.get(6..7) == Some("-") && passes("cpr");
        let is_ssn = word.len() == 11 && word.get(3..4) == Some("-") && word.get(6..7) == Some("-") && passes("ssn");
        if is_cpr || is_ssn {
            return Some("national_id");
        }
        if let Some(name) = NATIONAL.iter().find(|name| word.len() >= 9 && passes(name)) {
            return Some(if *name == "iban" { "financial" } else { "national_id" });
        }
        if (before(&["cpr", "ssn", "cprnr", "cpr-nr", "nhs", "bsn", "personnummer"], 3))
            && ["cpr", "ssn", "nhs", "bsn"].iter().any(|name| passes(name))
        {
            return Some("national_id");
        }
        let is_written_out = word.starts_with('+') && word.len() > 3;
        if is_written_out || before(&CALLED, 2) {
            let rest: String = words.get(at..(at + 5).min(words.len())).unwrap_or_default().join(" ");
            let number: String =
                rest.chars().take_while(|char| char.is_ascii_digit() || "+ -()./".contains(*char)).collect();
            if value::test("phone").is_some_and(|test| test(number.trim_end_matches([' ', '.', '-', '(', '/']))) {
                return Some("phone");
            }
        }
    }
    None
}

/// A name after a form of address, or a given name before another capital.
fn names(words: &[&str]) -> Option<&'static str> {
    let is_capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase) && chars.next().is_some_and(char::is_lowercase)
    };
    for pair in words.windows(2) {
        let [first, second] = pair else { continue };
        let (title, name) = (bare(first).to_lowercase(), bare(second));
        if !is_capital(name) {
            continue;
        }
        // Only a title makes a name of any word; after `patient` it has to be one that people bear.
        let is_title =
            ADDRESSED.contains(&title.as_str()) && first.chars().all(|char| char.is_alphabetic() || char == '.');
        let is_given = value::test("given-name").is_some_and(|test| test(name));
        let is_form = matches!(
            title.as_str(),
            "mr" | "mrs" | "ms" | "herr" | "frau" | "hr" | "fru" | "monsieur" | "madame" | "mme" | "señor" | "señora"
        );
        if is_title && (is_given || is_form) {
            return Some("person_name");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_in_sentences_are_found() {
        for (text, class) in [
            ("Please write to finn.krog@acmepert.example, he answers.", "email"),
            ("Reach her by phone 555-810-7203 after noon", "phone"),
            ("Call +45 20 33 34 57 before visit", "phone"),
            ("The woman, born 17.05.1951, was admitted", "birth_date"),
            ("DOB: 1951-05-17, seen today", "birth_date"),
            ("Her CPR is 070761-4285 as stated", "national_id"),
            ("hetu 131052-308T in the referral", "national_id"),
            ("Mrs. Krog felt dizzy at night", "person_name"),
            ("patient Anna was seen again", "person_name"),
        ] {
            assert_eq!(look(text), Some(class), "{text}");
        }
    }

    #[test]
    fn sentences_without_any_are_left() {
        for text in [
            "nausea after the second dose, resolved",
            "Patient reported nausea on 2024-05-17",
            "Serum prealbumin was 23.5 mg/dL and 1234567890 cells",
            "see ticket 2024-001234 at https://example.org/a@b",
            "@handle wrote a comment about 12345678",
            "The Patient Health Questionnaire was completed",
            "short",
        ] {
            assert_eq!(look(text), None, "{text}");
        }
        let long = "word ".repeat(100_000) + "finn@acme.example";
        assert_eq!(look(&long), None);
    }
}
