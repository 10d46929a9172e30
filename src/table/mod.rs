//! Rows of one table → what it says about people: one streaming pass, bounded memory.
//!
//! A reader of a format ([`crate::probe`]) makes a [`Table`], names its columns, hands over its cells row by row, and
//! gets [`TableFacts`] back. Nothing here knows a format or reads a byte. No value ever leaves: what comes out are
//! names of columns, classes, counts and measures of risk.
//!
//! Where to go next: [`Table`] is the pass, [`Taxonomy`] says what a column holds, `people` counts them, `risk` says how
//! easily one is singled out. What a class is, in every language, stands in `signatures/personal/`.

mod cell;
mod profile;
mod taxonomy;

use std::sync::Arc;

pub use cell::Cell;
pub use profile::{Column, Kind, Profile};
pub use taxonomy::{Asked, Context, Taxonomy};

use crate::model::{Sketch, TableFacts};

/// Columns that are looked at; of further ones only the number is known.
const MAX_COLUMNS: usize = 4096;
/// Values kept over all columns, for their tests.
const MAX_KEPT_IN_ALL: usize = 64 << 10;
/// Values kept of one column.
const MAX_KEPT_EACH: usize = 1024;

/// How tables are looked at.
#[derive(Debug, Default)]
pub struct Settings {
    /// What a column may hold.
    pub taxonomy: Taxonomy,
    /// Sets of quasi-identifiers that were asked for (`--risk-set`), by class.
    pub risk_sets: Vec<Vec<String>>,
}

/// One table, while its rows go by.
pub struct Table<'s> {
    settings: &'s Settings,
    context: Context,
    profiles: Vec<Profile>,
    /// Columns past those that are looked at.
    further: u64,
    rows: u64,
    /// Whether rows were left out.
    cut: bool,
    digest: u64,
    row: Row,
    buffer: String,
}

/// The row at hand.
#[derive(Default)]
struct Row {
    digest: u64,
}

impl<'s> Table<'s> {
    /// A table of which nothing is known but where it stands.
    pub fn new(settings: &'s Settings, context: Context) -> Table<'s> {
        Table {
            settings,
            context,
            profiles: Vec::new(),
            further: 0,
            rows: 0,
            cut: false,
            digest: 0,
            row: Row::default(),
            buffer: String::new(),
        }
    }

    /// Adds a column; the number is what [`Table::cell`] takes. Columns may show up while rows go by.
    pub fn column(&mut self, column: Column) -> usize {
        let number = self.profiles.len();
        if number >= MAX_COLUMNS {
            self.further += 1;
            return usize::MAX;
        }
        let kept = (MAX_KEPT_IN_ALL / (number + 1)).clamp(16, MAX_KEPT_EACH);
        self.profiles.push(Profile::new(column, kept));
        number
    }

    /// The columns so far.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &Column> {
        self.profiles.iter().map(|profile| &profile.column)
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// One value of the row at hand. A column that holds a list gets several; one that gets none is missing.
    pub fn cell(&mut self, column: usize, cell: Cell) {
        let Some(profile) = self.profiles.get_mut(column) else { return };
        let Some(normal) = cell::normal(cell, &mut self.buffer) else { return };
        let hash = cell::hash(normal);
        profile.count(normal, hash);
        self.row.digest = self.row.digest.wrapping_add(cell::mix(hash, profile.seed()));
    }

    /// The row is complete.
    pub fn end_row(&mut self) {
        self.rows += 1;
        self.digest = self.digest.wrapping_add(cell::mix(self.row.digest, 1));
        self.row.digest = 0;
    }

    /// Rows follow that were not read: nothing is then said that a part of the rows cannot tell.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// What it says. `row_count` is the number of rows that were handed over; a reader that knows better puts it right.
    pub fn finish(self) -> TableFacts {
        let mut facts = self.settings.taxonomy.classify(&self.profiles, &self.context);
        facts.row_count = Some(self.rows);
        facts.row_count_estimated = self.cut;
        facts.columns = self.profiles.iter().map(|profile| profile.column.name.clone()).collect();
        facts.column_count = Some(self.profiles.len() as u64 + self.further);
        let rows = (!self.cut && self.rows > 0 && self.further == 0).then_some(self.digest);
        facts.sketch = Some(Arc::new(Sketch { rows, people: None }));
        facts
    }
}
