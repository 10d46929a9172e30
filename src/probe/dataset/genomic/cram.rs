//! The containers of a CRAM file: each says how long it is and how many records it holds.

use std::io::Read;

use flate2::read::GzDecoder;

use super::super::super::ProbeError;
use super::super::super::stream::Stream;

/// Longest header text.
const MAX_HEADER: usize = 16 << 20;
/// Most landmarks of a container, which are passed over one by one.
const MAX_LANDMARKS: u32 = 1 << 20;

/// Tells the header's text and counts records.
pub(super) fn read(
    stream: &mut Stream,
    all: bool,
    header: &mut dyn FnMut(&[u8]),
    rows: &mut u64,
) -> Result<(), ProbeError> {
    stream.skip(4)?;
    let major = stream.u8()?;
    stream.skip(21)?;
    let mut is_first = true;
    while !stream.is_over()? {
        let (length, records) = container(stream, major)?;
        if !is_first {
            *rows = rows.saturating_add(records);
            stream.skip(length)?;
            continue;
        }
        is_first = false;
        let end = stream.position().saturating_add(length);
        if let Some(text) = first_block(stream, major)? {
            header(&text);
        }
        if !all {
            return Ok(());
        }
        stream.skip_to(end)?;
    }
    Ok(())
}

/// Bytes and records of the container at hand, whose header is passed over.
fn container(stream: &mut Stream, major: u8) -> Result<(u64, u64), ProbeError> {
    let length = if major >= 4 { u64::from(uint7(stream)?) } else { u64::from(stream.u32()?) };
    let number = |stream: &mut Stream| if major >= 4 { uint7(stream) } else { itf8(stream) };
    for _ in 0..3 {
        number(stream)?;
    }
    let records = number(stream)?;
    match major {
        1 => {}
        2 => {
            itf8(stream)?;
            ltf8(stream)?;
        }
        3 => {
            ltf8(stream)?;
            ltf8(stream)?;
        }
        _ => {
            uint7(stream)?;
            uint7(stream)?;
        }
    }
    number(stream)?;
    let landmarks = number(stream)?;
    if landmarks > MAX_LANDMARKS {
        return Err(ProbeError::Malformed("a container has more parts than are read".to_owned()));
    }
    for _ in 0..landmarks {
        number(stream)?;
    }
    if major >= 3 {
        stream.skip(4)?;
    }
    Ok((length, records.into()))
}

/// The text of the first block, where it is compressed in a way that is read.
fn first_block(stream: &mut Stream, major: u8) -> Result<Option<Vec<u8>>, ProbeError> {
    let number = |stream: &mut Stream| if major >= 4 { uint7(stream) } else { itf8(stream) };
    let method = stream.u8()?;
    stream.skip(1)?;
    number(stream)?;
    let (packed, _) = (number(stream)?, number(stream)?);
    let bytes = stream.vec(packed.into(), MAX_HEADER)?;
    let plain = match method {
        0 => bytes,
        1 => {
            let mut plain = Vec::new();
            let mut decoder = GzDecoder::new(bytes.as_slice()).take(MAX_HEADER as u64);
            std::io::copy(&mut decoder, &mut plain)
                .map_err(|_| ProbeError::Malformed("its header does not inflate".to_owned()))?;
            plain
        }
        _ => return Ok(None),
    };
    Ok(plain.get(4..).map(<[u8]>::to_vec))
}

/// A number of one to five bytes: the leading ones of the first say how many follow.
fn itf8(stream: &mut Stream) -> Result<u32, ProbeError> {
    let first = stream.u8()?;
    let further = first.leading_ones().min(4);
    let mut value = u32::from(first) & (0xff_u32 >> further.saturating_add(1).min(5).min(8));
    if further == 4 {
        value = u32::from(first & 0x0f);
    }
    for at in 0..further {
        let byte = u32::from(stream.u8()?);
        // Of the fifth byte, four bits count.
        value = if at == 3 { (value << 4) | (byte & 0x0f) } else { (value << 8) | byte };
    }
    Ok(value)
}

/// The same of one to nine bytes.
fn ltf8(stream: &mut Stream) -> Result<(), ProbeError> {
    let first = stream.u8()?;
    Ok(stream.skip(first.leading_ones().into())?)
}

/// Seven bits a byte, most significant first.
fn uint7(stream: &mut Stream) -> Result<u32, ProbeError> {
    let mut value = 0u32;
    for _ in 0..5 {
        let byte = stream.u8()?;
        value = (value << 7) | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ProbeError::Malformed("a number is longer than numbers are".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        for (bytes, want) in [
            (&b"\x7f"[..], 0x7f),
            (b"\x81\x02", 0x102),
            (b"\xc1\x02\x03", 0x1_0203),
            (b"\xe1\x02\x03\x04", 0x102_0304),
            (b"\xff\xff\xff\xff\x0f", u32::MAX),
        ] {
            let mut source = bytes;
            assert_eq!(itf8(&mut Stream::new(&mut source)).unwrap(), want, "{bytes:?}");
        }
        let mut source: &[u8] = b"\x81\x00";
        assert_eq!(uint7(&mut Stream::new(&mut source)).unwrap(), 128);
        let mut source: &[u8] = &[0xff; 9];
        assert!(uint7(&mut Stream::new(&mut source)).is_err());
    }
}
