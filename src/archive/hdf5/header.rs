//! Object headers: lists of messages, in blocks that continue one another.

use super::message::{CONTINUATION, Message};
use super::{Bytes, File, Hdf5Error};

/// Most messages of one object.
const MAX_MESSAGES: usize = 10_000;
/// Most blocks of one object's header.
const MAX_BLOCKS: usize = 1_000;

impl File<'_> {
    /// The messages of the object at `address`, in order.
    pub(super) fn messages(&mut self, address: u64) -> Result<Vec<Message>, Hdf5Error> {
        let start = self.bytes_up_to(address, 64)?;
        let mut bytes = Bytes::new(&start);
        if start.starts_with(b"OHDR") {
            bytes.skip(4)?;
            self.second_kind(address, bytes, start.len())
        } else {
            self.first_kind(address, bytes)
        }
    }

    /// Version 1: every message has eight bytes of its own in front, continuations are plain lists.
    fn first_kind(&mut self, address: u64, mut bytes: Bytes) -> Result<Vec<Message>, Hdf5Error> {
        if bytes.u8()? != 1 {
            return Err(Hdf5Error::Malformed("no object stands where one should"));
        }
        bytes.skip(7)?;
        let length = u64::from(bytes.u32()?);
        let mut blocks = vec![(address.saturating_add(16), length)];
        let mut messages = Vec::new();
        let mut next = 0usize;
        while let Some(&(at, length)) = blocks.get(next) {
            next = next.saturating_add(1);
            let block = self.bytes(at, length)?;
            let mut bytes = Bytes::new(&block);
            while bytes.rest.len() >= 8 {
                let kind = bytes.u16()?;
                let size = usize::from(bytes.u16()?);
                let flags = bytes.u8()?;
                bytes.skip(3)?;
                let body = bytes.take(size)?;
                self.push(&mut messages, &mut blocks, kind, flags, body, 0)?;
            }
        }
        Ok(messages)
    }

    /// Version 2: a signature and a checksum around each block, messages packed.
    fn second_kind(&mut self, address: u64, mut bytes: Bytes, read: usize) -> Result<Vec<Message>, Hdf5Error> {
        if bytes.u8()? != 2 {
            return Err(Hdf5Error::Unsupported("a newer object header"));
        }
        let flags = bytes.u8()?;
        if flags & 0x20 != 0 {
            bytes.skip(16)?;
        }
        if flags & 0x10 != 0 {
            bytes.skip(4)?;
        }
        let length = bytes.number(1usize << (flags & 3))?;
        let front = read.saturating_sub(bytes.rest.len()) as u64;
        let ordered = flags & 0x04 != 0;
        let mut blocks = vec![(address.saturating_add(front), length)];
        let mut messages = Vec::new();
        let mut next = 0usize;
        while let Some(&(at, length)) = blocks.get(next) {
            let block = self.bytes(at, length)?;
            let mut bytes = Bytes::new(&block);
            if next > 0 {
                if bytes.take(4)? != b"OCHK" {
                    return Err(Hdf5Error::Malformed("a header is not continued where it says"));
                }
                bytes.rest = bytes.rest.get(..bytes.rest.len().saturating_sub(4)).unwrap_or_default();
            }
            next = next.saturating_add(1);
            // What is too short for a message is a gap.
            while bytes.rest.len() >= if ordered { 6 } else { 4 } {
                let kind = u16::from(bytes.u8()?);
                let size = usize::from(bytes.u16()?);
                let flags = bytes.u8()?;
                if ordered {
                    bytes.skip(2)?;
                }
                let body = bytes.take(size)?;
                self.push(&mut messages, &mut blocks, kind, flags, body, 8)?;
            }
        }
        Ok(messages)
    }

    fn push(
        &mut self,
        messages: &mut Vec<Message>,
        blocks: &mut Vec<(u64, u64)>,
        kind: u16,
        flags: u8,
        body: &[u8],
        least: u64,
    ) -> Result<(), Hdf5Error> {
        if kind == CONTINUATION {
            let mut body = Bytes::new(body);
            let (at, length) = (body.number(self.offset_size)?, body.number(self.length_size)?);
            if blocks.len() >= MAX_BLOCKS || length < least {
                return Err(Hdf5Error::TooLarge("parts of an object's header"));
            }
            blocks.push((at, length));
        } else if kind != 0 {
            if messages.len() >= MAX_MESSAGES {
                return Err(Hdf5Error::TooLarge("messages of an object"));
            }
            messages.push(Message { kind, is_shared: flags & 2 != 0, body: body.to_vec() });
        }
        Ok(())
    }
}
