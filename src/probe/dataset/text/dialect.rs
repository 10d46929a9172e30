//! How a delimited text is written: its delimiter and whether its first record names the columns. Told from its
//! beginning, by the one thing that makes a table a table: every record has as many fields.

use csv_core::{ReadRecordResult, ReaderBuilder};

use crate::table::{Taxonomy, names_columns};

/// What separates fields, best guess first where two fit as well.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Records of the beginning that are looked at.
const MAX_RECORDS: usize = 200;
/// Columns of the widest table.
const MAX_FIELDS: usize = 200_000;

/// A dialect, and the first record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    /// Bytes before the first record: comments, a line for a spreadsheet program.
    pub(super) preamble: usize,
    /// Fields of the first record.
    pub(super) first: Vec<String>,
    /// Whether that record names the columns.
    pub(super) header: bool,
    /// Records of the beginning that have as many fields.
    pub(super) alike: usize,
    /// Share of the records that do not, in percent.
    pub(super) ragged: usize,
}

/// Finds the dialect of a text by its beginning; `whole` where that is all of it. Nothing where no delimiter makes
/// records of at least two fields.
pub(super) fn of(taxonomy: &Taxonomy, text: &str, whole: bool) -> Option<Dialect> {
    let (preamble, stated) = preamble(text);
    let body = text.get(preamble..)?;
    let mut best: Option<(Dialect, Vec<Vec<String>>)> = None;
    for delimiter in DELIMITERS.into_iter().filter(|&delimiter| stated.is_none_or(|stated| stated == delimiter)) {
        let records = records(body, delimiter, whole);
        let Some(first) = records.first().filter(|first| first.len() > 1) else { continue };
        let alike = records.iter().filter(|record| record.len() == first.len()).count();
        let ragged = records.len().saturating_sub(alike).saturating_mul(100).checked_div(records.len()).unwrap_or(0);
        let better = |known: &Dialect| (ragged, known.first.len()) < (known.ragged, first.len());
        if best.as_ref().is_none_or(|(known, _)| better(known)) {
            best = Some((Dialect { delimiter, preamble, header: false, first: first.clone(), alike, ragged }, records));
        }
    }
    best.map(|(dialect, records)| Dialect { header: is_header(taxonomy, &records), ..dialect })
}

/// A table of one column, for a file that says it is one.
pub(super) fn single(taxonomy: &Taxonomy, text: &str, whole: bool) -> Option<Dialect> {
    let (preamble, _) = preamble(text);
    let records = records(text.get(preamble..)?, b',', whole);
    let first = records.first()?.clone();
    let header = is_header(taxonomy, &records);
    let alike = records.iter().filter(|record| record.len() == 1).count();
    (first.len() == 1 && alike == records.len() && alike > 1).then_some(Dialect {
        delimiter: b',',
        preamble,
        first,
        header,
        alike,
        ragged: 0,
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

/// The complete records of a text's beginning.
fn records(text: &str, delimiter: u8, whole: bool) -> Vec<Vec<String>> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).build();
    let mut fields = vec![0; text.len().saturating_add(2)];
    let mut ends = vec![0; text.len().saturating_add(2).min(MAX_FIELDS)];
    let mut records = Vec::new();
    // The last record ends with the text, if that is all there is.
    let closed = if whole { text.to_owned() + "\n" } else { text.to_owned() };
    let mut input = closed.as_bytes();
    while records.len() < MAX_RECORDS {
        let (result, read, _, count) = reader.read_record(input, &mut fields, &mut ends);
        input = input.get(read..).unwrap_or_default();
        if result != ReadRecordResult::Record {
            break;
        }
        records.push(strings(&fields, ends.get(..count).unwrap_or_default()));
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

fn is_header(taxonomy: &Taxonomy, records: &[Vec<String>]) -> bool {
    let Some((first, rest)) = records.split_first() else { return false };
    fn texts(record: &Vec<String>) -> Vec<&str> {
        record.iter().map(String::as_str).collect()
    }
    names_columns(taxonomy, &texts(first), &rest.iter().map(texts).collect::<Vec<_>>())
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
    fn prose_is_ragged() {
        let found = of(&Taxonomy::default(), "Dear all, hello\nthis is prose, with commas, many\nand lines\n", true);
        assert!(found.is_none_or(|found| found.ragged > 20));
        assert!(of(&Taxonomy::default(), "no delimiter\nat all\n", true).is_none());
        assert_eq!(single(&Taxonomy::default(), "id\n1\n2\n", true).map(|found| found.alike), Some(3));
    }
}
