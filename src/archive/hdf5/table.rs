//! Trees of the second kind: what lists the objects of a fractal heap.

use super::heap::encoded_size;
use super::{Bytes, File, Hdf5Error};

/// Signature, version, type and checksum of a node.
const NODE_FRONT: u64 = 10;
/// Most levels.
const MAX_DEPTH: u16 = 8;
/// Most records of a tree.
const MAX_RECORDS: usize = 100_000;
/// Longest record.
const MAX_RECORD: u16 = 256;

/// What is the same for every node of a tree.
struct Shape {
    kind: u8,
    node: u64,
    record: usize,
    /// Position of the heap id in a record.
    id_at: usize,
    /// Bytes of a child's count of records.
    count_size: usize,
    /// For each level, bytes of a child's count of all records below it.
    total_size: Vec<usize>,
}

impl File<'_> {
    /// The heap ids in the tree at `address`.
    pub(super) fn heap_ids(&mut self, address: u64, id_length: usize) -> Result<Vec<Vec<u8>>, Hdf5Error> {
        let length = self.offset_size.saturating_add(self.length_size).saturating_add(22);
        let header = self.bytes(address, length as u64)?;
        let mut bytes = Bytes::new(&header);
        if bytes.take(4)? != b"BTHD" || bytes.u8()? != 0 {
            return Err(Hdf5Error::Malformed("a tree of names is none"));
        }
        let kind = bytes.u8()?;
        let node = u64::from(bytes.u32()?);
        let (record, depth) = (bytes.u16()?, bytes.u16()?);
        bytes.skip(2)?;
        let root = bytes.number(self.offset_size)?;
        let count = bytes.u16()?;
        // By name: a hash is in front of the id of a link, and behind that of an attribute.
        let id_at = match kind {
            5 => 4,
            6 | 9 => {
                if kind == 6 {
                    8
                } else {
                    0
                }
            }
            8 => 0,
            _ => return Err(Hdf5Error::Unsupported("a tree of another kind")),
        };
        if depth > MAX_DEPTH || record == 0 || record > MAX_RECORD || node < NODE_FRONT {
            return Err(Hdf5Error::Malformed("a tree of names has an impossible shape"));
        }
        if count == 0 || self.is_undefined(root) {
            return Ok(Vec::new());
        }
        let shape = Shape::new(kind, node, usize::from(record), id_at, depth, self.offset_size);
        let mut ids = Vec::new();
        let mut open = vec![(root, count, depth)];
        while let Some((address, count, depth)) = open.pop() {
            let children = self.node(address, count, depth, &shape, id_length, &mut ids)?;
            open.extend(children);
            if ids.len() > MAX_RECORDS || open.len() > MAX_RECORDS {
                return Err(Hdf5Error::TooLarge("names in a group"));
            }
        }
        Ok(ids)
    }

    /// Takes the ids of one node; returns its children.
    fn node(
        &mut self,
        address: u64,
        count: u16,
        depth: u16,
        shape: &Shape,
        id_length: usize,
        ids: &mut Vec<Vec<u8>>,
    ) -> Result<Vec<(u64, u16, u16)>, Hdf5Error> {
        let node = self.bytes_up_to(address, shape.node)?;
        let mut bytes = Bytes::new(&node);
        let signature: &[u8] = if depth == 0 { b"BTLF" } else { b"BTIN" };
        if bytes.take(4)? != signature || bytes.u8()? != 0 || bytes.u8()? != shape.kind {
            return Err(Hdf5Error::Malformed("a node of a tree of names is none"));
        }
        for _ in 0..count {
            let record = bytes.take(shape.record)?;
            let id = record.get(shape.id_at..).and_then(|rest| rest.get(..id_length));
            ids.push(id.ok_or(Hdf5Error::Malformed("a record is too short for its id"))?.to_vec());
        }
        let mut children = Vec::new();
        if let Some(below) = depth.checked_sub(1) {
            let total = shape.total_size.get(usize::from(below)).copied().unwrap_or(0);
            for _ in 0..=count {
                let child = bytes.number(self.offset_size)?;
                let records = bytes.number(shape.count_size)?;
                bytes.skip(total)?;
                let records =
                    u16::try_from(records).map_err(|_| Hdf5Error::Malformed("a node has too many records"))?;
                children.push((child, records, below));
            }
        }
        Ok(children)
    }
}

impl Shape {
    fn new(kind: u8, node: u64, record: usize, id_at: usize, depth: u16, offset_size: usize) -> Shape {
        let space = node.saturating_sub(NODE_FRONT);
        let leaf = space.checked_div(record as u64).unwrap_or(0);
        let count_size = encoded_size(leaf);
        let mut total_size = vec![0];
        let mut below = leaf;
        for level in 0..depth {
            let total = total_size.get(usize::from(level)).copied().unwrap_or(0);
            let pointer = offset_size.saturating_add(count_size).saturating_add(total) as u64;
            let records = space.saturating_sub(pointer).checked_div(pointer.saturating_add(record as u64)).unwrap_or(0);
            below = records.saturating_add(1).saturating_mul(below).saturating_add(records);
            total_size.push(encoded_size(below));
        }
        Shape { kind, node, record, id_at, count_size, total_size }
    }
}
