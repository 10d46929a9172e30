//! NIfTI-1 and NIfTI-2: images of brains, one file or a header beside its voxels.
//!
//! Follows `nifti1.h` and `nifti2.h`. Only the header is read. Its fields for a name (`db_name`, `aux_file`,
//! `intent_name`) and its extensions may hold whose image it is: they are left where they are. A face that was not
//! removed is somebody's portrait.

use crate::blob::{Cursor, Endian, read_vec};
use crate::model::{Cause, Dataset, Fact, typed};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Most dimensions.
const MAX_DIMS: u64 = 7;

/// Reads the header.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let start = read_vec(input.blob, 0, 4, 4)?;
    let (endian, version) = match start.as_slice() {
        [0x5c, 1, 0, 0] => (Endian::Little, 1),
        [0, 0, 1, 0x5c] => (Endian::Big, 1),
        [0x1c, 2, 0, 0] => (Endian::Little, 2),
        [0, 0, 2, 0x1c] => (Endian::Big, 2),
        _ => return Err(ProbeError::NotMine),
    };
    let at = |at: u64| Cursor::new(input.blob, at).with_endian(endian);
    let magic: [u8; 4] = at(if version == 1 { 344 } else { 4 }).array()?;
    let is_single = match &magic {
        b"n+1\0" | b"n+2\0" => true,
        b"ni1\0" | b"ni2\0" => false,
        _ => return Err(ProbeError::NotMine),
    };
    let mut extents = at(if version == 1 { 40 } else { 16 });
    let mut extent = || if version == 1 { Ok(u64::from(extents.u16()?)) } else { extents.u64() };
    let dims = extent()?;
    if dims == 0 || dims > MAX_DIMS {
        return Err(ProbeError::Malformed("its number of dimensions is impossible".to_owned()));
    }
    let shape = (0..dims).map(|_| extent()).collect::<Result<Vec<u64>, _>>()?;
    let limit = if version == 1 { 0x7fff } else { i64::MAX.cast_unsigned() };
    if shape.iter().any(|&extent| extent > limit) {
        return Err(ProbeError::Malformed("an extent is negative".to_owned()));
    }
    let elements = kit::elements(&shape)?;
    let mut types = at(if version == 1 { 70 } else { 12 });
    let (code, bits) = (types.u16()?, u64::from(types.u16()?));
    let description = at(if version == 1 { 148 } else { 240 }).vec(80, 80)?;
    let description =
        String::from_utf8_lossy(description.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned();
    let offset = match version {
        1 => f64::from(f32::from_bits(at(108).u32()?)),
        _ => at(168).u64()? as f64,
    };
    let name = type_name(code);
    let dataset = Dataset {
        shape: Some(shape),
        dtypes: name.map(|name| (name.to_owned(), elements)).into_iter().collect(),
        element_count: Some(elements),
        descrip: Some(description.trim()).filter(|text| !text.is_empty()).map(|text| typed("descrip", text)),
        ..Dataset::default()
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if name.is_none() {
        finding.notes.push((Cause::Unsupported, "has voxels of a type that is not known".to_owned()));
    }
    let size = input.blob.size() as f64;
    let end = offset.max(0.0) + (elements as f64) * (bits as f64) / 8.0;
    if is_single && end > size && !input.blob.is_open_ended() {
        finding.notes.push((Cause::Truncated, "its header describes more voxels than the file has".to_owned()));
    }
    Ok(finding)
}

/// The usual name of an element type.
fn type_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "bool",
        2 => "uint8",
        4 => "int16",
        8 => "int32",
        16 => "float32",
        32 => "complex64",
        64 => "float64",
        128 => "rgb24",
        256 => "int8",
        512 => "uint16",
        768 => "uint32",
        1024 => "int64",
        1280 => "uint64",
        1536 => "float128",
        1792 => "complex128",
        2048 => "complex256",
        2304 => "rgba32",
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::type_complexity)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn forged(big: bool) -> Vec<u8> {
        let mut bytes = vec![0; 352];
        let mut put = |at: usize, value: u16| {
            let value = if big { value.to_be_bytes() } else { value.to_le_bytes() };
            bytes[at..at + 2].copy_from_slice(&value);
        };
        put(if big { 2 } else { 0 }, 348);
        for (at, value) in [(40, 3), (42, 4), (44, 3), (46, 2), (70, 4), (72, 16)] {
            put(at, value);
        }
        bytes[344..348].copy_from_slice(b"n+1\0");
        bytes[148..153].copy_from_slice(b"brain");
        bytes.resize(352 + 48, 0);
        let offset = if big { 352f32.to_be_bytes() } else { 352f32.to_le_bytes() };
        bytes[108..112].copy_from_slice(&offset);
        bytes
    }

    #[test]
    fn both_orders_say_the_same() {
        for big in [false, true] {
            let bytes = forged(big);
            let blob = Memory::new(bytes.as_slice());
            let finding = probe(&Input::new(&blob, &bytes)).unwrap();
            let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
            assert_eq!((dataset.shape, dataset.element_count), (Some(vec![4, 3, 2]), Some(24)));
            assert_eq!(
                (dataset.dtypes, dataset.descrip),
                ([("int16".to_owned(), 24)].into(), Some("brain".to_owned()))
            );
            assert!(finding.notes.is_empty());
        }
    }

    #[test]
    fn hostile_and_cut_headers() {
        let good = forged(false);
        for at in 0..good.len() {
            for value in [0, 0xff, good[at] ^ 0x80] {
                let mut bytes = good.clone();
                bytes[at] = value;
                drop(probe(&Input::new(&Memory::new(bytes.as_slice()), &bytes)));
            }
            let cut = probe(&Input::new(&Memory::new(&good[..at]), &good[..at]));
            assert!(cut.is_err() || cut.is_ok_and(|finding| !finding.notes.is_empty()), "{at}");
        }
    }
}
