//! 7z: folders of members that are compressed together, so that passing over a member costs as much as reading it.
//!
//! The crate bounds neither the dictionaries it allocates nor the list of members it inflates, so both are asked for what
//! they declare first. What comes out of members the engine meters.

use std::ops::ControlFlow;
use std::sync::Arc;

use sevenz_rust2::{Archive, BlockDecoder, Error, Password};

use super::{Member, Open, UnpackError, Unpacker, Visit};
use crate::archive::sevenz::{SevenZipError, check_coder, check_list};
use crate::blob::{Blob, ReadError, Reader};
use crate::model::Cause;

pub(super) const SEVENZ: Unpacker = Unpacker { id: "7z", open: Open::Archive { blob: open, stream: None } };

fn open(blob: &Arc<dyn Blob>, visit: Visit) -> Result<(), UnpackError> {
    check_list(blob.as_ref())?;
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
        let coders = archive.blocks.get(index).map(|block| block.coders.as_slice()).unwrap_or_default();
        let refused = coders.iter().find_map(|coder| check_coder(coder.encoder_method_id(), coder.properties()).err());
        let outcome = match refused {
            Some(error) => Err(error.into()),
            None => block.for_each_entries(&mut each).map(|_| ()).map_err(UnpackError::from),
        };
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
fn close(names: &[String], error: &UnpackError, visit: Visit) -> ControlFlow<()> {
    let (cause, reason) = match error {
        UnpackError::Encrypted => (Cause::Encrypted, "it needs a password".to_owned()),
        UnpackError::Unsupported(reason) => (Cause::Unsupported, reason.clone()),
        UnpackError::Truncated(reason) => (Cause::Truncated, reason.clone()),
        UnpackError::Read(error @ (ReadError::Cut | ReadError::Ended { .. })) => (Cause::Truncated, error.to_string()),
        UnpackError::Read(ReadError::OverBudget(reason)) => (Cause::OverBudget, reason.clone()),
        other => (Cause::Malformed, other.to_string()),
    };
    for name in names {
        let detail = format!("its 7z folder was not read to the end: {reason}");
        visit(Member::Closed { name: name.clone().into_bytes(), cause, detail })?;
    }
    ControlFlow::Continue(())
}

/// The crate's own words name methods and checksums, never content; its `Display` is that of its variants' names.
fn reason(error: Error) -> String {
    match error {
        Error::Other(words) | Error::Unsupported(words) => words.into_owned(),
        Error::UnsupportedCompressionMethod(method) => format!("the method {method}"),
        Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch => "its checksum is wrong".to_owned(),
        other => other.to_string(),
    }
}

impl From<Error> for UnpackError {
    fn from(error: Error) -> UnpackError {
        match error {
            Error::PasswordRequired | Error::MaybeBadPassword(_) => UnpackError::Encrypted,
            Error::Io(error, _) => UnpackError::Read(ReadError::from_io(error)),
            Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) | Error::UnsupportedVersion { .. } => {
                UnpackError::Unsupported(format!("a 7z archive: {}", reason(error)))
            }
            other => UnpackError::Malformed(format!("a 7z archive: {}", reason(other))),
        }
    }
}

impl From<SevenZipError> for UnpackError {
    fn from(error: SevenZipError) -> UnpackError {
        match error {
            SevenZipError::Truncated => UnpackError::Truncated(error.to_string()),
            SevenZipError::Malformed => UnpackError::Malformed(error.to_string()),
            SevenZipError::Unsupported(detail) => UnpackError::Unsupported(detail),
            SevenZipError::Encrypted => UnpackError::Encrypted,
            SevenZipError::Read(error) => UnpackError::Read(error),
        }
    }
}
