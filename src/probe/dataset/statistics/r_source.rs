//! Numbers and strings of R's serialization, in XDR (big-endian) and in ASCII, from a stream.

use super::super::super::ProbeError;
use super::super::super::stream::Stream;
use crate::blob::{Endian, ReadError};

/// Longest number in ASCII.
const MAX_WORD: usize = 64;

/// A stream of serialized objects.
pub(super) struct Source<'s, 'r> {
    stream: &'s mut Stream<'r>,
    ascii: bool,
}

impl<'s, 'r> Source<'s, 'r> {
    /// Reads the two bytes that say how what follows is written.
    pub(super) fn new(stream: &'s mut Stream<'r>) -> Result<Source<'s, 'r>, ProbeError> {
        stream.set_endian(Endian::Big);
        let ascii = match stream.array::<2>()? {
            [b'X', b'\n'] => false,
            [b'A', b'\n'] => true,
            [b'B', b'\n'] => return Err(ProbeError::Unsupported("is written in the order of one machine".to_owned())),
            _ => return Err(ProbeError::NotMine),
        };
        Ok(Source { stream, ascii })
    }

    /// A word between white space.
    fn word(&mut self) -> Result<String, ProbeError> {
        let mut word = String::new();
        loop {
            let byte = self.stream.u8()?;
            match (byte.is_ascii_whitespace(), word.is_empty()) {
                (true, true) => {}
                (true, false) => return Ok(word),
                (false, _) if word.len() >= MAX_WORD => return Err(not_a_number()),
                (false, _) => word.push(char::from(byte)),
            }
        }
    }

    pub(super) fn int(&mut self) -> Result<i32, ProbeError> {
        if !self.ascii {
            return Ok(self.stream.i32()?);
        }
        match self.word()?.as_str() {
            "NA" => Ok(i32::MIN),
            word => word.parse().map_err(|_| not_a_number()),
        }
    }

    pub(super) fn real(&mut self) -> Result<f64, ProbeError> {
        if !self.ascii {
            return Ok(f64::from_bits(self.stream.u64()?));
        }
        match self.word()?.as_str() {
            "NA" => Ok(f64::NAN),
            word => word.parse().map_err(|_| not_a_number()),
        }
    }

    /// The length of a vector; long ones give two halves.
    pub(super) fn length(&mut self) -> Result<u64, ProbeError> {
        let negative = || ProbeError::Malformed("an object has a negative length".to_owned());
        match self.int()? {
            -1 => {
                let high = u64::try_from(self.int()?).map_err(|_| negative())?;
                let low = u64::from(self.int()?.cast_unsigned());
                Ok(high << 32 | low)
            }
            length => u64::try_from(length).map_err(|_| negative()),
        }
    }

    /// The first `kept` of the `len` bytes of a string; the rest is passed over.
    pub(super) fn string(&mut self, len: u64, kept: usize) -> Result<Vec<u8>, ProbeError> {
        let keep = usize::try_from(len).unwrap_or(kept).min(kept);
        if !self.ascii {
            let bytes = self.stream.vec(keep as u64, kept)?;
            self.stream.skip(len.saturating_sub(keep as u64))?;
            return Ok(bytes);
        }
        let mut bytes = Vec::new();
        // The white space behind its length was passed over with it, up to one character.
        while len > 0 && self.stream.peek()?.first().is_some_and(u8::is_ascii_whitespace) {
            self.stream.u8()?;
        }
        for _ in 0..len {
            let byte = self.escaped()?;
            if bytes.len() < keep {
                bytes.push(byte);
            }
        }
        Ok(bytes)
    }

    /// A byte as ASCII strings escape it.
    fn escaped(&mut self) -> Result<u8, ProbeError> {
        let byte = self.stream.u8()?;
        if byte != b'\\' {
            return Ok(byte);
        }
        let byte = self.stream.u8()?;
        let digit = |byte: u8| (b'0'..=b'7').contains(&byte).then_some(byte & 7);
        let Some(first) = digit(byte) else {
            return Ok(match byte {
                b'n' => b'\n',
                b't' => b'\t',
                b'v' => 0x0b,
                b'b' => 0x08,
                b'r' => b'\r',
                b'f' => 0x0c,
                b'a' => 0x07,
                other => other,
            });
        };
        let mut value = first;
        for _ in 0..2 {
            let Some(next) = self.stream.peek()?.first().copied().and_then(digit) else { break };
            self.stream.u8()?;
            value = value << 3 | next;
        }
        Ok(value)
    }

    /// Passes over `count` elements: whole numbers, numbers or bytes of so many bytes each.
    pub(super) fn skip(&mut self, count: u64, each: u64) -> Result<(), ProbeError> {
        if !self.ascii {
            let too_long = || ReadError::TooLong { wanted: u64::MAX, allowed: u64::MAX >> 1 };
            return Ok(self.stream.skip(count.checked_mul(each).ok_or_else(too_long)?)?);
        }
        for _ in 0..count {
            self.word()?;
        }
        Ok(())
    }
}

fn not_a_number() -> ProbeError {
    ProbeError::Malformed("a number is not written as numbers are".to_owned())
}
