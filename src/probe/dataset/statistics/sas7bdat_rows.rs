//! Rows of SAS data sets as they are packed: runs (`SASYZCRL`), and Ross Data Compression (`SASYZCR2`), a byte-wise
//! relative of LZ77 (E. Ross, The C Users Journal, 1992). One row at a time, never longer than a row is.

use super::super::super::ProbeError;
use super::sas7bdat_meta::Packing;

/// Unpacks one row to `row`, which is then `len` bytes long.
pub(super) fn unpack(packing: Packing, packed: &[u8], row: &mut Vec<u8>, len: usize) -> Result<(), ProbeError> {
    row.clear();
    let mut out = Out { row, len };
    let done = match packing {
        Packing::Runs => runs(packed, &mut out),
        Packing::Ross => ross(packed, &mut out),
    };
    if done.is_none() || row.len() != len {
        return Err(ProbeError::Malformed("a packed row does not unpack to the length of a row".to_owned()));
    }
    Ok(())
}

/// A row that does not grow past its length.
struct Out<'r> {
    row: &'r mut Vec<u8>,
    len: usize,
}

impl Out<'_> {
    fn fits(&self, more: usize) -> Option<()> {
        (more <= self.len.checked_sub(self.row.len())?).then_some(())
    }

    fn copy(&mut self, bytes: &[u8]) -> Option<()> {
        self.fits(bytes.len())?;
        self.row.extend_from_slice(bytes);
        Some(())
    }

    fn fill(&mut self, byte: u8, count: usize) -> Option<()> {
        self.fits(count)?;
        self.row.resize(self.row.len().checked_add(count)?, byte);
        Some(())
    }

    fn again(&mut self, back: usize, count: usize) -> Option<()> {
        self.fits(count)?;
        let from = self.row.len().checked_sub(back)?;
        let to = from.checked_add(count).filter(|&to| to <= self.row.len())?;
        self.row.extend_from_within(from..to);
        Some(())
    }
}

fn next(packed: &mut &[u8]) -> Option<usize> {
    let (&first, rest) = packed.split_first()?;
    *packed = rest;
    Some(usize::from(first))
}

/// A byte of control: what to do, and for how many bytes.
fn runs(mut packed: &[u8], out: &mut Out) -> Option<()> {
    while !packed.is_empty() {
        let control = next(&mut packed)?;
        let (command, low) = (control >> 4, control & 0x0f);
        let long = |packed: &mut &[u8], base: usize| Some(low << 8 | next(packed)?).map(|by| by.wrapping_add(base));
        let copied = match command {
            0 => long(&mut packed, 64)?,
            1 => long(&mut packed, 64 + 4096)?,
            2 => low.wrapping_add(96),
            8 => low.wrapping_add(1),
            9 => low.wrapping_add(17),
            10 => low.wrapping_add(33),
            11 => low.wrapping_add(49),
            _ => 0,
        };
        if copied > 0 {
            let (part, rest) = packed.split_at_checked(copied)?;
            out.copy(part)?;
            packed = rest;
            continue;
        }
        let (byte, count) = match command {
            4 => {
                let count = long(&mut packed, 18)?;
                (next(&mut packed)?, count)
            }
            5 => (0x40, long(&mut packed, 17)?),
            6 => (0x20, long(&mut packed, 17)?),
            7 => (0, long(&mut packed, 17)?),
            12 => (next(&mut packed)?, low.wrapping_add(3)),
            13 => (0x40, low.wrapping_add(2)),
            14 => (0x20, low.wrapping_add(2)),
            15 => (0, low.wrapping_add(2)),
            _ => return None,
        };
        out.fill(u8::try_from(byte).ok()?, count)?;
    }
    Some(())
}

/// Two bytes say of the next sixteen items which are bytes and which are commands.
fn ross(mut packed: &[u8], out: &mut Out) -> Option<()> {
    while packed.len() >= 2 {
        let items = next(&mut packed)? << 8 | next(&mut packed)?;
        for item in (0..16).rev() {
            if packed.is_empty() {
                break;
            }
            let first = next(&mut packed)?;
            if items >> item & 1 == 0 {
                out.fill(u8::try_from(first).ok()?, 1)?;
                continue;
            }
            let (command, low) = (first >> 4, first & 0x0f);
            let second = next(&mut packed)?;
            let long = low | second << 4;
            match command {
                0 => out.fill(u8::try_from(second).ok()?, low.wrapping_add(3))?,
                1 => out.fill(u8::try_from(next(&mut packed)?).ok()?, long.wrapping_add(19))?,
                2 => out.again(long.wrapping_add(3), next(&mut packed)?.wrapping_add(16))?,
                count => out.again(long.wrapping_add(3), count)?,
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packing: Packing, packed: &[u8], len: usize) -> Option<Vec<u8>> {
        let mut row = Vec::new();
        unpack(packing, packed, &mut row, len).ok().map(|()| row)
    }

    #[test]
    fn runs_of_bytes_and_copies() {
        let packed = [&[0x82][..], b"abc", &[0xe1, 0xc0, b'x', 0xf0, 0xd0]].concat();
        assert_eq!(unpacked(Packing::Runs, &packed, 13).unwrap(), b"abc   xxx\0\0@@");
        assert_eq!(unpacked(Packing::Runs, &[0x61, 1], 274).unwrap(), [b' '; 274]);
        assert_eq!(unpacked(Packing::Runs, &[&[0, 0][..], &[7; 64]].concat(), 64).unwrap(), [7; 64]);
        for bad in [&[0x82, b'a'][..], &[0x6f, 0xff], &[0x30], &[0x41, 1], &[0x1f, 0xff]] {
            assert_eq!(unpacked(Packing::Runs, bad, 100), None, "{bad:x?}");
        }
    }

    #[test]
    fn ross_data_compression() {
        // Five letters, five bytes again from five back, four zeros.
        let packed = [&[0b0000_0110, 0][..], b"abcde", &[0x52, 0, 0x01, 0]].concat();
        assert_eq!(unpacked(Packing::Ross, &packed, 14).unwrap(), b"abcdeabcde\0\0\0\0");
        for bad in [&[0xff, 0xff, 0x52, 0][..], &[0xff, 0xff, 0x1f, 0xff, 0], &[0xff, 0xff, 0x2f]] {
            assert_eq!(unpacked(Packing::Ross, bad, 100), None, "{bad:x?}");
        }
    }
}
