//! Databases of trackers: the tables that a tracker is known by, read side by side.
//!
//! A database is opened like any other of the house, by its bytes alone: nothing is locked, and no log beside it is
//! touched or replayed. What ends the reading of a table early is a note, and the other tables are read all the same.

use super::super::dataset::store::sqlite;
use super::super::{Finding, Input, Member, ProbeError, kit};
use crate::archive::sqlite::{Database, Item, Sort, SqliteError, Value};
use crate::model::{Cause, Fact, Run};

/// Most runs of one database.
pub(super) const MAX_RUNS: usize = 100_000;
/// Most rows that are read of all tables together.
const MAX_ROWS: u64 = 2_000_000;

/// An open database.
pub(super) struct Tables<'b> {
    database: Database<'b>,
    items: Vec<Item>,
    rows_left: u64,
    notes: Vec<(Cause, String)>,
}

impl<'b> Tables<'b> {
    /// Reads the schema.
    ///
    /// # Errors
    /// [`ProbeError::NotMine`] where it cannot be read: then it is a database, but not known to be a tracker's.
    pub(super) fn open(input: &Input<'b>) -> Result<Tables<'b>, ProbeError> {
        let other = |error: SqliteError| match error {
            SqliteError::Read(error) if !matches!(error, crate::blob::ReadError::Ended { .. }) => error.into(),
            _ => ProbeError::NotMine,
        };
        let mut database = Database::open(input.blob).map_err(other)?;
        let items = database.schema().map_err(other)?;
        Ok(Tables { database, items, rows_left: MAX_ROWS, notes: Vec::new() })
    }

    fn item(&self, table: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.sort == Sort::Table && item.name.eq_ignore_ascii_case(table))
    }

    /// Whether there is such a table, with these columns.
    pub(super) fn has(&self, table: &str, columns: &[&str]) -> bool {
        self.item(table).is_some_and(|item| columns.iter().all(|column| place(item, column).is_some()))
    }

    /// The values of these columns in every row of a table, as long as `each` says so. A column that is not there holds
    /// nothing, and so does a table.
    ///
    /// # Errors
    /// Where the bytes could not be had; what is broken is noted.
    pub(super) fn each<const N: usize>(
        &mut self,
        table: &str,
        columns: [&str; N],
        each: &mut dyn FnMut([&Value; N]) -> bool,
    ) -> Result<(), ProbeError> {
        let Some(item) = self.item(table).cloned() else { return Ok(()) };
        let places = columns.map(|column| place(&item, column).unwrap_or(usize::MAX));
        let mut is_spent = false;
        let outcome = self.database.rows(&item, &mut |row| {
            match self.rows_left.checked_sub(1) {
                Some(left) => self.rows_left = left,
                None => is_spent = true,
            }
            !is_spent && each(places.map(|place| row.get(place).unwrap_or(&Value::Null)))
        });
        if is_spent {
            self.note((Cause::OverBudget, format!("only {MAX_ROWS} rows of its tables were read")));
        }
        if let Err(error) = outcome {
            let note = kit::note(error.into())?;
            self.note(note);
        }
        Ok(())
    }

    /// A note, once.
    pub(super) fn note(&mut self, note: (Cause, String)) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The finding: the runs as members, and as data whatever holds rows and is not among the tracker's own tables.
    ///
    /// # Errors
    /// [`ProbeError::NotMine`] where there is no run, and where the bytes could not be had.
    pub(super) fn finish(
        mut self,
        input: &Input,
        own: &[&str],
        format: &'static str,
        runs: Vec<(String, Run)>,
    ) -> Result<Finding, ProbeError> {
        if runs.is_empty() {
            // A tracker nobody used is a database like any other.
            return Err(ProbeError::NotMine);
        }
        let mut others = Vec::new();
        for item in self.items.iter().filter(|item| item.sort == Sort::Table) {
            if own.iter().any(|own| item.name.eq_ignore_ascii_case(own)) {
                continue;
            }
            let mut has_rows = false;
            let outcome = self.database.rows(item, &mut |_| {
                has_rows = true;
                false
            });
            if has_rows || outcome.is_err() {
                others.push(item.name.clone());
            }
        }
        let mut finding = match others.is_empty() {
            true => Finding::new(Fact::None {}),
            false => {
                let mut finding = sqlite::of(input, &|item| others.contains(&item.name))?;
                finding.format = Some("sqlite");
                finding
            }
        };
        if self.database.is_cut() {
            self.note((Cause::Truncated, "has fewer pages than its header says".to_owned()));
        }
        for note in self.notes {
            if !finding.notes.contains(&note) {
                finding.notes.push(note);
            }
        }
        let member = |(path, run): (String, Run)| Member { path, format: Some(format), fact: Fact::Run(Box::new(run)) };
        finding.members = runs.into_iter().map(member).collect();
        Ok(finding)
    }
}

fn place(item: &Item, column: &str) -> Option<usize> {
    item.columns.iter().position(|other| other.name.eq_ignore_ascii_case(column))
}

/// A key, which some schemas have as a number and some as a text.
pub(super) fn key(value: &Value) -> Option<String> {
    match value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}
