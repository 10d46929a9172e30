//! The index of tokenised text as Megatron-LM keeps it: `<stem>.idx` says how the numbers of `<stem>.bin` are cut into
//! sequences and documents.
//!
//! Follows `indexed_dataset.py` of Megatron-LM (core 0.x; `MMIDIDX\0\0`, version 1): type of an element, sequences,
//! documents, then the length and the place of each sequence, the documents' first sequences, and for some data a mode of
//! each sequence. fairseq, from whom the format comes, stops after the places and knows no documents. A sequence begins
//! where the one before it ends, so the last one says how many numbers there are: no list is read through.

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::blob::Cursor;
use crate::model::{Dataset, Fact, TableFacts};

const MAGIC: &[u8] = b"MMIDIDX\0\0";
/// Bytes of a length and of a place.
const LENGTH: u64 = 4;
const PLACE: u64 = 8;

/// Reads the header and the last sequence.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let mut cursor = Cursor::new(input.blob, MAGIC.len() as u64);
    if cursor.u64()? != 1 {
        return Err(ProbeError::Unsupported("an index of a version other than 1".to_owned()));
    }
    let (dtype, width) = dtype(cursor.u8()?).ok_or_else(|| malformed("names no type of its elements"))?;
    let sequences = cursor.u64()?;
    let lists = sequences.checked_mul(LENGTH + PLACE).ok_or_else(|| malformed("has more sequences than can be"))?;
    let is_fairseq = !input.blob.is_open_ended() && cursor.remaining() == lists;
    let documents = if is_fairseq { 0 } else { cursor.u64()? };
    let mut dataset = Dataset {
        table: TableFacts { row_count: Some(sequences), ..TableFacts::default() },
        dtypes: [(dtype.to_owned(), 0)].into(),
        ..Dataset::default()
    };
    let mut notes = Vec::new();
    match elements(&mut cursor, sequences, documents, width) {
        Ok(elements) => {
            dataset.dtypes = [(dtype.to_owned(), elements)].into();
            dataset.element_count = Some(elements);
            dataset.token_count = (!dtype.starts_with("float")).then_some(elements);
        }
        Err(error) => notes.push(kit::note(error)?),
    }
    Ok(Finding { notes, ..Finding::new(Fact::Dataset(Box::new(dataset))) })
}

/// How many numbers the data have: where the last sequence begins, and its length. The cursor stands before the lists.
fn elements(cursor: &mut Cursor, sequences: u64, documents: u64, width: u64) -> Result<u64, ProbeError> {
    let Some(before) = sequences.checked_sub(1) else { return Ok(0) };
    let skip = |cursor: &mut Cursor, count: u64, each: u64| {
        let bytes = count.checked_mul(each).ok_or_else(|| malformed("has more sequences than can be"))?;
        cursor.skip(bytes).map_err(ProbeError::from)
    };
    skip(cursor, before, LENGTH)?;
    let length = u64::from(cursor.u32()?);
    skip(cursor, before, PLACE)?;
    let place = cursor.u64()?;
    // The documents are of no interest, but a file without them is cut.
    skip(cursor, documents, PLACE)?;
    if place.checked_rem(width) != Some(0) || length > u64::from(u32::MAX >> 1) {
        return Err(malformed("says that a sequence begins within an element"));
    }
    let elements = place.checked_div(width).and_then(|elements| elements.checked_add(length));
    elements.ok_or_else(|| malformed("has more elements than can be"))
}

/// Name and bytes of a type, as `DType` numbers them.
fn dtype(code: u8) -> Option<(&'static str, u64)> {
    Some(match code {
        1 => ("uint8", 1),
        2 => ("int8", 1),
        3 => ("int16", 2),
        4 => ("int32", 4),
        5 => ("int64", 8),
        6 => ("float64", 8),
        7 => ("float32", 4),
        8 => ("uint16", 2),
        _ => return None,
    })
}

fn malformed(what: &str) -> ProbeError {
    ProbeError::Malformed(format!("an index of sequences that {what}"))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::type_complexity)]
mod tests {
    use super::*;
    use crate::blob::{Memory, Prefix, ReadError};
    use crate::model::Cause;

    /// An index forged after the layout of `_IndexWriter`.
    fn forge(code: u8, width: u64, lengths: &[u32], documents: Option<&[u64]>) -> Vec<u8> {
        let mut bytes = [MAGIC, &1u64.to_le_bytes(), &[code], &(lengths.len() as u64).to_le_bytes()].concat();
        if let Some(documents) = documents {
            bytes.extend((documents.len() as u64).to_le_bytes());
        }
        bytes.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
        let mut place = 0;
        for length in lengths {
            bytes.extend(u64::to_le_bytes(place));
            place += u64::from(*length) * width;
        }
        bytes.extend(documents.into_iter().flatten().flat_map(|document| document.to_le_bytes()));
        bytes
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let found = probe(&Input::new(&Memory::new(bytes), bytes.get(..64).unwrap_or(bytes)))?;
        let notes = found.notes.iter().map(|(cause, _)| *cause).collect();
        Ok((found.fact.dataset().unwrap().clone(), notes))
    }

    #[test]
    fn sequences_and_tokens() {
        for documents in [Some(&[0u64, 2, 3][..]), None] {
            let (dataset, notes) = run(&forge(8, 2, &[5, 7, 3], documents)).unwrap();
            assert_eq!((dataset.table.row_count, dataset.token_count, notes), (Some(3), Some(15), vec![]));
            assert_eq!(dataset.dtypes, [("uint16".to_owned(), 15)].into());
        }
        let (dataset, notes) = run(&forge(4, 4, &[], Some(&[0]))).unwrap();
        assert_eq!((dataset.table.row_count, dataset.token_count, notes), (Some(0), Some(0), vec![]));
        let (dataset, _) = run(&forge(7, 4, &[2], Some(&[0, 1]))).unwrap();
        assert_eq!((dataset.token_count, dataset.element_count), (None, Some(2)));
    }

    #[test]
    fn a_cut_index_says_how_many_sequences_there_are() {
        let whole = forge(8, 2, &[5, 7, 3], Some(&[0, 2, 3]));
        for size in 34..whole.len() {
            // Cut there, it is a whole index of fairseq by its size, whose lists do not fit.
            let (dataset, notes) = run(&whole[..size]).unwrap();
            assert_eq!(dataset.table.row_count, Some(3), "{size}");
            assert!(!notes.is_empty() || size == 62, "{size}");
        }
        for size in 0..34 {
            assert!(run(&whole[..size]).is_err(), "{size}");
        }
        let stream = Prefix::new(&whole[..40], None);
        let answer = probe(&Input::new(&stream, &whole[..40]));
        assert!(matches!(answer, Err(ProbeError::Read(ReadError::NeedMore { .. }))));
    }

    #[test]
    fn hostile_counts() {
        let with = |sequences: u64, documents: u64| {
            [MAGIC, &1u64.to_le_bytes(), &[8], &sequences.to_le_bytes(), &documents.to_le_bytes(), &[0; 64]].concat()
        };
        assert!(matches!(run(&with(u64::MAX, 1)), Err(ProbeError::Malformed(_))));
        assert_eq!(run(&with(u64::MAX / 16, 1)).unwrap().1, [Cause::Truncated]);
        assert_eq!(run(&with(1, u64::MAX)).unwrap().1, [Cause::Malformed]);
        let mut other = forge(99, 2, &[1], None);
        assert!(matches!(run(&other), Err(ProbeError::Malformed(_))));
        other[9] = 2;
        assert!(matches!(run(&other), Err(ProbeError::Unsupported(_))));
        assert!(matches!(run(b"MMIDIDXX"), Err(ProbeError::NotMine)));
    }
}
