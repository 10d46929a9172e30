//! Bytes that come once and in order, for [`Run::Through`](super::Run::Through): numbers, records and lines of a stream
//! of any length in one buffer.
//!
//! Nothing is allocated by a declared length: [`Stream::vec`] grows as bytes arrive.

use std::io::{ErrorKind, Read};

use crate::blob::{Endian, ReadError};

const CHUNK: usize = 64 << 10;

/// A stream, and the piece of it that is at hand.
pub(crate) struct Stream<'r> {
    source: &'r mut dyn Read,
    chunk: Vec<u8>,
    next: usize,
    /// Bytes handed out.
    at: u64,
    endian: Endian,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is whole, without its end.
    Whole,
    /// It is longer than is kept: its beginning; the rest was passed over.
    Long,
    /// There is none any more.
    End,
}

impl<'r> Stream<'r> {
    /// From its first byte on, little-endian.
    pub(crate) fn new(source: &'r mut dyn Read) -> Stream<'r> {
        Stream { source, chunk: Vec::new(), next: 0, at: 0, endian: Endian::Little }
    }

    /// Reads numbers in this order from here on.
    pub(crate) fn set_endian(&mut self, endian: Endian) {
        self.endian = endian;
    }

    /// The order in which numbers are read.
    pub(crate) fn endian(&self) -> Endian {
        self.endian
    }

    /// Bytes so far.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// What is at hand, without taking it: nothing at the end alone.
    ///
    /// # Errors
    /// What the source answers, like everything below.
    pub(crate) fn peek(&mut self) -> Result<&[u8], ReadError> {
        if self.next >= self.chunk.len() {
            self.refill()?;
        }
        Ok(self.chunk.get(self.next..).unwrap_or_default())
    }

    fn refill(&mut self) -> Result<(), ReadError> {
        self.chunk.resize(CHUNK, 0);
        self.next = 0;
        loop {
            match self.source.read(&mut self.chunk) {
                Ok(got) => {
                    self.chunk.truncate(got);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.chunk.clear();
                    return Err(ReadError::from_io(error));
                }
            }
        }
    }

    fn take(&mut self, len: usize) {
        self.next = self.next.saturating_add(len);
        self.at = self.at.saturating_add(len as u64);
    }

    /// Whether there is nothing more.
    pub(crate) fn is_over(&mut self) -> Result<bool, ReadError> {
        Ok(self.peek()?.is_empty())
    }

    /// Fills as much of `buf` as there is.
    pub(crate) fn fill(&mut self, buf: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0usize;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let here = self.peek()?;
            let len = here.len().min(rest.len());
            let (Some(to), Some(from)) = (rest.get_mut(..len), here.get(..len)) else { break };
            if len == 0 {
                break;
            }
            to.copy_from_slice(from);
            self.take(len);
            filled = filled.saturating_add(len);
        }
        Ok(filled)
    }

    /// Fills `buf`.
    ///
    /// # Errors
    /// [`ReadError::Ended`] where there is less, like everything below.
    pub(crate) fn exact(&mut self, buf: &mut [u8]) -> Result<(), ReadError> {
        if self.fill(buf)? < buf.len() { Err(ReadError::Ended { at: self.at }) } else { Ok(()) }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut buf = [0; N];
        self.exact(&mut buf)?;
        Ok(buf)
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Result<u8, ReadError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// The next two bytes as a number.
    pub(crate) fn u16(&mut self) -> Result<u16, ReadError> {
        let bytes = self.array()?;
        Ok(if self.endian == Endian::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// The next four bytes as a number.
    pub(crate) fn u32(&mut self) -> Result<u32, ReadError> {
        let bytes = self.array()?;
        Ok(if self.endian == Endian::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The next four bytes as a signed number.
    pub(crate) fn i32(&mut self) -> Result<i32, ReadError> {
        Ok(self.u32()?.cast_signed())
    }

    /// The next eight bytes as a number.
    pub(crate) fn u64(&mut self) -> Result<u64, ReadError> {
        let bytes = self.array()?;
        Ok(if self.endian == Endian::Big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// The next `len` bytes in a new buffer, at most `allowed` of them.
    ///
    /// # Errors
    /// [`ReadError::TooLong`] over `allowed`.
    pub(crate) fn vec(&mut self, len: u64, allowed: usize) -> Result<Vec<u8>, ReadError> {
        let too_long = ReadError::TooLong { wanted: len, allowed: allowed as u64 };
        let Some(len) = usize::try_from(len).ok().filter(|&len| len <= allowed) else { return Err(too_long) };
        let mut out = Vec::new();
        while out.len() < len {
            let left = len.saturating_sub(out.len());
            let here = self.peek()?;
            let part = here.get(..left.min(here.len())).unwrap_or_default();
            if part.is_empty() {
                return Err(ReadError::Ended { at: self.at });
            }
            let taken = part.len();
            out.extend_from_slice(part);
            self.take(taken);
        }
        Ok(out)
    }

    /// Passes over `len` bytes.
    pub(crate) fn skip(&mut self, len: u64) -> Result<(), ReadError> {
        let mut left = len;
        while left > 0 {
            let here = self.peek()?.len();
            if here == 0 {
                return Err(ReadError::Ended { at: self.at });
            }
            let taken = usize::try_from(left).unwrap_or(here).min(here);
            self.take(taken);
            left = left.saturating_sub(taken as u64);
        }
        Ok(())
    }

    /// Passes over everything up to `position`, which must not lie behind.
    pub(crate) fn skip_to(&mut self, position: u64) -> Result<(), ReadError> {
        self.skip(position.saturating_sub(self.at))
    }

    /// The next line in `line`, at most `allowed` bytes of it; a line end is LF or CR LF.
    pub(crate) fn line(&mut self, line: &mut Vec<u8>, allowed: usize) -> Result<Line, ReadError> {
        line.clear();
        if self.is_over()? {
            return Ok(Line::End);
        }
        let mut told = Line::Whole;
        loop {
            let here = self.peek()?;
            if here.is_empty() {
                break;
            }
            let found = here.iter().position(|&byte| byte == b'\n');
            let part = here.get(..found.unwrap_or(here.len())).unwrap_or_default();
            let room = allowed.saturating_sub(line.len());
            if part.len() > room {
                told = Line::Long;
            }
            line.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
            let taken = part.len().saturating_add(usize::from(found.is_some()));
            self.take(taken);
            if found.is_some() {
                break;
            }
        }
        if told == Line::Whole && line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(told)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let here = self.peek().map_err(std::io::Error::from)?;
        let len = here.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), here.get(..len)) {
            to.copy_from_slice(from);
        }
        self.take(len);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time: no reader may rely on how much comes at once.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let (Some((&first, rest)), Some(to)) = (self.0.split_first(), buf.first_mut()) else { return Ok(0) };
            *to = first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn numbers_lines_and_ends() {
        let mut slow = Slow(b"\x01\x02\x00\x00\x00\x03one\r\ntwo is long\n\nlast");
        let mut stream = Stream::new(&mut slow);
        assert_eq!(stream.u16().unwrap(), 0x0201);
        stream.set_endian(Endian::Big);
        assert_eq!((stream.u32().unwrap(), stream.position()), (3, 6));
        let mut line = Vec::new();
        let mut lines = Vec::new();
        loop {
            let told = stream.line(&mut line, 5).unwrap();
            lines.push((String::from_utf8(line.clone()).unwrap(), told));
            if told == Line::End {
                break;
            }
        }
        let want =
            [("one", Line::Whole), ("two i", Line::Long), ("", Line::Whole), ("last", Line::Whole), ("", Line::End)];
        assert_eq!(lines, want.map(|(text, told)| (text.to_owned(), told)));
        assert!(matches!(stream.u8(), Err(ReadError::Ended { at: 28 })));
    }

    #[test]
    fn a_declared_length_is_never_allocated() {
        let mut bytes: &[u8] = &[0; 100];
        let mut stream = Stream::new(&mut bytes);
        assert!(matches!(stream.vec(u64::MAX, usize::MAX >> 1), Err(ReadError::TooLong { .. })));
        assert!(matches!(stream.vec(1 << 40, 1 << 41), Err(ReadError::Ended { at: 100 })));
        let mut bytes: &[u8] = &[0; 100];
        let mut stream = Stream::new(&mut bytes);
        assert!(stream.skip(100).is_ok() && matches!(stream.skip(u64::MAX), Err(ReadError::Ended { .. })));
    }
}
