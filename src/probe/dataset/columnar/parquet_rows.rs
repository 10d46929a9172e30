//! The rows of a Parquet file, through the library of Apache Arrow.
//!
//! Before the library sees a column chunk of a row group, every page header of it is read here: sizes, numbers of values
//! and encodings must fit the chunk and the bounds below. A column that does not fit (a page of 100 MB, vectors of a
//! thousand numbers a row) is left out of the row group and said so; the others are read. Texts are read as views of
//! their page, so that a dictionary's long value is not copied into every row.

use std::io::Read;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_schema::{DataType, Field, Fields, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::file::reader::{ChunkReader, Length};

use super::super::super::{Input, ProbeError};
use super::arrow_rows::Layout;
use super::guarded;
use super::parquet_footer::Footer;
use super::thrift::{Compact, Kind};
use crate::blob::{Blob, ReadError, Reader, read_vec};
use crate::model::Cause;
use crate::table::Table;

/// Largest footer that the library parses, and most column chunks: it holds them all.
const MAX_FOOTER: u64 = 16 << 20;
const MAX_CHUNKS: u64 = 200_000;
/// Largest page, as it lies in the file and decompressed.
const MAX_PAGE: u64 = 16 << 20;
/// Pages of all columns that are held at a time.
const MAX_PAGES: u64 = 48 << 20;
/// Rows handed over at a time.
const MAX_BATCH: u64 = 1024;
/// Values of one repeated column in a row group: one row may have all of them.
const MAX_REPEATED: u64 = 1 << 20;
/// Bytes a batch may copy of a column whose values share their beginnings.
const MAX_COPIED: u64 = 8 << 20;

/// Values of a row group for each byte of the file, beyond the free ones: a run of equal values takes no bytes.
const MAX_CELLS_EACH: u64 = 256;
const FREE_CELLS: u64 = 16 << 20;

/// What could not be read, in words.
type Notes = Vec<(Cause, String)>;

/// Hands the rows over; tells how the columns lie in the table, and what was left out.
pub(super) fn feed(
    input: &Input,
    footer: &Footer,
    start: u64,
    end: u64,
    table: &mut Table,
) -> Result<(Layout, Notes), ProbeError> {
    if footer.chunks > MAX_CHUNKS {
        return Err(ReadError::TooLong { wanted: footer.chunks, allowed: MAX_CHUNKS }.into());
    }
    let bytes = read_vec(input.blob, start, end.saturating_sub(start), MAX_FOOTER)?;
    let metadata = guarded("its footer", || metadata(&bytes))?;
    let layout = Layout::new(metadata.schema().fields(), table);
    let file = Chunks(input.shared()?);
    let mut notes = Notes::new();
    let mut left_out = 0usize;
    for number in 0..metadata.metadata().num_row_groups() {
        // Writers of empty tables say of such a group that its chunks lie nowhere.
        if metadata.metadata().row_group(number).num_rows() == 0 {
            continue;
        }
        match group(&file, &metadata, number, start, &layout, table) {
            Ok(further) => left_out = left_out.max(further),
            // What was read stands; whatever follows would fail alike.
            Err(ProbeError::Read(error @ (ReadError::OutOfTime | ReadError::OverBudget(_)))) => {
                table.cut();
                notes.push((Cause::OverBudget, error.to_string()));
                break;
            }
            Err(ProbeError::Read(error @ ReadError::Io(_))) => return Err(error.into()),
            Err(error) => {
                let detail = format!("row group {number}: {error}; its rows were not read to the end");
                table.cut();
                notes.push((Cause::Malformed, detail));
                // Pages of one writer break alike.
                if notes.len() >= 4 {
                    break;
                }
            }
        }
    }
    if left_out > 0 {
        let detail =
            format!("the values of {left_out} of its columns were not read: their pages are too large or too deep");
        notes.push((Cause::OverBudget, detail));
    }
    Ok((layout, notes))
}

/// The library's view of the footer, with texts as views.
fn metadata(footer: &[u8]) -> Result<ArrowReaderMetadata, ParquetError> {
    let skip = ParquetStatisticsPolicy::SkipAll;
    let options = ParquetMetaDataOptions::new()
        .with_column_stats_policy(skip.clone())
        .with_size_stats_policy(skip.clone())
        .with_encoding_stats_policy(skip);
    let metadata = ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options))?;
    let metadata = Arc::new(metadata);
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let inferred = ArrowReaderMetadata::try_new(Arc::clone(&metadata), plain)?;
    let fields: Fields = inferred.schema().fields().iter().map(|field| as_view(field)).collect();
    let wanted = Arc::new(Schema::new_with_metadata(fields, inferred.schema().metadata().clone()));
    let views = ArrowReaderOptions::new().with_schema(wanted);
    ArrowReaderMetadata::try_new(metadata, views).or(Ok(inferred))
}

/// The same field, its texts and bytes as views.
fn as_view(field: &Field) -> Field {
    let inner = |field: &Arc<Field>| Arc::new(as_view(field));
    let kind = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::List(element) => DataType::List(inner(element)),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    };
    field.clone().with_data_type(kind)
}

/// Hands over one row group; tells how many of the leaves were left out.
fn group(
    file: &Chunks,
    metadata: &ArrowReaderMetadata,
    number: usize,
    data_end: u64,
    layout: &Layout,
    table: &mut Table,
) -> Result<usize, ProbeError> {
    let parsed = metadata.metadata();
    let columns = parsed.row_group(number).columns();
    let mut needs: Vec<(u64, usize)> = Vec::new();
    let mut batch = MAX_BATCH;
    let mut broken = None;
    for (leaf, column) in columns.iter().enumerate() {
        match check(file.0.as_ref(), column, data_end) {
            Ok(Some(need)) => {
                batch = batch.min(need.batch);
                needs.push((need.held, leaf));
            }
            Ok(None) => {}
            Err(error @ ProbeError::Read(ReadError::OutOfTime | ReadError::OverBudget(_))) => return Err(error),
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    // The small ones first: names and codes are in them, and measurements in the others.
    needs.sort_unstable();
    let mut held = 0u64;
    needs.retain(|(need, _)| {
        held = held.saturating_add(*need);
        held <= MAX_PAGES
    });
    let leaves: Vec<usize> = needs.iter().map(|(_, leaf)| *leaf).collect();
    let whole = whole_fields(parsed, &leaves, layout.names().len());
    if let Some(error) = broken {
        return Err(error);
    }
    let chosen: Vec<usize> = whole.to_vec();
    let mask = ProjectionMask::roots(parsed.file_metadata().schema_descr(), chosen.iter().copied());
    let rows = u64::try_from(parsed.row_group(number).num_rows()).unwrap_or(0);
    if chosen.is_empty() {
        table.cut();
        return Ok(columns.len());
    }
    let reader = guarded("its pages", || {
        ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata.clone())
            .with_row_groups(vec![number])
            .with_projection(mask)
            .with_batch_size(usize::try_from(batch).unwrap_or(1))
            .build()
    })?;
    let mut reader = reader;
    let before = table.rows();
    let mut cells = 0u64;
    debug_assert_eq!(reader.schema().fields().len(), chosen.len());
    loop {
        let next = guarded("a page", || reader.next().transpose())
            .map_err(|error| file.0.read_at(&mut [0], 0).err().map_or(error, ProbeError::Read))?;
        let Some(batch) = next else { break };
        cells = cells.saturating_add((batch.num_rows() as u64).saturating_mul(leaves.len() as u64));
        if cells > file.0.size().saturating_mul(MAX_CELLS_EACH).saturating_add(FREE_CELLS) {
            return Err(ProbeError::Read(ReadError::OverBudget("has far more values than bytes".to_owned())));
        }
        // Asks the clock too.
        file.0.read_at(&mut [0], 0)?;
        layout.feed(&batch, &chosen, table)?;
    }
    if table.rows().saturating_sub(before) != rows {
        return Err(ProbeError::Malformed("it holds another number of rows than it says".to_owned()));
    }
    Ok(columns.len().saturating_sub(leaves_of(parsed, &chosen)))
}

/// The outermost fields of which every leaf is among those.
fn whole_fields(parsed: &ParquetMetaData, leaves: &[usize], fields: usize) -> Vec<usize> {
    let schema = parsed.file_metadata().schema_descr();
    let mut is_whole = vec![true; fields];
    for leaf in 0..schema.num_columns() {
        if let Some(whole) = is_whole.get_mut(schema.get_column_root_idx(leaf)) {
            *whole &= leaves.contains(&leaf);
        }
    }
    is_whole.iter().enumerate().filter(|(_, whole)| **whole).map(|(at, _)| at).collect()
}

fn leaves_of(parsed: &ParquetMetaData, fields: &[usize]) -> usize {
    let schema = parsed.file_metadata().schema_descr();
    (0..schema.num_columns()).filter(|leaf| fields.contains(&schema.get_column_root_idx(*leaf))).count()
}

/// What reading a column chunk takes.
struct Need {
    /// Bytes held at a time.
    held: u64,
    /// Rows that may be read at a time.
    batch: u64,
}

/// Holds every page of a chunk against the bounds; nothing where it is sound and too large.
fn check(blob: &dyn Blob, column: &ColumnChunkMetaData, data_end: u64) -> Result<Option<Need>, ProbeError> {
    let offset = column.dictionary_page_offset().filter(|offset| *offset > 0);
    let starts = [offset, Some(column.data_page_offset())].into_iter().flatten();
    let start = starts.min().and_then(|start| u64::try_from(start).ok()).filter(|start| *start >= 4);
    let length = u64::try_from(column.compressed_size()).ok();
    let range = start.zip(length).and_then(|(start, length)| Some((start, start.checked_add(length)?)));
    let Some((start, end)) = range.filter(|(_, end)| *end <= data_end) else {
        return Err(ProbeError::Malformed("a column chunk lies outside of the file".to_owned()));
    };
    // The library asserts what is checked here, and takes an offset of zero at its word.
    if column.dictionary_page_offset().is_some_and(|offset| offset <= 0) {
        return Ok(None);
    }
    let wanted = u64::try_from(column.num_values()).map_err(|_| broken())?;
    let is_repeated = column.column_descr().max_rep_level() > 0;
    let is_long = column.column_type() == Type::FIXED_LEN_BYTE_ARRAY && column.column_descr().type_length() > 64;
    if (is_repeated && wanted > MAX_REPEATED) || is_long {
        return Ok(None);
    }
    let mut need = Need { held: 0, batch: MAX_BATCH };
    let (mut largest, mut dictionary, mut values, mut at) = (0u64, 0u64, 0u64, start);
    while at < end && values < wanted {
        let mut thrift = Compact::new(blob, at, end);
        let page = Page::read(&mut thrift)?;
        let body = thrift.cursor.position();
        at = body.checked_add(page.packed).filter(|at| *at <= end).ok_or_else(broken)?;
        if page.packed > MAX_PAGE || page.unpacked > MAX_PAGE {
            return Ok(None);
        }
        if page.is_dictionary {
            // Each value takes four bytes at least, those of a declared length aside.
            let least = if column.column_type() == Type::FIXED_LEN_BYTE_ARRAY { 1 } else { 4 };
            if page.values.saturating_mul(least) > page.unpacked {
                return Err(broken());
            }
            dictionary = page.unpacked.saturating_add(page.values.saturating_mul(16));
        } else {
            values = values.saturating_add(page.values);
            if page.values > wanted {
                return Err(broken());
            }
            largest = largest.max(page.packed.saturating_add(page.unpacked));
            if page.encoding == Some(Encoding::DELTA_BYTE_ARRAY as i64) {
                need.batch = need.batch.min(MAX_COPIED.checked_div(page.unpacked).unwrap_or(MAX_COPIED).max(1));
            }
        }
        unpacks_to(blob, column.compression(), body, &page)?;
    }
    if values != wanted {
        return Err(broken());
    }
    need.held = largest.saturating_add(dictionary);
    Ok(Some(need))
}

/// A page's header.
#[derive(Default)]
struct Page {
    is_dictionary: bool,
    packed: u64,
    unpacked: u64,
    values: u64,
    encoding: Option<i64>,
}

impl Page {
    fn read(thrift: &mut Compact) -> Result<Page, ProbeError> {
        let mut page = Page::default();
        let (mut kind_of_page, mut last) = (None, 0);
        while let Some(kind) = thrift.field(&mut last)? {
            let mut size = || u64::try_from(thrift.number()?).map_err(|_| broken());
            match last {
                1 if kind.is_number() => kind_of_page = Some(size()?),
                2 if kind.is_number() => page.unpacked = size()?,
                3 if kind.is_number() => page.packed = size()?,
                5 | 7 | 8 if kind == Kind::STRUCT => page.details(thrift, last)?,
                _ => thrift.skip(kind)?,
            }
        }
        page.is_dictionary = kind_of_page == Some(2);
        // Pages of an index have no values and no header of their own.
        if matches!(kind_of_page, Some(0 | 2 | 3)) { Ok(page) } else { Err(broken()) }
    }

    fn details(&mut self, thrift: &mut Compact, header: i16) -> Result<(), ProbeError> {
        let encoding = if header == 8 { 4 } else { 2 };
        let mut last = 0;
        while let Some(kind) = thrift.field(&mut last)? {
            if last == 1 && kind.is_number() {
                self.values = u64::try_from(thrift.number()?).map_err(|_| broken())?;
            } else if last == encoding && kind.is_number() {
                self.encoding = Some(thrift.number()?);
            } else {
                thrift.skip(kind)?;
            }
        }
        Ok(())
    }
}

/// Codecs that the library lets inflate for as long as they like: where the packed bytes could become far more than
/// declared, they are inflated into nothing first, up to what is declared.
fn unpacks_to(blob: &dyn Blob, codec: Compression, at: u64, page: &Page) -> Result<(), ProbeError> {
    let most = match codec {
        Compression::GZIP(_) => 1032,
        Compression::LZ4 => 255,
        Compression::BROTLI(_) => u64::MAX,
        _ => return Ok(()),
    };
    if page.packed.saturating_mul(most) <= MAX_PAGE {
        return Ok(());
    }
    let bytes = std::io::BufReader::new(Reader::new(blob, at, page.packed));
    let mut decoder: Box<dyn Read + '_> = match codec {
        Compression::GZIP(_) => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Compression::LZ4 => Box::new(lz4_flex::frame::FrameDecoder::new(bytes)),
        _ => Box::new(brotli_decompressor::Decompressor::new(bytes, 4096)),
    };
    let allowed = page.unpacked.saturating_add(1);
    match std::io::copy(&mut decoder.as_mut().take(allowed), &mut std::io::sink()) {
        Ok(got) if got > page.unpacked => Err(broken()),
        // What does not inflate fails where it is read.
        _ => Ok(()),
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("a page header does not hold".to_owned())
}

/// A blob as the library wants it.
#[derive(Clone)]
struct Chunks(Arc<dyn Blob>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

/// A sequential reader that shares its blob.
struct Shared {
    blob: Arc<dyn Blob>,
    at: u64,
}

impl Read for Shared {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let got = self.blob.read_at(buf, self.at).map_err(std::io::Error::from)?;
        self.at = self.at.saturating_add(got as u64);
        Ok(got)
    }
}

impl ChunkReader for Chunks {
    type T = Shared;

    fn get_read(&self, start: u64) -> Result<Shared, ParquetError> {
        Ok(Shared { blob: Arc::clone(&self.0), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = read_vec(self.0.as_ref(), start, length as u64, MAX_PAGE);
        bytes.map(Bytes::from).map_err(|error| ParquetError::External(Box::new(error)))
    }
}
