//! Feather of version 1: one table whose columns lie behind each other, described by a FlatBuffer at the end.
//!
//! Follows feather.fbs of Apache Arrow. No library reads it any more, and its columns are few and flat. Values are read
//! through cursors, one a column: the widths are fixed, and texts lie in order.

use super::super::super::flatbuffer::{Buffer, Table as Row};
use super::super::super::{Finding, Input, ProbeError};
use crate::blob::{Cursor, ReadError};
use crate::model::{Cause, Dataset, Fact, typed};
use crate::table::{Cell, Column, Kind, Table};

const MAGIC: &[u8; 4] = b"FEA1";
const MAX_COLUMNS: u64 = 10_000;
/// Columns whose rows are read side by side, each through a window of its own.
const MAX_READ: usize = 64;
const MAX_NAME: u64 = 4096;
const MAX_TEXT: u64 = 64 << 10;

/// Reads the description, and the rows if they are wanted.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let size = input.blob.size();
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: size }.into());
    }
    let end = size.checked_sub(8).filter(|end| *end >= 8).ok_or(ReadError::Ended { at: size })?;
    let mut cursor = Cursor::new(input.blob, end);
    let length = u64::from(cursor.u32()?);
    if cursor.array::<4>()? != *MAGIC {
        return Err(ReadError::Ended { at: size }.into());
    }
    let start = end.checked_sub(length).filter(|start| *start >= 8).ok_or_else(broken)?;
    let mut buffer = Buffer::new(input.blob, start, length);
    let root = buffer.root()?;
    let rows = u64::try_from(buffer.long(root, 1)?).map_err(|_| broken())?;
    let list = buffer.vector(root, 2, 4)?;
    if list.len > MAX_COLUMNS {
        return Err(broken());
    }
    let description = buffer.text(root, 0, MAX_NAME)?;
    let mut columns = Vec::new();
    for number in 0..list.len {
        let row = buffer.element(list, number)?;
        columns.push(Described::read(&mut buffer, row)?);
    }
    let mut table = input.table();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    for column in &columns {
        table.column(Column::of(column.name.clone(), column.stored()));
    }
    let mut notes = Vec::new();
    if input.rows {
        if columns.len() > MAX_READ {
            notes.push((
                Cause::OverBudget,
                format!("the values of its columns past the first {MAX_READ} were not read"),
            ));
            columns.truncate(MAX_READ);
        }
        if let Err(error) = feed(input, &columns, rows, start, &mut table) {
            notes.push((error.cause(), error.to_string()));
            table.cut();
        }
    } else {
        table.cut();
    }
    let mut facts = table.finish();
    facts.row_count = Some(rows);
    facts.row_count_estimated = false;
    facts.column_count = Some(names.len() as u64);
    facts.columns = names;
    let description = description.map(|text| typed("description", &text));
    let dataset = Dataset { table: facts, description, ..Dataset::default() };
    Ok(Finding { notes, ..Finding::new(Fact::Dataset(Box::new(dataset))) })
}

/// A column as it is described.
struct Described {
    name: String,
    kind: i8,
    at: u64,
    length: u64,
    nulls: u64,
    /// Nanoseconds of a unit of time.
    unit: Option<i64>,
    /// Of the texts that the numbers of a category stand for: only that there are some.
    is_category: bool,
}

impl Described {
    fn read(buffer: &mut Buffer, row: Row) -> Result<Described, ProbeError> {
        let name = buffer.text(row, 0, MAX_NAME)?.unwrap_or_default();
        let values = buffer.table(row, 1)?.ok_or_else(broken)?;
        let meta = buffer.byte(row, 2)?;
        let unit = match buffer.table(row, 3)? {
            Some(meta_row) if meta == 2 => Some(buffer.byte(meta_row, 0)?),
            _ => None,
        };
        let positive = |number: i64| u64::try_from(number).map_err(|_| broken());
        Ok(Described {
            name,
            kind: buffer.byte(values, 0)?,
            at: positive(buffer.long(values, 2)?)?,
            length: positive(buffer.long(values, 3)?)?,
            nulls: positive(buffer.long(values, 4)?)?,
            unit: match unit {
                Some(0) => Some(1),
                Some(1) => Some(1_000),
                Some(2) => Some(1_000_000),
                Some(3) => Some(1_000_000_000),
                _ => None,
            },
            is_category: meta == 1,
        })
    }

    fn width(&self) -> u64 {
        match self.kind {
            1 | 5 => 1,
            2 | 6 => 2,
            3 | 7 | 9 => 4,
            _ => 8,
        }
    }

    fn is_text(&self) -> bool {
        self.kind == 11
    }

    fn stored(&self) -> Kind {
        match self.kind {
            _ if self.is_category || self.is_text() => Kind::Text,
            _ if self.unit.is_some() => Kind::Date,
            0 => Kind::Boolean,
            1..=8 => Kind::Integer,
            9 | 10 => Kind::Number,
            _ => Kind::Other,
        }
    }
}

/// The cursors of a column.
struct Lane<'c, 'b> {
    column: &'c Described,
    nulls: Option<Cursor<'b>>,
    null_bits: u8,
    values: Cursor<'b>,
    bits: u8,
    texts: Cursor<'b>,
    last: u64,
}

fn feed(input: &Input, columns: &[Described], rows: u64, end: u64, table: &mut Table) -> Result<(), ProbeError> {
    // Without a single column there is nothing to count in a row, and nothing that bounds them.
    if columns.is_empty() {
        return Ok(());
    }
    if columns.iter().any(|column| column.length != rows) {
        return Err(broken());
    }
    let mut lanes = Vec::new();
    for column in columns {
        // Every row takes a bit at least, which bounds the walk by the file.
        if column.at.saturating_add(rows.div_ceil(8)) > end {
            return Err(broken());
        }
        let bitmap = if column.nulls > 0 { rows.div_ceil(64).saturating_mul(8) } else { 0 };
        let at = column.at.saturating_add(bitmap);
        let offsets = rows.saturating_add(1).saturating_mul(4).div_ceil(8).saturating_mul(8);
        let cursor = |at: u64| Cursor::new(input.blob, at).ending_at(end);
        let mut lane = Lane {
            column,
            nulls: (column.nulls > 0).then(|| cursor(column.at)),
            null_bits: 0,
            values: cursor(at),
            bits: 0,
            texts: cursor(at.saturating_add(offsets)),
            last: 0,
        };
        if matches!(column.kind, 11 | 12) && rows > 0 {
            lane.last = u64::from(lane.values.u32()?);
        }
        lanes.push(lane);
    }
    for row in 0..rows {
        for (number, lane) in lanes.iter_mut().enumerate() {
            lane.value(row, number, table)?;
        }
        table.end_row()?;
    }
    Ok(())
}

impl Lane<'_, '_> {
    fn value(&mut self, row: u64, number: usize, table: &mut Table) -> Result<(), ProbeError> {
        let bit = 1u8 << (row & 7);
        if let Some(nulls) = &mut self.nulls
            && row & 7 == 0
        {
            self.null_bits = nulls.u8()?;
        }
        let is_there = self.nulls.is_none() || self.null_bits & bit != 0;
        let text;
        let cell = match self.column.kind {
            0 => {
                if row & 7 == 0 {
                    self.bits = self.values.u8()?;
                }
                Cell::Boolean(self.bits & bit != 0)
            }
            11 | 12 => {
                let next = u64::from(self.values.u32()?);
                let length = next.checked_sub(self.last).ok_or_else(broken)?;
                self.last = next;
                if self.column.kind == 12 || length > MAX_TEXT {
                    self.texts.skip(length)?;
                    Cell::Bytes
                } else {
                    text = String::from_utf8(self.texts.vec(length, MAX_TEXT)?).unwrap_or_default();
                    Cell::Text(&text)
                }
            }
            kind => {
                let raw = self.number()?;
                match (kind, self.column.unit) {
                    _ if self.column.is_category => Cell::Bytes,
                    (_, Some(parts)) => Cell::Second(raw.div_euclid(parts)),
                    (9, _) => Cell::Number(super::arrow_rows::shortest(f32::from_bits(raw as u32))),
                    (10, _) => Cell::Number(f64::from_bits(raw.cast_unsigned())),
                    (1..=8, _) => Cell::Integer(raw),
                    _ => Cell::Bytes,
                }
            }
        };
        if is_there {
            table.cell(number, cell);
        }
        Ok(())
    }

    fn number(&mut self) -> Result<i64, ProbeError> {
        let signed = self.column.kind < 5;
        Ok(match self.column.width() {
            1 if signed => i64::from(self.values.u8()?.cast_signed()),
            1 => i64::from(self.values.u8()?),
            2 if signed => i64::from(self.values.u16()?.cast_signed()),
            2 => i64::from(self.values.u16()?),
            4 if signed => i64::from(self.values.u32()?.cast_signed()),
            4 => i64::from(self.values.u32()?),
            _ => self.values.u64()?.cast_signed(),
        })
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its description does not hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const SCREEN: &[u8] = include_bytes!("../../../../fixtures/corpus/datasets/arrow/v1.feather");

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), &bytes[..bytes.len().min(4096)]))
    }

    #[test]
    fn columns_and_rows_are_read() {
        let finding = run(SCREEN).unwrap();
        let table = &finding.fact.dataset().unwrap().table;
        let names = ["sample_id", "donor", "dose_um", "viability", "n_cells", "passed_qc"];
        assert_eq!((table.row_count, table.columns.as_slice()), (Some(24), &names.map(str::to_owned)[..]));
        assert!(table.sketch.as_ref().unwrap().rows.is_some() && finding.notes.is_empty());
    }

    #[test]
    fn cut_and_bent_files_are_no_panic() {
        for size in 0..SCREEN.len() {
            assert!(run(&SCREEN[..size]).is_err(), "{size}");
        }
        for at in 0..SCREEN.len() {
            let mut bent = SCREEN.to_vec();
            bent[at] ^= 1 << (at % 8);
            let _ = run(&bent);
        }
    }
}
