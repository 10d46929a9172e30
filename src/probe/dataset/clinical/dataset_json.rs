//! CDISC Dataset-JSON: a table of a study with its columns described, rows as arrays behind them.
//!
//! After CDISC Dataset-JSON v1.1 (one object, or one line for the description and one a row; compressed as DSJC) and
//! v1.0, which puts groups of items into `clinicalData` or `referenceData`.

use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::super::short_json::ShortJson;
use super::super::super::stream::{Line, Stream};
use super::super::super::{Finding, Input, ProbeError};
use super::super::json_rows::outer_value;
use crate::blob::ReadError;
use crate::model::{Dataset, Fact, TableFacts, typed};
use crate::table::{Cell, Column, Context, Kind, Table};

/// Longest line; texts in it were cut before.
const MAX_LINE: usize = 4 << 20;
/// Tables of one file.
const MAX_TABLES: usize = 100;

/// A column as it is described.
#[derive(Deserialize)]
struct Item {
    name: Option<String>,
    label: Option<String>,
    #[serde(alias = "type", rename = "dataType")]
    kind: Option<String>,
}

impl Item {
    fn column(&self) -> Column {
        let kind = match self.kind.as_deref() {
            Some("integer") => Kind::Integer,
            Some("float" | "double" | "decimal") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            Some("date" | "datetime") => Kind::Date,
            _ => Kind::Text,
        };
        Column { label: self.label.clone(), ..Column::of(self.name.clone().unwrap_or_default(), kind) }
    }
}

/// One table being read.
#[derive(Default)]
struct Group {
    name: String,
    label: Option<String>,
    records: Option<u64>,
    items: Vec<Item>,
}

/// What a file says, as far as it was read.
struct Found<'i, 'a> {
    input: &'i Input<'a>,
    tables: Vec<(String, TableFacts)>,
    study: Option<String>,
    program: Option<String>,
    /// Rows came before anything said what they are.
    is_unordered: bool,
}

/// Reads the tables.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let head = input.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.head);
    if outer_value(head, "datasetJSONVersion").is_none() {
        return Err(ProbeError::NotMine);
    }
    let mut short = ShortJson::new(source);
    let mut stream = Stream::new(&mut short);
    if stream.peek()?.starts_with(b"\xef\xbb\xbf") {
        stream.skip(3)?;
    }
    // The description of a wide table is longer than the head.
    let beginning = stream.peek()?;
    let line = beginning.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let is_lines = serde_json::from_slice::<IgnoredAny>(line).is_ok() && outer_value(line, "rows").is_none();
    let has_columns = outer_value(line, "columns").is_some();
    let mut found = Found { input, tables: Vec::new(), study: None, program: None, is_unordered: false };
    let outcome = if is_lines && has_columns {
        found.lines(&mut stream)
    } else {
        let mut json = serde_json::Deserializer::from_reader(stream);
        Object { found: &mut found, group: None }
            .deserialize(&mut json)
            .map_err(|error| input.tables.check().map_or_else(Into::into, |()| broken(error)))
    };
    let is_unordered = found.is_unordered;
    let mut dataset = Dataset::of_tables(found.tables);
    dataset.table.standard.get_or_insert_with(|| "dataset-json".to_owned());
    dataset.created_by = found.program.map(|program| typed("originator", &program));
    dataset.table.studies.extend(found.study.map(|study| typed("study", &study)));
    let finding = Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome);
    let unread = ProbeError::Unsupported("has rows in front of what describes them; they were not read".to_owned());
    Ok(if is_unordered { finding.ended_by(Err(unread)) } else { finding })
}

/// The place of an error, never its words: those quote the content.
fn broken(error: serde_json::Error) -> ProbeError {
    match error.classify() {
        serde_json::error::Category::Io => ReadError::from_io(error.into()).into(),
        serde_json::error::Category::Eof => ReadError::Cut.into(),
        _ => ProbeError::Malformed(format!("is no Dataset-JSON in line {}, column {}", error.line(), error.column())),
    }
}

impl<'a> Found<'_, 'a> {
    fn table(&self, group: &Group) -> Table<'a> {
        let context = Context {
            name: group.name.clone(),
            label: group.label.clone(),
            standard: Some("dataset-json".to_owned()),
            synthetic: false,
        };
        let mut table = Table::new(self.input.tables, context);
        for item in &group.items {
            table.column(item.column());
        }
        table
    }

    fn done(&mut self, group: &Group, table: Table) {
        let cut = group.records.is_some_and(|records| records != table.rows());
        let rows = table.rows();
        let mut facts = table.finish();
        if !self.input.rows {
            facts.row_count = group.records;
        } else if cut && rows == 0 {
            facts.row_count = group.records;
            facts.row_count_estimated = true;
        }
        if self.tables.len() < MAX_TABLES {
            self.tables.push((group.name.clone(), facts));
        }
    }

    fn lines(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        let mut line = Vec::new();
        if stream.line(&mut line, MAX_LINE)? != Line::Whole {
            return Err(ProbeError::Malformed("its description is too long".to_owned()));
        }
        let mut group = Group::default();
        Object { found: self, group: Some(&mut group) }
            .deserialize(&mut serde_json::Deserializer::from_slice(&line))
            .map_err(broken)?;
        let mut table = self.table(&group);
        let outcome = if self.input.rows { rows_of_lines(stream, &mut table) } else { Ok(()) };
        if outcome.is_err() {
            table.cut();
        }
        self.done(&group, table);
        outcome
    }
}

fn rows_of_lines(stream: &mut Stream, table: &mut Table) -> Result<(), ProbeError> {
    let mut line = Vec::new();
    loop {
        match stream.line(&mut line, MAX_LINE)? {
            Line::End => return Ok(()),
            Line::Long => return Err(ProbeError::Malformed("a row is too long".to_owned())),
            Line::Whole if line.trim_ascii().is_empty() => {}
            Line::Whole => {
                let answer = Row(&mut *table).deserialize(&mut serde_json::Deserializer::from_slice(&line));
                answer.map_err(|error| table.check().map_or_else(Into::into, |()| broken(error)))?;
            }
        }
    }
}

/// An object that describes a table, or holds some: outermost, or below `clinicalData`.
struct Object<'o, 'i, 'a> {
    found: &'o mut Found<'i, 'a>,
    /// Where the description is wanted alone: its rows follow by themselves.
    group: Option<&'o mut Group>,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Object { found, group: wanted } = self;
        let mut group = Group::default();
        let mut is_read = false;
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "name" => group.name = entries.next_value::<Option<String>>()?.unwrap_or_default(),
                "label" => group.label = entries.next_value()?,
                "records" => group.records = entries.next_value()?,
                "studyOID" => found.study = entries.next_value()?,
                "originator" => found.program = entries.next_value()?,
                "columns" | "items" => group.items = entries.next_value()?,
                "clinicalData" | "referenceData" => {
                    entries.next_value_seed(Object { found: &mut *found, group: None })?;
                }
                "itemGroupData" => entries.next_value_seed(Groups(&mut *found))?,
                "rows" | "itemData" if group.items.is_empty() => {
                    found.is_unordered = true;
                    entries.next_value::<IgnoredAny>()?;
                }
                "rows" | "itemData" => {
                    let mut table = found.table(&group);
                    if found.input.rows {
                        entries.next_value_seed(Rows(&mut table))?;
                    } else {
                        entries.next_value::<IgnoredAny>()?;
                    }
                    found.done(&group, table);
                    is_read = true;
                }
                _ => {
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        match wanted {
            Some(wanted) => *wanted = group,
            None if !is_read && !group.items.is_empty() => {
                let table = found.table(&group);
                found.done(&group, table);
            }
            None => {}
        }
        Ok(())
    }
}

/// The groups of items of version 1.0, by their identifiers.
struct Groups<'o, 'i, 'a>(&'o mut Found<'i, 'a>);
/// The rows of a table.
struct Rows<'o, 't>(&'o mut Table<'t>);
/// One row.
struct Row<'o, 't>(&'o mut Table<'t>);
/// One value of it, in this column.
struct Value<'o, 't>(&'o mut Table<'t>, usize);

impl<'de> DeserializeSeed<'de> for Groups<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Groups<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("groups of items")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_key::<IgnoredAny>()?.is_some() {
            entries.next_value_seed(Object { found: &mut *self.0, group: None })?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(&mut *self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let mut column = 0usize;
        while values.next_element_seed(Value(&mut *self.0, column))?.is_some() {
            column = column.saturating_add(1);
        }
        // Whoever gets the error asks whether there was time.
        self.0.end_row().map_err(Error::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.0.cell(self.1, Cell::Boolean(flag));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.cell(self.1, Cell::Integer(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.cell(self.1, i64::try_from(number).map_or(Cell::Number(number as f64), Cell::Integer));
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.cell(self.1, Cell::Number(number));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.cell(self.1, Cell::Text(text));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const COLUMNS: &str = r#"[{"itemOID": "a", "name": "USUBJID", "label": "Subject", "dataType": "string"}, {"name": "AGE", "dataType": "integer"}]"#;

    fn run(text: &str) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let mut source = text.as_bytes();
        let finding = probe(&Input::new(&blob, text.as_bytes()), &mut source)?;
        Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
    }

    #[test]
    fn every_layout_is_the_same_table() {
        let rows = r#"[["a", 1], ["b", null]]"#;
        let meta = format!(r#""datasetJSONVersion": "1.1.0", "records": 2, "name": "DM", "columns": {COLUMNS}"#);
        let old = format!(
            r#"{{"datasetJSONVersion": "1.0.0", "clinicalData": {{"studyOID": "S", "itemGroupData": {{"IG.DM": {{"records": 2, "name": "DM", "items": {COLUMNS}, "itemData": {rows}}}}}}}}}"#
        );
        for text in [
            format!("{{{meta}, \"rows\": {rows}}}"),
            format!("{{{meta}}}\n[\"a\", 1]\n[\"b\", null]\n"),
            format!("{{\n{meta},\n\"rows\": {rows}\n}}"),
            old,
        ] {
            let (dataset, notes) = run(&text).unwrap();
            assert_eq!((dataset.table.row_count, notes), (Some(2), 0), "{text}");
            assert_eq!(dataset.table.columns, ["USUBJID", "AGE"]);
            for size in 0..text.len() {
                let _ = run(&text[..size]);
            }
        }
        let (_, notes) = run(&format!("{{\"rows\": {rows}, {meta}}}")).unwrap();
        assert_eq!(notes, 1);
        assert!(matches!(run("{\"name\": \"DM\"}"), Err(ProbeError::NotMine)));
    }
}
