//! WebDataset: a tar archive whose members are samples, those with one name and different endings together.
//!
//! Follows the specification of the WebDataset library: the name up to the first dot of its last component is the
//! sample's key, the rest the column; the members of a sample follow each other. Any tar may hold files of one name and
//! two endings, so nearly all samples must have the same columns, and more than one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::super::{Finding, Input, ProbeError};
use crate::archive::tar::{self, Blocks, Feed, Kind, TarError, padding};
use crate::blob::{Cursor, ReadError, read_vec};
use crate::model::{Cause, Dataset, Fact};
use crate::table::{Cell, Column, Table};

/// Samples by which it is decided.
const FIRST: usize = 32;
/// Members in all.
const MAX_MEMBERS: u64 = 4_000_000;
/// Largest member whose text is looked at.
const MAX_TEXT: u64 = 256 << 10;
/// Columns of JSON that are followed.
const MAX_PATHS: usize = 2000;
const MAX_DEPTH: usize = 16;
/// Endings of files that are worth a look of their own, in whatever number: images of patients.
const OWN: [&str; 6] = ["nii", "nii.gz", "dcm", "img", "hdr", "shp"];

/// Reads the members' headers, and the texts among them.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let is_tar = input.head.get(257..262) == Some(b"ustar");
    if !is_tar || !looks_so(input)? {
        return Err(ProbeError::NotMine);
    }
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: input.blob.size() }.into());
    }
    let mut samples = Samples::new(input);
    let outcome = samples.read();
    let outcome = samples.end().map_err(ProbeError::from).and(outcome);
    let Samples { table, columns, rows, members, left_out, .. } = samples;
    let mut table = table;
    if outcome.is_err() || !input.rows || left_out > 0 {
        table.cut();
    }
    let mut facts = table.finish();
    facts.row_count = Some(rows);
    facts.row_count_estimated = outcome.is_err();
    facts.column_count = Some(columns.len() as u64);
    facts.columns = columns.into_iter().collect();
    let dataset = Dataset { table: facts, shards: Some(1), members: Some(members), ..Dataset::default() };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome);
    if left_out > 0 {
        finding.notes.push((Cause::OverBudget, format!("{left_out} of its texts are too long and were not read")));
    }
    Ok(finding)
}

/// Whether the first samples are some.
fn looks_so(input: &Input) -> Result<bool, ProbeError> {
    let mut feed = Blocks(Cursor::new(input.blob, 0));
    let mut samples: Vec<(Vec<u8>, BTreeSet<String>)> = Vec::new();
    let mut keys = BTreeSet::new();
    while samples.len() <= FIRST {
        let member = match tar::next(&mut feed) {
            Ok(Some(member)) => member,
            // A beginning is enough to tell.
            Ok(None) | Err(TarError::Read(ReadError::NeedMore { .. } | ReadError::Ended { .. })) => break,
            Err(TarError::Read(error)) => return Err(error.into()),
            Err(_) => return Ok(false),
        };
        if member.kind == Kind::File {
            let Some((key, column)) = split(&member.name) else { return Ok(false) };
            if OWN.contains(&column.as_str()) {
                return Ok(false);
            }
            match samples.last_mut() {
                Some((last, columns)) if *last == key => {
                    if !columns.insert(column) {
                        return Ok(false);
                    }
                }
                _ => {
                    // The members of a sample follow each other.
                    if !keys.insert(key.clone()) {
                        return Ok(false);
                    }
                    samples.push((key, BTreeSet::from([column])));
                }
            }
        }
        match feed.skip(member.size.saturating_add(padding(member.size))) {
            Ok(()) => {}
            Err(ReadError::Ended { .. } | ReadError::NeedMore { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    // The last one may be cut.
    if samples.len() > 2 {
        samples.pop();
    }
    let mut sets: BTreeMap<&BTreeSet<String>, usize> = BTreeMap::new();
    for (_, columns) in &samples {
        let count = sets.entry(columns).or_default();
        *count = count.saturating_add(1);
    }
    let Some((columns, count)) = sets.into_iter().max_by_key(|(_, count)| *count) else { return Ok(false) };
    Ok(columns.len() > 1 && samples.len() > 1 && count.saturating_mul(10) >= samples.len().saturating_mul(9))
}

/// Key and column of a member.
fn split(name: &[u8]) -> Option<(Vec<u8>, String)> {
    let slash = name.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash.saturating_add(1));
    let base = name.get(slash..)?;
    let dot = base.iter().position(|&byte| byte == b'.').filter(|&dot| dot > 0)?;
    let key = name.get(..slash.checked_add(dot)?)?;
    let column = std::str::from_utf8(base.get(dot.checked_add(1)?..)?).ok()?.to_lowercase();
    let plain = !column.is_empty()
        && column.len() <= 40
        && column.chars().all(|char| char.is_alphanumeric() || "._-".contains(char));
    plain.then(|| (key.to_vec(), column))
}

struct Samples<'i, 't> {
    input: &'i Input<'t>,
    table: Table<'t>,
    numbers: BTreeMap<String, usize>,
    columns: BTreeSet<String>,
    key: Option<Vec<u8>>,
    rows: u64,
    members: u64,
    left_out: u64,
}

impl<'i, 't> Samples<'i, 't> {
    fn new(input: &'i Input<'t>) -> Samples<'i, 't> {
        Samples {
            input,
            table: input.table(),
            numbers: BTreeMap::new(),
            columns: BTreeSet::new(),
            key: None,
            rows: 0,
            members: 0,
            left_out: 0,
        }
    }

    fn read(&mut self) -> Result<(), ProbeError> {
        let mut feed = Blocks(Cursor::new(self.input.blob, 0));
        loop {
            let member = match tar::next(&mut feed) {
                Ok(Some(member)) => member,
                Ok(None) => return Ok(()),
                Err(TarError::Read(error)) => return Err(error.into()),
                Err(other) => return Err(ProbeError::Malformed(other.to_string())),
            };
            if member.kind == Kind::File {
                self.members = self.members.saturating_add(1);
                if self.members > MAX_MEMBERS {
                    return Err(ProbeError::Malformed(format!("has more than {MAX_MEMBERS} members")));
                }
                if let Some((key, column)) = split(&member.name) {
                    self.member(key, column, feed.0.position(), member.size)?;
                }
            }
            if member.size > feed.0.remaining() {
                return Err(ReadError::Ended { at: self.input.blob.size() }.into());
            }
            feed.skip(member.size.saturating_add(padding(member.size)))?;
        }
    }

    fn member(&mut self, key: Vec<u8>, column: String, at: u64, size: u64) -> Result<(), ProbeError> {
        if self.key.as_ref() != Some(&key) {
            self.end()?;
            self.key = Some(key);
        }
        if self.columns.len() < MAX_PATHS {
            self.columns.insert(column.clone());
        }
        let last = column.rsplit('.').next().unwrap_or_default();
        let is_text = matches!(
            last,
            "json" | "txt" | "text" | "caption" | "transcript" | "cls" | "cls2" | "index" | "inx" | "id"
        );
        if !self.input.rows {
            return Ok(());
        }
        if !is_text {
            self.cell(&column, Cell::Bytes);
            return Ok(());
        }
        if size > MAX_TEXT {
            self.left_out = self.left_out.saturating_add(1);
            return Ok(());
        }
        let bytes = read_vec(self.input.blob, at, size, MAX_TEXT)?;
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) if last == "json" => self.json(&column, &value, 0),
            _ => {
                let text = String::from_utf8_lossy(&bytes);
                self.cell(&column, Cell::Text(&text));
            }
        }
        Ok(())
    }

    /// A value of JSON, by its path.
    fn json(&mut self, path: &str, value: &Value, depth: usize) {
        match value {
            Value::Object(fields) if depth < MAX_DEPTH => {
                for (name, value) in fields {
                    self.json(&format!("{path}.{name}"), value, depth.saturating_add(1));
                }
            }
            Value::Array(items) if depth < MAX_DEPTH => {
                for item in items.iter().take(64) {
                    self.json(path, item, depth.saturating_add(1));
                }
            }
            Value::String(text) => self.cell(path, Cell::Text(text)),
            Value::Bool(flag) => self.cell(path, Cell::Boolean(*flag)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => self.cell(path, Cell::Integer(number)),
                (_, Some(number)) => self.cell(path, Cell::Number(number)),
                _ => {}
            },
            _ => {}
        }
    }

    fn cell(&mut self, path: &str, cell: Cell) {
        let column = match self.numbers.get(path) {
            Some(column) => *column,
            None if self.numbers.len() >= MAX_PATHS => return,
            None => {
                let column = self.table.column(Column::named(path));
                self.numbers.insert(path.to_owned(), column);
                column
            }
        };
        self.table.cell(column, cell);
    }

    /// The sample at hand is complete.
    fn end(&mut self) -> Result<(), ReadError> {
        if self.key.take().is_some() {
            self.rows = self.rows.saturating_add(1);
            self.table.end_row()?;
        }
        Ok(())
    }
}
