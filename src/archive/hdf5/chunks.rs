//! Where the values of a data set lie: in the header, in one piece, or in pieces that an index lists.

use std::collections::BTreeSet;

use super::message::MAX_DIMS;
use super::{Bytes, File, Hdf5Error};

/// Most pieces of a data set.
const MAX_CHUNKS: usize = 500_000;
/// Most filters of a data set; the library's own limit.
const MAX_FILTERS: u8 = 32;

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
    Chunked {
        /// Extents of a piece.
        shape: Vec<u64>,
        /// What lists them.
        index: Index,
    },
    /// In other files, or in a way that is not read.
    Unknown,
}

/// What lists the pieces of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// A tree of the first kind at this address; none if nothing was written.
    Tree(Option<u64>),
    /// There is one, of so many bytes, where filters change that.
    Single(u64, Option<u64>),
    /// All lie one behind the other from this address on.
    Implicit(u64),
    /// A list at this address.
    List(u64),
    /// One that is not read.
    Other,
}

/// What was done to a piece before it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) id: u16,
    /// What the filter was told.
    pub(super) values: Vec<u32>,
}

/// A piece of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its first index of the first axis.
    pub(super) row: u64,
    pub(super) address: u64,
    pub(super) size: u64,
    /// Filters that were left out, by bit.
    pub(super) skipped: u32,
}

/// The filters of a data set.
pub(super) fn filters(body: &[u8]) -> Result<Vec<Filter>, Hdf5Error> {
    let mut bytes = Bytes::new(body);
    let version = bytes.u8()?;
    let count = bytes.u8()?;
    if !matches!(version, 1 | 2) || count > MAX_FILTERS {
        return Err(Hdf5Error::Unsupported("newer filters"));
    }
    if version == 1 {
        bytes.skip(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = bytes.u16()?;
        let name = if version == 1 || id >= 256 { usize::from(bytes.u16()?) } else { 0 };
        bytes.skip(2)?;
        let values = bytes.u16()?;
        bytes.skip(if version == 1 { name.next_multiple_of(8) } else { name })?;
        let list = (0..values).map(|_| bytes.u32()).collect::<Result<_, _>>()?;
        if version == 1 && values % 2 == 1 {
            bytes.skip(4)?;
        }
        filters.push(Filter { id, values: list });
    }
    Ok(filters)
}

impl File<'_> {
    pub(super) fn layout(&self, body: &[u8]) -> Result<Layout, Hdf5Error> {
        let mut bytes = Bytes::new(body);
        let version = bytes.u8()?;
        if !matches!(version, 3..=5) {
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
            2 if version == 3 => {
                // The last extent is the size of an element.
                let dims = dims(bytes.u8()?)?;
                let address = bytes.number(self.offset_size)?;
                let shape = (0..dims).map(|_| bytes.number(4)).collect::<Result<_, _>>()?;
                let address = Some(address).filter(|&address| !self.is_undefined(address));
                Layout::Chunked { shape, index: Index::Tree(address) }
            }
            2 => {
                let flags = bytes.u8()?;
                let dims = dims(bytes.u8()?)?;
                let width = usize::from(bytes.u8()?);
                if width > 8 {
                    return Err(Hdf5Error::Malformed("an extent of an impossible size"));
                }
                let shape = (0..dims).map(|_| bytes.number(width)).collect::<Result<_, _>>()?;
                Layout::Chunked { shape, index: self.index(&mut bytes, flags)? }
            }
            _ => Layout::Unknown,
        })
    }

    fn index(&self, bytes: &mut Bytes, flags: u8) -> Result<Index, Hdf5Error> {
        let (index, address): (fn(u64) -> Index, u64) = match bytes.u8()? {
            1 => {
                let is_filtered = flags & 2 != 0;
                let size = if is_filtered { Some(bytes.number(self.length_size)?) } else { None };
                if is_filtered {
                    bytes.skip(4)?;
                }
                let address = bytes.number(self.offset_size)?;
                return Ok(if self.is_undefined(address) { Index::Tree(None) } else { Index::Single(address, size) });
            }
            2 => (Index::Implicit, bytes.number(self.offset_size)?),
            3 => {
                bytes.skip(1)?;
                (Index::List, bytes.number(self.offset_size)?)
            }
            _ => return Ok(Index::Other),
        };
        Ok(if self.is_undefined(address) { Index::Tree(None) } else { index(address) })
    }

    /// The pieces of a data set, by their place on the first axis. `shape` is that of a piece in elements, `grid` how
    /// many there are on each axis, `size` the bytes of one that no filter changed.
    pub(super) fn chunks(
        &mut self,
        index: &Index,
        shape: &[u64],
        grid: &[u64],
        size: u64,
    ) -> Result<Vec<Chunk>, Hdf5Error> {
        let height = shape.first().copied().unwrap_or(1);
        let across = grid.get(1..).unwrap_or_default().iter().product::<u64>().max(1);
        let row = |number: u64| number.checked_div(across).unwrap_or(0).saturating_mul(height);
        let all = grid.iter().try_fold(1u64, |all, &extent| all.checked_mul(extent));
        let mut chunks = match *index {
            Index::Tree(None) => Vec::new(),
            Index::Tree(Some(address)) => self.tree_of_chunks(address, shape.len())?,
            Index::Single(address, stored) => {
                vec![Chunk { row: 0, address, size: stored.unwrap_or(size), skipped: 0 }]
            }
            Index::Implicit(address) => {
                let all = all.filter(|&all| all <= MAX_CHUNKS as u64).ok_or(Hdf5Error::TooLarge("pieces"))?;
                let place = |number: u64| address.saturating_add(number.saturating_mul(size));
                (0..all).map(|n| Chunk { row: row(n), address: place(n), size, skipped: 0 }).collect()
            }
            Index::List(address) => {
                let mut chunks = self.list_of_chunks(address, size)?;
                for (number, chunk) in (0u64..).zip(&mut chunks) {
                    chunk.row = row(number);
                }
                chunks.retain(|chunk| !self.is_undefined(chunk.address));
                chunks
            }
            Index::Other => return Err(Hdf5Error::Unsupported("pieces in a growing list")),
        };
        chunks.sort_by_key(|chunk| chunk.row);
        Ok(chunks)
    }

    fn tree_of_chunks(&mut self, root: u64, dims: usize) -> Result<Vec<Chunk>, Hdf5Error> {
        let key = dims.saturating_add(1).saturating_mul(8).saturating_add(8);
        let pointer = self.offset_size;
        let mut chunks = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![root];
        while let Some(address) = open.pop() {
            if !seen.insert(address) {
                return Err(Hdf5Error::Malformed("a tree of pieces runs in a circle"));
            }
            let start = self.bytes(address, 8)?;
            let mut bytes = Bytes::new(&start);
            if bytes.take(4)? != b"TREE" || bytes.u8()? != 1 {
                return Err(Hdf5Error::Malformed("a tree of pieces is none"));
            }
            let level = bytes.u8()?;
            let count = usize::from(bytes.u16()?);
            let length = key.saturating_add(pointer).saturating_mul(count).saturating_add(pointer.saturating_mul(2));
            let node = self.bytes(address.saturating_add(8), length as u64)?;
            let mut bytes = Bytes::new(&node);
            bytes.skip(pointer.saturating_mul(2))?;
            for _ in 0..count {
                let (size, skipped) = (u64::from(bytes.u32()?), bytes.u32()?);
                let row = bytes.number(8)?;
                bytes.skip(key.saturating_sub(16))?;
                let address = bytes.number(pointer)?;
                match level {
                    0 => chunks.push(Chunk { row, address, size, skipped }),
                    _ => open.push(address),
                }
            }
            if chunks.len() > MAX_CHUNKS {
                return Err(Hdf5Error::TooLarge("pieces"));
            }
        }
        Ok(chunks)
    }

    /// A list of a fixed length, in pages where it is long.
    fn list_of_chunks(&mut self, address: u64, size: u64) -> Result<Vec<Chunk>, Hdf5Error> {
        const NONE: Hdf5Error = Hdf5Error::Malformed("a list of pieces is none");
        let length = self.offset_size.saturating_add(self.length_size).saturating_add(8);
        let header = self.bytes(address, length as u64)?;
        let mut bytes = Bytes::new(&header);
        if bytes.take(4)? != b"FAHD" || bytes.u8()? != 0 {
            return Err(NONE);
        }
        let is_filtered = bytes.u8()? == 1;
        let entry = usize::from(bytes.u8()?);
        let page_bits = u32::from(bytes.u8()?);
        let count = bytes.length(self.length_size)?;
        let block = bytes.number(self.offset_size)?;
        let fixed = if is_filtered { self.offset_size.saturating_add(4) } else { self.offset_size };
        let width = entry.checked_sub(fixed).filter(|&width| width <= 8).ok_or(NONE)?;
        if count > MAX_CHUNKS {
            return Err(Hdf5Error::TooLarge("pieces"));
        }
        if self.is_undefined(block) {
            return Ok(Vec::new());
        }
        let page = 1usize.checked_shl(page_bits).filter(|&page| page < count);
        let front = self.offset_size.saturating_add(6);
        // In pages, a map of those that were written and a checksum stand in front, and a checksum behind each.
        let map = page.map_or(0, |page| count.div_ceil(page).div_ceil(8).saturating_add(4));
        let sums = page.map_or(0, |page| count.div_ceil(page).saturating_mul(4));
        let length = entry.saturating_mul(count).saturating_add(front).saturating_add(map).saturating_add(sums);
        let list = self.bytes(block, length as u64)?;
        let mut bytes = Bytes::new(&list);
        if bytes.take(4)? != b"FADB" {
            return Err(NONE);
        }
        bytes.skip(front.saturating_sub(4).saturating_add(map))?;
        let mut chunks = Vec::new();
        for number in 0..count {
            if number > 0 && page.is_some_and(|page| number.checked_rem(page) == Some(0)) {
                bytes.skip(4)?;
            }
            let address = bytes.number(self.offset_size)?;
            let stored = if is_filtered { bytes.number(width)? } else { size };
            let skipped = if is_filtered { bytes.u32()? } else { 0 };
            chunks.push(Chunk { row: 0, address, size: stored, skipped });
        }
        Ok(chunks)
    }
}

/// The extents of a piece: one more than there are axes.
fn dims(count: u8) -> Result<usize, Hdf5Error> {
    let dims = usize::from(count);
    if dims == 0 || dims > MAX_DIMS.saturating_add(1) { Err(Hdf5Error::TooLarge("dimensions")) } else { Ok(dims) }
}
