//! What a running scan has done so far: counters that anyone may read while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::model::Family;

/// Counters of a running scan.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    directories: AtomicU64,
    opened: AtomicU64,
    bytes_read: AtomicU64,
    gaps: AtomicU64,
    found: [AtomicU64; Family::ALL.len()],
    finished: AtomicBool,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Files met.
    pub files: u64,
    /// Directories met.
    pub directories: u64,
    /// Files opened and done with.
    pub opened: u64,
    /// Bytes read from storage.
    pub bytes_read: u64,
    /// Gaps.
    pub gaps: u64,
    /// Recognised entries by family, in the order of [`Family::ALL`].
    pub found: [u64; Family::ALL.len()],
    /// Whether the walk has ended.
    pub finished: bool,
}

impl Progress {
    /// The counters now.
    pub fn snapshot(&self) -> Snapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            files: get(&self.files),
            directories: get(&self.directories),
            opened: get(&self.opened),
            bytes_read: get(&self.bytes_read),
            gaps: get(&self.gaps),
            found: std::array::from_fn(|index| get(&self.found[index])),
            finished: self.finished.load(Ordering::Relaxed),
        }
    }

    pub(super) fn file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn directory(&self) {
        self.directories.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn found(&self, family: Family) {
        let index = Family::ALL.iter().position(|&other| other == family);
        if let Some(counter) = index.and_then(|index| self.found.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }
}
