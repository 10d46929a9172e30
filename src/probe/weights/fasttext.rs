//! fastText models, quantised ones included.
//!
//! Follows `src/fasttext.cc`, `args.cc` and `dictionary.cc` of fastText 0.9: a magic number, a version, the arguments of
//! the training, the dictionary (words, then labels), and the matrices, of which only the extents are read.

use super::super::{Finding, Input, ProbeError, kit};
use crate::blob::Cursor;
use crate::model::{Fact, Weights, publishable};

const MAGIC: u32 = 793_712_314;
/// Most entries of a dictionary that are passed over on the way to the labels: published models have two million.
const MAX_ENTRIES: u64 = 20_000_000;
const MAX_WORD: usize = 64 << 10;
const MAX_LABELS: usize = 10_000;
/// Bytes of a pair in the list of pruned buckets.
const PRUNED: u64 = 8;

/// Reads arguments, dictionary and extents.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if cursor.u32()? != MAGIC {
        return Err(ProbeError::NotMine);
    }
    let version = cursor.u32()?;
    let mut args = [0; 12];
    for arg in &mut args {
        *arg = cursor.u32()?;
    }
    let [dim, window, epochs, _, _, ngrams, _, model, ..] = args;
    let architecture = match model {
        1 => "cbow",
        2 => "skipgram",
        3 => "supervised",
        _ => return Err(ProbeError::NotMine),
    };
    if !(1..100).contains(&version) {
        return Err(ProbeError::NotMine);
    }
    cursor.skip(8)?;
    let mut weights =
        Weights { dim: Some(u64::from(dim)), architecture: Some(architecture.to_owned()), ..Weights::default() };
    let named = [("ws", window), ("epoch", epochs), ("wordNgrams", ngrams)];
    weights.hyper_parameters.extend(named.map(|(name, value)| (name.to_owned(), value.into())));
    let outcome = dictionary(&mut cursor, &mut weights).and_then(|()| matrices(&mut cursor, &mut weights));
    Finding::new(Fact::Weights(Box::new(weights))).noting(outcome)
}

fn dictionary(cursor: &mut Cursor, weights: &mut Weights) -> Result<(), ProbeError> {
    let (entries, words, _) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    cursor.skip(8)?;
    let pruned = cursor.u64()?.cast_signed();
    weights.vocab_size = Some(u64::from(words));
    if u64::from(entries) > MAX_ENTRIES {
        return Err(ProbeError::Unsupported("its dictionary has more entries than are read".to_owned()));
    }
    for _ in 0..entries {
        let word = cursor.until(0, MAX_WORD)?;
        cursor.skip(8)?;
        if cursor.u8()? == 1 && weights.labels.len() < MAX_LABELS {
            weights.labels.push(publishable("", &String::from_utf8_lossy(&word)));
        }
    }
    // -1 where nothing was pruned.
    let pruned = u64::try_from(pruned).unwrap_or(0);
    cursor.skip(pruned.checked_mul(PRUNED).ok_or_else(broken)?)?;
    Ok(())
}

/// The input matrix, then the output matrix; a quantised one does not say its extents in the same place.
fn matrices(cursor: &mut Cursor, weights: &mut Weights) -> Result<(), ProbeError> {
    if cursor.u8()? != 0 {
        weights.kind = Some("quantised".to_owned());
        return Ok(());
    }
    let input = matrix(cursor)?;
    cursor.skip(input.checked_mul(4).ok_or_else(broken)?)?;
    if cursor.u8()? != 0 {
        return Ok(());
    }
    let sum = input.checked_add(matrix(cursor)?).ok_or_else(broken)?;
    weights.parameter_count = Some(sum);
    weights.dtypes.insert("float32".to_owned(), sum);
    Ok(())
}

fn matrix(cursor: &mut Cursor) -> Result<u64, ProbeError> {
    let (rows, columns) = (cursor.u64()?, cursor.u64()?);
    kit::elements(&[rows, columns])
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its matrices are larger than any file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn model(entries: u32) -> Vec<u8> {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        for value in [12u32, 2, 5, 3, 1, 5, 1, 3, 3, 0, 0, 0, 100] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 8]);
        for value in [entries, 1, 1] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 8]);
        bytes.extend((-1i64).to_le_bytes());
        bytes.extend(b"word\0\x07\0\0\0\0\0\0\0\0__label__x\0\x07\0\0\0\0\0\0\0\x01\0");
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0; 8]);
        bytes.extend([0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn dictionary_and_extents() {
        let bytes = model(2);
        let finding = probe(&Input::new(&Memory::new(&bytes[..]), &bytes)).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.dim, weights.vocab_size, weights.parameter_count), (Some(2), Some(1), Some(4)));
        assert_eq!(weights.labels, ["__label__x"]);
        assert!(finding.notes.is_empty());
    }

    #[test]
    fn cuts_and_large_counts_leave_notes() {
        let bytes = model(u32::MAX);
        let finding = probe(&Input::new(&Memory::new(&bytes[..]), &bytes)).unwrap();
        assert_eq!(finding.notes.len(), 1);
        let whole = model(2);
        for cut in 0..whole.len() {
            let bytes = &whole[..cut];
            if let Ok(finding) = probe(&Input::new(&Memory::new(bytes), bytes)) {
                assert_eq!(finding.notes.len(), 1, "{cut}");
            }
        }
    }
}
