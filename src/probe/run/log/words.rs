//! Words of a line that are paths, and those that are not.

use regex::Captures;

use crate::model::publishable;

/// One group of a match, unless it is empty.
pub(super) fn part<'t>(found: &Captures<'t>, at: usize) -> Option<&'t str> {
    found.get(at).map(|part| part.as_str()).filter(|text| !text.is_empty())
}

/// The first path behind what a pattern finds.
pub(super) fn behind(pattern: &regex::Regex, line: &str) -> Option<String> {
    let found = pattern.captures(line)?;
    let rest = part(&found, 1)?;
    let words = rest.split([' ', '\t', ',', ';']).map(|word| word.trim_matches(['"', '\'', '(', ')', '`', ':', '=']));
    let path = words.map(|word| word.trim_end_matches(['.', '…'])).find(|word| is_path(word))?;
    Some(publishable("checkpoint_path", path))
}

/// Whether a word is a path: a place with a slash in it, or a file of weights.
pub(super) fn is_path(word: &str) -> bool {
    let is_file =
        [".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".h5", ".keras"].iter().any(|end| word.ends_with(end));
    let is_place = word.contains('/') && !word.contains("<") && !word.starts_with("//") && word.len() > 3;
    let is_rate = word.split('/').all(|part| part.bytes().all(|byte| byte.is_ascii_digit() || b".s".contains(&byte)));
    let is_page = word.starts_with("http://") || word.starts_with("https://");
    (is_file || is_place) && !is_rate && !is_page && word.len() > 4
}

/// Words between what something is and where it is.
pub(super) fn is_filler(word: &str) -> bool {
    let words = [
        "to",
        "from",
        "in",
        "at",
        "into",
        "is",
        "on",
        "the",
        "path",
        "file",
        "dir",
        "directory",
        "of",
        "set",
        "folder",
        "->",
        "=>",
        "-",
        "",
    ];
    words.iter().any(|filler| word.eq_ignore_ascii_case(filler))
}
