//! DuckDB databases: headers and catalog, that is, tables with their columns and how many rows they have.
//!
//! Follows `storage_info.hpp`, `metadata_manager.cpp` and the serialisation of the catalog in DuckDB 0.9 to 2.0 (storage
//! versions 64 and later). Values are compressed in many ways and are not decoded: that is said. Own reader, since the
//! library is C++ and opens a file for itself alone. The catalog is a stream of numbered fields whose types only the
//! program knows, and every version adds some: rather than following all of them, a table is found by the fields that
//! begin it, and each of its columns by those of a column. What does not fit is passed over, and told.

use crate::blob::{Blob, Cursor, read_vec};
use crate::model::{Cause, Dataset, Fact, TableFacts, keep, publishable};
use crate::probe::{Finding, Input, ProbeError};
use crate::table::{Column, Context, Kind, Table};

/// Where blocks begin: behind one header of the file and two of the database.
const BLOCKS: u64 = 12_288;
/// Bytes of the catalog that are read.
const MAX_CATALOG: usize = 16 << 20;
/// Tables that are described.
const MAX_TABLES: usize = 2_000;
/// Most columns of a table.
const MAX_COLUMNS: u64 = 20_000;
/// Longest name.
const MAX_NAME: usize = 1_024;
/// How far the end of a column or of a table may lie from its beginning: defaults and enumerations stand in between.
const MAX_BETWEEN: usize = 1 << 20;

/// Reads the headers, then the catalog.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 8);
    if cursor.array()? != *b"DUCK" {
        return Err(ProbeError::NotMine);
    }
    let version = cursor.u64()?;
    let flags = cursor.u64()?;
    if flags & 1 != 0 {
        return Err(ProbeError::Encrypted);
    }
    if version < 64 {
        return Err(ProbeError::Unsupported("is of a DuckDB before 0.9".to_owned()));
    }
    cursor.seek(52);
    let library = cursor.array::<32>()?;
    let catalog = catalog(input.blob)?;
    let mut dataset = Dataset { created_by: created_by(&library), ..Dataset::default() };
    let mut finding = Finding::new(Fact::None {});
    let mut rest = catalog.as_slice();
    while let Some((found, after)) = table(rest) {
        rest = after;
        if dataset.tables.len() >= MAX_TABLES {
            finding.notes.push((Cause::OverBudget, format!("only {MAX_TABLES} of its tables were read")));
            break;
        }
        let (facts, is_whole) = describe(input, &found);
        if !is_whole {
            let detail = "the columns or rows of a table were not found in its catalog".to_owned();
            finding.notes.push((Cause::Unsupported, detail));
        }
        keep(&mut dataset.tables, publishable("table", &found.name), facts);
    }
    dataset.table = TableFacts::joined(dataset.tables.values());
    if dataset.table.row_count.is_some_and(|rows| rows > 0) && input.rows {
        finding.notes.push((Cause::Unsupported, "the values of its tables were not read".to_owned()));
    }
    finding.notes.dedup();
    finding.fact = Fact::Dataset(Box::new(dataset));
    Ok(finding)
}

fn created_by(library: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(library.split(|&byte| byte == 0).next().unwrap_or_default());
    let is_version =
        text.len() > 2 && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-'));
    is_version.then(|| publishable("version", &format!("duckdb {text}")))
}

/// The bytes of the catalog: a chain of small blocks, 64 of which share a large one.
fn catalog(blob: &dyn Blob) -> Result<Vec<u8>, ProbeError> {
    let header = |at: u64| -> Result<[u64; 5], ProbeError> {
        let mut cursor = Cursor::new(blob, at);
        cursor.skip(8)?;
        Ok([cursor.u64()?, cursor.u64()?, cursor.u64()?, cursor.u64()?, cursor.u64()?])
    };
    let (first, second) = (header(4096)?, header(8192)?);
    let [_, start, _, _, size] = if second.first() > first.first() { second } else { first };
    // Before storage version 64 blocks had one size, and nobody wrote it down.
    let size = if size == 0 { 262_144 } else { size };
    if !(16_384..=(1 << 24)).contains(&size) || !size.is_power_of_two() {
        return Err(ProbeError::Malformed("its blocks have an impossible size".to_owned()));
    }
    let part = (size.saturating_sub(8) / 64) & !7;
    let mut bytes = Vec::new();
    let mut pointer = start;
    while pointer != u64::MAX && bytes.len() < MAX_CATALOG {
        let (block, index) = (pointer & 0x00ff_ffff_ffff_ffff, pointer >> 56);
        let at = block.checked_mul(size).and_then(|at| at.checked_add(index.saturating_mul(part)));
        let at = at.and_then(|at| at.checked_add(BLOCKS.saturating_add(8))).filter(|_| index < 64);
        let at = at.ok_or_else(|| ProbeError::Malformed("a block of its catalog lies outside".to_owned()))?;
        let read = read_vec(blob, at, part, 1 << 18)?;
        let (next, rest) = read.split_first_chunk().ok_or(ProbeError::NotMine)?;
        pointer = u64::from_le_bytes(*next);
        bytes.extend_from_slice(rest);
    }
    Ok(bytes)
}

/// A table as the catalog has it.
struct Found {
    name: String,
    columns: Vec<(String, u64)>,
    /// How many columns it says it has.
    promised: u64,
    rows: Option<u64>,
}

/// The next table: its name is field 200, its columns are field 201.
fn table(bytes: &[u8]) -> Option<(Found, &[u8])> {
    let mut rest = bytes;
    loop {
        let at = rest.windows(2).position(|pair| pair == [200, 0])?;
        rest = rest.get(at.checked_add(2)?..)?;
        let Some((name, promised, after)) = beginning(rest) else { continue };
        let (mut columns, mut rest) = (Vec::new(), after);
        while (columns.len() as u64) < promised {
            let Some((column, after)) = column(rest) else { break };
            columns.push(column);
            rest = after;
        }
        let rows = rows(rest);
        return Some((Found { name, columns, promised, rows }, rest));
    }
}

/// Name and number of columns of a table.
fn beginning(bytes: &[u8]) -> Option<(String, u64, &[u8])> {
    let (name, rest) = text(bytes)?;
    let rest = rest.strip_prefix(&[201, 0, 100, 0])?;
    let (count, rest) = number(rest)?;
    (count <= MAX_COLUMNS && rest.starts_with(&[100, 0])).then_some((name, count, rest))
}

/// The next column: its name is field 100, its type field 101, and that begins with field 100.
fn column(bytes: &[u8]) -> Option<((String, u64), &[u8])> {
    let near = bytes.get(..bytes.len().min(MAX_BETWEEN))?;
    for at in near.windows(2).enumerate().filter(|(_, pair)| *pair == [100, 0]).map(|(at, _)| at) {
        // A column begins its list, or where another ends.
        let is_first = at == 0;
        let follows = at.checked_sub(2).and_then(|before| bytes.get(before..at)) == Some(&[0xff, 0xff]);
        if !is_first && !follows {
            continue;
        }
        let Some((name, rest)) = text(bytes.get(at.checked_add(2)?..)?) else { continue };
        let Some(rest) = rest.strip_prefix(&[101, 0, 100, 0]) else { continue };
        let Some((sort, rest)) = number(rest) else { continue };
        return Some(((name, sort), rest));
    }
    None
}

/// The rows of the table whose columns end here: where they lie is field 101, how many there are field 102.
fn rows(bytes: &[u8]) -> Option<u64> {
    let near = bytes.get(..bytes.len().min(MAX_BETWEEN))?;
    let next = near.windows(4).position(|four| four == [201, 0, 100, 0]).unwrap_or(near.len());
    let near = near.get(..next)?;
    for (at, _) in near.windows(4).enumerate().filter(|(_, four)| *four == [0xff, 0xff, 102, 0]) {
        let (rows, rest) = number(near.get(at.checked_add(4)?..)?)?;
        if rest.starts_with(&[103, 0]) {
            return Some(rows);
        }
    }
    None
}

/// A text behind its length.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = number(bytes)?;
    let length = usize::try_from(length).ok().filter(|length| (1..=MAX_NAME).contains(length))?;
    let (text, rest) = rest.split_at_checked(length)?;
    let text = std::str::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control))?;
    Some((text.to_owned(), rest))
}

/// A number, seven bits a byte, the least significant first.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    let mut rest = bytes;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// A table by its names, and whether all of it was found.
fn describe(input: &Input, found: &Found) -> (TableFacts, bool) {
    let context = Context { name: found.name.clone(), ..Context::default() };
    let mut table = Table::new(input.tables, context);
    for (name, sort) in &found.columns {
        table.column(Column::of(name.clone(), kind(*sort)));
    }
    let mut facts = table.finish();
    facts.row_count = found.rows;
    facts.column_count = Some(found.promised);
    (facts, found.rows.is_some() && found.promised == found.columns.len() as u64)
}

fn kind(sort: u64) -> Kind {
    match sort {
        10 => Kind::Boolean,
        11..=14 | 28..=31 | 49 | 50 => Kind::Integer,
        15..=20 | 32..=35 => Kind::Date,
        21..=23 => Kind::Number,
        24 | 25 | 54 | 104 => Kind::Text,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_the_catalog() {
        let mut bytes = b"\x64\x00\x01\xc8\x00\x01t\xc9\x00\x64\x00\x02".to_vec();
        bytes.extend(b"\x64\x00\x02id\x65\x00\x64\x00\x0e\xff\xff\x67\x00\x00\x68\x00\x00\xff\xff");
        bytes.extend(b"\x64\x00\x04name\x65\x00\x64\x00\x19\xff\xff\x67\x00\x00\x68\x00\x00\xff\xff\xff\xff\xff\xff");
        bytes.extend(b"\x65\x00\x64\x00\x01\x65\x00\xd2\x06\xff\xff\x66\x00\xe8\x07\x67\x00\x00");
        let (found, rest) = table(&bytes).unwrap();
        assert_eq!(found.columns, [("id".to_owned(), 14), ("name".to_owned(), 25)]);
        assert_eq!((found.name.as_str(), found.promised, found.rows), ("t", 2, Some(1000)));
        assert!(table(rest).is_none());
        for at in 0..bytes.len() {
            drop(table(&bytes[..at]));
            for value in [0, 0xff, bytes[at] ^ 1] {
                let mut other = bytes.clone();
                other[at] = value;
                drop(table(&other));
            }
        }
    }
}
