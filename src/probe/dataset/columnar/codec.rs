//! Blocks of a compressed table: inflated one at a time, to a length that is allowed beforehand.

use std::io::Read;

use super::super::super::ProbeError;

/// The ways in which blocks are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Deflate,
    Snappy,
    Lz4,
    Zstd,
    Bzip2,
    Xz,
}

/// Memory an xz block may ask for, in KiB.
const XZ_MEMORY_KIB: u32 = 64 << 10;

impl Codec {
    /// The block's content, at most `allowed` bytes of it: more is malformed.
    pub(super) fn unpack(self, packed: &[u8], allowed: usize) -> Result<Vec<u8>, ProbeError> {
        match self {
            Codec::Deflate => stream(flate2::read::DeflateDecoder::new(packed), allowed),
            Codec::Zstd => stream(zstd::stream::read::Decoder::new(packed).map_err(|_| broken())?, allowed),
            Codec::Bzip2 => stream(bzip2::read::MultiBzDecoder::new(packed), allowed),
            Codec::Xz => stream(lzma_rust2::XzReader::new_mem_limit(packed, true, XZ_MEMORY_KIB), allowed),
            Codec::Snappy => {
                let length = snap::raw::decompress_len(packed).map_err(|_| broken())?;
                // Snappy packs 64 bytes into three at best.
                if length > allowed || length > packed.len().saturating_mul(64) {
                    return Err(broken());
                }
                snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| broken())
            }
            Codec::Lz4 => {
                let mut out = vec![0; allowed.min(packed.len().saturating_mul(256))];
                let length = lz4_flex::block::decompress_into(packed, &mut out).map_err(|_| broken())?;
                out.truncate(length);
                Ok(out)
            }
        }
    }
}

fn stream(decoder: impl Read, allowed: usize) -> Result<Vec<u8>, ProbeError> {
    let mut out = Vec::new();
    let more = (allowed as u64).saturating_add(1);
    std::io::copy(&mut decoder.take(more), &mut out).map_err(|_| broken())?;
    if out.len() > allowed { Err(broken()) } else { Ok(out) }
}

fn broken() -> ProbeError {
    ProbeError::Malformed("a block does not inflate".to_owned())
}
