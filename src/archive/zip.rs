//! The central directory of a zip archive, zip64 included.
//!
//! Follows PKWARE's APPNOTE 6.3.10. Local headers are only read to find where a member's bytes begin: writers that
//! stream (PyTorch among them) leave the sizes in them empty, so the central directory alone is believed.

use std::collections::BTreeSet;
use std::io::Read;

use sha2::{Digest, Sha256};

use crate::blob::{Blob, Cursor, ReadError, Reader, read_vec};
use crate::model::ContentId;

/// Most bytes of a central directory that are read: 64 MiB hold some 700,000 members.
const MAX_DIRECTORY: u64 = 64 << 20;
/// Longest comment plus the end record.
const MAX_END: u64 = 65_535 + 22;
const END_SIZE: u64 = 22;
/// A local header without its name and extra field.
const LOCAL_SIZE: u64 = 30;
/// Packed bytes that are read at a time, at most.
const CHUNK: u64 = 32 << 10;

/// How a member is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Not at all: its bytes lie in the archive.
    Stored,
    /// Deflate.
    Deflate,
    /// bzip2.
    Bzip2,
    /// LZMA with the zip header.
    Lzma,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// A method by its number.
    Other(u16),
}

/// One row of the directory.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name as stored.
    pub name: Vec<u8>,
    /// How it is compressed.
    pub method: Method,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// CRC-32 of its content.
    pub crc32: u32,
    /// Bytes in the archive.
    pub packed: u64,
    /// Bytes of content.
    pub size: u64,
    /// Position of its local header.
    header: u64,
}

impl Member {
    /// Whether it is a directory's row.
    pub fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }
}

/// Why a directory could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// There is no end record: not a zip, or a truncated one.
    #[error("has no zip directory at its end")]
    NoDirectory,
    /// It is there, and does not hold.
    #[error("its zip directory does not hold: {0}")]
    Malformed(&'static str),
    /// A member's bytes are not what its method says.
    #[error("a member does not inflate")]
    Inflate(#[source] ReadError),
    /// A member is compressed by a method that is not read here.
    #[error("a member is compressed in a way that is not read")]
    Method,
    /// A member's keys are needed.
    #[error("encrypted")]
    Encrypted,
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Where the members of an archive lie.
pub struct Directory {
    /// Its rows, in order.
    pub members: Vec<Member>,
    /// Bytes before the archive itself (a self-extracting program): offsets count from here.
    base: u64,
}

impl Directory {
    /// Reads the directory at the end of `blob`.
    ///
    /// # Errors
    /// [`ZipError`].
    pub fn read(blob: &dyn Blob) -> Result<Directory, ZipError> {
        let end = EndRecord::find(blob)?;
        if end.size > MAX_DIRECTORY {
            return Err(ReadError::TooLong { wanted: end.size, allowed: MAX_DIRECTORY }.into());
        }
        // What lies between where the directory should be and where it is was put in front of the archive.
        let at = end.at.checked_sub(end.size).ok_or(ZipError::Malformed("larger than the file"))?;
        let base = at.checked_sub(end.offset).ok_or(ZipError::Malformed("its offset points past itself"))?;
        let bytes = read_vec(blob, at, end.size, MAX_DIRECTORY)?;
        let mut members = Vec::new();
        let mut rest = bytes.as_slice();
        while rest.first_chunk() == Some(b"PK\x01\x02") {
            let (member, tail) = Member::parse(rest).ok_or(ZipError::Malformed("a row is cut"))?;
            members.push(member);
            rest = tail;
        }
        // A 16-bit count wraps in archives without zip64; only the low bits can be held against it.
        if (members.len() as u64) & 0xffff != end.count & 0xffff {
            return Err(ZipError::Malformed("its rows are not as many as it says"));
        }
        Ok(Directory { members, base })
    }

    /// The rows whose bytes lie within another's, by their place in [`Directory::members`]. No writer shares bytes
    /// between members; a bomb that lets thousands of rows lead to one kernel does.
    pub fn overlapping(&self) -> BTreeSet<usize> {
        let end = |member: &Member| {
            let local = (member.name.len() as u64).saturating_add(LOCAL_SIZE);
            member.header.saturating_add(local).saturating_add(member.packed)
        };
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|&index| self.members.get(index).map(|member| (member.header, index)));
        let mut reached = 0;
        let mut overlapping = BTreeSet::new();
        for index in order {
            let Some(member) = self.members.get(index) else { continue };
            if member.header < reached {
                overlapping.insert(index);
            }
            reached = reached.max(end(member));
        }
        overlapping
    }

    /// The member of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Position of a member's bytes in the archive.
    ///
    /// # Errors
    /// [`ZipError::Malformed`] where no local header stands at the place the directory names.
    pub fn data_offset(&self, blob: &dyn Blob, member: &Member) -> Result<u64, ZipError> {
        let at = self.base.checked_add(member.header).ok_or(ZipError::Malformed("an offset overflows"))?;
        let mut cursor = Cursor::new(blob, at);
        if cursor.array()? != *b"PK\x03\x04" {
            return Err(ZipError::Malformed("a member's header is not where it says"));
        }
        cursor.skip(22)?;
        let (name, extra) = (u64::from(cursor.u16()?), u64::from(cursor.u16()?));
        cursor
            .position()
            .checked_add(name)
            .and_then(|at| at.checked_add(extra))
            .ok_or(ZipError::Malformed("an offset overflows"))
    }

    /// The content of a stored member, at most `allowed` bytes of it.
    ///
    /// # Errors
    /// [`ZipError`]; a compressed member is malformed here, since callers ask for what a writer stores.
    pub fn stored(&self, blob: &dyn Blob, member: &Member, allowed: u64) -> Result<Vec<u8>, ZipError> {
        if member.method != Method::Stored || member.encrypted {
            return Err(ZipError::Malformed("a member that is always stored is compressed"));
        }
        let at = self.data_offset(blob, member)?;
        Ok(read_vec(blob, at, member.size, allowed)?)
    }

    /// The content of a member, stored or deflated. Of a deflated one `allowed` bytes are inflated at most, whatever it
    /// declares: there may be more.
    ///
    /// # Errors
    /// [`ZipError`]; [`ReadError::TooLong`] where a stored member is longer than `allowed`.
    pub fn content(&self, blob: &dyn Blob, member: &Member, allowed: u64) -> Result<Vec<u8>, ZipError> {
        match member.method {
            _ if member.encrypted => Err(ZipError::Encrypted),
            Method::Stored => self.stored(blob, member, allowed),
            Method::Deflate => {
                let packed = Reader::new(blob, self.data_offset(blob, member)?, member.packed);
                let chunk = vec![0; usize::try_from(allowed.min(CHUNK)).unwrap_or(0)];
                let mut content = Vec::new();
                let mut decoder = flate2::read::DeflateDecoder::new_with_buf(packed, chunk).take(allowed);
                std::io::copy(&mut decoder, &mut content).map_err(|error| match ReadError::from_io(error) {
                    error @ (ReadError::Io(_) | ReadError::Ended { .. }) => ZipError::Inflate(error),
                    other => other.into(),
                })?;
                Ok(content)
            }
            _ => Err(ZipError::Method),
        }
    }

    /// The content of a member, stored or deflated, from its first byte on. How much comes out is for the caller to bound.
    ///
    /// # Errors
    /// [`ZipError`].
    pub fn open<'b>(&self, blob: &'b dyn Blob, member: &Member) -> Result<Box<dyn Read + 'b>, ZipError> {
        if member.encrypted {
            return Err(ZipError::Encrypted);
        }
        let packed = Reader::new(blob, self.data_offset(blob, member)?, member.packed);
        match member.method {
            Method::Stored => Ok(Box::new(packed)),
            Method::Deflate => Ok(Box::new(flate2::read::DeflateDecoder::new(packed))),
            _ => Err(ZipError::Method),
        }
    }

    /// The identity of all content, from checksums alone: members' names without the outermost folder that all share
    /// (writers name it after the file), their CRC-32 and sizes.
    pub fn identity(&self) -> ContentId {
        let root = self.shared_root();
        let mut rows: Vec<(&[u8], u32, u64)> = self
            .members
            .iter()
            .filter(|member| !member.is_directory())
            .map(|member| (member.name.get(root..).unwrap_or_default(), member.crc32, member.size))
            .collect();
        rows.sort_unstable();
        let mut hash = Sha256::new();
        for (name, crc32, size) in rows {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update(crc32.to_le_bytes());
            hash.update(size.to_le_bytes());
        }
        ContentId::ZipCrcs(hash.finalize().into())
    }

    /// Length of the folder name, its slash included, that all members begin with; 0 if there is none.
    pub fn shared_root(&self) -> usize {
        let Some(first) = self.members.first() else { return 0 };
        let Some(slash) = first.name.iter().position(|&b| b == b'/') else { return 0 };
        let root = first.name.get(..=slash).unwrap_or_default();
        if self.members.iter().all(|member| member.name.starts_with(root)) { root.len() } else { 0 }
    }
}

impl Member {
    /// One row from the front of `bytes`, and what follows it.
    fn parse(bytes: &[u8]) -> Option<(Member, &[u8])> {
        let fixed: &[u8; 46] = bytes.first_chunk()?;
        let flags = u16_at(fixed, 8)?;
        let (name_len, extra_len, comment_len) = (u16_at(fixed, 28)?, u16_at(fixed, 30)?, u16_at(fixed, 32)?);
        let rest = bytes.get(46..)?;
        let (name, rest) = rest.split_at_checked(usize::from(name_len))?;
        let (extra, rest) = rest.split_at_checked(usize::from(extra_len))?;
        let rest = rest.get(usize::from(comment_len)..)?;
        let mut member = Member {
            name: name.to_vec(),
            method: match u16_at(fixed, 10)? {
                0 => Method::Stored,
                8 => Method::Deflate,
                12 => Method::Bzip2,
                14 => Method::Lzma,
                93 => Method::Zstd,
                95 => Method::Xz,
                other => Method::Other(other),
            },
            encrypted: flags & 1 != 0,
            crc32: u32_at(fixed, 16)?,
            packed: u64::from(u32_at(fixed, 20)?),
            size: u64::from(u32_at(fixed, 24)?),
            header: u64::from(u32_at(fixed, 42)?),
        };
        member.widen(extra);
        Some((member, rest))
    }

    /// Takes the 64-bit values of the zip64 extra field, in its order: only those that did not fit 32 bits.
    fn widen(&mut self, mut extra: &[u8]) {
        const FULL: u64 = u32::MAX as u64;
        while let (Some(id), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            let end = usize::from(len).saturating_add(4);
            let mut values = extra.get(4..end).unwrap_or_default();
            if id == 1 {
                for value in [&mut self.size, &mut self.packed, &mut self.header] {
                    if *value == FULL
                        && let Some((wide, tail)) = values.split_first_chunk()
                    {
                        *value = u64::from_le_bytes(*wide);
                        values = tail;
                    }
                }
            }
            extra = extra.get(end..).unwrap_or_default();
        }
    }
}

/// What the records at the end say of the directory.
struct EndRecord {
    /// Position right behind the directory.
    at: u64,
    offset: u64,
    size: u64,
    count: u64,
}

impl EndRecord {
    fn find(blob: &dyn Blob) -> Result<EndRecord, ZipError> {
        // Nearly always there is no comment: one small read before a large one.
        for span in [END_SIZE, MAX_END] {
            let span = span.min(blob.size());
            let start = blob.size().saturating_sub(span);
            let tail = read_vec(blob, start, span, MAX_END)?;
            let found = tail.windows(4).rposition(|window| window == b"PK\x05\x06");
            if let Some(record) = found.and_then(|index| Some((index, tail.get(index..)?))) {
                let (index, record) = record;
                let at = start.saturating_add(index as u64);
                if let Some(end) = EndRecord::parse(record, at) {
                    return end.widened(blob);
                }
            }
        }
        Err(ZipError::NoDirectory)
    }

    fn parse(record: &[u8], at: u64) -> Option<EndRecord> {
        let count = u64::from(u16_at(record, 10)?);
        let size = u64::from(u32_at(record, 12)?);
        let offset = u64::from(u32_at(record, 16)?);
        u16_at(record, 20)?;
        Some(EndRecord { at, offset, size, count })
    }

    /// The same with the values of the zip64 record, where one is there.
    fn widened(self, blob: &dyn Blob) -> Result<EndRecord, ZipError> {
        let Some(locator_at) = self.at.checked_sub(20) else { return Ok(self) };
        let mut locator = Cursor::new(blob, locator_at);
        if locator.array()? != *b"PK\x06\x07" {
            return Ok(self);
        }
        locator.skip(4)?;
        let stated = locator.u64()?;
        // The stated position is off by whatever was put in front of the archive: then the record right before the
        // locator is the one.
        for at in [stated, locator_at.saturating_sub(56)] {
            let mut record = Cursor::new(blob, at);
            if record.array().ok() != Some(*b"PK\x06\x06") {
                continue;
            }
            record.skip(28)?;
            let count = record.u64()?;
            let size = record.u64()?;
            let offset = record.u64()?;
            return Ok(EndRecord { at, offset, size, count });
        }
        Err(ZipError::Malformed("its zip64 record is not where it says"))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
