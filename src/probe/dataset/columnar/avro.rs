//! Avro's object container: a schema, then blocks of records.
//!
//! Follows the specification of Apache Avro 1.12, with all of its codecs. Own reader rather than a crate's, since those
//! build every record as a tree of values and allocate by the lengths in it: here a record is walked by its schema, and
//! its values go into cells as they are met.

use std::io::Read;

use serde_json::Value;

use super::super::super::{Finding, Input, ProbeError, kit};
use super::avro_schema::{Node, Schema, Type};
use super::codec::Codec;
use crate::blob::ReadError;
use crate::model::{Dataset, Fact, publishable};
use crate::table::{Cell, Table};

const MAGIC: &[u8] = b"Obj\x01";
/// Largest header, and largest block as it lies in the file and inflated.
const MAX_HEADER: u64 = 16 << 20;
const MAX_BLOCK: u64 = 32 << 20;
/// Items of one array that are looked at.
const MAX_ITEMS: u64 = 64;
/// Records without a byte: a record of nothing but nulls takes none.
const MAX_FREE: u64 = 1 << 16;
/// Values after which the clock is asked.
const ASK_EVERY: u32 = 1 << 16;

/// Reads the schema, and the records if they are wanted.
pub(crate) fn probe(input: &Input, stream: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let mut source = Source { stream, left: MAX_HEADER };
    let header = header(&mut source)?;
    let json: Value = kit::json(&header.schema, "its schema")?;
    let mut table = input.table();
    let schema = Schema::read(&json, &mut table);
    let mut blocks = Blocks { codec: header.codec, sync: header.sync, rows: 0, unread: !input.rows, free: MAX_FREE };
    let outcome = match &header.unknown {
        true => Err(ProbeError::Unsupported("its blocks are packed in a way that is not read".to_owned())),
        false => blocks.read(&mut source, schema.root.as_ref(), &mut table),
    };
    if blocks.unread || outcome.is_err() || schema.root.is_none() {
        table.cut();
    }
    let mut facts = table.finish();
    facts.row_count = Some(blocks.rows);
    facts.row_count_estimated = outcome.is_err();
    facts.column_count = Some(schema.columns.len() as u64);
    facts.columns = schema.columns;
    let dataset = Dataset {
        table: facts,
        codec: Some(publishable("codec", &header.codec_name)),
        schema_name: schema.name.map(|name| publishable("name", &name)),
        ..Dataset::default()
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome);
    if input.rows && schema.root.is_none() {
        let detail = "its records were not read: their schema is too deep, or refers to itself".to_owned();
        finding.notes.push((crate::model::Cause::Unsupported, detail));
    }
    Ok(finding)
}

struct Header {
    schema: Vec<u8>,
    codec: Option<Codec>,
    codec_name: String,
    unknown: bool,
    sync: [u8; 16],
}

fn header(source: &mut Source) -> Result<Header, ProbeError> {
    source.exact(MAGIC.len() as u64)?;
    let mut header =
        Header { schema: Vec::new(), codec: None, codec_name: "null".to_owned(), unknown: false, sync: [0; 16] };
    loop {
        let mut count = source.long()?;
        if count == 0 {
            break;
        }
        if count < 0 {
            source.long()?;
            count = count.checked_neg().ok_or_else(broken)?;
        }
        for _ in 0..count {
            let key = source.bytes()?;
            let value = source.bytes()?;
            match key.as_slice() {
                b"avro.schema" => header.schema = value,
                b"avro.codec" => header.codec_name = String::from_utf8_lossy(&value).into_owned(),
                _ => {}
            }
        }
    }
    header.codec = match header.codec_name.as_str() {
        "deflate" => Some(Codec::Deflate),
        "snappy" => Some(Codec::Snappy),
        "zstandard" => Some(Codec::Zstd),
        "bzip2" => Some(Codec::Bzip2),
        "xz" => Some(Codec::Xz),
        "null" => None,
        _ => {
            header.unknown = true;
            None
        }
    };
    header.sync = source.exact(16)?.first_chunk().copied().ok_or_else(broken)?;
    Ok(header)
}

struct Blocks {
    codec: Option<Codec>,
    sync: [u8; 16],
    rows: u64,
    unread: bool,
    /// Records that may still come without a byte of their own.
    free: u64,
}

impl Blocks {
    fn read(&mut self, source: &mut Source, root: Option<&Node>, table: &mut Table) -> Result<(), ProbeError> {
        loop {
            source.left = 64;
            let Some(count) = source.long_or_end()? else { return Ok(()) };
            let count = u64::try_from(count).map_err(|_| broken())?;
            let size = u64::try_from(source.long()?).map_err(|_| broken())?;
            let root = root.filter(|_| !self.unread && size <= MAX_BLOCK);
            if let Some(root) = root {
                source.left = size;
                let packed = source.exact(size)?;
                let mut data = packed.as_slice();
                let unpacked;
                if let Some(codec) = self.codec {
                    // A checksum stands behind what Snappy packed.
                    let end = data.len().saturating_sub(if codec == Codec::Snappy { 4 } else { 0 });
                    unpacked = codec.unpack(data.get(..end).unwrap_or_default(), MAX_BLOCK as usize)?;
                    data = &unpacked;
                }
                let without = count.saturating_sub(data.len() as u64);
                self.free = self.free.checked_sub(without).ok_or_else(broken)?;
                records(data, count, root, table)?;
            } else {
                self.unread = true;
                source.pass(size)?;
            }
            source.left = 16;
            if source.exact(16)? != self.sync {
                return Err(ProbeError::Malformed("a block does not end in its mark".to_owned()));
            }
            self.rows = self.rows.checked_add(count).ok_or_else(broken)?;
        }
    }
}

/// Hands over the records of a block.
fn records(data: &[u8], count: u64, root: &Node, table: &mut Table) -> Result<(), ProbeError> {
    let mut bytes = Bytes { rest: data, walked: 0 };
    for _ in 0..count {
        bytes.value(root, true, table)?;
        table.end_row()?;
    }
    Ok(())
}

/// What is left of a block.
struct Bytes<'d> {
    rest: &'d [u8],
    /// Values since the clock was asked.
    walked: u32,
}

impl<'d> Bytes<'d> {
    fn take(&mut self, length: usize) -> Result<&'d [u8], ProbeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(broken)?;
        self.rest = rest;
        Ok(taken)
    }

    fn long(&mut self) -> Result<i64, ProbeError> {
        let mut raw = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or_else(broken)?;
            self.rest = rest;
            raw |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(zigzag(raw));
            }
        }
        Err(broken())
    }

    fn counted(&mut self) -> Result<&'d [u8], ProbeError> {
        let length = usize::try_from(self.long()?).map_err(|_| broken())?;
        self.take(length)
    }

    /// Walks a value; hands it over where it is `wanted`.
    fn value(&mut self, node: &Node, wanted: bool, table: &mut Table) -> Result<(), ProbeError> {
        self.walked = self.walked.saturating_add(1);
        if self.walked >= ASK_EVERY {
            self.walked = 0;
            table.check()?;
        }
        let cell = match &node.kind {
            Type::Null => return Ok(()),
            Type::Boolean => Cell::Boolean(self.take(1)? != [0]),
            Type::Whole(unit) => unit.cell(self.long()?),
            Type::Float => {
                let bits = self.take(4)?.first_chunk().copied().ok_or_else(broken)?;
                Cell::Number(super::arrow_rows::shortest(f32::from_le_bytes(bits)))
            }
            Type::Double => {
                let bits = self.take(8)?.first_chunk().copied().ok_or_else(broken)?;
                Cell::Number(f64::from_le_bytes(bits))
            }
            Type::Bytes => {
                self.counted()?;
                Cell::Bytes
            }
            Type::Text => std::str::from_utf8(self.counted()?).map_or(Cell::Bytes, Cell::Text),
            Type::Fixed(size) => {
                self.take(*size)?;
                Cell::Bytes
            }
            Type::Enum(symbols) => {
                let symbol = usize::try_from(self.long()?).ok().and_then(|at| symbols.get(at)).ok_or_else(broken)?;
                Cell::Text(symbol)
            }
            Type::Union(branches) => {
                let branch = usize::try_from(self.long()?).ok().and_then(|at| branches.get(at));
                return self.value(branch.ok_or_else(broken)?, wanted, table);
            }
            Type::Record(fields) => {
                return fields.iter().try_for_each(|field| self.value(field, wanted, table));
            }
            Type::Array(item) => return self.items(item, false, wanted, table),
            Type::Map(value) => return self.items(value, true, wanted, table),
        };
        if wanted {
            table.cell(node.column, cell);
        }
        Ok(())
    }

    fn items(&mut self, item: &Node, keyed: bool, wanted: bool, table: &mut Table) -> Result<(), ProbeError> {
        let mut seen = 0u64;
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.long()?;
            }
            let count = count.unsigned_abs();
            // Items that take no bytes could be without number.
            if count > (self.rest.len() as u64).saturating_add(MAX_ITEMS) {
                return Err(broken());
            }
            for _ in 0..count {
                let before = self.rest.len();
                if keyed {
                    self.counted()?;
                }
                self.value(item, wanted && seen < MAX_ITEMS, table)?;
                seen = seen.saturating_add(1);
                if self.rest.len() == before {
                    // Nor do those that follow it: that is a matter of their type.
                    break;
                }
            }
        }
    }
}

fn zigzag(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ (raw & 1).cast_signed().wrapping_neg()
}

/// The stream, up to what may be read of it next.
struct Source<'s> {
    stream: &'s mut dyn Read,
    left: u64,
}

impl Source<'_> {
    fn exact(&mut self, length: u64) -> Result<Vec<u8>, ProbeError> {
        if length > self.left {
            return Err(ReadError::TooLong { wanted: length, allowed: self.left }.into());
        }
        self.left = self.left.saturating_sub(length);
        let mut out = Vec::new();
        std::io::copy(&mut (&mut *self.stream).take(length), &mut out).map_err(ReadError::from_io)?;
        if (out.len() as u64) < length { Err(ReadError::Cut.into()) } else { Ok(out) }
    }

    fn pass(&mut self, length: u64) -> Result<(), ProbeError> {
        let passed =
            std::io::copy(&mut (&mut *self.stream).take(length), &mut std::io::sink()).map_err(ReadError::from_io)?;
        if passed < length { Err(ReadError::Cut.into()) } else { Ok(()) }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, ProbeError> {
        let length = u64::try_from(self.long()?).map_err(|_| broken())?;
        self.exact(length)
    }

    fn long(&mut self) -> Result<i64, ProbeError> {
        self.long_or_end()?.ok_or_else(|| ReadError::Cut.into())
    }

    /// A number; nothing where the stream ends before it.
    fn long_or_end(&mut self) -> Result<Option<i64>, ProbeError> {
        let mut raw = 0u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            let got = (&mut *self.stream).take(1).read(&mut byte).map_err(ReadError::from_io)?;
            if got == 0 {
                return if shift == 0 { Ok(None) } else { Err(ReadError::Cut.into()) };
            }
            self.left = self.left.checked_sub(1).ok_or_else(broken)?;
            raw |= u64::from(byte[0] & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte[0] & 0x80 == 0 {
                return Ok(Some(zigzag(raw)));
            }
        }
        Err(broken())
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its records do not hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const VISITS: &[u8] = include_bytes!("../../../../fixtures/corpus/datasets/avro/visits.avro");

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), &bytes[..bytes.len().min(4096)]), &mut &bytes[..])
    }

    #[test]
    fn records_are_read_by_their_schema() {
        let finding = run(VISITS).unwrap();
        let dataset = finding.fact.dataset().unwrap();
        assert_eq!(dataset.table.columns, ["subject_id", "weight_kg", "visit"]);
        assert_eq!((dataset.table.row_count, dataset.codec.as_deref()), (Some(17), Some("deflate")));
        assert_eq!((dataset.schema_name.as_deref(), finding.notes.len()), (Some("acme.Visit"), 0));
    }

    #[test]
    fn cut_and_bent_files_are_no_panic() {
        for size in 0..VISITS.len() {
            let _ = run(&VISITS[..size]);
        }
        for at in 0..VISITS.len() {
            let mut bent = VISITS.to_vec();
            bent[at] ^= 1 << (at % 8);
            let _ = run(&bent);
        }
        assert!(matches!(run(b"Object"), Err(ProbeError::NotMine)));
        let long = [MAGIC, &[2, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat();
        assert!(run(&long).is_err());
    }
}
