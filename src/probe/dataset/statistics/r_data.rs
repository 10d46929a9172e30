//! Files of R: one object (`saveRDS`, format `rds`), or several under their names (`save`, format `rda`).
//!
//! Data frames are tables, wherever in a list or an S4 object they stand; matrices with names of columns are too.
//! Everything else is passed over, and never evaluated. R stores columns one behind the other: they are held, up to 16
//! MiB in all, and fed as rows once all are known. Of larger ones names and the number of rows are told, and a note says
//! that the rows were not read.

use std::io::Read;

use super::super::super::stream::Stream;
use super::super::super::{Finding, Input, ProbeError};
use super::r_object::{Data, Reader, Texts, Value};
use super::r_source::Source;
use super::text::{label, text};
use crate::blob::ReadError;
use crate::model::{Cause, Dataset, Fact, TableFacts, publishable};
use crate::table::{Cell, Column, Context, Kind, Table};

/// Tables of one file that are described.
const MAX_TABLES: usize = 256;
/// Levels of lists in which tables are looked for.
const MAX_LEVELS: usize = 4;

/// Reads a file of one object.
pub(crate) fn rds(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !matches!(input.head, [b'X' | b'A' | b'B', b'\n', ..]) {
        return Err(ProbeError::NotMine);
    }
    read(input, &mut Stream::new(source))
}

/// Reads a file of named objects.
pub(crate) fn rda(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !matches!(input.head, [b'R', b'D', b'X' | b'A' | b'B', b'2' | b'3', b'\n', ..]) {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    stream.skip(5)?;
    read(input, &mut stream)
}

fn read(input: &Input, stream: &mut Stream) -> Result<Finding, ProbeError> {
    let mut source = Source::new(stream)?;
    let mut reader = Reader::new(&mut source)?;
    let root = reader.value()?;
    let mut found =
        Found { input, was_cut: reader.was_cut, tables: Vec::new(), shape: None, is_partial: false, stopped: None };
    let name = input.context().name;
    found.look("", &name, &root, 0);
    let Found { tables, shape, is_partial, stopped, .. } = found;
    let kind = tables.is_empty().then(|| "r_object".to_owned());
    let mut dataset = Dataset { kind, ..Dataset::of_tables(tables) };
    if dataset.table.row_count.is_none() || dataset.tables.is_empty() {
        dataset.shape = shape;
    }
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if is_partial {
        let detail = "its columns are more than is held at once: rows were not read".to_owned();
        finding.notes.push((Cause::OverBudget, detail));
    }
    finding.notes.extend(stopped.map(|error| (error.cause(), error.to_string())));
    Ok(finding)
}

struct Found<'i, 'a> {
    input: &'i Input<'a>,
    was_cut: bool,
    tables: Vec<(String, TableFacts)>,
    /// Extents of a matrix.
    shape: Option<Vec<u64>>,
    is_partial: bool,
    /// Why the rest was not looked at.
    stopped: Option<ReadError>,
}

/// The texts of an attribute.
fn texts<'v>(value: &'v Value, name: &str) -> Option<&'v Texts> {
    value.attribute(name)?.texts()
}

fn is_a(value: &Value, class: &str) -> bool {
    texts(value, "class").is_some_and(|classes| classes.iter().any(|one| one == class.as_bytes()))
}

/// Extents of a matrix.
fn extents(value: &Value) -> Option<(u64, u64)> {
    match &value.attribute("dim")?.data {
        Data::Integers(dim) => match dim[..] {
            [rows, columns] => Some((rows.try_into().ok()?, columns.try_into().ok()?)),
            _ => None,
        },
        _ => None,
    }
}

impl<'a> Found<'_, 'a> {
    /// Looks for tables in an object; `path` is how it is reached, `name` what it is called.
    fn look(&mut self, path: &str, name: &str, value: &Value, level: usize) {
        if self.stopped.is_some() {
            return;
        }
        if self.tables.len() >= MAX_TABLES || level > MAX_LEVELS {
            self.is_partial = true;
            return;
        }
        let empty = Vec::new();
        let items = if let Data::Items(items) = &value.data { items } else { &empty };
        if is_a(value, "data.frame") {
            self.frame(name, value, items);
            return;
        }
        if let Some((rows, columns)) = extents(value) {
            self.matrix(name, value, rows, columns);
            return;
        }
        let names = texts(value, "names");
        for (at, (tag, item)) in items.iter().enumerate() {
            let named = names.map(|names| text(names.get(at)).into_owned()).unwrap_or_else(|| tag.clone());
            self.inner(path, &named, item, level);
        }
        // The slots of an S4 object are its attributes.
        if matches!(value.data, Data::Other) {
            for (slot, item) in &value.attributes {
                self.inner(path, slot, item, level);
            }
        }
    }

    fn inner(&mut self, path: &str, name: &str, item: &Value, level: usize) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if matches!(item.data, Data::Items(_) | Data::Other) || item.attribute("dim").is_some() {
            self.look(&path, &path, item, level.saturating_add(1));
        }
    }

    fn table(&self, name: &str) -> Table<'a> {
        Table::new(self.input.tables, Context { name: name.to_owned(), ..Context::default() })
    }

    fn frame(&mut self, name: &str, value: &Value, items: &[(String, Value)]) {
        let rows = rows_of(value, items);
        let names = texts(value, "names");
        let mut table = self.table(name);
        let mut columns = Vec::new();
        for (at, (_, item)) in items.iter().enumerate() {
            let named = names.map(|names| text(names.get(at)).trim().to_owned()).unwrap_or_default();
            let kept = Kept::of(item);
            let words = texts(item, "label").and_then(|words| label(words.get(0)));
            table.column(Column { label: words, ..Column::of(named, kept.kind()) });
            columns.push(kept);
        }
        let is_whole = columns.iter().all(|column| column.is_whole(rows)) && value.len == items.len() as u64;
        let feeds = self.input.rows && is_whole && !columns.is_empty();
        if feeds {
            for row in 0..usize::try_from(rows).unwrap_or(0) {
                for (at, column) in columns.iter().enumerate() {
                    column.feed(row, |cell| table.cell(at, cell));
                }
                self.stopped = table.end_row().err();
                if self.stopped.is_some() {
                    break;
                }
            }
        } else if self.input.rows && rows > 0 && !columns.is_empty() {
            table.cut();
        }
        let is_cut = self.input.rows && !feeds && rows > 0 && !columns.is_empty();
        let facts = TableFacts { row_count: Some(rows), row_count_estimated: false, ..table.finish() };
        self.is_partial |= is_cut || self.was_cut;
        self.tables.push((publishable("object", name), facts));
    }

    /// A matrix: a table where its columns have names, else extents alone.
    fn matrix(&mut self, name: &str, value: &Value, rows: u64, columns: u64) {
        self.shape = Some(vec![rows, columns]);
        let names = value.attribute("dimnames").and_then(|names| match &names.data {
            Data::Items(items) => items.get(1).and_then(|(_, names)| names.texts()),
            _ => None,
        });
        let mut table = self.table(name);
        let kept = Kept::of(value);
        let named = names.map_or(0, |names| names.iter().count());
        for column in names.into_iter().flat_map(Texts::iter) {
            table.column(Column::of(text(column).trim().to_owned(), kept.kind()));
        }
        let is_whole = rows.checked_mul(columns) == Some(value.len) && kept.is_whole(value.len);
        if self.input.rows && is_whole && named > 0 && named as u64 == columns {
            let rows = usize::try_from(rows).unwrap_or(0);
            for row in 0..rows {
                for column in 0..named {
                    let at = column.saturating_mul(rows).saturating_add(row);
                    kept.feed(at, |cell| table.cell(column, cell));
                }
                self.stopped = table.end_row().err();
                if self.stopped.is_some() {
                    break;
                }
            }
        } else if self.input.rows && named > 0 && rows > 0 {
            table.cut();
            self.is_partial = true;
        }
        let facts = TableFacts { row_count: Some(rows), row_count_estimated: false, ..table.finish() };
        let facts = TableFacts { column_count: Some(columns), ..facts };
        self.tables.push((publishable("object", name), facts));
    }
}

/// Rows of a data frame: what its names of rows say, else the length of its first column.
fn rows_of(value: &Value, items: &[(String, Value)]) -> u64 {
    let first = items.first().map_or(0, |(_, item)| extents(item).map_or(item.len, |(rows, _)| rows));
    match value.attribute("row.names") {
        // Numbers from one on are stored as a missing one, and how many there are.
        Some(Value { data: Data::Integers(names), .. }) if matches!(names[..], [i32::MIN, _]) => {
            names.get(1).map_or(first, |count| u64::from(count.unsigned_abs()))
        }
        Some(names) if names.len > 0 => names.len,
        _ => first,
    }
}

/// A column, and how its elements are to be taken.
enum Kept<'v> {
    Codes(&'v [i32], &'v Texts),
    Flags(&'v [i32]),
    Integers(&'v [i32]),
    IntegerDays(&'v [i32]),
    Reals(&'v [f64]),
    Days(&'v [f64]),
    Seconds(&'v [f64]),
    Texts(&'v Texts),
    /// Lists, bytes, matrices, times in parts: how many.
    Other(u64),
    /// It was too much to keep.
    Gone,
}

impl<'v> Kept<'v> {
    fn of(value: &'v Value) -> Kept<'v> {
        match &value.data {
            Data::Integers(codes) => match texts(value, "levels") {
                Some(levels) => Kept::Codes(codes, levels),
                None if is_a(value, "Date") => Kept::IntegerDays(codes),
                None => Kept::Integers(codes),
            },
            Data::Logicals(flags) => Kept::Flags(flags),
            Data::Reals(numbers) if is_a(value, "Date") => Kept::Days(numbers),
            Data::Reals(numbers) if is_a(value, "POSIXct") => Kept::Seconds(numbers),
            Data::Reals(numbers) => Kept::Reals(numbers),
            Data::Texts(texts) => Kept::Texts(texts),
            Data::None if value.len > 0 => Kept::Gone,
            _ => Kept::Other(value.len),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Kept::Codes(..) | Kept::Texts(_) | Kept::Gone => Kind::Text,
            Kept::Flags(_) => Kind::Boolean,
            Kept::Integers(_) => Kind::Integer,
            Kept::IntegerDays(_) | Kept::Days(_) | Kept::Seconds(_) => Kind::Date,
            Kept::Reals(_) => Kind::Number,
            Kept::Other(_) => Kind::Other,
        }
    }

    /// Whether it has an element for each of so many rows.
    fn is_whole(&self, rows: u64) -> bool {
        let elements = match self {
            Kept::Codes(numbers, _) | Kept::Flags(numbers) | Kept::Integers(numbers) | Kept::IntegerDays(numbers) => {
                numbers.len()
            }
            Kept::Reals(numbers) | Kept::Days(numbers) | Kept::Seconds(numbers) => numbers.len(),
            Kept::Texts(texts) => texts.iter().count(),
            Kept::Other(elements) => return *elements >= rows,
            Kept::Gone => return false,
        };
        elements as u64 >= rows
    }

    fn feed(&self, row: usize, feed: impl FnOnce(Cell)) {
        let number = |numbers: &[i32]| numbers.get(row).copied().filter(|&number| number != i32::MIN);
        let real = |numbers: &[f64]| numbers.get(row).copied().filter(|number| number.is_finite());
        let cell = match self {
            Kept::Codes(codes, levels) => {
                let level = number(codes).and_then(|code| usize::try_from(code).ok()?.checked_sub(1));
                return match level {
                    Some(level) => feed(Cell::Text(&text(levels.get(level)))),
                    None => feed(Cell::Missing),
                };
            }
            Kept::Texts(texts) => return feed(Cell::Text(&text(texts.get(row)))),
            Kept::Flags(flags) => number(flags).map(|flag| Cell::Boolean(flag != 0)),
            Kept::Integers(numbers) => number(numbers).map(|number| Cell::Integer(number.into())),
            Kept::IntegerDays(days) => number(days).map(|day| Cell::Day(day.into())),
            Kept::Reals(numbers) => real(numbers).map(Cell::Number),
            Kept::Days(days) => real(days).map(|day| Cell::Day(day.floor() as i64)),
            Kept::Seconds(seconds) => real(seconds).map(|second| Cell::Second(second.floor() as i64)),
            Kept::Other(_) => Some(Cell::Bytes),
            Kept::Gone => None,
        };
        feed(cell.unwrap_or(Cell::Missing));
    }
}

#[cfg(test)]
mod tests;
