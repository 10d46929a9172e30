//! Records: the values of a row.

use std::borrow::Cow;

use super::btree::varint;
use super::{Encoding, SqliteError};

/// Bytes of a text that are looked at.
const MAX_TEXT: usize = 64 << 10;
/// Most values of a row; the library's own limit.
const MAX_VALUES: usize = 32_767;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// A text, or the beginning of one.
    Text(Cow<'a, str>),
    /// Bytes, or the beginning of them.
    Blob(&'a [u8]),
    /// There is something that lies past the part of the row that is held.
    Beyond,
}

impl Value<'_> {
    /// The text it is.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number it is.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// The values of a record, of which the end may be missing.
pub(super) fn values(record: &[u8], encoding: Encoding) -> Result<Vec<Value<'_>>, SqliteError> {
    const CUT: SqliteError = SqliteError::Malformed("a record is shorter than it says");
    let mut rest = record;
    let length = usize::try_from(varint(&mut rest).ok_or(CUT)?).map_err(|_| CUT)?;
    let used = record.len().saturating_sub(rest.len());
    let mut sorts = record.get(used..length).ok_or(CUT)?;
    let mut body = record.get(length..).ok_or(CUT)?;
    let mut values = Vec::new();
    while !sorts.is_empty() {
        if values.len() >= MAX_VALUES {
            return Err(SqliteError::TooLarge("values in a row"));
        }
        let sort = varint(&mut sorts).ok_or(CUT)?;
        let size = match sort {
            0 | 8 | 9 => 0,
            1..=4 => sort,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(SqliteError::Malformed("a value of a reserved type")),
            _ => sort.saturating_sub(12) / 2,
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let held = body.get(..size.min(body.len())).unwrap_or_default();
        let is_whole = held.len() == size;
        body = body.get(held.len()..).unwrap_or_default();
        values.push(match sort {
            0 => Value::Null,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            12.. if !is_whole && held.is_empty() => Value::Beyond,
            12.. if sort & 1 == 0 => Value::Blob(held),
            12.. => Value::Text(text(held, encoding)),
            _ if !is_whole => Value::Beyond,
            7 => Value::Real(f64::from_bits(signed(held).cast_unsigned())),
            _ => Value::Integer(signed(held)),
        });
    }
    Ok(values)
}

fn signed(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |value, &byte| (value << 8) | i64::from(byte))
}

fn text(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    let bytes = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default();
    let pair = match encoding {
        Encoding::Utf8 => return String::from_utf8_lossy(bytes),
        Encoding::Utf16Le => u16::from_le_bytes,
        Encoding::Utf16Be => u16::from_be_bytes,
    };
    let (units, _) = bytes.as_chunks::<2>();
    let units = units.iter().map(|&unit| pair(unit));
    Cow::Owned(char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}
