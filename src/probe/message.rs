//! Fields of a protocol buffer's message that lies in memory: records of a file, one after the other, too small and too
//! many for a reader by position.

use super::ProbeError;

/// A field's value.
pub(crate) enum Value<'m> {
    Number(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'m [u8]),
}

/// What is left of a message.
pub(crate) struct Message<'m>(pub(crate) &'m [u8]);

impl<'m> Message<'m> {
    /// The next field; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value<'m>)>, ProbeError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| broken())?;
                Value::Bytes(self.take(length)?)
            }
            _ => return Err(broken()),
        };
        if tag >> 3 == 0 { Err(broken()) } else { Ok(Some((tag >> 3, value))) }
    }

    /// The same of a message whose end may be cut off: of its last field, what there is.
    pub(crate) fn next_of_cut(&mut self) -> Option<(u64, Value<'m>)> {
        let before = self.0;
        if let Ok(field) = self.next() {
            return field;
        }
        self.0 = before;
        let tag = self.varint().ok().filter(|tag| tag & 7 == 2)?;
        self.varint().ok()?;
        Some((tag >> 3, Value::Bytes(std::mem::take(&mut self.0))))
    }

    /// The next number of a packed field; nothing at the end.
    pub(crate) fn packed(&mut self) -> Result<Option<u64>, ProbeError> {
        if self.0.is_empty() { Ok(None) } else { self.varint().map(Some) }
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], ProbeError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(broken)?;
        self.0 = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ProbeError> {
        self.take(N)?.first_chunk::<N>().copied().ok_or_else(broken)
    }

    fn varint(&mut self) -> Result<u64, ProbeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or_else(broken)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(broken())
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its messages do not hold".to_owned())
}
