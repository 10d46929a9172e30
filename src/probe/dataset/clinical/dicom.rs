//! DICOM: the header of one image, signal or report, up to its pixels. One instance is one row; the assembling half
//! joins the instances of a directory.
//!
//! After DICOM PS3.5 (encoding) and PS3.10 (file format): explicit and implicit, little and big endian, deflated, and
//! files without preamble as older archives write them. Sequences are passed over: what identifies the patient stands
//! outside of them. No value is decoded but those that say whose image it is, and those never leave.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::super::super::stream::Stream;
use super::super::super::{Finding, Input, ProbeError};
use super::dicom_tags::{Tag, tag};
use crate::blob::{Endian, ReadError};
use crate::model::{Cause, Dataset, Fact, publishable};
use crate::table::{Cell, Column, Context, Table};

/// Elements of one header.
const MAX_ELEMENTS: usize = 100_000;
/// Deepest nesting of sequences of unknown length.
const MAX_DEPTH: usize = 64;
/// Bytes of a value that are looked at.
const MAX_VALUE: u64 = 1024;
/// Bytes of a deflated header.
const MAX_INFLATED: u64 = 16 << 20;

const UNKNOWN: u32 = u32::MAX;
const PIXELS: (u16, u16) = (0x7fe0, 0x0010);

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Syntax {
    explicit: bool,
    endian: Endian,
}

const EXPLICIT: Syntax = Syntax { explicit: true, endian: Endian::Little };

/// What a header says.
#[derive(Default)]
struct Header {
    transfer: String,
    class: String,
    modality: Option<String>,
    institution: Option<String>,
    identity_removed: Option<bool>,
    burned_in: Option<bool>,
    /// Values that are about people, by keyword and class.
    people: Vec<(&'static Tag, String)>,
    elements: usize,
    records: u64,
}

/// Reads the header.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let preamble = input.head.get(128..132) == Some(b"DICM");
    if !preamble && bare(input.head).is_none() {
        return Err(ProbeError::NotMine);
    }
    let mut header = Header::default();
    let outcome = header.file(source, if preamble { None } else { bare(input.head) });
    if header.elements == 0 {
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    Ok(header.finding(input).ended_by(outcome))
}

/// How a file without preamble begins, if it does: an element of the file's own group, or of the first group of data.
fn bare(head: &[u8]) -> Option<Syntax> {
    let element = head.get(..2)?;
    let (vr, length) = (head.get(4..6)?, u32::from_le_bytes(*head.get(4..)?.first_chunk()?));
    let number = u16::from_le_bytes(*head.get(2..)?.first_chunk()?);
    if !matches!(element, [0x02 | 0x08, 0x00]) || !matches!(number, 0 | 1 | 5 | 8 | 0x12 | 0x16 | 0x18) {
        return None;
    }
    let explicit = matches!(vr, b"UL" | b"OB" | b"CS" | b"UI" | b"DA");
    (explicit || (1..=64).contains(&length)).then_some(Syntax { explicit, endian: Endian::Little })
}

impl Header {
    fn file(&mut self, source: &mut dyn Read, bare: Option<Syntax>) -> Result<(), ProbeError> {
        let mut stream = Stream::new(source);
        if bare.is_none() {
            stream.skip(132)?;
        }
        let starts_with_meta = stream.peek()?.starts_with(&[2, 0]);
        if starts_with_meta {
            self.elements(&mut stream, bare.unwrap_or(EXPLICIT), true)?;
        }
        let syntax = match self.transfer.as_str() {
            "1.2.840.10008.1.2" => Syntax { explicit: false, endian: Endian::Little },
            "1.2.840.10008.1.2.2" => Syntax { explicit: true, endian: Endian::Big },
            "" => bare.unwrap_or(EXPLICIT),
            _ => EXPLICIT,
        };
        if self.transfer == "1.2.840.10008.1.2.1.99" {
            let mut inflated = DeflateDecoder::new(stream).take(MAX_INFLATED);
            return self.elements(&mut Stream::new(&mut inflated), syntax, false);
        }
        self.elements(&mut stream, syntax, false)
    }

    /// Elements until the pixels or the end; those of the file's own group alone where `meta`.
    fn elements(&mut self, stream: &mut Stream, syntax: Syntax, meta: bool) -> Result<(), ProbeError> {
        stream.set_endian(syntax.endian);
        // Sequences around the element at hand: whether their elements name their type.
        let mut nest: Vec<bool> = Vec::new();
        loop {
            if meta && !stream.peek()?.starts_with(&[2, 0]) || stream.is_over()? {
                return Ok(());
            }
            let name = (stream.u16()?, stream.u16()?);
            if name == PIXELS && nest.is_empty() {
                return Ok(());
            }
            self.elements = self.elements.saturating_add(1);
            if self.elements > MAX_ELEMENTS {
                return Err(ProbeError::Malformed("its header has no end".to_owned()));
            }
            let explicit = nest.last().copied().unwrap_or(syntax.explicit);
            let (vr, length) = length(stream, name, explicit)?;
            match name {
                // The end of an item or of a sequence.
                (0xfffe, 0xe00d) => {}
                (0xfffe, 0xe0dd) => {
                    nest.pop();
                }
                // An item of unknown length: its elements follow, then its end.
                (0xfffe, 0xe000) if length == UNKNOWN || self.is_directory() => {}
                _ if length == UNKNOWN => {
                    if nest.len() >= MAX_DEPTH {
                        return Err(ProbeError::Malformed(format!("it nests deeper than {MAX_DEPTH} levels")));
                    }
                    nest.push(explicit && vr != *b"UN");
                }
                // The records of a directory are elements like any other: they name patients.
                (0x0004, 0x1220) => {}
                _ if nest.is_empty() => self.value(stream, name, length)?,
                _ => stream.skip(length.into())?,
            }
        }
    }

    fn is_directory(&self) -> bool {
        self.class == "1.2.840.10008.1.3.10"
    }

    fn value(&mut self, stream: &mut Stream, name: (u16, u16), length: u32) -> Result<(), ProbeError> {
        if name == (0x0004, 0x1430) {
            self.records = self.records.saturating_add(1);
        }
        let known = tag(name);
        let told =
            matches!(name, (0x0002, 0x0002 | 0x0010) | (0x0008, 0x0060 | 0x0080) | (0x0012, 0x0062) | (0x0028, 0x0301));
        if known.is_none() && !told {
            return Ok(stream.skip(length.into())?);
        }
        let kept = u64::from(length).min(MAX_VALUE);
        let bytes = stream.vec(kept, MAX_VALUE as usize)?;
        stream.skip(u64::from(length).saturating_sub(kept))?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
        };
        let text = text.trim_matches(|char: char| char.is_whitespace() || char == '\0').to_owned();
        if text.is_empty() {
            return Ok(());
        }
        let flag = match text.as_str() {
            "YES" => Some(true),
            "NO" => Some(false),
            _ => None,
        };
        match name {
            (0x0002, 0x0002) => self.class = text,
            (0x0002, 0x0010) => self.transfer = text,
            (0x0008, 0x0060) => self.modality = Some(modality(text)),
            (0x0012, 0x0062) => self.identity_removed = flag,
            (0x0028, 0x0301) => self.burned_in = flag,
            _ => {
                if name == (0x0008, 0x0080) {
                    self.institution = Some(publishable("institution", &text));
                }
                if let Some(known) = known
                    && self.people.len() < MAX_ELEMENTS
                {
                    self.people.push((known, text));
                }
            }
        }
        Ok(())
    }

    fn finding(self, input: &Input) -> Finding {
        let context = Context { name: "instance".to_owned(), standard: Some("dicom".to_owned()), ..Context::default() };
        let mut table = Table::new(input.tables, context);
        let mut numbers: Vec<(&'static str, usize)> = Vec::new();
        for (known, _) in &self.people {
            if !numbers.iter().any(|(keyword, _)| *keyword == known.keyword) {
                let column = Column { declared: Some(known.class.to_owned()), ..Column::named(known.keyword) };
                numbers.push((known.keyword, table.column(column)));
            }
        }
        // A directory has a record for each patient; an image has one of each.
        let subject = "PatientID";
        let mut is_filled = false;
        for (known, text) in &self.people {
            if known.keyword == subject && std::mem::replace(&mut is_filled, true) && table.end_row().is_err() {
                break;
            }
            if let Some((_, number)) = numbers.iter().find(|(keyword, _)| *keyword == known.keyword) {
                table.cell(*number, Cell::Text(text));
            }
        }
        // The last one: time that is over now stops nothing.
        drop(table.end_row());
        let mut facts = table.finish();
        let is_directory = self.is_directory();
        facts.row_count = if is_directory { None } else { Some(1) };
        facts.row_count_estimated = false;
        facts.standard = Some("dicom".to_owned());
        facts.health_data = Some(true);
        facts.risk.clear();
        let mut patients: Vec<&String> =
            self.people.iter().filter(|(known, _)| known.keyword == subject).map(|(_, text)| text).collect();
        patients.sort_unstable();
        patients.dedup();
        if facts.distinct_subjects.is_none() && !patients.is_empty() {
            facts.distinct_subjects = Some(patients.len() as u64);
        }
        let dataset = Dataset {
            table: facts,
            modality: self.modality,
            institution: self.institution,
            identity_removed: self.identity_removed,
            burned_in_annotation: self.burned_in,
            sensitive_tags: numbers
                .iter()
                .filter_map(|(keyword, _)| {
                    let class = self.people.iter().find(|(known, _)| known.keyword == *keyword)?.0.class;
                    Some(((*keyword).to_owned(), class.to_owned()))
                })
                .collect(),
            kind: is_directory.then(|| "dicomdir".to_owned()),
            entries: is_directory.then_some(self.records),
            ..Dataset::default()
        };
        let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
        if self.burned_in == Some(true) {
            let detail = "its pixels hold annotations that were burned in; they were not read".to_owned();
            finding.notes.push((Cause::Unsupported, detail));
        }
        finding
    }
}

/// Codes of modalities, after PS3.3 C.7.3.1.1.1, with those that were retired.
#[rustfmt::skip]
const MODALITIES: [&str; 97] = [
    "ANN", "AR", "ASMT", "AU", "BDUS", "BI", "BMD", "CFM", "CR", "CT", "CTPROTOCOL", "DG", "DMS", "DOC", "DX", "ECG",
    "EEG", "EMG", "EOG", "EPS", "ES", "FID", "GM", "HC", "HD", "IO", "IOL", "IVOCT", "IVUS", "KER", "KO", "LEN", "LS",
    "M3D", "MG", "MR", "NM", "OAM", "OCT", "OP", "OPM", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA", "PLAN",
    "POS", "PR", "PT", "PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE", "RTINTENT", "RTPLAN", "RTRAD", "RTRECORD",
    "RTSEGANN", "RTSTRUCT", "RWV", "SEG", "SM", "SMR", "SR", "SRF", "STAIN", "TEXTUREMAP", "TG", "US", "VA", "XA",
    "XAPROTOCOL", "XC", "AS", "CD", "CF", "CP", "CS", "DD", "DF", "DM", "DS", "EC", "FA", "FS", "LP", "MA", "MS", "OPR",
    "ST", "VF",
];

/// A modality, if it is one of the standard: the element takes any text, and whoever fills it by hand may write who was
/// examined.
fn modality(text: String) -> String {
    if MODALITIES.contains(&text.as_str()) { text } else { "[withheld]".to_owned() }
}

/// Type and length of the element whose name was just read.
fn length(stream: &mut Stream, name: (u16, u16), explicit: bool) -> Result<([u8; 2], u32), ReadError> {
    if !explicit || name.0 == 0xfffe {
        return Ok((*b"  ", stream.u32()?));
    }
    let vr: [u8; 2] = stream.array()?;
    match &vr {
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV" => {
            stream.skip(2)?;
            Ok((vr, stream.u32()?))
        }
        _ => Ok((vr, stream.u16()?.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn element(group: u16, number: u16, vr: &str, value: &str, syntax: Syntax) -> Vec<u8> {
        let big = syntax.endian == Endian::Big;
        let two = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let length = value.len() as u32;
        let mut bytes = [two(group), two(number)].concat();
        if syntax.explicit {
            bytes.extend(vr.as_bytes());
            bytes.extend(two(length as u16));
        } else {
            bytes.extend(length.to_le_bytes());
        }
        bytes.extend(value.as_bytes());
        bytes
    }

    fn body(syntax: Syntax) -> Vec<u8> {
        let of = |group, number, vr: &str, value: &str| element(group, number, vr, value, syntax);
        let mut bytes = of(0x0008, 0x0005, "CS", "ISO_IR 100");
        bytes.extend(of(0x0008, 0x0060, "CS", "CT"));
        bytes.extend(of(0x0010, 0x0010, "PN", "Doe^Jane"));
        bytes.extend(of(0x0010, 0x0020, "LO", "ID-1"));
        bytes.extend(of(0x0012, 0x0062, "CS", "NO"));
        bytes
    }

    fn with_meta(transfer: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM");
        bytes.extend(element(0x0002, 0x0010, "UI", transfer, EXPLICIT));
        bytes.extend(body);
        bytes
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(bytes);
        let mut source = bytes;
        let finding = probe(&Input::new(&blob, bytes), &mut source)?;
        Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
    }

    #[test]
    fn every_syntax_says_the_same() {
        let implicit = Syntax { explicit: false, endian: Endian::Little };
        let big = Syntax { explicit: true, endian: Endian::Big };
        let mut deflated = Vec::new();
        let plain = body(EXPLICIT);
        let mut encoder = flate2::read::DeflateEncoder::new(plain.as_slice(), flate2::Compression::default());
        std::io::copy(&mut encoder, &mut deflated).unwrap();
        for bytes in [
            with_meta("1.2.840.10008.1.2.1", &body(EXPLICIT)),
            with_meta("1.2.840.10008.1.2", &body(implicit)),
            with_meta("1.2.840.10008.1.2.2", &body(big)),
            with_meta("1.2.840.10008.1.2.1.99", &deflated),
            body(EXPLICIT),
            body(implicit),
        ] {
            let (dataset, notes) = run(&bytes).unwrap();
            assert_eq!((dataset.table.row_count, dataset.table.distinct_subjects, notes), (Some(1), Some(1), 0));
            assert_eq!((dataset.modality.as_deref(), dataset.identity_removed), (Some("CT"), Some(false)));
            assert_eq!(dataset.sensitive_tags.len(), 2);
            assert!(!serde_json::to_string(&dataset).unwrap().contains("Jane"));
            for size in 0..bytes.len() {
                let _ = run(&bytes[..size]);
            }
        }
    }

    #[test]
    fn sequences_are_passed_over() {
        let mut bytes = vec![0x08, 0, 0x05, 0, b'C', b'S', 0, 0];
        bytes.extend([0x08, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
        bytes.extend(element(0x0010, 0x0020, "LO", "inner1", EXPLICIT));
        bytes.extend([0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]);
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        bytes.extend(element(0x0010, 0x0010, "PN", "Outer^", EXPLICIT));
        let (dataset, notes) = run(&bytes).unwrap();
        assert!(dataset.sensitive_tags.keys().eq(["PatientName"]) && notes == 0);
    }

    #[test]
    fn hostile_headers() {
        let open: Vec<u8> = [0x08, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff].repeat(1000);
        let (_, notes) = run(&with_meta("1.2.840.10008.1.2.1", &open)).unwrap();
        assert_eq!(notes, 1);
        let (_, notes) =
            run(&with_meta("1.2.840.10008.1.2.1", &[8, 0, 0x60, 0, b'U', b'T', 0, 0, 0xfe, 0xff, 0xff, 0xff])).unwrap();
        assert_eq!(notes, 1);
        assert!(matches!(run(&[0; 200]), Err(ProbeError::NotMine)));
    }
}
