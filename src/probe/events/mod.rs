//! JSON, UBJSON and MessagePack of any length as a stream of values with their paths: a boosted model has a gigabyte of trees and a
//! few lines that say what it is, in front of them and behind.
//!
//! JSON follows RFC 8259, UBJSON the draft 12 of its specification (ubjson.org) with the typed and counted containers
//! that XGBoost writes. Nothing recurses; what was told up to an error stands.

mod msgpack;
mod ubjson;

use super::ProbeError;
use crate::blob::{Blob, ReadError, read_full};

/// Deepest nesting followed.
pub(crate) const MAX_DEPTH: usize = 200;
/// Bytes kept of a text or key.
pub(crate) const MAX_TEXT: usize = 4096;
const CHUNK: usize = 64 << 10;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event<'e> {
    /// A container begins.
    Open,
    /// A text, cut to [`MAX_TEXT`] bytes.
    Text(&'e str),
    /// A number.
    Number(f64),
    /// A truth value or null.
    Word,
}

/// Who listens: the path holds the keys around a value, and an empty text for each list.
pub(crate) type Listener<'l> = &'l mut dyn FnMut(&[String], Event);

/// The ways in which the same values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Json,
    Msgpack,
    Ubjson,
}

/// Reads the value at `from`, at most `allowed` bytes of it.
///
/// # Errors
/// [`ProbeError::Malformed`] where the bytes are no such value, [`ReadError::TooLong`] over `allowed`, and what the
/// blob answers.
pub(crate) fn walk(
    blob: &dyn Blob,
    from: u64,
    allowed: u64,
    syntax: Syntax,
    listener: Listener,
) -> Result<(), ProbeError> {
    let mut bytes = Bytes::new(blob, from, allowed);
    match syntax {
        Syntax::Json => json(&mut bytes, listener),
        Syntax::Msgpack => msgpack::walk(&mut bytes, listener),
        Syntax::Ubjson => ubjson::walk(&mut bytes, listener),
    }
}

/// Bytes one after the other, read in large pieces.
pub(crate) struct Bytes<'b> {
    blob: &'b dyn Blob,
    at: u64,
    chunk: Vec<u8>,
    next: usize,
    left: u64,
    allowed: u64,
}

impl<'b> Bytes<'b> {
    fn new(blob: &'b dyn Blob, at: u64, allowed: u64) -> Bytes<'b> {
        Bytes { blob, at, chunk: Vec::new(), next: 0, left: allowed, allowed }
    }

    /// The next byte.
    pub(crate) fn next(&mut self) -> Result<u8, ProbeError> {
        let byte = self.peek()?;
        self.next = self.next.saturating_add(1);
        Ok(byte)
    }

    /// The next byte, which stays.
    pub(crate) fn peek(&mut self) -> Result<u8, ProbeError> {
        if let Some(&byte) = self.chunk.get(self.next) {
            return Ok(byte);
        }
        self.refill()?;
        self.chunk.first().copied().ok_or_else(|| ReadError::Ended { at: self.at }.into())
    }

    fn refill(&mut self) -> Result<(), ProbeError> {
        if self.left == 0 {
            return Err(ReadError::TooLong { wanted: self.blob.size(), allowed: self.allowed }.into());
        }
        let want = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        self.chunk.resize(want, 0);
        let mut got = self.blob.read_at(&mut self.chunk, self.at)?;
        if got == 0 {
            got = read_full(self.blob, &mut self.chunk, self.at)?;
        }
        self.chunk.truncate(got);
        self.at = self.at.saturating_add(got as u64);
        self.left = self.left.saturating_sub(got as u64);
        self.next = 0;
        Ok(())
    }

    /// Passes over `len` bytes; those are not read, and not counted.
    pub(crate) fn skip(&mut self, len: u64) -> Result<(), ProbeError> {
        let here = (self.chunk.len() as u64).saturating_sub(self.next as u64);
        if len <= here {
            self.next = self.next.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            return Ok(());
        }
        let end = self.at.checked_add(len.saturating_sub(here));
        self.at = end.filter(|&end| end <= self.blob.size() || self.blob.is_open_ended()).ok_or_else(broken)?;
        self.chunk.clear();
        self.next = 0;
        Ok(())
    }

    /// The next `len` bytes as a text: the first of them, if there are many.
    pub(crate) fn text(&mut self, len: u64) -> Result<String, ProbeError> {
        let kept = usize::try_from(len).unwrap_or(usize::MAX).min(MAX_TEXT);
        let mut text = Vec::new();
        while text.len() < kept {
            text.push(self.next()?);
        }
        self.skip(len.saturating_sub(kept as u64))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn next_word(&mut self) -> Result<u8, ProbeError> {
        loop {
            let byte = self.next()?;
            if !byte.is_ascii_whitespace() {
                return Ok(byte);
            }
        }
    }

    /// The rest of a JSON text behind its opening quote.
    fn quoted(&mut self) -> Result<String, ProbeError> {
        let mut text = Vec::new();
        loop {
            let mut character = [0; 4];
            let part: &[u8] = match self.next()? {
                b'"' => return Ok(String::from_utf8_lossy(&text).into_owned()),
                b'\\' => match self.next()? {
                    b'n' => b"\n",
                    b't' => b"\t",
                    b'r' => b"\r",
                    b'b' | b'f' => b" ",
                    b'u' => self.escaped()?.encode_utf8(&mut character).as_bytes(),
                    other => {
                        character[0] = other;
                        character.get(..1).unwrap_or_default()
                    }
                },
                other => {
                    character[0] = other;
                    character.get(..1).unwrap_or_default()
                }
            };
            if text.len() < MAX_TEXT {
                text.extend_from_slice(part);
            }
        }
    }

    /// Four hexadecimal digits. Halves of a pair are replaced: no name that is looked for has one.
    fn escaped(&mut self) -> Result<char, ProbeError> {
        let mut code = 0u32;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16).ok_or_else(broken)?;
            code = code.saturating_mul(16).saturating_add(digit);
        }
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

/// What says that the bytes are not what they began as.
pub(crate) fn broken() -> ProbeError {
    ProbeError::Malformed("its text or binary structure does not hold".to_owned())
}

/// Containers around the next value.
struct Nest {
    /// Whether each is an object.
    objects: Vec<bool>,
    path: Vec<String>,
}

impl Nest {
    fn open(&mut self, object: bool) -> Result<(), ProbeError> {
        if self.objects.len() >= MAX_DEPTH {
            return Err(ProbeError::Malformed(format!("it nests deeper than {MAX_DEPTH} levels")));
        }
        self.objects.push(object);
        if !object {
            self.path.push(String::new());
        }
        Ok(())
    }

    fn close(&mut self) {
        if self.objects.pop() == Some(false) {
            self.path.pop();
        }
    }

    /// What stands behind a key is over.
    fn value_done(&mut self) {
        if self.objects.last() == Some(&true) {
            self.path.pop();
        }
    }
}

fn json(bytes: &mut Bytes, listener: Listener) -> Result<(), ProbeError> {
    let mut nest = Nest { objects: Vec::new(), path: Vec::new() };
    let mut first = bytes.next_word()?;
    loop {
        // A value begins with `first`.
        match first {
            b'{' | b'[' => {
                listener(&nest.path, Event::Open);
                nest.open(first == b'{')?;
                let next = bytes.next_word()?;
                if next != if first == b'{' { b'}' } else { b']' } {
                    first = begin(bytes, &mut nest, next)?;
                    continue;
                }
                nest.close();
            }
            b'"' => {
                let text = bytes.quoted()?;
                listener(&nest.path, Event::Text(&text));
            }
            _ => scalar(bytes, first, &nest.path, listener)?,
        }
        // A value is over; so may be the containers around it.
        loop {
            nest.value_done();
            let Some(&object) = nest.objects.last() else { return Ok(()) };
            match bytes.next_word()? {
                b',' => break,
                b'}' if object => nest.close(),
                b']' if !object => nest.close(),
                _ => return Err(broken()),
            }
        }
        let next = bytes.next_word()?;
        first = begin(bytes, &mut nest, next)?;
    }
}

/// Reads the key, in an object; returns the first byte of the value.
fn begin(bytes: &mut Bytes, nest: &mut Nest, next: u8) -> Result<u8, ProbeError> {
    if nest.objects.last() != Some(&true) {
        return Ok(next);
    }
    if next != b'"' {
        return Err(broken());
    }
    let key = bytes.quoted()?;
    nest.path.push(key);
    if bytes.next_word()? != b':' {
        return Err(broken());
    }
    bytes.next_word()
}

fn scalar(bytes: &mut Bytes, first: u8, path: &[String], listener: Listener) -> Result<(), ProbeError> {
    let mut word = vec![first];
    // The outermost value has nothing behind it: none of the formats read here is a single number.
    while matches!(bytes.peek()?, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.') {
        word.push(bytes.next()?);
        if word.len() > 64 {
            return Err(broken());
        }
    }
    let word = std::str::from_utf8(&word).map_err(|_| broken())?;
    match word {
        "true" | "false" | "null" | "NaN" | "Infinity" | "-Infinity" => listener(path, Event::Word),
        number => listener(path, Event::Number(number.parse().map_err(|_| broken())?)),
    }
    Ok(())
}

/// The path, if it is at most `N` long.
pub(crate) fn short<const N: usize>(path: &[String]) -> Option<Vec<&str>> {
    (path.len() <= N).then(|| path.iter().map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn told(text: &str) -> Result<Vec<String>, ProbeError> {
        let mut told = Vec::new();
        let mut listener = |path: &[String], event: Event| told.push(format!("{}: {event:?}", path.join("/")));
        walk(&Memory::new(text.as_bytes()), 0, 1 << 20, Syntax::Json, &mut listener)?;
        Ok(told)
    }

    #[test]
    fn values_come_with_their_paths() {
        let told = told(r#" {"a": [1, {"b\u00e9\n": "c\"d"}, []], "e": {}, "f": -2.5e1, "g": null} "#).unwrap();
        assert_eq!(
            told,
            [
                ": Open",
                "a: Open",
                "a/: Number(1.0)",
                "a/: Open",
                "a//bé\n: Text(\"c\\\"d\")",
                "a/: Open",
                "e: Open",
                "f: Number(-25.0)",
                "g: Word",
            ]
        );
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for text in ["", "{", "{\"a\"", "{\"a\" 1}", "[1 2]", "{a: 1}", "[}", "{]", "[1,", "[tru]", "[\"\\uzzzz\"]"] {
            assert!(told(text).is_err(), "{text}");
        }
        assert!(told(&"[".repeat(100_000)).is_err());
        let endless = format!("[{}", "1,".repeat(1 << 20));
        assert!(matches!(told(&endless), Err(ProbeError::Read(ReadError::TooLong { .. }))));
    }
}
