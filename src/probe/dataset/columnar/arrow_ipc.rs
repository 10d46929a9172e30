//! Arrow's interprocess format, as a stream of messages and as a file, which is the same stream with a footer; Feather 2
//! is the file.
//!
//! Follows the columnar format document of Apache Arrow, versions 0.8 to 1.5 of it. The messages are walked here, from
//! the first one on: their lengths, and those of everything a batch declares, are held against the file and the bounds
//! below before the library decodes a batch. Rows are counted from the messages alone.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{MessageHeader, MetadataVersion};
use arrow_schema::{Schema, SchemaRef};

use super::super::super::{Finding, Input, ProbeError};
use super::arrow_rows::Layout;
use super::guarded;
use crate::blob::{Cursor, ReadError, read_vec};
use crate::model::{Cause, Dataset, Fact};
use crate::table::Table;

const MAGIC: &[u8] = b"ARROW1";
/// Before the length of every message since version 0.15.
const CONTINUATION: u32 = 0xffff_ffff;
/// Largest description of a message: a schema of a hundred thousand columns has some ten.
const MAX_DESCRIPTION: u64 = 16 << 20;
/// Largest batch that is decoded, as it lies in the file and decompressed.
const MAX_BATCH: u64 = 64 << 20;
/// All dictionaries together, and how many batches may add to them.
const MAX_DICTIONARIES: u64 = 64 << 20;
const MAX_ADDITIONS: u64 = 4096;

/// Reads a file.
pub(crate) fn file(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let size = input.blob.size();
    if input.blob.is_open_ended() {
        return Err(ReadError::NeedMore { kept: size }.into());
    }
    // The footer repeats where batches lie; that it is there says that the file is whole.
    let mut end = size;
    let mut cut = true;
    if let Some(at) = size.checked_sub(10).filter(|at| *at >= 8) {
        let mut cursor = Cursor::new(input.blob, at);
        let length = u64::from(cursor.u32()?);
        if cursor.array::<6>()?.as_slice() == MAGIC {
            cut = false;
            end = at.checked_sub(length).filter(|end| *end >= 8).ok_or_else(|| broken("its footer"))?;
        }
    }
    let mut finding = read(input, 8, end)?;
    if cut && finding.notes.is_empty() {
        finding.notes.push((Cause::Truncated, "ends without its footer".to_owned()));
    }
    Ok(finding)
}

/// Reads a stream.
pub(crate) fn stream(input: &Input) -> Result<Finding, ProbeError> {
    read(input, 0, u64::MAX)
}

/// The messages from `start` to `end`.
fn read(input: &Input, start: u64, end: u64) -> Result<Finding, ProbeError> {
    let mut walk = Walk { input, cursor: Cursor::new(input.blob, start).ending_at(end), at_rest: true };
    let Some(first) = walk.next()? else { return Err(ProbeError::NotMine) };
    let schema = first.schema()?;
    if first.body > 0 {
        return Err(broken("its schema"));
    }
    let mut table = input.table();
    let layout = Layout::new(schema.fields(), &mut table);
    let mut batches =
        Batches { schema, layout, dictionaries: HashMap::new(), held: 0, additions: 0, count: 0, rows: 0, left_out: 0 };
    let outcome = batches.read(&mut walk, &mut table);
    if outcome.is_err() || batches.left_out > 0 {
        table.cut();
    }
    let mut facts = batches.layout.finish(table);
    facts.row_count = Some(batches.rows);
    facts.row_count_estimated = outcome.is_err();
    let dataset = Dataset { table: facts, batches: Some(batches.count), ..Dataset::default() };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if batches.left_out > 0 {
        let detail =
            format!("the rows of {} batches were not read: they are too large or do not hold", batches.left_out);
        finding.notes.push((Cause::OverBudget, detail));
    }
    if let Err(ProbeError::Read(error @ (ReadError::OutOfTime | ReadError::OverBudget(_)))) = outcome {
        finding.notes.push((Cause::OverBudget, error.to_string()));
        return Ok(finding);
    }
    finding.noting(outcome)
}

/// A message without its body.
struct Message {
    description: Vec<u8>,
    /// Where the body lies, and its length.
    at: u64,
    body: u64,
}

impl Message {
    fn header(&self) -> Result<arrow_ipc::Message<'_>, ProbeError> {
        arrow_ipc::root_as_message(&self.description).map_err(|_| broken("a message"))
    }

    fn schema(&self) -> Result<SchemaRef, ProbeError> {
        let schema = self.header()?.header_as_schema().ok_or(ProbeError::NotMine)?;
        guarded("its schema", || try_fb_to_schema(schema).map(Arc::new))
    }
}

/// Messages one after the other.
struct Walk<'w, 'i> {
    input: &'w Input<'i>,
    cursor: Cursor<'i>,
    /// Whether nothing was read yet.
    at_rest: bool,
}

impl Walk<'_, '_> {
    /// The next message; nothing at the end of the stream, said or reached.
    fn next(&mut self) -> Result<Option<Message>, ProbeError> {
        let first = std::mem::replace(&mut self.at_rest, false);
        let wrong = || if first { ProbeError::NotMine } else { broken("a message") };
        if self.cursor.remaining() == 0 && !self.input.blob.is_open_ended() {
            return Ok(None);
        }
        let mut length = self.cursor.u32()?;
        if length == CONTINUATION {
            length = self.cursor.u32()?;
        }
        if length == 0 {
            return Ok(None);
        }
        let length = u64::from(length);
        if first && length > MAX_DESCRIPTION || length < 16 || length % 4 != 0 {
            return Err(wrong());
        }
        let description = self.cursor.vec(length, MAX_DESCRIPTION)?;
        let body = arrow_ipc::root_as_message(&description).map_err(|_| wrong())?.bodyLength();
        let body = u64::try_from(body).map_err(|_| wrong())?;
        let at = self.cursor.position();
        Ok(Some(Message { description, at, body }))
    }
}

/// The batches of a stream.
struct Batches {
    schema: Arc<Schema>,
    layout: Layout,
    dictionaries: HashMap<i64, ArrayRef>,
    /// Bytes of the dictionaries, and batches that made them.
    held: u64,
    additions: u64,
    count: u64,
    rows: u64,
    /// Batches whose rows were not read.
    left_out: u64,
}

impl Batches {
    fn read(&mut self, walk: &mut Walk, table: &mut Table) -> Result<(), ProbeError> {
        while let Some(message) = walk.next()? {
            let header = message.header()?;
            let version = header.version();
            match header.header_type() {
                MessageHeader::RecordBatch => {
                    let batch = header.header_as_record_batch().ok_or_else(|| broken("a batch"))?;
                    let rows = u64::try_from(batch.length()).map_err(|_| broken("a batch"))?;
                    // Before it counts, its body must be there.
                    walk.cursor.skip(message.body)?;
                    self.count = self.count.saturating_add(1);
                    self.rows = self.rows.checked_add(rows).ok_or_else(|| broken("a batch"))?;
                    if walk.input.rows && self.rows(walk.input, &message, batch, version, table)?.is_none() {
                        self.left_out = self.left_out.saturating_add(1);
                    }
                }
                MessageHeader::DictionaryBatch => {
                    let batch = header.header_as_dictionary_batch().ok_or_else(|| broken("a dictionary"))?;
                    walk.cursor.skip(message.body)?;
                    if walk.input.rows {
                        self.dictionary(walk.input, &message, batch, version)?;
                    }
                }
                MessageHeader::Schema => return Err(broken("a second schema")),
                _ => walk.cursor.skip(message.body)?,
            }
        }
        Ok(())
    }

    /// Hands over the rows of a batch; nothing where they are not read.
    fn rows(
        &self,
        input: &Input,
        message: &Message,
        batch: arrow_ipc::RecordBatch,
        version: MetadataVersion,
        table: &mut Table,
    ) -> Result<Option<()>, ProbeError> {
        let Some((body, unpacked)) = body(input, message, batch, MAX_BATCH)? else { return Ok(None) };
        let rows = u64::try_from(batch.length()).unwrap_or(u64::MAX);
        // A row takes a bit at least, unless all of its columns are of the type that has no values.
        if rows > unpacked.saturating_mul(8).saturating_add(1024) {
            return Ok(None);
        }
        let schema = Arc::clone(&self.schema);
        let decoded =
            guarded("a batch", || read_record_batch(&body, batch, schema, &self.dictionaries, None, &version));
        let Ok(decoded) = decoded else { return Ok(None) };
        let chosen: Vec<usize> = (0..decoded.num_columns()).collect();
        guarded("a batch", || {
            self.layout.feed(&decoded, &chosen, table)?;
            Ok::<(), ProbeError>(())
        })?;
        Ok(Some(()))
    }

    fn dictionary(
        &mut self,
        input: &Input,
        message: &Message,
        batch: arrow_ipc::DictionaryBatch,
        version: MetadataVersion,
    ) -> Result<(), ProbeError> {
        let data = batch.data().ok_or_else(|| broken("a dictionary"))?;
        self.additions = self.additions.saturating_add(1);
        let left = MAX_DICTIONARIES.saturating_sub(self.held);
        // The batches that need one that was left out fail to decode, and are counted.
        let Some((body, unpacked)) = body(input, message, data, left)? else { return Ok(()) };
        let values = u64::try_from(data.length()).unwrap_or(u64::MAX);
        if self.additions > MAX_ADDITIONS || values > unpacked.saturating_mul(8).saturating_add(1024) {
            return Ok(());
        }
        self.held = self.held.saturating_add(unpacked);
        guarded("a dictionary", || read_dictionary(&body, batch, &self.schema, &mut self.dictionaries, &version))
    }
}

/// A body, and its bytes when decompressed; nothing where it is larger than allowed.
fn body(
    input: &Input,
    message: &Message,
    batch: arrow_ipc::RecordBatch,
    allowed: u64,
) -> Result<Option<(Buffer, u64)>, ProbeError> {
    if message.body > allowed {
        return Ok(None);
    }
    let bytes = read_vec(input.blob, message.at, message.body, allowed)?;
    let mut unpacked = message.body;
    if batch.compression().is_some() {
        for buffer in batch.buffers().into_iter().flatten().filter(|buffer| buffer.length() > 0) {
            let at = usize::try_from(buffer.offset()).ok();
            let prefix = at.and_then(|at| bytes.get(at..)).and_then(|bytes| bytes.first_chunk::<8>());
            let declared = prefix.map(|prefix| i64::from_le_bytes(*prefix)).ok_or_else(|| broken("a batch"))?;
            // -1 says that the buffer is not compressed after all.
            unpacked = unpacked.saturating_add(u64::try_from(declared).unwrap_or(0));
        }
    }
    Ok((unpacked <= allowed.saturating_mul(2)).then(|| (Buffer::from(bytes), unpacked)))
}

fn broken(what: &str) -> ProbeError {
    ProbeError::Malformed(format!("{what} does not hold"))
}
