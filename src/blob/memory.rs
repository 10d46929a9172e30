//! Bytes at hand, bytes inside other bytes, and the beginning of a stream.

use std::sync::Arc;

use super::{Blob, ReadError};

/// Bytes in memory.
pub struct Memory(Arc<[u8]>);

impl Memory {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Memory {
        Memory(bytes.into())
    }
}

impl Blob for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        Ok(copy_at(&self.0, buf, at))
    }
}

/// A part of another blob: a member that lies uncompressed in its container. Costs nothing until it is read.
pub struct Range {
    parent: Arc<dyn Blob>,
    offset: u64,
    size: u64,
}

impl Range {
    /// The `size` bytes from `offset` on; cut to what the parent has.
    pub fn new(parent: Arc<dyn Blob>, offset: u64, size: u64) -> Range {
        let size = size.min(parent.size().saturating_sub(offset));
        Range { parent, offset, size }
    }
}

impl Blob for Range {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        Part::new(self.parent.as_ref(), self.offset, self.size).read_at(buf, at)
    }
}

/// A [`Range`] of a blob that is borrowed.
pub struct Part<'a> {
    whole: &'a dyn Blob,
    offset: u64,
    size: u64,
}

impl<'a> Part<'a> {
    /// The `size` bytes from `offset` on, whether or not there are as many.
    pub fn new(whole: &'a dyn Blob, offset: u64, size: u64) -> Part<'a> {
        Part { whole, offset, size }
    }
}

impl Blob for Part<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let len = buf.len().min(left);
        if len == 0 {
            return Ok(0);
        }
        self.whole.read_at(&mut buf[..len], self.offset.saturating_add(at))
    }
}

/// What was kept of a stream's beginning, and its length if the container declares one.
pub struct Prefix {
    head: Arc<[u8]>,
    size: Option<u64>,
}

impl Prefix {
    /// A stream that begins with `head` and is `size` bytes long, if that is known.
    pub fn new(head: impl Into<Arc<[u8]>>, size: Option<u64>) -> Prefix {
        Prefix { head: head.into(), size }
    }

    /// Whether nothing lies past the head.
    pub fn is_whole(&self) -> bool {
        self.size == Some(self.head.len() as u64)
    }
}

impl Blob for Prefix {
    fn size(&self) -> u64 {
        self.size.unwrap_or(0).max(self.head.len() as u64)
    }

    fn is_open_ended(&self) -> bool {
        self.size.is_none()
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        let got = copy_at(&self.head, buf, at);
        let past_end = self.size.is_some_and(|size| at >= size);
        if got == 0 && !buf.is_empty() && !self.is_whole() && !past_end {
            return Err(ReadError::NeedMore { kept: self.head.len() as u64 });
        }
        Ok(got)
    }
}

fn copy_at(bytes: &[u8], buf: &mut [u8], at: u64) -> usize {
    let from = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let len = from.len().min(buf.len());
    buf[..len].copy_from_slice(&from[..len]);
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_never_leaves_its_bounds() {
        let parent: Arc<dyn Blob> = Arc::new(Memory::new(*b"0123456789"));
        let range = Range::new(Arc::clone(&parent), 3, 4);
        let mut buf = [0; 8];
        assert_eq!(range.read_at(&mut buf, 1).unwrap(), 3);
        assert_eq!(&buf[..3], b"456");
        assert_eq!(range.read_at(&mut buf, 4).unwrap(), 0);
        assert_eq!(range.read_at(&mut buf, u64::MAX).unwrap(), 0);
        assert_eq!(Range::new(parent, 8, u64::MAX).size(), 2);
    }

    #[test]
    fn a_part_ends_where_it_should() {
        let whole = Memory::new(*b"0123456789");
        let part = Part::new(&whole, 2, 3);
        let mut buf = [0; 8];
        assert_eq!(part.read_at(&mut buf, 1).unwrap(), 2);
        assert_eq!(&buf[..2], b"34");
        assert_eq!(part.read_at(&mut buf, 3).unwrap(), 0);
        assert_eq!(part.read_at(&mut buf, u64::MAX).unwrap(), 0);
        assert_eq!(Part::new(&whole, 8, 9).size(), 9, "what is missing shows where it is read");
    }

    #[test]
    fn a_prefix_asks_for_more_only_where_there_may_be_more() {
        let mut buf = [0; 4];
        let unknown = Prefix::new(*b"abc", None);
        assert_eq!(unknown.read_at(&mut buf, 1).unwrap(), 2);
        assert!(matches!(unknown.read_at(&mut buf, 3), Err(ReadError::NeedMore { kept: 3 })));
        let whole = Prefix::new(*b"abc", Some(3));
        assert_eq!(whole.read_at(&mut buf, 3).unwrap(), 0);
        let known = Prefix::new(*b"abc", Some(9));
        assert!(matches!(known.read_at(&mut buf, 5), Err(ReadError::NeedMore { .. })));
        assert_eq!(known.read_at(&mut buf, 9).unwrap(), 0);
    }
}
