//! Sorted tables: blocks of prefix-compressed keys, an index block over them, a footer with a magic number.
//!
//! Follows `table_format.md` of LevelDB and `tensorflow/core/lib/io/table*`, which is a copy of it. Blocks may be
//! compressed with Snappy ("Snappy compressed format description" of its repository). Checksums are not looked at: a
//! block that does not hold is noticed by its structure. Every length is held against its block, and reading, inflating
//! and naming share one budget, so that an index that lists one block again and again comes to an end.

use super::super::ProbeError;
use crate::blob::{Blob, Cursor, read_vec};

const MAGIC: [u8; 8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
const FOOTER: u64 = 48;
/// Type byte and checksum behind each block.
const TRAILER: u64 = 5;
/// Most bytes of one block; writers flush at 256 KiB, though one value may be larger.
const MAX_BLOCK: u64 = 32 << 20;
/// Most bytes of all blocks, and of all keys handed out.
const MAX_TOTAL: u64 = 64 << 20;
/// Longest key.
const MAX_KEY: usize = 4096;

/// What is done with a key and its value.
pub(super) type Each<'e> = &'e mut dyn FnMut(&[u8], &[u8]) -> Result<(), ProbeError>;

/// Hands every key and value of the table in `blob` to `each`, in order.
///
/// # Errors
/// [`ProbeError::NotMine`] without the footer's magic, [`ProbeError::Malformed`] where a block does not hold, and what
/// `each` answers.
pub(super) fn for_each(blob: &dyn Blob, each: Each<'_>) -> Result<(), ProbeError> {
    let footer_at = blob.size().checked_sub(FOOTER).ok_or(ProbeError::NotMine)?;
    let footer = read_vec(blob, footer_at, FOOTER, FOOTER)?;
    if !footer.ends_with(&MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let mut rest = footer.as_slice();
    Handle::take(&mut rest).ok_or_else(broken)?;
    let index = Handle::take(&mut rest).ok_or_else(broken)?;
    let mut left = MAX_TOTAL;
    let index = block(blob, index, footer_at, &mut left)?;
    let mut handles = Vec::new();
    entries(&index, &mut left, &mut |_, mut value| {
        handles.push(Handle::take(&mut value).ok_or_else(broken)?);
        Ok(())
    })?;
    for handle in handles {
        let block = block(blob, handle, footer_at, &mut left)?;
        entries(&block, &mut left, each)?;
    }
    Ok(())
}

/// Where a block lies.
#[derive(Clone, Copy)]
struct Handle {
    at: u64,
    size: u64,
}

impl Handle {
    fn take(bytes: &mut &[u8]) -> Option<Handle> {
        Some(Handle { at: varint(bytes)?, size: varint(bytes)? })
    }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("a block of its table does not hold".to_owned())
}

fn spend(left: &mut u64, bytes: u64) -> Result<(), ProbeError> {
    *left = left.checked_sub(bytes).ok_or_else(|| {
        ProbeError::Malformed(format!("its table has more than {MAX_TOTAL} bytes of keys and values"))
    })?;
    Ok(())
}

/// The content of a block that ends before `end`.
fn block(blob: &dyn Blob, handle: Handle, end: u64, left: &mut u64) -> Result<Vec<u8>, ProbeError> {
    let behind = handle.at.checked_add(handle.size).and_then(|at| at.checked_add(TRAILER));
    if behind.is_none_or(|behind| behind > end) {
        return Err(broken());
    }
    spend(left, handle.size)?;
    let content = read_vec(blob, handle.at, handle.size, MAX_BLOCK)?;
    match Cursor::new(blob, handle.at.saturating_add(handle.size)).u8()? {
        0 => Ok(content),
        1 => {
            let content = snappy(&content).ok_or_else(broken)?;
            spend(left, content.len() as u64)?;
            Ok(content)
        }
        _ => Err(ProbeError::Unsupported("its table is compressed in a way that is not read".to_owned())),
    }
}

/// Hands every entry of a block to `each`.
fn entries(block: &[u8], left: &mut u64, each: Each<'_>) -> Result<(), ProbeError> {
    // The restart points at the end are for seeking; only their length is of interest.
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(broken)?;
    let restarts = usize::try_from(u32::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(4));
    let entries_end = restarts.and_then(|restarts| rest.len().checked_sub(restarts)).ok_or_else(broken)?;
    let mut rest = rest.get(..entries_end).ok_or_else(broken)?;
    let mut key = Vec::new();
    while !rest.is_empty() {
        let (name, value) = entry(&mut rest, &mut key).ok_or_else(broken)?;
        spend(left, name.len() as u64)?;
        each(name, value)?;
    }
    Ok(())
}

/// The next entry: how much of the last key it shares, the rest of its key, its value.
fn entry<'b, 'k>(rest: &mut &'b [u8], key: &'k mut Vec<u8>) -> Option<(&'k [u8], &'b [u8])> {
    let mut length = || varint(rest).and_then(|length| usize::try_from(length).ok());
    let (shared, unshared, value) = (length()?, length()?, length()?);
    if shared > key.len() || shared.checked_add(unshared)? > MAX_KEY {
        return None;
    }
    let (suffix, tail) = rest.split_at_checked(unshared)?;
    let (value, tail) = tail.split_at_checked(value)?;
    *rest = tail;
    key.truncate(shared);
    key.extend_from_slice(suffix);
    Some((key, value))
}

/// A number of seven bits a byte, taken off the front.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Inflates a Snappy block: literals and copies of what came before.
fn snappy(packed: &[u8]) -> Option<Vec<u8>> {
    let mut rest = packed;
    let size = varint(&mut rest).filter(|&size| size <= MAX_BLOCK).and_then(|size| usize::try_from(size).ok())?;
    // No element makes more than 64 bytes of two.
    if size > rest.len().saturating_mul(32) {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    while let Some((&tag, tail)) = rest.split_first() {
        rest = tail;
        let short = usize::from(tag >> 2);
        let (len, offset) = match tag & 3 {
            0 => {
                let len = match short {
                    0..60 => short.checked_add(1)?,
                    _ => little_endian(&mut rest, short.checked_sub(59)?)?.checked_add(1)?,
                };
                let (literal, tail) = rest.split_at_checked(len)?;
                out.extend_from_slice(literal);
                rest = tail;
                (0, 0)
            }
            1 => {
                let low = little_endian(&mut rest, 1)?;
                ((short & 7).checked_add(4)?, (usize::from(tag >> 5) << 8) | low)
            }
            2 => (short.checked_add(1)?, little_endian(&mut rest, 2)?),
            _ => (short.checked_add(1)?, little_endian(&mut rest, 4)?),
        };
        if len > 0 {
            let from = out.len().checked_sub(offset).filter(|_| offset > 0)?;
            // What is copied may be what is being written.
            for at in (from..).take(len) {
                out.push(*out.get(at)?);
            }
        }
        if out.len() > size {
            return None;
        }
    }
    (out.len() == size).then_some(out)
}

fn little_endian(rest: &mut &[u8], len: usize) -> Option<usize> {
    let (bytes, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    let mut wide = [0; 8];
    wide.get_mut(..len)?.copy_from_slice(bytes);
    usize::try_from(u64::from_le_bytes(wide)).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::blob::Memory;

    fn block_of(entries: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (shared, suffix, value) in entries {
            out.extend([*shared, suffix.len() as u8, value.len() as u8]);
            out.extend([*suffix, *value].concat());
        }
        [out, vec![0, 0, 0, 0, 1, 0, 0, 0]].concat()
    }

    /// A table of one block; `kind` is its type byte.
    pub(in super::super) fn table(data: &[u8], kind: u8) -> Vec<u8> {
        let mut out = [data, &[kind, 0, 0, 0, 0]].concat();
        let handle = [0, data.len() as u8 & 0x7f | 0x80, (data.len() >> 7) as u8];
        let index = block_of(&[(0, b"z", &handle)]);
        let at = out.len();
        out.extend([index.as_slice(), &[0; 5]].concat());
        let mut footer = vec![0, 0, at as u8 & 0x7f | 0x80, (at >> 7) as u8, index.len() as u8];
        footer.resize(40, 0);
        [out, footer, MAGIC.to_vec()].concat()
    }

    /// An uncompressed table of these entries.
    pub(in super::super) fn table_of(entries: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        table(&block_of(entries), 0)
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<(String, usize)>, ProbeError> {
        let mut out = Vec::new();
        for_each(&Memory::new(bytes), &mut |key, value| {
            out.push((String::from_utf8_lossy(key).into_owned(), value.len()));
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn keys_share_prefixes() {
        let found = read(table_of(&[(0, b"", b"h"), (0, b"kernel", b"ab"), (3, b"f", b"")])).unwrap();
        assert_eq!(found, [(String::new(), 1), ("kernel".to_owned(), 2), ("kerf".to_owned(), 0)]);
    }

    #[test]
    fn snappy_blocks_inflate() {
        // "abcabcabc": a literal of three and a copy of six, three back.
        assert_eq!(snappy(b"\x09\x08abc\x16\x03\x00").unwrap(), b"abcabcabc");
        assert_eq!(snappy(b"\x09\x08abc\x05\x03").unwrap_or_default(), b"", "one byte short");
        let plain = block_of(&[(0, b"w", b"v")]);
        let packed = [&[plain.len() as u8, (plain.len() as u8 - 1) << 2], plain.as_slice()].concat();
        assert_eq!(read(table(&packed, 1)).unwrap(), [("w".to_owned(), 1)]);
        for hostile in [&b"\xff\xff\xff\xff\x0f\x00"[..], b"\x04\x01\x00", b"\x04\xfc\xff\xff\xff\xff", b"\x01", b""] {
            assert!(snappy(hostile).is_none_or(|out| out.is_empty()), "{hostile:?}");
        }
    }

    #[test]
    fn what_does_not_hold_is_an_error() {
        let good = table_of(&[(0, b"kernel", b"ab")]);
        assert!(matches!(read(b"short".to_vec()), Err(ProbeError::NotMine)));
        assert!(matches!(read(vec![0; 100]), Err(ProbeError::NotMine)));
        assert!(read(table_of(&[(9, b"k", b"")])).is_err());
        assert!(read(table(b"\x00\x7f\x00\0\0\0\0\x01\0\0\0", 0)).is_err());
        assert!(read(table(b"\xff\xff\xff\xff", 0)).is_err());
        assert!(matches!(read(table(b"abc", 7)), Err(ProbeError::Unsupported(_))));
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                drop(read(bytes));
            }
        }
    }
}
