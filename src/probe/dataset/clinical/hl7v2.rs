//! HL7 version 2 messages, one or many in a file: what the systems of a hospital send each other.
//!
//! Follows chapters 2 and 3 of HL7 v2.5.1: a message begins with `MSH`, which names its separators; a segment ends with a
//! carriage return. Files have line feeds instead as often, batches have `FHS` and `BHS` in front, and captured traffic
//! is framed for MLLP. A message is a row; of its fields the patient's are looked at, and no value stays.

use std::io::{BufRead, BufReader, Read};

use super::super::super::{Finding, Input, ProbeError};
use crate::blob::ReadError;
use crate::model::{Cause, Dataset, Fact, publishable};
use crate::table::{Cell, Column, Context, Kind, Table};

/// Bytes of a segment that are kept: an embedded document is longer, and is no field of a patient.
const MAX_SEGMENT: usize = 64 << 10;
/// Fields of the segment `PID` that are looked at.
const FIELDS: [(usize, Kind); 6] =
    [(3, Kind::Text), (5, Kind::Text), (7, Kind::Date), (8, Kind::Text), (11, Kind::Text), (13, Kind::Text)];

/// Segments that say something about somebody's health: results, orders, diagnoses, allergies, medication, procedures.
const HEALTH: [&[u8]; 12] =
    [b"OBX", b"OBR", b"DG1", b"AL1", b"IAM", b"RXA", b"RXD", b"RXE", b"RXO", b"PR1", b"PRB", b"SPM"];

/// Reads the messages one after the other.
pub(in crate::probe) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let head = input.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.head);
    let head = head.trim_ascii_start().strip_prefix(b"\x0b").unwrap_or(head.trim_ascii_start());
    if ![b"MSH", b"FHS", b"BHS"].iter().any(|segment| head.starts_with(*segment)) {
        return Err(ProbeError::NotMine);
    }
    let context = Context { standard: Some("hl7v2".to_owned()), ..input.context() };
    let mut messages = Messages {
        table: Table::new(input.tables, context),
        feeds: input.rows,
        separators: Separators { field: b'|', component: '^', repetition: '~' },
        columns: Vec::new(),
        version: None,
        count: 0,
        of_health: false,
    };
    let mut is_cut = false;
    let outcome = segments(&mut BufReader::new(source), &mut is_cut, &mut |segment| messages.segment(segment));
    let outcome = messages.end().map_err(ProbeError::from).and(outcome);
    if outcome.is_err() {
        messages.table.cut();
    }
    let mut table = messages.table.finish();
    table.row_count = Some(messages.count);
    if messages.of_health && table.subject_kind.is_some() {
        table.health_data = Some(true);
    }
    let schema_name = messages.version.map(|version| format!("HL7 v{version}"));
    let dataset = Dataset { table, schema_name, ..Dataset::default() };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if is_cut {
        finding.notes.push((Cause::OverBudget, "of segments over 64 KiB only the beginning was looked at".to_owned()));
    }
    Ok(finding.ended_by(outcome))
}

/// Hands over each segment, cut to what is kept.
fn segments(
    source: &mut dyn BufRead,
    is_cut: &mut bool,
    take: &mut dyn FnMut(&[u8]) -> Result<(), ReadError>,
) -> Result<(), ProbeError> {
    let mut segment = Vec::new();
    loop {
        let here = source.fill_buf().map_err(ReadError::from_io)?;
        if here.is_empty() {
            return Ok(take(&segment)?);
        }
        // Line ends of every kind, and the bytes that frame a message.
        let end = here.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0x0b | 0x1c));
        let part = here.get(..end.unwrap_or(here.len())).unwrap_or_default();
        let room = MAX_SEGMENT.saturating_sub(segment.len()).min(part.len());
        segment.extend_from_slice(part.get(..room).unwrap_or_default());
        *is_cut |= room < part.len();
        let taken = part.len().saturating_add(usize::from(end.is_some()));
        source.consume(taken);
        if end.is_some() {
            take(&segment)?;
            segment.clear();
        }
    }
}

/// What separates the parts of a segment, as its message says.
#[derive(Clone, Copy)]
struct Separators {
    field: u8,
    component: char,
    repetition: char,
}

struct Messages<'s> {
    table: Table<'s>,
    feeds: bool,
    separators: Separators,
    /// Columns of [`FIELDS`], once there was a patient.
    columns: Vec<usize>,
    version: Option<String>,
    count: u64,
    /// Whether anything was observed, ordered, given or found.
    of_health: bool,
}

impl Messages<'_> {
    fn segment(&mut self, segment: &[u8]) -> Result<(), ReadError> {
        let segment = segment.strip_prefix(b"\xef\xbb\xbf").unwrap_or(segment);
        if let Some(rest) = segment.strip_prefix(b"MSH") {
            self.end()?;
            self.header(rest);
        } else if let Some(rest) = segment.strip_prefix(b"PID")
            && rest.first() == Some(&self.separators.field)
            && self.count > 0
        {
            self.patient(rest);
        } else if HEALTH.iter().any(|name| segment.starts_with(name)) && segment.get(3) == Some(&self.separators.field)
        {
            self.of_health = true;
        }
        Ok(())
    }

    /// A message begins: it says what separates what.
    fn header(&mut self, rest: &[u8]) {
        self.count = self.count.saturating_add(1);
        let Some((&field, after)) = rest.split_first() else { return };
        self.separators.field = field;
        if let [component, repetition, ..] = after {
            self.separators.component = char::from(*component);
            self.separators.repetition = char::from(*repetition);
        }
        // The separator itself is the first field, the others are the second.
        let version = after.split(|&byte| byte == field).nth(10).unwrap_or_default();
        let version = version.split(|&byte| char::from(byte) == self.separators.component).next().unwrap_or_default();
        let is_version =
            version.starts_with(b"2.") && version.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        if self.version.is_none() && is_version && version.len() < 8 {
            self.version = Some(publishable("version", &String::from_utf8_lossy(version)));
        }
    }

    fn patient(&mut self, rest: &[u8]) {
        if self.columns.is_empty() {
            let column = |(number, kind): (usize, Kind)| {
                let declared = (number == 3).then(|| "subject_identifier".to_owned());
                Column { declared, ..Column::of(format!("PID.{number}"), kind) }
            };
            self.columns = FIELDS.into_iter().map(|field| self.table.column(column(field))).collect();
        }
        if !self.feeds {
            return;
        }
        let fields: Vec<&[u8]> = rest.split(|&byte| byte == self.separators.field).take(40).collect();
        for ((number, _), column) in FIELDS.into_iter().zip(&self.columns) {
            let text = String::from_utf8_lossy(fields.get(number).copied().unwrap_or_default());
            let value = self.separators.value(number, &text);
            // Two double quotes delete what the receiver has.
            if value != "\"\"" {
                self.table.cell(*column, Cell::Text(&value));
            }
        }
    }

    /// The message at hand, if there is one, is complete.
    fn end(&mut self) -> Result<(), ReadError> {
        if self.count > 0 && self.feeds { self.table.end_row() } else { Ok(()) }
    }
}

impl Separators {
    /// The first repetition of a field, in the form in which a table has such values.
    fn value(self, number: usize, text: &str) -> String {
        let first = text.split(self.repetition).next().unwrap_or_default();
        let mut parts = first.split(self.component).map(str::trim);
        match number {
            5 => parts.take(3).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
            11 => parts.take(6).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
            7 => day(parts.next().unwrap_or_default()),
            _ => parts.next().unwrap_or_default().to_owned(),
        }
    }
}

/// `19800131…` as `1980-01-31`.
fn day(text: &str) -> String {
    match (text.get(..4), text.get(4..6), text.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        (Some(year), Some(month), None) => format!("{year}-{month}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    /// Messages forged after the examples of chapter 3.
    const ADMIT: &str = "MSH|^~\\&|ADT1|GOOD HEALTH|LAB|X|20240101||ADT^A01^ADT_A01|MSG1|P|2.5.1\rEVN|A01|20240101\rPID|1||4711^^^H^MR~9^^^S^SS||Ravn^Astrid^Q||19610615|F|||1 Elm St^^Springfield^IL^62701||555-555-2004\rPV1|1|I\r";

    fn run(bytes: &[u8], rows: bool) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(bytes);
        let input = Input { rows, ..Input::new(&blob, bytes) };
        let found = probe(&input, &mut &*bytes)?;
        Ok((found.fact.dataset().unwrap().clone(), found.notes.len()))
    }

    #[test]
    fn results_are_about_health() {
        let result = format!("{ADMIT}OBX|1|NM|718-7^Hb||13.2|g/dL\r");
        assert_eq!(run(result.as_bytes(), true).unwrap().0.table.health_data, Some(true));
        assert_eq!(run(ADMIT.as_bytes(), true).unwrap().0.table.health_data, Some(false));
    }

    #[test]
    fn messages_are_rows_and_their_patients_are_counted() {
        let other = ADMIT.replace("4711", "4712").replace("Ravn", "Lund");
        let plain = [ADMIT, &other, ADMIT].concat();
        let framed: String = [ADMIT, &other, ADMIT].map(|message| format!("\x0b{message}\x1c\r")).concat();
        let batch = format!("FHS|^~\\&|A\r\nBHS|^~\\&|A\r\n{}BTS|3\r\nFTS|1\r\n", plain.replace('\r', "\r\n"));
        let piped = plain.replace('|', "#");
        for text in [&plain, &framed, &batch, &plain.replace('\r', "\n"), &piped] {
            let (dataset, notes) = run(text.as_bytes(), true).unwrap();
            assert_eq!((dataset.table.row_count, notes), (Some(3), 0));
            assert_eq!(dataset.table.columns, ["PID.3", "PID.5", "PID.7", "PID.8", "PID.11", "PID.13"]);
            assert_eq!(dataset.table.distinct_subjects, Some(2), "{text}");
            assert_eq!(dataset.schema_name.as_deref(), Some("HL7 v2.5.1"));
            let told = serde_json::to_string(&dataset).unwrap();
            assert!(!told.contains("Ravn") && !told.contains("4711"), "{told}");
        }
        let (dataset, _) = run(plain.as_bytes(), false).unwrap();
        assert_eq!((dataset.table.row_count, dataset.table.columns.len()), (Some(3), 6));
    }

    #[test]
    fn hostile_and_cut_messages() {
        for size in 0..ADMIT.len() {
            assert_eq!(run(&ADMIT.as_bytes()[..size], true).is_ok(), size >= 3, "{size}");
        }
        let long = format!("{ADMIT}OBX|1|ED|{}\r{ADMIT}", "x".repeat(1 << 20));
        assert_eq!(run(long.as_bytes(), true).unwrap().0.table.row_count, Some(2));
        let fields = format!("MSH|^~\\&\rPID{}\r", "|".repeat(60_000));
        assert_eq!(run(fields.as_bytes(), true).unwrap().0.table.row_count, Some(1));
        assert!(run(b"PID|1||4711", true).is_err());
    }

    #[test]
    fn days_of_every_length() {
        assert_eq!(["196106151200", "196106", "1961", "", "é9"].map(day), ["1961-06-15", "1961-06", "1961", "", "é9"]);
    }
}
