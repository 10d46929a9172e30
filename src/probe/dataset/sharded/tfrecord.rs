//! TFRecord: records one behind the other, each with its length and checksums of both.
//!
//! Follows the format's page in the guide of TensorFlow. There is no magic: the checksum of the first length tells it
//! from anything else. Event files of TensorBoard have the same frames, and are not tables.

use std::io::Read;

use super::super::super::{Finding, Input, ProbeError};
use super::example::Examples;
use crate::blob::Cursor;
use crate::model::{Dataset, Fact};
use crate::probe::framed::{self, FRAME, broken, length_of};

/// Largest record whose values are looked at; the others are counted.
const MAX_RECORD: u64 = 32 << 20;

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
    let whole = if rows { MAX_RECORD } else { 0 };
    while let Some(length) = framed::next(stream, whole, 0, &mut record)? {
        if length > whole {
            examples.left_out();
        } else {
            examples.record(&record)?;
        }
        *records = records.saturating_add(1);
    }
    Ok(())
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
        assert!(matches!(
            run(&framed::forge(b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2"), true),
            Err(ProbeError::NotMine)
        ));
        let huge = (u64::MAX - 2).to_le_bytes();
        let huge = [&huge[..], &framed::masked(&huge).to_le_bytes(), b"x"].concat();
        assert!(!run(&huge, true).unwrap().1.is_empty() && !run(&huge, false).unwrap().1.is_empty());
    }
}
