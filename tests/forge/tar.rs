//! tar: ustar headers, GNU long names, pax records, base-256 sizes.

use std::io::{Cursor, Seek, SeekFrom, Write};

use super::Body;

const BLOCK: u64 = 512;

/// Writes an archive member by member.
pub struct Tar<W> {
    out: W,
}

impl Tar<Cursor<Vec<u8>>> {
    pub fn in_memory() -> Self {
        Tar::new(Cursor::new(Vec::new()))
    }
}

/// An archive of those files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Tar::in_memory();
    for (name, bytes) in files {
        tar.file(name.as_bytes(), Body::Bytes(bytes));
    }
    tar.end().into_inner()
}

impl<W: Write + Seek> Tar<W> {
    pub fn new(out: W) -> Self {
        Tar { out }
    }

    /// A regular file; its name behind a GNU long name where it is too long for the header.
    pub fn file(&mut self, name: &[u8], body: Body) {
        self.begin(name, body.len());
        body.write(&mut self.out);
        self.pad(body.len());
    }

    /// The header of a file of that size, whatever then follows.
    pub fn begin(&mut self, name: &[u8], size: u64) {
        if name.len() > 100 {
            self.member(b"././@LongLink", b'L', &[name, b"\0"].concat());
        }
        self.out.write_all(&header(&name[..name.len().min(100)], b'0', size)).unwrap();
    }

    /// pax records for the next member.
    pub fn pax(&mut self, records: &[(&str, &str)]) {
        let records: Vec<String> = records.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.member(b"PaxHeaders/x", b'x', records.concat().as_bytes());
    }

    fn member(&mut self, name: &[u8], kind: u8, body: &[u8]) {
        self.out.write_all(&header(name, kind, body.len() as u64)).unwrap();
        self.out.write_all(body).unwrap();
        self.pad(body.len() as u64);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).unwrap();
    }

    fn pad(&mut self, size: u64) {
        self.out.write_all(&vec![0; (size.wrapping_neg() % BLOCK) as usize]).unwrap();
    }

    /// Opens a member whose bytes another writer puts to [`Tar::inner`]; close it with [`Tar::close`].
    pub fn open(&mut self, name: &[u8]) -> u64 {
        self.begin(name, 0);
        self.out.stream_position().unwrap()
    }

    pub fn inner(&mut self) -> &mut W {
        &mut self.out
    }

    /// Closes the member whose bytes began at `start`: its header is written again, now that its size is known.
    pub fn close(&mut self, name: &[u8], start: u64) {
        let end = self.out.stream_position().unwrap();
        self.out.seek(SeekFrom::Start(start - BLOCK)).unwrap();
        self.out.write_all(&header(name, b'0', end - start)).unwrap();
        self.out.seek(SeekFrom::Start(end)).unwrap();
        self.pad(end - start);
    }

    /// Two empty blocks.
    pub fn end(mut self) -> W {
        self.out.write_all(&[0; 1024]).unwrap();
        self.out
    }
}

/// A ustar header; the size in base 256 where eleven octal digits do not hold it.
pub fn header(name: &[u8], kind: u8, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    if size < 1 << 33 {
        block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    } else {
        block[124] = 0x80;
        block[128..136].copy_from_slice(&size.to_be_bytes());
    }
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// `length key=value\n`, the length counting its own digits.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n")
}
