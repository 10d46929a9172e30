//! The values of a data set, one index of its first axis after the other, in the memory of one of its pieces.

use super::chunks::{Chunk, Filter};
use super::value::Texts;
use super::{Class, Dataset, Datatype, File, Hdf5Error, Layout, Scalar};
use crate::archive::chunk;

/// Largest piece that is held.
const MAX_CHUNK: u64 = 8 << 20;
/// Bytes read at a time of what lies in one piece.
const WINDOW: u64 = 64 << 10;

/// The values of a data set.
pub struct Series {
    /// Type of its elements.
    pub datatype: Datatype,
    /// Extent of its first axis; one for a single value.
    pub rows: u64,
    /// Elements of an index of the first axis.
    pub width: u64,
    row_bytes: usize,
    pieces: Pieces,
    /// Values from `window_row` on.
    window: Vec<u8>,
    window_row: u64,
    texts: Texts,
}

enum Pieces {
    Inline,
    /// From this address on.
    One(u64),
    Many {
        chunks: Vec<Chunk>,
        height: u64,
        filters: Vec<Filter>,
    },
}

impl Series {
    /// Bytes that are held while it is read.
    pub fn held(&self) -> u64 {
        match &self.pieces {
            Pieces::Inline => self.window.len() as u64,
            Pieces::One(_) => WINDOW.max(self.row_bytes as u64),
            Pieces::Many { height, .. } => height.saturating_mul(self.row_bytes as u64),
        }
    }
}

impl File<'_> {
    /// Prepares the reading of a data set's values.
    ///
    /// # Errors
    /// [`Hdf5Error`]; where an index of the first axis is spread over several pieces as well.
    pub fn series(&mut self, dataset: &Dataset) -> Result<Series, Hdf5Error> {
        const TOO_LARGE: Hdf5Error = Hdf5Error::TooLarge("bytes in a row");
        let rows = dataset.shape.first().copied().unwrap_or(1);
        let inner = dataset.shape.get(1..).unwrap_or_default();
        let width = inner.iter().try_fold(1u64, |all, &extent| all.checked_mul(extent)).ok_or(TOO_LARGE)?;
        let element = u64::from(dataset.datatype.size);
        let row_bytes = width.checked_mul(element).filter(|&bytes| bytes > 0 && bytes <= MAX_CHUNK);
        let row_bytes = row_bytes.ok_or(TOO_LARGE)?;
        let mut window = Vec::new();
        let pieces = match &dataset.layout {
            Layout::Compact(bytes) => {
                window.clone_from(bytes);
                Pieces::Inline
            }
            Layout::Contiguous { at: Some(at), .. } => Pieces::One(at.saturating_sub(self.base)),
            Layout::Chunked { shape, index } => {
                // The last extent is the size of an element.
                let (_, shape) = shape.split_last().ok_or(Hdf5Error::Malformed("a piece without extents"))?;
                let height = shape.first().copied().unwrap_or(0);
                if shape.len() != dataset.shape.len() || shape.get(1..) != Some(inner) {
                    return Err(Hdf5Error::Unsupported("rows that are spread over several pieces"));
                }
                let size = height.checked_mul(row_bytes).filter(|&size| size > 0 && size <= MAX_CHUNK);
                let size = size.ok_or(Hdf5Error::TooLarge("bytes in a piece"))?;
                let grid = [rows.div_ceil(height.max(1))];
                let chunks = self.chunks(index, shape, &grid, size)?;
                Pieces::Many { chunks, height, filters: dataset.filters.clone() }
            }
            _ => return Err(Hdf5Error::Unsupported("values that were never written, or lie elsewhere")),
        };
        let row_bytes = usize::try_from(row_bytes).map_err(|_| TOO_LARGE)?;
        let datatype = dataset.datatype.clone();
        Ok(Series { datatype, rows, width, row_bytes, pieces, window, window_row: 0, texts: Texts::default() })
    }

    /// The bytes of one row.
    fn row(&mut self, series: &mut Series, row: u64) -> Result<std::ops::Range<usize>, Hdf5Error> {
        let at = |series: &Series| {
            let by = row.checked_sub(series.window_row).and_then(|by| usize::try_from(by).ok())?;
            let start = by.checked_mul(series.row_bytes)?;
            let end = start.checked_add(series.row_bytes)?;
            (end <= series.window.len()).then_some(start..end)
        };
        if let Some(range) = at(series) {
            return Ok(range);
        }
        if row >= series.rows {
            return Err(Hdf5Error::Malformed("a row past the last"));
        }
        let row_bytes = series.row_bytes as u64;
        let element = series.datatype.size;
        let (window, window_row) = match &series.pieces {
            Pieces::Inline => return Err(Hdf5Error::Malformed("fewer values than the extents say")),
            Pieces::One(address) => {
                let fitting = WINDOW.checked_div(row_bytes).unwrap_or(0).max(1);
                let rows = fitting.min(series.rows.saturating_sub(row));
                let start = address.saturating_add(row.saturating_mul(row_bytes));
                (self.value_bytes(start, rows.saturating_mul(row_bytes))?, row)
            }
            Pieces::Many { chunks, height, filters } => {
                let after = chunks.partition_point(|chunk| chunk.row <= row);
                let chunk = after.checked_sub(1).and_then(|index| chunks.get(index)).copied();
                let chunk = chunk.filter(|chunk| row.saturating_sub(chunk.row) < *height);
                let chunk = chunk.ok_or(Hdf5Error::Unsupported("values that were never written"))?;
                let stored = self.value_bytes(chunk.address, chunk.size)?;
                let size = usize::try_from(height.saturating_mul(row_bytes)).unwrap_or(usize::MAX);
                (unfilter(stored, chunk.skipped, filters, size, element)?, chunk.row)
            }
        };
        series.window = window;
        series.window_row = window_row;
        at(series).ok_or(Hdf5Error::Malformed("a piece is shorter than its extents say"))
    }

    /// An element of a row; of records, a field of the first one, and of that the element where it has several.
    ///
    /// # Errors
    /// [`Hdf5Error`].
    pub fn value<'s>(
        &mut self,
        series: &'s mut Series,
        row: u64,
        column: u64,
        field: Option<usize>,
    ) -> Result<Scalar<'s>, Hdf5Error> {
        const OUTSIDE: Hdf5Error = Hdf5Error::Malformed("a value lies outside of its row");
        let range = self.row(series, row)?;
        let Series { datatype, window, texts, .. } = series;
        let row = window.get(range).unwrap_or_default();
        let size = usize::try_from(datatype.size).unwrap_or(usize::MAX);
        let place = if field.is_some() { 0 } else { column };
        let start = usize::try_from(place).ok().and_then(|place| place.checked_mul(size)).ok_or(OUTSIDE)?;
        let element = row.get(start..).and_then(|rest| rest.get(..size)).ok_or(OUTSIDE)?;
        match (field, &datatype.class) {
            (Some(field), Class::Compound(members)) => {
                let member = members.get(field).ok_or(OUTSIDE)?;
                let size = usize::try_from(member.datatype.size).unwrap_or(usize::MAX);
                let part = element.get(member.offset..).and_then(|rest| rest.get(..size)).ok_or(OUTSIDE)?;
                let Class::Array(base, _) = &member.datatype.class else {
                    return self.scalar(&member.datatype, part, texts);
                };
                let size = usize::try_from(base.size).unwrap_or(usize::MAX);
                let at = usize::try_from(column).ok().and_then(|column| column.checked_mul(size)).ok_or(OUTSIDE)?;
                self.scalar(base, part.get(at..).and_then(|rest| rest.get(..size)).ok_or(OUTSIDE)?, texts)
            }
            _ => self.scalar(datatype, element, texts),
        }
    }
}

/// A piece as it was before its filters.
fn unfilter(
    mut bytes: Vec<u8>,
    skipped: u32,
    filters: &[Filter],
    size: usize,
    element: u32,
) -> Result<Vec<u8>, Hdf5Error> {
    const BROKEN: Hdf5Error = Hdf5Error::Malformed("a piece does not unpack");
    // Checksums are not looked at, and cut off.
    let allowed = size.saturating_add(64);
    for (place, filter) in filters.iter().enumerate().rev() {
        let bit = u32::try_from(place).ok().and_then(|place| 1u32.checked_shl(place)).unwrap_or(0);
        if skipped & bit != 0 {
            continue;
        }
        bytes = match filter.id {
            1 => chunk::inflate(&bytes, allowed).ok_or(BROKEN)?,
            2 => {
                let element = filter.values.first().copied().unwrap_or(element);
                chunk::unshuffle(&bytes, usize::try_from(element).unwrap_or(1))
            }
            3 => {
                bytes.truncate(bytes.len().saturating_sub(4));
                bytes
            }
            32_000 => chunk::lzf(&bytes, allowed).ok_or(BROKEN)?,
            32_001 => chunk::blosc(&bytes, allowed).ok_or(Hdf5Error::Unsupported("a Blosc codec"))?,
            32_015 => chunk::zstd(&bytes, allowed).ok_or(BROKEN)?,
            _ => return Err(Hdf5Error::Unsupported("a filter")),
        };
    }
    Ok(bytes)
}
