//! Where something is: a source and the hops that lead to it, however deeply it is nested.
//!
//! A locator is a value, never a string that grows: it has a total order, prints to the form of the inventory contract
//! and parses back to the same value. Names are bytes, since file names are; what is not printable UTF-8, and the two
//! characters the form itself uses (`!` and `%`), are percent-encoded.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The index of a source in the survey's list of sources.
pub type SourceId = u16;

/// One step from a source towards an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hop {
    /// A path below the source's root, `/`-separated, without a leading slash. Empty: the root itself.
    Path(Box<[u8]>),
    /// A member of the container reached so far; printed as `!/name`.
    Member(Box<[u8]>),
}

/// The recursive address of an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locator {
    source: SourceId,
    hops: Vec<Hop>,
}

/// Why a text is not a locator.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LocatorError {
    /// A `%` that two hexadecimal digits do not follow.
    #[error("'%' at byte {0} is not followed by two hexadecimal digits")]
    BadEscape(usize),
}

impl Locator {
    /// The entry at `path` below the root of `source`.
    pub fn path(source: SourceId, path: &[u8]) -> Locator {
        Locator { source, hops: vec![Hop::Path(path.into())] }
    }

    /// The member `name` of the container at this locator. Leading slashes of the name are dropped: the form has one.
    pub fn member(&self, name: &[u8]) -> Locator {
        let start = name.iter().position(|&b| b != b'/').unwrap_or(name.len());
        let mut hops = self.hops.clone();
        hops.push(Hop::Member(name.get(start..).unwrap_or_default().into()));
        Locator { source: self.source, hops }
    }

    /// The source this locator starts from.
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// The hops from the source's root to the entry.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// How many containers lie around the entry.
    pub fn depth(&self) -> usize {
        self.hops.len().saturating_sub(1)
    }

    /// The whole name within the innermost container (or the source), as bytes.
    pub fn leaf(&self) -> &[u8] {
        match self.hops.last() {
            Some(Hop::Path(name) | Hop::Member(name)) => name,
            None => b"",
        }
    }

    /// The last component of [`Locator::leaf`].
    pub fn base_name(&self) -> &[u8] {
        let leaf = self.leaf();
        leaf.rsplit(|&b| b == b'/').next().unwrap_or(leaf)
    }

    /// The locator of the directory that holds this entry, inside the same container.
    pub fn parent(&self) -> Locator {
        let leaf = self.leaf();
        let end = leaf.iter().rposition(|&b| b == b'/').unwrap_or(0);
        self.with_leaf(leaf.get(..end).unwrap_or_default())
    }

    /// What lies around this: the directory, and around the outermost one of a container the container itself.
    pub fn around(&self) -> Option<Locator> {
        if !self.leaf().is_empty() {
            return Some(self.parent());
        }
        let (_, hops) = self.hops.split_last().filter(|(_, hops)| !hops.is_empty())?;
        Some(Locator { source: self.source, hops: hops.to_vec() })
    }

    /// The entry `name` in the same directory and container; `name` may hold slashes, not `..`.
    pub fn sibling(&self, name: &[u8]) -> Locator {
        self.parent().child(name)
    }

    /// The entry `name` below the directory at this locator.
    pub fn child(&self, name: &[u8]) -> Locator {
        let mut leaf = self.leaf().to_vec();
        if !leaf.is_empty() {
            leaf.push(b'/');
        }
        leaf.extend_from_slice(name);
        self.with_leaf(&leaf)
    }

    fn with_leaf(&self, leaf: &[u8]) -> Locator {
        let mut hops = self.hops.clone();
        match hops.last_mut() {
            Some(Hop::Path(name) | Hop::Member(name)) => *name = leaf.into(),
            None => hops.push(Hop::Path(leaf.into())),
        }
        Locator { source: self.source, hops }
    }

    /// Reads the printed form back; the source is not part of it.
    ///
    /// # Errors
    /// [`LocatorError::BadEscape`] where a `%` does not start an escape.
    pub fn parse(source: SourceId, text: &str) -> Result<Locator, LocatorError> {
        let mut hops = Vec::new();
        let mut at = 0;
        for (index, part) in text.split('!').enumerate() {
            let start = at;
            at += part.len() + 1;
            let (part, start) = match (index, part.strip_prefix('/')) {
                (1.., Some(rest)) => (rest, start + 1),
                _ => (part, start),
            };
            let name = unescape(part.as_bytes(), start)?.into_boxed_slice();
            hops.push(if index == 0 { Hop::Path(name) } else { Hop::Member(name) });
        }
        Ok(Locator { source, hops })
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for hop in &self.hops {
            match hop {
                Hop::Path(name) if name.is_empty() => f.write_str(".")?,
                Hop::Path(name) => f.write_str(&escape_name(name))?,
                Hop::Member(name) => write!(f, "!/{}", escape_name(name))?,
            }
        }
        Ok(())
    }
}

impl Serialize for Locator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Locator {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Locator".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Path below the source's root; `!/` opens a container; bytes that are not printable UTF-8, `!` and `%` are percent-encoded."
        })
    }
}

/// A name as text that is safe to print and to read back: control characters, text-direction marks, bytes that are not
/// UTF-8, `!` and `%` are percent-encoded.
pub fn escape_name(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '!' || c == '%' || is_unprintable(c) {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|b| push_escape(&mut out, b));
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&b| push_escape(&mut out, b));
    }
    out
}

/// Control characters, and the marks that make a terminal or a browser show a name other than it is.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.push(char::from(DIGITS[usize::from(digit)]));
    }
}

fn unescape(text: &[u8], start: usize) -> Result<Vec<u8>, LocatorError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let value = tail
                .get(..2)
                .and_then(|digits| std::str::from_utf8(digits).ok())
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or(LocatorError::BadEscape(start + text.len() - rest.len()))?;
            out.push(value);
            rest = &tail[2..];
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_form_reads_back_to_the_same_locator() {
        let names: [&[u8]; 8] = [
            b"a/b.tar.gz",
            b"",
            b"100%!/x",
            b"caf\xc3\xa9",
            b"\xff\xfe\0",
            b"esc\x1b[31m",
            "rtl\u{202e}gpj".as_bytes(),
            b"!",
        ];
        for outer in names.iter().filter(|name| !name.is_empty()) {
            for inner in names {
                let locator = Locator::path(0, outer).member(inner).member(b"deep/er");
                assert_eq!(Locator::parse(0, &locator.to_string()), Ok(locator.clone()), "{locator}");
            }
        }
    }

    #[test]
    fn the_form_is_the_contract() {
        let tar = Locator::path(0, b"backup.tar.gz");
        assert_eq!(tar.member(b"/ckpt/classifier.pt").to_string(), "backup.tar.gz!/ckpt/classifier.pt");
        assert_eq!(tar.member(b"layer-0").member(b"app/.env").to_string(), "backup.tar.gz!/layer-0!/app/.env");
        assert_eq!(Locator::path(0, b"x\n\xff").to_string(), "x%0A%FF");
    }

    #[test]
    fn siblings_stay_in_the_container() {
        let shard = Locator::path(0, b"a.tar").member(b"m/one.safetensors");
        assert_eq!(shard.sibling(b"config.json").to_string(), "a.tar!/m/config.json");
        assert_eq!(shard.parent().to_string(), "a.tar!/m");
        assert_eq!(Locator::path(0, b"top").sibling(b"x").to_string(), "x");
    }

    #[test]
    fn a_bad_escape_names_its_place() {
        assert_eq!(Locator::parse(0, "ab%zz"), Err(LocatorError::BadEscape(2)));
        assert_eq!(Locator::parse(0, "ab%4"), Err(LocatorError::BadEscape(2)));
    }
}
