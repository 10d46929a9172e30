//! Stata data files, releases 102 to 121: a header, descriptions of variables, then rows of fixed width.
//!
//! After Stata's own descriptions ("File formats .dta", help dta_117 ff.) and, for what they leave out of old releases,
//! the readers of pandas and ReadStat. Long strings (strL) lie behind the rows and are not read; value labels follow too
//! late to name the codes of a row.

use std::io::Read;

use super::super::super::stream::Stream;
use super::super::super::{Finding, Input, ProbeError};
use super::dta_types::{Type, Variable, modern_type, old_type, shown};
use super::text::{label, text};
use crate::blob::{Endian, ReadError};
use crate::model::{Dataset, Fact};
use crate::table::{Column, Context, Kind, Table};

/// Widest row.
const MAX_ROW: u64 = 16 << 20;
/// Most variables: Stata/MP allows 120,000.
const MAX_VARIABLES: u64 = 200_000;
const XML: &[u8] = b"<stata_dta><header><release>";

/// What the header says.
struct Header {
    release: u8,
    rows: u64,
    label: Option<String>,
    variables: Vec<Variable>,
}

/// Reads header and rows.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let is_modern = input.head.starts_with(XML);
    let is_old = matches!(input.head, [102..=115, 1 | 2, 1, 0, ..]);
    if !is_modern && !is_old {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    let header = if is_modern { modern(&mut stream)? } else { old(&mut stream)? };
    let mut table = Table::new(input.tables, Context { label: header.label, ..input.context() });
    for variable in &header.variables {
        let shown = shown(&variable.format);
        let kind = if variable.kind.is_text() { Kind::Text } else { shown.kind(variable.kind) };
        table.column(Column { label: variable.label.clone(), ..Column::of(variable.name.clone(), kind) });
    }
    let outcome = if input.rows { rows(&mut stream, &header.variables, header.rows, &mut table) } else { Ok(()) };
    if outcome.is_err() {
        table.cut();
    }
    let mut facts = table.finish();
    facts.row_count = Some(header.rows);
    facts.row_count_estimated = false;
    let dataset =
        Dataset { table: facts, created_by: Some(format!("Stata, release {}", header.release)), ..Dataset::default() };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome))
}

fn rows(stream: &mut Stream, variables: &[Variable], count: u64, table: &mut Table) -> Result<(), ProbeError> {
    let width = variables.iter().map(|variable| variable.kind.width()).fold(0u64, u64::saturating_add);
    if width > MAX_ROW {
        return Err(ReadError::TooLong { wanted: width, allowed: MAX_ROW }.into());
    }
    if width == 0 {
        return Ok(());
    }
    let endian = stream.endian();
    let shown: Vec<_> = variables.iter().map(|variable| shown(&variable.format)).collect();
    let mut row = stream.vec(width.saturating_mul(count.min(1)), MAX_ROW as usize)?;
    for done in 0..count {
        if done > 0 {
            stream.exact(&mut row)?;
        }
        let mut rest = row.as_slice();
        for (number, (variable, shown)) in variables.iter().zip(&shown).enumerate() {
            let width = usize::try_from(variable.kind.width()).unwrap_or(usize::MAX);
            let Some((bytes, further)) = rest.split_at_checked(width) else { break };
            rest = further;
            variable.kind.feed(bytes, endian, *shown, |cell| table.cell(number, cell));
        }
        table.end_row()?;
    }
    Ok(())
}

fn variables(count: u64) -> Result<usize, ProbeError> {
    if count > MAX_VARIABLES {
        return Err(ReadError::TooLong { wanted: count, allowed: MAX_VARIABLES }.into());
    }
    Ok(usize::try_from(count).unwrap_or(0))
}

fn strings(stream: &mut Stream, count: usize, width: u64) -> Result<Vec<Vec<u8>>, ProbeError> {
    (0..count).map(|_| Ok(stream.vec(width, 1024)?)).collect()
}

/// Releases up to 115: fixed fields one behind the other.
fn old(stream: &mut Stream) -> Result<Header, ProbeError> {
    let [release, order, _, _] = stream.array()?;
    stream.set_endian(if order == 1 { Endian::Big } else { Endian::Little });
    let count = variables(stream.u16()?.into())?;
    let rows = if release >= 103 { u64::from(stream.u32()?) } else { u64::from(stream.u16()?) };
    let words = stream.vec(if release > 105 { 81 } else { 32 }, 81)?;
    if release > 104 {
        stream.skip(18)?;
    }
    let kinds = stream.vec(count as u64, count)?;
    let names = strings(stream, count, if release > 108 { 33 } else { 9 })?;
    stream.skip(2u64.saturating_mul(count.saturating_add(1) as u64))?;
    let formats = strings(
        stream,
        count,
        match release {
            114.. => 49,
            105.. => 12,
            _ => 7,
        },
    )?;
    stream.skip(if release > 108 { 33u64 } else { 9 }.saturating_mul(count as u64))?;
    let labels = strings(stream, count, if release > 105 { 81 } else { 32 })?;
    if release > 104 {
        loop {
            let kind = stream.u8()?;
            let length = if release > 108 { u64::from(stream.u32()?) } else { u64::from(stream.u16()?) };
            if kind == 0 {
                break;
            }
            stream.skip(length)?;
        }
    }
    let kinds = kinds.iter().map(|&kind| old_type(kind, release));
    let variables = described(kinds, &names, &formats, &labels)?;
    Ok(Header { release, rows, label: label(&words), variables })
}

/// Releases from 117 on: the same in sections between tags, at positions that a map gives.
fn modern(stream: &mut Stream) -> Result<Header, ProbeError> {
    tag(stream, XML)?;
    let digits: [u8; 3] = stream.array()?;
    let release: u8 = std::str::from_utf8(&digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    if !(117..=121).contains(&release) {
        return Err(ProbeError::Unsupported("is of a release that is not read".to_owned()));
    }
    tag(stream, b"</release><byteorder>")?;
    let order: [u8; 3] = stream.array()?;
    stream.set_endian(if order == *b"MSF" { Endian::Big } else { Endian::Little });
    tag(stream, b"</byteorder><K>")?;
    let is_wide = matches!(release, 119 | 121);
    let count = variables(if is_wide { stream.u32()?.into() } else { stream.u16()?.into() })?;
    tag(stream, b"</K><N>")?;
    let rows = if release == 117 { u64::from(stream.u32()?) } else { stream.u64()? };
    tag(stream, b"</N><label>")?;
    let length = if release == 117 { u16::from(stream.u8()?) } else { stream.u16()? };
    let words = stream.vec(length.into(), usize::from(u16::MAX))?;
    tag(stream, b"</label><timestamp>")?;
    let length = stream.u8()?;
    stream.skip(length.into())?;
    tag(stream, b"</timestamp></header><map>")?;
    let mut map = [0u64; 14];
    for position in &mut map {
        *position = stream.u64()?;
    }
    let [_, _, types_at, names_at, _, formats_at, _, labels_at, _, data_at, ..] = map;
    section(stream, types_at, b"<variable_types>")?;
    let mut kinds = Vec::new();
    for _ in 0..count {
        kinds.push(modern_type(stream.u16()?));
    }
    let wide = release > 117;
    section(stream, names_at, b"<varnames>")?;
    let names = strings(stream, count, if wide { 129 } else { 33 })?;
    section(stream, formats_at, b"<formats>")?;
    let formats = strings(stream, count, if wide { 57 } else { 49 })?;
    section(stream, labels_at, b"<variable_labels>")?;
    let labels = strings(stream, count, if wide { 321 } else { 81 })?;
    section(stream, data_at, b"<data>")?;
    let variables = described(kinds.into_iter(), &names, &formats, &labels)?;
    Ok(Header { release, rows, label: label(&words), variables })
}

fn described(
    kinds: impl Iterator<Item = Option<Type>>,
    names: &[Vec<u8>],
    formats: &[Vec<u8>],
    labels: &[Vec<u8>],
) -> Result<Vec<Variable>, ProbeError> {
    let rest = names.iter().zip(formats).zip(labels);
    kinds
        .zip(rest)
        .map(|(kind, ((name, format), words))| {
            let kind = kind.ok_or_else(|| ProbeError::Malformed("a variable is of no known type".to_owned()))?;
            Ok(Variable { kind, name: text(name).into_owned(), format: text(format).into_owned(), label: label(words) })
        })
        .collect()
}

fn tag(stream: &mut Stream, want: &[u8]) -> Result<(), ProbeError> {
    let got = stream.vec(want.len() as u64, 64)?;
    if got == want {
        Ok(())
    } else {
        Err(ProbeError::Malformed("a tag of its header is not where it should be".to_owned()))
    }
}

fn section(stream: &mut Stream, at: u64, name: &[u8]) -> Result<(), ProbeError> {
    if at < stream.position() {
        return Err(ProbeError::Malformed("its map leads backwards".to_owned()));
    }
    stream.skip_to(at)?;
    tag(stream, name)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::type_complexity)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn fixed(text: &str, width: usize) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(width, 0);
        bytes
    }

    fn old_file(release: u8, order: u8) -> Vec<u8> {
        let big = order == 1;
        let two = |value: u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let four = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut bytes = vec![release, order, 1, 0];
        bytes.extend(two(2));
        bytes.extend(four(2));
        bytes.extend(fixed("", if release > 105 { 81 } else { 32 }));
        bytes.extend(fixed("", if release > 104 { 18 } else { 0 }));
        bytes.extend(if release > 110 { [4, 252] } else { [127 + 4, b'i'] });
        let name = if release > 108 { 33 } else { 9 };
        bytes.extend([fixed("subjid", name), fixed("dose", name), vec![0; 6]].concat());
        let format = if release > 113 {
            49
        } else if release > 104 {
            12
        } else {
            7
        };
        bytes.extend([fixed("%9s", format), fixed("%8.0g", format), vec![0; 2 * name]].concat());
        let words = if release > 105 { 81 } else { 32 };
        bytes.extend([fixed("Subject", words), fixed("Dose", words)].concat());
        if release > 104 {
            bytes.extend(vec![0; if release > 108 { 5 } else { 3 }]);
        }
        for (name, dose) in [("a", 1), ("b", 32_741)] {
            bytes.extend(fixed(name, 4));
            bytes.extend(two(dose));
        }
        bytes
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(bytes);
        let mut source = bytes;
        let finding = probe(&Input::new(&blob, bytes), &mut source)?;
        Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
    }

    #[test]
    fn every_old_release_says_the_same() {
        for release in [103, 104, 105, 108, 110, 111, 113, 114, 115] {
            for order in [1, 2] {
                let bytes = old_file(release, order);
                let (dataset, notes) = run(&bytes).unwrap();
                assert_eq!((dataset.table.row_count, notes), (Some(2), 0), "{release}");
                assert_eq!(dataset.table.columns, ["subjid", "dose"], "{release}");
                for size in 0..bytes.len() {
                    let _ = run(&bytes[..size]);
                }
                assert_eq!(run(&bytes[..bytes.len() - 1]).unwrap().1, 1);
            }
        }
    }

    #[test]
    fn hostile_headers() {
        let mut many = old_file(115, 2);
        many[4..10].copy_from_slice(&[0xff; 6]);
        assert!(run(&many).is_err());
        let mut rows = old_file(115, 2);
        rows[6..10].copy_from_slice(&[0xff; 4]);
        assert_eq!(run(&rows).unwrap().1, 1);
        assert!(run(b"<stata_dta><header><release>117</release><byteorder>LSF</byteorder><K>").is_err());
        assert!(matches!(run(b"s\x01"), Err(ProbeError::NotMine)));
    }
}
