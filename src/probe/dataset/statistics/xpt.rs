//! SAS transport files (XPORT), version 5 and 8: records of 80 bytes, one or more tables one behind the other.
//!
//! After "The Record Layout of a Data Set in SAS Transport (XPORT) Format" and its successor for version 8 and 9 (SAS
//! Institute, TS-140), and what ReadStat, R's haven and the exporters of SAS write. Nothing states the number of rows of
//! version 5: rows are walked, and what is blank at the end is filling.

use std::io::Read;

use super::super::super::stream::Stream;
use super::super::super::{Finding, Input, ProbeError};
use super::sas_format::{Shown, shown};
use super::text::{label, text};
use crate::blob::{Endian, ReadError};
use crate::model::{Cause, Dataset, Fact, TableFacts};
use crate::table::{Cell, Column, Context, Kind, Table};

const RECORD: usize = 80;
const MARK: &[u8] = b"HEADER RECORD*******";
/// Longest row: 32,767 bytes a value are allowed, and hundreds of columns usual.
const MAX_ROW: usize = 16 << 20;
/// Longest label of a column.
const MAX_LABEL: usize = 4096;
/// Tables of one file that are read.
const MAX_TABLES: usize = 1000;

/// One column, as its namestr describes it.
struct Variable {
    column: Column,
    is_text: bool,
    shown: Shown,
    from: usize,
    to: usize,
}

/// What a member says before its rows.
struct Member {
    name: String,
    label: Option<String>,
    variables: Vec<Variable>,
    row: usize,
    /// Rows, where the version states them.
    stated: Option<u64>,
}

/// Reads every member.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(MARK) || !matches!(input.head.get(20..28), Some(b"LIBRARY " | b"LIBV8   ")) {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    stream.set_endian(Endian::Big);
    let mut file = File { input, tables: Vec::new(), created_by: None, notes: Vec::new() };
    let outcome = file.read(&mut stream);
    if file.tables.is_empty() {
        outcome?;
        return Ok(Finding::new(Fact::Dataset(Box::default())));
    }
    let File { tables, created_by, notes, .. } = file;
    let dataset = Dataset { created_by, ..Dataset::of_tables(tables) };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    finding.notes = notes;
    Ok(finding.ended_by(outcome))
}

struct File<'i, 'a> {
    input: &'i Input<'a>,
    tables: Vec<(String, TableFacts)>,
    created_by: Option<String>,
    notes: Vec<(Cause, String)>,
}

impl File<'_, '_> {
    fn read(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        stream.skip(RECORD as u64)?;
        let first: [u8; RECORD] = stream.array()?;
        self.created_by = created_by(&first);
        stream.skip(RECORD as u64)?;
        let mut record = stream.array::<RECORD>()?;
        loop {
            if !is_member(&record) {
                return Err(ProbeError::Malformed("a member does not begin where one should".to_owned()));
            }
            if self.tables.len() >= MAX_TABLES {
                return Err(ProbeError::Unsupported(format!("holds more than {MAX_TABLES} tables")));
            }
            let member = Member::read(stream, &record)?;
            let context = Context { name: member.name.clone(), label: member.label.clone(), ..Context::default() };
            let mut table = Table::new(self.input.tables, context);
            for variable in &member.variables {
                table.column(variable.column.clone());
            }
            if !self.input.rows {
                let facts = TableFacts { row_count: member.stated, row_count_estimated: false, ..table.finish() };
                self.tables.push((member.name, facts));
                return Ok(());
            }
            let outcome = rows(stream, &member, &mut table);
            if outcome.is_err() {
                table.cut();
            }
            self.note_count(&member, table.rows(), outcome.is_ok());
            self.tables.push((member.name, table.finish()));
            match outcome? {
                Some(next) => record = next,
                None => return Ok(()),
            }
        }
    }

    fn note_count(&mut self, member: &Member, rows: u64, whole: bool) {
        if let Some(stated) = member.stated.filter(|&stated| whole && stated != rows) {
            let detail = format!("its header states {stated} rows, and {rows} were read");
            self.notes.push((Cause::Malformed, detail));
        }
    }
}

/// Version and system of the SAS that wrote it.
fn created_by(record: &[u8; RECORD]) -> Option<String> {
    let (version, system) = (text(record.get(24..32)?), text(record.get(32..40)?));
    let both = format!("SAS {} {}", version.trim(), system.trim());
    both.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ').then(|| both.trim_end().to_owned())
}

fn is_member(record: &[u8]) -> bool {
    record.starts_with(MARK) && matches!(record.get(20..28), Some(b"MEMBER  " | b"MEMBV8  "))
}

/// What a header record is called, and the record.
fn header(stream: &mut Stream) -> Result<([u8; RECORD], String), ProbeError> {
    let record: [u8; RECORD] = stream.array()?;
    if !record.starts_with(MARK) {
        return Err(ProbeError::Malformed("a header record is not where one should be".to_owned()));
    }
    let name = String::from_utf8_lossy(record.get(20..28).unwrap_or_default()).trim_end().to_owned();
    Ok((record, name))
}

/// The number in decimal digits at a place of a record.
fn digits(record: &[u8], from: usize, to: usize) -> Option<u64> {
    std::str::from_utf8(record.get(from..to)?).ok()?.trim().parse().ok()
}

impl Member {
    fn read(stream: &mut Stream, first: &[u8]) -> Result<Member, ProbeError> {
        let malformed = |what: &str| ProbeError::Malformed(format!("{what} of a member does not hold"));
        let is_v8 = first.get(20..28) == Some(b"MEMBV8  ");
        let namestr = match digits(first, 74, 78) {
            Some(length @ (136 | 140)) => length as usize,
            _ => return Err(malformed("the length of descriptions")),
        };
        header(stream)?;
        let names: [u8; RECORD] = stream.array()?;
        let labels: [u8; RECORD] = stream.array()?;
        let name = text(names.get(8..if is_v8 { 40 } else { 16 }).unwrap_or_default()).trim().to_owned();
        let (record, word) = header(stream)?;
        if !word.starts_with("NAMEST") && !word.starts_with("NAMST") {
            return Err(malformed("the list of columns"));
        }
        let count = digits(&record, 48, 58).ok_or_else(|| malformed("the number of columns"))?;
        let mut variables = Vec::new();
        let mut described = 0usize;
        for _ in 0..count {
            let bytes = stream.vec(namestr as u64, RECORD * 2)?;
            described = described.wrapping_add(namestr) % RECORD;
            variables.push(variable(&bytes, is_v8).ok_or_else(|| malformed("the description of a column"))?);
        }
        stream.skip((RECORD.wrapping_sub(described) as u64).checked_rem(RECORD as u64).unwrap_or(0))?;
        let stated = loop {
            let (record, word) = header(stream)?;
            match word.as_str() {
                "LABELV8" | "LABELV9" => long_labels(stream, &record, word == "LABELV9", &mut variables)?,
                "OBS" | "OBSV8" => break if is_v8 { digits(&record, 48, 63) } else { None },
                _ => return Err(malformed("the order of the header records")),
            }
        };
        let row = variables.iter().map(|variable| variable.to).max().unwrap_or(0);
        if row > MAX_ROW {
            return Err(ReadError::TooLong { wanted: row as u64, allowed: MAX_ROW as u64 }.into());
        }
        let label = label(labels.get(32..72).unwrap_or_default());
        Ok(Member { name, label, variables, row, stated })
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

fn variable(bytes: &[u8], is_v8: bool) -> Option<Variable> {
    let word = |at| number(bytes, at).map(u16::from_be_bytes);
    let is_text = match word(0)? {
        1 => false,
        2 => true,
        _ => return None,
    };
    let length = usize::from(word(4)?);
    let from = usize::try_from(u32::from_be_bytes(number(bytes, 84)?)).ok()?;
    let short = text(bytes.get(8..16)?).trim().to_owned();
    let long = if is_v8 { label(bytes.get(88..120)?) } else { None };
    let shown = if is_text { Shown::Number } else { shown(&text(bytes.get(56..64)?)) };
    let kind = if is_text { Kind::Text } else { shown.kind() };
    let column = Column { label: label(bytes.get(16..56)?), ..Column::of(long.unwrap_or(short), kind) };
    let numeric = (2..=8).contains(&length);
    (is_text || numeric).then_some(Variable { column, is_text, shown, from, to: from.checked_add(length)? })
}

/// Names and labels too long for a namestr: number of the column, lengths, then the texts.
fn long_labels(
    stream: &mut Stream,
    record: &[u8],
    formats: bool,
    variables: &mut [Variable],
) -> Result<(), ProbeError> {
    let count = digits(record, 48, 80).or_else(|| digits(record, 48, 58)).unwrap_or(0);
    let start = stream.position();
    for _ in 0..count {
        let (number, name, words) = (stream.u16()?, stream.u16()?, stream.u16()?);
        let further = if formats { u64::from(stream.u16()?).saturating_add(u64::from(stream.u16()?)) } else { 0 };
        let name = stream.vec(name.into(), MAX_LABEL)?;
        let words = stream.vec(words.into(), usize::from(u16::MAX))?;
        stream.skip(further)?;
        let at = usize::from(number).checked_sub(1);
        if let Some(variable) = at.and_then(|at| variables.get_mut(at)) {
            variable.column.name = label(&name).unwrap_or_else(|| std::mem::take(&mut variable.column.name));
            variable.column.label = label(words.get(..MAX_LABEL).unwrap_or(&words));
        }
    }
    let over = stream.position().wrapping_sub(start).checked_rem(RECORD as u64).unwrap_or(0);
    Ok(stream.skip((RECORD as u64).wrapping_sub(over).checked_rem(RECORD as u64).unwrap_or(0))?)
}

/// Feeds rows until the next member's header, which is returned, or the end.
fn rows(stream: &mut Stream, member: &Member, table: &mut Table) -> Result<Option<[u8; RECORD]>, ProbeError> {
    let mut row: Vec<u8> = Vec::new();
    let mut blank_rows = 0u64;
    let mut record = [0; RECORD];
    loop {
        let got = stream.fill(&mut record)?;
        let bytes = record.get(..got).unwrap_or_default();
        let over = got < RECORD;
        let next = !over && is_member(bytes);
        if over && got > 8 && (bytes.starts_with(MARK) || MARK.starts_with(bytes)) {
            return Err(ReadError::Ended { at: stream.position() }.into());
        }
        if !next && member.row > 0 {
            let mut rest = bytes;
            while !rest.is_empty() {
                let (part, further) = rest.split_at(rest.len().min(member.row.saturating_sub(row.len())));
                row.extend_from_slice(part);
                rest = further;
                if row.len() == member.row {
                    whole_row(&row, member, &mut blank_rows, table)?;
                    row.clear();
                }
            }
        }
        if next || over {
            if row.iter().any(|&byte| byte != b' ') {
                return Err(ReadError::Ended { at: stream.position() }.into());
            }
            // Blank rows at the end are filling, unless the header counts them.
            let counted = member.stated.unwrap_or(0).saturating_sub(table.rows()).min(blank_rows);
            (0..counted).try_for_each(|_| table.end_row())?;
            return Ok(next.then_some(record));
        }
    }
}

/// Feeds a row, and the blank ones before it that turn out not to be filling.
fn whole_row(row: &[u8], member: &Member, blank_rows: &mut u64, table: &mut Table) -> Result<(), ReadError> {
    if row.iter().all(|&byte| byte == b' ') {
        *blank_rows = blank_rows.saturating_add(1);
        return Ok(());
    }
    (0..std::mem::take(blank_rows)).try_for_each(|_| table.end_row())?;
    for (number, variable) in member.variables.iter().enumerate() {
        let bytes = row.get(variable.from..variable.to).unwrap_or_default();
        if variable.is_text {
            table.cell(number, Cell::Text(&text(bytes)));
        } else {
            table.cell(number, ibm(bytes).map_or(Cell::Missing, |value| variable.shown.cell(value)));
        }
    }
    table.end_row()
}

/// A number in IBM's hexadecimal floating point, cut to its first bytes; nothing where it is missing.
fn ibm(bytes: &[u8]) -> Option<f64> {
    let mut whole = [0; 8];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let word = u64::from_be_bytes(whole);
    let fraction = word & 0x00ff_ffff_ffff_ffff;
    let first = *bytes.first()?;
    if fraction == 0 {
        // A period, an underscore or a letter before zeros is a missing value; everything else there is zero.
        return matches!(first, 0 | 0x80).then_some(0.0);
    }
    let exponent = i32::from(first & 0x7f).wrapping_sub(64).wrapping_mul(4).wrapping_sub(56);
    let magnitude = (fraction as f64) * 2f64.powi(exponent);
    Some(if first & 0x80 == 0 { magnitude } else { -magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn padded(text: &str, len: usize) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(len, b' ');
        bytes
    }

    fn head(name: &str, rest: &str) -> Vec<u8> {
        padded(&format!("HEADER RECORD*******{name:<8}HEADER RECORD!!!!!!!{rest}"), RECORD)
    }

    fn namestr(kind: u16, length: u16, at: u32, name: &str, words: &str, format: &str) -> Vec<u8> {
        let mut bytes = [kind.to_be_bytes(), [0, 0], length.to_be_bytes(), [0, 0]].concat();
        bytes.extend(padded(name, 8));
        bytes.extend(padded(words, 40));
        bytes.extend(padded(format, 8));
        bytes.resize(84, 0);
        bytes.extend(at.to_be_bytes());
        bytes.resize(140, 0);
        bytes
    }

    fn member(name: &str, namestrs: &[Vec<u8>], rows: &[u8]) -> Vec<u8> {
        let mut bytes = head("MEMBER", "000000000000000001600000000140  ");
        bytes.extend(head("DSCRPTR", "000000000000000000000000000000  "));
        bytes.extend(padded(&format!("SAS     {name:<8}SASDATA 9.4     LIN X64"), RECORD));
        bytes.extend(padded(&format!("{:32}The label", ""), RECORD));
        bytes.extend(head("NAMESTR", &format!("000000{:04}00000000000000000000", namestrs.len())));
        let mut list = namestrs.concat();
        list.resize(list.len().next_multiple_of(RECORD), b' ');
        bytes.extend(list);
        bytes.extend(head("OBS", "000000000000000000000000000000"));
        let mut rows = rows.to_vec();
        rows.resize(rows.len().next_multiple_of(RECORD), b' ');
        bytes.extend(rows);
        bytes
    }

    fn file(members: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = head("LIBRARY", "000000000000000000000000000000  ");
        bytes.extend(padded("SAS     SAS     SASLIB  9.4     LIN X64", RECORD));
        bytes.extend(padded("", RECORD));
        bytes.extend(members.concat());
        bytes
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let blob = Memory::new(bytes);
        let mut source = bytes;
        let finding = probe(&Input::new(&blob, bytes), &mut source)?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    fn two() -> Vec<u8> {
        let people = [namestr(2, 4, 0, "SUBJID", "Subject", ""), namestr(1, 3, 4, "BIRTHDT", "Birth", "DATE")];
        let one = member("DM", &people, b"S001\x41\x10\0    \x2e\0\0S003\xc4\x10\0");
        let two = member("VS", &[namestr(1, 8, 0, "AVAL", "", "")], &[&1f64.to_be_bytes()[..], &[0x42; 8]].concat());
        file(&[one, two])
    }

    #[test]
    fn every_member_is_a_table() {
        let (dataset, notes) = run(&two()).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(5), vec![]));
        assert_eq!(dataset.tables["DM"].row_count, Some(3));
        assert_eq!(dataset.tables["DM"].columns, ["SUBJID", "BIRTHDT"]);
        assert_eq!(dataset.tables["VS"].row_count, Some(2));
        assert_eq!(dataset.created_by.as_deref(), Some("SAS 9.4 LIN X64"));
    }

    #[test]
    fn numbers_of_every_length() {
        assert_eq!(ibm(b"\x41\x10\0\0\0\0\0\0"), Some(1.0));
        assert_eq!(ibm(b"\xc2\x76\xa0\0\0\0\0\0"), Some(-118.625));
        assert_eq!(ibm(b"\x41\x10"), Some(1.0));
        assert_eq!((ibm(&[0; 8]), ibm(b".\0\0"), ibm(b"A\0\0\0\0\0\0\0"), ibm(b"")), (Some(0.0), None, None, None));
    }

    #[test]
    fn cut_anywhere_it_says_so_or_fails() {
        let whole = two();
        for size in 0..whole.len() {
            // A few letters of the next header may as well be a row.
            if let Ok((dataset, notes)) = run(&whole[..size]) {
                let rows = dataset.table.row_count.unwrap();
                assert!(rows <= 5 || !notes.is_empty() || size % RECORD <= 8, "{size}: {rows} {notes:?}");
            }
        }
    }

    #[test]
    fn hostile_headers() {
        let wide = member("X", &[namestr(2, u16::MAX, u32::MAX, "A", "", "")], b"");
        assert!(matches!(run(&file(&[wide])), Err(ProbeError::Read(ReadError::TooLong { .. }))));
        let mut many = member("X", &[], b"");
        many[RECORD * 4 + 48..RECORD * 4 + 58].copy_from_slice(b"9999999999");
        assert!(run(&file(&[many])).is_err());
        assert!(matches!(run(b"HEADER RECORD*******MEMBER  "), Err(ProbeError::NotMine)));
        let (dataset, notes) = run(&file(&[member("EMPTY", &[], b"")])).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(0), vec![]));
    }
}
