//! Opens one container and hands out its members.
//!
//! Never here: recursion (only the engine descends), a decision on what a member is worth, a byte written anywhere. An
//! unpacker does not hold limits either: every reader it hands out is metered by the engine, which stops it by an
//! answer or by an error from below.
//!
//! To add a container: a signature with `unpack = "<id>"`, a file here, a row in [`UNPACKERS`].
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod codec;
mod sevenz;
mod tar;
mod zip;

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

pub use crate::archive::tar::plain_name;
use crate::blob::{Blob, ReadError};
use crate::model::Cause;

/// A member of a container.
pub enum Member<'a> {
    /// Its bytes lie uncompressed in the container.
    Range {
        /// Its name as stored.
        name: Vec<u8>,
        /// Where it begins.
        offset: u64,
        /// Its bytes.
        size: u64,
    },
    /// Its bytes must be decoded, once and in order.
    Stream {
        /// Its name as stored.
        name: Vec<u8>,
        /// Bytes, where the container says.
        size: Option<u64>,
        /// Bytes it takes in the container, where that can be told.
        packed: Option<u64>,
        /// Whether passing over it costs as much as reading it, so that the engine must do it.
        solid: bool,
        /// Its bytes.
        reader: &'a mut dyn Read,
    },
    /// Another name of a member, whose bytes are met where they lie.
    Link {
        /// Its name as stored.
        name: Vec<u8>,
        /// The plain name of the member it leads to.
        target: Vec<u8>,
    },
    /// It has no bytes of its own: a device, a link that leads out of the container.
    Counted(&'static str),
    /// It cannot be read.
    Closed {
        /// Its name as stored.
        name: Vec<u8>,
        /// Why.
        cause: Cause,
        /// The same in words.
        detail: String,
    },
}

/// Receives members, and may stop the unpacker.
pub type Visit<'v> = &'v mut dyn FnMut(Member<'_>) -> ControlFlow<()>;

/// Why a container was not opened, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is not such a container after all.
    #[error("not such a container")]
    NotMine,
    /// It ends before anything came out of it: cut, or not such a container after all.
    #[error("ends before anything came out of it")]
    Barren,
    /// Its structure does not hold.
    #[error("{0}")]
    Malformed(String),
    /// It ends before its structure does.
    #[error("{0}")]
    Truncated(String),
    /// Its keys are needed.
    #[error("encrypted: what is in it cannot be seen without the key")]
    Encrypted,
    /// A variant that is not read.
    #[error("{0}")]
    Unsupported(String),
    /// Its bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Opens a blob and hands out its members.
type OpenBlob = fn(&Arc<dyn Blob>, Visit) -> Result<(), UnpackError>;
/// Reads a stream once through and hands out its members.
type OpenStream = fn(&mut dyn Read, Visit) -> Result<(), UnpackError>;
/// Wraps a stream in its decoder.
type Decode = for<'r> fn(Box<dyn Read + 'r>) -> std::io::Result<Box<dyn Read + 'r>>;

/// The two things a container can be.
pub enum Open {
    /// Members with names.
    Archive {
        /// From bytes that can be read anywhere.
        blob: OpenBlob,
        /// From a stream, where the format permits that; otherwise the engine spools it.
        stream: Option<OpenStream>,
    },
    /// One content, compressed: what comes out stands at the same place under the same name, less its ending.
    Codec {
        /// The decoder.
        decode: Decode,
        /// Endings that say no more than the compression; `tgz` leaves `tar` behind.
        endings: &'static [(&'static str, &'static str)],
    },
}

/// An unpacker.
pub struct Unpacker {
    /// Its id; signatures name it.
    pub id: &'static str,
    /// How it opens.
    pub open: Open,
}

/// What is recognised so that it can be said that it was not opened.
const UNSUPPORTED: Unpacker = Unpacker {
    id: "unsupported",
    open: Open::Archive {
        blob: |_, _| {
            Err(UnpackError::Unsupported("a container this version does not open; unpack it and scan that".to_owned()))
        },
        stream: None,
    },
};

/// What is recognised so that it can be said that it needs a key.
const ENCRYPTED: Unpacker =
    Unpacker { id: "encrypted", open: Open::Archive { blob: |_, _| Err(UnpackError::Encrypted), stream: None } };

/// Every unpacker, by id.
pub const UNPACKERS: &[Unpacker] = &[
    codec::BZIP2,
    ENCRYPTED,
    codec::GZIP,
    codec::LZ4,
    codec::LZMA,
    sevenz::SEVENZ,
    tar::TAR,
    UNSUPPORTED,
    codec::XZ,
    zip::ZIP,
    codec::ZLIB,
    codec::ZSTD,
];

/// The unpacker a signature names.
pub fn of(id: &str) -> Option<&'static Unpacker> {
    UNPACKERS.iter().find(|unpacker| unpacker.id == id)
}
