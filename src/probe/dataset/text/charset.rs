//! Characters of a text file, as UTF-8: what its first bytes say, else UTF-8 if it holds, else what its letters say.
//!
//! Decoding is `encoding_rs`'s, which follows the Encoding Standard; the guess by letters is `chardetng`'s, which browsers
//! make for pages that do not say; here is only the choice.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{CoderResult, Decoder, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Letters beyond ASCII below which a guess among single-byte sets is left alone.
const FEW_LETTERS: usize = 3;

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
            // Shift sequences are ASCII.
            Ok(text) if text.contains('\x1b') && by_letters(head) == ISO_2022_JP => ISO_2022_JP,
            Ok(_) => UTF_8,
            // The last character may be cut by the end of the head.
            Err(error) if error.error_len().is_none() => UTF_8,
            Err(_) => by_letters(head),
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

/// The encoding in which a text makes words.
fn by_letters(head: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(head, false);
    let guess = detector.guess(None, Utf8Detection::Deny);
    // Of a handful of letters there is no telling which of many single-byte sets they are in.
    let letters = head.iter().filter(|byte| !byte.is_ascii()).count();
    let is_vague = guess.is_single_byte() && letters < FEW_LETTERS;
    if is_vague { WINDOWS_1252 } else { guess }
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
    fn letters_tell_the_character_set() {
        use encoding_rs::{BIG5, EUC_JP, EUC_KR, GBK, SHIFT_JIS, WINDOWS_1250, WINDOWS_1251};
        for (encoding, text) in [
            (SHIFT_JIS, "患者番号,性別,年齢,診断\nA1,男,30,高血圧症\nA2,女,31,糖尿病\n"),
            (EUC_JP, "患者番号,性別,年齢,診断\nA1,男,30,高血圧症\nA2,女,31,糖尿病\n"),
            (GBK, "姓名,性别,年龄,诊断\n王伟,男,33,高血压\n李娜,女,34,糖尿病\n"),
            (BIG5, "病患編號,性別,年齡,診斷\nA1,男,30,高血壓\nA2,女,31,糖尿病\n"),
            (EUC_KR, "환자번호,성별,나이,진단\nA1,남,30,고혈압\nA2,여,31,당뇨병\n"),
            (WINDOWS_1251, "пациент;пол;возраст\nА1;муж;30\nА2;жен;31\n"),
            (WINDOWS_1250, "pacjent;płeć;wiek;rozpoznanie\nA1;mężczyzna;30;nadciśnienie\nA2;kobieta;31;żółtaczka\n"),
            (WINDOWS_1252, "navn;køn;fødselsdato\nSøren;M;1980\nÅse;K;1981\n"),
            (WINDOWS_1252, "Name;Größe\nMüller;170\nJäger;180\n"),
            (WINDOWS_1252, "prénom;âge\nZoé;41\nFrançois;42\n"),
        ] {
            let (bytes, ..) = encoding.encode(text);
            let found = Charset::of(&bytes).unwrap();
            assert_eq!(found.text(&bytes), text, "{} is {}", encoding.name(), found.encoding.name());
        }
    }

    #[test]
    fn bytes_are_no_text() {
        assert!(Charset::of(b"\x7fELF\x02\x01\x01\0\0\0\0\0").is_none());
        assert!(Charset::of(b"abc\x01def").is_none());
    }
}
