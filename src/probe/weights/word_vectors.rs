//! Word vectors as word2vec and GloVe write them: a word and its numbers, as text or as binary floats.
//!
//! Follows `word2vec.c` (a line `words dimensions`, then the rows, in either form) and GloVe's text, which has no such
//! line and goes by its name. Neither has a magic: the first rows must have as many numbers as they should.

use super::super::{Finding, Input, ProbeError};
use crate::blob::{Cursor, ReadError};
use crate::model::{Fact, Weights};

/// Rows that are looked at.
const ROWS: u64 = 4;
const MAX_LINE: usize = 256 << 10;
const MAX_WORD: usize = 1024;
/// Extents a model can have.
const DIMENSIONS: std::ops::RangeInclusive<u64> = 8..=10_000;
/// Largest number of a vector.
const LARGEST: f32 = 1000.0;

/// A file with the line that says its extents.
pub(crate) fn word2vec(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    let header = line(&mut cursor, 64)?;
    let numbers: Option<Vec<u64>> = header.split(' ').map(|number| number.parse().ok()).collect();
    let Some([words, dim]) = numbers.as_deref() else { return Err(ProbeError::NotMine) };
    if *words == 0 || !DIMENSIONS.contains(dim) {
        return Err(ProbeError::NotMine);
    }
    let rows = cursor.position();
    let is_text = match text_rows(&mut cursor, *dim, ROWS.min(*words)) {
        Err(ProbeError::NotMine) => false,
        other => other.map(|()| true)?,
    };
    if !is_text {
        cursor.seek(rows);
        binary_rows(&mut cursor, *dim, ROWS.min(*words))?;
    }
    found(Some(*words), *dim, if is_text { "text" } else { "binary" })
}

/// A file of rows alone.
pub(crate) fn glove(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    let first = line(&mut cursor, MAX_LINE)?;
    let dim = (first.split(' ').count() as u64).saturating_sub(1);
    if !DIMENSIONS.contains(&dim) {
        return Err(ProbeError::NotMine);
    }
    text_rows(&mut Cursor::new(input.blob, 0), dim, ROWS)?;
    found(None, dim, "text")
}

fn found(words: Option<u64>, dim: u64, container: &str) -> Result<Finding, ProbeError> {
    Ok(Finding::new(Fact::Weights(Box::new(Weights {
        kind: Some("word_vectors".to_owned()),
        container: Some(container.to_owned()),
        vocab_size: words,
        dim: Some(dim),
        parameter_count: words.and_then(|words| words.checked_mul(dim)),
        ..Weights::default()
    }))))
}

fn line(cursor: &mut Cursor, allowed: usize) -> Result<String, ProbeError> {
    let line = match cursor.until(b'\n', allowed) {
        Err(ReadError::TooLong { .. } | ReadError::Ended { .. }) => return Err(ProbeError::NotMine),
        other => other?,
    };
    String::from_utf8(line.trim_ascii_end().to_vec()).map_err(|_| ProbeError::NotMine)
}

fn text_rows(cursor: &mut Cursor, dim: u64, rows: u64) -> Result<(), ProbeError> {
    for _ in 0..rows {
        let line = line(cursor, MAX_LINE)?;
        let numbers = line.rsplit(' ').take_while(|number| number.parse().is_ok_and(f32::is_finite)).count() as u64;
        // A word may be a number itself.
        let parts = line.split(' ').count() as u64;
        if numbers < dim || parts <= dim || parts > dim.saturating_add(4) {
            return Err(ProbeError::NotMine);
        }
    }
    Ok(())
}

fn binary_rows(cursor: &mut Cursor, dim: u64, rows: u64) -> Result<(), ProbeError> {
    for _ in 0..rows {
        let word = match cursor.until(b' ', MAX_WORD) {
            Err(ReadError::TooLong { .. } | ReadError::Ended { .. }) => return Err(ProbeError::NotMine),
            other => other?,
        };
        // Some writers end a row with a line feed.
        let word = word.strip_prefix(b"\n").unwrap_or(&word);
        if word.is_empty() || std::str::from_utf8(word).is_err() || word.iter().any(u8::is_ascii_control) {
            return Err(ProbeError::NotMine);
        }
        for _ in 0..dim {
            let number = f32::from_le_bytes(cursor.array()?);
            if !number.is_finite() || number.abs() > LARGEST {
                return Err(ProbeError::NotMine);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Option<Weights> {
        probe(&Input::new(&Memory::new(bytes), bytes)).ok().map(|found| found.fact.weights().unwrap().clone())
    }

    #[test]
    fn both_forms_and_a_file_without_a_header() {
        let row = |word: &str| format!("{word} {}\n", ["0.5"; 8].join(" "));
        let text = format!("3 8\n{}{}{}", row("the"), row("7"), row("dose"));
        assert_eq!(run(word2vec, text.as_bytes()).unwrap().parameter_count, Some(24));
        assert_eq!(run(glove, text.split_once('\n').unwrap().1.repeat(2).as_bytes()).unwrap().dim, Some(8));
        let mut binary = b"2 8\n".to_vec();
        for word in ["the ", "\ndose "] {
            binary.extend(word.as_bytes());
            binary.extend(0.25f32.to_le_bytes().repeat(8));
        }
        assert_eq!(run(word2vec, &binary).unwrap().container.as_deref(), Some("binary"));
    }

    #[test]
    fn other_texts_are_left() {
        for text in ["3 8\n1 2 3\n", "800 600\npixels\n", "2 8\nx", "", "9 9"] {
            assert!(run(word2vec, text.as_bytes()).is_none(), "{text}");
            assert!(run(glove, text.as_bytes()).is_none(), "{text}");
        }
    }
}
