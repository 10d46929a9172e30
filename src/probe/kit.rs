//! Bounded reading that several formats need: JSON headers with a depth limit, and product-of-dimensions arithmetic.

use serde::de::DeserializeOwned;

use super::ProbeError;

/// Deepest nesting of a JSON header that is parsed. serde_json stops at 128 by itself; formats of this house use
/// fewer than ten levels.
const MAX_JSON_DEPTH: usize = 64;

/// Parses a JSON text after its nesting was measured.
///
/// # Errors
/// [`ProbeError::Malformed`] naming `what`, without a word of the text itself.
pub fn json<T: DeserializeOwned>(text: &[u8], what: &str) -> Result<T, ProbeError> {
    if json_depth(text) > MAX_JSON_DEPTH {
        return Err(ProbeError::Malformed(format!("{what} nests deeper than {MAX_JSON_DEPTH} levels")));
    }
    serde_json::from_slice(text).map_err(|error| {
        // The error's own text may quote the content: only its place is passed on.
        ProbeError::Malformed(format!(
            "{what} is not the JSON it should be (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// The deepest bracket nesting outside of strings.
fn json_depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Elements of an array of that shape: 1 for a scalar.
///
/// # Errors
/// [`ProbeError::Malformed`] where the product does not fit 64 bits.
pub fn elements(shape: &[u64]) -> Result<u64, ProbeError> {
    shape
        .iter()
        .try_fold(1u64, |product, &extent| product.checked_mul(extent))
        .ok_or_else(|| ProbeError::Malformed("a shape has more elements than 64 bits count".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_bounded_before_it_is_parsed() {
        let deep = "[".repeat(200_000);
        assert!(json::<serde_json::Value>(deep.as_bytes(), "x").is_err());
        assert!(json::<serde_json::Value>(br#"{"a":["[[[[",{"b":1}]}"#, "x").is_ok());
        assert_eq!(json_depth(br#"{"\"[[":[1]}"#), 2);
    }

    #[test]
    fn errors_hold_no_content() {
        let error = json::<serde_json::Value>(br#"{"password": hunter2}"#, "the header").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn shapes_do_not_overflow() {
        assert_eq!(elements(&[]).unwrap(), 1);
        assert_eq!(elements(&[0, u64::MAX]).unwrap(), 0);
        assert!(elements(&[u64::MAX, 2]).is_err());
    }
}
