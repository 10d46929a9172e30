//! Records with their length and checksums: the frames of TFRecord files and of the event files of TensorBoard.
//!
//! Follows `tensorflow/core/lib/io/record_writer.h`: the length in eight bytes, its checksum, the body, its checksum. There
//! is no magic: the checksum of the first length tells it from anything else.

use std::io::Read;

use super::ProbeError;
use crate::blob::ReadError;

/// Length, its checksum.
pub(crate) const FRAME: usize = 12;

/// The length a frame begins with, if its checksum holds.
pub(crate) fn length_of(frame: &[u8; FRAME]) -> Option<u64> {
    let (length, sum) = frame.split_first_chunk::<8>()?;
    let sum = u32::from_le_bytes(*sum.first_chunk::<4>()?);
    (masked(length) == sum).then(|| u64::from_le_bytes(*length))
}

/// The next record of a stream, in `record` if it has at most `whole` bytes, else its first `beginning` bytes; answers its
/// length, and nothing at the end.
///
/// # Errors
/// [`ProbeError::Malformed`] where a checksum does not hold, and what the stream answers.
pub(crate) fn next(
    stream: &mut dyn Read,
    whole: u64,
    beginning: u64,
    record: &mut Vec<u8>,
) -> Result<Option<u64>, ProbeError> {
    record.clear();
    take(stream, FRAME as u64, record)?;
    if record.is_empty() {
        return Ok(None);
    }
    let length = length_of(record.first_chunk::<FRAME>().ok_or(ReadError::Cut)?).ok_or_else(broken)?;
    let wanted = length.checked_add(4).ok_or_else(broken)?;
    record.clear();
    if length > whole {
        take(stream, beginning.min(length), record)?;
        let rest = wanted.saturating_sub(record.len() as u64);
        let passed = std::io::copy(&mut stream.take(rest), &mut std::io::sink()).map_err(ReadError::from_io)?;
        return if passed < rest { Err(ReadError::Cut.into()) } else { Ok(Some(length)) };
    }
    take(stream, wanted, record)?;
    let body = record.len().checked_sub(4).filter(|_| record.len() as u64 == wanted).ok_or(ReadError::Cut)?;
    let sum = record.split_off(body);
    let holds = sum.first_chunk::<4>().is_some_and(|sum| masked(record) == u32::from_le_bytes(*sum));
    if holds { Ok(Some(length)) } else { Err(broken()) }
}

/// Reads up to `length` bytes: what is allocated follows what is there.
fn take(stream: &mut dyn Read, length: u64, into: &mut Vec<u8>) -> Result<(), ReadError> {
    std::io::copy(&mut stream.take(length), into).map(drop).map_err(ReadError::from_io)
}

/// What a frame is whose checksum is another's.
pub(crate) fn broken() -> ProbeError {
    ProbeError::Malformed("a record's checksum does not hold".to_owned())
}

/// The checksum as it is stored: rotated, so that checksums of data with checksums in them differ.
pub(crate) fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), eight bytes at a time.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLES: [[u32; 256]; 8] = tables();
    let at = |table: usize, byte: u32| {
        TABLES.get(table).and_then(|table| table.get(byte as usize & 255)).copied().unwrap_or(0)
    };
    let mut crc = u32::MAX;
    let mut words = bytes.chunks_exact(8);
    for word in words.by_ref() {
        let word = u64::from_le_bytes(word.first_chunk::<8>().copied().unwrap_or_default());
        let (low, high) = ((word as u32) ^ crc, (word >> 32) as u32);
        crc = at(7, low)
            ^ at(6, low >> 8)
            ^ at(5, low >> 16)
            ^ at(4, low >> 24)
            ^ at(3, high)
            ^ at(2, high >> 8)
            ^ at(1, high >> 16)
            ^ at(0, high >> 24);
    }
    for &byte in words.remainder() {
        crc = at(0, crc ^ u32::from(byte)) ^ (crc >> 8);
    }
    !crc
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // Evaluated by the compiler.
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = tables[0][(before & 255) as usize] ^ (before >> 8);
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// A record in its frame.
#[cfg(test)]
pub(crate) fn forge(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), body, &masked(body).to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn records_come_whole_or_their_beginning() {
        let bytes = [forge(b"short"), forge(b"a longer one"), forge(b"")].concat();
        let mut stream = &bytes[..];
        let mut record = Vec::new();
        assert_eq!(next(&mut stream, 5, 3, &mut record).unwrap(), Some(5));
        assert_eq!(record, b"short");
        assert_eq!(next(&mut stream, 5, 3, &mut record).unwrap(), Some(12));
        assert_eq!(record, b"a l");
        assert_eq!(next(&mut stream, 5, 3, &mut record).unwrap(), Some(0));
        assert_eq!(next(&mut stream, 5, 3, &mut record).unwrap(), None);
        for size in 1..bytes.len() {
            let mut stream = &bytes[..size];
            while let Ok(Some(_)) = next(&mut stream, 5, 3, &mut record) {}
        }
        let mut bent = forge(b"short");
        bent[13] ^= 1;
        assert!(next(&mut &bent[..], 5, 3, &mut record).is_err());
    }
}
