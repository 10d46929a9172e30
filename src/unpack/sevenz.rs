//! 7z: folders of members that are compressed together, so that passing over a member costs as much as reading it.
//!
//! The crate sets no bound on dictionaries; they are zeroed pages that are only touched as bytes come out, and those
//! the engine meters.

use std::ops::ControlFlow;
use std::sync::Arc;

use sevenz_rust2::{Archive, BlockDecoder, Error, Password};

use super::{Member, Open, UnpackError, Unpacker, Visit};
use crate::blob::{Blob, ReadError, Reader};
use crate::model::Cause;

pub(super) const SEVENZ: Unpacker = Unpacker { id: "7z", open: Open::Archive { blob: open, stream: None } };

fn open(blob: &Arc<dyn Blob>, visit: Visit) -> Result<(), UnpackError> {
    let mut source = Reader::new(blob.as_ref(), 0, u64::MAX);
    let password = Password::empty();
    let archive = Archive::read(&mut source, &password)?;
    for index in 0..archive.blocks.len() {
        let mut stopped = false;
        let mut each = |entry: &sevenz_rust2::ArchiveEntry, reader: &mut dyn std::io::Read| {
            if entry.is_directory {
                return Ok(true);
            }
            let told = visit(Member::Stream {
                name: entry.name.clone().into_bytes(),
                size: Some(entry.size),
                packed: None,
                solid: true,
                reader,
            });
            stopped = told.is_break();
            Ok(!stopped)
        };
        let block = BlockDecoder::new(1, index, &archive, &password, &mut source);
        let names: Vec<String> = block.entries().iter().map(|entry| entry.name.clone()).collect();
        let outcome = block.for_each_entries(&mut each);
        if stopped {
            return Ok(());
        }
        if let Err(error) = outcome
            && close(&names, &error, visit).is_break()
        {
            return Ok(());
        }
    }
    Ok(())
}

/// Says of every member of a folder that could not be decoded why that is.
fn close(names: &[String], error: &Error, visit: Visit) -> ControlFlow<()> {
    let cause = match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => Cause::Encrypted,
        Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) => Cause::Unsupported,
        _ => Cause::Malformed,
    };
    for name in names {
        visit(Member::Closed {
            name: name.clone().into_bytes(),
            cause,
            detail: format!("its 7z folder was not read to the end: {}", reason(error)),
        })?;
    }
    ControlFlow::Continue(())
}

/// The crate's own words name methods and checksums, never content.
fn reason(error: &Error) -> String {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => "it needs a password".to_owned(),
        other => other.to_string(),
    }
}

impl From<Error> for UnpackError {
    fn from(error: Error) -> UnpackError {
        match error {
            Error::PasswordRequired | Error::MaybeBadPassword(_) => UnpackError::Encrypted,
            Error::Io(error, _) => UnpackError::Read(ReadError::from_io(error)),
            Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) | Error::UnsupportedVersion { .. } => {
                UnpackError::Unsupported(format!("a 7z archive: {}", reason(&error)))
            }
            other => UnpackError::Malformed(format!("a 7z archive: {}", reason(&other))),
        }
    }
}
