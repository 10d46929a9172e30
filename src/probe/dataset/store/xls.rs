//! Workbooks of Excel before 2007: recognised, and not read.
//!
//! Follows "Compound File Binary" ([MS-CFB]) as far as the directory: a workbook is a stream called `Workbook` or `Book`.
//! Its records (BIFF) are not parsed: no well-kept reader of them is bounded on hostile input, and the format is rare in
//! what is scanned. That they were not read is a gap.

use crate::blob::{Cursor, read_vec};
use crate::model::{Cause, Fact};
use crate::probe::{Finding, Input, ProbeError};

const SIGNATURE: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
/// Bytes of an entry of the directory.
const ENTRY: usize = 128;

/// Looks for the stream in the first sector of the directory, where writers put it.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if cursor.array()? != SIGNATURE {
        return Err(ProbeError::NotMine);
    }
    cursor.seek(30);
    let sector = match cursor.u16()? {
        9 => 512u64,
        12 => 4096,
        _ => return Err(ProbeError::NotMine),
    };
    cursor.seek(48);
    let first = u64::from(cursor.u32()?);
    let at = first.saturating_add(1).saturating_mul(sector);
    let directory = read_vec(input.blob, at, sector, 4096)?;
    let is_workbook = directory.chunks(ENTRY).any(|entry| {
        let (units, _) = entry.get(..64).unwrap_or_default().as_chunks::<2>();
        let name = units.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|&unit| unit != 0);
        let name = String::from_utf16_lossy(&name.collect::<Vec<u16>>());
        matches!(name.as_str(), "Workbook" | "Book")
    });
    if !is_workbook {
        return Err(ProbeError::NotMine);
    }
    let mut finding = Finding::new(Fact::Dataset(Box::default()));
    finding.notes.push((Cause::Unsupported, "is a workbook of Excel before 2007: its sheets were not read".to_owned()));
    Ok(finding)
}
