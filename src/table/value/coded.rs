//! Short lists of codes: what forms offer to tick.

fn is_one_of(text: &str, list: &[&str]) -> bool {
    let lower = text.trim().to_lowercase();
    list.contains(&lower.as_str())
}

/// Sex and gender, in words, letters and the code lists of HL7, CDISC, ISO/IEC 5218, OMOP and national registers.
pub fn sex(text: &str) -> bool {
    const WORDS: [&str; 62] = [
        "m",
        "f",
        "u",
        "x",
        "o",
        "n",
        "un",
        "unk",
        "male",
        "female",
        "unknown",
        "undifferentiated",
        "intersex",
        "other",
        "man",
        "woman",
        "men",
        "women",
        "boy",
        "girl",
        "transgender",
        "non-binary",
        "nonbinary",
        "diverse",
        "ambiguous",
        "hermaphrodite",
        "not specified",
        "not reported",
        "0",
        "1",
        "2",
        "3",
        "9",
        "true",
        "false",
        "8507",
        "8532",
        "8551",
        "8521",
        "mand",
        "kvinde",
        "k",
        "w",
        "d",
        "männlich",
        "weiblich",
        "divers",
        "homme",
        "femme",
        "h",
        "masculin",
        "féminin",
        "hombre",
        "mujer",
        "masculino",
        "femenino",
        "v",
        "男",
        "女",
        "男性",
        "女性",
        "未知",
    ];
    is_one_of(text, &WORDS)
}

/// The race categories of the US Office of Management and Budget as CDISC, FHIR and OMOP write them, and code numbers.
pub fn race(text: &str) -> bool {
    const WORDS: [&str; 19] = [
        "white",
        "black",
        "asian",
        "caucasian",
        "african",
        "american indian",
        "alaska",
        "hawaiian",
        "pacific",
        "islander",
        "multiple",
        "mixed",
        "other",
        "unknown",
        "not reported",
        "latino",
        "hispanic",
        "indigenous",
        "native",
    ];
    let lower = text.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word)) || code(text)
}

/// Whether somebody is Hispanic, as forms of the United States ask, other groups, and code numbers.
pub fn ethnicity(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["hispanic", "latino", "latina"].iter().any(|word| lower.contains(word)) || race(text)
}

/// A small code number, or one of OMOP's concepts.
fn code(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (text.len() <= 2 || matches!(text.len(), 4..=8))
}

/// Yes or no, in any writing.
pub fn flag(text: &str) -> bool {
    is_one_of(
        text,
        &["0", "1", "y", "n", "yes", "no", "true", "false", "t", "f", "ja", "nej", "nein", "oui", "non", "si", "sí"],
    )
}

/// Positive or negative, or a titre.
pub fn ada_result(text: &str) -> bool {
    let words = ["negative", "positive", "neg", "pos", "detected", "not detected", "inconclusive", "missing", "+", "-"];
    is_one_of(text, &words)
        || flag(text)
        || super::measure::number(text)
        || text.starts_with(['<', '>'])
        || text.strip_prefix("1:").is_some_and(super::measure::number)
}

/// The result of a measurement: a number, a bound, or a word of a laboratory.
pub fn result(text: &str) -> bool {
    let text = text.trim();
    let number = text.trim_start_matches(['<', '>', '=', '≤', '≥', ' ']);
    super::measure::number(number)
        || ada_result(text)
        || is_one_of(
            text,
            &["normal", "abnormal", "trace", "none", "high", "low", "borderline", "not done", "hemolyzed"],
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_lists_hold_what_forms_offer() {
        for yes in ["M", "female", "Kvinde", "1", "8507", "女", "FALSE"] {
            assert!(sex(yes), "{yes}");
        }
        for no in ["class", "Y", "business", "44"] {
            assert!(!sex(no), "{no}");
        }
        assert!(race("BLACK OR AFRICAN AMERICAN") && race("4") && !race("Formula One"));
        assert!(ethnicity("NOT HISPANIC OR LATINO") && flag("Ja") && !flag("maybe"));
        assert!(ada_result("POSITIVE") && ada_result("1:640") && ada_result("<5") && !ada_result("Boston"));
        assert!(result("< 0.5") && result("TRACE") && !result("Boston"));
    }
}
