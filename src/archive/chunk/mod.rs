//! How pieces of arrays are packed, in HDF5 and in Zarr: codecs over bytes at hand, bounded by what the caller allows.
//!
//! A piece is small: it is unpacked whole. Never more comes out than `allowed`; what does not hold gives nothing.

mod blosc;

use std::io::Read;

pub use blosc::blosc;

use crate::blob::ReadError;

/// A zlib stream.
pub fn inflate(bytes: &[u8], allowed: usize) -> Option<Vec<u8>> {
    drain(flate2::read::ZlibDecoder::new(bytes), allowed)
}

/// A gzip stream.
pub fn gunzip(bytes: &[u8], allowed: usize) -> Option<Vec<u8>> {
    drain(flate2::read::GzDecoder::new(bytes), allowed)
}

/// A Zstandard frame.
pub fn zstd(bytes: &[u8], allowed: usize) -> Option<Vec<u8>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).ok()?;
    // No window larger than what may come out: eight MiB at least are asked by every level.
    decoder.window_log_max(24).ok()?;
    drain(decoder, allowed)
}

/// A block of LZ4 without a frame.
pub fn lz4(bytes: &[u8], allowed: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; allowed];
    let got = lz4_flex::block::decompress_into(bytes, &mut out).ok()?;
    out.truncate(got);
    Some(out)
}

fn drain(reader: impl Read, allowed: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    std::io::copy(&mut reader.take(allowed as u64), &mut out).map_err(ReadError::from_io).ok()?;
    Some(out)
}

/// Elements of which first all first bytes, then all second bytes were written, and so on; what is left over at the end
/// is as it was.
pub fn unshuffle(bytes: &[u8], element: usize) -> Vec<u8> {
    let count = bytes.len().checked_div(element).unwrap_or(0);
    if element < 2 || count < 2 {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    for index in 0..count {
        let planes = bytes.chunks_exact(count).take(element);
        out.extend(planes.filter_map(|plane| plane.get(index)));
    }
    out.extend(bytes.get(out.len()..).unwrap_or_default());
    out
}

/// LZF, as h5py writes it.
pub fn lzf(bytes: &[u8], allowed: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = bytes;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        let control = usize::from(control);
        if control < 32 {
            let (literal, after) = rest.split_at_checked(control.checked_add(1)?)?;
            out.extend_from_slice(literal);
            rest = after;
        } else {
            let mut length = control >> 5;
            if length == 7 {
                let (&more, after) = rest.split_first()?;
                length = length.checked_add(usize::from(more))?;
                rest = after;
            }
            let (&low, after) = rest.split_first()?;
            rest = after;
            let back = ((control & 0x1f) << 8).checked_add(usize::from(low))?.checked_add(1)?;
            copy_back(&mut out, back, length.checked_add(2)?)?;
        }
        if out.len() > allowed {
            return None;
        }
    }
    Some(out)
}

/// Repeats `length` bytes from `back` bytes before the end, which may overlap what is written.
fn copy_back(out: &mut Vec<u8>, back: usize, length: usize) -> Option<()> {
    let from = out.len().checked_sub(back)?;
    for at in (from..).take(length) {
        out.push(*out.get(at)?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_elements_are_put_together() {
        assert_eq!(unshuffle(b"adgbehcfiX", 3), b"abcdefghiX");
        assert_eq!(unshuffle(b"abc", 1), b"abc");
        assert_eq!(unshuffle(b"ab", 3), b"ab");
    }

    #[test]
    fn repeated_bytes_of_lzf() {
        assert_eq!(lzf(b"\x01ab\x20\x01", 100).unwrap(), b"ababa");
        assert_eq!(lzf(b"\x00a\xe0\xff\x00", 1000).unwrap(), [b'a'; 265]);
        assert!(lzf(b"\x00a\xe0\xff\x00", 100).is_none());
        assert!(lzf(b"\x20\x01", 100).is_none() && lzf(b"\x05a", 100).is_none());
    }
}
