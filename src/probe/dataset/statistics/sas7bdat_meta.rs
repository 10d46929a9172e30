//! What a SAS data set says before its rows: the header of the file, and the sub-headers of its pages.
//!
//! Texts stand in blocks, and everything else points into them. Numbers are as wide and in the order of the machine
//! that wrote the file. What is declared is held against the page it stands on, and nothing is copied but texts.

use super::super::super::ProbeError;
use super::sas_format::{Shown, shown};
use super::text::{label, text};
use crate::blob::{Blob, Cursor, Endian, ReadError};
use crate::table::{Column, Kind};

/// The first bytes of every file.
pub(super) const MAGIC: [u8; 32] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc2, 0xea, 0x81, 0x60, 0xb3, 0x14, 0x11, 0xcf, 0xbd, 0x92, 0x08, 0x00, 0x09,
    0xc7, 0x31, 0x8c, 0x18, 0x1f, 0x10, 0x11,
];
/// Largest header and page; SAS writes a few kilobytes to two megabytes.
const MAX_PAGE: u64 = 16 << 20;
/// All blocks of text of a file.
const MAX_TEXT: usize = 16 << 20;
/// Most columns that are read.
const MAX_COLUMNS: usize = 1 << 17;
/// Longest row.
const MAX_ROW: usize = 16 << 20;
/// Widest column: SAS has no longer text.
const MAX_WIDTH: usize = 32_767;

/// The header of the file.
pub(super) struct Header {
    pub(super) endian: Endian,
    /// Whether numbers and pointers are of 64 bits.
    pub(super) wide: bool,
    pub(super) length: u64,
    pub(super) page: u64,
    pub(super) pages: u64,
    pub(super) encoding: u8,
    pub(super) name: String,
    pub(super) release: String,
}

impl Header {
    pub(super) fn read(blob: &dyn Blob) -> Result<Header, ProbeError> {
        let malformed = |what: &str| ProbeError::Malformed(format!("its header gives no {what} that can be"));
        let mut cursor = Cursor::new(blob, 0);
        let start = cursor.vec(164, 164)?;
        if !start.starts_with(&MAGIC) {
            return Err(ProbeError::NotMine);
        }
        let byte = |at: usize| start.get(at).copied().unwrap_or_default();
        let endian = match byte(37) {
            0 => Endian::Big,
            1 => Endian::Little,
            _ => return Err(malformed("byte order")),
        };
        let (wide, padding) = (byte(32) == b'3', if byte(35) == b'3' { 4 } else { 0 });
        let mut cursor = cursor.with_endian(endian);
        cursor.skip(padding)?;
        cursor.skip(32)?;
        let (length, page) = (u64::from(cursor.u32()?), u64::from(cursor.u32()?));
        if !(1024..=MAX_PAGE).contains(&length) || !(1024..=MAX_PAGE).contains(&page) {
            return Err(malformed("size of pages"));
        }
        let pages = if wide { cursor.u64()? } else { u64::from(cursor.u32()?) };
        cursor.skip(8)?;
        let release: [u8; 8] = cursor.array()?;
        let name = text(start.get(92..156).unwrap_or_default()).trim().to_owned();
        let release = text(&release).trim().to_owned();
        Ok(Header { endian, wide, length, page, pages, encoding: byte(70), name, release })
    }

    /// Bytes of a number of the machine.
    pub(super) fn word(&self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    /// The number of `len` bytes at a place: nothing where it does not fit.
    fn number(&self, bytes: &[u8], at: usize, len: usize) -> Option<u64> {
        let part = bytes.get(at..at.checked_add(len)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.endian == Endian::Big { part.iter().fold(0, add) } else { part.iter().rev().fold(0, add) })
    }

    fn size(&self, bytes: &[u8], at: usize, len: usize) -> Option<usize> {
        usize::try_from(self.number(bytes, at, len)?).ok()
    }

    /// Type of a page, its blocks and its sub-headers.
    pub(super) fn page_counts(&self, page: &[u8]) -> Option<(u16, usize, usize)> {
        let at = if self.wide { 32 } else { 16 };
        let kind = u16::try_from(self.number(page, at, 2)?).ok()?;
        Some((kind, self.size(page, at.checked_add(2)?, 2)?, self.size(page, at.checked_add(4)?, 2)?))
    }

    /// Where the pointers of a page begin.
    pub(super) fn pointers_at(&self) -> usize {
        if self.wide { 40 } else { 24 }
    }

    /// Bytes of a pointer to a sub-header.
    pub(super) fn pointer(&self) -> usize {
        if self.wide { 24 } else { 12 }
    }

    /// The sub-headers a page points to: compression, type, bytes. What lies outside of the page is an error.
    pub(super) fn subheaders<'p>(
        &self,
        page: &'p [u8],
        count: usize,
    ) -> impl Iterator<Item = Result<(u8, u8, &'p [u8]), ProbeError>> {
        let word = self.word();
        let pointers = page.get(self.pointers_at()..).unwrap_or_default().chunks_exact(self.pointer()).take(count);
        pointers.map(move |pointer| {
            let (at, len) = (self.size(pointer, 0, word), self.size(pointer, word, word));
            let flag = |by: usize| pointer.get(word.saturating_mul(2).saturating_add(by)).copied().unwrap_or_default();
            let bytes = at.zip(len).and_then(|(at, len)| match len {
                0 => page.get(..0),
                _ => page.get(at..at.checked_add(len)?),
            });
            let outside = || ProbeError::Malformed("a sub-header lies outside of its page".to_owned());
            Ok((flag(0), flag(1), bytes.ok_or_else(outside)?))
        })
    }
}

/// Where a text stands: block, offset and length.
#[derive(Clone, Copy, Default)]
struct Place(usize, usize, usize);

/// How rows are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Runs,
    Ross,
}

/// A column as rows need it.
pub(super) struct Field {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) is_text: bool,
    pub(super) shown: Shown,
}

/// The sub-headers of a file, as they come.
#[derive(Default)]
pub(super) struct Meta {
    pub(super) row: usize,
    pub(super) rows: u64,
    /// Rows of a page that holds sub-headers too.
    pub(super) mixed_rows: usize,
    /// Columns, as the file counts them.
    pub(super) count: Option<u64>,
    label: Place,
    packing: Place,
    texts: Vec<Vec<u8>>,
    text_bytes: usize,
    names: Vec<Place>,
    /// Offset, width and type.
    attributes: Vec<(usize, usize, u8)>,
    /// Places of formats and labels.
    shows: Vec<(Place, Place)>,
    sized: bool,
}

/// What sort of sub-header it is: the low half of its signature, whatever the width.
pub(super) fn signature(header: &Header, bytes: &[u8]) -> u32 {
    let at = |at| header.number(bytes, at, 4).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    match at(0) {
        // The high half comes first where the byte order is big.
        0 | u32::MAX if header.wide && header.endian == Endian::Big => at(4),
        other => other,
    }
}

const ROW_SIZE: u32 = 0xf7f7_f7f7;
const COLUMN_SIZE: u32 = 0xf6f6_f6f6;
const COUNTS: u32 = 0xffff_fc00;
const COLUMN_TEXT: u32 = 0xffff_fffd;
const COLUMN_NAMES: u32 = 0xffff_ffff;
const COLUMN_ATTRIBUTES: u32 = 0xffff_fffc;
const COLUMN_FORMAT: u32 = 0xffff_fbfe;
const COLUMN_LIST: u32 = 0xffff_fffe;

/// Whether a sub-header of that signature describes; what does not is a row that stands for itself.
pub(super) fn is_known(signature: u32) -> bool {
    matches!(
        signature,
        ROW_SIZE | COLUMN_SIZE | COUNTS | COLUMN_TEXT | COLUMN_NAMES | COLUMN_ATTRIBUTES | COLUMN_FORMAT | COLUMN_LIST
    )
}

impl Meta {
    /// Takes what one sub-header says.
    pub(super) fn take(&mut self, header: &Header, bytes: &[u8]) -> Result<(), ProbeError> {
        let broken = || ProbeError::Malformed("a sub-header is shorter than what it should say".to_owned());
        match signature(header, bytes) {
            ROW_SIZE if !self.sized => self.row_size(header, bytes).ok_or_else(broken)?,
            COLUMN_SIZE => self.count = header.number(bytes, header.word(), header.word()),
            COLUMN_TEXT => self.block(header, bytes)?,
            COLUMN_NAMES => {
                for entry in entries(header, bytes, 8) {
                    self.names.push(place(header, entry, 0).unwrap_or_default());
                }
            }
            COLUMN_ATTRIBUTES => {
                let word = header.word();
                for entry in entries(header, bytes, word.saturating_add(8)) {
                    let width = header.size(entry, word, 4).ok_or_else(broken)?;
                    let kind = entry.get(word.saturating_add(6)).copied().ok_or_else(broken)?;
                    self.attributes.push((header.size(entry, 0, word).ok_or_else(broken)?, width, kind));
                }
            }
            COLUMN_FORMAT => {
                let at = if header.wide { 46 } else { 34 };
                let places = place(header, bytes, at).zip(place(header, bytes, at.saturating_add(6)));
                self.shows.push(places.ok_or_else(broken)?);
            }
            _ => {}
        }
        if self.names.len().max(self.attributes.len()).max(self.shows.len()) > MAX_COLUMNS {
            return Err(ProbeError::Unsupported(format!("describes more than {MAX_COLUMNS} columns")));
        }
        Ok(())
    }

    fn row_size(&mut self, header: &Header, bytes: &[u8]) -> Option<()> {
        let word = header.word();
        let number = |nth: usize| header.size(bytes, nth.checked_mul(word)?, word);
        self.row = number(5)?;
        self.rows = header.number(bytes, word.checked_mul(6)?, word)?;
        self.mixed_rows = number(15)?;
        self.label = bytes.len().checked_sub(130).and_then(|at| place(header, bytes, at)).unwrap_or_default();
        self.packing = bytes.len().checked_sub(118).and_then(|at| place(header, bytes, at)).unwrap_or_default();
        self.sized = true;
        Some(())
    }

    /// Keeps a block of text; also those of pages behind the rows.
    fn block(&mut self, header: &Header, bytes: &[u8]) -> Result<(), ProbeError> {
        let block = bytes.get(header.word()..).unwrap_or_default();
        self.text_bytes = self.text_bytes.saturating_add(block.len()).saturating_add(64);
        if self.text_bytes > MAX_TEXT {
            return Err(ReadError::TooLong { wanted: self.text_bytes as u64, allowed: MAX_TEXT as u64 }.into());
        }
        self.texts.push(block.to_vec());
        Ok(())
    }

    /// Takes a block of text, and leaves every other sub-header.
    pub(super) fn take_text(&mut self, header: &Header, bytes: &[u8]) -> Result<(), ProbeError> {
        if signature(header, bytes) == COLUMN_TEXT { self.block(header, bytes) } else { Ok(()) }
    }

    fn text(&self, place: Place) -> &[u8] {
        let Place(block, at, len) = place;
        let block = self.texts.get(block).map(Vec::as_slice).unwrap_or_default();
        at.checked_add(len).and_then(|end| block.get(at..end)).unwrap_or_default()
    }

    /// What the data set calls itself in words.
    pub(super) fn label(&self) -> Option<String> {
        label(self.text(self.label))
    }

    /// How rows are packed, if they are.
    pub(super) fn packing(&self) -> Option<Packing> {
        let words = [(Packing::Runs, b"SASYZCRL"), (Packing::Ross, b"SASYZCR2")];
        let stated = self.text(self.packing);
        if let Some((packing, _)) = words.iter().find(|(_, word)| stated.starts_with(*word)) {
            return Some(*packing);
        }
        // Older writers do not point to it: it stands near the beginning of the first block.
        let first = self.texts.first().map(Vec::as_slice).unwrap_or_default();
        let start = first.get(..64.min(first.len())).unwrap_or_default();
        words.iter().find(|(_, word)| start.windows(8).any(|part| part == *word)).map(|(packing, _)| *packing)
    }

    /// The columns, in their order; `each` is handed what the table needs to know of one.
    pub(super) fn columns(&self, mut each: impl FnMut(Column)) -> Result<Vec<Field>, ProbeError> {
        if !self.sized {
            return Err(ProbeError::Malformed("has no sub-header of its rows".to_owned()));
        }
        if self.row > MAX_ROW {
            return Err(ReadError::TooLong { wanted: self.row as u64, allowed: MAX_ROW as u64 }.into());
        }
        let broken = || ProbeError::Malformed("its columns do not fit its rows".to_owned());
        let described = self.attributes.len().min(self.names.len());
        let count = usize::try_from(self.count.unwrap_or(described as u64)).unwrap_or(usize::MAX);
        if count > described {
            return Err(ProbeError::Malformed("describes fewer columns than it counts".to_owned()));
        }
        let mut left = self.row;
        let mut fields = Vec::new();
        for (number, ((from, width, kind), name)) in self.attributes.iter().zip(&self.names).take(count).enumerate() {
            let is_text = match kind {
                1 => false,
                2 => true,
                _ => return Err(ProbeError::Malformed("has a column of no known type".to_owned())),
            };
            // Columns do not overlap: what a row costs is bounded by its length.
            left = left.checked_sub(*width).ok_or_else(broken)?;
            let to = from.checked_add(*width).filter(|&to| to <= self.row).ok_or_else(broken)?;
            if *width > MAX_WIDTH || (!is_text && *width > 8) {
                return Err(broken());
            }
            let (format, words) = self.shows.get(number).copied().unwrap_or_default();
            let shown = if is_text { Shown::Number } else { shown(&text(self.text(format))) };
            let kind = if is_text { Kind::Text } else { shown.kind() };
            let name = text(self.text(*name)).trim().to_owned();
            each(Column { label: label(self.text(words)), ..Column::of(name, kind) });
            fields.push(Field { from: *from, to, is_text, shown });
        }
        Ok(fields)
    }
}

/// The entries of a list of columns: after signature and eight bytes, before what fills up.
fn entries<'b>(header: &Header, bytes: &'b [u8], size: usize) -> std::slice::ChunksExact<'b, u8> {
    let from = header.word().saturating_add(8);
    let to = bytes.len().saturating_sub(header.word().saturating_add(4));
    bytes.get(from..to).unwrap_or_default().chunks_exact(size)
}

fn place(header: &Header, bytes: &[u8], at: usize) -> Option<Place> {
    let number = |by: usize| header.size(bytes, at.checked_add(by)?, 2);
    Some(Place(number(0)?, number(2)?, number(4)?))
}
