//! SQLite databases as data: every table with its columns and rows, and the names of the views.
//!
//! Rows go by one at a time and are judged like those of any other table. Shadow tables, in which full-text and spatial
//! indexes keep their own bookkeeping, are left out.

use std::collections::BTreeMap;

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::archive::sqlite::{Column as Declared, Database, Item, Sort, SqliteError, Value};
use crate::model::{Cause, Dataset, Fact, TableFacts, keep, publishable};
use crate::table::{Cell, Column, Context, Kind, Table};

/// Tables that are described.
const MAX_TABLES: usize = 2_000;
/// Largest file whose rows are counted where they are not read.
const MAX_COUNTED: u64 = 256 << 20;
/// What full-text and spatial indexes append to the name of a virtual table.
const SHADOWS: [&str; 11] = [
    "_data",
    "_idx",
    "_docsize",
    "_config",
    "_segments",
    "_segdir",
    "_stat",
    "_node",
    "_parent",
    "_rowid",
    "_vector_chunks",
];

impl From<SqliteError> for ProbeError {
    fn from(error: SqliteError) -> ProbeError {
        match error {
            SqliteError::NotSqlite => ProbeError::NotMine,
            SqliteError::Read(error) => error.into(),
            SqliteError::Unsupported(_) | SqliteError::TooLarge(_) => ProbeError::Unsupported(error.to_string()),
            SqliteError::Malformed(_) => ProbeError::Malformed(error.to_string()),
        }
    }
}

/// Reads the schema, then every table.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    of(input, &|_| true)
}

/// The same for the tables that are wanted.
///
/// # Errors
/// As [`probe`].
pub(crate) fn of(input: &Input, wanted: &dyn Fn(&Item) -> bool) -> Result<Finding, ProbeError> {
    let mut database = Database::open(input.blob)?;
    let items = database.schema()?;
    let mut notes = Vec::new();
    let mut tables = BTreeMap::new();
    for item in items.iter().filter(|item| item.sort == Sort::Table && wanted(item) && !is_shadow(item, &items)) {
        if tables.len() >= MAX_TABLES {
            notes.push((Cause::OverBudget, format!("only {MAX_TABLES} of its tables were read")));
            break;
        }
        let (facts, outcome) = read(input, &mut database, item);
        if let Err(error) = outcome {
            let (cause, detail) = kit::note(error)?;
            if !notes.iter().any(|(_, other)| *other == detail) {
                notes.push((cause, detail));
            }
        }
        keep(&mut tables, publishable("table", &item.name), facts);
    }
    if database.is_cut() {
        notes.push((Cause::Truncated, "has fewer pages than its header says".to_owned()));
    }
    let views = items.iter().filter(|item| item.sort == Sort::View);
    let dataset = Dataset {
        table: TableFacts::joined(tables.values()),
        tables,
        views: views.map(|view| publishable("view", &view.name)).collect(),
        free_pages: (database.free_pages > 0).then_some(u64::from(database.free_pages)),
        ..Dataset::default()
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    finding.notes = notes;
    Ok(finding)
}

fn is_shadow(item: &Item, items: &[Item]) -> bool {
    SHADOWS
        .iter()
        .filter_map(|shadow| item.name.strip_suffix(shadow))
        .any(|stem| items.iter().any(|other| other.sort == Sort::Virtual && other.name == stem))
}

/// One table: what its columns say, and what ended the reading early.
fn read(input: &Input, database: &mut Database, item: &Item) -> (TableFacts, Result<(), ProbeError>) {
    let context = Context { name: item.name.clone(), ..Context::default() };
    let mut table = Table::new(input.tables, context);
    for column in &item.columns {
        table.column(Column::of(column.name.clone(), kind(column)));
    }
    if !input.rows {
        let count = match input.blob.size() <= MAX_COUNTED {
            true => database.count(item).map(Some),
            false => Ok(None),
        };
        let mut facts = table.finish();
        let (count, outcome) = match count {
            Ok(count) => (count, Ok(())),
            Err(error) => (None, Err(error.into())),
        };
        facts.row_count = count;
        return (facts, outcome);
    }
    let mut stopped = Ok(());
    let outcome = database.rows(item, &mut |row| {
        for (number, value) in row.iter().enumerate() {
            table.cell(number, cell(value));
        }
        stopped = table.end_row();
        stopped.is_ok()
    });
    let outcome = stopped.map_err(ProbeError::from).and(outcome.map_err(ProbeError::from));
    if outcome.is_err() {
        table.cut();
    }
    (table.finish(), outcome)
}

fn cell<'v>(value: &'v Value) -> Cell<'v> {
    match value {
        Value::Null => Cell::Missing,
        Value::Integer(number) => Cell::Integer(*number),
        Value::Real(number) => Cell::Number(*number),
        Value::Text(text) => Cell::Text(text),
        Value::Blob(_) | Value::Beyond => Cell::Bytes,
    }
}

/// How values are likely stored: a declared type is a wish, by its letters.
fn kind(column: &Declared) -> Kind {
    let has = |part: &str| column.declared.contains(part);
    match () {
        () if has("BOOL") => Kind::Boolean,
        () if has("DATE") || has("TIME") => Kind::Date,
        () if has("INT") => Kind::Integer,
        () if has("CHAR") || has("CLOB") || has("TEXT") => Kind::Text,
        () if has("BLOB") => Kind::Other,
        () if has("REAL") || has("FLOA") || has("DOUB") || has("NUMERIC") || has("DECIMAL") => Kind::Number,
        () => Kind::Text,
    }
}
