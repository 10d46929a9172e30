//! Tables of FlatBuffers, read in place: a field is found through its table's list of offsets.
//!
//! Follows the internals document of FlatBuffers (flatbuffers.dev). Every position is held against the buffer by the
//! read itself; nothing recurses, and nothing is verified that is not asked for.

use super::ProbeError;
use crate::blob::{Blob, Cursor, Endian};

/// A buffer within a blob.
pub(super) struct Buffer<'b> {
    cursor: Cursor<'b>,
    start: u64,
}

/// A table: its position in the blob.
#[derive(Clone, Copy)]
pub(super) struct Table(u64);

/// A vector: where its elements begin, and how many there are.
#[derive(Clone, Copy)]
pub(super) struct Vector {
    at: u64,
    pub(super) len: u64,
}

impl<'b> Buffer<'b> {
    /// The buffer of `len` bytes at `start`.
    pub(super) fn new(blob: &'b dyn Blob, start: u64, len: u64) -> Buffer<'b> {
        let cursor = Cursor::new(blob, start).ending_at(start.saturating_add(len)).with_endian(Endian::Little);
        Buffer { cursor, start }
    }

    fn u32_at(&mut self, at: u64) -> Result<u32, ProbeError> {
        self.cursor.seek(at);
        Ok(self.cursor.u32()?)
    }

    fn u16_at(&mut self, at: u64) -> Result<u16, ProbeError> {
        self.cursor.seek(at);
        Ok(self.cursor.u16()?)
    }

    fn target(&mut self, at: u64) -> Result<u64, ProbeError> {
        let offset = u64::from(self.u32_at(at)?);
        Ok(at.saturating_add(offset))
    }

    /// The outermost table.
    pub(super) fn root(&mut self) -> Result<Table, ProbeError> {
        let start = self.start;
        self.target(start).map(Table)
    }

    /// Where the table keeps its field of that number, if it has it.
    fn field(&mut self, table: Table, number: u16) -> Result<Option<u64>, ProbeError> {
        let back = i64::from(self.u32_at(table.0)?.cast_signed());
        let offsets = table.0.checked_add_signed(back.saturating_neg()).filter(|&at| at >= self.start);
        let offsets = offsets.ok_or_else(broken)?;
        let place = u64::from(number).saturating_mul(2).saturating_add(4);
        if place >= u64::from(self.u16_at(offsets)?) {
            return Ok(None);
        }
        let offset = u64::from(self.u16_at(offsets.saturating_add(place))?);
        Ok((offset != 0).then(|| table.0.saturating_add(offset)))
    }

    /// A field that is a table.
    pub(super) fn table(&mut self, table: Table, number: u16) -> Result<Option<Table>, ProbeError> {
        match self.field(table, number)? {
            Some(at) => Ok(Some(Table(self.target(at)?))),
            None => Ok(None),
        }
    }

    /// A field that is an integer of 32 bits; 0 where it is left out.
    pub(super) fn int(&mut self, table: Table, number: u16) -> Result<i32, ProbeError> {
        match self.field(table, number)? {
            Some(at) => Ok(self.u32_at(at)?.cast_signed()),
            None => Ok(0),
        }
    }

    /// A field that is an integer of 64 bits; 0 where it is left out.
    pub(super) fn long(&mut self, table: Table, number: u16) -> Result<i64, ProbeError> {
        match self.field(table, number)? {
            Some(at) => {
                self.cursor.seek(at);
                Ok(self.cursor.u64()?.cast_signed())
            }
            None => Ok(0),
        }
    }

    /// A field that is an integer of 16 bits; 0 where it is left out.
    pub(super) fn short(&mut self, table: Table, number: u16) -> Result<i16, ProbeError> {
        match self.field(table, number)? {
            Some(at) => Ok(self.u16_at(at)?.cast_signed()),
            None => Ok(0),
        }
    }

    /// A field that is a byte, such as the kind of a union; 0 where it is left out.
    pub(super) fn byte(&mut self, table: Table, number: u16) -> Result<i8, ProbeError> {
        match self.field(table, number)? {
            Some(at) => {
                self.cursor.seek(at);
                Ok(self.cursor.u8()?.cast_signed())
            }
            None => Ok(0),
        }
    }

    /// A field that is a vector, empty where it is left out; its elements have at least `size` bytes.
    pub(super) fn vector(&mut self, table: Table, number: u16, size: u64) -> Result<Vector, ProbeError> {
        let Some(at) = self.field(table, number)? else { return Ok(Vector { at: 0, len: 0 }) };
        let at = self.target(at)?;
        let len = u64::from(self.u32_at(at)?);
        if len.saturating_mul(size) > self.cursor.remaining() {
            return Err(broken());
        }
        Ok(Vector { at: at.saturating_add(4), len })
    }

    /// A field that is a vector of integers of 64 bits, empty where it is left out.
    pub(super) fn longs(&mut self, table: Table, number: u16) -> Result<Vec<i64>, ProbeError> {
        let vector = self.vector(table, number, 8)?;
        self.cursor.seek(vector.at);
        (0..vector.len).map(|_| Ok(self.cursor.u64()?.cast_signed())).collect()
    }

    /// A field that is a vector of pairs of integers of 64 bits, empty where it is left out.
    pub(super) fn pairs(&mut self, table: Table, number: u16) -> Result<Vec<(i64, i64)>, ProbeError> {
        let vector = self.vector(table, number, 16)?;
        self.cursor.seek(vector.at);
        (0..vector.len).map(|_| Ok((self.cursor.u64()?.cast_signed(), self.cursor.u64()?.cast_signed()))).collect()
    }

    /// The table a vector of tables has at `index`.
    pub(super) fn element(&mut self, vector: Vector, index: u64) -> Result<Table, ProbeError> {
        self.target(vector.at.saturating_add(index.saturating_mul(4))).map(Table)
    }

    /// Up to `allowed` bytes of a field that is a text; nothing where it is left out.
    pub(super) fn text(&mut self, table: Table, number: u16, allowed: u64) -> Result<Option<String>, ProbeError> {
        let vector = self.vector(table, number, 1)?;
        if vector.len == 0 {
            return Ok(None);
        }
        self.cursor.seek(vector.at);
        let bytes = self.cursor.vec(vector.len.min(allowed), allowed)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its FlatBuffers tables do not hold".to_owned())
}
