//! The log that `.wandb` files are: seven bytes of their own, then LevelDB's log format.
//!
//! Follows LevelDB's `doc/log_format.md` and W&B's `datastore.py`: blocks of 32 KiB, of which the first begins with the
//! file's own header; fragments of a checksum (CRC-32 of the type and the data), a length and a type; no fragment begins
//! in the last six bytes of a block. What is damaged costs the rest of its block; the next begins anew.

use std::io::{ErrorKind, Read};

use flate2::Crc;

use crate::blob::ReadError;
use crate::probe::ProbeError;

/// `:W&B`, a magic number, the version 0.
pub(super) const HEADER: &[u8; 7] = b":W&B\xe1\xbe\0";
const BLOCK: usize = 32 << 10;
const FRAGMENT: usize = 7;
/// Bytes of a record that are held.
const MAX_RECORD: usize = 1 << 20;

/// The records of a log, one after the other.
pub(super) struct Log<'r> {
    reader: &'r mut dyn Read,
    block: Vec<u8>,
    at: usize,
    is_last: bool,
    /// Blocks of which something was damaged.
    pub(super) damaged: u64,
    /// Whether it ends inside of a record.
    pub(super) is_cut: bool,
}

impl<'r> Log<'r> {
    /// From the first byte on.
    ///
    /// # Errors
    /// [`ProbeError::NotMine`] where the header is another's.
    pub(super) fn new(reader: &'r mut dyn Read) -> Result<Log<'r>, ProbeError> {
        let mut log = Log { reader, block: Vec::new(), at: 0, is_last: false, damaged: 0, is_cut: false };
        log.fill()?;
        if !log.block.starts_with(HEADER) {
            return Err(ProbeError::NotMine);
        }
        log.at = HEADER.len();
        Ok(log)
    }

    fn fill(&mut self) -> Result<(), ProbeError> {
        self.block.resize(BLOCK, 0);
        self.at = 0;
        let mut filled = 0usize;
        while let Some(rest) = self.block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(got) => filled = filled.saturating_add(got),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::from_io(error).into()),
            }
        }
        self.block.truncate(filled);
        self.is_last = filled < BLOCK;
        Ok(())
    }

    /// The next record, or the beginning of a long one; `false` at the end.
    ///
    /// # Errors
    /// What the reader answers.
    pub(super) fn next(&mut self, record: &mut Vec<u8>) -> Result<bool, ProbeError> {
        record.clear();
        let mut is_open = false;
        loop {
            if self.block.len().saturating_sub(self.at) < FRAGMENT {
                if self.is_last {
                    self.is_cut |= is_open || self.block.len() > self.at;
                    return Ok(false);
                }
                self.fill()?;
                continue;
            }
            let Some((sort, data)) = self.fragment() else {
                is_open = false;
                record.clear();
                continue;
            };
            let (begins, ends) = match sort {
                1 => (true, true),
                2 => (true, false),
                3 => (false, false),
                _ => (false, true),
            };
            if begins {
                record.clear();
                is_open = true;
            }
            if !is_open {
                // The rest of a record whose beginning was damaged.
                continue;
            }
            let data = self.block.get(data).unwrap_or_default();
            let room = MAX_RECORD.saturating_sub(record.len()).min(data.len());
            record.extend_from_slice(data.get(..room).unwrap_or_default());
            if ends {
                return Ok(true);
            }
        }
    }

    /// The next fragment of the block; without one, the rest of the block is passed over.
    fn fragment(&mut self) -> Option<(u8, std::ops::Range<usize>)> {
        let rest = self.block.get(self.at..).unwrap_or_default();
        let (header, body) = rest.split_first_chunk::<FRAGMENT>()?;
        let [a, b, c, d, low, high, sort] = *header;
        let length = usize::from(u16::from_le_bytes([low, high]));
        let start = self.at.saturating_add(FRAGMENT);
        let damage = match body.get(..length) {
            _ if !(1..=4).contains(&sort) => *header != [0; FRAGMENT],
            None if self.is_last => {
                self.is_cut = true;
                self.at = self.block.len();
                return None;
            }
            None => true,
            Some(data) => {
                let mut crc = Crc::new();
                crc.update(&[sort]);
                crc.update(data);
                crc.sum() != u32::from_le_bytes([a, b, c, d])
            }
        };
        if damage || sort == 0 {
            self.damaged = self.damaged.saturating_add(u64::from(damage));
            self.at = self.block.len();
            return None;
        }
        self.at = start.saturating_add(length);
        Some((sort, start..self.at))
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]
pub(super) mod tests {
    use super::*;

    /// A log of these records.
    pub(in super::super) fn forged(records: &[&[u8]]) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        for record in records {
            let mut rest = *record;
            let mut is_first = true;
            loop {
                let room = BLOCK - out.len() % BLOCK;
                if room < FRAGMENT {
                    out.resize(out.len() + room, 0);
                    continue;
                }
                let (now, later) = rest.split_at(rest.len().min(room - FRAGMENT));
                let sort = match (is_first, later.is_empty()) {
                    (true, true) => 1,
                    (true, false) => 2,
                    (false, false) => 3,
                    (false, true) => 4,
                };
                let mut crc = Crc::new();
                crc.update(&[sort]);
                crc.update(now);
                out.extend(crc.sum().to_le_bytes());
                out.extend((now.len() as u16).to_le_bytes());
                out.push(sort);
                out.extend_from_slice(now);
                (rest, is_first) = (later, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        out
    }

    fn lengths(bytes: &[u8]) -> (Vec<usize>, u64, bool) {
        let mut reader = bytes;
        let mut log = Log::new(&mut reader).unwrap();
        let (mut record, mut lengths) = (Vec::new(), Vec::new());
        while log.next(&mut record).unwrap() {
            lengths.push(record.len());
        }
        (lengths, log.damaged, log.is_cut)
    }

    #[test]
    fn records_over_blocks() {
        let long = vec![7; 100_000];
        let bytes = forged(&[b"ab", &long, &vec![1; BLOCK - 7 - 9 - 7 - 3], b"", &vec![9; MAX_RECORD + 9]]);
        assert_eq!(lengths(&bytes), (vec![2, 100_000, BLOCK - 26, 0, MAX_RECORD], 0, false));
        assert_eq!(lengths(HEADER), (vec![], 0, false));
        assert!(Log::new(&mut &b":W&B and more"[..]).is_err());
    }

    #[test]
    fn what_is_damaged_costs_its_block_and_what_is_cut_its_record() {
        let long = vec![7; 100_000];
        let whole = forged(&[b"ab", &long, b"cd"]);
        let mut damaged = whole.clone();
        damaged[40_000] ^= 1;
        assert_eq!(lengths(&damaged), (vec![2, 2], 1, false));
        assert_eq!(lengths(&whole[..whole.len() - 1]), (vec![2, 100_000], 0, true));
        assert_eq!(lengths(&whole[..50_000]), (vec![2], 0, true));
        assert_eq!(lengths(&whole[..20]), (vec![2], 0, true));
        let mut zeros = forged(&[b"ab"]);
        zeros.resize(BLOCK, 0);
        zeros.extend_from_slice(&forged(&[b"xy"])[7..]);
        assert_eq!(lengths(&zeros), (vec![2, 2], 0, false));
    }
}
