//! A skimmer of Thrift's compact protocol: fields of a struct one after the other, whatever is not wanted passed over.
//!
//! Follows the protocol's document (thrift-compact-protocol.md of Apache Thrift). It is there to hold the declared
//! lengths and depths of a footer or a page header against bounds before a library parses the same bytes.

use super::super::super::ProbeError;
use crate::blob::{Blob, Cursor};

/// Deepest nesting of structs passed over.
const MAX_DEPTH: u32 = 32;

/// Reads structs of one blob.
pub(super) struct Compact<'b> {
    pub(super) cursor: Cursor<'b>,
}

/// The type of a field's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    pub(super) const STRUCT: Kind = Kind(12);
    pub(super) const LIST: Kind = Kind(9);

    /// Whether it is a whole number of any width.
    pub(super) fn is_number(self) -> bool {
        (3..=6).contains(&self.0)
    }

    /// Whether it is a text or bytes.
    pub(super) fn is_bytes(self) -> bool {
        self.0 == 8
    }
}

impl<'b> Compact<'b> {
    /// A reader of the bytes from `at` to `end`.
    pub(super) fn new(blob: &'b dyn Blob, at: u64, end: u64) -> Compact<'b> {
        Compact { cursor: Cursor::new(blob, at).ending_at(end) }
    }

    /// The next field of a struct, whose last field was `last`; `None` at its end.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<Kind>, ProbeError> {
        let head = self.cursor.u8()?;
        if head == 0 {
            return Ok(None);
        }
        let by = i16::from(head >> 4);
        *last = match by {
            0 => i16::try_from(self.number()?).map_err(|_| broken())?,
            by => last.checked_add(by).ok_or_else(broken)?,
        };
        Ok(Some(Kind(head & 15)))
    }

    /// A whole number.
    pub(super) fn number(&mut self) -> Result<i64, ProbeError> {
        let raw = self.varint()?;
        Ok((raw >> 1).cast_signed() ^ (raw & 1).cast_signed().wrapping_neg())
    }

    fn varint(&mut self) -> Result<u64, ProbeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.cursor.u8()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(broken())
    }

    /// The beginning of a list: its elements' type and number, which fits the bytes that are left.
    pub(super) fn list(&mut self) -> Result<(Kind, u64), ProbeError> {
        let head = self.cursor.u8()?;
        let len = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        if len > self.cursor.remaining() {
            return Err(broken());
        }
        Ok((Kind(head & 15), len))
    }

    /// A text or bytes, at most `allowed` of them.
    pub(super) fn bytes(&mut self, allowed: u64) -> Result<Vec<u8>, ProbeError> {
        let len = self.varint()?;
        Ok(self.cursor.vec(len, allowed)?)
    }

    /// Passes over a field's value.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<(), ProbeError> {
        self.skip_at(kind, 0, false)
    }

    fn skip_at(&mut self, kind: Kind, depth: u32, in_list: bool) -> Result<(), ProbeError> {
        if depth > MAX_DEPTH {
            return Err(broken());
        }
        let deeper = depth.saturating_add(1);
        match kind.0 {
            // A truth value is its field's type, and a byte where it is an element.
            1 | 2 if !in_list => {}
            1..=3 => drop(self.cursor.u8()?),
            4..=6 => drop(self.varint()?),
            7 => self.cursor.skip(8)?,
            8 => {
                let len = self.varint()?;
                self.cursor.skip(len)?;
            }
            9 | 10 => {
                let (element, len) = self.list()?;
                for _ in 0..len {
                    self.skip_at(element, deeper, true)?;
                }
            }
            11 => {
                let len = self.varint()?;
                if len > 0 {
                    let kinds = self.cursor.u8()?;
                    for _ in 0..len {
                        self.skip_at(Kind(kinds >> 4), deeper, true)?;
                        self.skip_at(Kind(kinds & 15), deeper, true)?;
                    }
                }
            }
            12 => {
                let mut last = 0;
                while let Some(kind) = self.field(&mut last)? {
                    self.skip_at(kind, deeper, false)?;
                }
            }
            _ => return Err(broken()),
        }
        Ok(())
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its Thrift structures do not hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn fields_are_read_and_passed_over() {
        // 1: i32 = -2, 2: list<i32> [1, 2], 3: struct {1: true}, 20: binary "ab", stop
        let bytes = [0x15, 3, 0x19, 0x25, 2, 4, 0x1c, 0x11, 0, 0x08, 40, 2, b'a', b'b', 0];
        let blob = Memory::new(bytes);
        let mut thrift = Compact::new(&blob, 0, 99);
        let mut last = 0;
        assert!(thrift.field(&mut last).unwrap().unwrap().is_number());
        assert_eq!((last, thrift.number().unwrap()), (1, -2));
        for field in [2, 3] {
            let kind = thrift.field(&mut last).unwrap().unwrap();
            thrift.skip(kind).unwrap();
            assert_eq!(last, field);
        }
        assert!(thrift.field(&mut last).unwrap().unwrap().is_bytes());
        assert_eq!((last, thrift.bytes(9).unwrap()), (20, b"ab".to_vec()));
        assert!(thrift.field(&mut last).unwrap().is_none());
    }

    #[test]
    fn lengths_and_depths_are_bounded() {
        let skip = |bytes: &[u8]| {
            let blob = Memory::new(bytes);
            let mut thrift = Compact::new(&blob, 0, 1 << 20);
            let kind = thrift.field(&mut 0)?.ok_or(ProbeError::NotMine)?;
            thrift.skip(kind)
        };
        assert!(skip(&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x7f]).is_err());
        assert!(skip(&[0x1c; 100_000]).is_err());
        assert!(skip(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f]).is_err());
        assert!(skip(&[0x1b, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x33]).is_err());
    }
}
