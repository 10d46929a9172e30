//! Compressed streams, by the crates that read them; and one that nobody would write: ten gigabytes of nothing.

use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::{Compress, Compression, Crc, FlushCompress};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut out = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Every codec, with the ending its files have.
pub const CODECS: [(&str, super::Wrap); 6] =
    [("gz", gzip), ("zz", zlib), ("zst", zstd), ("bz2", bzip2), ("lz4", lz4), ("xz", xz)];

const MIB: usize = 1 << 20;

/// A deflate stream of that many MiB of zeros, about a thousandth as long. One MiB is compressed, ending at a byte
/// boundary and without a look back beyond its beginning, and then stands there again and again.
pub fn deflated_zeros(mib: usize) -> Vec<u8> {
    let mut block = Vec::with_capacity(MIB);
    Compress::new(Compression::best(), false).compress_vec(&vec![0; MIB], &mut block, FlushCompress::Full).unwrap();
    let mut stream = block.repeat(mib);
    // An empty last block.
    stream.extend([3, 0]);
    stream
}

/// A valid gzip file of that many MiB of zeros.
pub fn gzip_of_zeros(path: &Path, mib: usize) {
    let mut one = Crc::new();
    one.update(&vec![0; MIB]);
    let mut all = Crc::new();
    for _ in 0..mib {
        all.combine(&one);
    }
    let mut out = BufWriter::new(std::fs::File::create(path).unwrap());
    out.write_all(b"\x1f\x8b\x08\0\0\0\0\0\x02\x03").unwrap();
    out.write_all(&deflated_zeros(mib)).unwrap();
    out.write_all(&all.sum().to_le_bytes()).unwrap();
    // The length is kept modulo 2^32.
    out.write_all(&((mib as u64 * MIB as u64) as u32).to_le_bytes()).unwrap();
    out.flush().unwrap();
}
