//! Messages of object headers: types, extents, places, attributes.

use super::{Bytes, File, Hdf5Error};

pub(super) const DATASPACE: u16 = 0x01;
pub(super) const LINK_INFO: u16 = 0x02;
pub(super) const DATATYPE: u16 = 0x03;
pub(super) const LINK: u16 = 0x06;
pub(super) const LAYOUT: u16 = 0x08;
pub(super) const GROUP_INFO: u16 = 0x0a;
pub(super) const ATTRIBUTE: u16 = 0x0c;
pub(super) const CONTINUATION: u16 = 0x10;
pub(super) const SYMBOL_TABLE: u16 = 0x11;
pub(super) const ATTRIBUTE_INFO: u16 = 0x15;

/// Deepest nesting of types within types.
const MAX_NESTING: u8 = 16;
/// Most members of a compound type.
const MAX_MEMBERS: usize = 4096;
/// Most texts of one attribute that are read.
const MAX_TEXTS: u64 = 100_000;
/// Most dimensions; the library's own limit.
const MAX_DIMS: usize = 32;

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) is_shared: bool,
    pub(super) body: Vec<u8>,
}

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
    /// Records: names and types of the fields.
    Compound(Vec<(String, Datatype)>),
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

fn members(
    bytes: &mut Bytes,
    version: u8,
    count: u64,
    size: u32,
    depth: u8,
) -> Result<Vec<(String, Datatype)>, Hdf5Error> {
    if usize::try_from(count).map_or(true, |count| count > MAX_MEMBERS) {
        return Err(Hdf5Error::TooLarge("fields of a record"));
    }
    let mut members = Vec::new();
    for _ in 0..count {
        let name = padded_text(bytes, version)?;
        // An offset: of as many bytes as the size needs since version 3.
        bytes.skip(match (version, size) {
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
                Datatype { size: datatype.size, class: Class::Array(Box::new(datatype), shape), big_endian: false }
            }
        };
        members.push((name, datatype));
    }
    Ok(members)
}

/// Extents of a data space: none for a single value, one of 0 for nothing at all.
pub(super) fn shape(body: &[u8], length_size: usize) -> Result<Vec<u64>, Hdf5Error> {
    let mut bytes = Bytes::new(body);
    let version = bytes.u8()?;
    let dims = usize::from(bytes.u8()?);
    bytes.skip(1)?;
    let kind = bytes.u8()?;
    if version == 1 {
        bytes.skip(4)?;
    } else if kind == 2 {
        return Ok(vec![0]);
    }
    if dims > MAX_DIMS {
        return Err(Hdf5Error::TooLarge("dimensions"));
    }
    (0..dims).map(|_| bytes.number(length_size)).collect()
}

/// Where the values of a data set lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In the header.
    Compact(Vec<u8>),
    /// In one piece at this position of the file; none if nothing was written.
    Contiguous {
        /// Position in the blob.
        at: Option<u64>,
        /// Bytes.
        size: u64,
    },
    /// In pieces of a shape.
    Chunked,
    /// In other files, or in a way that is not read.
    Unknown,
}

impl File<'_> {
    pub(super) fn layout(&self, body: &[u8]) -> Result<Layout, Hdf5Error> {
        let mut bytes = Bytes::new(body);
        if !matches!(bytes.u8()?, 3 | 4) {
            return Ok(Layout::Unknown);
        }
        Ok(match bytes.u8()? {
            0 => {
                let size = usize::from(bytes.u16()?);
                Layout::Compact(bytes.take(size)?.to_vec())
            }
            1 => {
                let address = bytes.number(self.offset_size)?;
                let at = if self.is_undefined(address) { None } else { address.checked_add(self.base) };
                Layout::Contiguous { at, size: bytes.number(self.length_size)? }
            }
            2 => Layout::Chunked,
            _ => Layout::Unknown,
        })
    }

    /// The attributes among the messages of an object, in its header and in its heap.
    pub(super) fn attributes(&mut self, messages: &[Message]) -> Result<Vec<Attribute>, Hdf5Error> {
        let mut attributes = Vec::new();
        for message in messages.iter().filter(|message| message.kind == ATTRIBUTE) {
            let body = if message.is_shared { self.shared(message)? } else { message.body.clone() };
            attributes.push(self.attribute(&body)?);
        }
        for message in messages.iter().filter(|message| message.kind == ATTRIBUTE_INFO) {
            let mut bytes = Bytes::new(&message.body);
            bytes.skip(1)?;
            let flags = bytes.u8()?;
            if flags & 1 != 0 {
                bytes.skip(2)?;
            }
            let (heap, index) = (bytes.number(self.offset_size)?, bytes.number(self.offset_size)?);
            for body in self.heap_objects(heap, index)? {
                attributes.push(self.attribute(&body)?);
            }
        }
        Ok(attributes)
    }

    fn attribute(&mut self, body: &[u8]) -> Result<Attribute, Hdf5Error> {
        let mut bytes = Bytes::new(body);
        let version = bytes.u8()?;
        let flags = bytes.u8()?;
        let (name, datatype, space) = (bytes.u16()?, bytes.u16()?, bytes.u16()?);
        if version == 3 {
            bytes.skip(1)?;
        }
        // Version 1 pads each part to eight bytes.
        let mut part = |size: u16| {
            let size = usize::from(size);
            let part = bytes.take(size)?;
            if version == 1 {
                let padding = size.next_multiple_of(8).saturating_sub(size);
                bytes.skip(padding.min(bytes.rest.len()))?;
            }
            Ok::<_, Hdf5Error>(part)
        };
        let name = part(name)?;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        let (datatype, space) = (part(datatype)?.to_vec(), part(space)?.to_vec());
        let datatype = Message { kind: DATATYPE, is_shared: version > 1 && flags & 1 != 0, body: datatype };
        let datatype = Datatype::parse(&mut Bytes::new(&self.shared(&datatype)?))?;
        let shape = shape(&space, self.length_size)?;
        Ok(Attribute { name, datatype, shape, value: bytes.rest.to_vec() })
    }

    /// The texts of an attribute, of either kind.
    ///
    /// # Errors
    /// [`Hdf5Error`].
    pub fn texts(&mut self, attribute: &Attribute) -> Result<Vec<String>, Hdf5Error> {
        let count = attribute.shape.iter().try_fold(1u64, |count, &extent| count.checked_mul(extent));
        let count = count.filter(|&count| count <= MAX_TEXTS).ok_or(Hdf5Error::TooLarge("texts of an attribute"))?;
        let mut bytes = Bytes::new(&attribute.value);
        let mut texts = Vec::new();
        for _ in 0..count {
            let text = match attribute.datatype.class {
                Class::Text => bytes.take(usize::try_from(attribute.datatype.size).unwrap_or(usize::MAX))?.to_vec(),
                Class::VariableText => {
                    let length = u64::from(bytes.u32()?);
                    let address = bytes.number(self.offset_size)?;
                    let index = bytes.u32()?;
                    if length == 0 { Vec::new() } else { self.global_object(address, index, length)? }
                }
                _ => return Ok(texts),
            };
            let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
            texts.push(String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned());
            if attribute.datatype.size == 0 {
                break;
            }
        }
        Ok(texts)
    }
}

/// Something that is said of an object.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub datatype: Datatype,
    /// Their extents.
    pub shape: Vec<u64>,
    /// Their bytes; texts of any length are references, see [`File::texts`].
    pub value: Vec<u8>,
}
