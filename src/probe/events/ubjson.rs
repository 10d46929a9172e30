//! UBJSON: JSON in binary, numbers most significant byte first, containers that may say their type and length.

use super::{Bytes, Event, Listener, MAX_DEPTH, broken};
use crate::probe::ProbeError;

/// A container around the next value.
struct Frame {
    object: bool,
    /// Values that are still to come, where it says how many; otherwise a mark closes it.
    left: Option<u64>,
    /// The type of all its values, where it says so.
    of: Option<u8>,
}

/// Reads one value.
pub(super) fn walk(bytes: &mut Bytes, listener: Listener) -> Result<(), ProbeError> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        let marker = match next_value(bytes, &mut frames, &mut path)? {
            Some(marker) => marker,
            None => return Ok(()),
        };
        match marker {
            b'{' | b'[' => {
                listener(&path, Event::Open);
                if frames.len() >= MAX_DEPTH {
                    return Err(ProbeError::Malformed(format!("it nests deeper than {MAX_DEPTH} levels")));
                }
                let frame = open(bytes, marker == b'{')?;
                if let (false, Some(size), Some(count)) = (frame.object, frame.of.and_then(size), frame.left) {
                    // Numbers of one type, as many as it says: a tree's arrays. They are passed over as a whole.
                    bytes.skip(count.checked_mul(size).ok_or_else(broken)?)?;
                    value_done(&mut frames, &mut path);
                } else {
                    if !frame.object {
                        path.push(String::new());
                    }
                    frames.push(frame);
                }
            }
            _ => {
                scalar(bytes, marker, &path, listener)?;
                value_done(&mut frames, &mut path);
            }
        }
        if frames.is_empty() {
            return Ok(());
        }
    }
}

/// Closes what is over and reads the key; returns the type of the next value, or nothing where all is over.
fn next_value(bytes: &mut Bytes, frames: &mut Vec<Frame>, path: &mut Vec<String>) -> Result<Option<u8>, ProbeError> {
    loop {
        let Some(frame) = frames.last_mut() else { return bytes.next().map(Some) };
        let over = match frame.left {
            Some(left) => left == 0,
            None => {
                let closing = if frame.object { b'}' } else { b']' };
                while bytes.peek()? == b'N' {
                    bytes.next()?;
                }
                let over = bytes.peek()? == closing;
                if over {
                    bytes.next()?;
                }
                over
            }
        };
        if over {
            if !frame.object {
                path.pop();
            }
            frames.pop();
            value_done(frames, path);
            if frames.is_empty() {
                return Ok(None);
            }
            continue;
        }
        frame.left = frame.left.map(|left| left.saturating_sub(1));
        let of = frame.of;
        if frame.object {
            let len = length(bytes)?;
            path.push(bytes.text(len)?);
        }
        return match of {
            Some(of) => Ok(Some(of)),
            None => bytes.next().map(Some),
        };
    }
}

fn value_done(frames: &mut [Frame], path: &mut Vec<String>) {
    if frames.last().is_some_and(|frame| frame.object) {
        path.pop();
    }
}

fn open(bytes: &mut Bytes, object: bool) -> Result<Frame, ProbeError> {
    let mut frame = Frame { object, left: None, of: None };
    if bytes.peek()? == b'$' {
        bytes.next()?;
        frame.of = Some(bytes.next()?);
        if bytes.peek()? != b'#' {
            return Err(broken());
        }
    }
    if bytes.peek()? == b'#' {
        bytes.next()?;
        frame.left = Some(length(bytes)?);
        // Values of no bytes could be had without end.
        if frame.of.is_some_and(|of| matches!(of, b'Z' | b'T' | b'F' | b'N')) {
            frame.left = Some(0);
        }
    }
    Ok(frame)
}

/// Bytes of a number of that type.
fn size(marker: u8) -> Option<u64> {
    Some(match marker {
        b'i' | b'U' | b'C' => 1,
        b'I' => 2,
        b'l' | b'd' => 4,
        b'L' | b'D' => 8,
        _ => return None,
    })
}

/// A length: any integer that is not negative.
fn length(bytes: &mut Bytes) -> Result<u64, ProbeError> {
    let marker = bytes.next()?;
    if !matches!(marker, b'i' | b'U' | b'I' | b'l' | b'L') {
        return Err(broken());
    }
    u64::try_from(integer(bytes, marker)?).map_err(|_| broken())
}

/// An integer, or the bits of a float.
fn integer(bytes: &mut Bytes, marker: u8) -> Result<i64, ProbeError> {
    let size = size(marker).ok_or_else(broken)?;
    let mut value = 0u64;
    for _ in 0..size {
        value = (value << 8) | u64::from(bytes.next()?);
    }
    let sign = match marker {
        b'i' => 56u32,
        b'I' => 48,
        b'l' => 32,
        _ => 0,
    };
    Ok((value << sign).cast_signed() >> sign)
}

fn scalar(bytes: &mut Bytes, marker: u8, path: &[String], listener: Listener) -> Result<(), ProbeError> {
    match marker {
        b'S' | b'H' => {
            let len = length(bytes)?;
            let text = bytes.text(len)?;
            listener(path, Event::Text(&text));
        }
        b'Z' | b'T' | b'F' | b'N' => listener(path, Event::Word),
        b'd' => {
            let bits = integer(bytes, b'd')? & 0xffff_ffff;
            let value = u32::try_from(bits).map_or(f64::NAN, |bits| f64::from(f32::from_bits(bits)));
            listener(path, Event::Number(value));
        }
        b'D' => {
            let bits = integer(bytes, b'D')?.cast_unsigned();
            listener(path, Event::Number(f64::from_bits(bits)));
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of features and trees are far below 2^53")]
        b'i' | b'U' | b'I' | b'l' | b'L' | b'C' => {
            let value = integer(bytes, marker)?;
            listener(path, Event::Number(value as f64));
        }
        _ => return Err(broken()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;
    use crate::probe::events::{Syntax, walk};

    fn told(bytes: &[u8]) -> Result<Vec<String>, ProbeError> {
        let mut told = Vec::new();
        let mut listener = |path: &[String], event: Event| told.push(format!("{}: {event:?}", path.join("/")));
        walk(&Memory::new(bytes), 0, 1 << 20, Syntax::Ubjson, &mut listener)?;
        Ok(told)
    }

    #[test]
    fn typed_and_counted_containers() {
        let bytes = b"{i\x01a[#i\x02i\x05Si\x02hii\x01b[$d#L\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0i\x01c[$S#i\x01i\x01xi\x01d{U\x01eI\xff\xfei\x01fd\x3f\x80\0\0}}";
        assert_eq!(
            told(bytes).unwrap(),
            [
                ": Open",
                "a: Open",
                "a/: Number(5.0)",
                "a/: Text(\"hi\")",
                "b: Open",
                "c: Open",
                "c/: Text(\"x\")",
                "d: Open",
                "d/e: Number(-2.0)",
                "d/f: Number(1.0)",
            ]
        );
    }

    #[test]
    fn hostile_lengths_and_nesting_end() {
        assert!(told(&b"[".repeat(100_000)).is_err());
        assert!(told(b"[$L#L\x7f\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(told(b"[#L\x7f\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(told(b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff").is_ok());
        assert!(told(b"{L\xff\xff\xff\xff\xff\xff\xff\xffx").is_err());
        assert!(told(b"{i\x01a").is_err());
    }
}
