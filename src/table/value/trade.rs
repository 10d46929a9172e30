//! Numbers of professionals and of trials.

use super::digits::{digits, exactly, iso7064_11_2, luhn};
use super::national::is_luhn;

/// United States, national provider identifier (45 CFR 162.406): Luhn over `80840` and ten digits, the first 1 or 2. (That
/// of Synthea begins with 9, so that it is nobody's.)
pub fn npi(text: &str) -> bool {
    let Some(d) = exactly::<10>(text) else { return false };
    matches!(d[0], 1 | 2) && luhn(&[&[8, 0, 8, 4, 0], d.as_slice()].concat())
}

/// United States, DEA registration number: two letters (or a letter and 9), six digits and their check.
pub fn dea(text: &str) -> bool {
    let mut chars = text.chars();
    let (Some(kind), Some(initial)) = (chars.next(), chars.next()) else { return false };
    let Some(d) = exactly::<7>(chars.as_str()).filter(|_| text.len() == 9) else { return false };
    let check = d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5]);
    "ABCDEFGHJKLMPRSTUX".contains(kind) && (initial.is_ascii_uppercase() || initial == '9') && check % 10 == d[6]
}

/// ORCID iD (ISO 7064 MOD 11-2).
pub fn orcid(text: &str) -> bool {
    let plain = text.trim_start_matches("https://orcid.org/");
    let groups = plain.split('-').map(str::len).collect::<Vec<_>>() == [4, 4, 4, 4];
    let (Some(body), Some(check)) = (plain.get(..18), plain.get(18..)) else { return false };
    let check = if check == "X" { Some(10) } else { check.parse().ok() };
    let body = digits(body).filter(|digits| digits.len() == 15);
    groups && body.zip(check).is_some_and(|(body, check)| iso7064_11_2(&body, check))
}

/// France, répertoire partagé des professionnels de santé: eleven digits, Luhn.
pub fn rpps(text: &str) -> bool {
    text.starts_with('1') && is_luhn::<11>(text)
}

/// A trial of a public registry: ClinicalTrials.gov, EudraCT, EU CT (CTIS), ISRCTN, jRCT, ChiCTR, ACTRN, DRKS.
pub fn is_trial(text: &str) -> bool {
    let text = text.trim();
    let number = |prefix: &str, digits: usize| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == digits && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    number("NCT", 8)
        || number("ISRCTN", 8)
        || number("ACTRN", 14)
        || number("DRKS", 8)
        || number("ChiCTR", 10)
        || number("jRCT", 10)
        || is_grouped(text, &[4, 6, 2])
        || (is_grouped(text, &[4, 6, 2, 2]) && text.starts_with("20") && text.get(5..6) == Some("5"))
}

fn is_grouped(text: &str, lengths: &[usize]) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let are_digits = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
    are_digits
        && groups.iter().map(|group| group.len()).eq(lengths.iter().copied())
        && groups.first().and_then(|year| year.parse().ok()).is_some_and(|year: u32| (1990..2100).contains(&year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_of_professionals() {
        assert!(npi("1234567893") && !npi("1234567890") && !npi("9999908392"));
        assert!(dea("AB1234563") && dea("F91234563") && !dea("AB1234560"));
        assert!(orcid("0000-0002-1825-0097") && orcid("https://orcid.org/0000-0002-1694-233X"));
        assert!(!orcid("0000-0002-1825-0098") && !orcid("0000000218250097"));
        assert!(rpps("10003456783") == is_luhn::<11>("10003456783") && !rpps("20003456783"));
    }

    #[test]
    fn registries_of_trials() {
        for yes in ["NCT01234567", "2011-001234-56", "2023-503698-40-00", "ISRCTN12345678"] {
            assert!(is_trial(yes), "{yes}");
        }
        for no in ["NCT123", "1011-001234-56", "ACM-101", "2011-01-02", "2023-103698-40-00"] {
            assert!(!is_trial(no), "{no}");
        }
    }
}
