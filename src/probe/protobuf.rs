//! A skimmer of protocol buffers: fields of a message one after the other, nested messages and byte strings as ranges
//! that are read only if someone asks.
//!
//! Follows the encoding document of protocol buffers (protobuf.dev, "Encoding"). No schema: a format's own file gives
//! the field numbers meaning. Groups are refused, since no format read here has them and bytes of something else often
//! look like them. A message inside a message knows its depth, and a reader counts the fields it has yielded, so
//! neither recursion nor length of a hostile file is for the caller to bound.

use super::ProbeError;
use crate::blob::{Blob, Cursor, ReadError};

/// The reference implementation's limit of nesting.
const MAX_DEPTH: u32 = 100;
/// Fields yielded in all. A graph of one hundred thousand nodes has about two million.
const MAX_FIELDS: u64 = 1 << 23;
/// From this distance on the cursor jumps, so that its window begins small again: after tensor data come a few bytes.
const JUMP: u64 = 64 << 10;

/// A range of a blob that holds a message, a text or packed numbers; as a message it is consumed field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    at: u64,
    end: u64,
    depth: u32,
}

impl Span {
    /// Bytes in it.
    pub(crate) fn len(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }
}

/// A field's value as its wire type gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Integers, booleans and enumerations; negative ones in two's complement, `sint` in zigzag.
    Varint(u64),
    /// `fixed64`, `sfixed64`, `double`.
    Fixed64(u64),
    /// `fixed32`, `sfixed32`, `float`.
    Fixed32(u32),
    /// Texts, byte strings, messages, packed numbers: not read yet.
    Bytes(Span),
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) value: Value,
}

/// Reads messages of one blob.
pub(crate) struct Wire<'a> {
    cursor: Cursor<'a>,
    size: u64,
    fields: u64,
}

impl<'a> Wire<'a> {
    /// A reader of `blob`.
    pub(crate) fn new(blob: &'a dyn Blob) -> Wire<'a> {
        Wire { cursor: Cursor::new(blob, 0), size: blob.size(), fields: 0 }
    }

    /// The whole blob as a message.
    pub(crate) fn root(&self) -> Span {
        Span { at: 0, end: self.size, depth: 0 }
    }

    /// The next field of `message`, which is shortened by it; `None` at its end.
    ///
    /// # Errors
    /// [`ProbeError::Malformed`] where the bytes are no message, [`ReadError::Ended`] where the blob ends inside of a
    /// field of its outermost message, and what the blob answers.
    pub(crate) fn next(&mut self, message: &mut Span) -> Result<Option<Field>, ProbeError> {
        self.go(message.at);
        if message.len() == 0 {
            if message.depth == 0 {
                self.end_of_blob()?;
            }
            return Ok(None);
        }
        if message.depth > MAX_DEPTH {
            return Err(malformed(format!("nests messages deeper than {MAX_DEPTH} levels")));
        }
        self.fields = self.fields.saturating_add(1);
        if self.fields > MAX_FIELDS {
            return Err(malformed(format!("has more than {MAX_FIELDS} fields")));
        }
        let tag = u32::try_from(self.varint(message)?).map_err(|_| malformed("has a field number past the largest"))?;
        let number = tag >> 3;
        if number == 0 {
            return Err(malformed("has a field of number 0"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(message)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed(message)?)),
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed(message)?)),
            2 => {
                let len = self.varint(message)?;
                let at = self.cursor.position();
                self.within(message, len)?;
                let end = at.saturating_add(len);
                message.at = end;
                Value::Bytes(Span { at, end, depth: message.depth.saturating_add(1) })
            }
            other => return Err(malformed(format!("has a field of wire type {other}"))),
        };
        Ok(Some(Field { number, value }))
    }

    /// The next number of a packed field; `None` at its end.
    ///
    /// # Errors
    /// As [`Wire::next`].
    pub(crate) fn packed_varint(&mut self, numbers: &mut Span) -> Result<Option<u64>, ProbeError> {
        self.go(numbers.at);
        if numbers.len() == 0 { Ok(None) } else { self.varint(numbers).map(Some) }
    }

    /// Up to `allowed` bytes of a byte string.
    ///
    /// # Errors
    /// What the blob answers.
    pub(crate) fn bytes(&mut self, string: Span, allowed: u64) -> Result<Vec<u8>, ProbeError> {
        self.go(string.at);
        Ok(self.cursor.vec(string.len().min(allowed), allowed)?)
    }

    /// Up to `allowed` bytes of a text; what is not UTF-8 in it is replaced.
    ///
    /// # Errors
    /// What the blob answers.
    pub(crate) fn text(&mut self, string: Span, allowed: u64) -> Result<String, ProbeError> {
        let mut bytes = self.bytes(string, allowed)?;
        if string.len() > allowed {
            // The cut may lie inside of a character.
            let whole = bytes.utf8_chunks().map(|chunk| chunk.valid().len()).next().unwrap_or(0);
            if bytes.len().saturating_sub(whole) < 4 {
                bytes.truncate(whole);
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn go(&mut self, at: u64) {
        let here = self.cursor.position();
        match at.checked_sub(here) {
            Some(0) => {}
            // A short way is skipped, which keeps the window growing while a structure is read through.
            Some(ahead) if ahead < JUMP && self.cursor.skip(ahead).is_ok() => {}
            _ => self.cursor.seek(at),
        }
    }

    /// Fails unless `len` bytes of `message` are left.
    fn within(&mut self, message: &Span, len: u64) -> Result<(), ProbeError> {
        if len <= message.end.saturating_sub(self.cursor.position()) {
            return Ok(());
        }
        if message.depth == 0 {
            self.end_of_blob()?;
            return Err(ReadError::Ended { at: self.size }.into());
        }
        Err(malformed("has a field that is longer than its message"))
    }

    /// Asks the blob whether it ends where it seems to: the beginning of a stream does not, and says so.
    fn end_of_blob(&mut self) -> Result<(), ProbeError> {
        let before = self.cursor.position();
        self.cursor.seek(self.size);
        let end = self.cursor.u8();
        self.cursor.seek(before);
        match end {
            Err(ReadError::Ended { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err(ReadError::Shrank.into()),
        }
    }

    /// The fixed-size value the cursor stands on.
    fn fixed<const N: usize>(&mut self, message: &mut Span) -> Result<[u8; N], ProbeError> {
        self.within(message, N as u64)?;
        let bytes = self.cursor.array()?;
        message.at = self.cursor.position();
        Ok(bytes)
    }

    /// The number the cursor stands on.
    fn varint(&mut self, message: &mut Span) -> Result<u64, ProbeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            self.within(message, 1)?;
            let byte = self.cursor.u8()?;
            let bits = u64::from(byte & 0x7f);
            let shifted = bits.checked_shl(shift).unwrap_or(0);
            if shifted >> shift != bits {
                break;
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                message.at = self.cursor.position();
                return Ok(value);
            }
        }
        Err(malformed("has a number of more than 64 bits"))
    }
}

fn malformed(what: impl std::fmt::Display) -> ProbeError {
    ProbeError::Malformed(format!("its protocol buffer {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{Memory, Prefix};

    fn fields(bytes: &[u8]) -> Result<Vec<Field>, ProbeError> {
        let blob = Memory::new(bytes);
        let mut wire = Wire::new(&blob);
        let mut root = wire.root();
        let mut out = Vec::new();
        while let Some(field) = wire.next(&mut root)? {
            out.push(field);
        }
        Ok(out)
    }

    #[test]
    fn every_wire_type_is_told_apart() {
        let bytes = b"\x08\x96\x01\x12\x02ab\x1d\x01\0\0\0\x21\x02\0\0\0\0\0\0\0";
        let found = fields(bytes).unwrap();
        assert_eq!(found.iter().map(|field| field.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(found[0].value, Value::Varint(150));
        assert!(matches!(found[1].value, Value::Bytes(span) if span.len() == 2));
        assert_eq!((found[2].value, found[3].value), (Value::Fixed32(1), Value::Fixed64(2)));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bytes in [
            &b"\x00\x01"[..],                                    // field 0
            b"\x0b\x0c",                                         // a group
            b"\x0f",                                             // wire type 7
            b"\x12\x05ab",                                       // longer than the blob
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // more than ten bytes
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",     // more than 64 bits
            b"\xff\xff\xff\xff\xff\x01\x01",                     // a tag of more than 32 bits
            b"\x08",
            b"\x0d\0\0",
        ] {
            assert!(fields(bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(fields(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").unwrap()[0].value, Value::Varint(u64::MAX));
    }

    #[test]
    fn nesting_and_lengths_are_bounded() {
        let mut bytes = Vec::new();
        for _ in 0..60 {
            let length = u8::try_from(bytes.len()).unwrap();
            bytes.splice(0..0, [0x0a, length]);
        }
        fn deep(wire: &mut Wire, mut message: Span) -> Result<u32, ProbeError> {
            match wire.next(&mut message)? {
                Some(Field { value: Value::Bytes(inner), .. }) => Ok(deep(wire, inner)? + 1),
                _ => Ok(0),
            }
        }
        let blob = Memory::new(bytes);
        let mut wire = Wire::new(&blob);
        let root = wire.root();
        assert_eq!(deep(&mut wire, root).unwrap(), 60);
        let past = Span { depth: MAX_DEPTH + 1, ..root };
        assert!(deep(&mut wire, past).is_err());
        // An inner message does not reach past the outer one, though the blob has the bytes.
        let blob = Memory::new(*b"\x0a\x02\x0a\x05aaaaaaa");
        let mut wire = Wire::new(&blob);
        let root = wire.root();
        assert!(matches!(deep(&mut wire, root), Err(ProbeError::Malformed(_))));
    }

    #[test]
    fn the_beginning_of_a_stream_asks_for_more() {
        for bytes in [&b"\x08\x01"[..], b"\x12\x05ab", b"\x08"] {
            let blob = Prefix::new(bytes, None);
            let mut wire = Wire::new(&blob);
            let mut root = wire.root();
            let answer = loop {
                match wire.next(&mut root) {
                    Ok(Some(_)) => {}
                    other => break other,
                }
            };
            assert!(matches!(answer, Err(ProbeError::Read(ReadError::NeedMore { .. }))), "{answer:?}");
        }
    }

    #[test]
    fn texts_are_cut_on_a_character() {
        let blob = Memory::new("\x0a\x06aéxxx".as_bytes());
        let mut wire = Wire::new(&blob);
        let mut root = wire.root();
        let Some(Field { value: Value::Bytes(text), .. }) = wire.next(&mut root).unwrap() else { panic!() };
        assert_eq!(wire.text(text, 2).unwrap(), "a");
        assert_eq!(wire.text(text, 99).unwrap(), "aéxxx");
        let mut packed = text;
        assert_eq!(wire.packed_varint(&mut packed).unwrap(), Some(97));
        assert!(wire.next(&mut root).unwrap().is_none());
    }
}
