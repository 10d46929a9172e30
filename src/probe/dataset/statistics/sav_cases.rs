//! Cases of an SPSS file: slots of eight bytes, as they are or packed into codes, and the codes into zlib.

use std::io::{BufRead, BufReader, Read};

use flate2::bufread::ZlibDecoder;

use super::super::super::ProbeError;
use super::super::super::stream::Stream;
use super::text::text;
use crate::blob::{Endian, ReadError};
use crate::table::{Cell, Table};

/// Days from 1582-10-14, where SPSS begins to count, to 1970-01-01.
const EPOCH: f64 = 141_428.0;
/// Bytes kept of a text.
const MAX_TEXT: usize = 32 << 10;

/// Eight bytes of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Slot {
    Number,
    Day,
    Second,
    /// A text begins here; `further` where it is the next part of a long one.
    Text {
        width: usize,
        further: bool,
    },
    /// The text goes on.
    Further,
}

impl Slot {
    /// A number that is shown in this format.
    pub(super) fn of_number(format: u32) -> Slot {
        match format {
            20 | 23 | 24 | 28..=30 | 38 | 39 => Slot::Day,
            22 | 41 => Slot::Second,
            _ => Slot::Number,
        }
    }
}

/// How cases are packed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Packing {
    None,
    Codes,
    Zlib,
}

/// Where the cases come from.
pub(super) struct Cases<'c, 'r> {
    pub(super) stream: &'c mut Stream<'r>,
    pub(super) slots: &'c [Slot],
    pub(super) bias: f64,
    pub(super) stated: Option<u64>,
}

/// Hands every case over as a row.
pub(super) fn feed(cases: &mut Cases, packing: Packing, table: &mut Table) -> Result<(), ProbeError> {
    let endian = cases.stream.endian();
    let mut row = Row { slots: cases.slots, endian, next: 0, column: None, text: Vec::new(), width: 0 };
    if row.slots.is_empty() {
        return Ok(());
    }
    match packing {
        Packing::None => plain(cases.stream, &mut row, cases.stated, table),
        Packing::Codes => codes(cases.stream, &mut row, cases.bias, cases.stated, table),
        Packing::Zlib => {
            // Positions of this header and of the trailer, between which the blocks lie.
            let start = cases.stream.position();
            cases.stream.skip(8)?;
            let trailer = cases.stream.u64()?;
            cases.stream.skip(8)?;
            let end = trailer.saturating_sub(start.saturating_add(24));
            let blocks = BufReader::with_capacity(64 << 10, (&mut *cases.stream).take(end));
            let mut inflated = Inflated { decoder: Some(ZlibDecoder::new(blocks)) };
            let mut stream = Stream::new(&mut inflated);
            stream.set_endian(endian);
            codes(&mut stream, &mut row, cases.bias, cases.stated, table)
        }
    }
}

fn plain(stream: &mut Stream, row: &mut Row, stated: Option<u64>, table: &mut Table) -> Result<(), ProbeError> {
    while stated.is_none_or(|stated| table.rows() < stated) && (row.next > 0 || !stream.is_over()?) {
        let bytes: [u8; 8] = stream.array()?;
        row.slot(bytes, false, table)?;
    }
    Ok(())
}

fn codes(
    stream: &mut Stream,
    row: &mut Row,
    bias: f64,
    stated: Option<u64>,
    table: &mut Table,
) -> Result<(), ProbeError> {
    loop {
        if row.next == 0 && (stated.is_some_and(|stated| table.rows() >= stated) || stream.is_over()?) {
            return Ok(());
        }
        let codes: [u8; 8] = stream.array()?;
        for code in codes {
            match code {
                0 => continue,
                252 => return Ok(()),
                253 => {
                    let bytes: [u8; 8] = stream.array()?;
                    row.slot(bytes, false, table)?;
                }
                254 => row.slot([b' '; 8], false, table)?,
                255 => row.slot([0; 8], true, table)?,
                code => {
                    let value = f64::from(code) - bias;
                    let bytes = if row.endian == Endian::Big { value.to_be_bytes() } else { value.to_le_bytes() };
                    row.slot(bytes, false, table)?;
                }
            }
            if row.next == 0 && stated.is_some_and(|stated| table.rows() >= stated) {
                return Ok(());
            }
        }
    }
}

/// The case at hand.
struct Row<'s> {
    slots: &'s [Slot],
    endian: Endian,
    /// The slot that comes next.
    next: usize,
    /// The column of the value at hand.
    column: Option<usize>,
    text: Vec<u8>,
    /// Bytes the text at hand may have.
    width: usize,
}

impl Row<'_> {
    fn slot(&mut self, bytes: [u8; 8], missing: bool, table: &mut Table) -> Result<(), ReadError> {
        let Some(&slot) = self.slots.get(self.next) else { return Ok(()) };
        if !matches!(slot, Slot::Further | Slot::Text { further: true, .. }) {
            self.end_text(table);
            self.column = Some(self.column.map_or(0, |column| column.saturating_add(1)));
        }
        match slot {
            Slot::Text { width, .. } => {
                self.width = self.text.len().saturating_add(width);
                self.push(bytes);
            }
            Slot::Further => self.push(bytes),
            number if !missing => self.number(number, bytes, table),
            _ => {}
        }
        self.next = self.next.saturating_add(1);
        if self.next >= self.slots.len() {
            self.end_text(table);
            (self.next, self.column) = (0, None);
            table.end_row()?;
        }
        Ok(())
    }

    fn push(&mut self, bytes: [u8; 8]) {
        let room = self.width.min(MAX_TEXT).saturating_sub(self.text.len());
        self.text.extend_from_slice(bytes.get(..room.min(8)).unwrap_or_default());
    }

    fn end_text(&mut self, table: &mut Table) {
        if let (Some(column), false) = (self.column, self.text.is_empty()) {
            table.cell(column, Cell::Text(&text(&self.text)));
        }
        self.text.clear();
        self.width = 0;
    }

    fn number(&self, slot: Slot, bytes: [u8; 8], table: &mut Table) {
        let value = if self.endian == Endian::Big { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) };
        // The system-missing value is the most negative number there is.
        if value == -f64::MAX || !value.is_finite() {
            return;
        }
        let cell = match slot {
            Slot::Day => Cell::Day((value / 86_400.0 - EPOCH).floor() as i64),
            Slot::Second => Cell::Second((value - EPOCH * 86_400.0).floor() as i64),
            _ => Cell::Number(value),
        };
        if let Some(column) = self.column {
            table.cell(column, cell);
        }
    }
}

/// Zlib streams one behind the other, inflated as one.
struct Inflated<R> {
    decoder: Option<ZlibDecoder<R>>,
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let got = decoder.read(buf)?;
            if got > 0 || buf.is_empty() {
                return Ok(got);
            }
            // The block is over; the next begins where it ended.
            let Some(decoder) = self.decoder.take() else { return Ok(0) };
            let mut source = decoder.into_inner();
            if source.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.decoder = Some(ZlibDecoder::new(source));
        }
    }
}
