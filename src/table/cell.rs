//! One value of a row, and the normal form under which the same value of two formats is the same value.

use twox_hash::XxHash3_64;

/// A value as a reader hands it over. Readers of typed formats never format what they can hand over typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing there.
    Missing,
    /// Text; empty text and the usual words for nothing count as missing.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number; not a number counts as missing.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
    /// A day, counted from 1970-01-01.
    Day(i64),
    /// A second, counted from 1970-01-01T00:00:00.
    Second(i64),
    /// Bytes that are no text: an image, an embedding. Counted as there, and no more.
    Bytes,
}

impl Cell<'_> {
    /// Its normal form; none where nothing is there.
    pub fn written(self) -> Option<String> {
        let mut buffer = String::new();
        normal(self, &mut buffer).map(str::to_owned)
    }
}

/// Words that statistics programs write where there is nothing.
const NOTHING: [&str; 10] = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "\\N", ".", "<NA>"];

/// Whether a text is a word for nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    text.len() <= 4 && NOTHING.contains(&text)
}

/// Longest piece of a text that is looked at as a value.
pub(super) const MAX_VALUE: usize = 512;

/// Fixed, so that the same tree gives the same estimates: what is hashed with it never leaves the run.
const SEED: u64 = 0x626c_6173_746d_6170;

/// The normal form of a cell, in `buffer` where it has to be made: none where nothing is there.
pub(super) fn normal<'a>(cell: Cell<'a>, buffer: &'a mut String) -> Option<&'a str> {
    use std::fmt::Write as _;
    buffer.clear();
    match cell {
        Cell::Missing => return None,
        Cell::Text(text) => return normal_text(text),
        Cell::Integer(number) => {
            let _ = write!(buffer, "{number}");
        }
        Cell::Number(number) if number.is_nan() => return None,
        // Whole numbers that a format keeps as floating point are the same as those another writes without a point.
        Cell::Number(number) => {
            let _ = write!(buffer, "{number}");
        }
        Cell::Boolean(flag) => buffer.push_str(if flag { "true" } else { "false" }),
        Cell::Day(day) => write_day(buffer, day),
        Cell::Second(second) => {
            write_day(buffer, second.div_euclid(86_400));
            let rest = second.rem_euclid(86_400);
            if rest != 0 {
                let _ = write!(buffer, "T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
            }
        }
        Cell::Bytes => return Some("\u{0}"),
    }
    Some(buffer)
}

fn normal_text(text: &str) -> Option<&str> {
    let text = text.trim_matches(|char: char| char.is_whitespace() || char == '\0');
    if text.is_empty() || is_nothing(text) {
        return None;
    }
    let text = match text.len() {
        0..=MAX_VALUE => text,
        _ => text.get(..text.floor_char_boundary(MAX_VALUE)).unwrap_or(text),
    };
    Some(whole_number(text).unwrap_or(text))
}

/// `63.0` is `63`; `1.50` is `1.5`.
fn whole_number(text: &str) -> Option<&str> {
    let (whole, part) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !part.ends_with('0') || !digits(part) || !digits(whole.strip_prefix('-').unwrap_or(whole)) {
        return None;
    }
    let short = text.trim_end_matches('0');
    Some(short.strip_suffix('.').unwrap_or(short))
}

/// The day's date in ISO 8601.
fn write_day(buffer: &mut String, day: i64) {
    use std::fmt::Write as _;
    // Days of the proleptic Gregorian calendar, after Hinnant: eras of 400 years, years that begin in March.
    let day = day.clamp(-100_000_000, 100_000_000) + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let _ = write!(buffer, "{year:04}-{month:02}-{:02}", of_year - (153 * shifted + 2) / 5 + 1);
}

/// The hash of a value in its normal form.
pub(super) fn hash(normal: &str) -> u64 {
    XxHash3_64::oneshot_with_seed(SEED, normal.as_bytes())
}

/// Mixes two hashes, not commutative.
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let mut mixed = a.rotate_left(25) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(cell: Cell) -> Option<String> {
        normal(cell, &mut String::new()).map(str::to_owned)
    }

    #[test]
    fn the_same_value_of_two_formats_is_the_same() {
        for (cell, text) in [
            (Cell::Integer(63), "63"),
            (Cell::Number(63.0), "63.0"),
            (Cell::Number(-1.5), " -1.50 "),
            (Cell::Day(0), "1970-01-01"),
            (Cell::Day(-25_567), "1900-01-01"),
            (Cell::Day(19_782), "2024-02-29"),
            (Cell::Second(86_400), "1970-01-02"),
            (Cell::Second(-1), "1969-12-31T23:59:59"),
            (Cell::Boolean(true), "true"),
        ] {
            assert_eq!(form(cell), form(Cell::Text(text)), "{text}");
        }
        assert_eq!(form(Cell::Text("1.0.0")), Some("1.0.0".to_owned()));
        assert_eq!(form(Cell::Text("0042")), Some("0042".to_owned()));
    }

    #[test]
    fn nothing_has_many_words() {
        for word in ["", "  ", "NA", "NaN", "null", "."] {
            assert_eq!(form(Cell::Text(word)), None, "{word}");
        }
        assert_eq!(form(Cell::Number(f64::NAN)), None);
        assert_eq!(form(Cell::Text("Nathan")), Some("Nathan".to_owned()));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "å".repeat(1000);
        assert!(form(Cell::Text(&long)).is_some_and(|text| text.len() <= MAX_VALUE));
    }
}
