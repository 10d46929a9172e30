//! Types of elements.

use super::message::MAX_DIMS;
use super::{Bytes, Hdf5Error};

/// Deepest nesting of types within types.
const MAX_NESTING: u8 = 16;
/// Most members of a compound type.
const MAX_MEMBERS: usize = 4096;

/// What elements are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Integers.
    Integer {
        /// Whether they have a sign.
        signed: bool,
    },
    /// Floating-point numbers; bits of the mantissa tell `bfloat16` from `float16`.
    Float {
        /// Bits of the mantissa.
        mantissa: u8,
    },
    /// Texts of a fixed length.
    Text,
    /// Bit fields.
    Bits,
    /// Bytes that only an application understands; the tag says which.
    Opaque,
    /// Records.
    Compound(Vec<Member>),
    /// References to objects.
    Reference,
    /// Names of numbers; h5py keeps booleans so.
    Enumeration(Box<Datatype>),
    /// Texts of any length.
    VariableText,
    /// Sequences of any length.
    Variable(Box<Datatype>),
    /// Arrays of a fixed shape.
    Array(Box<Datatype>, Vec<u64>),
    /// Anything else.
    Other,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Where it begins in the record.
    pub offset: usize,
    /// What it is.
    pub datatype: Datatype,
}

/// A type and its size in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datatype {
    /// What it is.
    pub class: Class,
    /// Bytes of one element.
    pub size: u32,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

impl Datatype {
    /// The usual name of a number's type: `float32`, `int64`, `bool`; none for what is no number.
    pub fn number_name(&self) -> Option<&'static str> {
        Some(match (&self.class, self.size) {
            (Class::Float { mantissa: 7 }, 2) => "bfloat16",
            (Class::Float { .. }, 2) => "float16",
            (Class::Float { .. }, 4) => "float32",
            (Class::Float { .. }, 8) => "float64",
            (Class::Integer { signed: true }, 1) => "int8",
            (Class::Integer { signed: true }, 2) => "int16",
            (Class::Integer { signed: true }, 4) => "int32",
            (Class::Integer { signed: true }, 8) => "int64",
            (Class::Integer { signed: false }, 1) => "uint8",
            (Class::Integer { signed: false }, 2) => "uint16",
            (Class::Integer { signed: false }, 4) => "uint32",
            (Class::Integer { signed: false }, 8) => "uint64",
            (Class::Enumeration(_), 1) => "bool",
            _ => return None,
        })
    }

    pub(super) fn parse(bytes: &mut Bytes) -> Result<Datatype, Hdf5Error> {
        Datatype::nested(bytes, MAX_NESTING)
    }

    fn nested(bytes: &mut Bytes, depth: u8) -> Result<Datatype, Hdf5Error> {
        let depth = depth.checked_sub(1).ok_or(Hdf5Error::TooLarge("types within types"))?;
        let first = bytes.u8()?;
        let (class, version) = (first & 0x0f, first >> 4);
        let bits = bytes.number(3)?;
        let size = bytes.u32()?;
        let big_endian = matches!(class, 0 | 1 | 4) && bits & 1 == 1;
        let class = match class {
            0 => {
                bytes.skip(4)?;
                Class::Integer { signed: bits & 8 != 0 }
            }
            1 => {
                bytes.skip(7)?;
                let mantissa = bytes.u8()?;
                bytes.skip(4)?;
                Class::Float { mantissa }
            }
            3 => Class::Text,
            4 => {
                bytes.skip(4)?;
                Class::Bits
            }
            5 => {
                bytes.skip(usize::try_from(bits & 0xff).unwrap_or(0))?;
                Class::Opaque
            }
            6 => Class::Compound(members(bytes, version, bits & 0xffff, size, depth)?),
            7 => Class::Reference,
            8 => {
                let base = Datatype::nested(bytes, depth)?;
                let values = usize::try_from(base.size).unwrap_or(usize::MAX);
                for _ in 0..bits & 0xffff {
                    padded_text(bytes, version)?;
                }
                bytes.skip(usize::try_from(bits & 0xffff).unwrap_or(0).saturating_mul(values))?;
                Class::Enumeration(Box::new(base))
            }
            9 => {
                let base = Datatype::nested(bytes, depth)?;
                if bits & 0x0f == 1 { Class::VariableText } else { Class::Variable(Box::new(base)) }
            }
            10 => {
                let dims = usize::from(bytes.u8()?);
                if dims > MAX_DIMS {
                    return Err(Hdf5Error::TooLarge("dimensions"));
                }
                if version < 3 {
                    bytes.skip(3)?;
                }
                let shape = (0..dims).map(|_| bytes.number(4)).collect::<Result<_, _>>()?;
                if version < 3 {
                    bytes.skip(dims.saturating_mul(4))?;
                }
                Class::Array(Box::new(Datatype::nested(bytes, depth)?), shape)
            }
            _ => Class::Other,
        };
        Ok(Datatype { class, size, big_endian })
    }
}

/// A name; before version 3 padded to eight bytes.
fn padded_text(bytes: &mut Bytes, version: u8) -> Result<String, Hdf5Error> {
    let before = bytes.rest.len();
    let name = bytes.text()?;
    if version < 3 {
        let used = before.saturating_sub(bytes.rest.len());
        bytes.skip(used.next_multiple_of(8).saturating_sub(used))?;
    }
    Ok(name)
}

fn members(bytes: &mut Bytes, version: u8, count: u64, size: u32, depth: u8) -> Result<Vec<Member>, Hdf5Error> {
    if usize::try_from(count).map_or(true, |count| count > MAX_MEMBERS) {
        return Err(Hdf5Error::TooLarge("fields of a record"));
    }
    let mut members = Vec::new();
    for _ in 0..count {
        let name = padded_text(bytes, version)?;
        // An offset: of as many bytes as the size needs since version 3.
        let offset = bytes.length(match (version, size) {
            (1 | 2, _) => 4,
            (_, 0..=0xff) => 1,
            (_, ..=0xffff) => 2,
            (_, ..=0x00ff_ffff) => 3,
            _ => 4,
        })?;
        let mut shape = Vec::new();
        if version == 1 {
            let dims = bytes.u8()?;
            bytes.skip(11)?;
            for index in 0..4 {
                let extent = bytes.number(4)?;
                if index < dims {
                    shape.push(extent);
                }
            }
        }
        let datatype = Datatype::nested(bytes, depth)?;
        let datatype = match shape.is_empty() {
            true => datatype,
            false => {
                let all = shape.iter().fold(u64::from(datatype.size), |all, &extent| all.saturating_mul(extent));
                let size = u32::try_from(all).map_err(|_| Hdf5Error::TooLarge("elements of a field"))?;
                Datatype { size, class: Class::Array(Box::new(datatype), shape), big_endian: false }
            }
        };
        members.push(Member { name, offset, datatype });
    }
    Ok(members)
}
