//! Characters of a text file, as UTF-8: what its first bytes say, else UTF-8 if it holds, else windows-1252.
//!
//! Decoding is `encoding_rs`'s, which follows the Encoding Standard; here is only the choice.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The character set of a text, and how many bytes of mark precede it.
pub(super) struct Charset {
    encoding: &'static Encoding,
    /// Bytes of the byte order mark.
    pub(super) mark: usize,
}

impl Charset {
    /// Guesses from the beginning of a file: nothing where it is no text.
    pub(super) fn of(head: &[u8]) -> Option<Charset> {
        if let Some((encoding, mark)) = Encoding::for_bom(head) {
            return Some(Charset { encoding, mark });
        }
        let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|&&byte| byte == 0).count();
        if head.len() >= 8 && head.contains(&0) {
            // Latin letters in UTF-16 have a zero in every other byte.
            let most = head.len().saturating_mul(9) / 20;
            let encoding = match (zeros(0) > most, zeros(1) > most) {
                (false, true) => UTF_16LE,
                (true, false) => UTF_16BE,
                _ => return None,
            };
            return Some(Charset { encoding, mark: 0 });
        }
        if head.iter().any(|&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)) {
            return None;
        }
        let encoding = match std::str::from_utf8(head) {
            Ok(_) => UTF_8,
            // The last character may be cut by the end of the head.
            Err(error) if error.error_len().is_none() => UTF_8,
            Err(_) => WINDOWS_1252,
        };
        Some(Charset { encoding, mark: 0 })
    }

    /// Its name, where that is not UTF-8.
    pub(super) fn name(&self) -> Option<String> {
        (self.encoding != UTF_8).then(|| self.encoding.name().to_lowercase())
    }

    /// The beginning as text, without the mark.
    pub(super) fn text(&self, head: &[u8]) -> String {
        let bytes = head.get(self.mark..).unwrap_or_default();
        self.encoding.decode_without_bom_handling(bytes).0.into_owned()
    }

    /// The rest of the stream, decoded; the mark is taken off.
    pub(super) fn decode<'r>(&self, reader: &'r mut dyn Read) -> Decoded<'r> {
        Decoded {
            reader,
            decoder: (self.encoding != UTF_8).then(|| self.encoding.new_decoder_without_bom_handling()),
            skip: self.mark,
            input: Vec::new(),
            at_end: false,
            is_done: false,
        }
    }
}

/// A stream as UTF-8. One that claims to be UTF-8 goes through as it is: a broken character stays where it is.
pub(super) struct Decoded<'r> {
    reader: &'r mut dyn Read,
    decoder: Option<Decoder>,
    skip: usize,
    input: Vec<u8>,
    at_end: bool,
    /// Whether the decoder gave its last: it must not be asked again.
    is_done: bool,
}

impl Read for Decoded<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.skip > 0 {
            let mut mark = [0; 4];
            let wanted = mark.get_mut(..self.skip.min(4)).unwrap_or_default();
            match self.reader.read(wanted)? {
                0 => return Ok(0),
                read => self.skip = self.skip.saturating_sub(read),
            }
        }
        let Some(decoder) = &mut self.decoder else { return self.reader.read(buf) };
        // A decoder writes whole characters: room for one is needed.
        if buf.len() < 16 {
            return Err(io::Error::other("a buffer too small for a character"));
        }
        loop {
            if self.is_done {
                return Ok(0);
            }
            if self.input.is_empty() && !self.at_end {
                self.input.resize(32 << 10, 0);
                let read = self.reader.read(&mut self.input)?;
                self.input.truncate(read);
                self.at_end = read == 0;
            }
            let (result, read, written, _) = decoder.decode_to_utf8(&self.input, buf, self.at_end);
            self.input.drain(..read);
            self.is_done = self.at_end && result == CoderResult::InputEmpty;
            if written > 0 || (self.at_end && result == CoderResult::InputEmpty) {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Option<(String, Option<String>)> {
        let charset = Charset::of(&bytes[..bytes.len().min(64)])?;
        let mut text = Vec::new();
        let mut reader = bytes;
        let mut decoded = charset.decode(&mut reader);
        let mut chunk = [0; 20];
        while let Ok(read @ 1..) = decoded.read(&mut chunk) {
            text.extend_from_slice(&chunk[..read]);
        }
        assert!(matches!(decoded.read(&mut chunk), Ok(0)), "the end stays the end");
        Some((String::from_utf8_lossy(&text).into_owned(), charset.name()))
    }

    #[test]
    fn every_character_set_of_an_export() {
        let text = "navn;køn\nÅse;K\nSøren;M\nZoë;K\n".repeat(9);
        let utf16 = |swap: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        let (latin, ..) = WINDOWS_1252.encode(&text);
        for (bytes, name) in [
            (text.clone().into_bytes(), None),
            ([b"\xef\xbb\xbf", text.as_bytes()].concat(), None),
            ([b"\xff\xfe".to_vec(), utf16(false)].concat(), Some("utf-16le")),
            ([b"\xfe\xff".to_vec(), utf16(true)].concat(), Some("utf-16be")),
            (utf16(false), Some("utf-16le")),
            (latin.into_owned(), Some("windows-1252")),
        ] {
            assert_eq!(decode(&bytes), Some((text.clone(), name.map(str::to_owned))), "{name:?}");
        }
    }

    #[test]
    fn bytes_are_no_text() {
        assert!(Charset::of(b"\x7fELF\x02\x01\x01\0\0\0\0\0").is_none());
        assert!(Charset::of(b"abc\x01def").is_none());
    }
}
