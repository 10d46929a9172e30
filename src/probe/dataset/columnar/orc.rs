//! ORC: stripes of columns, described by a footer.
//!
//! Follows the specification of Apache ORC, version 1. The postscript and the footer are read: names, rows, stripes. The
//! rows are not: there is no reader of them that fits the bounds of this house, so what the columns hold is told by their
//! names alone, and said so.

use super::super::super::{Finding, Input, ProbeError};
use super::codec::Codec;
use crate::blob::{ReadError, read_vec};
use crate::model::{Cause, Dataset, Fact};
use crate::probe::message::{Message, Value};
use crate::table::{Column, Kind, Table};

const MAGIC: &[u8] = b"ORC";
/// Largest footer, as it lies in the file and inflated.
const MAX_FOOTER: u64 = 16 << 20;
/// Types of the schema.
const MAX_TYPES: usize = 100_000;

/// Reads the postscript and the footer.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let size = input.blob.size();
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: size }.into());
    }
    let last = size.checked_sub(1).filter(|last| *last > 3).ok_or(ReadError::Ended { at: size })?;
    let length = read_vec(input.blob, last, 1, 1)?.first().copied().map_or(0, u64::from);
    let start = last.checked_sub(length).filter(|start| *start >= 3).ok_or(ReadError::Ended { at: size })?;
    let postscript =
        Postscript::read(&read_vec(input.blob, start, length, 255)?).map_err(|_| ReadError::Ended { at: size })?;
    let at = start.checked_sub(postscript.footer).filter(|at| *at >= 3).ok_or_else(broken)?;
    let bytes = read_vec(input.blob, at, postscript.footer, MAX_FOOTER)?;
    let footer = Footer::read(&postscript.unpack(bytes)?)?;
    let mut table = input.table();
    footer.columns(&mut table);
    table.cut();
    let mut facts = table.finish();
    facts.row_count = Some(footer.rows);
    facts.row_count_estimated = false;
    facts.columns = footer.types.first().map(|root| root.names.clone()).unwrap_or_default();
    facts.column_count = Some(facts.columns.len() as u64);
    let dataset = Dataset {
        table: facts,
        row_groups: Some(footer.stripes),
        codec: Some(postscript.name().to_owned()),
        ..Dataset::default()
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if footer.encrypted {
        finding.notes.push((Cause::Encrypted, "its columns are encrypted, all or some".to_owned()));
    }
    if input.rows && footer.rows > 0 {
        let detail = "its rows were not read: what its columns hold is told by their names alone".to_owned();
        finding.notes.push((Cause::Unsupported, detail));
    }
    Ok(finding)
}

struct Postscript {
    footer: u64,
    codec: u64,
    block: usize,
}

impl Postscript {
    fn read(bytes: &[u8]) -> Result<Postscript, ProbeError> {
        let mut postscript = Postscript { footer: 0, codec: 0, block: 256 << 10 };
        let mut has_magic = false;
        let mut message = Message(bytes);
        while let Some((number, value)) = message.next()? {
            match (number, value) {
                (1, Value::Number(length)) => postscript.footer = length,
                (2, Value::Number(codec)) => postscript.codec = codec,
                (3, Value::Number(block)) => postscript.block = usize::try_from(block).map_err(|_| broken())?,
                (8000, Value::Bytes(magic)) => has_magic = magic == MAGIC,
                _ => {}
            }
        }
        if has_magic { Ok(postscript) } else { Err(broken()) }
    }

    fn name(&self) -> &'static str {
        match self.codec {
            0 => "none",
            1 => "zlib",
            2 => "snappy",
            3 => "lzo",
            4 => "lz4",
            5 => "zstd",
            6 => "brotli",
            _ => "other",
        }
    }

    /// A structure out of its chunks, each with a header of three bytes.
    fn unpack(&self, packed: Vec<u8>) -> Result<Vec<u8>, ProbeError> {
        let codec = match self.codec {
            0 => return Ok(packed),
            1 => Codec::Deflate,
            2 => Codec::Snappy,
            4 => Codec::Lz4,
            5 => Codec::Zstd,
            _ => return Err(ProbeError::Unsupported(format!("its footer is packed with {}", self.name()))),
        };
        let allowed = MAX_FOOTER as usize;
        let mut out = Vec::new();
        let mut rest = packed.as_slice();
        while let Some((head, body)) = rest.split_first_chunk::<3>() {
            let [a, b, c] = *head;
            let head = u32::from_le_bytes([a, b, c, 0]);
            let (chunk, after) = body.split_at_checked((head >> 1) as usize).ok_or_else(broken)?;
            let left = allowed.saturating_sub(out.len());
            if head & 1 == 1 {
                out.extend_from_slice(chunk.get(..left.min(chunk.len())).unwrap_or_default());
            } else {
                out.extend(codec.unpack(chunk, self.block.min(left))?);
            }
            rest = after;
        }
        Ok(out)
    }
}

#[derive(Default)]
struct Footer {
    types: Vec<OrcType>,
    rows: u64,
    stripes: u64,
    encrypted: bool,
}

#[derive(Default)]
struct OrcType {
    kind: u64,
    children: Vec<u64>,
    names: Vec<String>,
}

impl Footer {
    fn read(bytes: &[u8]) -> Result<Footer, ProbeError> {
        let mut footer = Footer::default();
        let mut message = Message(bytes);
        while let Some((number, value)) = message.next()? {
            match (number, value) {
                (3, Value::Bytes(_)) => footer.stripes = footer.stripes.saturating_add(1),
                (4, Value::Bytes(bytes)) if footer.types.len() < MAX_TYPES => footer.types.push(OrcType::read(bytes)?),
                (6, Value::Number(rows)) => footer.rows = rows,
                (10, Value::Bytes(_)) => footer.encrypted = true,
                _ => {}
            }
        }
        if footer.types.is_empty() { Err(broken()) } else { Ok(footer) }
    }

    /// Adds the columns that hold values, by path. Types are listed before their children, which bounds the depth.
    fn columns(&self, table: &mut Table) {
        let mut open: Vec<(usize, String)> = vec![(0, String::new())];
        let mut seen = 0usize;
        while let Some((at, path)) = open.pop() {
            seen = seen.saturating_add(1);
            let Some(kind) = self.types.get(at).filter(|_| seen <= MAX_TYPES) else { continue };
            if kind.children.is_empty() && !path.is_empty() {
                table.column(Column::of(path.clone(), kind.stored()));
            }
            for (number, child) in kind.children.iter().enumerate().rev() {
                let own = match kind.names.get(number) {
                    Some(name) if path.is_empty() => name.clone(),
                    Some(name) => format!("{path}.{name}"),
                    None => path.clone(),
                };
                let child = usize::try_from(*child).unwrap_or(usize::MAX);
                if child > at && own.len() < 1024 {
                    open.push((child, own));
                }
            }
        }
    }
}

impl OrcType {
    fn read(bytes: &[u8]) -> Result<OrcType, ProbeError> {
        let mut kind = OrcType::default();
        let mut message = Message(bytes);
        while let Some((number, value)) = message.next()? {
            match (number, value) {
                (1, Value::Number(number)) => kind.kind = number,
                (2, Value::Number(child)) => kind.children.push(child),
                (2, Value::Bytes(packed)) => {
                    let mut packed = Message(packed);
                    while let Some(child) = packed.packed()? {
                        kind.children.push(child);
                    }
                }
                (3, Value::Bytes(name)) => kind.names.push(String::from_utf8_lossy(name).into_owned()),
                _ => {}
            }
        }
        Ok(kind)
    }

    fn stored(&self) -> Kind {
        match self.kind {
            0 => Kind::Boolean,
            1..=4 => Kind::Integer,
            5 | 6 | 14 => Kind::Number,
            7 | 16 | 17 => Kind::Text,
            9 | 15 | 18 => Kind::Date,
            _ => Kind::Other,
        }
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its footer does not hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const SCREEN: &[u8] = include_bytes!("../../../../fixtures/corpus/datasets/orc/screen.orc");

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), &bytes[..bytes.len().min(4096)]))
    }

    #[test]
    fn the_footer_says_names_and_rows() {
        let finding = run(SCREEN).unwrap();
        let dataset = finding.fact.dataset().unwrap();
        assert_eq!((dataset.table.row_count, dataset.table.columns.len()), (Some(24), 7));
        assert_eq!(finding.notes.len(), 1);
    }

    #[test]
    fn cut_and_bent_files_are_no_panic() {
        for size in 0..SCREEN.len() {
            assert!(run(&SCREEN[..size]).is_err(), "{size}");
        }
        for at in 0..SCREEN.len() {
            let mut bent = SCREEN.to_vec();
            bent[at] ^= 1 << (at % 8);
            let _ = run(&bent);
        }
    }
}
