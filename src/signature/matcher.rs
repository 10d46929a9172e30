//! Compiled matchers, and the view of an entry they look at.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::TEXT;
use super::keys::key_paths;
use super::schema::{Magic, Matchers};

/// Reads `len` bytes at a position, fewer where there are fewer.
type More<'a> = &'a dyn Fn(u64, usize) -> Vec<u8>;

/// What a matcher sees of an entry: its name, its head, and lazily the rest it may ask for.
pub struct View<'a> {
    /// Path within the source or the innermost container.
    pub path: &'a [u8],
    /// Bytes in all.
    pub size: u64,
    /// The first [`super::HEAD`] bytes.
    pub head: &'a [u8],
    more: More<'a>,
    text: OnceCell<Vec<u8>>,
    keys: OnceCell<BTreeSet<String>>,
}

impl<'a> View<'a> {
    /// A view of the entry at `path`; `more` reads what the head does not hold.
    pub fn new(path: &'a [u8], size: u64, head: &'a [u8], more: More<'a>) -> View<'a> {
        View { path, size, head, more, text: OnceCell::new(), keys: OnceCell::new() }
    }

    /// The first `len` bytes.
    pub(super) fn beginning(&self, len: usize) -> Vec<u8> {
        if self.size <= self.head.len() as u64 { self.head.to_vec() } else { (self.more)(0, len) }
    }

    pub(super) fn text(&self) -> &[u8] {
        if self.size <= self.head.len() as u64 { self.head } else { self.text.get_or_init(|| (self.more)(0, TEXT)) }
    }

    fn keys(&self) -> &BTreeSet<String> {
        self.keys.get_or_init(|| if looks_like_text(self.head) { key_paths(self.text()) } else { BTreeSet::new() })
    }

    fn bytes_at(&self, at: i64, len: usize) -> Cow<'_, [u8]> {
        let position = if at < 0 { self.size.checked_sub(at.unsigned_abs()) } else { Some(at.unsigned_abs()) };
        let Some(position) = position else { return Cow::default() };
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        match self.head.get(start..start.saturating_add(len)) {
            Some(bytes) => bytes.into(),
            None if position.saturating_add(len as u64) > self.size => Cow::default(),
            None => (self.more)(position, len).into(),
        }
    }
}

/// Whether a beginning reads as text: no NUL, hardly any other control character.
pub(crate) fn looks_like_text(head: &[u8]) -> bool {
    let control = head.iter().filter(|&&byte| byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(&byte)).count();
    let broken = head.utf8_chunks().filter(|chunk| chunk.invalid().len() > 1).count();
    !head.contains(&0) && control * 50 <= head.len() && broken * 20 <= head.len()
}

/// One compiled set of matchers; names are compiled in the set's index, not here.
pub(super) struct Compiled {
    pub(super) has_names: bool,
    magic: Vec<CompiledMagic>,
    text: Vec<Pattern>,
    keys: Vec<String>,
}

struct CompiledMagic {
    at: i64,
    bytes: Vec<u8>,
    mask: Option<Vec<u8>>,
}

impl Compiled {
    pub(super) fn new(matchers: &Matchers) -> Result<Compiled, String> {
        Ok(Compiled {
            has_names: !matchers.name.is_empty(),
            magic: matchers.magic.iter().map(CompiledMagic::new).collect::<Result<_, _>>()?,
            text: matchers.text.iter().map(|text| Pattern::new(text)).collect(),
            keys: matchers.keys.clone(),
        })
    }

    /// Compiles every pattern now.
    pub(super) fn settle(&self) -> Result<(), String> {
        self.text.iter().try_for_each(|text| text.settle())
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_names && self.magic.is_empty() && self.text.is_empty() && self.keys.is_empty()
    }

    /// Whether everything holds; `named` says whether a name did. Cheap things first.
    pub(super) fn all_hold(&self, view: &View, named: bool) -> bool {
        (!self.has_names || named)
            && self.magic.iter().all(|magic| magic.holds(view))
            && self.text.iter().all(|text| text.is_match(view.text()))
            && self.keys.iter().all(|key| view.keys().contains(key))
    }

    /// Whether anything holds.
    pub(super) fn any_holds(&self, view: &View, named: bool) -> bool {
        named
            || self.magic.iter().any(|magic| magic.holds(view))
            || self.text.iter().any(|text| text.is_match(view.text()))
            || self.keys.iter().any(|key| view.keys().contains(key))
    }

    /// How much a match says: bytes of magic, texts and keys.
    pub(super) fn specificity(&self) -> usize {
        let magic: usize = self.magic.iter().map(|magic| magic.bytes.len()).sum();
        magic + 4 * self.text.len() + 4 * self.keys.len() + usize::from(self.has_names)
    }

    /// What held, in words.
    pub(super) fn why(&self, named: bool) -> Vec<&'static str> {
        let parts = [
            (named && self.has_names, "its name"),
            (!self.magic.is_empty(), "its magic bytes"),
            (!self.text.is_empty(), "its text"),
            (!self.keys.is_empty(), "its keys"),
        ];
        parts.into_iter().filter_map(|(holds, part)| holds.then_some(part)).collect()
    }
}

impl CompiledMagic {
    fn new(magic: &Magic) -> Result<CompiledMagic, String> {
        let bytes = match (&magic.hex, &magic.text) {
            (Some(hex), None) => from_hex(hex)?,
            (None, Some(text)) => text.as_bytes().to_vec(),
            _ => return Err("a magic has either `hex` or `text`".to_owned()),
        };
        let mask = magic.mask.as_deref().map(from_hex).transpose()?;
        if bytes.is_empty() || mask.as_ref().is_some_and(|mask| mask.len() != bytes.len()) {
            return Err("a magic has at least one byte, and its mask is as long".to_owned());
        }
        Ok(CompiledMagic { at: magic.at, bytes, mask })
    }

    fn holds(&self, view: &View) -> bool {
        let found = view.bytes_at(self.at, self.bytes.len());
        match &self.mask {
            None => *found == *self.bytes,
            Some(mask) => {
                found.len() == self.bytes.len()
                    && found.iter().zip(&self.bytes).zip(mask).all(|((found, byte), mask)| (found ^ byte) & mask == 0)
            }
        }
    }
}

/// A regular expression that is compiled when it is first asked: most scans meet few formats, and compiling all of them
/// costs more than looking at a small place. What a user writes is [settled](Pattern::settle) at the start.
pub(super) struct Pattern {
    text: String,
    compiled: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Pattern {
        Pattern { text: text.to_owned(), compiled: OnceLock::new() }
    }

    fn compiled(&self) -> &Result<Regex, String> {
        self.compiled.get_or_init(|| compile_regex(&self.text))
    }

    /// The expression; nothing where it is none, which [`Pattern::settle`] has said before.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled().as_ref().ok()
    }

    /// Compiles it now.
    pub(super) fn settle(&self) -> Result<(), String> {
        self.compiled().as_ref().map(|_| ()).map_err(Clone::clone)
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

fn compile_regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).unicode(false).size_limit(1 << 20).build().map_err(|error| error.to_string())
}

pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| {
        std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .ok_or_else(|| format!("'{text}' is not pairs of hexadecimal digits"))
    };
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn magic(at: i64, hex: &str, mask: Option<&str>) -> CompiledMagic {
        CompiledMagic::new(&Magic { at, hex: Some(hex.into()), text: None, mask: mask.map(Into::into) }).unwrap()
    }

    #[test]
    fn magic_from_both_ends_and_under_a_mask() {
        let bytes = b"abcdefgh".to_vec();
        let more = |at: u64, len: usize| bytes.iter().skip(at as usize).take(len).copied().collect::<Vec<u8>>();
        // Only half of it is in the head: the rest is asked for.
        let view = View::new(b"x", 8, &bytes[..4], &more);
        assert!(magic(0, "6162", None).holds(&view));
        assert!(magic(3, "6465", None).holds(&view));
        assert!(magic(-2, "6768", None).holds(&view));
        assert!(!magic(-9, "61", None).holds(&view));
        assert!(!magic(7, "6869", None).holds(&view));
        assert!(magic(0, "6f62", Some("f0ff")).holds(&view));
    }

    #[test]
    fn text_is_told_from_bytes() {
        assert!(looks_like_text(b"plain\r\n\ttext"));
        assert!(looks_like_text("Übergrößenträger".as_bytes()));
        assert!(!looks_like_text(b"a\0b"));
        assert!(!looks_like_text(&[0x80, 0x04, 0x95, 0x02]));
    }

    #[test]
    fn bad_rules_say_what_is_wrong() {
        assert!(from_hex("0g").is_err() && from_hex("012").is_err());
        assert!(compile_regex("(").is_err());
    }
}
