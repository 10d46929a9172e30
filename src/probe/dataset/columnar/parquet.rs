//! Parquet: columns in row groups, described by a footer.
//!
//! The footer is read here, whatever its length; the rows are decoded by the library of Apache Arrow, row group by row
//! group, in bounded memory. Of a file with an encrypted footer nothing is known but that it is one; where only columns
//! are encrypted, the schema and the rows are still counted.

use super::super::super::{Finding, Input, ProbeError, kit};
use super::parquet_footer::Footer;
use super::parquet_rows;
use crate::blob::{Cursor, ReadError};
use crate::model::{Cause, Dataset, Fact, TableFacts, publishable};
use crate::table::{Column, Table};

/// Before and behind everything else.
const MAGIC: &[u8; 4] = b"PAR1";
/// The same, where the footer is encrypted.
const ENCRYPTED: &[u8; 4] = b"PARE";
/// Smallest file: two magics and the length of the footer.
const LEAST: u64 = 12;

/// Reads the footer, and the rows if they are wanted.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let head = input.head.first_chunk::<4>().ok_or(ProbeError::NotMine)?;
    if head != MAGIC && head != ENCRYPTED {
        return Err(ProbeError::NotMine);
    }
    let size = input.blob.size();
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: size }.into());
    }
    let footer_end = size.checked_sub(8).filter(|_| size >= LEAST).ok_or(ReadError::Ended { at: size })?;
    let mut cursor = Cursor::new(input.blob, footer_end);
    let length = u64::from(cursor.u32()?);
    let magic = cursor.array::<4>()?;
    if magic != *MAGIC && magic != *ENCRYPTED {
        return Err(ReadError::Ended { at: size }.into());
    }
    let start = footer_end.checked_sub(length).filter(|start| *start >= 4);
    let start = start.ok_or_else(|| ProbeError::Malformed("its footer is longer than the file".to_owned()))?;
    if magic == *ENCRYPTED {
        let mut finding = Finding::new(Fact::Dataset(Box::default()));
        finding.notes.push((Cause::Encrypted, "its footer is encrypted, and all that it says".to_owned()));
        return Ok(finding);
    }
    let footer = Footer::read(input.blob, start, footer_end)?;
    let mut table = input.table();
    let mut notes = Vec::new();
    let facts = if footer.encrypted {
        notes.push((Cause::Encrypted, "its columns are encrypted, all or some; no row was read".to_owned()));
        by_name(&footer, table)
    } else if input.rows && !footer.external {
        match parquet_rows::feed(input, &footer, start, footer_end, &mut table) {
            Ok((layout, more)) => {
                notes.extend(more);
                layout.finish(table)
            }
            Err(error) => {
                notes.push(kit::note(error)?);
                by_name(&footer, input.table())
            }
        }
    } else {
        by_name(&footer, table)
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset(&footer, facts))));
    finding.notes = notes;
    Ok(finding)
}

/// The facts of a table of which only names are read.
fn by_name(footer: &Footer, mut table: Table) -> TableFacts {
    for name in &footer.columns {
        table.column(Column::named(name.clone()));
    }
    table.cut();
    table.finish()
}

fn dataset(footer: &Footer, mut facts: TableFacts) -> Dataset {
    facts.row_count = Some(footer.rows);
    facts.row_count_estimated = false;
    facts.columns.clone_from(&footer.columns);
    facts.column_count = Some(footer.columns.len() as u64);
    Dataset {
        table: facts,
        row_groups: Some(footer.row_groups),
        leaf_columns: Some(footer.leaves),
        created_by: footer.created_by.as_deref().map(|text| publishable("writer", text)),
        // A copy of the footers of the files beside it.
        kind: footer.external.then(|| "summary".to_owned()),
        ..Dataset::default()
    }
}

#[cfg(test)]
mod tests;
