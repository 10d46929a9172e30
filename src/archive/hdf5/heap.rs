//! Heaps: of names (local), of texts of any length (global), of links and attributes (fractal).

use super::{Bytes, File, Hdf5Error};

/// Deepest nesting of indirect blocks.
const MAX_DEPTH: u8 = 16;

impl File<'_> {
    /// The names of a group of the first kind.
    pub(super) fn local_heap(&mut self, address: u64) -> Result<Vec<u8>, Hdf5Error> {
        let length = self.length_size.saturating_mul(2).saturating_add(self.offset_size).saturating_add(8);
        let header = self.bytes(address, length as u64)?;
        let mut bytes = Bytes::new(&header);
        if bytes.take(4)? != b"HEAP" {
            return Err(Hdf5Error::Malformed("a heap of names is none"));
        }
        bytes.skip(4)?;
        let size = bytes.number(self.length_size)?;
        bytes.skip(self.length_size)?;
        let data = bytes.number(self.offset_size)?;
        self.bytes(data, size)
    }

    /// An object of a global heap, at most `allowed` bytes of it.
    pub(super) fn global_object(&mut self, address: u64, index: u32, allowed: u64) -> Result<Vec<u8>, Hdf5Error> {
        if self.collection.as_ref().is_none_or(|(at, _)| *at != address) {
            let header = self.bytes(address, (self.length_size as u64).saturating_add(8))?;
            let mut bytes = Bytes::new(&header);
            if bytes.take(4)? != b"GCOL" {
                return Err(Hdf5Error::Malformed("a heap of texts is none"));
            }
            bytes.skip(4)?;
            let size = bytes.number(self.length_size)?;
            let collection = self.bytes(address, size)?;
            self.collection = Some((address, collection));
        }
        let Some((_, collection)) = &self.collection else { return Ok(Vec::new()) };
        let mut bytes = Bytes::new(collection);
        bytes.skip(self.length_size.saturating_add(8))?;
        // What a search through the collection costs is paid like reading it again would be.
        let mut passed = 0u64;
        while bytes.rest.len() >= 16 {
            let found = u32::from(bytes.u16()?);
            bytes.skip(6)?;
            let size = bytes.length(self.length_size)?;
            if found == 0 {
                break;
            }
            passed = passed.saturating_add(4);
            if found == index {
                let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
                let text = bytes.take(size)?;
                let text = text.get(..text.len().min(allowed)).unwrap_or_default().to_vec();
                let cost = passed.saturating_add(text.len() as u64);
                self.bytes_left = self.bytes_left.checked_sub(cost).ok_or(Hdf5Error::TooLarge("texts"))?;
                return Ok(text);
            }
            bytes.skip(size.next_multiple_of(8))?;
        }
        Err(Hdf5Error::Malformed("a text is not in its heap"))
    }

    /// Everything in the fractal heap at `heap` that the tree at `index` lists; nothing where there is no heap.
    pub(super) fn heap_objects(&mut self, heap: u64, index: u64) -> Result<Vec<Vec<u8>>, Hdf5Error> {
        if self.is_undefined(heap) || self.is_undefined(index) {
            return Ok(Vec::new());
        }
        let heap = self.fractal_heap(heap)?;
        let ids = self.heap_ids(index, heap.id_length)?;
        ids.iter().map(|id| self.heap_object(&heap, id)).collect()
    }

    fn fractal_heap(&mut self, address: u64) -> Result<Heap, Hdf5Error> {
        let (offset, length) = (self.offset_size, self.length_size);
        let size = length.saturating_mul(12).saturating_add(offset.saturating_mul(3)).saturating_add(22);
        let header = self.bytes(address, size as u64)?;
        let mut bytes = Bytes::new(&header);
        if bytes.take(4)? != b"FRHP" || bytes.u8()? != 0 {
            return Err(Hdf5Error::Malformed("a heap of links or attributes is none"));
        }
        let id_length = usize::from(bytes.u16()?);
        if bytes.u16()? > 0 {
            return Err(Hdf5Error::Unsupported("a compressed heap"));
        }
        bytes.skip(1)?;
        let max_object = u64::from(bytes.u32()?);
        bytes.skip(length.saturating_mul(10).saturating_add(offset.saturating_mul(2)))?;
        let width = u64::from(bytes.u16()?);
        let (first_block, largest_direct) = (bytes.number(length)?, bytes.number(length)?);
        let bits = usize::from(bytes.u16()?);
        bytes.skip(2)?;
        let root = bytes.number(offset)?;
        let rows = bytes.u16()?;
        let sane = width > 0 && first_block > 0 && largest_direct >= first_block && bits <= 64;
        if !sane || !first_block.is_power_of_two() || !largest_direct.is_power_of_two() {
            return Err(Hdf5Error::Malformed("a heap has blocks of an impossible size"));
        }
        let offset_bytes = bits.div_ceil(8);
        let by_block = usize::try_from(largest_direct.ilog2()).unwrap_or(0).div_ceil(8);
        let length_bytes = by_block.min(encoded_size(max_object));
        Ok(Heap { id_length, width, first_block, largest_direct, offset_bytes, length_bytes, root, rows })
    }

    fn heap_object(&mut self, heap: &Heap, id: &[u8]) -> Result<Vec<u8>, Hdf5Error> {
        let mut bytes = Bytes::new(id);
        let first = bytes.u8()?;
        match (first >> 4) & 3 {
            0 => {}
            2 if heap.id_length <= 18 => {
                let length = usize::from(first & 0x0f).saturating_add(1);
                return Ok(bytes.take(length)?.to_vec());
            }
            _ => return Err(Hdf5Error::Unsupported("an object too large for its heap")),
        }
        let offset = bytes.number(heap.offset_bytes)?;
        let length = bytes.number(heap.length_bytes)?;
        let at = self.heap_place(heap, offset)?;
        self.bytes(at, length)
    }

    /// Where an offset of the heap's space lies in the file.
    fn heap_place(&mut self, heap: &Heap, mut offset: u64) -> Result<u64, Hdf5Error> {
        const OUTSIDE: Hdf5Error = Hdf5Error::Malformed("an object lies outside of its heap");
        let (mut block, mut rows) = (heap.root, u64::from(heap.rows));
        for _ in 0..MAX_DEPTH {
            if rows == 0 {
                return block.checked_add(offset).ok_or(OUTSIDE);
            }
            let (row, size, start) = heap.row_of(offset).ok_or(OUTSIDE)?;
            if row >= rows {
                return Err(OUTSIDE);
            }
            let column = offset.saturating_sub(start).checked_div(size).ok_or(OUTSIDE)?;
            let entry = row.saturating_mul(heap.width).saturating_add(column);
            let front = (self.offset_size as u64).saturating_add(5).saturating_add(heap.offset_bytes as u64);
            let pointer = self.offset_size as u64;
            let at = block.saturating_add(front).saturating_add(entry.saturating_mul(pointer));
            let address = self.bytes(at, pointer)?;
            block = Bytes::new(&address).number(self.offset_size)?;
            if self.is_undefined(block) {
                return Err(OUTSIDE);
            }
            offset = offset.saturating_sub(start).checked_rem(size).ok_or(OUTSIDE)?;
            // A block larger than a direct one is a table itself, of as many rows as its size needs.
            rows = if size > heap.largest_direct {
                let first_row = heap.first_block.saturating_mul(heap.width);
                u64::from(size.checked_div(first_row).filter(|&rows| rows > 0).ok_or(OUTSIDE)?.ilog2())
                    .saturating_add(1)
            } else {
                0
            };
        }
        Err(OUTSIDE)
    }
}

/// The header of a fractal heap: a table of blocks whose sizes double from row to row.
struct Heap {
    id_length: usize,
    width: u64,
    first_block: u64,
    largest_direct: u64,
    offset_bytes: usize,
    length_bytes: usize,
    root: u64,
    rows: u16,
}

impl Heap {
    /// The row an offset lies in, the size of its blocks, and the offset it begins at.
    fn row_of(&self, offset: u64) -> Option<(u64, u64, u64)> {
        let first_row = self.first_block.checked_mul(self.width)?;
        if offset < first_row {
            return Some((0, self.first_block, 0));
        }
        let doubled = offset.checked_div(first_row)?.ilog2();
        let scale = 1u64.checked_shl(doubled)?;
        Some((
            u64::from(doubled).saturating_add(1),
            self.first_block.checked_mul(scale)?,
            first_row.checked_mul(scale)?,
        ))
    }
}

/// Bytes that numbers up to `largest` are written with.
pub(super) fn encoded_size(largest: u64) -> usize {
    usize::try_from(largest.checked_ilog2().unwrap_or(0) / 8).unwrap_or(0).saturating_add(1)
}
