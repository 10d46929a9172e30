//! MessagePack as a stream of values with their paths, like [`super`].
//!
//! Follows the specification of MessagePack (msgpack.org). Keys are texts or byte strings; byte strings and extensions
//! as values are passed over.

use super::{Bytes, Event, Listener, MAX_DEPTH, broken};
use crate::probe::ProbeError;

/// A container around the next value.
struct Frame {
    map: bool,
    left: u64,
}

/// Reads one value.
pub(super) fn walk(bytes: &mut Bytes, listener: Listener) -> Result<(), ProbeError> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        let marker = bytes.next()?;
        if let Some((map, count)) = container(bytes, marker)? {
            listener(&path, Event::Open);
            if frames.len() >= MAX_DEPTH {
                return Err(ProbeError::Malformed(format!("it nests deeper than {MAX_DEPTH} levels")));
            }
            if !map {
                path.push(String::new());
            }
            frames.push(Frame { map, left: count });
        } else {
            scalar(bytes, marker, &path, listener)?;
            if frames.last().is_some_and(|frame| frame.map) {
                path.pop();
            }
        }
        // Containers that are over, and the key of the next value.
        loop {
            let Some(frame) = frames.last_mut() else { return Ok(()) };
            if frame.left > 0 {
                frame.left = frame.left.saturating_sub(1);
                break;
            }
            if !frame.map {
                path.pop();
            }
            frames.pop();
            if frames.last().is_some_and(|outer| outer.map) {
                path.pop();
            }
        }
        if frames.last().is_some_and(|frame| frame.map) {
            let marker = bytes.next()?;
            path.push(key(bytes, marker)?);
        }
    }
}

fn big(bytes: &mut Bytes, size: u32) -> Result<u64, ProbeError> {
    let mut value = 0u64;
    for _ in 0..size {
        value = (value << 8) | u64::from(bytes.next()?);
    }
    Ok(value)
}

/// Whether a map begins, and how many entries it has; nothing where no container begins.
fn container(bytes: &mut Bytes, marker: u8) -> Result<Option<(bool, u64)>, ProbeError> {
    Ok(Some(match marker {
        0x80..=0x8f => (true, u64::from(marker & 0x0f)),
        0x90..=0x9f => (false, u64::from(marker & 0x0f)),
        0xdc => (false, big(bytes, 2)?),
        0xdd => (false, big(bytes, 4)?),
        0xde => (true, big(bytes, 2)?),
        0xdf => (true, big(bytes, 4)?),
        _ => return Ok(None),
    }))
}

/// The length of a text.
fn text_length(bytes: &mut Bytes, marker: u8) -> Result<Option<u64>, ProbeError> {
    Ok(Some(match marker {
        0xa0..=0xbf => u64::from(marker & 0x1f),
        0xd9 => big(bytes, 1)?,
        0xda => big(bytes, 2)?,
        0xdb => big(bytes, 4)?,
        _ => return Ok(None),
    }))
}

/// The length of a byte string or an extension, its type included.
fn bytes_length(bytes: &mut Bytes, marker: u8) -> Result<Option<u64>, ProbeError> {
    Ok(Some(match marker {
        0xc4 => big(bytes, 1)?,
        0xc5 => big(bytes, 2)?,
        0xc6 => big(bytes, 4)?,
        0xc7 => big(bytes, 1)?.saturating_add(1),
        0xc8 => big(bytes, 2)?.saturating_add(1),
        0xc9 => big(bytes, 4)?.saturating_add(1),
        0xd4..=0xd8 => (1u64 << (marker & 0x07).saturating_sub(4)).saturating_add(1),
        _ => return Ok(None),
    }))
}

fn key(bytes: &mut Bytes, marker: u8) -> Result<String, ProbeError> {
    if let Some(len) = text_length(bytes, marker)? {
        return bytes.text(len);
    }
    if let Some(len) = bytes_length(bytes, marker)? {
        return bytes.text(len);
    }
    number(bytes, marker).map(|number| number.to_string())
}

fn scalar(bytes: &mut Bytes, marker: u8, path: &[String], listener: Listener) -> Result<(), ProbeError> {
    if let Some(len) = text_length(bytes, marker)? {
        let text = bytes.text(len)?;
        listener(path, Event::Text(&text));
    } else if let Some(len) = bytes_length(bytes, marker)? {
        bytes.skip(len)?;
        listener(path, Event::Word);
    } else if matches!(marker, 0xc0 | 0xc2 | 0xc3) {
        listener(path, Event::Word);
    } else {
        let number = number(bytes, marker)?;
        listener(path, Event::Number(number));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "extents and counts are far below 2^53")]
fn number(bytes: &mut Bytes, marker: u8) -> Result<f64, ProbeError> {
    Ok(match marker {
        0x00..=0x7f => f64::from(marker),
        0xe0..=0xff => f64::from(marker.cast_signed()),
        0xca => f64::from(f32::from_bits(u32::try_from(big(bytes, 4)?).unwrap_or(0))),
        0xcb => f64::from_bits(big(bytes, 8)?),
        0xcc => big(bytes, 1)? as f64,
        0xcd => big(bytes, 2)? as f64,
        0xce => big(bytes, 4)? as f64,
        0xcf => big(bytes, 8)? as f64,
        0xd0 => ((big(bytes, 1)? << 56).cast_signed() >> 56) as f64,
        0xd1 => ((big(bytes, 2)? << 48).cast_signed() >> 48) as f64,
        0xd2 => ((big(bytes, 4)? << 32).cast_signed() >> 32) as f64,
        0xd3 => big(bytes, 8)?.cast_signed() as f64,
        _ => return Err(broken()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;
    use crate::probe::events::{Syntax, walk};

    fn told(bytes: &[u8]) -> Result<Vec<String>, ProbeError> {
        let mut told = Vec::new();
        let mut listener = |path: &[String], event: Event| told.push(format!("{}: {event:?}", path.join("/")));
        walk(&Memory::new(bytes), 0, 1 << 20, Syntax::Msgpack, &mut listener)?;
        Ok(told)
    }

    #[test]
    fn containers_numbers_and_bytes() {
        let bytes = b"\x83\xa1a\x93\x01\xff\xa2hi\xc4\x01b\x80\xa1c\x91\x81\xa1d\xc4\x02xx";
        assert_eq!(
            told(bytes).unwrap(),
            [
                ": Open",
                "a: Open",
                "a/: Number(1.0)",
                "a/: Number(-1.0)",
                "a/: Text(\"hi\")",
                "b: Open",
                "c: Open",
                "c/: Open",
                "c//d: Word",
            ]
        );
    }

    #[test]
    fn hostile_counts_and_nesting_end() {
        assert!(told(&b"\x91".repeat(100_000)).is_err());
        assert!(told(b"\xdd\xff\xff\xff\xff\x01").is_err());
        assert!(told(b"\xc6\xff\xff\xff\xffx").is_err());
        assert!(told(b"\xc1").is_err());
        assert!(told(b"\x81\xa1").is_err());
    }
}
