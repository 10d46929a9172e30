//! Lance: a directory of versions, each described by a manifest.
//!
//! Follows table.proto and file.proto of the Lance format, versions 1 and 2. A manifest lists the fragments of its
//! version: their files, rows and deleted rows. Data files are recognised and not read.

use std::sync::Arc;

use super::super::super::{Finding, Input, ProbeError};
use super::by_name;
use crate::blob::{Cursor, ReadError, read_vec};
use crate::model::{Dataset, Fact, Part, Parts, publishable};
use crate::probe::message::{Message, Value};

const MAGIC: &[u8; 4] = b"LANC";
/// Largest manifest.
const MAX_MANIFEST: u64 = 64 << 20;
/// Fields and fragments.
const MAX_FIELDS: usize = 100_000;

/// Reads a manifest.
pub(crate) fn manifest(input: &Input) -> Result<Finding, ProbeError> {
    let size = input.blob.size();
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: size }.into());
    }
    let end = size.checked_sub(16).ok_or(ProbeError::NotMine)?;
    let mut cursor = Cursor::new(input.blob, end);
    let at = cursor.u64()?;
    cursor.u32()?;
    if cursor.array::<4>()? != *MAGIC {
        return Err(ProbeError::NotMine);
    }
    // The footer says where the manifest begins, and there its length stands.
    let mut cursor = Cursor::new(input.blob, at).ending_at(end);
    let length = u64::from(cursor.u32()?);
    let start = cursor.position();
    let bytes = read_vec(input.blob, start, length.min(end.saturating_sub(start)), MAX_MANIFEST)?;
    if (bytes.len() as u64) < length {
        return Err(ReadError::Ended { at: end }.into());
    }
    let mut dataset = Dataset::default();
    let mut parts = Parts { whole: true, version: Some(0), ..Parts::default() };
    let mut manifest = Message(&bytes);
    let mut columns: Vec<String> = Vec::new();
    while let Some((number, value)) = manifest.next()? {
        match (number, value) {
            (1, Value::Bytes(field)) => columns.extend(outermost(field)?),
            (2, Value::Bytes(fragment)) => add(fragment, &mut parts)?,
            (3, Value::Number(version)) => parts.version = Some(version),
            (13, Value::Bytes(writer)) => dataset.created_by = writer_of(writer)?,
            _ => {}
        }
        if columns.len().max(parts.added.len()) > MAX_FIELDS {
            return Err(ProbeError::Malformed(format!("lists more than {MAX_FIELDS} files or fields")));
        }
    }
    dataset.table = by_name(input, columns);
    let rows = parts.added.iter().filter_map(|part| Some(part.rows?.saturating_sub(part.deleted)));
    dataset.table.row_count = Some(rows.fold(0, u64::saturating_add));
    dataset.parts = Some(Arc::new(parts));
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

/// The name of a field that lies in no other.
fn outermost(field: &[u8]) -> Result<Option<String>, ProbeError> {
    let (mut name, mut parent) = (None, 0);
    let mut field = Message(field);
    while let Some((number, value)) = field.next()? {
        match (number, value) {
            (2, Value::Bytes(text)) => name = Some(String::from_utf8_lossy(text).into_owned()),
            (4, Value::Number(id)) => parent = id.cast_signed() as i32,
            _ => {}
        }
    }
    Ok(name.filter(|_| parent == -1))
}

/// Adds the files of a fragment; its rows stand with the first.
fn add(fragment: &[u8], parts: &mut Parts) -> Result<(), ProbeError> {
    let (mut files, mut rows, mut deleted) = (Vec::new(), None, 0);
    let mut fragment = Message(fragment);
    while let Some((number, value)) = fragment.next()? {
        match (number, value) {
            (2, Value::Bytes(file)) => files.extend(path(file)?),
            (3, Value::Bytes(deletion)) => {
                let mut deletion = Message(deletion);
                while let Some((number, value)) = deletion.next()? {
                    if let (4, Value::Number(count)) = (number, value) {
                        deleted = count;
                    }
                }
            }
            (4, Value::Number(count)) => rows = Some(count),
            _ => {}
        }
    }
    for (at, file) in files.into_iter().enumerate() {
        let (rows, deleted) = if at == 0 { (rows, deleted) } else { (None, 0) };
        parts.added.push(Part { path: format!("data/{file}"), rows, deleted });
    }
    Ok(())
}

fn path(file: &[u8]) -> Result<Option<String>, ProbeError> {
    let mut file = Message(file);
    while let Some((number, value)) = file.next()? {
        if let (1, Value::Bytes(path)) = (number, value) {
            return Ok(Some(String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(None)
}

fn writer_of(writer: &[u8]) -> Result<Option<String>, ProbeError> {
    let mut words = Vec::new();
    let mut writer = Message(writer);
    while let Some((number, value)) = writer.next()? {
        if let (1 | 2, Value::Bytes(text)) = (number, value) {
            words.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok((!words.is_empty()).then(|| publishable("created_by", &words.join(" "))))
}

/// A file of data: only that it is one.
pub(crate) fn data(input: &Input) -> Result<Finding, ProbeError> {
    let size = input.blob.size();
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: size }.into());
    }
    let at = size.checked_sub(4).ok_or(ProbeError::NotMine)?;
    let mut cursor = Cursor::new(input.blob, at);
    if cursor.array::<4>()? != *MAGIC {
        return Err(ProbeError::NotMine);
    }
    Ok(Finding::new(Fact::Dataset(Box::default())))
}
