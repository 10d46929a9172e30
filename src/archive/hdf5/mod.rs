//! HDF5: the tree of groups and data sets of a file, their types, extents and attributes, and on request the values of a
//! data set, one index of its first axis after the other ([`Series`]).
//!
//! Follows the "HDF5 File Format Specification" version 3.0, and what HDF5 2.0 writes beyond it. Read are superblocks 0 to 3 behind a user block of any
//! length, object headers 1 and 2 with their continuations, groups of both kinds (symbol tables, link messages, links
//! in a fractal heap), attributes in the header, in a fractal heap and with texts in the global heap.
//! Checksums are not looked at: a structure that does not hold is noticed as one.
//!
//! A file of HDF5 is addresses all the way: they may lead anywhere, in circles and through one another. Everything that
//! is read costs a budget of bytes and a budget of structures; no length is allocated before it was held against both.

mod chunks;
mod datatype;
mod header;
mod heap;
mod links;
mod message;
mod series;
mod table;
mod value;

pub use chunks::Layout;
pub use datatype::{Class, Datatype, Member};
pub use message::Attribute;
pub use series::Series;
pub use value::Scalar;

use crate::blob::{Blob, ReadError, read_vec};

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// Bytes of structures that are read of one file.
const MAX_BYTES: u64 = 64 << 20;
/// Structures (headers, nodes, heaps, messages) that are read of one file.
const MAX_STRUCTURES: u32 = 200_000;
/// How often all values of a file may be read: a column needs the texts that others lie between.
const MAX_VALUES_PER_BYTE: u64 = 16;
/// Longest single structure.
const MAX_STRUCTURE: u64 = 8 << 20;
/// Largest position of a superblock: user blocks are 512 bytes and powers of two of that.
const MAX_USER_BLOCK: u64 = 1 << 24;

/// Why a file could not be read further.
#[derive(Debug, thiserror::Error)]
pub enum Hdf5Error {
    /// There is no superblock.
    #[error("is no HDF5 file")]
    NotHdf5,
    /// A structure does not hold.
    #[error("its HDF5 structure does not hold: {0}")]
    Malformed(&'static str),
    /// It is built in a way that is not read.
    #[error("its HDF5 structure has {0}, which is not read")]
    Unsupported(&'static str),
    /// It has more of something than is read.
    #[error("its HDF5 structure has more {0} than are read")]
    TooLarge(&'static str),
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What stands at an address.
#[derive(Clone, Debug)]
pub enum Object {
    /// A group; its links are listed by [`File::links`].
    Group {
        /// What is said of it.
        attributes: Vec<Attribute>,
    },
    /// A data set.
    Dataset(Box<Dataset>),
    /// A named type, or something newer than this reader.
    Other,
}

/// A data set, without its values.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Type of its elements.
    pub datatype: Datatype,
    /// Its extents; empty for a single value.
    pub shape: Vec<u64>,
    /// Where its values lie.
    pub layout: Layout,
    /// What is said of it.
    pub attributes: Vec<Attribute>,
    /// What was done to its pieces before they were written, in that order.
    filters: Vec<chunks::Filter>,
}

/// A name in a group, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Address of the object; none for a symbolic or external link.
    pub target: Option<u64>,
    /// Whether it leads out of the file.
    pub is_external: bool,
}

/// An open file.
pub struct File<'b> {
    blob: &'b dyn Blob,
    /// Position that addresses count from.
    base: u64,
    offset_size: usize,
    length_size: usize,
    /// Address of the outermost group.
    pub root: u64,
    bytes_left: u64,
    structures_left: u32,
    /// Bytes of values that are still read.
    values_left: u64,
    /// The collection of texts that was used last: an attribute's lie together.
    collection: Option<(u64, Vec<u8>)>,
}

impl<'b> File<'b> {
    /// Finds and reads the superblock.
    ///
    /// # Errors
    /// [`Hdf5Error`].
    pub fn open(blob: &'b dyn Blob) -> Result<File<'b>, Hdf5Error> {
        let mut at = 0u64;
        loop {
            let mut start = [0; 8];
            let got = crate::blob::read_full(blob, &mut start, at)?;
            if got < start.len() || at > MAX_USER_BLOCK {
                return Err(Hdf5Error::NotHdf5);
            }
            if start == SIGNATURE {
                break;
            }
            at = if at == 0 { 512 } else { at.saturating_mul(2) };
        }
        let mut file = File {
            blob,
            base: at,
            offset_size: 8,
            length_size: 8,
            root: 0,
            bytes_left: MAX_BYTES,
            structures_left: MAX_STRUCTURES,
            values_left: blob.size().saturating_mul(MAX_VALUES_PER_BYTE).saturating_add(MAX_BYTES),
            collection: None,
        };
        file.superblock()?;
        Ok(file)
    }

    fn superblock(&mut self) -> Result<(), Hdf5Error> {
        let bytes = self.bytes_up_to(0, 120)?;
        let mut bytes = Bytes::new(&bytes);
        bytes.skip(8)?;
        let version = bytes.u8()?;
        match version {
            0 | 1 => {
                bytes.skip(4)?;
                (self.offset_size, self.length_size) = (size(bytes.u8()?)?, size(bytes.u8()?)?);
                bytes.skip(if version == 0 { 9 } else { 13 })?;
                // Base address, free space, end of file, driver block; then the row of the outermost group.
                bytes.skip(self.offset_size.saturating_mul(5))?;
            }
            2 | 3 => {
                (self.offset_size, self.length_size) = (size(bytes.u8()?)?, size(bytes.u8()?)?);
                bytes.skip(self.offset_size.saturating_mul(3).saturating_add(1))?;
            }
            _ => return Err(Hdf5Error::Unsupported("a newer superblock")),
        }
        self.root = bytes.number(self.offset_size)?;
        Ok(())
    }

    /// What stands at `address`.
    ///
    /// # Errors
    /// [`Hdf5Error`].
    pub fn object(&mut self, address: u64) -> Result<Object, Hdf5Error> {
        let messages = self.messages(address)?;
        let attributes = self.attributes(&messages)?;
        let has = |kinds: &[u16]| messages.iter().any(|message| kinds.contains(&message.kind));
        if has(&[message::SYMBOL_TABLE, message::LINK_INFO, message::LINK, message::GROUP_INFO]) {
            return Ok(Object::Group { attributes });
        }
        let find = |kind: u16| messages.iter().find(|message| message.kind == kind);
        let (Some(datatype), Some(space)) = (find(message::DATATYPE), find(message::DATASPACE)) else {
            return Ok(Object::Other);
        };
        let datatype = self.shared(datatype)?;
        Ok(Object::Dataset(Box::new(Dataset {
            datatype: Datatype::parse(&mut Bytes::new(&datatype))?,
            shape: message::shape(&space.body, self.length_size)?,
            layout: find(message::LAYOUT).map_or(Ok(Layout::Unknown), |layout| self.layout(&layout.body))?,
            attributes,
            filters: find(message::FILTERS).map_or(Ok(Vec::new()), |filters| chunks::filters(&filters.body))?,
        })))
    }

    /// What a message says: its body, or that of the message elsewhere that it refers to.
    fn shared(&mut self, message: &message::Message) -> Result<Vec<u8>, Hdf5Error> {
        if !message.is_shared {
            return Ok(message.body.clone());
        }
        let mut bytes = Bytes::new(&message.body);
        let version = bytes.u8()?;
        let kind = bytes.u8()?;
        if version == 1 {
            bytes.skip(6)?;
        }
        if version == 3 && kind == 1 {
            return Err(Hdf5Error::Unsupported("a shared message in a heap"));
        }
        let address = bytes.number(self.offset_size)?;
        let target = self.messages(address)?.into_iter().find(|other| other.kind == message.kind && !other.is_shared);
        Ok(target.ok_or(Hdf5Error::Malformed("a shared message is not where it should be"))?.body)
    }

    /// Up to `len` bytes at an address.
    fn bytes_up_to(&mut self, address: u64, len: u64) -> Result<Vec<u8>, Hdf5Error> {
        let at = address.checked_add(self.base).ok_or(Hdf5Error::Malformed("an address overflows"))?;
        let len = len.min(self.blob.size().saturating_sub(at));
        self.bytes(address, len)
    }

    /// `len` bytes at an address.
    fn bytes(&mut self, address: u64, len: u64) -> Result<Vec<u8>, Hdf5Error> {
        self.structures_left = self.structures_left.checked_sub(1).ok_or(Hdf5Error::TooLarge("structures"))?;
        // A small read costs the storage more than its bytes.
        self.bytes_left =
            self.bytes_left.checked_sub(len.max(256)).ok_or(Hdf5Error::TooLarge("bytes of structures"))?;
        let at = address.checked_add(self.base).ok_or(Hdf5Error::Malformed("an address overflows"))?;
        Ok(read_vec(self.blob, at, len, MAX_STRUCTURE)?)
    }

    /// `len` bytes of values at an address.
    fn value_bytes(&mut self, address: u64, len: u64) -> Result<Vec<u8>, Hdf5Error> {
        self.values_left = self.values_left.checked_sub(len.max(256)).ok_or(Hdf5Error::TooLarge("bytes of values"))?;
        let at = address.checked_add(self.base).ok_or(Hdf5Error::Malformed("an address overflows"))?;
        Ok(read_vec(self.blob, at, len, MAX_STRUCTURE)?)
    }

    /// Whether an address leads nowhere.
    fn is_undefined(&self, address: u64) -> bool {
        address == u64::MAX || self.offset_size < 8 && address == mask(self.offset_size)
    }
}

fn mask(size: usize) -> u64 {
    u64::MAX
        .checked_shr(u32::try_from(size).map_or(0, |size| 64u32.saturating_sub(size.saturating_mul(8))))
        .unwrap_or(0)
}

fn size(byte: u8) -> Result<usize, Hdf5Error> {
    match byte {
        2 | 4 | 8 => Ok(usize::from(byte)),
        _ => Err(Hdf5Error::Unsupported("addresses of an odd size")),
    }
}

/// Sequential reading of a structure.
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
}

const CUT: Hdf5Error = Hdf5Error::Malformed("a structure is shorter than it says");

impl<'a> Bytes<'a> {
    fn new(bytes: &'a [u8]) -> Bytes<'a> {
        Bytes { rest: bytes }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Hdf5Error> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(CUT)?;
        self.rest = tail;
        Ok(head)
    }

    fn skip(&mut self, len: usize) -> Result<(), Hdf5Error> {
        self.take(len).map(|_| ())
    }

    fn u8(&mut self) -> Result<u8, Hdf5Error> {
        let (&byte, tail) = self.rest.split_first().ok_or(CUT)?;
        self.rest = tail;
        Ok(byte)
    }

    fn u16(&mut self) -> Result<u16, Hdf5Error> {
        let (bytes, tail) = self.rest.split_first_chunk().ok_or(CUT)?;
        self.rest = tail;
        Ok(u16::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Result<u32, Hdf5Error> {
        let (bytes, tail) = self.rest.split_first_chunk().ok_or(CUT)?;
        self.rest = tail;
        Ok(u32::from_le_bytes(*bytes))
    }

    /// A number of up to eight bytes.
    fn number(&mut self, size: usize) -> Result<u64, Hdf5Error> {
        let bytes = self.take(size)?;
        Ok(bytes.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte)))
    }

    /// A number of up to eight bytes that counts bytes at hand.
    fn length(&mut self, size: usize) -> Result<usize, Hdf5Error> {
        usize::try_from(self.number(size)?).map_err(|_| CUT)
    }

    /// A text up to a zero.
    fn text(&mut self) -> Result<String, Hdf5Error> {
        let end = self.rest.iter().position(|&byte| byte == 0).ok_or(CUT)?;
        let text = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.skip(1)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
