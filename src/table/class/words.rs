//! Names of columns → words: `patientDOB`, `PATIENT_DOB` and `patient dob` are the same two.
//!
//! Names are compared by words and never by parts of words: `estate` is no `state`, `page` no `age`.

/// Most words of a name that are looked at.
const MAX_WORDS: usize = 24;

/// The words of a name, in lower case, without accents; runs of digits are words of their own.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = Sort::Gap;
    let mut chars = name.chars().take(512).peekable();
    while let Some(char) = chars.next() {
        let sort = Sort::of(char);
        let next = chars.peek().copied().map_or(Sort::Gap, Sort::of);
        // aB, a1, 1a; and the last capital of `IDNumber`, which begins a word.
        let starts = match (before, sort) {
            (Sort::Upper, Sort::Lower) => false,
            (Sort::Upper, Sort::Upper) => next == Sort::Lower,
            (before, sort) => before != sort,
        };
        if starts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
            if words.len() >= MAX_WORDS {
                return words;
            }
        }
        if sort != Sort::Gap {
            char.to_lowercase().for_each(|lower| plain(lower, &mut word));
        }
        before = sort;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Gap,
    Upper,
    Lower,
    Digit,
    /// A script without capitals and, in the case of Chinese and Japanese, without gaps.
    Other,
}

impl Sort {
    fn of(char: char) -> Sort {
        match char {
            _ if char.is_numeric() => Sort::Digit,
            _ if char.is_uppercase() => Sort::Upper,
            _ if char.is_lowercase() => Sort::Lower,
            _ if char.is_alphabetic() => Sort::Other,
            _ => Sort::Gap,
        }
    }
}

/// A letter without its accent.
fn plain(char: char, word: &mut String) {
    match char {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => word.push('a'),
        'ç' => word.push('c'),
        'è' | 'é' | 'ê' | 'ë' => word.push('e'),
        'ì' | 'í' | 'î' | 'ï' => word.push('i'),
        'ñ' => word.push('n'),
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => word.push('o'),
        'ù' | 'ú' | 'û' | 'ü' => word.push('u'),
        'ý' | 'ÿ' => word.push('y'),
        'æ' => word.push_str("ae"),
        'œ' => word.push_str("oe"),
        'ß' => word.push_str("ss"),
        // Combining marks.
        '\u{300}'..='\u{36f}' => {}
        _ => word.push(char),
    }
}

/// The name as people write it who have no such letters: `fødselsdato` is `foedselsdato`.
pub fn spelled_out(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for char in name.chars() {
        match char {
            'ä' => out.push_str("ae"),
            'å' => out.push_str("aa"),
            'ö' | 'ø' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            _ => out.push(char),
        }
    }
    out
}

/// Whether a word is written without gaps, so that names are looked for inside of it.
pub fn is_gapless(word: &str) -> bool {
    word.chars().any(|char| matches!(char, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for (name, expected) in [
            ("patientDOB", "patient dob"),
            ("PATIENT_DOB", "patient dob"),
            ("PatientIDNumber", "patient id number"),
            ("USUBJID", "usubjid"),
            ("medhx___1", "medhx 1"),
            ("name.family", "name family"),
            ("Fødselsdato", "fodselsdato"),
            ("Straße (Nr.)", "strasse nr"),
            ("患者编号", "患者编号"),
            ("height2", "height 2"),
            ("", ""),
            ("___", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
        assert_eq!(spelled_out("fødselsår"), "foedselsaar");
        assert!(words(&"aB".repeat(10_000)).len() <= MAX_WORDS);
    }
}
