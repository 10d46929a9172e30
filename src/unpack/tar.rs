//! tar, by position (members are ranges, nothing is copied) or as a stream.

use std::io::Read;
use std::sync::Arc;

use super::codec::pass_over;
use super::{Member, Open, UnpackError, Unpacker, Visit};
use crate::archive::tar::{BLOCK, Blocks, Feed, Kind, TarError, is_header, next, padding};
use crate::blob::{Blob, Cursor, ReadError};
use crate::model::Cause;

pub(super) const TAR: Unpacker = Unpacker { id: "tar", open: Open::Archive { blob: ranges, stream: Some(streams) } };

fn ranges(blob: &Arc<dyn Blob>, visit: Visit) -> Result<(), UnpackError> {
    let mut feed = Blocks(Cursor::new(blob.as_ref(), 0));
    let mut first = true;
    loop {
        let member = match next(&mut feed) {
            Err(TarError::NotHeader) if first => return Err(UnpackError::NotMine),
            other => other?,
        };
        // Two empty blocks end an archive, and another may follow (`tar -A`, `cat`): look past them as tar -i does.
        // From where this one ended: looked for from its beginning, a lone extended header would be met for ever.
        let Some(member) = member else {
            match next_archive(blob.as_ref(), feed.0.position()) {
                Some(at) => feed.0.seek(at),
                None => return Ok(()),
            }
            continue;
        };
        first = false;
        let offset = feed.0.position();
        let cut = member.size > feed.0.remaining();
        let name = member.name.clone();
        let told = match member.kind {
            Kind::File => visit(Member::Range { name: member.name, offset, size: member.size }),
            Kind::Sparse => visit(sparse(member.name)),
            Kind::Link => visit(link(member.name, member.target)),
            Kind::Special(what) => visit(Member::Counted(what)),
            Kind::Other => std::ops::ControlFlow::Continue(()),
        };
        if told.is_break() {
            return Ok(());
        }
        if cut {
            let name = crate::model::escape_name(&name);
            return Err(UnpackError::Truncated(format!("ends within its member '{name}'")));
        }
        feed.skip(member.size.saturating_add(padding(member.size)))?;
    }
}

/// A member whose stored bytes are not its content.
fn sparse<'a>(name: Vec<u8>) -> Member<'a> {
    let detail = "a sparse tar member; extract it and scan the file".to_owned();
    Member::Closed { name, cause: Cause::Unsupported, detail }
}

/// Another name of a member; one that leads out of the archive is only counted.
fn link<'a>(name: Vec<u8>, target: Option<Vec<u8>>) -> Member<'a> {
    match target {
        Some(target) => Member::Link { name, target },
        None => Member::Counted("link out of an archive"),
    }
}

/// Where another archive's first header stands behind the empty blocks at `at`, if only empty blocks lie between.
fn next_archive(blob: &dyn Blob, at: u64) -> Option<u64> {
    /// tar pads its last record with empty blocks: 20 by default, up to some hundred with large records.
    const MOST_EMPTY: u64 = 2048;
    let mut cursor = Cursor::new(blob, at);
    for _ in 0..MOST_EMPTY {
        let here = cursor.position();
        let block: [u8; BLOCK as usize] = cursor.array().ok()?;
        if block.iter().any(|&byte| byte != 0) {
            return is_header(&block).then_some(here);
        }
    }
    None
}

/// Blocks of a stream.
struct Streamed<'a>(&'a mut dyn Read);

impl Feed for Streamed<'_> {
    fn fill(&mut self, buf: &mut [u8]) -> Result<bool, ReadError> {
        let mut filled = 0;
        while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(ReadError::Cut),
                Ok(n) => filled = filled.saturating_add(n),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ReadError::from_io(error)),
            }
        }
        Ok(true)
    }

    fn skip(&mut self, len: u64) -> Result<(), ReadError> {
        pass_over(self.0, len).map(|_| ()).map_err(ReadError::from_io)
    }
}

fn streams(reader: &mut dyn Read, visit: Visit) -> Result<(), UnpackError> {
    let mut first = true;
    loop {
        let member = match next(&mut Streamed(reader)) {
            Err(TarError::NotHeader) if first => return Err(UnpackError::NotMine),
            other => other?,
        };
        first = false;
        let Some(member) = member else { return Ok(()) };
        let mut body = reader.take(member.size);
        let told = match member.kind {
            Kind::File => visit(Member::Stream {
                name: member.name,
                size: Some(member.size),
                packed: None,
                // The rest of it is passed over below, through the metered decoder underneath.
                solid: false,
                reader: &mut body,
            }),
            Kind::Sparse => visit(sparse(member.name)),
            Kind::Link => visit(link(member.name, member.target)),
            Kind::Special(what) => visit(Member::Counted(what)),
            Kind::Other => std::ops::ControlFlow::Continue(()),
        };
        if told.is_break() {
            return Ok(());
        }
        let rest = body.limit();
        if pass_over(&mut body, rest).map_err(ReadError::from_io)? < rest {
            return Err(ReadError::Cut.into());
        }
        Streamed(reader).skip(padding(member.size))?;
    }
}

impl From<TarError> for UnpackError {
    fn from(error: TarError) -> UnpackError {
        match error {
            TarError::Read(error) => UnpackError::Read(error),
            other => UnpackError::Malformed(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn header(name: &[u8], kind: u8) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name);
        block[124..135].copy_from_slice(b"00000000000");
        block[148..156].fill(b' ');
        block[156] = kind;
        let sum: u64 = block.iter().copied().map(u64::from).sum();
        block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        block[154] = 0;
        block
    }

    fn names(bytes: Vec<u8>) -> Vec<String> {
        let blob: Arc<dyn Blob> = Arc::new(Memory::new(bytes));
        let mut names = Vec::new();
        let outcome = ranges(&blob, &mut |member| {
            if let Member::Range { name, .. } = member {
                names.push(String::from_utf8(name).unwrap());
            }
            std::ops::ControlFlow::Continue(())
        });
        assert!(outcome.is_ok());
        names
    }

    /// CPython ships such a file as `test/recursion.tar`.
    #[test]
    fn an_archive_of_one_global_header_ends() {
        assert!(names(header(b"pax", b'g')).is_empty());
        assert!(names([header(b"pax", b'g'), vec![0; 1024]].concat()).is_empty());
    }

    #[test]
    fn an_archive_behind_an_archive_is_read() {
        let bytes = [header(b"one", b'0'), vec![0; 1024], header(b"two", b'0'), vec![0; 10_240]].concat();
        assert_eq!(names(bytes), ["one", "two"]);
    }
}
