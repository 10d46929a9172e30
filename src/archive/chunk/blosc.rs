//! Blosc 1: a header, blocks, and in each block one or several streams of another codec, often shuffled.
//!
//! Follows `README_CHUNK_FORMAT.rst` of c-blosc. LZ4, zlib and Zstandard inside are read, and BloscLZ; Snappy is not.

use super::{copy_back, inflate, lz4, unshuffle, zstd};

/// Largest piece.
const MAX_SIZE: usize = 64 << 20;

/// A Blosc buffer.
pub fn blosc(bytes: &[u8], allowed: usize) -> Option<Vec<u8>> {
    let header: &[u8; 16] = bytes.first_chunk()?;
    let [version, _, flags, element, rest @ ..] = *header;
    let number = |at: usize| {
        let bytes = rest.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let (size, block, stored) = (number(0)?, number(4)?, number(8)?);
    if !matches!(version, 1 | 2) || size > allowed || size > MAX_SIZE || stored > bytes.len() {
        return None;
    }
    if flags & 2 != 0 {
        return Some(bytes.get(16..)?.get(..size)?.to_vec());
    }
    if size == 0 {
        return Some(Vec::new());
    }
    if block == 0 {
        return None;
    }
    let element = usize::from(element).max(1);
    let count = size.div_ceil(block);
    let mut out: Vec<u8> = Vec::new();
    for index in 0..count {
        let place = bytes.get(index.checked_mul(4)?.checked_add(16)?..)?.first_chunk()?;
        let at = usize::try_from(u32::from_le_bytes(*place)).ok()?;
        let length = block.min(size.checked_sub(out.len())?);
        let is_last_short = length < block;
        // A block of elements is split into a stream for each byte of them, unless the flag says no.
        let is_split = flags & 0x10 == 0 && !is_last_short && element <= 16 && block.checked_div(element)? >= 128;
        let streams = if is_split { element } else { 1 };
        let part = length.checked_div(streams)?;
        let mut plain = Vec::new();
        let mut rest = bytes.get(at..)?;
        for _ in 0..streams {
            let (packed, after) = rest.split_first_chunk()?;
            let packed = usize::try_from(u32::from_le_bytes(*packed)).ok()?;
            let (stream, after) = after.split_at_checked(packed)?;
            plain.extend(if packed == part { stream.to_vec() } else { unpack(flags >> 5, stream, part)? });
            rest = after;
        }
        if plain.len() != length {
            return None;
        }
        match flags & 5 {
            0 => out.extend(plain),
            1 => out.extend(unshuffle(&plain, element)),
            _ => out.extend(unshuffle_bits(&plain, element)?),
        }
    }
    Some(out)
}

fn unpack(codec: u8, stream: &[u8], size: usize) -> Option<Vec<u8>> {
    match codec {
        0 => blosc_lz(stream, size),
        1 => lz4(stream, size),
        3 => inflate(stream, size),
        4 => zstd(stream, size),
        _ => None,
    }
}

/// Elements of which first all first bits, then all second bits were written, and so on; a rest of elements that is no
/// multiple of eight is as it was.
fn unshuffle_bits(bytes: &[u8], element: usize) -> Option<Vec<u8>> {
    let count = bytes.len().checked_div(element)? & !7;
    let whole = count.checked_mul(element)?;
    let mut out = vec![0u8; whole];
    let row = count / 8;
    for (place, &byte) in bytes.get(..whole)?.iter().enumerate() {
        let (bit, group) = (place.checked_div(row)?, place.checked_rem(row)?);
        for within in 0..8 {
            if byte >> within & 1 == 1 {
                let index = group.checked_mul(8)?.checked_add(within)?;
                let at = index.checked_mul(element)?.checked_add(bit / 8)?;
                *out.get_mut(at)? |= 1 << (bit % 8);
            }
        }
    }
    out.extend(bytes.get(whole..)?);
    Some(out)
}

/// BloscLZ, which is FastLZ of the second level.
fn blosc_lz(bytes: &[u8], size: usize) -> Option<Vec<u8>> {
    const FAR: usize = 8191;
    let mut out: Vec<u8> = Vec::new();
    let (&first, mut rest) = bytes.split_first()?;
    let mut control = usize::from(first & 31);
    loop {
        if control >= 32 {
            let mut length = (control >> 5).checked_sub(1)?;
            let mut back = (control & 31) << 8;
            if length == 6 {
                loop {
                    let (&more, after) = rest.split_first()?;
                    rest = after;
                    length = length.checked_add(usize::from(more))?;
                    if more != 255 {
                        break;
                    }
                }
            }
            let (&low, after) = rest.split_first()?;
            rest = after;
            back = back.checked_add(usize::from(low))?;
            if back == FAR {
                let (far, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                back = usize::from(u16::from_be_bytes(*far)).checked_add(FAR)?;
            }
            copy_back(&mut out, back.checked_add(1)?, length.checked_add(3)?)?;
        } else {
            let (literal, after) = rest.split_at_checked(control.checked_add(1)?)?;
            out.extend_from_slice(literal);
            rest = after;
        }
        if out.len() > size {
            return None;
        }
        let Some((&next, after)) = rest.split_first() else { return Some(out) };
        control = usize::from(next);
        rest = after;
    }
}
