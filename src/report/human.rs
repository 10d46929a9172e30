//! Numbers and texts as a reader takes them in: counts with separators, binary units, lines that end in time.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `512 B`, `1.5 KiB`, `16.7 GiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut unit = UNITS[0];
    // Tenths of the unit, rounded: integers, so that the same number always reads the same.
    let mut tenths = (u128::from(number) * 10 + 512) / 1024;
    let mut scale = 1024_u128;
    for bigger in UNITS.iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        scale *= 1024;
        tenths = (u128::from(number) * 10 + scale / 2) / scale;
        unit = bigger;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// `text` without what could steer a terminal or make a name look like another: rules and signatures of a stranger are
/// printed too.
pub fn printable(text: &str) -> Cow<'_, str> {
    let unsafe_character = |c: char| crate::model::is_unprintable(c);
    if text.contains(unsafe_character) {
        Cow::Owned(text.replace(unsafe_character, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// `text` with spaces behind it, to `width` columns.
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` in at most `width` columns: the middle goes, since both a path's root and its name tell most.
pub fn shorten(text: &str, width: usize) -> String {
    let text = printable(text);
    if columns(&text) <= width {
        return text.into_owned();
    }
    let room = width.saturating_sub(1);
    // The end holds the name: it gets the larger part.
    let front = take(text.chars(), room / 3);
    let back: String = take(text.chars().rev(), room - columns(&front)).chars().rev().collect();
    if width == 0 { String::new() } else { format!("{front}…{back}") }
}

fn take(characters: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= room
        })
        .collect()
}

/// The words of `text` in lines of at most `width` columns; a word that is longer is shortened.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let word = shorten(word, width);
        if !line.is_empty() && columns(&line) + 1 + columns(&word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators_and_units() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (64 << 30, "64.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn long_texts_lose_their_middle() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("out/50071/final/model.safetensors", 20), "out/50…l.safetensors");
        assert_eq!(shorten("abc", 1), "…");
        assert_eq!(shorten("abc", 0), "");
        for width in 0..30 {
            let wide = "模型/重み/最終/model-00001-of-00002.safetensors";
            assert!(columns(&shorten(wide, width)) <= width);
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(shorten("a\u{1b}[31mb\u{202e}", 20), "a\u{fffd}[31mb\u{fffd}");
        assert_eq!(wrap("a\u{7}b", 20), ["a\u{fffd}b"]);
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 5), ["a", "v…ord", "b"]);
        assert!(wrap("  ", 5).is_empty());
    }
}
