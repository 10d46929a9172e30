//! Delimited text: CSV, TSV and their relatives, in every encoding, streamed record by record.
//!
//! Splitting is `csv-core`'s state machine, which takes bounded buffers: a field that never ends costs a buffer, not
//! memory. RFC 4180 is followed where a file does; what real exports do besides (`;` with decimal commas, a byte order
//! mark, UTF-16, comment lines in front, ragged rows, quotes left open) is read as spreadsheet programs read it.

use std::io::Read;

use csv_core::{ReadFieldResult, ReaderBuilder};

use super::super::super::{Finding, Input, ProbeError};
use super::charset::Charset;
use super::dialect::{self, Dialect};
use super::sort;
use crate::blob::{ReadError, read_full};
use crate::model::{Cause, Dataset, Fact};
use crate::table::{Cell, Column, Table};

/// Bytes of the beginning that decide.
const SNIFF: usize = 64 << 10;
/// The same where the first line is longer: a table of very many columns.
const SNIFF_WIDE: usize = 4 << 20;
/// Longest piece of a field that is looked at; the rest is passed over.
const MAX_FIELD: usize = 64 << 10;
/// Lines that a field may run over: a note has some, a table behind an open quote has all.
const MAX_LINES: usize = 1000;
/// Share of records with another number of fields, in percent, that a file may have whose name says it is a table.
const MAX_RAGGED: usize = 20;
/// Records alike, one behind the other, that make a table of a file whose other records are of other lengths.
const MIN_RUN: usize = 4;
/// Records alike that make a table of a file whose name does not say it is one.
const MIN_ALIKE: usize = 5;

/// A file whose name says it is delimited.
pub(in crate::probe) fn named(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let beginning = Beginning::read(input)?;
    let taxonomy = &input.tables.settings.taxonomy;
    // Another table may follow the first one.
    let is_first = |dialect: &Dialect| dialect.run >= MIN_RUN && dialect.run.saturating_mul(2) > dialect.alike;
    let dialect = dialect::of(taxonomy, &beginning.text, beginning.whole)
        .filter(|dialect| dialect.ragged <= MAX_RAGGED || is_first(dialect))
        .or_else(|| dialect::single(taxonomy, &beginning.text, beginning.whole))
        .ok_or_else(|| beginning.nothing())?;
    run(input, &beginning, &dialect, reader)
}

/// Any other text: many records with equally many fields and a header, or it is none.
pub(in crate::probe) fn unnamed(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let beginning = Beginning::read(input)?;
    let dialect =
        dialect::of(&input.tables.settings.taxonomy, &beginning.text, beginning.whole).ok_or(ProbeError::NotMine)?;
    let is_table = dialect.ragged == 0
        && dialect.alike > MIN_ALIKE
        && dialect.header
        && dialect.first.len() > 2
        && dialect.first.iter().all(|name| is_plain(name));
    if !is_table {
        return Err(ProbeError::NotMine);
    }
    run(input, &beginning, &dialect, reader)
}

/// Whether a field is a name as people give them to columns, and no piece of a program: brackets are closed, and signs
/// stand inside of them.
fn is_plain(name: &str) -> bool {
    let mut depth = 0u32;
    let is_even = name.chars().all(|char| {
        match char {
            '(' => depth = depth.saturating_add(1),
            ')' if depth == 0 => return false,
            ')' => depth = depth.saturating_sub(1),
            '=' if depth == 0 => return false,
            '{' | '}' | '<' | '>' | '"' => return false,
            _ => {}
        }
        true
    });
    is_even && depth == 0 && name.len() <= 128 && !name.ends_with("()")
}

/// The beginning of a file as text.
struct Beginning {
    charset: Charset,
    text: String,
    /// Bytes of the file it was made of.
    bytes: usize,
    whole: bool,
}

impl Beginning {
    fn read(input: &Input) -> Result<Beginning, ProbeError> {
        let mut head = vec![0; SNIFF.min(usize::try_from(input.blob.size()).unwrap_or(SNIFF))];
        let got = read_full(input.blob, &mut head, 0)?;
        head.truncate(got);
        if got == SNIFF && !head.contains(&b'\n') && input.blob.size() > SNIFF as u64 {
            head.resize(SNIFF_WIDE.min(usize::try_from(input.blob.size()).unwrap_or(SNIFF_WIDE)), 0);
            let got = read_full(input.blob, &mut head, 0)?;
            head.truncate(got);
        }
        let got = head.len();
        let charset = Charset::of(&head).ok_or(ProbeError::NotMine)?;
        let whole = !input.blob.is_open_ended() && input.blob.size() == got as u64;
        let text = charset.text(&head);
        if text.trim().is_empty() {
            return Err(ProbeError::NotMine);
        }
        Ok(Beginning { charset, text, bytes: got, whole })
    }

    /// Why no records were found in it: where not even the first one fits, nobody can tell that there are none.
    fn nothing(&self) -> ProbeError {
        if self.whole || self.text.contains(['\n', '\r']) {
            return ProbeError::Unsupported("is named like a table, and its lines do not split into one".to_owned());
        }
        ReadError::OverBudget("its first line is longer than what is looked at to tell what it is".to_owned()).into()
    }
}

fn run(input: &Input, beginning: &Beginning, dialect: &Dialect, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let mut table = input.table();
    let columns: Vec<usize> = names(dialect).into_iter().map(|name| table.column(Column::named(name))).collect();
    let mut pass =
        Pass { table, columns, dialect, records: 0, extra: false, longest: 0, open_quote: false, holds: false };
    let mut outcome = Ok(());
    let mut estimate = None;
    if input.rows {
        outcome = pass.feed(&mut beginning.charset.decode(reader));
    } else {
        let mut bytes = beginning.text.as_bytes();
        outcome = outcome.and(pass.count(&mut bytes));
        if !beginning.whole {
            estimate = Some(estimated(pass.records, beginning.bytes, input.blob.size(), input.blob.is_open_ended()));
        }
    }
    if outcome.is_err() || pass.open_quote {
        pass.table.cut();
    }
    let read = pass.records.saturating_sub(u64::from(dialect.header));
    let mut facts = pass.table.finish();
    facts.row_count = Some(read);
    if let Some(estimate) = estimate {
        facts.row_count = estimate;
        facts.row_count_estimated = true;
    }
    let delimiter = char::from(dialect.delimiter);
    let dataset = Dataset {
        kind: sort::of(&facts.columns).map(str::to_owned),
        table: facts,
        delimiter: (dialect.first.len() > 1).then(|| delimiter.to_string()),
        header: Some(dialect.header),
        bom: (beginning.charset.mark > 0).then_some(true),
        encoding: beginning.charset.name(),
        ..Dataset::default()
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    finding.format = (delimiter == '\t').then_some("tsv");
    if pass.longest >= MAX_FIELD {
        finding.notes.push((Cause::OverBudget, "of fields over 64 KiB only the beginning was looked at".to_owned()));
    }
    if pass.open_quote {
        let detail = "has a quote that is not closed: the rows behind it are counted as one".to_owned();
        finding.notes.push((Cause::Malformed, detail));
    }
    if dialect.ragged > MAX_RAGGED {
        let detail = "has records of other lengths behind a table: they were counted with it".to_owned();
        finding.notes.push((Cause::Unsupported, detail));
    } else if pass.extra {
        finding.notes.push((Cause::Malformed, "has records with more fields than its first one".to_owned()));
    }
    Ok(finding.ended_by(outcome))
}

/// Rows of a file of which only the beginning was read.
fn estimated(records: u64, bytes: usize, size: u64, open_ended: bool) -> Option<u64> {
    if open_ended || bytes == 0 {
        return None;
    }
    let rows = u128::from(records).saturating_mul(u128::from(size)).checked_div(bytes as u128)?;
    u64::try_from(rows).ok()
}

/// Names of the columns; numbers where no record names them.
fn names(dialect: &Dialect) -> Vec<String> {
    let number = |at: usize| format!("column_{}", at.saturating_add(1));
    let first = dialect.first.iter().enumerate();
    if dialect.header {
        first.map(|(at, name)| if name.trim().is_empty() { number(at) } else { name.trim().to_owned() }).collect()
    } else {
        first.map(|(at, _)| number(at)).collect()
    }
}

struct Pass<'t, 'd> {
    table: Table<'t>,
    columns: Vec<usize>,
    dialect: &'d Dialect,
    records: u64,
    /// Whether a record had more fields than there are columns.
    extra: bool,
    longest: usize,
    /// Whether a quote seems to have been left open: rows are then inside of a field.
    open_quote: bool,
    /// Whether the record at hand holds anything.
    holds: bool,
}

impl Pass<'_, '_> {
    /// Hands every record to the table.
    fn feed(&mut self, reader: &mut dyn Read) -> Result<(), ProbeError> {
        self.split(reader, true)
    }

    /// Counts the records.
    fn count(&mut self, reader: &mut dyn Read) -> Result<(), ProbeError> {
        self.split(reader, false)
    }

    fn split(&mut self, reader: &mut dyn Read, hand_over: bool) -> Result<(), ProbeError> {
        let mut parser = ReaderBuilder::new().delimiter(self.dialect.delimiter).build();
        let mut buffer = vec![0; SNIFF];
        let mut field = vec![0; MAX_FIELD];
        let (mut filled, mut at, mut length, mut column) = (0usize, 0usize, 0usize, 0usize);
        let mut skip = self.dialect.preamble;
        let mut skipping_header = self.dialect.header;
        let mut ended = false;
        // Line ends in the field at hand, and whether the last thing in the file so far closes a quote.
        let (mut lines, mut is_closed) = (0usize, false);
        loop {
            if at == filled && !ended {
                filled = read(reader, &mut buffer)?;
                at = 0;
                ended = filled == 0;
                let last = buffer.get(..filled).unwrap_or_default().iter().rfind(|byte| !byte.is_ascii_whitespace());
                is_closed = last.map_or(is_closed, |&byte| byte == b'"');
            }
            let pending = buffer.get(at..filled).unwrap_or_default();
            if skip > 0 {
                let passed = skip.min(pending.len());
                at = at.saturating_add(passed);
                skip = if ended { 0 } else { skip.saturating_sub(passed) };
                continue;
            }
            let room = field.get_mut(length..).unwrap_or_default();
            let (result, taken, written) = parser.read_field(pending, room);
            at = at.saturating_add(taken);
            let new = field.get(length..length.saturating_add(written)).unwrap_or_default();
            lines = lines.saturating_add(new.iter().filter(|&&byte| byte == b'\n').count());
            length = length.saturating_add(written);
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => {
                    // What was written stays as the field's beginning; the rest is passed over in the last byte's room.
                    self.longest = MAX_FIELD;
                    length = MAX_FIELD.saturating_sub(1024);
                }
                ReadFieldResult::Field { record_end } => {
                    let bytes = field.get(..length).unwrap_or_default();
                    self.holds |= bytes.iter().any(|byte| !byte.is_ascii_whitespace());
                    if hand_over && !skipping_header {
                        self.cell(column, bytes);
                    }
                    // Either it ends where the file does and no quote stands there, or nobody writes so much.
                    self.open_quote |= lines > MAX_LINES || ended && lines > 0 && !is_closed;
                    lines = 0;
                    column = column.saturating_add(1);
                    length = 0;
                    if record_end {
                        let is_row = hand_over && !skipping_header;
                        skipping_header &= !self.holds;
                        self.end_record(is_row, column)?;
                        column = 0;
                    }
                }
                ReadFieldResult::End => return Ok(()),
            }
        }
    }

    fn cell(&mut self, at: usize, bytes: &[u8]) {
        let Some(&column) = self.columns.get(at) else { return };
        match std::str::from_utf8(bytes) {
            Ok(text) => self.table.cell(column, Cell::Text(text)),
            Err(_) => self.table.cell(column, Cell::Text(&String::from_utf8_lossy(bytes))),
        }
    }

    fn end_record(&mut self, hand_over: bool, fields: usize) -> Result<(), ProbeError> {
        // Spreadsheet programs write rows of delimiters alone behind a table.
        if !std::mem::take(&mut self.holds) {
            return Ok(());
        }
        self.records = self.records.saturating_add(1);
        // A row-name column without a name makes every record one longer than R's header.
        self.extra |= fields > self.columns.len().saturating_add(1);
        if hand_over {
            self.table.end_row()?;
        }
        Ok(())
    }
}

fn read(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, ProbeError> {
    loop {
        match reader.read(buffer) {
            Ok(got) => return Ok(got),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ReadError::from_io(error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn look(text: &[u8]) -> Result<Dataset, ProbeError> {
        let blob = Memory::new(text);
        let finding = named(&Input::new(&blob, text), &mut &text[..])?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok(*dataset)
    }

    #[test]
    fn rows_are_records_and_not_lines() {
        let text = "id,note\n".to_owned() + &"1,\"two\nlines\"\n".repeat(40);
        let dataset = look(text.as_bytes()).unwrap();
        assert_eq!((dataset.table.row_count, dataset.table.column_count), (Some(40), Some(2)));
        assert_eq!(dataset.table.columns, ["id", "note"]);
    }

    #[test]
    fn line_ends_do_not_matter() {
        for text in ["a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4", "a,b\r1,2\r3,4\r", "\u{feff}a,b\n1,2\n3,4\n"] {
            let dataset = look(text.as_bytes()).unwrap();
            assert_eq!((dataset.table.row_count, dataset.table.columns.len()), (Some(2), 2), "{text:?}");
        }
    }

    #[test]
    fn without_a_header_columns_have_numbers() {
        let dataset = look(b"1;2,5;3\n4;5,5;6\n").unwrap();
        assert_eq!((dataset.table.row_count, dataset.header), (Some(2), Some(false)));
        assert_eq!(dataset.table.columns, ["column_1", "column_2", "column_3"]);
        assert_eq!(dataset.delimiter.as_deref(), Some(";"));
    }

    #[test]
    fn a_field_without_an_end_costs_a_buffer() {
        let mut text = b"a,b\n1,2\n3,\"".to_vec();
        text.extend(std::iter::repeat_n(b'x', 10 << 20));
        let dataset = look(&text).unwrap();
        assert_eq!(dataset.table.row_count, Some(2));
    }

    #[test]
    fn a_hundred_thousand_columns_are_counted() {
        let header: Vec<String> = (0..100_000).map(|at| format!("c{at}")).collect();
        let text = header.join(",") + "\n" + &vec!["1"; 100_000].join(",") + "\n";
        let dataset = look(text.as_bytes()).unwrap();
        assert_eq!((dataset.table.column_count, dataset.table.row_count), (Some(100_000), Some(1)));
    }

    #[test]
    fn prose_is_none() {
        assert!(look(b"Dear all,\n\nnothing here, really.\nBye\n").is_err());
    }
}
