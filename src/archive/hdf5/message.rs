//! Messages of object headers: extents and attributes.

use super::{Bytes, Class, Datatype, File, Hdf5Error};

pub(super) const DATASPACE: u16 = 0x01;
pub(super) const LINK_INFO: u16 = 0x02;
pub(super) const DATATYPE: u16 = 0x03;
pub(super) const LINK: u16 = 0x06;
pub(super) const LAYOUT: u16 = 0x08;
pub(super) const GROUP_INFO: u16 = 0x0a;
pub(super) const FILTERS: u16 = 0x0b;
pub(super) const ATTRIBUTE: u16 = 0x0c;
pub(super) const CONTINUATION: u16 = 0x10;
pub(super) const SYMBOL_TABLE: u16 = 0x11;
pub(super) const ATTRIBUTE_INFO: u16 = 0x15;

/// Most texts of one attribute that are read.
const MAX_TEXTS: u64 = 100_000;
/// Most dimensions; the library's own limit.
pub(super) const MAX_DIMS: usize = 32;

/// One message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) is_shared: bool,
    pub(super) body: Vec<u8>,
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

impl File<'_> {
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
