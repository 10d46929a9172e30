//! The footer of a Parquet file: schema, rows and row groups, of any length, without holding it in memory.
//!
//! Follows parquet.thrift of Apache Parquet. The schema's depth and the lengths of all lists are checked on the way, so
//! that a library may parse the same bytes afterwards.

use super::super::super::ProbeError;
use super::thrift::{Compact, Kind};
use crate::blob::Blob;

/// Elements of a schema.
const MAX_SCHEMA: u64 = 100_000;
/// Deepest nesting of a schema: libraries recurse.
const MAX_DEPTH: usize = 48;
/// Bytes of a name.
const MAX_NAME: u64 = 4096;

/// What a footer says.
#[derive(Default)]
pub(super) struct Footer {
    /// Names of the outermost columns.
    pub(super) columns: Vec<String>,
    /// Columns that hold values.
    pub(super) leaves: u64,
    pub(super) rows: u64,
    pub(super) row_groups: u64,
    pub(super) created_by: Option<String>,
    /// Whether columns, or the whole, are encrypted although the footer is not.
    pub(super) encrypted: bool,
    /// Column chunks that lie in other files: it is a summary of those.
    pub(super) external: bool,
    /// Column chunks in all.
    pub(super) chunks: u64,
}

impl Footer {
    /// Reads the footer between `at` and `end`.
    pub(super) fn read(blob: &dyn Blob, at: u64, end: u64) -> Result<Footer, ProbeError> {
        let mut thrift = Compact::new(blob, at, end);
        let mut footer = Footer::default();
        let mut last = 0;
        let mut seen = 0u32;
        while let Some(kind) = thrift.field(&mut last)? {
            match last {
                2 if kind == Kind::LIST => {
                    footer.schema(&mut thrift)?;
                    seen |= 1;
                }
                3 if kind.is_number() => {
                    footer.rows = u64::try_from(thrift.number()?).map_err(|_| broken())?;
                    seen |= 2;
                }
                4 if kind == Kind::LIST => footer.groups(&mut thrift)?,
                6 if kind.is_bytes() => {
                    footer.created_by = Some(String::from_utf8_lossy(&thrift.bytes(MAX_NAME)?).into_owned());
                }
                8 => {
                    footer.encrypted = true;
                    thrift.skip(kind)?;
                }
                _ => thrift.skip(kind)?,
            }
        }
        if seen == 3 { Ok(footer) } else { Err(broken()) }
    }

    fn schema(&mut self, thrift: &mut Compact) -> Result<(), ProbeError> {
        let (kind, len) = thrift.list()?;
        if kind != Kind::STRUCT || len == 0 || len > MAX_SCHEMA {
            return Err(broken());
        }
        // Children still to come, of each group around the element at hand.
        let mut open: Vec<u64> = Vec::new();
        for at in 0..len {
            let (name, children) = element(thrift)?;
            if at > 0 {
                match open.last_mut() {
                    Some(left) => *left = left.saturating_sub(1),
                    None => return Err(broken()),
                }
                if open.len() == 1 {
                    self.columns.push(name);
                }
                if children == 0 {
                    self.leaves = self.leaves.saturating_add(1);
                }
            }
            if children > 0 || at == 0 {
                open.push(children);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
            if open.len() > MAX_DEPTH {
                return Err(ProbeError::Malformed(format!("its schema nests deeper than {MAX_DEPTH} levels")));
            }
        }
        if open.is_empty() { Ok(()) } else { Err(broken()) }
    }

    fn groups(&mut self, thrift: &mut Compact) -> Result<(), ProbeError> {
        let (kind, len) = thrift.list()?;
        if kind != Kind::STRUCT && len > 0 {
            return Err(broken());
        }
        self.row_groups = len;
        for _ in 0..len {
            let mut last = 0;
            while let Some(kind) = thrift.field(&mut last)? {
                if last == 1 && kind == Kind::LIST {
                    let (kind, chunks) = thrift.list()?;
                    if kind != Kind::STRUCT && chunks > 0 {
                        return Err(broken());
                    }
                    self.chunks = self.chunks.saturating_add(chunks);
                    for _ in 0..chunks {
                        self.chunk(thrift)?;
                    }
                } else {
                    thrift.skip(kind)?;
                }
            }
        }
        Ok(())
    }

    fn chunk(&mut self, thrift: &mut Compact) -> Result<(), ProbeError> {
        let mut last = 0;
        while let Some(kind) = thrift.field(&mut last)? {
            match last {
                1 => self.external = true,
                8 | 9 => self.encrypted = true,
                _ => {}
            }
            thrift.skip(kind)?;
        }
        Ok(())
    }
}

/// Name and number of children of a schema's element.
fn element(thrift: &mut Compact) -> Result<(String, u64), ProbeError> {
    let (mut name, mut children) = (String::new(), 0);
    let mut last = 0;
    while let Some(kind) = thrift.field(&mut last)? {
        match last {
            4 if kind.is_bytes() => name = String::from_utf8_lossy(&thrift.bytes(MAX_NAME)?).into_owned(),
            5 if kind.is_number() => children = u64::try_from(thrift.number()?).map_err(|_| broken())?,
            _ => thrift.skip(kind)?,
        }
    }
    Ok((name, children))
}

fn broken() -> ProbeError {
    ProbeError::Malformed("its footer does not hold".to_owned())
}
