//! 7z: honest archives by the crate that reads them, others header by header (`7zFormat.txt` of the LZMA SDK).

use std::io::Cursor;

use sevenz_rust2::{ArchiveEntry, ArchiveWriter};

pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    for (name, bytes) in files {
        writer.push_archive_entry(ArchiveEntry::new_file(name), Some(*bytes)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// One member of `size` bytes in one folder of one coder, whose packed bytes are `packed`.
pub fn one_coder(name: &str, method: &[u8], properties: &[u8], packed: &[u8], size: u64) -> Vec<u8> {
    let mut header = vec![0x01, 0x04];
    // Where the packed bytes lie.
    header.extend([0x06, 0, 1, 0x09]);
    header.extend(number(packed.len() as u64));
    header.push(0);
    // The folder: one coder with properties.
    header.extend([0x07, 0x0b, 1, 0, 1, 0x20 | method.len() as u8]);
    header.extend(method);
    header.extend(number(properties.len() as u64));
    header.extend(properties);
    header.push(0x0c);
    header.extend(number(size));
    // One stream in it, without a checksum.
    header.extend([0, 0x08, 0, 0]);
    // The file.
    let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    header.extend([0x05, 1, 0x11]);
    header.extend(number(name.len() as u64 + 1));
    header.push(0);
    header.extend(name);
    header.extend([0, 0]);
    framed(packed, &header)
}

/// Signature, position and checksums of `header`, the packed bytes, `header`.
pub fn framed(packed: &[u8], header: &[u8]) -> Vec<u8> {
    let mut start = (packed.len() as u64).to_le_bytes().to_vec();
    start.extend((header.len() as u64).to_le_bytes());
    start.extend(crc(header).to_le_bytes());
    [b"7z\xbc\xaf\x27\x1c\0\x04", crc(&start).to_le_bytes().as_slice(), &start, packed, header].concat()
}

/// A signature header that claims a header of `size` bytes at `at`.
pub fn lying(at: u64, size: u64) -> Vec<u8> {
    let start = [at.to_le_bytes().as_slice(), &size.to_le_bytes(), &[0; 4]].concat();
    [b"7z\xbc\xaf\x27\x1c\0\x04", crc(&start).to_le_bytes().as_slice(), &start].concat()
}

/// All nine bytes, which any number may take.
pub fn number(value: u64) -> Vec<u8> {
    [&[0xff], value.to_le_bytes().as_slice()].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
