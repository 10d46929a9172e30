//! JSON records: one object a line (JSON Lines, NDJSON), or one array of objects.
//!
//! Records are parsed one at a time and never held. A line, or a record of an array, of more than 64 MiB ends the
//! reading with a note. What is no table stays unrecognised: a configuration, a translation, a list of numbers.

use std::cell::Cell as Shared;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::super::super::{Finding, Input, ProbeError};
use super::charset::Charset;
use super::flatten::{Sink, Unnamed};
use super::sort;
use crate::blob::{ReadError, read_full};
use crate::model::{Cause, Dataset, Fact};

/// Fields without names that are looked at.
const MAX_UNNAMED: usize = 1000;
/// Bytes of the beginning that decide.
pub(super) const SNIFF: usize = 64 << 10;
/// The same where the first records of an array are longer.
const SNIFF_WIDE: usize = 4 << 20;
/// Longest record.
const MAX_RECORD: usize = 64 << 20;
/// Records of the beginning whose members are looked at before the first value counts.
const ANNOUNCED: usize = 16;
/// What is said where columns were left out.
pub(super) const OVERFLOWED: &str = "has more different members than are looked at (2,000)";
/// Records alike that make a table of an array: fewer are a configuration.
const MIN_RECORDS: usize = 3;

/// One object a line.
pub(in crate::probe) fn lines(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let (charset, head, whole) = beginning(input, SNIFF)?;
    let complete = |line: &&str| !line.trim().is_empty();
    let mut first: Vec<&str> = head.split_inclusive('\n').filter(complete).take(ANNOUNCED).collect();
    // The last line of a beginning is cut, unless it is the only one.
    let cut_last = !whole && first.last().is_some_and(|line| !line.ends_with('\n')) && first.len() > 1;
    if cut_last {
        first.pop();
    }
    if let Some(width) = width(&first) {
        return rows_of_values(input, reader, &charset, width, (&first, whole));
    }
    let objects = first.iter().filter(|line| is_object(line)).count();
    let is_long = first.len() == 1 && !whole && first.first().is_some_and(|line| line.trim_start().starts_with("{\""));
    // One object alone is a document, not a table.
    let is_table = objects == first.len() && objects > 1;
    if !is_table && !is_long {
        return Err(ProbeError::NotMine);
    }
    let mut sink = Sink::new(input.table());
    for line in &first {
        sink.announce(line);
    }
    if sort::is_log(&sink.outermost) {
        return Err(ProbeError::NotMine);
    }
    if !input.rows {
        let (records, bytes) = (objects as u64, first.iter().map(|line| line.len()).sum::<usize>());
        return Ok(finish(sink, &charset, estimate(records, bytes, input, whole), Ok(()), &[]));
    }
    let mut decoded = charset.decode(reader);
    let mut reader = BufReader::with_capacity(SNIFF, &mut decoded);
    let mut line = Vec::new();
    let mut broken = 0u64;
    let outcome = loop {
        line.clear();
        match (&mut reader).take(MAX_RECORD as u64).read_until(b'\n', &mut line) {
            Ok(0) => break Ok(()),
            Ok(got) if got == MAX_RECORD => break Err(too_long()),
            Ok(_) => {}
            Err(error) => break Err(ReadError::from_io(error).into()),
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match sink.record(&mut serde_json::Deserializer::from_slice(&line)) {
            Ok(true) => {}
            Ok(false) | Err(_) => match sink.table.check() {
                Ok(()) => broken = broken.saturating_add(1),
                Err(error) => break Err(error.into()),
            },
        }
    };
    let rows = sink.table.rows();
    if rows == 0 {
        return Err(if outcome.is_err() { unseen("line") } else { ProbeError::NotMine });
    }
    let mut notes = Vec::new();
    if broken > 0 {
        sink.table.cut();
        notes.push((Cause::Malformed, format!("{broken} of its lines are no JSON objects and were passed over")));
    }
    Ok(finish(sink, &charset, (Some(rows), false), outcome, &notes))
}

/// How many values every line has, where each is a list of plain values, and there are several.
fn width(lines: &[&str]) -> Option<usize> {
    let plain = |line: &&str| -> Option<usize> {
        let values: Vec<serde_json::Value> = serde_json::from_str(line).ok()?;
        values.iter().all(|value| !value.is_array() && !value.is_object()).then_some(values.len())
    };
    let width = lines.first().and_then(plain).filter(|width| *width > 1 && lines.len() >= MIN_RECORDS)?;
    lines.iter().all(|line| plain(line) == Some(width)).then_some(width)
}

/// One list a line: rows whose fields have no names.
fn rows_of_values(
    input: &Input,
    reader: &mut dyn Read,
    charset: &Charset,
    width: usize,
    (first, whole): (&[&str], bool),
) -> Result<Finding, ProbeError> {
    let names: Vec<String> = (1..=width.min(MAX_UNNAMED)).map(|at| format!("column_{at}")).collect();
    let mut sink = Sink::new(input.table());
    for name in &names {
        sink.put(name, crate::table::Cell::Missing);
    }
    if !input.rows {
        let bytes = first.iter().map(|line| line.len()).sum::<usize>();
        return Ok(finish(sink, charset, estimate(first.len() as u64, bytes, input, whole), Ok(()), &[]));
    }
    let mut decoded = charset.decode(reader);
    let mut reader = BufReader::with_capacity(SNIFF, &mut decoded);
    let mut line = Vec::new();
    let mut broken = 0u64;
    let outcome = loop {
        line.clear();
        match (&mut reader).take(MAX_RECORD as u64).read_until(b'\n', &mut line) {
            Ok(0) => break Ok(()),
            Ok(got) if got == MAX_RECORD => break Err(too_long()),
            Ok(_) => {}
            Err(error) => break Err(ReadError::from_io(error).into()),
        }
        let blank = line.iter().all(u8::is_ascii_whitespace);
        let unnamed = Unnamed { sink: &mut sink, names: &names };
        if !blank && unnamed.deserialize(&mut serde_json::Deserializer::from_slice(&line)).is_err() {
            if let Err(error) = sink.table.check() {
                break Err(error.into());
            }
            broken = broken.saturating_add(1);
        }
    };
    let rows = sink.table.rows();
    let mut notes = Vec::new();
    if broken > 0 {
        sink.table.cut();
        notes.push((Cause::Malformed, format!("{broken} of its lines are no JSON lists and were passed over")));
    }
    Ok(finish(sink, charset, (Some(rows), false), outcome, &notes))
}

/// One array of objects.
pub(in crate::probe) fn array(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let (mut charset, mut head, mut whole) = beginning(input, SNIFF)?;
    if !whole && inside(&head).is_some_and(|inside| records(inside).len() < MIN_RECORDS) {
        // Records with a vector or a picture in them.
        if input.blob.is_open_ended() {
            return Err(ReadError::NeedMore { kept: input.blob.size() }.into());
        }
        (charset, head, whole) = beginning(input, SNIFF_WIDE)?;
    }
    let records = inside(&head).map(records).ok_or(ProbeError::NotMine)?;
    if !whole && records.is_empty() {
        return Err(unseen("record"));
    }
    if !are_alike(&records) {
        return Err(ProbeError::NotMine);
    }
    let mut sink = Sink::new(input.table());
    for record in records.iter().take(ANNOUNCED) {
        sink.announce(record);
    }
    if !input.rows {
        let bytes = records.iter().map(|record| record.len().saturating_add(2)).sum::<usize>();
        return Ok(finish(sink, &charset, estimate(records.len() as u64, bytes, input, whole), Ok(()), &[]));
    }
    let mut decoded = charset.decode(reader);
    let since = Rc::new(Shared::new(0));
    let guarded = BufReader::with_capacity(SNIFF, Guard { inner: &mut decoded, since: Rc::clone(&since) });
    let mut source = serde_json::Deserializer::from_reader(guarded);
    let outcome = source.deserialize_seq(Rows { sink: &mut sink, since: &since }).map_err(ended);
    let outcome = sink.table.check().map_err(ProbeError::from).and(outcome);
    let rows = sink.table.rows();
    Ok(finish(sink, &charset, (Some(rows), false), outcome, &[]))
}

/// What follows the bracket of an array of objects.
fn inside(head: &str) -> Option<&str> {
    let start = head.trim_start_matches('\u{feff}').trim_start();
    start.strip_prefix('[').map(str::trim_start).filter(|rest| rest.starts_with('{'))
}

/// What ended the parsing, without a word of what stands there.
pub(super) fn ended(error: serde_json::Error) -> ProbeError {
    if error.is_io() {
        ProbeError::Read(ReadError::from_io(error.into()))
    } else if error.is_eof() {
        ProbeError::Read(ReadError::Cut)
    } else {
        ProbeError::Malformed(format!("is no JSON any more at line {}, column {}", error.line(), error.column()))
    }
}

/// The character set, the text of the beginning, and whether that is all.
pub(super) fn beginning(input: &Input, sniff: usize) -> Result<(Charset, String, bool), ProbeError> {
    let mut head = vec![0; sniff.min(usize::try_from(input.blob.size()).unwrap_or(sniff))];
    let got = read_full(input.blob, &mut head, 0)?;
    head.truncate(got);
    let charset = Charset::of(&head).ok_or(ProbeError::NotMine)?;
    let text = charset.text(&head);
    Ok((charset, text, !input.blob.is_open_ended() && input.blob.size() == got as u64))
}

fn finish(
    mut sink: Sink,
    charset: &Charset,
    (rows, estimated): (Option<u64>, bool),
    outcome: Result<(), ProbeError>,
    notes: &[(Cause, String)],
) -> Finding {
    if outcome.is_err() {
        sink.table.cut();
    }
    let overflowed = sink.overflowed;
    let mut facts = sink.finish();
    facts.row_count = rows;
    facts.row_count_estimated |= estimated;
    let kind = sort::of(&facts.columns).map(str::to_owned);
    let dataset = Dataset { table: facts, encoding: charset.name(), kind, ..Dataset::default() };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    finding.notes.extend_from_slice(notes);
    if overflowed {
        finding.notes.push((Cause::OverBudget, OVERFLOWED.to_owned()));
    }
    finding.ended_by(outcome)
}

/// How many rows there are, as far as those of the beginning tell, and whether that is an estimate.
pub(super) fn estimate(records: u64, bytes: usize, input: &Input, whole: bool) -> (Option<u64>, bool) {
    if whole {
        return (Some(records), false);
    }
    if input.blob.is_open_ended() || bytes == 0 {
        return (None, false);
    }
    let rows =
        u128::from(records).saturating_mul(u128::from(input.blob.size())).checked_div(bytes as u128).unwrap_or(0);
    (u64::try_from(rows).ok(), true)
}

fn is_object(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

/// The complete objects a text begins with, one behind the other.
fn records(text: &str) -> Vec<&str> {
    let mut records = Vec::new();
    let mut rest = text;
    while rest.starts_with('{') && records.len() < 1000 {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        let Some(Ok(_)) = stream.next() else { break };
        let (record, behind) = rest.split_at(stream.byte_offset());
        records.push(record);
        rest = behind.trim_start().strip_prefix(',').unwrap_or_default().trim_start();
    }
    records
}

/// Whether records are rows of a table: several, most with the members of the first, some of them plain values.
fn are_alike(records: &[&str]) -> bool {
    let keys = |record: &str| -> Vec<String> {
        match serde_json::from_str(record) {
            Ok(serde_json::Value::Object(members)) => members.keys().cloned().collect(),
            _ => Vec::new(),
        }
    };
    let Some((first, rest)) = records.split_first() else { return false };
    let first = keys(first);
    let shared = |record: &&&str| {
        let other = keys(record);
        let both = other.iter().filter(|key| first.contains(key)).count();
        both.saturating_mul(2) >= first.len().max(other.len())
    };
    let alike = rest.iter().take(100).filter(shared).count();
    first.len() > 1 && records.len() >= MIN_RECORDS && alike.saturating_mul(10) >= rest.len().min(100).saturating_mul(8)
}

/// Why nobody can tell what it is.
fn unseen(what: &str) -> ProbeError {
    let detail = format!("its first {what} is longer than what is looked at to tell what it is");
    ReadError::OverBudget(detail).into()
}

fn too_long() -> ProbeError {
    ProbeError::Read(ReadError::TooLong { wanted: MAX_RECORD as u64, allowed: MAX_RECORD as u64 })
}

/// A reader that ends where one record takes too many bytes: the parser would hold a text of any length.
pub(super) struct Guard<'r> {
    pub(super) inner: &'r mut dyn Read,
    pub(super) since: Rc<Shared<usize>>,
}

impl Read for Guard<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_RECORD {
            return Err(ReadError::TooLong { wanted: self.since.get() as u64, allowed: MAX_RECORD as u64 }.into());
        }
        let got = self.inner.read(buf)?;
        self.since.set(self.since.get().saturating_add(got));
        Ok(got)
    }
}

/// The items of the outermost array.
pub(super) struct Rows<'s, 't> {
    pub(super) sink: &'s mut Sink<'t>,
    pub(super) since: &'s Shared<usize>,
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Row { sink: self.sink })?.is_some() {
            self.since.set(0);
        }
        Ok(())
    }
}

/// One record.
pub(super) struct Row<'s, 't> {
    pub(super) sink: &'s mut Sink<'t>,
}

impl<'de> DeserializeSeed<'de> for Row<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<bool, D::Error> {
        self.sink.record(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    type Run = fn(&Input, &mut dyn Read) -> Result<Finding, ProbeError>;

    fn look(run: Run, text: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let blob = Memory::new(text);
        let finding = run(&Input::new(&blob, text), &mut &text[..])?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    #[test]
    fn lines_and_arrays_say_the_same() {
        let records: Vec<String> =
            (0..9).map(|at| format!("{{\"id\": {at}, \"who\": {{\"sex\": \"F\"}}, \"tags\": [1, 2]}}")).collect();
        let (lined, _) = look(lines, records.join("\n").as_bytes()).unwrap();
        let (listed, _) = look(array, format!("[{}]", records.join(",\n")).as_bytes()).unwrap();
        for dataset in [&lined, &listed] {
            assert_eq!(dataset.table.row_count, Some(9));
            assert_eq!(dataset.table.columns, ["id", "who", "tags"]);
        }
        assert_eq!(lined.table.sketch, listed.table.sketch, "the same rows");
    }

    #[test]
    fn what_is_no_table_is_none() {
        for text in ["{\"a\": 1}\n", "{\"a\": 1,\n\"b\": 2}\n", "[1, 2, 3]", "[{\"a\": 1}]", "[]", "no JSON\nat all\n"]
        {
            assert!(look(lines, text.as_bytes()).is_err(), "{text}");
            assert!(look(array, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_broken_line_is_told_and_passed_over() {
        let text = "{\"a\": 1, \"b\": 1}\n".repeat(5000) + "{\"a\": \n{\"a\": 2, \"b\": 1}\n";
        let (dataset, notes) = look(lines, text.as_bytes()).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(5001), vec![Cause::Malformed]));
    }

    #[test]
    fn a_cut_array_keeps_its_rows() {
        let text = format!("[{}", "{\"a\": 1, \"b\": \"x\"},".repeat(5000));
        let (dataset, notes) = look(array, text.as_bytes()).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(5000), vec![Cause::Truncated]));
    }

    #[test]
    fn lists_are_rows_without_names() {
        let text = "[1, \"x\", null]\n".repeat(5000) + "[2, \n";
        let (dataset, notes) = look(lines, text.as_bytes()).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(5000), vec![Cause::Malformed]));
        assert_eq!(dataset.table.columns, ["column_1", "column_2", "column_3"]);
        for text in ["[1]\n[2]\n[3]\n", "[1, 2]\n[1, 2, 3]\n[1, 2]\n", "[1, [2]]\n[1, [2]]\n[1, [2]]\n", "[1, 2]\n"] {
            assert!(look(lines, text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_ends() {
        let deep = format!("{{\"a\": 1, \"b\": {}1{}}}\n", "[".repeat(500), "]".repeat(500));
        assert!(look(lines, deep.repeat(3).as_bytes()).is_err());
    }
}
