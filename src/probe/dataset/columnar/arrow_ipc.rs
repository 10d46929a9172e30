//! Arrow's interprocess format, as a stream of messages and as a file, which is the same stream with a footer; Feather 2
//! is the file.
//!
//! Follows the columnar format document of Apache Arrow, versions 0.8 to 1.5 of it. A stream's messages are walked here
//! from the first one on; a file's are taken from where its footer says that they lie, since not every writer puts the
//! schema before them (Polars does not), and walked where there is no footer any more. Their lengths, and those of
//! everything a batch declares, are held against the file and the bounds below before the library decodes a batch. Rows
//! are counted from the messages alone.

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
use super::{arrow_message, guarded};
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
    if let Some((schema, blocks)) = footer(input)? {
        return read(input, schema, Walk { input, next: Next::Blocks(blocks.into_iter()) });
    }
    // Without it, what was written before it is there.
    let cursor = Cursor::new(input.blob, 8);
    let mut finding = streamed(input, cursor).map_err(|error| match error {
        ProbeError::NotMine => broken("its beginning"),
        other => other,
    })?;
    if finding.notes.is_empty() {
        finding.notes.push((Cause::Truncated, "ends without its footer".to_owned()));
    }
    Ok(finding)
}

/// Where a message lies: its description, with the length before it, and its body.
#[derive(Clone, Copy)]
struct Block {
    at: u64,
    description: u64,
    body: u64,
}

impl Block {
    fn of(block: &arrow_ipc::Block) -> Option<Block> {
        Some(Block {
            at: block.offset().try_into().ok()?,
            description: block.metaDataLength().try_into().ok()?,
            body: block.bodyLength().try_into().ok()?,
        })
    }

    fn end(&self) -> Option<u64> {
        self.at.checked_add(self.description)?.checked_add(self.body)
    }
}

/// The schema of a file and where its messages lie, dictionaries first; nothing where the file was cut.
fn footer(input: &Input) -> Result<Option<(SchemaRef, Vec<Block>)>, ProbeError> {
    let Some(at) = input.blob.size().checked_sub(10).filter(|at| *at >= 8) else { return Ok(None) };
    let mut cursor = Cursor::new(input.blob, at);
    let length = u64::from(cursor.u32()?);
    if cursor.array::<6>()?.as_slice() != MAGIC {
        return Ok(None);
    }
    let start = at.checked_sub(length).filter(|start| *start >= 8).ok_or_else(|| broken("its footer"))?;
    let bytes = read_vec(input.blob, start, length, MAX_DESCRIPTION)?;
    let footer = arrow_ipc::root_as_footer(&bytes).map_err(|_| broken("its footer"))?;
    let schema = footer.schema().ok_or_else(|| broken("its footer"))?;
    let schema = guarded("its schema", || try_fb_to_schema(schema).map(Arc::new))?;
    let listed = footer.dictionaries().into_iter().chain(footer.recordBatches()).flatten();
    let blocks: Option<Vec<Block>> = listed.map(Block::of).collect();
    let blocks = blocks.ok_or_else(|| broken("its footer"))?;
    // No byte belongs to two messages: a footer cannot have one of them read a thousand times.
    let mut ends: Vec<(u64, Option<u64>)> = blocks.iter().map(|block| (block.at, block.end())).collect();
    ends.sort_unstable();
    let mut from = 8;
    for (at, end) in ends {
        from = end.filter(|end| at >= from && *end <= start).ok_or_else(|| broken("its footer"))?;
    }
    Ok(Some((schema, blocks)))
}

/// Reads a stream.
pub(crate) fn stream(input: &Input) -> Result<Finding, ProbeError> {
    streamed(input, Cursor::new(input.blob, 0))
}

/// The messages from the cursor on, the first of which is the schema.
fn streamed<'i>(input: &Input<'i>, cursor: Cursor<'i>) -> Result<Finding, ProbeError> {
    let mut walk = Walk { input, next: Next::Streamed { cursor, at_rest: true } };
    let Some(first) = walk.next()? else { return Err(ProbeError::NotMine) };
    let schema = first.schema()?;
    if first.body > 0 {
        return Err(broken("its schema"));
    }
    read(input, schema, walk)
}

/// The batches of a walk.
fn read(input: &Input, schema: SchemaRef, mut walk: Walk) -> Result<Finding, ProbeError> {
    let mut table = input.table();
    let layout = Layout::new(schema.fields(), &mut table);
    let mut batches =
        Batches { schema, layout, dictionaries: HashMap::new(), held: 0, additions: 0, count: 0, rows: 0, left_out: 0 };
    let outcome = batches.read(&mut walk, &mut table);
    if outcome.is_err() || batches.left_out > 0 {
        table.cut();
    }
    let mut facts = batches.layout.finish(table);
    // Where not even one batch could be read, nothing is known of the others.
    facts.row_count = (outcome.is_ok() || batches.count > 0).then_some(batches.rows);
    facts.row_count_estimated = outcome.is_err() && batches.count > 0;
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
    next: Next<'i>,
}

/// Where the next message lies.
enum Next<'i> {
    /// Behind the last one.
    Streamed {
        cursor: Cursor<'i>,
        /// Whether nothing was read yet.
        at_rest: bool,
    },
    /// Where the footer says.
    Blocks(std::vec::IntoIter<Block>),
}

impl Walk<'_, '_> {
    /// The next message; nothing at the end of the stream, said or reached. Its body is there.
    fn next(&mut self) -> Result<Option<Message>, ProbeError> {
        match &mut self.next {
            Next::Streamed { cursor, at_rest } => {
                let first = std::mem::replace(at_rest, false);
                let wrong = || if first { ProbeError::NotMine } else { broken("a message") };
                if cursor.remaining() == 0 && !self.input.blob.is_open_ended() {
                    return Ok(None);
                }
                let Some(description) = description(cursor, first)? else { return Ok(None) };
                let (description, body) = checked(description).map_err(|_| wrong())?;
                let at = cursor.position();
                cursor.skip(body)?;
                Ok(Some(Message { description, at, body }))
            }
            Next::Blocks(blocks) => {
                let Some(block) = blocks.next() else { return Ok(None) };
                let at = block.at.saturating_add(block.description);
                let mut cursor = Cursor::new(self.input.blob, block.at).ending_at(at);
                let description = description(&mut cursor, false)?.ok_or_else(|| broken("a message"))?;
                let (description, body) = checked(description)?;
                if body > block.body {
                    return Err(broken("a message"));
                }
                Ok(Some(Message { description, at, body }))
            }
        }
    }
}

/// The description at the cursor; nothing where the stream says that it ends.
fn description(cursor: &mut Cursor, first: bool) -> Result<Option<Vec<u8>>, ProbeError> {
    let mut length = cursor.u32()?;
    if length == CONTINUATION {
        length = cursor.u32()?;
    }
    if length == 0 {
        return Ok(None);
    }
    let length = u64::from(length);
    if first && length > MAX_DESCRIPTION || length < 16 || length % 4 != 0 {
        return Err(if first { ProbeError::NotMine } else { broken("a message") });
    }
    Ok(Some(cursor.vec(length, MAX_DESCRIPTION)?))
}

/// A description that the library reads, and the length of the body.
fn checked(description: Vec<u8>) -> Result<(Vec<u8>, u64), ProbeError> {
    let description = match arrow_ipc::root_as_message(&description) {
        Ok(_) => description,
        Err(_) => arrow_message::aligned(&description)?.ok_or_else(|| broken("a message"))?,
    };
    let body = arrow_ipc::root_as_message(&description).map_err(|_| broken("a message"))?.bodyLength();
    let body = u64::try_from(body).map_err(|_| broken("a message"))?;
    Ok((description, body))
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
                    self.count = self.count.saturating_add(1);
                    self.rows = self.rows.checked_add(rows).ok_or_else(|| broken("a batch"))?;
                    if walk.input.rows && self.rows(walk.input, &message, batch, version, table)?.is_none() {
                        self.left_out = self.left_out.saturating_add(1);
                    }
                }
                MessageHeader::DictionaryBatch => {
                    let batch = header.header_as_dictionary_batch().ok_or_else(|| broken("a dictionary"))?;
                    if walk.input.rows {
                        self.dictionary(walk.input, &message, batch, version)?;
                    }
                }
                MessageHeader::Schema => return Err(broken("a second schema")),
                _ => {}
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
    let lies_within = |buffer: &arrow_ipc::Buffer| {
        let (at, length) = (u64::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?);
        at.checked_add(length).filter(|end| *end <= message.body)
    };
    if batch.buffers().into_iter().flatten().any(|buffer| lies_within(buffer).is_none()) {
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
