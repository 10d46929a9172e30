//! Bounded reading that several formats need: JSON headers with a depth limit, and product-of-dimensions arithmetic.

use serde::de::DeserializeOwned;

use std::io::Read;

use super::{Input, ProbeError};
use crate::archive::zip::{Directory, Member, Method, ZipError};
use crate::blob::{Blob, Cursor, Purse, ReadError, read_vec};
use crate::model::Cause;

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

/// All bytes of a blob that may be the beginning of a longer stream.
///
/// # Errors
/// [`ReadError::TooLong`] over `allowed`, [`ReadError::NeedMore`] where the stream goes on.
pub fn whole(blob: &dyn Blob, allowed: u64) -> Result<Vec<u8>, ReadError> {
    let size = blob.size();
    match Cursor::new(blob, size).u8() {
        Err(ReadError::Ended { .. }) => read_vec(blob, 0, size, allowed),
        Err(error) => Err(error),
        Ok(_) => Err(ReadError::Shrank),
    }
}

/// The JSON object of a file that was chosen by its name, as Python's `json` writes it: `NaN` and infinities, which
/// JSON does not have, are read as null. Such names are shared with other programs, so a file that does not parse is
/// another's, unless one of `signs` is in it.
///
/// # Errors
/// [`ProbeError::NotMine`] and, where a sign is there, [`ProbeError::Malformed`].
pub fn json_file<T: DeserializeOwned>(
    input: &Input,
    allowed: u64,
    signs: &[&str],
    what: &str,
) -> Result<T, ProbeError> {
    let start = input.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.head).trim_ascii_start();
    if start.first() != Some(&b'{') {
        return Err(ProbeError::NotMine);
    }
    let has_sign = |text: &[u8]| signs.iter().any(|sign| text.windows(sign.len()).any(|part| part == sign.as_bytes()));
    let text = match whole(input.blob, allowed) {
        Err(ReadError::TooLong { .. }) if !has_sign(input.head) => return Err(ProbeError::NotMine),
        other => other?,
    };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let parsed = match json(text, what) {
        Err(ProbeError::Malformed(_)) if text.windows(3).any(|part| part == b"NaN" || part == b"Inf") => {
            json(&without_nan(text), what)
        }
        other => other,
    };
    parsed.map_err(|error| if has_sign(text) { error } else { ProbeError::NotMine })
}

/// The text with `NaN`, `Infinity` and `-Infinity` outside of strings replaced by null.
fn without_nan(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let word = [&b"NaN"[..], b"-Infinity", b"Infinity"].into_iter().find_map(|word| rest.strip_prefix(word));
        if let Some(after) = word.filter(|_| !in_string) {
            out.extend_from_slice(b"null");
            rest = after;
            continue;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        out.push(byte);
        rest = after;
    }
    out
}

/// Whether following a path that a file names could lead out of the directory it is relative to, on any system.
pub fn leaves_directory(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    drive || path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part == "..")
}

/// Why one member of a zip archive cannot be read, said of `what` it is.
pub fn of_member(error: ZipError, what: &str) -> ProbeError {
    match error {
        ZipError::Inflate(_) => ProbeError::Malformed(format!("{what} does not inflate")),
        ZipError::Method => ProbeError::Unsupported(format!("{what} is compressed in a way that is not read")),
        other => other.into(),
    }
}

/// The content of a member of a zip, from its first byte on, on the scan's account.
///
/// # Errors
/// As [`Directory::open`]; reading answers what the purse says too.
pub fn unpacked<'b>(input: &Input<'b>, zip: &Directory, member: &Member) -> Result<impl Read + use<'b>, ProbeError> {
    let purse = input.tables.purse.filter(|_| member.method != Method::Stored);
    Ok(Metered { inner: zip.open(input.blob, member)?, purse, packed: member.packed, given: 0 })
}

/// What comes out of a decompressor, held against the purse.
struct Metered<'p, R> {
    inner: R,
    purse: Option<&'p dyn Purse>,
    packed: u64,
    given: u64,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let Some(purse) = self.purse else { return self.inner.read(buf) };
        purse.allows(self.packed, self.given)?;
        let got = self.inner.read(buf)?;
        self.given = self.given.saturating_add(got as u64);
        purse.take(got as u64)?;
        Ok(got)
    }
}

/// What a parser that has already learned something makes of an error: a note beside its partial facts.
///
/// # Errors
/// The error itself where the bytes could not be had. Where there was no time for more, or no room, what was learned
/// until then stands.
pub fn note(error: ProbeError) -> Result<(Cause, String), ProbeError> {
    let cause = match &error {
        ProbeError::Malformed(_) | ProbeError::Read(ReadError::TooLong { .. }) => Cause::Malformed,
        ProbeError::Read(ReadError::Ended { .. }) => Cause::Truncated,
        ProbeError::Unsupported(_) => Cause::Unsupported,
        ProbeError::Read(ReadError::OutOfTime | ReadError::OverBudget(_)) => Cause::OverBudget,
        _ => return Err(error),
    };
    Ok((cause, error.to_string()))
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
    fn time_that_is_over_leaves_what_was_learned() {
        let note = |error: ReadError| note(error.into()).map(|(cause, _)| cause);
        assert_eq!(note(ReadError::OutOfTime).unwrap(), Cause::OverBudget);
        assert_eq!(note(ReadError::OverBudget(String::new())).unwrap(), Cause::OverBudget);
        assert!(note(ReadError::NeedMore { kept: 1 }).is_err(), "spooled, it is another matter");
    }

    #[test]
    fn errors_hold_no_content() {
        let error = json::<serde_json::Value>(br#"{"password": hunter2}"#, "the header").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn files_of_python_are_read_and_those_of_others_left() {
        let read = |text: &str| {
            let blob = crate::blob::Memory::new(text.as_bytes());
            let input = Input::new(&blob, text.as_bytes());
            json_file::<serde_json::Value>(&input, 1000, &["\"mine\""], "it")
        };
        let value = read(r#" {"a": [NaN, -Infinity, Infinity], "b": "NaN \" NaN"}"#).unwrap();
        assert_eq!(value, serde_json::json!({"a": [null, null, null], "b": "NaN \" NaN"}));
        assert_eq!(read("\u{feff}{}").unwrap(), serde_json::json!({}));
        assert!(matches!(read(r#"{"mine": 1,"#), Err(ProbeError::Malformed(_))));
        assert!(matches!(read(r#"{"theirs": 1, // so"#), Err(ProbeError::NotMine)));
        assert!(matches!(read("[1]"), Err(ProbeError::NotMine)));
        let long = |sign: &str| read(&format!("{{\"{sign}\": \"{}\"}}", "x".repeat(1000)));
        assert!(matches!(long("mine"), Err(ProbeError::Read(ReadError::TooLong { .. }))));
        assert!(matches!(long("theirs"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn paths_out_of_the_directory() {
        for path in ["/etc/passwd", "a/../b", "..", "..\\x", "C:\\x", "c:x", "\\\\host\\x"] {
            assert!(leaves_directory(path), "{path}");
        }
        for path in ["model.onnx_data", "a/b", "..a", "a..", "é:x"] {
            assert!(!leaves_directory(path), "{path}");
        }
    }

    #[test]
    fn shapes_do_not_overflow() {
        assert_eq!(elements(&[]).unwrap(), 1);
        assert_eq!(elements(&[0, u64::MAX]).unwrap(), 0);
        assert!(elements(&[u64::MAX, 2]).is_err());
    }
}
