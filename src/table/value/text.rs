//! Free text.

/// Prose: some words, more than a code or a name has.
pub fn is_long(text: &str) -> bool {
    text.len() > 24 && text.split_whitespace().count() >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_told_from_codes() {
        assert!(is_long("Patient reported nausea after the second dose") && !is_long("nausea") && !is_long("MILD"));
    }
}
