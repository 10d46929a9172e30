//! Counts what is read, and watches the clock for one entry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::ReadError;

/// What everything under one file may cost, asked by whoever works without reading: bytes that say what is to be
/// repeated a billion times need no further read.
pub trait Purse {
    /// Asks to go on, after `inflated` more bytes came out of a decompressor.
    ///
    /// # Errors
    /// [`ReadError::OutOfTime`] or [`ReadError::OverBudget`].
    fn take(&self, inflated: u64) -> Result<(), ReadError>;

    /// Asks whether `given` bytes may have come out of `packed`.
    ///
    /// # Errors
    /// [`ReadError::OverBudget`].
    fn allows(&self, packed: u64, given: u64) -> Result<(), ReadError>;
}

/// Reads and bytes of everything opened under one root entry, and the time it may take.
#[derive(Debug, Default)]
pub struct Meter {
    reads: AtomicU64,
    bytes: AtomicU64,
    deadline: Option<Instant>,
}

impl Meter {
    /// A meter whose reads fail after `deadline`.
    pub fn until(deadline: Instant) -> Meter {
        Meter { deadline: Some(deadline), ..Meter::default() }
    }

    /// Counts one read of `bytes` bytes.
    pub(super) fn count(&self, bytes: usize) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// # Errors
    /// [`ReadError::OutOfTime`] after the deadline.
    pub fn check_time(&self) -> Result<(), ReadError> {
        match self.deadline {
            Some(deadline) if Instant::now() > deadline => Err(ReadError::OutOfTime),
            _ => Ok(()),
        }
    }

    /// How often storage was asked.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// How many bytes it gave.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
