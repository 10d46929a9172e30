//! Fixed-width text of files older than UTF-8.

use std::borrow::Cow;

/// The text without the blanks and zero bytes it is filled up with: UTF-8 where it is that, else Latin-1, in which every
/// byte is a character and ASCII stays what it is. Good enough to know a column by, whatever it was written in.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let zero = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..zero).unwrap_or_default().trim_ascii_end();
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// The same, as a label: nothing where it is blank.
pub(super) fn label(bytes: &[u8]) -> Option<String> {
    let label = text(bytes);
    let label = label.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_either_century() {
        assert_eq!(text(b"Zo\xc3\xab  "), "Zoë");
        assert_eq!(text(b"Zo\xeb\0\0junk"), "Zoë");
        assert_eq!((label(b"   "), label(b" Age \0")), (None, Some("Age".to_owned())));
    }
}
