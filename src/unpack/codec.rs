//! Streams of one content: gzip, zlib, zstd, xz, lzma, bzip2, lz4.
//!
//! Windows are bounded, since they are memory that the stream asks for.

use std::io::Read;

use super::{Open, Unpacker};

/// Largest window a zstd frame may ask for, as a power of two: 128 MiB, what `zstd --long` writes by default.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Largest dictionary an xz or lzma stream may ask for, in KiB: `xz -9` asks for 65.
pub(super) const LZMA_MEMORY_KIB: u32 = 256 << 10;

pub(super) const GZIP: Unpacker = Unpacker {
    id: "gzip",
    open: Open::Codec {
        decode: |reader| Ok(Box::new(flate2::read::MultiGzDecoder::new(reader))),
        endings: &[("gz", ""), ("gzip", ""), ("bgz", ""), ("tgz", "tar"), ("taz", "tar"), ("svgz", "svg")],
    },
};

pub(super) const ZLIB: Unpacker = Unpacker {
    id: "zlib",
    open: Open::Codec {
        decode: |reader| Ok(Box::new(flate2::read::ZlibDecoder::new(reader))),
        endings: &[("z", ""), ("zlib", ""), ("zz", "")],
    },
};

pub(super) const ZSTD: Unpacker = Unpacker {
    id: "zstd",
    open: Open::Codec {
        decode: |reader| {
            let mut decoder = zstd::stream::read::Decoder::new(reader)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Ok(Box::new(decoder))
        },
        endings: &[("zst", ""), ("zstd", ""), ("tzst", "tar")],
    },
};

pub(super) const XZ: Unpacker = Unpacker {
    id: "xz",
    open: Open::Codec {
        decode: |reader| Ok(Box::new(lzma_rust2::XzReader::new_mem_limit(reader, true, LZMA_MEMORY_KIB))),
        endings: &[("xz", ""), ("txz", "tar")],
    },
};

pub(super) const LZMA: Unpacker = Unpacker {
    id: "lzma",
    open: Open::Codec {
        decode: |reader| Ok(Box::new(lzma_rust2::LzmaReader::new_mem_limit(reader, LZMA_MEMORY_KIB, None)?)),
        endings: &[("lzma", ""), ("tlz", "tar")],
    },
};

pub(super) const BZIP2: Unpacker = Unpacker {
    id: "bzip2",
    open: Open::Codec {
        decode: |reader| Ok(Box::new(bzip2::read::MultiBzDecoder::new(reader))),
        endings: &[("bz2", ""), ("bz", ""), ("tbz2", "tar"), ("tbz", "tar")],
    },
};

pub(super) const LZ4: Unpacker = Unpacker {
    id: "lz4",
    open: Open::Codec {
        decode: |reader| Ok(Box::new(lz4_flex::frame::FrameDecoder::new(reader))),
        endings: &[("lz4", ""), ("tlz4", "tar")],
    },
};

/// Reads and forgets up to `len` bytes; returns how many there were.
pub(super) fn pass_over(reader: &mut dyn Read, len: u64) -> std::io::Result<u64> {
    std::io::copy(&mut reader.take(len), &mut std::io::sink())
}
