//! JSON of any length, passed on with its long texts cut: a reader behind it holds no more than one value, and that is
//! bounded. Nesting is bounded by serde_json, which stops at 128 levels.

use std::io::{ErrorKind, Read};

/// Bytes of a text that are passed on: a base64 attachment says no more by its end.
const MAX_TEXT: usize = 4096;
/// Escapes are cut between pairs as long as there is hope for one.
const MAX_ESCAPED: usize = MAX_TEXT * 8;

/// The JSON of a source, cut.
pub(crate) struct ShortJson<'r> {
    source: &'r mut dyn Read,
    place: Place,
    /// Bytes of the text at hand that were passed on.
    kept: usize,
    dropping: bool,
    /// Whether the last `\u` escape is the first half of a pair.
    is_half: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Outside,
    Text,
    /// Behind a backslash.
    Escape,
    /// Inside of a `\u` escape, with so many digits to come.
    Digits(u8),
    /// Behind a `\u` escape: what follows may be the second half of a pair.
    Escaped,
}

impl<'r> ShortJson<'r> {
    /// From the first byte on.
    pub(crate) fn new(source: &'r mut dyn Read) -> ShortJson<'r> {
        ShortJson { source, place: Place::Outside, kept: 0, dropping: false, is_half: false }
    }

    /// Whether the byte is passed on.
    fn keeps(&mut self, byte: u8) -> bool {
        if self.place == Place::Outside {
            if byte == b'"' {
                (self.place, self.kept, self.dropping) = (Place::Text, 0, false);
            }
            return true;
        }
        let at_start = match self.place {
            Place::Text => byte & 0xc0 != 0x80,
            Place::Escaped => !self.is_half,
            _ => false,
        };
        let too_long = self.kept >= MAX_TEXT && at_start || self.kept >= MAX_ESCAPED;
        match self.place {
            Place::Digits(4) => self.is_half = matches!(byte, b'd' | b'D'),
            Place::Digits(3) => self.is_half &= matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => {}
        }
        self.place = match (self.place, byte) {
            (Place::Text | Place::Escaped, b'"') => {
                self.place = Place::Outside;
                return true;
            }
            // A text never holds a line end: the next line is read as if nothing were wrong with this one.
            (_, b'\n') => {
                self.place = Place::Outside;
                return true;
            }
            (Place::Text | Place::Escaped, b'\\') => Place::Escape,
            (Place::Escape, b'u') => Place::Digits(4),
            (Place::Digits(left @ 2..), _) => Place::Digits(left.saturating_sub(1)),
            (Place::Digits(_), _) => Place::Escaped,
            _ => Place::Text,
        };
        self.dropping |= too_long;
        self.kept = self.kept.saturating_add(1);
        !self.dropping
    }
}

impl Read for ShortJson<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let got = match self.source.read(buf) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            if got == 0 {
                return Ok(0);
            }
            let mut kept = 0usize;
            for at in 0..got {
                let Some(&byte) = buf.get(at) else { break };
                if self.keeps(byte)
                    && let Some(to) = buf.get_mut(kept)
                {
                    *to = byte;
                    kept = kept.saturating_add(1);
                }
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> String {
        let mut source = text.as_bytes();
        let mut out = Vec::new();
        std::io::copy(&mut ShortJson::new(&mut source), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn short_texts_stay_as_they_are() {
        let text = r#"{"a\"b": ["c\\", "\u00e9\ud83d\ude00", "", -1.5e3, null]} {"x": "é"}"#;
        assert_eq!(short(text), text);
    }

    #[test]
    fn long_texts_are_cut_where_they_may_be() {
        for part in ["x", "é", "\\n", "\\\\", "a\\u00e9", "a\\ud83d\\ude00", "\\u0041"] {
            let text = format!(r#"{{"k": "{}", "after": 1}}"#, part.repeat(20_000));
            let cut = short(&text);
            assert!(cut.len() < MAX_ESCAPED + 100, "{part}: {}", cut.len());
            let value: serde_json::Value = serde_json::from_str(&cut).unwrap();
            assert_eq!(value["after"], 1, "{part}");
        }
        assert!(short(&format!("\"{}", "\\ud83d".repeat(100_000))).len() <= MAX_ESCAPED + 1);
    }

    #[test]
    fn an_open_text_ends_with_its_line() {
        assert_eq!(short("{\"a\": \"open\n{\"b\": \"x\"}"), "{\"a\": \"open\n{\"b\": \"x\"}");
    }
}
