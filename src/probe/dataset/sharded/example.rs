//! `tf.train.Example` and `SequenceExample` → cells.
//!
//! Follows example.proto and feature.proto of TensorFlow. Records that are something else are counted and no more.

use std::collections::BTreeMap;

use super::super::super::ProbeError;
use crate::blob::ReadError;
use crate::model::TableFacts;
use crate::probe::message::{Message, Value};
use crate::table::{Cell, Column, Kind, Table};

/// Values of one feature that are looked at: a longer list is a vector.
const MAX_VALUES: usize = 64;
/// Different features.
const MAX_FEATURES: usize = 2000;

/// A table that examples are poured into.
pub(super) struct Examples<'t> {
    table: Table<'t>,
    columns: BTreeMap<String, usize>,
    left_out: bool,
}

/// A feature: its name and its value, not read yet.
type Feature<'e> = (String, &'e [u8]);

impl<'t> Examples<'t> {
    pub(super) fn new(table: Table<'t>) -> Examples<'t> {
        Examples { table, columns: BTreeMap::new(), left_out: false }
    }

    /// A record follows that is not looked at.
    pub(super) fn left_out(&mut self) {
        self.left_out = true;
    }

    /// One record.
    pub(super) fn record(&mut self, record: &[u8]) -> Result<(), ReadError> {
        let mut features = features(record).unwrap_or_default();
        // A map's order is anyone's; that of the columns is to be the same in every run.
        features.sort();
        for (name, value) in &features {
            if !self.columns.contains_key(name) && self.columns.len() < MAX_FEATURES {
                let column = self.table.column(Column::of(name.clone(), kind(value)));
                self.columns.insert(name.clone(), column);
            }
        }
        for (name, value) in &features {
            if let Some(column) = self.columns.get(name) {
                // What does not parse is missing.
                let _ = cells(value, *column, &mut self.table);
            }
        }
        self.table.end_row()
    }

    pub(super) fn finish(mut self, cut: bool) -> TableFacts {
        if cut || self.left_out {
            self.table.cut();
        }
        let mut facts = self.table.finish();
        facts.columns = self.columns.into_keys().collect();
        facts.column_count = (!facts.columns.is_empty()).then_some(facts.columns.len() as u64);
        facts
    }
}

/// The features of an example, those of a sequence's context and of its steps alike.
fn features(record: &[u8]) -> Result<Vec<Feature<'_>>, ProbeError> {
    let mut found = Vec::new();
    let mut example = Message(record);
    while let Some((number, value)) = example.next()? {
        let (1 | 2, Value::Bytes(map)) = (number, value) else { continue };
        let mut map = Message(map);
        while let Some((1, Value::Bytes(entry))) = map.next()? {
            let (mut name, mut feature) = (String::new(), &[][..]);
            let mut entry = Message(entry);
            while let Some((number, value)) = entry.next()? {
                match (number, value) {
                    (1, Value::Bytes(text)) => {
                        std::str::from_utf8(text).map_err(|_| ProbeError::NotMine)?.clone_into(&mut name);
                    }
                    (2, Value::Bytes(bytes)) => feature = bytes,
                    _ => {}
                }
            }
            if name.is_empty() || name.len() > 200 || found.len() >= MAX_FEATURES {
                return Err(ProbeError::NotMine);
            }
            found.push((name, feature));
        }
    }
    Ok(found)
}

fn kind(feature: &[u8]) -> Kind {
    match Message(feature).next() {
        Ok(Some((2, _))) => Kind::Number,
        Ok(Some((3, _))) => Kind::Integer,
        _ => Kind::Text,
    }
}

/// Hands over the values of a feature.
fn cells(feature: &[u8], column: usize, table: &mut Table) -> Result<(), ProbeError> {
    let mut kinds = Message(feature);
    while let Some((kind, value)) = kinds.next()? {
        let Value::Bytes(list) = value else { continue };
        let mut list = Message(list);
        let mut values = 0usize;
        while let Some((1, value)) = list.next()? {
            match (kind, value) {
                (1, Value::Bytes(bytes)) => table.cell(column, text(bytes)),
                (2, Value::Bytes(packed)) if packed.len() > 4 * MAX_VALUES => table.cell(column, Cell::Bytes),
                (2, Value::Bytes(packed)) => {
                    for bytes in packed.chunks_exact(4) {
                        let bytes = bytes.first_chunk::<4>().copied().unwrap_or_default();
                        table.cell(column, Cell::Number(f32::from_le_bytes(bytes).into()));
                    }
                }
                (2, Value::Fixed32(bits)) => table.cell(column, Cell::Number(f32::from_bits(bits).into())),
                (3, Value::Number(number)) => table.cell(column, Cell::Integer(number.cast_signed())),
                (3, Value::Bytes(packed)) if packed.len() > 8 * MAX_VALUES => table.cell(column, Cell::Bytes),
                (3, Value::Bytes(packed)) => {
                    let mut packed = Message(packed);
                    while let Some(number) = packed.packed()? {
                        table.cell(column, Cell::Integer(number.cast_signed()));
                    }
                }
                // Steps of a sequence: a feature each.
                _ => {}
            }
            values = values.saturating_add(1);
            if values >= MAX_VALUES {
                break;
            }
        }
    }
    Ok(())
}

/// Text, where bytes are printable.
fn text(bytes: &[u8]) -> Cell<'_> {
    let printable = |text: &&str| !text.bytes().any(|byte| byte < 0x20 && !byte.is_ascii_whitespace());
    std::str::from_utf8(bytes).ok().filter(printable).map_or(Cell::Bytes, Cell::Text)
}
