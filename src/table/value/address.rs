//! Where people live.

/// Words of which one is in most street addresses, of the languages of this house, at the end of a word or alone.
const STREETS: [&str; 46] = [
    "street",
    "st",
    "road",
    "rd",
    "avenue",
    "ave",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "boulevard",
    "blvd",
    "way",
    "place",
    "square",
    "terrace",
    "landing",
    "trail",
    "highway",
    "hwy",
    "parkway",
    "vej",
    "gade",
    "alle",
    "allé",
    "stræde",
    "straße",
    "strasse",
    "str",
    "weg",
    "platz",
    "gasse",
    "rue",
    "chemin",
    "quai",
    "impasse",
    "calle",
    "avenida",
    "plaza",
    "paseo",
    "via",
    "路",
    "街",
    "号",
];

/// A street address: a house number, and a word for a street or at least two words, one of which begins with a letter.
pub fn street(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|char: char| char.is_whitespace() || matches!(char, ',' | '.'))
        .filter(|word| !word.is_empty())
        .collect();
    let has_number = lower.bytes().any(|byte| byte.is_ascii_digit());
    let is_street = |word: &&str| {
        STREETS.iter().any(|street| {
            *word == *street
                || (street.chars().count() >= 3
                    && street.len() >= 3
                    && word.ends_with(street)
                    && word.len() > street.len())
        })
    };
    let is_numbered = words
        .first()
        .is_some_and(|first| first.len() <= 6 && first.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))
        && words.get(1).is_some_and(|second| second.chars().all(char::is_alphabetic));
    has_number && words.len() >= 2 && (words.iter().any(is_street) || is_numbered) && text.len() <= 200
}

/// A postal code: three to ten letters and digits, at least two digits, with at most one gap.
pub fn postcode(text: &str) -> bool {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (3..=10).contains(&text.len())
        && digits >= 2
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-'))
        && text.bytes().filter(|byte| !byte.is_ascii_alphanumeric()).count() <= 1
}

/// A country, state or town, in letters: what is written where a place is asked for. Codes of two and three letters too.
pub fn country(text: &str) -> bool {
    let letters = text.chars().filter(|char| char.is_alphabetic()).count();
    letters >= 2 && text.chars().count() <= 60 && !text.chars().any(|char| char.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for yes in [
            "88 Dawnview Way",
            "Vesterbrogade 12, 3. tv",
            "Hauptstraße 5",
            "12 rue de la Paix",
            "342 Elm",
            "Calle Mayor 3",
        ] {
            assert!(street(yes), "{yes}");
        }
        for no in ["https://example.org/1", "3.14", "10.0.0.1", "Vesterbrogade", "S00001", "abc 12"] {
            assert!(!street(no), "{no}");
        }
        assert!(
            postcode("1868") && postcode("SW1A 1AA") && postcode("66801-1234") && !postcode("12/3") && !postcode("ab")
        );
        assert!(country("DNK") && country("São Tomé") && !country("R2D2"));
    }
}
