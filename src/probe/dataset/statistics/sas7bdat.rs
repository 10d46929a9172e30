//! SAS data sets (`.sas7bdat`): a header, then pages of sub-headers and rows, of either byte order and word length.
//!
//! After M. Shotwell's "SAS7BDAT Database Binary Format", and what ReadStat and pandas read; SAS publishes nothing. Pages
//! are read one at a time. Rows stand in pages of their own (`DATA`), behind sub-headers (`MIX`), or are sub-headers
//! themselves where the data set is packed. Texts that were changed later stand behind the rows (`AMD`). Rows that SAS
//! marked as deleted and did not yet remove are read like any other: whoever has the file has them.

use super::super::super::{Finding, Input, ProbeError};
use super::sas7bdat_meta::{Field, Header, MAGIC, Meta, Packing, is_known, signature};
use super::sas7bdat_rows::unpack;
use super::text::text;
use crate::blob::{Endian, ReadError, read_vec};
use crate::model::{Dataset, Fact, publishable};
use crate::table::{Cell, Context, Table};

/// What the bits of a page's type say of it.
const SORT: u16 = 0x0f00;
const DATA: u16 = 0x0100;
const MIX: u16 = 0x0200;
const AMENDED: u16 = 0x0400;
/// Bookkeeping of packed data sets: neither sub-headers nor rows.
const BOOKKEEPING: u16 = 0x9000;
/// A sub-header that is not there any more, and one that is a packed row.
const GONE: u8 = 1;
const PACKED: u8 = 4;
/// Pages at the end that are looked at for texts that were changed.
const MAX_AMENDED: u64 = 1024;
/// Bytes that the packed rows of one page may unpack to: runs grow up to 1,400 times.
const MAX_UNPACKED: usize = 1 << 30;

/// Reads what describes the columns, then every row.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(&MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let header = Header::read(input.blob)?;
    let mut file = File { input, header: &header, meta: Meta::default() };
    let first = file.describe()?;
    file.amend(first)?;
    let named = if header.name.is_empty() { input.context().name } else { header.name.clone() };
    let context = Context { name: named, label: file.meta.label(), ..Context::default() };
    let mut table = Table::new(input.tables, context);
    let fields = file.meta.columns(|column| {
        table.column(column);
    })?;
    let outcome = if input.rows { file.rows(first, &fields, &mut table) } else { Ok(()) };
    if outcome.is_err() {
        table.cut();
    }
    let mut facts = table.finish();
    facts.row_count = Some(file.meta.rows);
    facts.row_count_estimated = false;
    let dataset = Dataset {
        table: facts,
        created_by: Some(publishable("release", &format!("SAS {}", header.release))),
        encoding: encoding(header.encoding).map(str::to_owned),
        compression: file.meta.packing().map(|packing| match packing {
            Packing::Runs => "rle".to_owned(),
            Packing::Ross => "rdc".to_owned(),
        }),
        ..Dataset::default()
    };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome))
}

/// The usual character sets by SAS's number for them, where it is not UTF-8 and known.
fn encoding(number: u8) -> Option<&'static str> {
    Some(match number {
        28 => "us-ascii",
        29 => "iso-8859-1",
        30 => "iso-8859-2",
        33 => "iso-8859-5",
        40 => "iso-8859-15",
        60 => "windows-1250",
        61 => "windows-1251",
        62 => "windows-1252",
        63 => "windows-1253",
        64 => "windows-1254",
        125 | 205 => "gb18030",
        123 => "big5",
        134 => "euc-jp",
        138 => "shift_jis",
        140 => "euc-kr",
        _ => return None,
    })
}

struct File<'i, 'a> {
    input: &'i Input<'a>,
    header: &'i Header,
    meta: Meta,
}

impl File<'_, '_> {
    fn page(&self, number: u64) -> Result<Vec<u8>, ProbeError> {
        let Header { length, page, .. } = self.header;
        let at = number.saturating_mul(*page).saturating_add(*length);
        Ok(read_vec(self.input.blob, at, *page, *page)?)
    }

    fn counts(&self, page: &[u8]) -> Result<(u16, usize, usize), ProbeError> {
        let too_short = || ProbeError::Malformed("a page is shorter than its own header".to_owned());
        self.header.page_counts(page).ok_or_else(too_short)
    }

    /// Reads sub-headers up to the first page that has rows, and says which that is.
    fn describe(&mut self) -> Result<u64, ProbeError> {
        for number in 0..self.header.pages {
            let page = self.page(number)?;
            let (kind, _, count) = self.counts(&page)?;
            if kind & SORT == DATA {
                return Ok(number);
            }
            if kind & BOOKKEEPING == BOOKKEEPING {
                continue;
            }
            let mut has_rows = kind & SORT == MIX;
            for subheader in self.header.subheaders(&page, count) {
                let (packing, sort, bytes) = subheader?;
                match packing {
                    _ if bytes.is_empty() => {}
                    0 if sort == 1 && !is_known(signature(self.header, bytes)) => has_rows = true,
                    0 => self.meta.take(self.header, bytes)?,
                    PACKED => has_rows = true,
                    _ => {}
                }
            }
            if has_rows {
                return Ok(number);
            }
        }
        Ok(self.header.pages)
    }

    /// Reads the texts of the pages behind the rows. A file that is cut has none; its rows say that it is.
    fn amend(&mut self, first: u64) -> Result<(), ProbeError> {
        let mut amended = Vec::new();
        let last = self.header.pages.saturating_sub(MAX_AMENDED).max(first.saturating_add(1));
        for number in (last..self.header.pages).rev() {
            let page = match self.page(number) {
                Err(ProbeError::Read(ReadError::Ended { .. })) => return Ok(()),
                other => other?,
            };
            if self.counts(&page)?.0 & SORT != AMENDED {
                break;
            }
            amended.push(number);
        }
        for number in amended.into_iter().rev() {
            let page = self.page(number)?;
            let (_, _, count) = self.counts(&page)?;
            for subheader in self.header.subheaders(&page, count) {
                if let (0, _, bytes) = subheader? {
                    self.meta.take_text(self.header, bytes)?;
                }
            }
        }
        Ok(())
    }

    fn rows(&self, first: u64, fields: &[Field], table: &mut Table) -> Result<(), ProbeError> {
        let mut unpacked = Vec::new();
        for number in first..self.header.pages {
            if table.rows() >= self.meta.rows {
                return Ok(());
            }
            let page = self.page(number)?;
            let (kind, blocks, count) = self.counts(&page)?;
            let mut plain = 0;
            if kind & SORT == DATA {
                plain = self.header.pointers_at();
            } else if kind & BOOKKEEPING != BOOKKEEPING {
                self.packed_rows(&page, count, fields, table, &mut unpacked)?;
                if kind & SORT == MIX {
                    plain = self.behind_pointers(&page, count);
                }
            }
            if plain == 0 {
                continue;
            }
            let rows = if kind & SORT == DATA { blocks } else { self.meta.mixed_rows };
            let bytes = page.get(plain..).unwrap_or_default();
            if self.meta.row == 0 {
                return Ok(());
            }
            for row in bytes.chunks_exact(self.meta.row).take(rows) {
                self.row(row, fields, table)?;
            }
        }
        if table.rows() < self.meta.rows {
            let detail = format!("its header states {} rows, and {} are there", self.meta.rows, table.rows());
            return Err(ProbeError::Malformed(detail));
        }
        Ok(())
    }

    /// Where rows begin on a page that holds sub-headers too: at eights, but for writers that do not fill up.
    fn behind_pointers(&self, page: &[u8], count: usize) -> usize {
        let end = count.saturating_mul(self.header.pointer()).saturating_add(self.header.pointers_at());
        let filling = page.get(end..).and_then(<[u8]>::first_chunk::<4>);
        let is_filled = !self.header.release.starts_with("9.0000M0") && !self.header.release.starts_with("8.0000M0");
        match filling {
            Some(four) if end % 8 == 4 && (is_filled || matches!(four, [0, 0, 0, 0] | b"    ")) => {
                end.saturating_add(4)
            }
            _ => end,
        }
    }

    /// Feeds the rows that are sub-headers.
    fn packed_rows(
        &self,
        page: &[u8],
        count: usize,
        fields: &[Field],
        table: &mut Table,
        unpacked: &mut Vec<u8>,
    ) -> Result<(), ProbeError> {
        let packing = self.meta.packing().unwrap_or(Packing::Runs);
        let mut left = MAX_UNPACKED;
        for subheader in self.header.subheaders(page, count) {
            let (how, sort, bytes) = subheader?;
            let is_row = match how {
                GONE => false,
                PACKED => true,
                0 => sort == 1 && !is_known(signature(self.header, bytes)),
                _ => return Err(ProbeError::Unsupported("rows are packed in a way that is not read".to_owned())),
            };
            if !is_row || bytes.is_empty() {
                continue;
            }
            let too_much = || ReadError::TooLong { wanted: u64::MAX, allowed: MAX_UNPACKED as u64 };
            left = left.checked_sub(self.meta.row).ok_or_else(too_much)?;
            if how == PACKED {
                unpack(packing, bytes, unpacked, self.meta.row)?;
                self.row(unpacked, fields, table)?;
            } else if bytes.len() == self.meta.row {
                self.row(bytes, fields, table)?;
            } else {
                return Err(ProbeError::Malformed("a row is not as long as rows are".to_owned()));
            }
        }
        Ok(())
    }

    /// Feeds a row, unless all that are stated were fed: what stands behind them is filling.
    fn row(&self, row: &[u8], fields: &[Field], table: &mut Table) -> Result<(), ReadError> {
        if table.rows() >= self.meta.rows {
            return Ok(());
        }
        for (number, field) in fields.iter().enumerate() {
            let bytes = row.get(field.from..field.to).unwrap_or_default();
            if field.is_text {
                table.cell(number, Cell::Text(&text(bytes)));
            } else {
                table.cell(number, field.shown.cell(self.number(bytes)));
            }
        }
        table.end_row()
    }

    /// A number whose last bytes of precision may have been left out; a missing one is not a number.
    fn number(&self, bytes: &[u8]) -> f64 {
        let mut whole = [0u8; 8];
        let is_big = self.header.endian == Endian::Big;
        for (at, to) in whole.iter_mut().enumerate() {
            let from = if is_big { Some(at) } else { bytes.len().checked_sub(at.saturating_add(1)) };
            *to = from.and_then(|from| bytes.get(from)).copied().unwrap_or_default();
        }
        f64::from_be_bytes(whole)
    }
}

#[cfg(test)]
mod tests;
