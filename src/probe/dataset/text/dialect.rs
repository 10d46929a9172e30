//! How a delimited text is written: its delimiter and whether its first record names the columns. Told from its
//! beginning, by the one thing that makes a table a table: every record has as many fields.

use std::collections::BTreeMap;

use csv_core::{ReadRecordResult, ReaderBuilder};

use crate::table::{Taxonomy, names_columns};

/// What separates fields, best guess first where two fit as well.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records of the beginning that are looked at.
const MAX_RECORDS: usize = 200;
/// Columns of the widest table.
const MAX_FIELDS: usize = 200_000;

/// Records at the beginning that may be a title rather than the table.
const MAX_TITLE: usize = 30;

/// A dialect, and the first record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// Bytes before the first record: comments, a title, a line for a spreadsheet program.
    pub(super) preamble: usize,
    /// Fields of the first record; one more than it has, where R left out the name of the row names.
    pub(super) first: Vec<String>,
    /// Whether that record names the columns.
    pub(super) header: bool,
    /// Records of the beginning that have as many fields.
    pub(super) alike: usize,
    /// Share of the records that do not, in percent.
    pub(super) ragged: usize,
    /// Records that have as many fields before the first that does not.
    pub(super) run: usize,
}

/// A record, and where its bytes begin.
struct Record {
    at: usize,
    fields: Vec<String>,
}

impl Record {
    fn empty(&self) -> usize {
        self.fields.iter().filter(|field| field.trim().is_empty()).count()
    }
}

/// Finds the dialect of a text by its beginning; `whole` where that is all of it. Nothing where no delimiter makes
/// records of at least two fields.
pub(super) fn of(taxonomy: &Taxonomy, text: &str, whole: bool) -> Option<Dialect> {
    let (preamble, stated) = preamble(text);
    let body = text.get(preamble..)?;
    let mut best: Option<(Dialect, Vec<Record>)> = None;
    for delimiter in DELIMITERS.into_iter().filter(|&delimiter| stated.is_none_or(|stated| stated == delimiter)) {
        let mut records = records(body, delimiter, whole);
        let Some((start, width)) = start(taxonomy, &records) else { continue };
        records.drain(..start);
        let Some(first) = records.first() else { continue };
        let preamble = if start == 0 { preamble } else { preamble.saturating_add(first.at) };
        // R leaves out the name of the row names.
        let row_names = (first.fields.len() < width).then(String::new);
        let first: Vec<String> = row_names.into_iter().chain(first.fields.iter().cloned()).collect();
        let fits = |record: &&Record| record.fields.len() == width;
        let below = || records.iter().skip(1);
        let alike = below().filter(fits).count().saturating_add(1);
        let run = below().take_while(fits).count().saturating_add(1);
        let ragged = records.len().saturating_sub(alike).saturating_mul(100).checked_div(records.len()).unwrap_or(0);
        let better = |known: &Dialect| (ragged, known.first.len()) < (known.ragged, first.len());
        if best.as_ref().is_none_or(|(known, _)| better(known)) {
            best = Some((Dialect { delimiter, preamble, header: false, first, alike, ragged, run }, records));
        }
    }
    best.map(|(dialect, records)| Dialect { header: is_header(taxonomy, &dialect.first, &records), ..dialect })
}

/// The record the table begins with, and its width. A title above it is shorter, or has hardly a field with something
/// in it.
fn start(taxonomy: &Taxonomy, records: &[Record]) -> Option<(usize, usize)> {
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    for record in records.iter().filter(|record| record.fields.len() > 1) {
        let count = widths.entry(record.fields.len()).or_default();
        *count = count.saturating_add(1);
    }
    let first = records.first()?;
    let narrow = first.fields.len();
    let (usual, count) = widths.into_iter().max_by_key(|(width, count)| (*count, *width))?;
    let is_usual = count.saturating_mul(2) > records.len();
    // R leaves out the name of the row names: a header that is one shorter than all rows.
    if narrow > 1 && narrow.saturating_add(1) == usual && count.saturating_add(1) == records.len() {
        let padded: Vec<String> = std::iter::once(String::new()).chain(first.fields.iter().cloned()).collect();
        let next_names = |next: &[Record]| next.first().is_some_and(|first| is_header(taxonomy, &first.fields, next));
        if is_header(taxonomy, &padded, records) && !next_names(records.get(1..).unwrap_or_default()) {
            return Some((0, usual));
        }
    }
    let is_full = |record: &Record| record.fields.len() == usual && record.empty() <= 1;
    let at = records.iter().take(MAX_TITLE).position(is_full);
    let is_title = |record: &Record| {
        let few = record.fields.len().saturating_sub(record.empty()) <= 1;
        record.fields.len() < usual || (few && record.fields.len() > 2)
    };
    match at {
        Some(at) if is_usual && records.iter().take(at).all(is_title) => Some((at, usual)),
        _ => (narrow > 1).then_some((0, narrow)),
    }
}

/// A table of one column, for a file that says it is one.
pub(super) fn single(taxonomy: &Taxonomy, text: &str, whole: bool) -> Option<Dialect> {
    let (preamble, _) = preamble(text);
    let records = records(text.get(preamble..)?, b',', whole);
    let first = records.first()?.fields.clone();
    let header = is_header(taxonomy, &first, &records);
    let alike = records.iter().filter(|record| record.fields.len() == 1).count();
    (first.len() == 1 && alike == records.len() && alike > 1).then_some(Dialect {
        delimiter: b',',
        preamble,
        first,
        header,
        alike,
        ragged: 0,
        run: alike,
    })
}

/// Length of what precedes the first record, and the delimiter where it says so (`sep=;`).
fn preamble(text: &str) -> (usize, Option<u8>) {
    let mut at = 0usize;
    let mut stated = None;
    for line in text.split_inclusive('\n').take(1000) {
        let plain = line.trim_end();
        let separator = plain.strip_prefix("sep=").filter(|rest| rest.len() == 1);
        if let Some(separator) = separator.filter(|_| at == 0) {
            stated = separator.bytes().next();
        } else if !(plain.is_empty() || plain.starts_with('#')) {
            break;
        }
        at = at.saturating_add(line.len());
    }
    (at, stated)
}

/// The complete records of a text's beginning that hold something.
fn records(text: &str, delimiter: u8, whole: bool) -> Vec<Record> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
    let mut fields = vec![0; text.len().saturating_add(2)];
    let mut ends = vec![0; text.len().saturating_add(2).min(MAX_FIELDS)];
    let mut records = Vec::new();
    // The last record ends with the text, if that is all there is.
    let closed = if whole { text.to_owned() + "\n" } else { text.to_owned() };
    let mut input = closed.as_bytes();
    let mut at = 0usize;
    while records.len() < MAX_RECORDS {
        let (result, read, _, count) = reader.read_record(input, &mut fields, &mut ends);
        input = input.get(read..).unwrap_or_default();
        if result != ReadRecordResult::Record {
            break;
        }
        let record = Record { at, fields: strings(&fields, ends.get(..count).unwrap_or_default()) };
        at = at.saturating_add(read);
        if record.empty() < record.fields.len() {
            records.push(record);
        }
    }
    records
}

fn strings(fields: &[u8], ends: &[usize]) -> Vec<String> {
    let mut start = 0;
    let mut strings = Vec::with_capacity(ends.len());
    for &end in ends {
        strings.push(String::from_utf8_lossy(fields.get(start..end).unwrap_or_default()).into_owned());
        start = end;
    }
    strings
}

fn is_header(taxonomy: &Taxonomy, first: &[String], records: &[Record]) -> bool {
    fn texts(fields: &[String]) -> Vec<&str> {
        fields.iter().map(String::as_str).collect()
    }
    let body: Vec<Vec<&str>> = records.iter().skip(1).map(|record| texts(&record.fields)).collect();
    names_columns(taxonomy, &texts(first), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Option<(char, usize, bool)> {
        of(&Taxonomy::default(), text, true).map(|found| (char::from(found.delimiter), found.first.len(), found.header))
    }

    #[test]
    fn every_delimiter() {
        for delimiter in [',', ';', '\t', '|'] {
            let text = "id,name,dose\n1,a,2.5\n2,b,3.5\n".replace(',', &delimiter.to_string());
            assert_eq!(seen(&text), Some((delimiter, 3, true)));
        }
        assert_eq!(seen("id;dose;note\n1;2,5;a, b\n2;3,5;c\n"), Some((';', 3, true)), "decimal commas");
        assert_eq!(seen("sep=;\nid;dose\n1;2\n"), Some((';', 2, true)));
        assert_eq!(seen("# made by x\n#\na,b\n1,2\n"), Some((',', 2, true)));
    }

    #[test]
    fn quotes_hide_delimiters_and_line_ends() {
        assert_eq!(seen("id,note\n1,\"a, b\nc\"\n2,\"\"\"x\"\"\"\n"), Some((',', 2, true)));
    }

    #[test]
    fn a_first_record_of_values_is_no_header() {
        assert_eq!(seen("1,2\n3,4\n"), Some((',', 2, false)));
        assert_eq!(seen("ann@x.org,2024-01-01\nbob@x.org,2024-01-02\n"), Some((',', 2, false)));
        assert_eq!(seen(",a,b\n1,2,3\n2,3,4\n"), Some((',', 3, true)), "row names");
    }

    #[test]
    fn titles_and_empty_records_are_no_part_of_it() {
        let rows = "subject_id,sex,age\nS1,M,30\nS2,F,31\nS3,M,32\nS4,M,33\n";
        for title in ["List of site 101\nExported\n\n", "List of site 101,,\n,,\n", "by,someone\n\n"] {
            let text = format!("{title}{rows},,\n");
            let found = of(&Taxonomy::default(), &text, true).unwrap();
            assert_eq!((found.first.len(), found.header, found.ragged, found.alike), (3, true, 0, 5), "{title}");
            assert!(text[found.preamble..].trim_start().starts_with("subject_id"), "{title}");
        }
        let rows = "dose,weight\nr1,2,3\nr2,3,4\nr3,3,5\n";
        let found = of(&Taxonomy::default(), rows, true).unwrap();
        assert_eq!((found.first, found.header), (["", "dose", "weight"].map(str::to_owned).to_vec(), true));
    }

    #[test]
    fn prose_is_ragged() {
        let found = of(&Taxonomy::default(), "Dear all, hello\nthis is prose, with commas, many\nand lines\n", true);
        assert!(found.is_none_or(|found| found.ragged > 20));
        assert!(of(&Taxonomy::default(), "no delimiter\nat all\n", true).is_none());
        assert_eq!(single(&Taxonomy::default(), "id\n1\n2\n", true).map(|found| found.alike), Some(3));
    }
}
