//! Sequential, bounded, endian-aware reading: what every binary parser of the house is written with.
//!
//! A cursor never allocates by a declared length before that length was held against what is left and what is allowed.

use super::{Blob, ReadError, read_full, read_vec};

/// Byte order of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Smallest and largest window: it doubles while reads are sequential, so a small header costs one small read and a
/// long walk few large ones.
const WINDOW: (usize, usize) = (4 << 10, 256 << 10);

/// A position in a blob, with a window of bytes around it.
pub struct Cursor<'a> {
    blob: &'a dyn Blob,
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    next_window: usize,
    endian: Endian,
}

impl<'a> Cursor<'a> {
    /// Starts at `at`, little-endian, and ends where the blob does.
    pub fn new(blob: &'a dyn Blob, at: u64) -> Cursor<'a> {
        Cursor {
            blob,
            at,
            end: u64::MAX,
            window: Vec::new(),
            window_at: 0,
            next_window: WINDOW.0,
            endian: Endian::Little,
        }
    }

    /// The same, ending at `end`.
    #[must_use]
    pub fn ending_at(mut self, end: u64) -> Cursor<'a> {
        self.end = end;
        self
    }

    /// The same, in the given byte order.
    #[must_use]
    pub fn with_endian(mut self, endian: Endian) -> Cursor<'a> {
        self.endian = endian;
        self
    }

    /// Position in the blob.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Bytes between here and the end.
    pub fn remaining(&self) -> u64 {
        self.end.min(self.blob.size()).saturating_sub(self.at)
    }

    /// Goes to an absolute position; it may lie past the end, reading there then fails.
    pub fn seek(&mut self, at: u64) {
        if at != self.at {
            self.next_window = WINDOW.0;
        }
        self.at = at;
    }

    /// Passes over `len` bytes.
    ///
    /// # Errors
    /// [`ReadError::Ended`] where there are fewer.
    pub fn skip(&mut self, len: u64) -> Result<(), ReadError> {
        if len > self.remaining() {
            return Err(self.ended());
        }
        self.at = self.at.saturating_add(len);
        Ok(())
    }

    fn ended(&self) -> ReadError {
        // The beginning of a stream does not know its end: let it ask for more before calling it truncated.
        let mut probe = [0];
        if self.end >= self.blob.size()
            && let Err(error) = self.blob.read_at(&mut probe, self.blob.size())
        {
            return error;
        }
        ReadError::Ended { at: self.end.min(self.blob.size()) }
    }

    /// Fills `buf`.
    ///
    /// # Errors
    /// [`ReadError::Ended`] where there are fewer bytes, and what the blob answers.
    pub fn exact(&mut self, buf: &mut [u8]) -> Result<(), ReadError> {
        if (buf.len() as u64) > self.end.saturating_sub(self.at) {
            return Err(self.ended());
        }
        if buf.len() >= WINDOW.0 {
            let got = read_full(self.blob, buf, self.at)?;
            if got < buf.len() {
                return Err(self.ended());
            }
            self.at = self.at.saturating_add(got as u64);
            return Ok(());
        }
        let mut filled = 0;
        while filled < buf.len() {
            let from = self.windowed()?;
            if from.is_empty() {
                return Err(self.ended());
            }
            let len = from.len().min(buf.len() - filled);
            buf[filled..filled + len].copy_from_slice(&from[..len]);
            filled += len;
            self.at = self.at.saturating_add(len as u64);
        }
        Ok(())
    }

    /// The bytes of the window from here on; refilled when there are none.
    fn windowed(&mut self) -> Result<&[u8], ReadError> {
        let inside = self.at.checked_sub(self.window_at).and_then(|by| usize::try_from(by).ok());
        let hit = inside.filter(|&by| by < self.window.len());
        let start = match hit {
            Some(by) => by,
            None => {
                let want = self.next_window as u64;
                let want = usize::try_from(want.min(self.end.saturating_sub(self.at))).unwrap_or(self.next_window);
                self.window.resize(want, 0);
                // One read, though it may be short: filling the window could ask a stream for more than is wanted.
                let got = self.blob.read_at(&mut self.window, self.at)?;
                self.window.truncate(got);
                self.window_at = self.at;
                self.next_window = (self.next_window * 2).min(WINDOW.1);
                0
            }
        };
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let bytes = &self.window[start..];
        Ok(&bytes[..bytes.len().min(left)])
    }

    /// The next byte.
    ///
    /// # Errors
    /// As [`Cursor::exact`], like all readers below.
    pub fn u8(&mut self) -> Result<u8, ReadError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// As [`Cursor::exact`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let mut buf = [0; N];
        self.exact(&mut buf)?;
        Ok(buf)
    }

    /// The next two bytes as a number.
    ///
    /// # Errors
    /// As [`Cursor::exact`].
    pub fn u16(&mut self) -> Result<u16, ReadError> {
        let bytes = self.array()?;
        Ok(if self.endian == Endian::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// The next four bytes as a number.
    ///
    /// # Errors
    /// As [`Cursor::exact`].
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        let bytes = self.array()?;
        Ok(if self.endian == Endian::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The next eight bytes as a number.
    ///
    /// # Errors
    /// As [`Cursor::exact`].
    pub fn u64(&mut self) -> Result<u64, ReadError> {
        let bytes = self.array()?;
        Ok(if self.endian == Endian::Big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// The next `len` bytes in a new buffer, at most `allowed` of them.
    ///
    /// # Errors
    /// [`ReadError::TooLong`] over `allowed`, else as [`Cursor::exact`]; nothing is allocated in either case.
    pub fn vec(&mut self, len: u64, allowed: u64) -> Result<Vec<u8>, ReadError> {
        if len > self.end.saturating_sub(self.at) && len <= allowed {
            return Err(self.ended());
        }
        if len < WINDOW.0 as u64 && len <= allowed && len <= self.remaining() {
            let mut buf = vec![0; usize::try_from(len).unwrap_or(0)];
            self.exact(&mut buf)?;
            return Ok(buf);
        }
        let buf = read_vec(self.blob, self.at, len, allowed)?;
        self.at = self.at.saturating_add(len);
        Ok(buf)
    }

    /// The bytes up to and without the next `delimiter`, which is passed over; at most `allowed` of them.
    ///
    /// # Errors
    /// [`ReadError::TooLong`] where none comes in time, else as [`Cursor::exact`].
    pub fn until(&mut self, delimiter: u8, allowed: usize) -> Result<Vec<u8>, ReadError> {
        let mut out = Vec::new();
        loop {
            let from = self.windowed()?;
            if from.is_empty() {
                return Err(self.ended());
            }
            let found = from.iter().position(|&b| b == delimiter);
            let taken = found.unwrap_or(from.len());
            if out.len() + taken > allowed {
                return Err(ReadError::TooLong { wanted: (out.len() + taken) as u64, allowed: allowed as u64 });
            }
            out.extend_from_slice(&from[..taken]);
            self.at = self.at.saturating_add(taken as u64 + u64::from(found.is_some()));
            if found.is_some() {
                return Ok(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Memory, Prefix};
    use super::*;

    #[test]
    fn numbers_in_both_orders() {
        let blob = Memory::new(*b"\x01\x02\x03\x04\x05\x06\x07\x08");
        let mut cursor = Cursor::new(&blob, 0);
        assert_eq!(cursor.u16().unwrap(), 0x0201);
        cursor.seek(0);
        let mut big = Cursor::new(&blob, 0).with_endian(Endian::Big);
        assert_eq!(big.u64().unwrap(), 0x0102_0304_0506_0708);
        assert!(matches!(big.u8(), Err(ReadError::Ended { at: 8 })));
    }

    #[test]
    fn a_declared_length_is_held_against_both_bounds_before_it_is_allocated() {
        let blob = Memory::new(vec![0; 100]);
        let mut cursor = Cursor::new(&blob, 0);
        assert!(matches!(cursor.vec(u64::MAX, 1000), Err(ReadError::TooLong { .. })));
        assert!(matches!(cursor.vec(u64::MAX, u64::MAX), Err(ReadError::Ended { .. })));
        assert!(matches!(cursor.vec(101, 1000), Err(ReadError::Ended { at: 100 })));
        assert_eq!(cursor.vec(100, 1000).unwrap().len(), 100);
    }

    #[test]
    fn a_bounded_cursor_stops_at_its_end() {
        let blob = Memory::new(vec![1; 100]);
        let mut cursor = Cursor::new(&blob, 10).ending_at(12);
        assert_eq!(cursor.remaining(), 2);
        assert!(cursor.u32().is_err());
        assert_eq!(cursor.u16().unwrap(), 0x0101);
        assert!(cursor.skip(1).is_err());
    }

    #[test]
    fn the_beginning_of_a_stream_asks_for_more() {
        let blob = Prefix::new(vec![0; 10], None);
        let mut cursor = Cursor::new(&blob, 8);
        assert!(matches!(cursor.u32(), Err(ReadError::NeedMore { .. })));
        assert!(matches!(cursor.vec(100, 1000), Err(ReadError::NeedMore { .. })));
        assert!(matches!(cursor.skip(100), Err(ReadError::NeedMore { .. })));
        assert_eq!(cursor.u16().unwrap(), 0, "what is at hand is given, though the window reaches further");
    }

    #[test]
    fn delimited_text() {
        let blob = Memory::new([vec![b'a'; 5000], vec![b'\n', b'b', b'\n']].concat());
        let mut cursor = Cursor::new(&blob, 0);
        assert_eq!(cursor.until(b'\n', 6000).unwrap().len(), 5000);
        assert_eq!(cursor.until(b'\n', 6000).unwrap(), b"b");
        assert!(cursor.until(b'\n', 6000).is_err());
        assert!(matches!(Cursor::new(&blob, 0).until(b'\n', 100), Err(ReadError::TooLong { .. })));
    }
}
