//! zip: stored members are ranges of it, the others streams.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Member, Open, UnpackError, Unpacker, Visit};
use crate::archive::zip::{Directory, Member as Row, Method, ZipError};
use crate::blob::{Blob, Reader};
use crate::model::Cause;

pub(super) const ZIP: Unpacker = Unpacker { id: "zip", open: Open::Archive { blob: open, stream: None } };

fn open(blob: &Arc<dyn Blob>, visit: Visit) -> Result<(), UnpackError> {
    let directory = Directory::read(blob.as_ref())?;
    let overlapping = directory.overlapping();
    for (index, row) in directory.members.iter().enumerate() {
        if row.is_directory() || overlapping.contains(&index) {
            continue;
        }
        if member(blob, &directory, row, visit).is_break() {
            return Ok(());
        }
    }
    match overlapping.len() {
        0 => Ok(()),
        // Said once for all of them: there may be a million.
        count => Err(UnpackError::Malformed(format!("the bytes of {count} of its members overlap others: not opened"))),
    }
}

fn member(blob: &Arc<dyn Blob>, directory: &Directory, row: &Row, visit: Visit) -> ControlFlow<()> {
    let name = row.name.clone();
    let closed = |cause: Cause, detail: String| Member::Closed { name: row.name.clone(), cause, detail };
    if row.encrypted {
        return visit(closed(Cause::Encrypted, "an encrypted zip member".to_owned()));
    }
    let at = match directory.data_offset(blob.as_ref(), row) {
        Ok(at) => at,
        Err(error) => return visit(closed(Cause::Malformed, error.to_string())),
    };
    if at.checked_add(row.packed).is_none_or(|end| end > blob.size()) {
        return visit(closed(Cause::Truncated, "a zip member that goes on past the end of the archive".to_owned()));
    }
    if row.method == Method::Stored {
        return visit(Member::Range { name, offset: at, size: row.size });
    }
    match decoder(row.method, Reader::new(blob.as_ref(), at, row.packed)) {
        Some(mut decoder) => visit(Member::Stream {
            name,
            size: Some(row.size),
            packed: Some(row.packed),
            solid: false,
            reader: decoder.as_mut(),
        }),
        None => {
            visit(closed(Cause::Unsupported, format!("zip compression {:?}; extract it and scan the file", row.method)))
        }
    }
}

fn decoder<'a>(method: Method, reader: Reader<'a>) -> Option<Box<dyn Read + 'a>> {
    match method {
        Method::Deflate => Some(Box::new(flate2::read::DeflateDecoder::new(reader))),
        Method::Bzip2 => Some(Box::new(bzip2::read::BzDecoder::new(reader))),
        Method::Xz => Some(Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, super::codec::LZMA_MEMORY_KIB))),
        Method::Zstd => zstd::stream::read::Decoder::new(reader).ok().map(|decoder| Box::new(decoder) as _),
        Method::Stored | Method::Lzma | Method::Other(_) => None,
    }
}

impl From<ZipError> for UnpackError {
    fn from(error: ZipError) -> UnpackError {
        match error {
            ZipError::Read(error) => UnpackError::Read(error),
            ZipError::NoDirectory => UnpackError::Truncated(error.to_string()),
            other => UnpackError::Malformed(other.to_string()),
        }
    }
}
