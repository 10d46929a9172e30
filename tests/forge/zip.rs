//! zip: honest archives, and archives whose directory says what the test wants.

use std::io::{Cursor, Seek, Write};

use super::Body;

/// A member, and what the archive claims of it.
pub struct Entry<'a> {
    pub name: &'a [u8],
    /// What lies in the archive: already compressed where `method` says so.
    pub body: Body<'a>,
    /// Bytes of content, as declared.
    pub size: u64,
    /// Bytes in the archive, as declared.
    pub packed: u64,
    pub method: u16,
    pub flags: u16,
    /// Multiple at which its bytes begin, as PyTorch pads them with an extra field.
    pub align: u64,
    /// Whether a 64-bit data descriptor follows its bytes and the local header leaves the sizes out.
    pub descriptor: bool,
    /// Where the directory says it begins, if not where it does.
    pub claimed_at: Option<u64>,
    /// Whether only a row of the directory is written.
    pub phantom: bool,
}

impl<'a> Entry<'a> {
    pub fn stored(name: &'a str, body: Body<'a>) -> Entry<'a> {
        Entry {
            name: name.as_bytes(),
            body,
            size: body.len(),
            packed: body.len(),
            method: 0,
            flags: 0,
            align: 1,
            descriptor: false,
            claimed_at: None,
            phantom: false,
        }
    }

    /// `packed` is a raw deflate stream of `size` bytes.
    pub fn deflated(name: &'a str, packed: &'a [u8], size: u64) -> Entry<'a> {
        Entry { method: 8, size, ..Entry::stored(name, Body::Bytes(packed)) }
    }
}

/// An archive in memory.
pub fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write(&mut out, entries);
    out.into_inner()
}

/// Members, each stored.
pub fn stored(files: &[(&str, &[u8])]) -> Vec<u8> {
    archive(&files.iter().map(|(name, bytes)| Entry::stored(name, Body::Bytes(bytes))).collect::<Vec<_>>())
}

/// Members, each deflated.
pub fn deflated(files: &[(&str, &[u8])]) -> Vec<u8> {
    let packed: Vec<Vec<u8>> = files.iter().map(|(_, bytes)| super::codec::deflate(bytes)).collect();
    let entries = files.iter().zip(&packed);
    archive(
        &entries.map(|((name, bytes), packed)| Entry::deflated(name, packed, bytes.len() as u64)).collect::<Vec<_>>(),
    )
}

/// Local headers and bodies, the directory, and the end records in their zip64 form as well.
pub fn write(out: &mut (impl Write + Seek), entries: &[Entry]) {
    let base = out.stream_position().unwrap();
    let mut rows = Vec::new();
    for entry in entries {
        let at = out.stream_position().unwrap() - base;
        if !entry.phantom {
            local(out, entry, at);
        }
        rows.push(row(entry, entry.claimed_at.unwrap_or(at)));
    }
    let directory_at = out.stream_position().unwrap() - base;
    let directory = rows.concat();
    out.write_all(&directory).unwrap();
    let count = entries.len() as u64;
    let end_at = directory_at + directory.len() as u64;

    out.write_all(b"PK\x06\x06").unwrap();
    numbers(out, &[44u64.to_le_bytes().as_slice(), &45u16.to_le_bytes(), &45u16.to_le_bytes(), &[0; 8]]);
    for value in [count, count, directory.len() as u64, directory_at] {
        out.write_all(&value.to_le_bytes()).unwrap();
    }
    out.write_all(b"PK\x06\x07\0\0\0\0").unwrap();
    numbers(out, &[&end_at.to_le_bytes(), &1u32.to_le_bytes()]);
    out.write_all(b"PK\x05\x06\0\0\0\0").unwrap();
    let short = |value: u64| u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes();
    numbers(out, &[&short(count), &short(count), &word(directory.len() as u64), &word(directory_at), &[0, 0]]);
}

fn local(out: &mut (impl Write + Seek), entry: &Entry, at: u64) {
    let flags = entry.flags | if entry.descriptor { 8 } else { 0 };
    let fixed = at + 30 + entry.name.len() as u64;
    // The padding is an extra field of its own, four bytes at least: "FB", as PyTorch calls it.
    let pad = if entry.align > 1 { (fixed + 4).wrapping_neg() % entry.align } else { 0 };
    let extra = if entry.align > 1 {
        [b"FB", &(pad as u16).to_le_bytes()[..], &vec![b'Z'; pad as usize]].concat()
    } else {
        vec![]
    };
    let (packed, size) = if entry.descriptor { (0, 0) } else { (entry.packed, entry.size) };
    out.write_all(b"PK\x03\x04\x2d\0").unwrap();
    numbers(out, &[&flags.to_le_bytes(), &entry.method.to_le_bytes(), &[0; 8], &word(packed), &word(size)]);
    numbers(out, &[&(entry.name.len() as u16).to_le_bytes(), &(extra.len() as u16).to_le_bytes(), entry.name, &extra]);
    entry.body.write(out);
    if entry.descriptor {
        out.write_all(b"PK\x07\x08\0\0\0\0").unwrap();
        numbers(out, &[&entry.packed.to_le_bytes(), &entry.size.to_le_bytes()]);
    }
}

fn row(entry: &Entry, at: u64) -> Vec<u8> {
    let flags = entry.flags | if entry.descriptor { 8 } else { 0 };
    let wide: Vec<u8> = [entry.size, entry.packed, at]
        .into_iter()
        .filter(|value| *value >= u64::from(u32::MAX))
        .flat_map(u64::to_le_bytes)
        .collect();
    let extra = if wide.is_empty() { vec![] } else { [&[1, 0, wide.len() as u8, 0], wide.as_slice()].concat() };
    // The checksum is left out: nobody computes one over a hole, and readers of structure do not check it.
    let mut row = b"PK\x01\x02\x2d\0\x2d\0".to_vec();
    for part in [&flags.to_le_bytes()[..], &entry.method.to_le_bytes(), &[0; 8], &word(entry.packed), &word(entry.size)]
    {
        row.extend(part);
    }
    row.extend((entry.name.len() as u16).to_le_bytes());
    row.extend((extra.len() as u16).to_le_bytes());
    row.extend([0; 10]);
    row.extend(word(at));
    row.extend(entry.name);
    row.extend(extra);
    row
}

/// Four bytes, all ones where the value needs more.
fn word(value: u64) -> [u8; 4] {
    u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes()
}

fn numbers(out: &mut impl Write, parts: &[&[u8]]) {
    for part in parts {
        out.write_all(part).unwrap();
    }
}
