//! LMDB: the two pages of meta data, the tree of the main database, named databases, and records that are JSON.
//!
//! Follows `lmdb.h` and `mdb.c` of LMDB 0.9 on a 64-bit machine, least significant byte first. Keys and values are bytes
//! that mean what a program wants: a value that is a JSON object is read as a row, of a pickled one the keys of the
//! outermost dictionary are named. Keys by which programs keep books (`__len__`, `num-samples`) are no rows. Pages point
//! at pages: a walk visits no more of them than the file has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::super::weights::pickle;
use crate::blob::{Blob, ReadError, read_vec};
use crate::model::{Dataset, Fact, TableFacts, keep, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};
use crate::table::{Cell, Column, Context, Table};

const MAGIC: u32 = 0xbeef_c0de;
/// Deepest tree; the library's own limit.
const MAX_DEPTH: usize = 32;
/// Bytes of a value that are looked at.
const MAX_VALUE: u64 = 256 << 10;
/// Named databases that are read.
const MAX_TABLES: usize = 500;
/// Columns of a table of records.
const MAX_COLUMNS: usize = 2_000;
/// Keys by which programs keep books.
const BOOKS: [&[u8]; 10] = [
    b"num-samples",
    b"num_samples",
    b"num_examples",
    b"nSamples",
    b"length",
    b"len",
    b"keys",
    b"meta",
    b"metadata",
    b"classes",
];

const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const LEAF2: u16 = 0x20;
const BIG: u16 = 1;
const SUB: u16 = 2;
const DUP: u16 = 4;

/// A database inside of the file.
#[derive(Clone, Copy, Debug)]
struct Tree {
    entries: u64,
    root: u64,
}

/// Reads the meta pages, then every database.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut store = Store::open(input.blob)?;
    let main = store.main;
    let mut dataset = Dataset { entries: Some(main.entries), ..Dataset::default() };
    let mut named = Vec::new();
    let (table, outcome) = store.table(input, input.table(), main, &mut named);
    let mut finding = Finding::new(Fact::None {});
    let mut outcome = outcome;
    for (name, tree) in named {
        let context = Context { name: name.clone(), ..Context::default() };
        let (facts, end) = store.table(input, Table::new(input.tables, context), tree, &mut Vec::new());
        outcome = outcome.and(end);
        keep(&mut dataset.tables, publishable("table", &name), facts);
    }
    dataset.table = match dataset.tables.is_empty() {
        true => table,
        false => TableFacts::joined(dataset.tables.values().chain([&table])),
    };
    finding.fact = Fact::Dataset(Box::new(dataset));
    if let Err(error) = outcome {
        finding.notes.push(kit::note(error)?);
    }
    Ok(finding)
}

struct Store<'b> {
    blob: &'b dyn Blob,
    page: u64,
    main: Tree,
    visits_left: u64,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn broken(what: &str) -> ProbeError {
    ProbeError::Malformed(format!("its LMDB structure does not hold: {what}"))
}

/// A database by the 48 bytes that describe it.
fn tree(bytes: &[u8]) -> Option<Tree> {
    Some(Tree { entries: u64_at(bytes, 32)?, root: u64_at(bytes, 40)? })
}

impl<'b> Store<'b> {
    fn open(blob: &'b dyn Blob) -> Result<Store<'b>, ProbeError> {
        let first = read_vec(blob, 0, 152, 152)?;
        if u32_at(&first, 16) != Some(MAGIC) {
            return Err(ProbeError::NotMine);
        }
        if u32_at(&first, 20) != Some(1) {
            return Err(ProbeError::Unsupported("is of a newer LMDB".to_owned()));
        }
        let page = u64::from(u32_at(&first, 40).unwrap_or(0));
        if !(256..=65_536).contains(&page) || !page.is_power_of_two() {
            return Err(broken("a page of an impossible size"));
        }
        // The page of the later transaction counts; a cut file has only one.
        let second = read_vec(blob, page, 152, 152).unwrap_or_default();
        let is_meta = u32_at(&second, 16) == Some(MAGIC);
        let meta = if is_meta && u64_at(&second, 144) > u64_at(&first, 144) { second } else { first };
        let main = meta.get(88..).and_then(tree).ok_or_else(|| broken("a meta page is cut"))?;
        let pages = blob.size().checked_div(page).unwrap_or(0).saturating_add(2);
        Ok(Store { blob, page, main, visits_left: pages.saturating_mul(2) })
    }

    fn read_page(&mut self, number: u64) -> Result<Vec<u8>, ProbeError> {
        self.visits_left = self.visits_left.checked_sub(1).ok_or_else(|| broken("pages run in circles"))?;
        let at = number.checked_mul(self.page).ok_or_else(|| broken("a page lies outside"))?;
        Ok(read_vec(self.blob, at, self.page, self.page)?)
    }

    /// One database as a table; databases that it names are put into `named`.
    fn table(
        &mut self,
        input: &Input,
        mut table: Table,
        tree: Tree,
        named: &mut Vec<(String, Tree)>,
    ) -> (TableFacts, Result<(), ProbeError>) {
        let mut books = 0u64;
        let mut columns: BTreeMap<String, usize> = BTreeMap::new();
        let rows = input.rows;
        let outcome = self.walk(tree.root, &mut |key, value| match value {
            Stored::Tree(tree) => {
                books = books.saturating_add(1);
                if named.len() < MAX_TABLES {
                    named.push((String::from_utf8_lossy(key).into_owned(), tree));
                }
                Ok(())
            }
            Stored::Value(_) if is_book(key) => {
                books = books.saturating_add(1);
                Ok(())
            }
            Stored::Value(value) => record(&mut table, &mut columns, &value, rows),
        });
        if outcome.is_err() {
            table.cut();
        }
        let mut facts = table.finish();
        facts.row_count = Some(tree.entries.saturating_sub(books));
        facts.row_count_estimated = outcome.is_err();
        if facts.columns.is_empty() {
            facts.column_count = None;
        }
        (facts, outcome)
    }

    /// Every key with its value, in order.
    fn walk(&mut self, root: u64, each: Each) -> Result<(), ProbeError> {
        if root == u64::MAX {
            return Ok(());
        }
        let mut open = vec![(root, 0usize)];
        while let Some((number, depth)) = open.pop() {
            let page = self.read_page(number)?;
            let (flags, lower) = (u16_at(&page, 10).unwrap_or(0), u16_at(&page, 12).unwrap_or(0));
            if flags & (BRANCH | LEAF) == 0 || depth > MAX_DEPTH {
                return Err(broken("a page of a tree is none"));
            }
            if flags & LEAF2 != 0 {
                continue;
            }
            let count = usize::from(lower.saturating_sub(16) / 2);
            let mut children = Vec::new();
            for index in 0..count {
                let place = u16_at(&page, index.saturating_mul(2).saturating_add(16)).unwrap_or(0);
                let node = page.get(usize::from(place)..).unwrap_or_default();
                let number = |at: usize| u16_at(node, at).ok_or_else(|| broken("an entry lies outside of its page"));
                let (low, high, sort, key) = (number(0)?, number(2)?, number(4)?, usize::from(number(6)?));
                if flags & BRANCH != 0 {
                    let page = u64::from(low) | u64::from(high) << 16 | u64::from(sort) << 32;
                    children.push((page, depth.saturating_add(1)));
                    continue;
                }
                let size = u64::from(low) | u64::from(high) << 16;
                let (key, data) = node
                    .get(8..)
                    .and_then(|rest| rest.split_at_checked(key))
                    .ok_or_else(|| broken("an entry lies outside of its page"))?;
                each(key, self.stored(sort, size, data)?)?;
            }
            open.extend(children.into_iter().rev());
        }
        Ok(())
    }

    /// What an entry holds: the value on the page, on pages of its own, or another database.
    fn stored(&self, sort: u16, size: u64, data: &[u8]) -> Result<Stored, ProbeError> {
        if sort & SUB != 0 && sort & DUP == 0 {
            return Ok(Stored::Tree(tree(data).ok_or_else(|| broken("a named database is cut"))?));
        }
        if sort & BIG != 0 {
            let at = u64_at(data, 0).and_then(|page| page.checked_mul(self.page)).and_then(|at| at.checked_add(16));
            let at = at.ok_or_else(|| broken("a page lies outside"))?;
            return Ok(Stored::Value(match read_vec(self.blob, at, size.min(MAX_VALUE), MAX_VALUE) {
                Ok(value) if size <= MAX_VALUE => value,
                Ok(_) => Vec::new(),
                Err(error @ ReadError::Ended { .. }) => return Err(error.into()),
                Err(error) => return Err(error.into()),
            }));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Ok(Stored::Value(data.get(..size.min(data.len())).unwrap_or_default().to_vec()))
    }
}

/// Who is handed every key with what it holds.
type Each<'e> = &'e mut dyn FnMut(&[u8], Stored) -> Result<(), ReadError>;

enum Stored {
    Value(Vec<u8>),
    Tree(Tree),
}

/// Whether programs keep books under that key.
fn is_book(key: &[u8]) -> bool {
    key.starts_with(b"__") && key.ends_with(b"__") || BOOKS.contains(&key)
}

/// One value as a row.
fn record(table: &mut Table, columns: &mut BTreeMap<String, usize>, value: &[u8], rows: bool) -> Result<(), ReadError> {
    if value.first() == Some(&b'{') {
        let Ok(Value::Object(fields)) = kit::json::<Value>(value, "a value") else { return table.end_row() };
        for (name, field) in &fields {
            let Some(number) = column(table, columns, name) else { continue };
            if rows {
                hand_over(table, number, field);
            }
        }
    } else if value.first() == Some(&0x80) && columns.len() < MAX_COLUMNS && table.rows() < 100 {
        for name in pickle::keys(value) {
            column(table, columns, &name);
        }
    }
    table.end_row()
}

fn column(table: &mut Table, columns: &mut BTreeMap<String, usize>, name: &str) -> Option<usize> {
    if let Some(&number) = columns.get(name) {
        return Some(number);
    }
    if columns.len() >= MAX_COLUMNS || name.len() > 200 {
        return None;
    }
    let number = table.column(Column::named(name));
    columns.insert(name.to_owned(), number);
    Some(number)
}

fn hand_over(table: &mut Table, column: usize, value: &Value) {
    match value {
        Value::Null => table.cell(column, Cell::Missing),
        Value::Bool(flag) => table.cell(column, Cell::Boolean(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => table.cell(column, Cell::Integer(number)),
            None => table.cell(column, Cell::Number(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => table.cell(column, Cell::Text(text)),
        Value::Array(_) | Value::Object(_) => table.cell(column, Cell::Bytes),
    }
}
