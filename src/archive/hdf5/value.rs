//! One value: numbers of every size and order, texts of both kinds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Attribute, Bytes, Class, Datatype, File, Hdf5Error};

/// Bytes of a text that are looked at.
const MAX_TEXT: usize = 64 << 10;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
    /// A text, or the beginning of one.
    Text(Cow<'a, str>),
    /// Something else.
    Other,
}

impl Scalar<'_> {
    /// The whole number it is.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Scalar::Integer(number) => Some(*number),
            Scalar::Boolean(flag) => Some(i64::from(*flag)),
            _ => None,
        }
    }
}

/// The collection of texts that was used last: those of one column lie together.
#[derive(Default)]
pub(super) struct Texts {
    address: Option<u64>,
    bytes: Vec<u8>,
    /// Where each text begins, and its length.
    places: BTreeMap<u32, (usize, usize)>,
}

impl File<'_> {
    pub(super) fn scalar<'s>(
        &mut self,
        datatype: &Datatype,
        bytes: &'s [u8],
        texts: &'s mut Texts,
    ) -> Result<Scalar<'s>, Hdf5Error> {
        Ok(match &datatype.class {
            Class::Integer { signed } => integer(bytes, datatype.big_endian, *signed),
            Class::Float { mantissa } => float(bytes, datatype.big_endian, *mantissa),
            Class::Enumeration(base) => match integer(bytes, base.big_endian, true) {
                Scalar::Integer(number @ (0 | 1)) if base.size == 1 => Scalar::Boolean(number == 1),
                other => other,
            },
            Class::Text => Scalar::Text(text(bytes)),
            Class::VariableText => {
                let mut reference = Bytes::new(bytes);
                let length = usize::try_from(reference.u32()?).unwrap_or(usize::MAX);
                let address = reference.number(self.offset_size)?;
                let index = reference.u32()?;
                if length == 0 || self.is_undefined(address) || address == 0 {
                    return Ok(Scalar::Text(Cow::Borrowed("")));
                }
                self.collect(address, texts)?;
                let (start, stored) =
                    *texts.places.get(&index).ok_or(Hdf5Error::Malformed("a text is not in its heap"))?;
                let found = texts.bytes.get(start..).and_then(|rest| rest.get(..stored.min(length)));
                Scalar::Text(text(found.unwrap_or_default()))
            }
            _ => Scalar::Other,
        })
    }

    /// Has the collection of texts at `address` at hand.
    fn collect(&mut self, address: u64, texts: &mut Texts) -> Result<(), Hdf5Error> {
        if texts.address == Some(address) {
            return Ok(());
        }
        texts.address = None;
        texts.places.clear();
        let header = self.value_bytes(address, (self.length_size as u64).saturating_add(8))?;
        let mut bytes = Bytes::new(&header);
        if bytes.take(4)? != b"GCOL" {
            return Err(Hdf5Error::Malformed("a heap of texts is none"));
        }
        bytes.skip(4)?;
        let size = bytes.number(self.length_size)?;
        texts.bytes = self.value_bytes(address, size)?;
        let mut bytes = Bytes::new(&texts.bytes);
        bytes.skip(self.length_size.saturating_add(8))?;
        while bytes.rest.len() >= 16 {
            let index = u32::from(bytes.u16()?);
            bytes.skip(6)?;
            let size = bytes.length(self.length_size)?;
            if index == 0 {
                break;
            }
            let start = texts.bytes.len().saturating_sub(bytes.rest.len());
            texts.places.insert(index, (start, size));
            bytes.skip(size.next_multiple_of(8).min(bytes.rest.len()))?;
        }
        texts.address = Some(address);
        Ok(())
    }

    /// The whole numbers of an attribute; none where it holds something else.
    pub fn integers(&mut self, attribute: &Attribute) -> Vec<i64> {
        let size = usize::try_from(attribute.datatype.size).unwrap_or(0).max(1);
        let mut texts = Texts::default();
        let mut value = |bytes: &[u8]| self.scalar(&attribute.datatype, bytes, &mut texts).ok()?.integer();
        attribute.value.chunks_exact(size).map_while(&mut value).collect()
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or_default();
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default())
}

/// The bits of a number, the most significant first.
fn bits(bytes: &[u8], big_endian: bool) -> u64 {
    let shift = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    if big_endian { bytes.iter().fold(0, shift) } else { bytes.iter().rev().fold(0, shift) }
}

fn integer(bytes: &[u8], big_endian: bool, signed: bool) -> Scalar<'static> {
    let value = bits(bytes, big_endian);
    match bytes.len() {
        0 | 9.. => Scalar::Other,
        8 if !signed => i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Integer),
        8 => Scalar::Integer(value.cast_signed()),
        len => {
            let width = u32::try_from(len).unwrap_or(8).saturating_mul(8);
            let unused = 64u32.saturating_sub(width);
            let high = value.checked_shl(unused).unwrap_or(0).cast_signed();
            let extended = high.checked_shr(unused).unwrap_or(0);
            Scalar::Integer(if signed { extended } else { value.cast_signed() })
        }
    }
}

fn float(bytes: &[u8], big_endian: bool, mantissa: u8) -> Scalar<'static> {
    let value = bits(bytes, big_endian);
    match bytes.len() {
        8 => Scalar::Number(f64::from_bits(value)),
        4 => Scalar::Number(f64::from(f32::from_bits(u32::try_from(value).unwrap_or(0)))),
        2 if mantissa == 7 => Scalar::Number(f64::from(f32::from_bits(u32::try_from(value << 16).unwrap_or(0)))),
        2 => Scalar::Number(half(value)),
        _ => Scalar::Other,
    }
}

/// A number of 16 bits: sign, five bits of exponent, ten of mantissa.
fn half(bits: u64) -> f64 {
    let sign = if bits & 0x8000 != 0 { -1.0 } else { 1.0 };
    let exponent = i32::try_from((bits >> 10) & 0x1f).unwrap_or(0);
    let mantissa = (bits & 0x3ff) as f64;
    sign * match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa / 1024.0 + 1.0) * 2f64.powi(exponent.saturating_sub(15)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_size_and_order() {
        assert_eq!(integer(&[0xfe, 0xff], false, true), Scalar::Integer(-2));
        assert_eq!(integer(&[0xff, 0xfe], true, false), Scalar::Integer(0xfffe));
        assert_eq!(integer(&[0xff; 8], false, false), Scalar::Number(u64::MAX as f64));
        assert_eq!(integer(&[0xff; 8], false, true), Scalar::Integer(-1));
        assert_eq!(integer(&[0; 9], false, true), Scalar::Other);
        assert_eq!(float(&[0x3f, 0xc0, 0, 0], true, 23), Scalar::Number(1.5));
        assert_eq!(float(&[0x00, 0x3e], false, 10), Scalar::Number(1.5));
        assert_eq!(float(&[0xc0, 0x3f], false, 7), Scalar::Number(1.5));
        assert_eq!(half(1), 2f64.powi(-24));
    }
}
