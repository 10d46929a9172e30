//! The rows of a sheet: which of them names the columns, and what follows as a table.
//!
//! A sheet is what somebody typed: a title may stand above the table, and the names of the columns are a row like any
//! other. The first rows are held until it is clear which one names; the rest go by.

use std::rc::Rc;

use crate::blob::ReadError;
use crate::model::TableFacts;
use crate::table::{Cell, Column, Kind, Table, Taxonomy, names_columns};

/// Rows that are held.
const MAX_HELD: usize = 12;
/// Bytes of held rows, more or less: past them the columns are named by what there is.
const MAX_HELD_BYTES: usize = 4 << 20;
/// Most columns of a sheet, and cells of a row: Excel's own limit is 16,384.
const MAX_COLUMNS: usize = 20_000;
/// Bytes of a held text; of one in a row of so many cells that texts of that length would fill the memory.
const MAX_TEXT: usize = 4_096;
const MAX_SHORT: usize = 256;
const WIDE: usize = 1_000;

/// A value of a cell, held.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    /// Shared: a cell may be written once and stand for many.
    Text(Rc<str>),
    Number(f64),
    Boolean(bool),
    /// Seconds since 1970.
    Moment(i64),
}

impl Held {
    fn bytes(&self) -> usize {
        let text = if let Held::Text(text) = self { text.len() } else { 0 };
        text.saturating_add(size_of::<(usize, Held)>())
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Held::Text(text) => Cell::Text(text),
            Held::Number(number) => Cell::Number(*number),
            Held::Boolean(flag) => Cell::Boolean(*flag),
            Held::Moment(second) if second.checked_rem(86_400) == Some(0) => Cell::Day(second / 86_400),
            Held::Moment(second) => Cell::Second(*second),
        }
    }

    /// As it is written where it names a column.
    fn text(&self) -> String {
        match self {
            Held::Text(text) => text.trim().to_owned(),
            held => held.cell().written().unwrap_or_default(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Held::Text(_) => Kind::Text,
            Held::Number(_) => Kind::Number,
            Held::Boolean(_) => Kind::Boolean,
            Held::Moment(_) => Kind::Date,
        }
    }
}

/// A row: columns by number, in order, empty cells left out.
pub(super) type Row = Vec<(usize, Held)>;

/// Puts a value into a row; answers false where the row is too wide for it.
pub(super) fn put(row: &mut Row, column: usize, held: Held) -> bool {
    if column >= MAX_COLUMNS || row.len() >= MAX_COLUMNS {
        return false;
    }
    let held = match held {
        Held::Text(text) if row.len() >= WIDE && text.len() > MAX_SHORT => {
            Held::Text(beginning(&text, MAX_SHORT).into())
        }
        held => held,
    };
    row.push((column, held));
    true
}

/// The value of a row in that column.
fn value(row: &Row, column: usize) -> Option<&Held> {
    let at = row.partition_point(|(number, _)| *number < column);
    row.get(at).filter(|(number, _)| *number == column).map(|(_, held)| held)
}

/// A sheet, while its rows go by.
pub(super) struct Sheet<'s> {
    table: Table<'s>,
    /// The first rows, until the columns are known.
    held: Vec<Row>,
    held_bytes: usize,
    /// Numbers of the table's columns, by that of the sheet; empty until they are known.
    columns: Vec<Option<usize>>,
    is_open: bool,
    pub(super) has_header: bool,
    feeds: bool,
    rows: u64,
}

impl<'s> Sheet<'s> {
    pub(super) fn new(table: Table<'s>, feeds: bool) -> Sheet<'s> {
        Sheet {
            table,
            held: Vec::new(),
            held_bytes: 0,
            columns: Vec::new(),
            is_open: false,
            has_header: false,
            feeds,
            rows: 0,
        }
    }

    /// Takes the next row that is not empty.
    ///
    /// # Errors
    /// As [`Table::end_row`].
    pub(super) fn row(&mut self, row: &Row) -> Result<(), ReadError> {
        if row.is_empty() {
            return Ok(());
        }
        if self.is_open {
            return self.feed(row);
        }
        self.held_bytes = row.iter().map(|(_, held)| held.bytes()).fold(self.held_bytes, usize::saturating_add);
        self.held.push(row.clone());
        if self.held.len() >= MAX_HELD || self.held_bytes > MAX_HELD_BYTES {
            return self.open();
        }
        Ok(())
    }

    /// Rows follow that are not read.
    pub(super) fn cut(&mut self) {
        self.table.cut();
    }

    /// What it says.
    pub(super) fn finish(mut self) -> TableFacts {
        if !self.is_open && self.open().is_err() {
            self.table.cut();
        }
        let rows = self.rows;
        let mut facts = self.table.finish();
        facts.row_count = Some(rows);
        facts
    }

    /// Finds the row that names the columns, and lets the held ones go by.
    fn open(&mut self) -> Result<(), ReadError> {
        self.is_open = true;
        let held = std::mem::take(&mut self.held);
        let header = header(self.table.taxonomy(), &held);
        let after = header.map_or(0, |header| header.saturating_add(1));
        let body = held.get(after..).unwrap_or_default();
        let width = |row: &Row| row.last().map_or(0, |(column, _)| column.saturating_add(1));
        let width = held.iter().map(width).max().unwrap_or(0).min(MAX_COLUMNS);
        let names = header.and_then(|header| held.get(header));
        self.has_header = names.is_some();
        for column in 0..width {
            let name = match names {
                Some(names) => match value(names, column) {
                    Some(held) => held.text(),
                    // A column without a name is one all the same, if there is something in it.
                    _ if body.iter().any(|row| value(row, column).is_some()) => letters(column),
                    _ => {
                        self.columns.push(None);
                        continue;
                    }
                },
                None => letters(column),
            };
            let kind = body.iter().find_map(|row| value(row, column)).map_or(Kind::Text, Held::kind);
            self.columns.push(Some(self.table.column(Column::of(name, kind))));
        }
        body.iter().try_for_each(|row| self.feed(row))
    }

    fn feed(&mut self, row: &Row) -> Result<(), ReadError> {
        self.rows = self.rows.saturating_add(1);
        if !self.feeds {
            return Ok(());
        }
        for (column, held) in row {
            if let Some(Some(number)) = self.columns.get(*column) {
                self.table.cell(*number, held.cell());
            }
        }
        self.table.end_row()
    }
}

/// The row that names the columns: the first of the widest ones, if it differs from those below it as names do.
fn header(taxonomy: &Taxonomy, rows: &[Row]) -> Option<usize> {
    let widest = rows.iter().map(Vec::len).max()?;
    // A row of data may be wider than the names where columns at the end have none, and so has a column of row numbers in
    // front; a title stands at the very left.
    let least = widest.saturating_mul(4).div_ceil(5).max(1);
    let is_wide = |row: &Row| {
        let starts_later = row.first().is_some_and(|(column, _)| *column > 0);
        row.len().saturating_add(usize::from(starts_later)) >= least
    };
    let (at, row) = rows.iter().enumerate().find(|(_, row)| is_wide(row))?;
    let columns: Vec<usize> = row.iter().map(|(column, _)| *column).collect();
    let texts = |row: &Row| -> Vec<String> {
        let of = |column: &usize| value(row, *column).map(Held::text);
        columns.iter().map(|column| of(column).unwrap_or_default()).collect()
    };
    let first = texts(row);
    let body: Vec<Vec<String>> = rows.iter().skip(at.saturating_add(1)).map(texts).collect();
    let body: Vec<Vec<&str>> = body.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    names_columns(taxonomy, &first.iter().map(String::as_str).collect::<Vec<&str>>(), &body).then_some(at)
}

/// The name a spreadsheet gives a column: A, B, …, Z, AA.
fn letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    loop {
        letters.push(b'A'.saturating_add(u8::try_from(rest % 26).unwrap_or(0)));
        match (rest / 26).checked_sub(1) {
            Some(more) => rest = more,
            None => break,
        }
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

/// A text of bounded length.
pub(super) fn held_text(text: &str) -> Held {
    Held::Text(beginning(text, MAX_TEXT).into())
}

fn beginning(text: &str, allowed: usize) -> &str {
    text.get(..text.floor_char_boundary(allowed.min(text.len()))).unwrap_or_default()
}

/// The second since 1970 that a spreadsheet's day number means; none where it is no date of this world.
pub(super) fn moment(serial: f64, from_1904: bool) -> Option<i64> {
    let days = if from_1904 { serial + 1462.0 } else { serial };
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    // Before March 1900 the numbers count a day that never was.
    let days = if days < 60.0 { days + 1.0 } else { days };
    #[allow(clippy::cast_possible_truncation)]
    let seconds = ((days - 25_569.0) * 86_400.0).round() as i64;
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(texts: &[&str]) -> Row {
        texts.iter().enumerate().filter(|(_, text)| !text.is_empty()).map(|(n, text)| (n, held_text(text))).collect()
    }

    #[test]
    fn titles_stand_above_names() {
        let header = |rows: &[Row]| header(&Taxonomy::default(), rows);
        let numbers: Row = vec![(0, Held::Number(1.0)), (1, Held::Number(2.0))];
        assert_eq!(header(&[text(&["Results 2024"]), text(&["id", "dose"]), numbers.clone()]), Some(1));
        assert_eq!(header(&[numbers.clone(), numbers.clone()]), None);
        assert_eq!(header(&[text(&["a", "a"]), text(&["b", "c"])]), None);
        assert_eq!(header(&[]), None);
        let numbered: Row = vec![(1, held_text("dose"))];
        assert_eq!(header(&[numbered, vec![(0, Held::Number(0.0)), (1, Held::Number(2.0))]]), Some(0));
    }

    #[test]
    fn names_of_columns_and_days() {
        assert_eq!([0, 25, 26, 701, 702].map(letters), ["A", "Z", "AA", "ZZ", "AAA"]);
        assert_eq!(moment(25_569.0, false), Some(0));
        assert_eq!(moment(45_351.5, false), Some(19_782 * 86_400 + 43_200));
        assert_eq!(moment(1.0, false), Some(-25_567 * 86_400));
        assert_eq!(moment(-1.0, false), None);
        assert_eq!(moment(0.0, true), Some(-24_107 * 86_400));
    }
}
