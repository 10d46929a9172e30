//! Names of people.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Given names that many bear, of the languages of this house: Denmark, Germany, France, Spain, the United States, and
/// romanised Chinese and Indian ones. A name that is missing costs nothing where others of its column are here.
const GIVEN: &str = include_str!("given-names.txt");

static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| GIVEN.split_whitespace().collect());

/// The commonest surnames of Chinese, one character each.
const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁沈任姚卢姜崔钟谭陆汪范石廖贾韦付白邹孟熊秦邱江尹薛";

/// A word that may be part of a name: letters, an apostrophe, a hyphen; `Mc` and the rest have capitals inside.
pub fn word(text: &str) -> bool {
    let text = text.trim();
    let letters = text.chars().filter(|char| char.is_alphabetic()).count();
    letters >= 1
        && text.chars().count() <= 40
        && text.chars().all(|char| char.is_alphabetic() || matches!(char, '\'' | '’' | '-' | ' ' | '.' | ','))
        && text.split_whitespace().count() <= 4
}

/// One of the given names.
pub fn given(text: &str) -> bool {
    let lower = text.trim().to_lowercase();
    lower.split([' ', '-', ',', '.']).any(|part| NAMES.contains(without_number(part))) || is_chinese(&lower)
}

/// Two to five words, one of them a given name: `Finn Krog`, `KROG, Finn`, `Dr. Mona Berg`.
pub fn full(text: &str) -> bool {
    let words = text.split([' ', ',', '^']).filter(|word| !word.is_empty()).count();
    let are_words = text.chars().all(|char| char.is_alphanumeric() || "'’-., ^".contains(char));
    ((2..=5).contains(&words) && are_words && given(&text.replace('^', " "))) || is_chinese(text)
}

/// A whole word that is a given name, in lower case.
pub fn is_given(lower: &str) -> bool {
    NAMES.contains(lower)
}

/// A name of two to four characters, the first a common surname.
pub fn is_chinese(text: &str) -> bool {
    let text = text.trim();
    let is_short = (2..=4).contains(&text.chars().count());
    is_short
        && text.chars().next().is_some_and(|first| SURNAMES.contains(first))
        && text.chars().all(|char| ('\u{4e00}'..='\u{9fff}').contains(&char))
}

fn without_number(part: &str) -> &str {
    part.trim_end_matches(|char: char| char.is_ascii_digit())
}

/// A name as Synthea makes them: every word ends in digits, `Irvin970`.
pub fn is_generated(text: &str) -> bool {
    let mut words = text.split_whitespace().filter(|word| word.chars().next().is_some_and(char::is_uppercase));
    words.any(|word| {
        let name = without_number(word);
        (1..=4).contains(&(word.len() - name.len()))
            && name.len() >= 2
            && name.chars().all(|char| char.is_alphabetic() || "'-.".contains(char))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_are_told_from_words() {
        assert!(GIVEN.split_whitespace().all(|name| name == name.to_lowercase()));
        for yes in ["Finn Krog", "KROG, Anna", "Dr. Maria Berg", "Smith^John", "María Elena653 Rodarte647", "王小明"]
        {
            assert!(full(yes), "{yes}");
        }
        for no in ["Quick brown fox", "Cardiology", "anna", "a/b c", "https://anna maria"] {
            assert!(!full(no), "{no}");
        }
        assert!(given("Anna") && given("anna-lena") && !given("Tuesday") && !given("plate"));
        assert!(word("O'Hara") && word("von der Leyen") && !word("S00012") && !word("12"));
        assert!(is_generated("Irvin970") && !is_generated("Irvin") && !is_generated("A1"));
    }
}
