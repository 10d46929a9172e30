//! What everything under one file of a source may cost. Every limit is asked before the read it bounds.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Limits;
use crate::blob::{Purse, ReadError};

/// The purse of one file of a source, and of all that is nested in it.
pub(super) struct Budget<'a> {
    limits: &'a Limits,
    /// Becomes true when the scan is to end.
    stop: &'a AtomicBool,
    deadline: Instant,
    /// Bytes of the file itself.
    size: u64,
    members: Cell<u64>,
    inflated: Cell<u64>,
    spooled: Cell<u64>,
    /// Set once a limit of the whole is reached: then nothing more under this file is read.
    exhausted: Cell<bool>,
}

impl<'a> Budget<'a> {
    pub(super) fn new(limits: &'a Limits, size: u64, stop: &'a AtomicBool) -> Budget<'a> {
        Budget {
            limits,
            stop,
            size,
            deadline: Budget::deadline_of(limits),
            members: Cell::new(0),
            inflated: Cell::new(0),
            spooled: Cell::new(0),
            exhausted: Cell::new(false),
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// When a file's time is over that is opened now.
    pub(super) fn deadline_of(limits: &Limits) -> Instant {
        Instant::now() + Duration::from_secs(limits.seconds)
    }

    pub(super) fn inflated(&self) -> u64 {
        self.inflated.get()
    }

    pub(super) fn members(&self) -> u64 {
        self.members.get()
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted.get()
    }

    /// Asks to open a container at `depth` containers deep.
    pub(super) fn descend(&self, depth: usize) -> Result<(), String> {
        if depth >= self.limits.depth {
            return Err(format!("nested deeper than {} containers (--max-depth)", self.limits.depth));
        }
        Ok(())
    }

    /// Asks to look at one more member.
    pub(super) fn take_member(&self) -> Result<(), String> {
        if self.members.get() >= self.limits.members {
            self.exhausted.set(true);
            return Err(format!("more than {} members (--max-members)", self.limits.members));
        }
        self.members.set(self.members.get() + 1);
        Ok(())
    }

    /// Asks for room for `bytes` more in temporary files.
    pub(super) fn take_spool(&self, bytes: u64) -> Result<(), String> {
        let wanted = self.spooled.get().saturating_add(bytes);
        if wanted > self.limits.spool {
            return Err(format!("needs more than {} bytes of temporary space (--max-spool)", self.limits.spool));
        }
        self.spooled.set(wanted);
        Ok(())
    }

    /// Gives temporary room back.
    pub(super) fn return_spool(&self, bytes: u64) {
        self.spooled.set(self.spooled.get().saturating_sub(bytes));
    }

    /// Whether something that declares to grow from `packed` to `size` bytes may be inflated at all.
    pub(super) fn allows_ratio(&self, packed: u64, size: u64) -> Result<(), String> {
        let bound = packed.saturating_mul(self.limits.ratio).max(Limits::RATIO_SLACK);
        if size > bound {
            return Err(format!("inflates more than {} to 1 (--max-ratio)", self.limits.ratio));
        }
        Ok(())
    }

    fn take_inflated(&self, bytes: u64) -> Result<(), ReadError> {
        if self.stop.load(Ordering::Relaxed) {
            self.exhausted.set(true);
            return Err(ReadError::OverBudget("the scan was interrupted".to_owned()));
        }
        if Instant::now() > self.deadline {
            self.exhausted.set(true);
            return Err(ReadError::OutOfTime);
        }
        let wanted = self.inflated.get().saturating_add(bytes);
        if wanted > self.limits.inflated {
            self.exhausted.set(true);
            let limit = self.limits.inflated;
            return Err(ReadError::OverBudget(format!("inflates to more than {limit} bytes (--max-inflated)")));
        }
        // A small file of archives in archives keeps every single ratio, and still inflates without end.
        if wanted > self.size.saturating_mul(self.limits.ratio).max(Limits::RATIO_SLACK_IN_ALL) {
            self.exhausted.set(true);
            let limit = self.limits.ratio;
            return Err(ReadError::OverBudget(format!("inflates more than {limit} to 1 in all (--max-ratio)")));
        }
        self.inflated.set(wanted);
        Ok(())
    }
}

impl Purse for Budget<'_> {
    fn take(&self, inflated: u64) -> Result<(), ReadError> {
        self.take_inflated(inflated)
    }

    fn allows(&self, packed: u64, given: u64) -> Result<(), ReadError> {
        self.allows_ratio(packed, given).map_err(ReadError::OverBudget)
    }
}

/// Bytes that went into a decompressor.
#[derive(Clone, Default)]
pub(super) struct Packed(Rc<Cell<u64>>);

impl Packed {
    /// A fixed number, where the container declares it.
    pub(super) fn declared(bytes: u64) -> Packed {
        Packed(Rc::new(Cell::new(bytes)))
    }

    pub(super) fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Counts what a decompressor takes in.
pub(super) struct Counting<R> {
    inner: R,
    packed: Packed,
}

impl<R> Counting<R> {
    pub(super) fn new(inner: R, packed: Packed) -> Counting<R> {
        Counting { inner, packed }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buf)?;
        self.packed.0.set(self.packed.0.get().saturating_add(got as u64));
        Ok(got)
    }
}

/// Holds what a decompressor gives out against the budget, before each read.
pub(super) struct Metered<'b, 'a, R> {
    inner: R,
    budget: &'b Budget<'a>,
    packed: Option<Packed>,
    given: u64,
}

impl<'b, 'a, R> Metered<'b, 'a, R> {
    pub(super) fn new(inner: R, budget: &'b Budget<'a>, packed: Option<Packed>) -> Metered<'b, 'a, R> {
        Metered { inner, budget, packed, given: 0 }
    }
}

impl<R> Metered<'_, '_, R> {
    /// Bytes given out so far.
    pub(super) fn given(&self) -> u64 {
        self.given
    }
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // One byte asked for is one byte allowed: the limits themselves may be reached, not passed.
        self.budget.take_inflated(0)?;
        if let Some(packed) = &self.packed {
            self.budget.allows_ratio(packed.get(), self.given).map_err(ReadError::OverBudget)?;
        }
        let got = self.inner.read(buf)?;
        self.given = self.given.saturating_add(got as u64);
        self.budget.take_inflated(got as u64)?;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static GO: AtomicBool = AtomicBool::new(false);

    fn limits() -> Limits {
        Limits { depth: 2, members: 2, inflated: 1000, spool: 10, ..Limits::default() }
    }

    #[test]
    fn every_limit_names_its_flag() {
        let limits = limits();
        let budget = Budget::new(&limits, 1 << 40, &GO);
        assert!(budget.descend(1).is_ok());
        assert!(budget.descend(2).unwrap_err().contains("--max-depth"));
        assert!(budget.take_member().and_then(|()| budget.take_member()).is_ok());
        assert!(budget.take_member().unwrap_err().contains("--max-members"));
        assert!(budget.is_exhausted());
        assert!(budget.take_spool(10).is_ok());
        assert!(budget.take_spool(1).unwrap_err().contains("--max-spool"));
        budget.return_spool(10);
        assert!(budget.take_spool(1).is_ok());
        assert!(budget.allows_ratio(1, 1 << 40).unwrap_err().contains("--max-ratio"));
        assert!(budget.allows_ratio(1, 1 << 20).is_ok());
    }

    #[test]
    fn an_endless_stream_ends() {
        let limits = limits();
        let budget = Budget::new(&limits, 1 << 40, &GO);
        let mut reader = Metered::new(io::repeat(0), &budget, None);
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(matches!(ReadError::from_io(error), ReadError::OverBudget(text) if text.contains("--max-inflated")));
        assert!(budget.is_exhausted());
    }

    #[test]
    fn streams_within_their_ratio_are_held_against_the_file_together() {
        let limits = Limits::default();
        let budget = Budget::new(&limits, 1000, &GO);
        let mut streams = 0;
        while !budget.is_exhausted() {
            let reader = Metered::new(io::repeat(0), &budget, Some(Packed::declared(1 << 20)));
            let _ = io::copy(&mut reader.take(64 << 20), &mut io::sink());
            streams += 1;
        }
        assert_eq!(streams, Limits::RATIO_SLACK_IN_ALL / (64 << 20) + 1);
    }

    #[test]
    fn a_bomb_is_stopped_by_its_ratio_alone() {
        let limits = Limits::default();
        let budget = Budget::new(&limits, 1 << 40, &GO);
        let mut reader = Metered::new(io::repeat(0), &budget, Some(Packed::declared(100)));
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert!(matches!(ReadError::from_io(error), ReadError::OverBudget(text) if text.contains("--max-ratio")));
        assert!(!budget.is_exhausted(), "its neighbours may still be read");
        assert!(budget.inflated() <= Limits::RATIO_SLACK + (1 << 20));
    }
}
