//! Headers of a tar archive, by position or as a stream.
//!
//! Follows POSIX.1-2017 pax, GNU tar's long names and base-256 numbers. Sparse members are told apart, since what lies
//! in the archive is then not their content.

use crate::blob::{Cursor, ReadError};

/// One block.
pub const BLOCK: u64 = 512;
/// Longest long name or pax header that is read; what declares more is malformed.
const MAX_EXTENDED: u64 = 1 << 20;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A regular file with holes: its stored bytes are not its content.
    Sparse,
    /// Another name of a member of the archive, or of something outside: no bytes of its own.
    Link,
    /// A device or pipe, in words: no bytes of its own.
    Special(&'static str),
    /// A directory.
    Other,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Stored bytes.
    pub size: u64,
    /// Of a link, the name within the archive of what it leads to; nothing where that lies outside.
    pub target: Option<Vec<u8>>,
}

/// Why an archive could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// There is no header where one should stand.
    #[error("its tar headers do not hold: a header's checksum is wrong")]
    NotHeader,
    /// A header does not hold.
    #[error("its tar headers do not hold: {0}")]
    Malformed(&'static str),
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Where blocks come from: a blob or a stream.
pub trait Feed {
    /// Fills `buf`; `false` where nothing at all is left.
    ///
    /// # Errors
    /// [`ReadError::Ended`] where something is left, and not enough.
    fn fill(&mut self, buf: &mut [u8]) -> Result<bool, ReadError>;

    /// Passes over `len` bytes.
    ///
    /// # Errors
    /// Where they cannot be passed over. Passing over the end may only show at the next read.
    fn skip(&mut self, len: u64) -> Result<(), ReadError>;
}

/// Blocks of a blob, by position.
pub struct Blocks<'a>(pub Cursor<'a>);

impl Feed for Blocks<'_> {
    fn fill(&mut self, buf: &mut [u8]) -> Result<bool, ReadError> {
        if self.0.remaining() == 0 {
            return Ok(false);
        }
        self.0.exact(buf).map(|()| true)
    }

    fn skip(&mut self, len: u64) -> Result<(), ReadError> {
        // Many writers leave the padding behind the last member out.
        self.0.skip(len.min(self.0.remaining()))
    }
}

/// Whether `block` is a header whose checksum holds.
pub fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.first_chunk::<512>() else { return false };
    let Some(stated) = block.get(148..156).and_then(number) else { return false };
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, &byte)| if (148..156).contains(&at) { u64::from(b' ') } else { u64::from(byte) })
        .sum();
    stated == sum
}

/// Bytes of padding behind a member of `size` bytes.
pub fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK
}

/// The next member, its extended headers taken in; the feed then stands at its first byte. `None` at the end.
///
/// # Errors
/// [`TarError`]; what follows cannot be read then.
pub fn next(feed: &mut dyn Feed) -> Result<Option<Member>, TarError> {
    let mut extended = Extended::default();
    loop {
        let mut block = [0; 512];
        if !feed.fill(&mut block)? || block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        if !is_header(&block) {
            return Err(TarError::NotHeader);
        }
        let size = block.get(124..136).and_then(number).ok_or(TarError::Malformed("a size is not a number"))?;
        match block.get(156) {
            Some(b'L') => {
                extended.name = Some(extended_body(feed, size)?.into_iter().take_while(|&b| b != 0).collect())
            }
            Some(b'x' | b'g' | b'X') => extended.take(&extended_body(feed, size)?),
            Some(b'K') => {
                extended.target = Some(extended_body(feed, size)?.into_iter().take_while(|&b| b != 0).collect())
            }
            Some(b'V' | b'N') => feed.skip(size.saturating_add(padding(size)))?,
            kind => {
                let kind = match kind {
                    Some(0 | b'0' | b'7') if extended.sparse => Kind::Sparse,
                    Some(0 | b'0' | b'7') => Kind::File,
                    Some(b'S') => Kind::Sparse,
                    Some(b'1' | b'2') => Kind::Link,
                    Some(b'3' | b'4' | b'6') => Kind::Special("device or pipe in an archive"),
                    Some(b'5') => Kind::Other,
                    // POSIX: what a reader does not know is a regular file.
                    _ => Kind::File,
                };
                let stated = match kind {
                    Kind::File | Kind::Sparse => extended.size.unwrap_or(size),
                    Kind::Link | Kind::Special(_) | Kind::Other => 0,
                };
                if block.get(156) == Some(&b'S') && block.get(482) == Some(&1) {
                    skip_sparse_maps(feed)?;
                }
                let name = extended.name.unwrap_or_else(|| header_name(&block));
                // Before POSIX a directory was a regular file whose name ends in a slash.
                let kind = if name.ends_with(b"/") { Kind::Other } else { kind };
                let target = (kind == Kind::Link)
                    .then(|| extended.target.take().unwrap_or_else(|| field(&block, 157, 257)))
                    .and_then(|target| inside(if block.get(156) == Some(&b'2') { &name } else { b"" }, &target));
                return Ok(Some(Member { name, kind, size: stated, target }));
            }
        }
    }
}

/// Old GNU sparse maps go on in further blocks.
fn skip_sparse_maps(feed: &mut dyn Feed) -> Result<(), TarError> {
    loop {
        let mut block = [0; 512];
        if !feed.fill(&mut block)? {
            return Err(TarError::Malformed("ends within a sparse map"));
        }
        if block.get(504) != Some(&1) {
            return Ok(());
        }
    }
}

fn extended_body(feed: &mut dyn Feed, size: u64) -> Result<Vec<u8>, TarError> {
    if size > MAX_EXTENDED {
        return Err(TarError::Malformed("an extended header is over 1 MiB"));
    }
    let mut body = vec![0; usize::try_from(size).unwrap_or(0)];
    if size > 0 && !feed.fill(&mut body)? {
        return Err(TarError::Malformed("ends within an extended header"));
    }
    feed.skip(padding(size))?;
    Ok(body)
}

/// What extended headers say of the next member.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    target: Option<Vec<u8>>,
    sparse: bool,
}

impl Extended {
    /// Reads pax records: `length key=value\n`, the length counting itself.
    fn take(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|&byte| byte == b' ') {
            let length = records.get(..space).and_then(decimal).and_then(|length| usize::try_from(length).ok());
            let Some(record) = length.and_then(|length| records.get(space.saturating_add(1)..length)) else { return };
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            if let Some(equals) = record.iter().position(|&byte| byte == b'=') {
                let value = record.get(equals.saturating_add(1)..).unwrap_or_default();
                match record.get(..equals) {
                    Some(b"path" | b"GNU.sparse.name") => self.name = Some(value.to_vec()),
                    Some(b"linkpath") => self.target = Some(value.to_vec()),
                    Some(b"size") => self.size = decimal(value),
                    Some(key) if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                    _ => {}
                }
            }
            records = length.and_then(|length| records.get(length..)).unwrap_or_default();
        }
    }
}

/// The plain form of a name within the archive: without `.` and empty parts.
pub fn plain_name(name: &[u8]) -> Vec<u8> {
    inside(b"", name.strip_prefix(b"/").unwrap_or(name)).unwrap_or_else(|| name.to_vec())
}

/// Where a link at `name` leads within the archive; nothing where it leads out of it. A hard link is relative to the
/// archive itself.
fn inside(name: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    if target.starts_with(b"/") || target.is_empty() {
        return None;
    }
    let directory = name.iter().rposition(|&byte| byte == b'/').and_then(|end| name.get(..end)).unwrap_or_default();
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in directory.split(|&byte| byte == b'/').chain(target.split(|&byte| byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

fn field(block: &[u8; 512], from: usize, to: usize) -> Vec<u8> {
    block.get(from..to).unwrap_or_default().iter().copied().take_while(|&byte| byte != 0).collect()
}

fn header_name(block: &[u8; 512]) -> Vec<u8> {
    let field = |from, to| field(block, from, to);
    let name = field(0, 100);
    // Only POSIX headers have a prefix; GNU keeps times there.
    let prefix = if block.get(257..263) == Some(b"ustar\0") { field(345, 500) } else { Vec::new() };
    if prefix.is_empty() { name } else { [prefix, name].join(&b'/') }
}

/// An octal number, or a base-256 one where the top bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        return field.iter().enumerate().try_fold(0u64, |value, (at, &byte)| {
            let byte = if at == 0 { byte & 0x7f } else { byte };
            value.checked_mul(256)?.checked_add(u64::from(byte))
        });
    }
    let digits = field.iter().copied().skip_while(|&byte| byte == b' ').take_while(|byte| !matches!(byte, 0 | b' '));
    digits.into_iter().try_fold(0u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 8)?;
        value.checked_mul(8)?.checked_add(u64::from(digit))
    })
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_names_of_the_archive_or_nowhere() {
        let of = |name: &str, target: &str| {
            inside(name.as_bytes(), target.as_bytes()).map(|to| String::from_utf8(to).unwrap())
        };
        assert_eq!(of("m/snapshots/f/config.json", "../../blobs/0a").as_deref(), Some("m/blobs/0a"));
        assert_eq!(of("./a/b", "./c").as_deref(), Some("a/c"));
        assert_eq!((of("a/b", "../../c"), of("a", "/etc/passwd"), of("a", "")), (None, None, None));
        assert_eq!(plain_name(b"./a//b"), b"a/b");
    }
}
