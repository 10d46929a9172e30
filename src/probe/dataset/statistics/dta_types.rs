//! How Stata stores values, and what is missing.

use super::text::text;
use crate::blob::Endian;
use crate::table::{Cell, Kind};

/// Days and seconds from 1960-01-01 to 1970-01-01.
const EPOCH: f64 = 3653.0;

/// One variable.
pub(super) struct Variable {
    pub(super) kind: Type,
    pub(super) name: String,
    pub(super) format: String,
    pub(super) label: Option<String>,
}

/// A storage type; whether the largest numbers are many missing values, as from release 113 on, or one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Type {
    Byte {
        many: bool,
    },
    Int {
        many: bool,
    },
    Long {
        many: bool,
    },
    Float,
    Double,
    Text(u16),
    /// A reference to a long string.
    Long8,
    /// A variable that lives in another frame: no bytes here.
    Alias,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shown {
    Number,
    Day,
    /// Milliseconds.
    Moment,
}

/// By its display format.
pub(super) fn shown(format: &str) -> Shown {
    let format = format.trim_start_matches(['%', '-']);
    if format.starts_with("tc") || format.starts_with("tC") {
        Shown::Moment
    } else if format.starts_with("td") || format.starts_with('d') {
        Shown::Day
    } else {
        Shown::Number
    }
}

impl Shown {
    pub(super) fn kind(self, kind: Type) -> Kind {
        match (self, kind) {
            (Shown::Number, Type::Byte { .. } | Type::Int { .. } | Type::Long { .. }) => Kind::Integer,
            (Shown::Number, _) => Kind::Number,
            _ => Kind::Date,
        }
    }
}

/// The type of a letter or number of releases up to 115.
pub(super) fn old_type(kind: u8, release: u8) -> Option<Type> {
    let many = release >= 113;
    Some(match kind {
        251 if release > 110 => Type::Byte { many },
        252 if release > 110 => Type::Int { many },
        253 if release > 110 => Type::Long { many },
        254 if release > 110 => Type::Float,
        255 if release > 110 => Type::Double,
        1..=244 if release > 110 => Type::Text(kind.into()),
        b'b' => Type::Byte { many },
        b'i' => Type::Int { many },
        b'l' => Type::Long { many },
        b'f' => Type::Float,
        b'd' => Type::Double,
        128.. => Type::Text(u16::from(kind).saturating_sub(127)),
        _ => return None,
    })
}

/// The type of a number of releases from 117 on.
pub(super) fn modern_type(kind: u16) -> Option<Type> {
    let many = true;
    Some(match kind {
        1..=2045 => Type::Text(kind),
        32_768 => Type::Long8,
        65_525 => Type::Alias,
        65_526 => Type::Double,
        65_527 => Type::Float,
        65_528 => Type::Long { many },
        65_529 => Type::Int { many },
        65_530 => Type::Byte { many },
        _ => return None,
    })
}

impl Type {
    pub(super) fn width(self) -> u64 {
        match self {
            Type::Byte { .. } => 1,
            Type::Int { .. } => 2,
            Type::Long { .. } | Type::Float => 4,
            Type::Double | Type::Long8 => 8,
            Type::Text(width) => width.into(),
            Type::Alias => 0,
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Type::Text(_) | Type::Long8 | Type::Alias)
    }

    /// Hands the value over as a cell.
    pub(super) fn feed(self, bytes: &[u8], endian: Endian, shown: Shown, mut to: impl FnMut(Cell)) {
        match self {
            Type::Text(_) => return to(Cell::Text(&text(bytes))),
            // An empty long string refers to (0, 0).
            Type::Long8 if bytes.iter().any(|&byte| byte != 0) => return to(Cell::Bytes),
            Type::Long8 | Type::Alias => return,
            _ => {}
        }
        let Some(number) = self.number(bytes, endian) else { return };
        match shown {
            Shown::Day => to(Cell::Day((number - EPOCH).floor() as i64)),
            Shown::Moment => to(Cell::Second((number / 1000.0 - EPOCH * 86_400.0).floor() as i64)),
            Shown::Number if matches!(self, Type::Float | Type::Double) => to(Cell::Number(number)),
            Shown::Number => to(Cell::Integer(number as i64)),
        }
    }

    fn number(self, bytes: &[u8], endian: Endian) -> Option<f64> {
        let big = endian == Endian::Big;
        let number = match self {
            Type::Byte { many } => {
                let value = bytes.first()?.cast_signed();
                (value <= if many { 100 } else { 126 }).then_some(f64::from(value))?
            }
            Type::Int { many } => {
                let bytes = *bytes.first_chunk()?;
                let value = if big { i16::from_be_bytes(bytes) } else { i16::from_le_bytes(bytes) };
                (value <= if many { 32_740 } else { 32_766 }).then_some(f64::from(value))?
            }
            Type::Long { many } => {
                let bytes = *bytes.first_chunk()?;
                let value = if big { i32::from_be_bytes(bytes) } else { i32::from_le_bytes(bytes) };
                (value <= if many { 2_147_483_620 } else { 2_147_483_646 }).then_some(f64::from(value))?
            }
            Type::Float => {
                let bytes = *bytes.first_chunk()?;
                let value = if big { f32::from_be_bytes(bytes) } else { f32::from_le_bytes(bytes) };
                // The largest float that is a number: 0x1.fffffep126.
                (f64::from(value) < 2f64.powi(127)).then_some(f64::from(value))?
            }
            Type::Double => {
                let bytes = *bytes.first_chunk()?;
                let value = if big { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) };
                (value < 2f64.powi(1023)).then_some(value)?
            }
            _ => return None,
        };
        number.is_finite().then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(kind: Type, bytes: &[u8], format: &str) -> String {
        let mut out = "nothing".to_owned();
        kind.feed(bytes, Endian::Little, shown(format), |cell| out = format!("{cell:?}"));
        out
    }

    #[test]
    fn values_and_what_is_missing() {
        let many = true;
        assert_eq!(cell(Type::Byte { many }, &[100], "%8.0g"), "Integer(100)");
        assert_eq!(cell(Type::Byte { many }, &[101], "%8.0g"), "nothing");
        assert_eq!(cell(Type::Byte { many: false }, &[101], "%8.0g"), "Integer(101)");
        assert_eq!(cell(Type::Double, &2f64.powi(1023).to_le_bytes(), ""), "nothing");
        assert_eq!(cell(Type::Double, &1.5f64.to_le_bytes(), "%9.2f"), "Number(1.5)");
        assert_eq!(cell(Type::Int { many }, &3653i16.to_le_bytes(), "%td"), "Day(0)");
        assert_eq!(cell(Type::Double, &(3653.0 * 86_400_000.0f64).to_le_bytes(), "%tcCCYY"), "Second(0)");
        assert_eq!(cell(Type::Text(4), b"ab\0x", "%9s"), "Text(\"ab\")");
        assert_eq!(cell(Type::Long8, &[0; 8], ""), "nothing");
    }
}
