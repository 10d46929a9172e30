//! TFRecord: records one behind the other, each with its length and checksums of both.
//!
//! Follows the format's page in the guide of TensorFlow. There is no magic: the checksum of the first length tells it
//! from anything else. Event files of TensorBoard have the same frames, and are not tables.

use std::io::Read;

use super::super::super::{Finding, Input, ProbeError};
use super::example::Examples;
use crate::blob::{Cursor, ReadError};
use crate::model::{Dataset, Fact};

/// Largest record whose values are looked at; the others are counted.
const MAX_RECORD: u64 = 32 << 20;
/// Length, its checksum.
const FRAME: usize = 12;

/// Reads records to the end.
pub(crate) fn probe(input: &Input, stream: &mut dyn Read) -> Result<Finding, ProbeError> {
    let frame = input.head.first_chunk::<FRAME>().ok_or(ProbeError::NotMine)?;
    let first = length_of(frame).ok_or(ProbeError::NotMine)?;
    let body = input.head.get(FRAME..).unwrap_or_default();
    let body = body.get(..usize::try_from(first).unwrap_or(usize::MAX)).unwrap_or(body);
    // The first event names the version of its format, and has nothing else but a time.
    if body.len() < 64 && body.windows(12).any(|part| part == b"brain.Event:") {
        return Err(ProbeError::NotMine);
    }
    let mut examples = Examples::new(input.table());
    let mut records = 0;
    let outcome = match (input.rows, input.blob.is_open_ended()) {
        (false, false) => count(input, &mut records),
        _ => read(input.rows, stream, &mut examples, &mut records),
    };
    let mut facts = examples.finish(!input.rows || outcome.is_err());
    facts.row_count = Some(records);
    facts.row_count_estimated = outcome.is_err();
    let dataset = Dataset { table: facts, shards: Some(1), ..Dataset::default() };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome))
}

/// The length a frame begins with, if its checksum holds.
fn length_of(frame: &[u8; FRAME]) -> Option<u64> {
    let (length, sum) = frame.split_first_chunk::<8>()?;
    let sum = u32::from_le_bytes(*sum.first_chunk::<4>()?);
    (masked(length) == sum).then(|| u64::from_le_bytes(*length))
}

/// Counts records without reading them.
fn count(input: &Input, records: &mut u64) -> Result<(), ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    while cursor.remaining() > 0 {
        let frame = cursor.array::<FRAME>()?;
        let length = length_of(&frame).ok_or_else(broken)?;
        cursor.skip(length.saturating_add(4))?;
        *records = records.saturating_add(1);
    }
    Ok(())
}

fn read(rows: bool, stream: &mut dyn Read, examples: &mut Examples, records: &mut u64) -> Result<(), ProbeError> {
    let mut record = Vec::new();
    loop {
        let mut frame = Vec::new();
        take(stream, FRAME as u64, &mut frame)?;
        if frame.is_empty() {
            return Ok(());
        }
        let frame = frame.first_chunk::<FRAME>().ok_or(ReadError::Cut)?;
        let length = length_of(frame).ok_or_else(broken)?;
        let wanted = length.checked_add(4).ok_or_else(broken)?;
        if length > MAX_RECORD || !rows {
            let passed = std::io::copy(&mut stream.take(wanted), &mut std::io::sink()).map_err(ReadError::from_io)?;
            if passed < wanted {
                return Err(ReadError::Cut.into());
            }
            examples.left_out();
        } else {
            record.clear();
            take(stream, wanted, &mut record)?;
            let body = usize::try_from(length).unwrap_or(0);
            let (body, sum) = record.split_at_checked(body).ok_or(ReadError::Cut)?;
            let sum = sum.first_chunk::<4>().ok_or(ReadError::Cut)?;
            if masked(body) != u32::from_le_bytes(*sum) {
                return Err(broken());
            }
            examples.record(body)?;
        }
        *records = records.saturating_add(1);
    }
}

/// Reads up to `length` bytes: what is allocated follows what is there.
fn take(stream: &mut dyn Read, length: u64, into: &mut Vec<u8>) -> Result<(), ReadError> {
    std::io::copy(&mut stream.take(length), into).map(drop).map_err(ReadError::from_io)
}

fn broken() -> ProbeError {
    ProbeError::Malformed("a record's checksum does not hold".to_owned())
}

/// The checksum as it is stored: rotated, so that checksums of data with checksums in them differ.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), eight bytes at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLES: [[u32; 256]; 8] = tables();
    let at = |table: usize, byte: u32| {
        TABLES.get(table).and_then(|table| table.get(byte as usize & 255)).copied().unwrap_or(0)
    };
    let mut crc = u32::MAX;
    let mut words = bytes.chunks_exact(8);
    for word in words.by_ref() {
        let word = u64::from_le_bytes(word.first_chunk::<8>().copied().unwrap_or_default());
        let (low, high) = ((word as u32) ^ crc, (word >> 32) as u32);
        crc = at(7, low)
            ^ at(6, low >> 8)
            ^ at(5, low >> 16)
            ^ at(4, low >> 24)
            ^ at(3, high)
            ^ at(2, high >> 8)
            ^ at(1, high >> 16)
            ^ at(0, high >> 24);
    }
    for &byte in words.remainder() {
        crc = at(0, crc ^ u32::from(byte)) ^ (crc >> 8);
    }
    !crc
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // Evaluated by the compiler.
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = tables[0][(before & 255) as usize] ^ (before >> 8);
            byte += 1;
        }
        table += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;
    use crate::model::Cause;

    const SHARD: &[u8] =
        include_bytes!("../../../../fixtures/corpus/datasets/tfrecord/slides-train-00000-of-00002.tfrecord");

    fn run(bytes: &[u8], rows: bool) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let blob = Memory::new(bytes);
        let input = Input { rows, ..Input::new(&blob, &bytes[..bytes.len().min(4096)]) };
        let finding = probe(&input, &mut &bytes[..])?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    fn forge(body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u64).to_le_bytes();
        [&length[..], &masked(&length).to_le_bytes(), body, &masked(body).to_le_bytes()].concat()
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn records_are_counted_and_their_features_named() {
        let (dataset, notes) = run(SHARD, true).unwrap();
        assert_eq!(dataset.table.columns, ["image/encoded", "image/label", "patient/age"]);
        assert_eq!((dataset.table.row_count, notes.len()), (Some(15), 0));
        let (dataset, _) = run(SHARD, false).unwrap();
        assert_eq!((dataset.table.row_count, dataset.table.columns.len()), (Some(15), 0));
    }

    #[test]
    fn cut_and_bent_files_and_those_of_others() {
        for size in 0..SHARD.len() {
            let _ = run(&SHARD[..size], size % 2 == 0);
        }
        for at in 0..SHARD.len() {
            let mut bent = SHARD.to_vec();
            bent[at] ^= 0x41;
            let _ = run(&bent, true);
        }
        assert_eq!(run(&SHARD[..SHARD.len() - 3], true).unwrap().1, [Cause::Truncated]);
        assert!(matches!(run(&[0; 64], true), Err(ProbeError::NotMine)));
        assert!(matches!(run(&forge(b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2"), true), Err(ProbeError::NotMine)));
        let huge = (u64::MAX - 2).to_le_bytes();
        let huge = [&huge[..], &masked(&huge).to_le_bytes(), b"x"].concat();
        assert!(!run(&huge, true).unwrap().1.is_empty() && !run(&huge, false).unwrap().1.is_empty());
    }
}
