//! Lazily readable bytes: positioned reads on `&self`, so that parsers share them without a cursor between them.
//!
//! Never here: a whole-file read, a memory map (a file truncated under us would be a crash), a format. What is not at
//! hand is an answer ([`ReadError::NeedMore`]), and the engine decides what that is worth.
//!
//! Where to go next: [`Cursor`] for sequential bounded parsing, [`File`] for bytes on storage, [`Spool`] for bytes that
//! came out of a decompressor.

mod cursor;
mod file;
mod memory;
mod meter;
mod spool;

use std::io;

use crate::model::Cause;

pub use cursor::{Cursor, Endian};
pub use file::File;
pub use memory::{Memory, Part, Prefix, Range};
pub use meter::{Meter, Purse};
pub use spool::Spool;

/// Bytes with a length, readable at any position.
pub trait Blob: Send + Sync {
    /// Length in bytes. For a stream of unknown length, the bytes known to be there so far.
    fn size(&self) -> u64;

    /// Whether the true length is not known: the beginning of a stream that goes on past [`Blob::size`].
    fn is_open_ended(&self) -> bool {
        false
    }

    /// Reads up to `buf.len()` bytes at `at`; fewer only at the end, none at or past it.
    ///
    /// # Errors
    /// [`ReadError`], where the bytes cannot be had.
    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError>;
}

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is shorter than it was when it was opened.
    #[error("the file shrank while it was read")]
    Shrank,
    /// A structure says there is more than there is: `at` is where the bytes end.
    #[error("ends at byte {at}, in the middle of a structure")]
    Ended {
        /// Position of the end.
        at: u64,
    },
    /// The same, in a stream that is decoded: the decoder knows no position.
    #[error("ends in the middle of a compressed stream")]
    Cut,
    /// The bytes lie further in a stream than what was kept of it; spooling it would have them.
    #[error("lies past the first {kept} bytes of a compressed stream")]
    NeedMore {
        /// Bytes at hand.
        kept: u64,
    },
    /// A declared length is over what the parser is willing to hold.
    #[error("declares {wanted} bytes where at most {allowed} are read")]
    TooLong {
        /// What the structure declares.
        wanted: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// A limit of the scan stopped the read; the text names it and its flag.
    #[error("{0}")]
    OverBudget(String),
    /// The time an entry may take is over.
    #[error("took longer than --max-seconds allows one entry")]
    OutOfTime,
}

/// Reads exactly `len` bytes at `at` into a new buffer.
///
/// # Errors
/// [`ReadError::TooLong`] over `allowed` (asked before anything is allocated), [`ReadError::Ended`] where the blob is
/// shorter, and what the blob itself answers.
pub fn read_vec(blob: &dyn Blob, at: u64, len: u64, allowed: u64) -> Result<Vec<u8>, ReadError> {
    if len > allowed {
        return Err(ReadError::TooLong { wanted: len, allowed });
    }
    // Before the allocation: a length that the blob cannot hold is never allocated, whatever is allowed.
    if at.checked_add(len).is_none_or(|end| end > blob.size()) {
        // A prefix of a stream may not know its true length: let it say so itself.
        let mut probe = [0];
        if blob.read_at(&mut probe, blob.size())? == 0 {
            return Err(ReadError::Ended { at: blob.size() });
        }
    }
    let mut buf = vec![0; usize::try_from(len).map_err(|_| ReadError::TooLong { wanted: len, allowed })?];
    let got = read_full(blob, &mut buf, at)?;
    if got < buf.len() {
        return Err(ReadError::Ended { at: at.saturating_add(got as u64) });
    }
    Ok(buf)
}

/// Fills `buf` from `at` on, as far as there are bytes; returns how many.
///
/// # Errors
/// What the blob answers.
pub fn read_full(blob: &dyn Blob, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
    let mut filled = 0;
    while filled < buf.len() {
        match blob.read_at(&mut buf[filled..], at.saturating_add(filled as u64))? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// A sequential reader over part of a blob, for decoders that want one.
pub struct Reader<'a> {
    blob: &'a dyn Blob,
    at: u64,
    end: u64,
}

impl<'a> Reader<'a> {
    /// Reads `len` bytes from `at`, or to the end of the blob if that is nearer.
    pub fn new(blob: &'a dyn Blob, at: u64, len: u64) -> Reader<'a> {
        Reader { blob, at, end: at.saturating_add(len).min(blob.size()) }
    }

    /// Position of the next byte in the blob.
    pub fn position(&self) -> u64 {
        self.at
    }
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let len = buf.len().min(left);
        let got = self.blob.read_at(&mut buf[..len], self.at).map_err(io::Error::from)?;
        self.at += got as u64;
        Ok(got)
    }
}

impl io::Seek for Reader<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let at = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(by) => self.end.checked_add_signed(by),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        match error {
            ReadError::Io(error) => error,
            other => io::Error::other(other),
        }
    }
}

impl ReadError {
    /// The contract's word for it.
    pub fn cause(&self) -> Cause {
        match self {
            ReadError::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => Cause::Denied,
            ReadError::Io(_) => Cause::Malformed,
            ReadError::Shrank | ReadError::Ended { .. } | ReadError::Cut => Cause::Truncated,
            ReadError::NeedMore { .. }
            | ReadError::TooLong { .. }
            | ReadError::OverBudget(_)
            | ReadError::OutOfTime => Cause::OverBudget,
        }
    }

    /// Recovers the error that travelled through a decoder as an [`io::Error`].
    pub fn from_io(error: io::Error) -> ReadError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return ReadError::Cut;
        }
        match error.downcast::<ReadError>() {
            Ok(inner) => inner,
            Err(error) => ReadError::Io(error),
        }
    }
}
