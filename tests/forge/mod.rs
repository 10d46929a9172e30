//! Tiny writers of real files, for tests: a case that no tool would write, or that is too large to keep, is forged.
//!
//! Each writer does only what the tests ask of it, and says where it follows a real one. Nothing here is clever: what a
//! test reads must be checkable by eye.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "each test binary uses its part of the forge, and a writer that fails has failed the test"
)]

/// Bytes into a container.
pub type Wrap = fn(&[u8]) -> Vec<u8>;

pub mod checked;
pub mod codec;
pub mod place;
pub mod runs;
pub mod safetensors;
pub mod sevenz;
pub mod table;
pub mod tar;
pub mod torch;
pub mod zip;

use std::io::{Seek, SeekFrom, Write};

/// Bytes to write: given, or a hole of that many zeros, which takes no room where the file system knows holes.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    Bytes(&'a [u8]),
    Hole(u64),
}

impl Body<'_> {
    pub fn len(&self) -> u64 {
        match self {
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Hole(len) => *len,
        }
    }

    pub fn write(&self, out: &mut (impl Write + Seek)) {
        match self {
            Body::Bytes(bytes) => out.write_all(bytes).unwrap(),
            Body::Hole(len) => drop(out.seek(SeekFrom::Current(i64::try_from(*len).unwrap())).unwrap()),
        }
    }
}
