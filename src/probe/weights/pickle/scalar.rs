//! The opcodes that carry numbers, texts and bytes.

use super::machine::Machine;
use super::{FALSE, Id, MAX_LINE, MAX_TEXT, Node, OPAQUE, PickleError, SMALL_INTS, TRUE};

impl Machine<'_, '_> {
    pub(super) fn integer(&mut self, opcode: u8) -> Result<(), PickleError> {
        let value = match opcode {
            b'K' => Some(i64::from(self.cursor.u8()?)),
            b'M' => Some(i64::from(self.cursor.u16()?)),
            b'J' => Some(i64::from(i32::from_le_bytes(self.cursor.array()?))),
            b'I' | b'L' => {
                let line = self.line()?;
                match line.as_str() {
                    "00" if opcode == b'I' => return self.push(FALSE),
                    "01" if opcode == b'I' => return self.push(TRUE),
                    digits => digits.trim_end_matches('L').parse().ok(),
                }
            }
            _ => {
                let len = if opcode == 0x8a { u64::from(self.cursor.u8()?) } else { u64::from(self.cursor.u32()?) };
                self.long(len)?
            }
        };
        match value {
            None => self.push(OPAQUE),
            Some(value) => match u8::try_from(value) {
                Ok(small) => self.push(Id(SMALL_INTS.saturating_add(u32::from(small)))),
                Err(_) => self.push_new(Node::Int(value)),
            },
        }
    }

    /// A little-endian two's complement integer of `len` bytes, if it fits.
    fn long(&mut self, len: u64) -> Result<Option<i64>, PickleError> {
        if len > 8 {
            self.pass_over(len)?;
            return Ok(None);
        }
        let bytes = self.cursor.vec(len, 8)?;
        let negative = bytes.last().is_some_and(|&byte| byte & 0x80 != 0);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        for (to, from) in wide.iter_mut().zip(bytes) {
            *to = from;
        }
        Ok(Some(i64::from_le_bytes(wide)))
    }

    pub(super) fn float(&mut self, opcode: u8) -> Result<(), PickleError> {
        let value =
            if opcode == b'G' { Some(f64::from_be_bytes(self.cursor.array()?)) } else { self.line()?.parse().ok() };
        match value {
            Some(value) => self.push_new(Node::Float(value)),
            None => Err(PickleError::Malformed("a float is none")),
        }
    }

    pub(super) fn string(&mut self, opcode: u8) -> Result<(), PickleError> {
        let text = match opcode {
            b'V' => self.line()?,
            b'S' => self.line()?.trim_matches(['\'', '"']).to_owned(),
            // Python 2's byte strings: most are text, and numpy scalars need them byte for byte.
            b'T' | b'U' => {
                let len = if opcode == b'U' { u64::from(self.cursor.u8()?) } else { u64::from(self.cursor.u32()?) };
                self.kept(len)?.into_iter().map(char::from).collect()
            }
            _ => {
                let len = match opcode {
                    0x8c => u64::from(self.cursor.u8()?),
                    b'X' => u64::from(self.cursor.u32()?),
                    _ => self.cursor.u64()?,
                };
                String::from_utf8_lossy(&self.kept(len)?).into_owned()
            }
        };
        self.push_new(Node::Str(cut(text).into_boxed_str()))
    }

    pub(super) fn bytes(&mut self, opcode: u8) -> Result<(), PickleError> {
        let len = match opcode {
            b'C' => u64::from(self.cursor.u8()?),
            b'B' => u64::from(self.cursor.u32()?),
            _ => self.cursor.u64()?,
        };
        let mut head = [0; 8];
        let kept = self.cursor.vec(len.min(8), 8)?;
        self.pass_over(len.saturating_sub(8))?;
        for (to, from) in head.iter_mut().zip(kept) {
            *to = from;
        }
        self.push_new(Node::Bytes { len, head })
    }

    /// The first bytes of a text of that length; the rest is passed over.
    fn kept(&mut self, len: u64) -> Result<Vec<u8>, PickleError> {
        let kept = self.cursor.vec(len.min(MAX_TEXT), MAX_TEXT)?;
        self.pass_over(len.saturating_sub(MAX_TEXT))?;
        Ok(kept)
    }

    pub(super) fn pass_over(&mut self, len: u64) -> Result<(), PickleError> {
        self.cursor.skip(len)?;
        self.passed_over = self.passed_over.saturating_add(len);
        Ok(())
    }

    pub(super) fn line(&mut self) -> Result<String, PickleError> {
        let mut line = self.cursor.until(b'\n', MAX_LINE)?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(cut(String::from_utf8_lossy(&line).into_owned()))
    }
}

/// The text, cut to what is kept of one.
fn cut(mut text: String) -> String {
    let max = usize::try_from(MAX_TEXT).unwrap_or(usize::MAX);
    if text.len() > max {
        let end = (0..=max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
