//! Bytes that watch how they are read.

use std::sync::atomic::{AtomicU64, Ordering};

use blastmap::blob::{Blob, ReadError};

/// Bytes of a file, counting reads, and the largest buffer anybody brought: a parser that allocates by a length it has
/// not checked brings one larger than the file.
pub struct Checked<'a> {
    bytes: &'a [u8],
    reads: AtomicU64,
    read: AtomicU64,
    largest: AtomicU64,
}

impl<'a> Checked<'a> {
    pub fn new(bytes: &'a [u8]) -> Checked<'a> {
        Checked { bytes, reads: AtomicU64::new(0), read: AtomicU64::new(0), largest: AtomicU64::new(0) }
    }

    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Bytes given out.
    pub fn bytes(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }
}

impl Blob for Checked<'_> {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        let from = usize::try_from(at).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let len = from.len().min(buf.len());
        buf[..len].copy_from_slice(&from[..len]);
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read.fetch_add(len as u64, Ordering::Relaxed);
        self.largest.fetch_max(buf.len() as u64, Ordering::Relaxed);
        Ok(len)
    }
}
