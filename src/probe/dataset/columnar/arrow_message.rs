//! Descriptions of Arrow messages that the library's strict reader refuses, written anew.
//!
//! Some writers (Polars before 1.31 with texts kept as views, among others) do not align 64-bit numbers as FlatBuffers
//! asks for. The library refuses such a message whole. What a batch says of itself is a few numbers; they are read by
//! the reader of this house, which holds every position against the buffer, and written as the library expects them.

use arrow_ipc::{
    BodyCompressionBuilder, BodyCompressionMethod, Buffer, CompressionType, DictionaryBatchBuilder, FieldNode,
    MessageBuilder, MessageHeader, MetadataVersion, RecordBatch, RecordBatchBuilder,
};
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::super::super::ProbeError;
use super::super::super::flatbuffer::{Buffer as Tables, Table};
use crate::blob::Memory;

/// The description of a batch or of a dictionary, aligned; nothing of any other message.
pub(super) fn aligned(description: &[u8]) -> Result<Option<Vec<u8>>, ProbeError> {
    let blob = Memory::new(description);
    let mut tables = Tables::new(&blob, 0, description.len() as u64);
    let message = tables.root()?;
    let kind = MessageHeader(tables.byte(message, 1)?.cast_unsigned());
    let version = MetadataVersion(tables.short(message, 0)?);
    let length = tables.long(message, 3)?;
    let Some(header) = tables.table(message, 2)? else { return Ok(None) };
    let mut out = FlatBufferBuilder::new();
    let header = match kind {
        MessageHeader::RecordBatch => batch(&mut tables, header, &mut out)?.as_union_value(),
        MessageHeader::DictionaryBatch => {
            let Some(data) = tables.table(header, 1)? else { return Ok(None) };
            let data = batch(&mut tables, data, &mut out)?;
            let id = tables.long(header, 0)?;
            let is_delta = tables.byte(header, 2)? != 0;
            let mut dictionary = DictionaryBatchBuilder::new(&mut out);
            dictionary.add_id(id);
            dictionary.add_data(data);
            dictionary.add_isDelta(is_delta);
            dictionary.finish().as_union_value()
        }
        _ => return Ok(None),
    };
    let mut message = MessageBuilder::new(&mut out);
    message.add_version(version);
    message.add_header_type(kind);
    message.add_header(header);
    message.add_bodyLength(length);
    let message = message.finish();
    out.finish(message, None);
    Ok(Some(out.finished_data().to_vec()))
}

fn batch<'o>(
    tables: &mut Tables,
    batch: Table,
    out: &mut FlatBufferBuilder<'o>,
) -> Result<WIPOffset<RecordBatch<'o>>, ProbeError> {
    let rows = tables.long(batch, 0)?;
    let nodes: Vec<FieldNode> =
        tables.pairs(batch, 1)?.into_iter().map(|(length, nulls)| FieldNode::new(length, nulls)).collect();
    let buffers: Vec<Buffer> =
        tables.pairs(batch, 2)?.into_iter().map(|(at, length)| Buffer::new(at, length)).collect();
    let variadic = tables.longs(batch, 4)?;
    let nodes = out.create_vector(&nodes);
    let buffers = out.create_vector(&buffers);
    let variadic = (!variadic.is_empty()).then(|| out.create_vector(&variadic));
    let compression = match tables.table(batch, 3)? {
        Some(compression) => {
            let codec = CompressionType(tables.byte(compression, 0)?);
            let method = BodyCompressionMethod(tables.byte(compression, 1)?);
            let mut compression = BodyCompressionBuilder::new(out);
            compression.add_codec(codec);
            compression.add_method(method);
            Some(compression.finish())
        }
        None => None,
    };
    let mut batch = RecordBatchBuilder::new(out);
    batch.add_length(rows);
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    if let Some(variadic) = variadic {
        batch.add_variadicBufferCounts(variadic);
    }
    if let Some(compression) = compression {
        batch.add_compression(compression);
    }
    Ok(batch.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of three rows, as the library writes it.
    fn written() -> Vec<u8> {
        let mut out = FlatBufferBuilder::new();
        let nodes = out.create_vector(&[FieldNode::new(3, 1)]);
        let buffers = out.create_vector(&[Buffer::new(0, 8), Buffer::new(8, 24)]);
        let counts = out.create_vector(&[2i64]);
        let mut batch = RecordBatchBuilder::new(&mut out);
        batch.add_length(3);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        batch.add_variadicBufferCounts(counts);
        let batch = batch.finish().as_union_value();
        let mut message = MessageBuilder::new(&mut out);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(MessageHeader::RecordBatch);
        message.add_header(batch);
        message.add_bodyLength(32);
        let message = message.finish();
        out.finish(message, None);
        out.finished_data().to_vec()
    }

    #[test]
    fn what_is_moved_off_its_alignment_is_read_all_the_same() {
        let honest = written();
        // Everything four bytes on, with the first offset put right.
        let root = u32::from_le_bytes(*honest.first_chunk().unwrap());
        let moved = [&(root + 4).to_le_bytes()[..], &[0; 4], &honest[4..]].concat();
        assert!(arrow_ipc::root_as_message(&moved).is_err());
        let again = aligned(&moved).unwrap().unwrap();
        let message = arrow_ipc::root_as_message(&again).unwrap();
        let batch = message.header_as_record_batch().unwrap();
        assert_eq!((message.bodyLength(), batch.length()), (32, 3));
        assert_eq!(batch.nodes().unwrap().get(0).null_count(), 1);
        assert_eq!(batch.buffers().unwrap().get(1).length(), 24);
        assert_eq!(batch.variadicBufferCounts().unwrap().get(0), 2);
    }

    #[test]
    fn broken_descriptions_are_refused_and_cost_nothing() {
        let honest = written();
        for at in 0..honest.len() {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = honest.clone();
                bytes[at] = value;
                let _ = aligned(&bytes);
            }
            let _ = aligned(&honest[..at]);
        }
    }
}
