//! MAT-files of MATLAB, level 5 (versions 5 to 7): names, types and shapes of the variables. Version 7.3 is HDF5.
//!
//! Follows "MAT-File Format" (The MathWorks). A file is a header of 128 bytes and elements, one a variable, of which each
//! may be deflated: as much of it is inflated as says what the variable is. No value is read.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::blob::{Blob, Cursor, Endian, Memory, ReadError, Reader};
use crate::model::{Cause, Dataset, Fact, publishable};

const HEADER: u64 = 128;
/// Variables that are looked at.
const MAX_VARIABLES: usize = 10_000;
/// Bytes that a deflated variable is inflated to: flags, shape, name and the names of its fields.
const MAX_START: u64 = 64 << 10;
const MAX_NAME: u64 = 4 << 10;
const MAX_DIMENSIONS: u64 = 64;
/// Fields of one structure that are named.
const MAX_FIELDS: usize = 256;

const MATRIX: u32 = 14;
const DEFLATED: u32 = 15;
const STRUCTURE: u8 = 2;

/// Types by their number. Cells, structures, objects, functions and what is opaque have no elements of one type.
const TYPES: [(u8, &str); 12] = [
    (4, "char"),
    (5, "float64"),
    (6, "float64"),
    (7, "float32"),
    (8, "int8"),
    (9, "uint8"),
    (10, "int16"),
    (11, "uint16"),
    (12, "int32"),
    (13, "uint32"),
    (14, "int64"),
    (15, "uint64"),
];

/// A variable as its beginning describes it.
struct Variable {
    name: String,
    dtype: Option<&'static str>,
    shape: Vec<u64>,
    fields: Vec<String>,
}

/// Reads the file.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(b"MATLAB 5.0 MAT-file") {
        return Err(ProbeError::NotMine);
    }
    let endian = match input.head.get(126..128) {
        Some(b"IM") => Endian::Little,
        Some(b"MI") => Endian::Big,
        _ => return Err(ProbeError::Malformed("its header does not say its byte order".to_owned())),
    };
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: input.blob.size() }.into());
    }
    let mut dataset = Dataset::default();
    let mut left_out = 0u64;
    let outcome = variables(input.blob, endian, |variable| {
        if dataset.arrays.len() >= MAX_VARIABLES {
            left_out = left_out.saturating_add(1);
            return;
        }
        add(&mut dataset, variable);
    });
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if left_out > 0 {
        finding.notes.push((Cause::OverBudget, format!("{left_out} of its variables were not looked at")));
    }
    finding.noting(outcome)
}

fn add(dataset: &mut Dataset, variable: Variable) {
    // What has no name is the store of another variable.
    if variable.name.is_empty() {
        return;
    }
    let name = publishable("array", &variable.name);
    if let Some(dtype) = variable.dtype
        && let Ok(count) = kit::elements(&variable.shape)
    {
        let all = dataset.dtypes.entry(dtype.to_owned()).or_default();
        *all = all.saturating_add(count);
        dataset.element_count = Some(dataset.element_count.unwrap_or(0).saturating_add(count));
    }
    let fields = variable.fields.iter().map(|field| publishable("field", &format!("{}.{field}", variable.name)));
    dataset.keys.extend(fields);
    dataset.arrays.insert(name, variable.shape);
}

/// Every variable of a file.
fn variables(blob: &dyn Blob, endian: Endian, mut each: impl FnMut(Variable)) -> Result<(), ProbeError> {
    let mut cursor = Cursor::new(blob, HEADER).with_endian(endian);
    while cursor.remaining() > 0 {
        let (kind, length) = (cursor.u32()?, u64::from(cursor.u32()?));
        let at = cursor.position();
        cursor.skip(length)?;
        match kind {
            DEFLATED => {
                let mut start = Vec::new();
                let mut inflated = ZlibDecoder::new(Reader::new(blob, at, length)).take(MAX_START);
                let outcome = std::io::copy(&mut inflated, &mut start);
                // All of its bytes are there: what ends early is broken.
                if let Err(error) = outcome
                    && start.is_empty()
                {
                    return Err(match ReadError::from_io(error) {
                        ReadError::Io(_) | ReadError::Cut => {
                            ProbeError::Malformed("a variable does not inflate".to_owned())
                        }
                        other => other.into(),
                    });
                }
                let start = Memory::new(start);
                let mut inner = Cursor::new(&start, 0).with_endian(endian);
                let (kind, _) = (inner.u32()?, inner.u32()?);
                if kind == MATRIX {
                    each(variable(&mut inner, endian)?);
                }
            }
            MATRIX => {
                let mut inner = Cursor::new(blob, at).ending_at(at.saturating_add(length)).with_endian(endian);
                each(variable(&mut inner, endian)?);
            }
            0..=18 => {}
            _ => return Err(ProbeError::Malformed("an element is of no known type".to_owned())),
        }
        // All but the deflated ones end on eight bytes.
        let over = length.checked_rem(8).unwrap_or(0);
        if kind != DEFLATED && over > 0 {
            let padding = 8u64.saturating_sub(over).min(cursor.remaining());
            cursor.skip(padding)?;
        }
    }
    Ok(())
}

fn variable(cursor: &mut Cursor, endian: Endian) -> Result<Variable, ProbeError> {
    let big = endian == Endian::Big;
    let flags = part(cursor, 16)?;
    let class = if big { flags.get(3) } else { flags.first() }.copied().unwrap_or_default();
    let shape = part(cursor, MAX_DIMENSIONS.saturating_mul(4))?;
    let shape = shape.chunks_exact(4).map(|four| {
        let four = four.first_chunk().copied().unwrap_or_default();
        let extent = if big { i32::from_be_bytes(four) } else { i32::from_le_bytes(four) };
        u64::try_from(extent).unwrap_or(0)
    });
    let shape = shape.collect();
    let name = text(&part(cursor, MAX_NAME)?);
    let dtype = TYPES.iter().find(|(number, _)| *number == class).map(|(_, name)| *name);
    // The names of the fields follow, each as long as the first part says.
    let fields = if class == STRUCTURE { fields(cursor, big).unwrap_or_default() } else { Vec::new() };
    Ok(Variable { name, dtype, shape, fields })
}

fn fields(cursor: &mut Cursor, big: bool) -> Result<Vec<String>, ProbeError> {
    let length = part(cursor, 8)?;
    let length = length.first_chunk().copied().unwrap_or_default();
    let length = if big { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
    let names = part(cursor, MAX_START)?;
    let length = usize::try_from(length).unwrap_or(0).max(1);
    Ok(names.chunks(length).take(MAX_FIELDS).map(text).filter(|name| !name.is_empty()).collect())
}

/// The data of a part of a variable: its tag takes eight bytes, or four where the data fit behind it.
fn part(cursor: &mut Cursor, allowed: u64) -> Result<Vec<u8>, ProbeError> {
    let tag = cursor.u32()?;
    let short = u64::from(tag >> 16);
    let (length, taken) = if short > 0 { (short, 4) } else { (u64::from(cursor.u32()?), 8) };
    let data = cursor.vec(length, allowed)?;
    let over = length.saturating_add(taken).checked_rem(8).unwrap_or(0);
    if over > 0 {
        cursor.skip(8u64.saturating_sub(over).min(cursor.remaining()))?;
    }
    Ok(data)
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Vec<u8> {
        let mut bytes = b"MATLAB 5.0 MAT-file Platform: posix".to_vec();
        bytes.resize(124, b' ');
        bytes.extend([0, 1]);
        bytes.extend(b"IM");
        bytes
    }

    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = [&kind.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), data].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn matrix(name: &[u8], rows: i32) -> Vec<u8> {
        let shape = [rows.to_le_bytes(), 3i32.to_le_bytes()].concat();
        let parts = [element(6, &[6, 0, 0, 0, 0, 0, 0, 0]), element(5, &shape), element(1, name), element(9, &[0; 16])];
        element(MATRIX, &parts.concat())
    }

    fn look(bytes: &[u8]) -> Result<Finding, ProbeError> {
        let blob = Memory::new(bytes);
        probe(&Input::new(&blob, bytes))
    }

    #[test]
    fn variables_are_named() {
        let bytes = [header(), matrix(b"signal", 4), matrix(b"x", 2)].concat();
        let finding = look(&bytes).unwrap();
        let dataset = finding.fact.dataset().unwrap();
        assert_eq!(dataset.arrays["signal"], [4, 3]);
        assert_eq!((dataset.element_count, dataset.dtypes["float64"]), (Some(18), 18));
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        let honest = [header(), matrix(b"signal", 4)].concat();
        for at in (128..honest.len() - 4).step_by(4) {
            for value in [0u32, 0x7fff_ffff, u32::MAX] {
                let mut bytes = honest.clone();
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                let _ = look(&bytes);
            }
            let _ = look(&honest[..at]);
        }
        let cut = look(&honest[..honest.len() - 8]).unwrap();
        assert_eq!(cut.notes[0].0, Cause::Truncated);
        let bomb = [header(), element(DEFLATED, &[0x78, 0x9c, 1, 2, 3])].concat();
        assert_eq!(look(&bomb).unwrap().notes.len(), 1);
        assert!(look(b"MATLAB 5.0 MAT-file").is_err());
    }
}
