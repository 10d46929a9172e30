//! MXNet: a list of arrays and the list of their names (`.params`), beside the graph (`-symbol.json`).
//!
//! Follows `NDArray::Save` and `NDArray::Load` of MXNet 1.9 (`src/ndarray/ndarray.cc`): arrays of version 1 to 3 and the
//! nameless one before them. Only dense arrays are counted; their data is passed over by its length.

use super::super::{Finding, Input, ProbeError, kit};
use super::tensors::Tensors;
use crate::blob::Cursor;
use crate::model::{Fact, Weights};

/// `kMXAPINDArrayListMagic`, and a reserved zero.
const LIST: u64 = 0x112;
const V1: u32 = 0xF993_FAC8;
const V2: u32 = 0xF993_FAC9;
const V3: u32 = 0xF993_FACA;
/// Smallest array: its version and an empty shape.
const MIN_ARRAY: u64 = 8;
/// Most arrays: no model has so many layers.
const MAX_ARRAYS: u64 = 1 << 20;
const MAX_DIMS: u32 = 32;
const MAX_NAME: u64 = 4096;

/// An array, as it is declared.
struct Array {
    dtype: &'static str,
    shape: Vec<u64>,
}

/// Reads the descriptions of the arrays, and their names.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if (cursor.u64()?, cursor.u64()?) != (LIST, 0) {
        return Err(ProbeError::NotMine);
    }
    let count = cursor.u64()?;
    if count > (cursor.remaining() / MIN_ARRAY).min(MAX_ARRAYS) {
        return Err(ProbeError::Malformed(format!("declares {count} arrays, more than are possible")));
    }
    let mut arrays = Vec::new();
    for _ in 0..count {
        arrays.push(array(&mut cursor)?);
    }
    let named = cursor.u64()?;
    if named != 0 && named != count {
        return Err(ProbeError::Malformed("has another number of names than of arrays".to_owned()));
    }
    let mut sum = Tensors::default();
    for array in &arrays {
        let name = if named == 0 {
            String::new()
        } else {
            let len = cursor.u64()?;
            String::from_utf8_lossy(&cursor.vec(len, MAX_NAME)?).into_owned()
        };
        sum.add(&name, array.dtype, &array.shape)?;
    }
    let mut weights = Weights::default();
    sum.fill(&mut weights);
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn array(cursor: &mut Cursor) -> Result<Array, ProbeError> {
    let magic = cursor.u32()?;
    let shape = match magic {
        V2 | V3 => {
            let storage = cursor.u32()?;
            if storage != 0 {
                return Err(ProbeError::Unsupported("has a sparse array, which is not read".to_owned()));
            }
            shape(cursor, None, true)?
        }
        V1 => shape(cursor, None, true)?,
        // Before there were versions the array began with its number of dimensions.
        dims => shape(cursor, Some(dims), false)?,
    };
    if shape.is_empty() && magic != V3 {
        return Ok(Array { dtype: "float32", shape: vec![0] });
    }
    cursor.skip(8)?; // the device it was on
    let (dtype, width) = dtype(cursor.u32()?).ok_or_else(|| ProbeError::Malformed("has an unknown type".to_owned()))?;
    let bytes = kit::elements(&shape)?.checked_mul(width);
    cursor.skip(bytes.ok_or_else(|| ProbeError::Malformed("has an array larger than any file".to_owned()))?)?;
    Ok(Array { dtype, shape })
}

fn shape(cursor: &mut Cursor, dims: Option<u32>, wide: bool) -> Result<Vec<u64>, ProbeError> {
    let dims = match dims {
        Some(dims) => dims,
        None => cursor.u32()?,
    };
    if dims > MAX_DIMS {
        return Err(ProbeError::Malformed("has an array of more dimensions than any".to_owned()));
    }
    let mut shape = Vec::new();
    for _ in 0..dims {
        shape.push(if wide { cursor.u64()? } else { u64::from(cursor.u32()?) });
    }
    Ok(shape)
}

/// The contract's name of a type flag, and the bytes of an element.
fn dtype(flag: u32) -> Option<(&'static str, u64)> {
    Some(match flag {
        0 => ("float32", 4),
        1 => ("float64", 8),
        2 => ("float16", 2),
        3 => ("uint8", 1),
        4 => ("int32", 4),
        5 => ("int8", 1),
        6 => ("int64", 8),
        7 => ("bool", 1),
        12 => ("bfloat16", 2),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn file(version: u32) -> Vec<u8> {
        let mut out = [LIST.to_le_bytes(), [0; 8], 1u64.to_le_bytes()].concat();
        out.extend(version.to_le_bytes());
        if version != V1 {
            out.extend([0; 4]);
        }
        out.extend(2u32.to_le_bytes());
        out.extend([2u64.to_le_bytes(), 3u64.to_le_bytes()].concat());
        out.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        out.extend([0; 24]);
        out.extend(1u64.to_le_bytes());
        out.extend(6u64.to_le_bytes());
        out.extend(b"arg:fc");
        out
    }

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn arrays_of_every_version_are_counted() {
        for version in [V1, V2, V3] {
            let finding = run(&file(version)).unwrap();
            let weights = finding.fact.weights().unwrap();
            assert_eq!((weights.parameter_count, weights.tensor_count), (Some(6), Some(1)));
        }
    }

    #[test]
    fn hostile_lists() {
        let whole = file(V2);
        for size in 0..whole.len() {
            assert!(run(&whole[..size]).is_err(), "{size}");
        }
        for at in [16, 32, 36, 44, 60, 88] {
            let mut broken = whole.clone();
            broken[at..at + 4].fill(0xff);
            assert!(run(&broken).is_err(), "{at}");
        }
    }
}
