//! JSON documents that hold a table without being one array of records: an array under a name, rows and their names apart,
//! one object a row under its key, one list a column. Whatever wrote them, what is read is said by [`layout`].
//!
//! The document is parsed as it goes by. Keys that stand for rows may be those of people: they are never held, counted
//! by their number alone. What is written by column has to be held until every column is there, up to a bound.

use std::cell::Cell as Shared;
use std::fmt;
use std::io::{BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::super::{Finding, Input, ProbeError};
use super::super::json_rows::{self, Leaf};
use super::flatten::{Sink, Unnamed};
use super::json::{Guard, OVERFLOWED, Row, Rows, SNIFF, beginning, ended, estimate};
use super::layout::{self, FEWEST, Layout};
use super::sort;
use crate::model::{Cause, Dataset, Fact, TableFacts, publishable};
use crate::table::{Cell, Table};

/// Tables of one document.
const MAX_TABLES: usize = 64;
/// Values, and bytes of texts, that are held of a document written by column.
const MAX_HELD: usize = 1 << 20;
const MAX_HELD_TEXT: usize = 32 << 20;
/// Names that say nothing of what is under them.
const HOLLOW: [&str; 10] =
    ["data", "records", "rows", "items", "results", "result", "values", "entries", "examples", "samples"];

/// Reads a document.
pub(in crate::probe) fn probe(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let (charset, head, whole) = beginning(input, SNIFF)?;
    let text = head.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('{') {
        return Err(ProbeError::NotMine);
    }
    let (closed, complete) = layout::closed(text).ok_or(ProbeError::NotMine)?;
    let layout = layout::of(&closed, complete).ok_or(ProbeError::NotMine)?;

    // What the beginning says by itself.
    let since = Shared::new(0);
    let mut first = Tables::new(input);
    let _ = first.pour(&layout, &since, &mut serde_json::Deserializer::from_str(&closed));
    let rows = first.tables.iter().map(|(_, sink)| sink.table.rows()).sum();
    let first = first.finish(Ok(()));
    if !is_data(&first, &layout) {
        return Err(ProbeError::NotMine);
    }
    let mut tables = Tables::new(input);
    tables.announcing = true;
    let _ = tables.pour(&layout, &since, &mut serde_json::Deserializer::from_str(&closed));
    let outcome = if input.rows {
        tables.announce_no_more();
        let mut decoded = charset.decode(reader);
        let since = Rc::new(Shared::new(0));
        let guarded = BufReader::with_capacity(SNIFF, Guard { inner: &mut decoded, since: Rc::clone(&since) });
        let outcome = tables.pour(&layout, &since, &mut serde_json::Deserializer::from_reader(guarded)).map_err(ended);
        input.tables.check().map_err(ProbeError::from).and(outcome)
    } else {
        Ok(())
    };
    let (overflowed, dropped) = (tables.tables.iter().any(|(_, sink)| sink.overflowed), tables.held.dropped);
    let mut dataset = tables.finish(outcome.as_ref().map(|_| ()));
    if !input.rows {
        for table in dataset.tables.values_mut() {
            table.row_count = None;
        }
        (dataset.table.row_count, dataset.table.row_count_estimated) = estimate(rows, closed.len(), input, whole);
    }
    if layout == (Layout::Keyed { counted: false }) && dataset.table.subject_column.is_none() && outcome.is_ok() {
        // No key is there twice.
        dataset.table.distinct_subjects = dataset.table.row_count.filter(|_| !dataset.table.row_count_estimated);
    }
    dataset.encoding = charset.name();
    dataset.kind = first.kind;
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if overflowed {
        finding.notes.push((Cause::OverBudget, OVERFLOWED.to_owned()));
    }
    if dropped > 0 {
        let detail = format!("{dropped} of its values were not read: it is written by column, and they were too many");
        finding.notes.push((Cause::OverBudget, detail));
    }
    Ok(finding.ended_by(outcome))
}

/// Whether what the beginning holds is a table, and no log or settings that look like one.
fn is_data(first: &Dataset, layout: &Layout) -> bool {
    let tables = || std::iter::once(&first.table).chain(first.tables.values());
    let is_log = tables().any(|table| sort::is_log(&table.columns));
    if is_log || first.kind.as_deref() == Some("training_metrics") || tables().all(|table| table.columns.is_empty()) {
        return false;
    }
    let of_people = |table: &TableFacts| {
        table.subject_column.is_some() || table.health_data == Some(true) || table.sensitive_columns.len() > 1
    };
    match layout {
        Layout::Keyed { counted: false } | Layout::ByColumn { sure: false } => {
            first.kind.is_some() || tables().any(of_people)
        }
        _ => true,
    }
}

/// The tables of a document, while it goes by.
struct Tables<'i> {
    input: &'i Input<'i>,
    tables: Vec<(String, Sink<'i>)>,
    held: Held,
    announcing: bool,
}

/// Values that wait for those of other columns.
#[derive(Default)]
struct Held {
    columns: Vec<(String, Vec<Option<Leaf>>)>,
    values: usize,
    bytes: usize,
    dropped: u64,
}

impl Held {
    fn push(&mut self, column: &mut Vec<Option<Leaf>>, value: Option<Leaf>) {
        let bytes = if let Some(Leaf::Text(text)) = &value { text.len() } else { 0 };
        let held = self.bytes.saturating_add(bytes);
        if self.values >= MAX_HELD || held > MAX_HELD_TEXT {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.bytes = held;
        self.values = self.values.saturating_add(1);
        column.push(value);
    }
}

impl<'i> Tables<'i> {
    fn new(input: &'i Input<'i>) -> Tables<'i> {
        Tables { input, tables: Vec::new(), held: Held::default(), announcing: false }
    }

    fn announce_no_more(&mut self) {
        self.announcing = false;
        self.held = Held::default();
        for (_, sink) in &mut self.tables {
            sink.announcing(false);
        }
    }

    /// The table of a name.
    fn sink(&mut self, name: &str) -> Option<&mut Sink<'i>> {
        if let Some(at) = self.tables.iter().position(|(known, _)| known == name) {
            return self.tables.get_mut(at).map(|(_, sink)| sink);
        }
        if self.tables.len() >= MAX_TABLES {
            return None;
        }
        let mut context = self.input.context();
        let leaf = name.rsplit('.').next().unwrap_or_default();
        if !leaf.is_empty() && !HOLLOW.contains(&leaf) {
            leaf.clone_into(&mut context.name);
        }
        let mut sink = Sink::new(Table::new(self.input.tables, context));
        sink.announcing(self.announcing);
        self.tables.push((name.to_owned(), sink));
        self.tables.last_mut().map(|(_, sink)| sink)
    }

    /// Everything a parser has.
    fn pour<'de, D: Deserializer<'de>>(
        &mut self,
        layout: &Layout,
        since: &Shared<usize>,
        source: D,
    ) -> Result<(), D::Error> {
        let outcome = source.deserialize_any(At { tables: self, layout, since, path: &mut Vec::new() });
        self.give_back();
        outcome
    }

    /// Hands over what was held, row by row.
    fn give_back(&mut self) {
        let columns = std::mem::take(&mut self.held.columns);
        let Some(rows) = columns.iter().map(|(_, values)| values.len()).max() else { return };
        let Some(sink) = self.sink("") else { return };
        for (name, _) in &columns {
            sink.put(name, Cell::Missing);
        }
        for row in 0..rows {
            for (name, values) in &columns {
                if let Some(Some(leaf)) = values.get(row) {
                    sink.put(name, leaf.cell());
                }
            }
            if sink.end_row().is_err() {
                break;
            }
        }
    }

    fn finish(self, outcome: Result<(), &ProbeError>) -> Dataset {
        let (is_cut, announced) = (outcome.is_err() || self.held.dropped > 0, self.announcing);
        let is_kept = |(_, sink): &(String, Sink)| announced || sink.table.rows() >= FEWEST as u64;
        let any = self.tables.iter().any(is_kept);
        let kept = self.tables.into_iter().filter(|table| is_kept(table) || !any);
        let tables: Vec<(String, TableFacts)> = kept
            .map(|(name, mut sink)| {
                if is_cut {
                    sink.table.cut();
                }
                (publishable("table", &name), sink.finish())
            })
            .collect();
        let kind = tables.iter().find_map(|(_, table)| sort::of(&table.columns)).map(str::to_owned);
        Dataset { kind, ..Dataset::of_tables(tables) }
    }
}

/// The value at a path.
struct At<'p, 'i> {
    tables: &'p mut Tables<'i>,
    layout: &'p Layout,
    since: &'p Shared<usize>,
    path: &'p mut Vec<String>,
}

impl At<'_, '_> {
    fn leads_on(&self) -> bool {
        match self.layout {
            Layout::Arrays(paths) => paths.iter().any(|path| path.starts_with(self.path)),
            Layout::Split { rows, .. } => rows.starts_with(self.path),
            _ => false,
        }
    }
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self.layout {
            Layout::Keyed { .. } => {
                let Some(sink) = self.tables.sink("") else { return Ok(()) };
                while map.next_key::<IgnoredAny>()?.is_some() {
                    map.next_value_seed(Row { sink })?;
                    self.since.set(0);
                }
            }
            Layout::ByColumn { .. } => {
                while let Some(name) = map.next_key::<String>()? {
                    let mut values = Vec::new();
                    let column = Values { held: &mut self.tables.held, column: &mut values, since: self.since };
                    let outcome = map.next_value_seed(column);
                    self.tables.held.columns.push((name, values));
                    outcome?;
                }
            }
            _ if !self.path.is_empty() && !self.leads_on() => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    self.since.set(0);
                }
            }
            _ => {
                while let Some(name) = map.next_key::<String>()? {
                    self.path.push(name);
                    let deeper = At { tables: self.tables, layout: self.layout, since: self.since, path: self.path };
                    let outcome = map.next_value_seed(deeper);
                    self.path.pop();
                    outcome?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self.layout {
            Layout::Arrays(paths) if self.path.len() == 1 || paths.contains(self.path) => {
                if let Some(sink) = self.tables.sink(&self.path.join(".")) {
                    return Rows { sink, since: self.since }.visit_seq(items);
                }
            }
            Layout::Split { rows, names } if rows == self.path => {
                if let Some(sink) = self.tables.sink(&self.path.join(".")) {
                    for name in names {
                        sink.put(name, Cell::Missing);
                    }
                    while items.next_element_seed(Unnamed { sink, names })?.is_some() {
                        self.since.set(0);
                    }
                    return Ok(());
                }
            }
            _ => {}
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            self.since.set(0);
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The values of a column: a list, or an object under the keys of the rows.
struct Values<'v> {
    held: &'v mut Held,
    column: &'v mut Vec<Option<Leaf>>,
    since: &'v Shared<usize>,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a column")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            let value = map.next_value_seed(Plain)?;
            self.held.push(self.column, value);
            self.since.set(0);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(value) = items.next_element_seed(Plain)? {
            self.held.push(self.column, value);
            self.since.set(0);
        }
        Ok(())
    }
}

/// A value that is no container; of a container, nothing.
struct Plain;

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = Option<Leaf>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Option<Leaf>, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = Option<Leaf>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Option<Leaf>, E> {
        Ok(Some(Leaf::Boolean(flag)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<Leaf>, E> {
        Ok(Some(Leaf::Integer(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<Leaf>, E> {
        Ok(Some(i64::try_from(number).map_or(Leaf::Number(number as f64), Leaf::Integer)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<Leaf>, E> {
        Ok(Some(Leaf::Number(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<Leaf>, E> {
        Ok(Some(Leaf::Text(json_rows::beginning(text))))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Leaf>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Leaf>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<Leaf>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::blob::Memory;

    fn look(text: &str) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let head = &text.as_bytes()[..text.len().min(65536)];
        let finding = probe(&Input::new(&blob, head), &mut text.as_bytes())?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    #[allow(clippy::arithmetic_side_effects, reason = "small numbers of a test")]
    fn record(at: usize) -> Value {
        json!({"subject_id": format!("S-{:04}", at / 2), "sex": "F", "age": 40 + at % 30})
    }

    const COLUMNS: [&str; 3] = ["age", "sex", "subject_id"];

    fn sorted(dataset: &Dataset) -> Vec<String> {
        let mut columns = dataset.table.columns.clone();
        columns.sort();
        columns
    }

    #[test]
    fn every_way_to_write_a_table_says_the_same() {
        // Longer than the beginning that decides.
        let count = 4000;
        let records: Vec<Value> = (0..count).map(record).collect();
        let member = |record: &Value, name: &str| record.get(name).cloned().unwrap();
        let rows: Vec<Value> =
            records.iter().map(|record| COLUMNS.iter().map(|name| member(record, name)).collect()).collect();
        let columns: Map<String, Value> = COLUMNS
            .iter()
            .map(|&name| {
                let column: Map<String, Value> =
                    records.iter().enumerate().map(|(at, record)| (at.to_string(), member(record, name))).collect();
                (name.to_owned(), column.into())
            })
            .collect();
        let index: Map<String, Value> =
            records.iter().enumerate().map(|(at, record)| (at.to_string(), record.clone())).collect();
        for document in [
            json!({"meta": {"n": 1}, "patients": records}),
            json!({"result": {"data": records}}),
            json!({"columns": COLUMNS, "index": [1, 2], "data": rows}),
        ] {
            let (dataset, notes) = look(&document.to_string()).unwrap();
            assert_eq!((dataset.table.row_count, notes), (Some(4000), vec![]));
            assert_eq!(dataset.table.distinct_subjects, Some(2000));
            assert_eq!(sorted(&dataset), COLUMNS);
        }
        // Keys are sorted as texts here: the first rows are not 0, 1, 2.
        let few = |map: &Map<String, Value>| -> Map<String, Value> {
            map.iter()
                .filter(|(key, _)| key.parse::<u32>().unwrap() < 30)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        let columns: Map<String, Value> =
            columns.iter().map(|(name, column)| (name.clone(), few(column.as_object().unwrap()).into())).collect();
        for document in [Value::from(columns), few(&index).into()] {
            let (dataset, notes) = look(&document.to_string()).unwrap();
            assert_eq!((dataset.table.row_count, notes), (Some(30), vec![]));
            assert_eq!(sorted(&dataset), COLUMNS);
        }
    }

    #[test]
    fn keys_of_people_are_counted_and_never_told() {
        let document: Map<String, Value> =
            (0..40).map(|at| (format!("Jane-{at}"), json!({"sex": "F", "age": 40 + at, "bmi": 22.5}))).collect();
        let (dataset, _) = look(&Value::from(document).to_string()).unwrap();
        assert_eq!((dataset.table.row_count, dataset.table.distinct_subjects), (Some(40), Some(40)));
        assert!(!format!("{dataset:?}").contains("Jane"));
    }

    #[test]
    fn several_arrays_are_several_tables() {
        let images: Vec<Value> = (0..2000).map(|id| json!({"id": id, "file_name": "x.jpg", "width": 64})).collect();
        let boxes: Vec<Value> = (0..500).map(|id| json!({"id": id, "image_id": id, "bbox": [1, 2, 3, 4]})).collect();
        let licenses = [json!({"id": 1, "name": "x"})];
        let text = format!(
            r#"{{"info": {{}}, "licenses": {}, "images": {}, "annotations": {}}}"#,
            json!(licenses),
            json!(images),
            json!(boxes)
        );
        let (dataset, _) = look(&text).unwrap();
        let rows: Vec<_> = dataset.tables.iter().map(|(name, table)| (name.as_str(), table.row_count)).collect();
        assert_eq!(rows, [("annotations", Some(500)), ("images", Some(2000))]);
    }

    #[test]
    fn what_is_no_table_is_none() {
        let snippets: Map<String, Value> =
            (0..40).map(|at| (format!("s{at}"), json!({"prefix": "x", "body": "y", "description": "z"}))).collect();
        let log: Vec<Value> = (0..40).map(|at| json!({"step": at, "loss": 0.5, "epoch": 1})).collect();
        for document in [Value::from(snippets), json!({"log_history": log}), json!({"a": 1}), json!({"a": [1, 2]})] {
            assert!(matches!(look(&document.to_string()), Err(ProbeError::NotMine)), "{document}");
        }
    }

    #[test]
    fn a_cut_document_keeps_its_rows_and_a_broken_one_ends() {
        let text = json!({"data": (0..4000).map(record).collect::<Vec<_>>()}).to_string();
        let (dataset, notes) = look(&text[..100_000]).unwrap();
        assert!(dataset.table.row_count > Some(1000));
        assert_eq!(notes, [Cause::Truncated]);
        let deep = format!(r#"{{"data": [{}"#, r#"{"a":"#.repeat(50_000));
        assert!(look(&deep).is_err());
        for at in (0..3000).step_by(7) {
            let mut bytes = text.as_bytes()[..3000].to_vec();
            bytes[at] = b'"';
            let _ = look(&String::from_utf8(bytes).unwrap());
        }
    }

    #[test]
    fn what_is_held_by_column_is_bounded() {
        let column = |prefix: &str| -> String {
            let values: Vec<String> = (0..700_000).map(|at| format!(r#""{prefix}{at}""#)).collect();
            format!("[{}]", values.join(","))
        };
        // Short enough at first for the beginning to tell.
        let lists = format!(r#"{{"text": {}, "label": {}}}"#, column("a"), column("b"));
        assert!(look(&lists).is_err(), "the beginning does not hold two of its columns");
    }
}
