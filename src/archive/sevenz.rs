//! What a 7z archive declares of itself, before anything of it is decoded: where its list of members lies, how long that
//! is once it is unpacked, and how much memory a coder asks for.
//!
//! Follows `7zFormat.txt` of the LZMA SDK. The list of most archives is packed itself, and readers inflate it whole.

use crate::blob::{Blob, ReadError, read_vec};

/// Largest list of members, packed or not: 64 MiB name some half a million.
const MAX_LIST: u64 = 64 << 20;
/// Largest dictionary: `7z -mx=9` asks for 256 MiB on a large machine.
const MAX_DICTIONARY: u64 = 256 << 20;
/// Signature, version, and where the list lies.
const START: u64 = 32;
const ENCODED: u8 = 0x17;

/// Why an archive should not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum SevenZipError {
    /// Its list lies past its end, or was never written.
    #[error("ends before its list of members does")]
    Truncated,
    /// Its list does not say how long it is.
    #[error("its packed list of members does not hold")]
    Malformed,
    /// A coder of its list asks for too much.
    #[error("{0}")]
    Unsupported(String),
    /// The list is encrypted.
    #[error("its list of members is encrypted")]
    Encrypted,
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Whether the list of members can be read at a bounded cost.
///
/// # Errors
/// [`SevenZipError`], where it cannot.
pub fn check_list(blob: &dyn Blob) -> Result<(), SevenZipError> {
    let start = read_vec(blob, 0, START, START)?;
    let word = |at: usize| start.get(at..).and_then(|rest| rest.first_chunk().copied()).map_or(0, u64::from_le_bytes);
    let (at, size) = (START.saturating_add(word(12)), word(20));
    let never_written = start.get(8..).is_none_or(|rest| rest.iter().all(|&byte| byte == 0));
    if never_written || at.checked_add(size).is_none_or(|end| end > blob.size()) {
        return Err(SevenZipError::Truncated);
    }
    let list = read_vec(blob, at, size, MAX_LIST)?;
    match list.split_first() {
        Some((&ENCODED, streams)) => {
            let size = Fields(streams).unpacked_list()?.ok_or(SevenZipError::Malformed)?;
            if size > MAX_LIST {
                return Err(ReadError::TooLong { wanted: size, allowed: MAX_LIST }.into());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Refuses a coder that needs a key, or a dictionary larger than is allowed.
///
/// # Errors
/// [`SevenZipError::Encrypted`] and [`SevenZipError::Unsupported`].
pub fn check_coder(id: &[u8], properties: &[u8]) -> Result<(), SevenZipError> {
    let word = |at: usize| {
        properties
            .get(at..)
            .and_then(|rest| rest.first_chunk().copied())
            .map_or(0, |word| u64::from(u32::from_le_bytes(word)))
    };
    let dictionary = match id {
        [0x06, 0xf1, ..] => return Err(SevenZipError::Encrypted),
        // LZMA2: two bits of mantissa, the rest the exponent.
        [0x21] => {
            let code = u32::from(properties.first().copied().unwrap_or(0).min(40));
            (2 | u64::from(code & 1)).checked_shl((code / 2).saturating_add(11)).unwrap_or(u64::MAX)
        }
        // LZMA and PPMd: a byte, then the size.
        [3, 1, 1] | [3, 4, 1] => word(1),
        _ => 0,
    };
    if dictionary > MAX_DICTIONARY {
        let detail = format!("asks for a dictionary of {dictionary} bytes; at most {MAX_DICTIONARY} are given");
        return Err(SevenZipError::Unsupported(detail));
    }
    Ok(())
}

/// The bytes of a header, field by field; nothing where they end.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn bytes(&mut self, len: u64) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// As many bytes follow as the first one has leading ones; its other bits are the highest of the number.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let extra = first.leading_ones();
        let mut wide = [0; 8];
        for byte in wide.get_mut(..usize::try_from(extra).ok()?)? {
            *byte = self.byte()?;
        }
        let high = u64::from(first) & 0x7f_u64.checked_shr(extra).unwrap_or(0);
        Some(u64::from_le_bytes(wide) | high.checked_shl(extra.saturating_mul(8)).unwrap_or(0))
    }

    /// Reads the streams of a packed list: what the last coder gives out, at most. Nothing where a field is amiss.
    fn unpacked_list(&mut self) -> Result<Option<u64>, SevenZipError> {
        let Some(coders) = self.coders() else { return Ok(None) };
        for (id, properties) in &coders.list {
            check_coder(id, properties)?;
        }
        Ok((|| {
            // Sizes, one an output.
            if self.byte()? != 0x0c {
                return None;
            }
            let mut most = 0;
            for _ in 0..coders.outputs {
                most = most.max(self.number()?);
            }
            Some(most)
        })())
    }

    /// Passes over where the packed bytes lie, and reads the coders of the only folder.
    fn coders(&mut self) -> Option<Coders> {
        /// 7-Zip's own limit.
        const MOST: u64 = 32;
        if self.byte()? != 0x06 {
            return None;
        }
        self.number()?;
        let packed = self.number().filter(|packed| *packed <= MOST)?;
        loop {
            match self.byte()? {
                0x00 => break,
                0x09 => (0..packed).try_for_each(|_| self.number().map(drop))?,
                // Checksums, of all of them.
                0x0a if self.byte()? == 1 => drop(self.bytes(packed.saturating_mul(4))?),
                _ => return None,
            }
        }
        // One folder, described right here.
        if self.bytes(4)? != [0x07, 0x0b, 1, 0] {
            return None;
        }
        let mut coders = Coders::default();
        let mut inputs = 0u64;
        for _ in 0..self.number().filter(|count| *count <= MOST)? {
            let flags = self.byte()?;
            let id = self.bytes(u64::from(flags & 0x0f))?.to_vec();
            let (ins, outs) = if flags & 0x10 == 0 { (1, 1) } else { (self.number()?, self.number()?) };
            let properties = if flags & 0x20 == 0 { 0 } else { self.number()? };
            coders.list.push((id, self.bytes(properties)?.to_vec()));
            coders.outputs = coders.outputs.checked_add(outs).filter(|outputs| *outputs <= MOST)?;
            inputs = inputs.checked_add(ins).filter(|inputs| *inputs <= MOST)?;
        }
        let bound = coders.outputs.checked_sub(1)?;
        (0..bound.saturating_mul(2)).try_for_each(|_| self.number().map(drop))?;
        let free = inputs.checked_sub(bound)?;
        if free > 1 {
            (0..free).try_for_each(|_| self.number().map(drop))?;
        }
        Some(coders)
    }
}

#[derive(Default)]
struct Coders {
    /// Ids and properties.
    list: Vec<(Vec<u8>, Vec<u8>)>,
    outputs: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width() {
        for (bytes, value) in [
            (&[0x7f][..], 0x7f),
            (&[0x81, 2], 0x102),
            (&[0xc1, 2, 3], 0x1_0302),
            (&[0xfe, 1, 2, 3, 4, 5, 6, 7], 0x07_0605_0403_0201),
            (&[0xff, 1, 0, 0, 0, 0, 0, 0, 0x80], 1 << 63 | 1),
        ] {
            assert_eq!(Fields(bytes).number(), Some(value), "{bytes:x?}");
        }
        assert_eq!(Fields(&[0xff, 1]).number(), None);
    }

    #[test]
    fn coders_are_asked_for_their_memory() {
        assert!(check_coder(&[0x21], &[24]).is_ok(), "16 MiB");
        assert!(check_coder(&[0x21], &[32]).is_ok(), "256 MiB");
        assert!(check_coder(&[0x21], &[33]).is_err() && check_coder(&[0x21], &[40]).is_err());
        assert!(check_coder(&[3, 1, 1], &[0x5d, 0, 0, 0, 1]).is_ok());
        assert!(check_coder(&[3, 1, 1], &[0x5d, 1, 0, 0, 0x10]).is_err());
        assert!(matches!(check_coder(&[6, 0xf1, 7, 1], &[]), Err(SevenZipError::Encrypted)));
    }
}
