//! TensorFlow Lite models: one flatbuffer with `TFL3` at byte 4.
//!
//! Follows `schema.fbs` (version 3) of TensorFlow 2.21 and the encoding of the FlatBuffers documents. A flatbuffer is
//! offsets all the way: every one is held against the file, and every table that is looked at costs one visit of a
//! budget, since offsets may lead to one table again and again. Weights are tensors whose buffer has bytes; those are
//! measured, not read.

use super::super::{Finding, Input, ProbeError};
use super::tensors::Tensors;
use crate::blob::{Cursor, ReadError};
use crate::model::{Fact, Weights, publishable};

/// Most tables that are looked at.
const MAX_TABLES: u32 = 200_000;
/// Longest text that is read.
const MAX_TEXT: u64 = 512;
/// Most dimensions.
const MAX_DIMS: u64 = 16;

/// Reads the model.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if input.head.get(4..8) != Some(b"TFL3") {
        return Err(ProbeError::NotMine);
    }
    let mut buffer = Buffer { cursor: Cursor::new(input.blob, 0), left: MAX_TABLES };
    let root = u64::from(buffer.u32_at(0)?);
    let model = buffer.table(root)?;
    let version = buffer.number::<4>(&model, 0)?.unwrap_or(0);
    if !(1..=10).contains(&version) {
        return Err(malformed("has no version of the schema"));
    }
    let mut weights = Weights { producer: Some("tensorflow lite".to_owned()), ..Weights::default() };
    if let Some(text) = buffer.text(&model, 3)? {
        weights.graph_name = Some(publishable("description", &text)).filter(|text| !text.is_empty());
    }
    let filled = buffer.filled_buffers(&model)?;
    let mut sum = Tensors::default();
    let mut in_graph = 0u64;
    for (index, at) in buffer.tables(&model, 2)?.into_iter().enumerate() {
        let graph = buffer.table(at)?;
        let mut tensors = Vec::new();
        for at in buffer.tables(&graph, 0)? {
            tensors.push(buffer.tensor(at)?);
        }
        in_graph = in_graph.saturating_add(tensors.len() as u64);
        for tensor in &tensors {
            let has_bytes = usize::try_from(tensor.buffer).ok().and_then(|buffer| filled.get(buffer)) == Some(&true);
            if has_bytes && is_weight(tensor.dtype) {
                let shape: Vec<u64> = tensor.shape.iter().map(|&extent| u64::try_from(extent).unwrap_or(0)).collect();
                sum.add(&tensor.name, tensor.dtype, &shape)?;
            }
        }
        if index == 0 {
            let named = |indexes: Vec<u32>| -> Vec<&Tensor> {
                indexes.iter().filter_map(|&index| tensors.get(usize::try_from(index).ok()?)).collect()
            };
            let (inputs, outputs) = (named(buffer.indexes(&graph, 1)?), named(buffer.indexes(&graph, 2)?));
            let names = |of: &[&Tensor]| of.iter().map(|tensor| publishable("tensor", &tensor.name)).collect();
            (weights.inputs, weights.outputs) = (names(&inputs), names(&outputs));
            weights.input_shape = inputs.first().map(|tensor| tensor.shape.clone()).unwrap_or_default();
            weights.output_shape = outputs.first().map(|tensor| tensor.shape.clone()).unwrap_or_default();
            weights.node_count = Some(buffer.vector(&graph, 3)?.map_or(0, |(_, count)| u64::from(count)));
        }
    }
    weights.tensor_count_in_graph = Some(in_graph);
    sum.fill(&mut weights);
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Vec<i64>,
    buffer: u32,
}

/// Shapes and axes are tensors with bytes too: of 32 and 64 bits, which no weight has that is an integer but a bias.
fn is_weight(dtype: &str) -> bool {
    !matches!(dtype, "int64" | "uint64" | "string" | "bool" | "resource" | "variant" | "uint32")
}

/// A table: where it lies, and where its virtual table says that its fields are.
struct Table {
    at: u64,
    fields: Vec<u16>,
}

struct Buffer<'a> {
    cursor: Cursor<'a>,
    left: u32,
}

impl Buffer<'_> {
    fn u32_at(&mut self, at: u64) -> Result<u32, ReadError> {
        self.cursor.seek(at);
        self.cursor.u32()
    }

    fn visit(&mut self, tables: u32) -> Result<(), ProbeError> {
        self.left = self.left.checked_sub(tables).ok_or_else(|| malformed("has more tables than are read"))?;
        Ok(())
    }

    fn table(&mut self, at: u64) -> Result<Table, ProbeError> {
        self.visit(1)?;
        let back = i64::from(i32::from_le_bytes(self.u32_at(at)?.to_le_bytes()));
        let virtual_table = back.checked_neg().and_then(|back| at.checked_add_signed(back));
        self.cursor.seek(virtual_table.ok_or_else(|| malformed("refers to a place before its beginning"))?);
        let length = self.cursor.u16()?;
        self.cursor.skip(2)?;
        let count = (length / 2).saturating_sub(2).min(64);
        let fields = (0..count).map(|_| self.cursor.u16()).collect::<Result<_, _>>()?;
        Ok(Table { at, fields })
    }

    /// Position of a field, where the table has it.
    fn field(table: &Table, field: usize) -> Option<u64> {
        let offset = table.fields.get(field).copied().filter(|&offset| offset > 0)?;
        table.at.checked_add(u64::from(offset))
    }

    fn number<const N: usize>(&mut self, table: &Table, field: usize) -> Result<Option<u64>, ProbeError> {
        let Some(at) = Self::field(table, field) else { return Ok(None) };
        self.cursor.seek(at);
        let bytes: [u8; N] = self.cursor.array()?;
        Ok(Some(bytes.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte))))
    }

    /// Where the content of a vector begins, and how many members it has.
    fn vector(&mut self, table: &Table, field: usize) -> Result<Option<(u64, u32)>, ProbeError> {
        let Some(at) = Self::field(table, field) else { return Ok(None) };
        let target = at.saturating_add(u64::from(self.u32_at(at)?));
        let count = self.u32_at(target)?;
        Ok(Some((target.saturating_add(4), count)))
    }

    fn text(&mut self, table: &Table, field: usize) -> Result<Option<String>, ProbeError> {
        let Some((at, length)) = self.vector(table, field)? else { return Ok(None) };
        self.cursor.seek(at);
        let bytes = self.cursor.vec(u64::from(length).min(MAX_TEXT), MAX_TEXT)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A vector of 32-bit numbers.
    fn indexes(&mut self, table: &Table, field: usize) -> Result<Vec<u32>, ProbeError> {
        let Some((at, count)) = self.vector(table, field)? else { return Ok(Vec::new()) };
        self.visit(count)?;
        self.cursor.seek(at);
        if u64::from(count).saturating_mul(4) > self.cursor.remaining() {
            self.cursor.skip(u64::from(count).saturating_mul(4))?;
        }
        Ok((0..count).map(|_| self.cursor.u32()).collect::<Result<_, _>>()?)
    }

    /// Positions of a vector of tables.
    fn tables(&mut self, table: &Table, field: usize) -> Result<Vec<u64>, ProbeError> {
        let Some((start, _)) = self.vector(table, field)? else { return Ok(Vec::new()) };
        let offsets = self.indexes(table, field)?.into_iter().zip(0u64..);
        Ok(offsets
            .map(|(offset, index)| start.saturating_add(index.saturating_mul(4)).saturating_add(u64::from(offset)))
            .collect())
    }

    /// For each buffer, whether it has bytes: in the flatbuffer, or behind it where the model is larger than 2 GiB.
    fn filled_buffers(&mut self, model: &Table) -> Result<Vec<bool>, ProbeError> {
        let mut filled = Vec::new();
        for at in self.tables(model, 4)? {
            let buffer = self.table(at)?;
            let inside = self.vector(&buffer, 0)?.is_some_and(|(_, count)| count > 0);
            let behind = self.number::<8>(&buffer, 2)?.is_some_and(|size| size > 1);
            filled.push(inside || behind);
        }
        Ok(filled)
    }

    fn tensor(&mut self, at: u64) -> Result<Tensor, ProbeError> {
        let table = self.table(at)?;
        let shape = match self.vector(&table, 0)? {
            Some((_, count)) if u64::from(count) > MAX_DIMS => {
                return Err(malformed("has a tensor of more dimensions than there are"));
            }
            _ => self.indexes(&table, 0)?,
        };
        let shape = shape.into_iter().map(|extent| i64::from(i32::from_le_bytes(extent.to_le_bytes()))).collect();
        let dtype = dtype(self.number::<1>(&table, 1)?.unwrap_or(0));
        let buffer = self.number::<4>(&table, 2)?.and_then(|index| u32::try_from(index).ok()).unwrap_or(0);
        let name = self.text(&table, 3)?.unwrap_or_default();
        Ok(Tensor { name, dtype, shape, buffer })
    }
}

fn malformed(what: &str) -> ProbeError {
    ProbeError::Malformed(format!("its flatbuffer {what}"))
}

/// The contract's name of a `TensorType`.
fn dtype(number: u64) -> &'static str {
    match number {
        0 => "float32",
        1 => "float16",
        2 => "int32",
        3 => "uint8",
        4 => "int64",
        5 => "string",
        6 => "bool",
        7 => "int16",
        8 => "complex64",
        9 => "int8",
        10 => "float64",
        11 => "complex128",
        12 => "uint64",
        13 => "resource",
        14 => "variant",
        15 => "uint32",
        16 => "uint16",
        17 => "int4",
        18 => "bfloat16",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn read(bytes: &[u8]) -> Result<Finding, ProbeError> {
        let blob = Memory::new(bytes);
        probe(&Input::new(&blob, bytes))
    }

    #[test]
    fn hostile_offsets_are_errors() {
        assert!(matches!(read(b"\x08\0\0\0XFL3"), Err(ProbeError::NotMine)));
        assert!(read(b"\x08\0\0\0TFL3").is_err());
        assert!(read(b"\xff\xff\xff\xffTFL3\0\0\0\0").is_err());
        // A table whose virtual table is itself, and whose every field is a vector of four billion.
        let mut bytes = b"\x08\0\0\0TFL3".to_vec();
        bytes.extend([0; 4]);
        bytes.extend([0xff; 64]);
        assert!(read(&bytes).is_err());
    }

    #[test]
    fn one_table_listed_endlessly_comes_to_an_end() {
        // Root at 24, its virtual table at 8: version and subgraphs; the vector's length is more than the budget.
        let mut bytes = b"\x18\0\0\0TFL3".to_vec();
        bytes.extend([10, 0, 12, 0, 4, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([16, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]);
        bytes.extend(0x00ff_ffffu32.to_le_bytes());
        bytes.resize(1 << 20, 0);
        assert!(read(&bytes).is_err());
    }
}
