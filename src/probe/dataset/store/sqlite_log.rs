//! Write-ahead logs and rollback journals that a SQLite database left beside it: whether there is something in them that
//! the database alone does not tell.
//!
//! Follows "Database File Format" of sqlite.org, sections 3 and 4. Neither is replayed: that would be a change of the
//! database, or a copy of it. What a reader misses is a gap, with what to do about it.

use super::super::super::{Finding, Input, ProbeError};
use crate::blob::{ReadError, read_vec};
use crate::model::{Cause, Fact};

const LOG: [[u8; 4]; 2] = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];
const JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// Bytes in front of the first page, and in front of each.
const HEADER: u64 = 32;
const FRAME: u64 = 24;
/// Most pages that are counted.
const MAX_FRAMES: u64 = 1 << 16;

/// A write-ahead log, `*-wal`.
pub(crate) fn wal(input: &Input) -> Result<Finding, ProbeError> {
    let header = read_vec(input.blob, 0, HEADER, HEADER).map_err(other)?;
    let word = |at: usize| number(&header, at);
    let page_size = match word(8) {
        1 => 65_536,
        size => size,
    };
    let is_log = LOG.iter().any(|magic| header.starts_with(magic))
        && word(4) == 3_007_000
        && page_size.is_power_of_two()
        && (512..=65_536).contains(&page_size);
    if !is_log {
        return Err(ProbeError::NotMine);
    }
    let salt = header.get(16..24).unwrap_or_default();
    let (mut pages, mut committed, mut at) = (0u64, 0u64, HEADER);
    while pages < MAX_FRAMES {
        let frame = match read_vec(input.blob, at, FRAME, FRAME) {
            Ok(frame) => frame,
            Err(ReadError::Ended { .. }) => break,
            Err(error) => return Err(error.into()),
        };
        // Frames of an earlier round have other salts.
        if frame.get(8..16) != Some(salt) {
            break;
        }
        pages = pages.saturating_add(1);
        if number(&frame, 4) > 0 {
            committed = pages;
        }
        at = at.saturating_add(FRAME).saturating_add(u64::from(page_size));
    }
    let mut finding = Finding::new(Fact::Dataset(Box::default()));
    if committed > 0 {
        let more = if pages < MAX_FRAMES { "" } else { " or more" };
        let detail = format!(
            "holds {committed}{more} changed pages that may not be in its database yet, and are not read: copy both files, \
             run PRAGMA wal_checkpoint(TRUNCATE) on the copy and scan that"
        );
        finding.notes.push((Cause::Unsupported, detail));
    }
    Ok(finding)
}

/// A rollback journal, `*-journal`, that was not finished: a finished one is removed, or its header overwritten.
pub(crate) fn journal(input: &Input) -> Result<Finding, ProbeError> {
    let header = read_vec(input.blob, 0, 28, 28).map_err(other)?;
    if !header.starts_with(&JOURNAL) {
        return Err(ProbeError::NotMine);
    }
    let mut finding = Finding::new(Fact::Dataset(Box::default()));
    let detail = "belongs to a change of its database that is not finished: what is read of that may be half of it; copy \
                  both files, open the copy with SQLite once and scan that";
    finding.notes.push((Cause::Unsupported, detail.to_owned()));
    Ok(finding)
}

fn other(error: ReadError) -> ProbeError {
    match error {
        ReadError::Ended { .. } => ProbeError::NotMine,
        error => error.into(),
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at.saturating_add(4)).unwrap_or_default();
    word.iter().fold(0, |value, &byte| (value << 8) | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn notes(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Option<usize> {
        let blob = Memory::new(bytes);
        probe(&Input::new(&blob, bytes)).ok().map(|finding| finding.notes.len())
    }

    fn log(frames: &[(u8, u8)]) -> Vec<u8> {
        let mut bytes =
            [&LOG[0][..], &3_007_000u32.to_be_bytes(), &512u32.to_be_bytes(), &[0; 4], &[7; 8], &[0; 8]].concat();
        for (size, salt) in frames {
            bytes.extend([&[0, 0, 0, 1, 0, 0, 0, *size][..], &[*salt; 8], &[0; 8], &[0; 512]].concat());
        }
        bytes
    }

    #[test]
    fn only_what_was_committed_is_missed() {
        assert_eq!(notes(wal, &log(&[])), Some(0));
        assert_eq!(notes(wal, &log(&[(0, 7)])), Some(0));
        assert_eq!(notes(wal, &log(&[(0, 7), (2, 7)])), Some(1));
        assert_eq!(notes(wal, &log(&[(2, 9)])), Some(0));
        let whole = log(&[(2, 7)]);
        for end in 0..whole.len() {
            assert!(notes(wal, &whole[..end]).is_none_or(|notes| notes <= 1));
        }
        assert_eq!(notes(wal, b"7 is a number"), None);
        assert_eq!(notes(journal, &[&JOURNAL[..], &[0; 20]].concat()), Some(1));
        assert_eq!(notes(journal, &[0; 512]), None);
    }
}
