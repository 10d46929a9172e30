//! SPSS system files, plain (`$FL2`) and zlib-compressed (`$FL3`): a dictionary of records, then cases.
//!
//! After "System File Format" of the PSPP developers' manual. Names longer than eight letters, strings longer than 255 and
//! the number of cases past 2³¹ stand in extension records.

use std::collections::BTreeMap;
use std::io::Read;

use super::super::super::stream::Stream;
use super::super::super::{Finding, Input, ProbeError};
use super::sav_cases::{Cases, Packing, Slot, feed};
use super::text::{label, text};
use crate::blob::{Endian, ReadError};
use crate::model::{Dataset, Fact, publishable};
use crate::table::{Column, Context, Kind, Table};

/// Most slots of eight bytes in a case.
const MAX_SLOTS: usize = 1 << 20;
/// Longest label.
const MAX_LABEL: usize = 4096;
/// Longest extension record that is read: long names of every variable.
const MAX_EXTENSION: u64 = 16 << 20;

/// The dictionary, as it is read.
#[derive(Default)]
struct Dictionary {
    slots: Vec<Slot>,
    names: Vec<String>,
    labels: Vec<Option<String>>,
    long_names: BTreeMap<String, String>,
    long_strings: BTreeMap<String, usize>,
    cases: Option<u64>,
    encoding: Option<String>,
}

/// Reads dictionary and cases.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !matches!(input.head, [b'$', b'F', b'L', b'2' | b'3', b'@', b'(', b'#', b')', ..]) {
        return Err(ProbeError::NotMine);
    }
    let is_zlib = input.head.get(3) == Some(&b'3');
    let mut stream = Stream::new(source);
    stream.skip(4)?;
    let product = stream.vec(60, 60)?;
    let layout: [u8; 4] = stream.array()?;
    match layout {
        [2 | 3, 0, 0, 0] => stream.set_endian(Endian::Little),
        [0, 0, 0, 2 | 3] => stream.set_endian(Endian::Big),
        _ => return Err(ProbeError::Malformed("its byte order cannot be told".to_owned())),
    }
    stream.skip(4)?;
    let compression = stream.i32()?;
    stream.skip(4)?;
    let cases = u64::try_from(stream.i32()?).ok();
    let bias = f64::from_bits(stream.u64()?);
    stream.skip(17)?;
    let words = stream.vec(64, 64)?;
    stream.skip(3)?;
    let mut dictionary = Dictionary { cases, ..Dictionary::default() };
    dictionary.read(&mut stream)?;

    let context = Context { label: label(&words), ..input.context() };
    let mut table = Table::new(input.tables, context);
    let slots = dictionary.columns(&mut table);
    let packing = match (is_zlib, compression) {
        (true, _) | (_, 2) => Packing::Zlib,
        (_, 1) => Packing::Codes,
        _ => Packing::None,
    };
    let stated = dictionary.cases;
    let outcome = if input.rows {
        let mut cases = Cases { stream: &mut stream, slots: &slots, bias, stated };
        let outcome = feed(&mut cases, packing, &mut table);
        match (outcome, stated) {
            (Ok(()), Some(stated)) if stated > table.rows() => Err(ReadError::Ended { at: stream.position() }.into()),
            (outcome, _) => outcome,
        }
    } else {
        Ok(())
    };
    if outcome.is_err() {
        table.cut();
    }
    let mut facts = table.finish();
    if stated.is_some() {
        facts.row_count = stated;
        facts.row_count_estimated = false;
    } else if !input.rows {
        facts.row_count = None;
    }
    let product = text(&product);
    let dataset = Dataset {
        table: facts,
        created_by: Some(publishable("product", product.trim_start_matches("@(#)").trim())),
        encoding: dictionary.encoding.filter(|name| !name.eq_ignore_ascii_case("utf-8")),
        ..Dataset::default()
    };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome))
}

impl Dictionary {
    fn read(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        loop {
            match stream.i32()? {
                2 => self.variable(stream)?,
                3 => value_labels(stream)?,
                4 => {
                    let count = stream.u32()?;
                    stream.skip(u64::from(count).saturating_mul(4))?;
                }
                6 => {
                    let lines = stream.u32()?;
                    stream.skip(u64::from(lines).saturating_mul(80))?;
                }
                7 => self.extension(stream)?,
                999 => return Ok(stream.skip(4)?),
                _ => return Err(ProbeError::Malformed("its dictionary has a record of no known type".to_owned())),
            }
        }
    }

    fn variable(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        let width = stream.i32()?;
        let (has_label, missing, format) = (stream.i32()?, stream.i32()?, stream.u32()?);
        stream.skip(4)?;
        let name: [u8; 8] = stream.array()?;
        let mut words = None;
        if has_label == 1 {
            let length = u64::from(stream.u32()?);
            let kept = length.min(MAX_LABEL as u64);
            words = label(&stream.vec(kept, MAX_LABEL)?);
            let filled = length.checked_next_multiple_of(4).unwrap_or(length);
            stream.skip(filled.saturating_sub(kept))?;
        }
        stream.skip(u64::from(missing.unsigned_abs()).saturating_mul(8))?;
        if self.slots.len() >= MAX_SLOTS {
            return Err(ReadError::TooLong { wanted: MAX_SLOTS as u64, allowed: MAX_SLOTS as u64 }.into());
        }
        let kind = format >> 16 & 0xff;
        self.slots.push(match width {
            -1 => Slot::Further,
            0 => Slot::of_number(kind),
            width => Slot::Text { width: usize::try_from(width).unwrap_or(0).min(255), further: false },
        });
        self.names.push(text(&name).trim().to_owned());
        self.labels.push(words);
        Ok(())
    }

    fn extension(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        let (kind, size, count) = (stream.i32()?, u64::from(stream.u32()?), u64::from(stream.u32()?));
        let length = size.saturating_mul(count);
        if !matches!(kind, 13 | 14 | 16 | 20) || length > MAX_EXTENSION {
            return Ok(stream.skip(length)?);
        }
        if kind == 16 && length == 16 {
            stream.skip(8)?;
            let cases = stream.u64()?;
            self.cases = if cases.cast_signed() < 0 { self.cases } else { Some(cases) };
            return Ok(());
        }
        let bytes = stream.vec(length, MAX_EXTENSION as usize)?;
        let pairs = bytes.split(|&byte| byte == b'\t').filter_map(|pair| {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            let (name, value) = pair.split_at_checked(at)?;
            Some((text(name).trim().to_owned(), text(value.get(1..)?).trim().to_owned()))
        });
        match kind {
            13 => self.long_names.extend(pairs),
            14 => self.long_strings.extend(pairs.filter_map(|(name, width)| Some((name, width.parse().ok()?)))),
            20 => self.encoding = label(&bytes).map(|name| publishable("encoding", &name)),
            _ => {}
        }
        Ok(())
    }

    /// Makes columns of the variables; the parts of a long string are one.
    fn columns(&mut self, table: &mut Table) -> Vec<Slot> {
        let mut parts = 0usize;
        let described = self.names.iter().zip(&self.labels);
        for (slot, (name, words)) in self.slots.iter_mut().zip(described) {
            match slot {
                Slot::Further => continue,
                Slot::Text { further, .. } if parts > 0 => {
                    parts = parts.saturating_sub(1);
                    *further = true;
                    continue;
                }
                _ => {}
            }
            if let Some(width) = self.long_strings.get(name) {
                parts = width.div_ceil(252).saturating_sub(1);
            }
            let name = self.long_names.get(name).unwrap_or(name).clone();
            let kind = match slot {
                Slot::Number => Kind::Number,
                Slot::Day | Slot::Second => Kind::Date,
                _ => Kind::Text,
            };
            table.column(Column { label: words.clone(), ..Column::of(name, kind) });
        }
        std::mem::take(&mut self.slots)
    }
}

fn value_labels(stream: &mut Stream) -> Result<(), ProbeError> {
    let count = stream.u32()?;
    for _ in 0..count {
        stream.skip(8)?;
        let length = stream.u8()?;
        // Length byte and text together fill up to eights.
        stream.skip(u64::from(length | 7))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn variable(width: i32, name: &str, format: u32) -> Vec<u8> {
        let mut bytes: Vec<u8> = [2, width, 0, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend([format.to_le_bytes(), [0; 4]].concat());
        bytes.extend(format!("{name:<8}").as_bytes());
        bytes
    }

    fn file(compression: i32, cases: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = format!("$FL2{:<60}", "@(#) SPSS DATA FILE test").into_bytes();
        for number in [2, 3, compression, 0, cases] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(100f64.to_le_bytes());
        bytes.extend([b' '; 17 + 64 + 3]);
        bytes.extend(variable(10, "SUBJ", 0));
        bytes.extend(variable(-1, "", 0));
        bytes.extend(variable(0, "BIRTH", 20 << 16));
        let names = b"SUBJ=subject_id\tBIRTH=birth";
        bytes.extend([7u32, 13, 1, names.len() as u32].iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(names);
        bytes.extend([999u32, 0].iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(data);
        bytes
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(bytes);
        let mut source = bytes;
        let finding = probe(&Input::new(&blob, bytes), &mut source)?;
        Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
    }

    #[test]
    fn plain_and_packed_cases() {
        let plain = [b"S-1             ".as_slice(), &1f64.to_le_bytes()].concat().repeat(2);
        let packed = [&[253, 254, 101, 253, 254, 255, 252, 0], b"S-1     ".as_slice(), b"S-2     "].concat();
        for (file, cases) in [(file(0, 2, &plain), 2), (file(1, 2, &packed), 2), (file(1, -1, &packed), 2)] {
            let (dataset, notes) = run(&file).unwrap();
            assert_eq!((dataset.table.row_count, notes), (Some(cases), 0));
            assert_eq!(dataset.table.columns, ["subject_id", "birth"]);
            for size in 0..file.len() {
                let _ = run(&file[..size]);
            }
        }
        assert_eq!(run(&file(0, 3, &plain)).unwrap().1, 1);
    }

    #[test]
    fn hostile_dictionaries() {
        let mut bytes = file(1, 2, b"");
        let at = bytes.len() - 8;
        for (kind, rest) in [(3u32, [0xff; 12]), (4, [0xff; 12]), (6, [0xff; 12]), (7, [0xff; 12]), (5, [0; 12])] {
            bytes.truncate(at);
            bytes.extend(kind.to_le_bytes());
            bytes.extend(rest);
            assert!(run(&bytes).is_err());
        }
        assert!(matches!(run(b"$FL2 a note"), Err(ProbeError::NotMine)));
    }
}
