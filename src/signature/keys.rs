//! Key paths of a text whose syntax is not known beforehand and which may be cut: JSON by a tolerant scan, everything
//! else (YAML, TOML, INI) line by line. Good enough to recognise by, never to read values from.

use std::collections::BTreeSet;

/// Paths kept of one text.
const MAX_PATHS: usize = 4096;
/// Deepest level followed.
const MAX_DEPTH: usize = 8;

/// The dotted key paths of `text`; elements of a list have the path of the list.
pub(super) fn key_paths(text: &[u8]) -> BTreeSet<String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => json_paths(text),
        Some(b'[') if text.contains(&b'{') && !looks_like_section(text) => json_paths(text),
        Some(_) => line_paths(text),
        None => BTreeSet::new(),
    }
}

/// A text that starts with `[name]` on a line of its own.
fn looks_like_section(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    line.is_some_and(|line| {
        line.len() > 2
            && line.ends_with(b"]")
            && line[1..line.len() - 1].iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-: \"[]".contains(byte))
    })
}

/// Every string that a colon follows is a key of the object it stands in.
fn json_paths(text: &[u8]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut stack: Vec<String> = Vec::new();
    let mut key = String::new();
    let mut at = 0;
    while at < text.len() && paths.len() < MAX_PATHS {
        match text[at] {
            b'"' => {
                let Some(end) = string_end(text, at) else { return paths };
                let after = text[end..].iter().position(|byte| !byte.is_ascii_whitespace()).map(|by| end + by);
                if after.is_some_and(|after| text[after] == b':') {
                    key = String::from_utf8_lossy(&text[at + 1..end - 1]).into_owned();
                    if stack.len() <= MAX_DEPTH {
                        paths.insert(join(&stack, &key));
                    }
                }
                at = end;
                continue;
            }
            b'{' | b'[' => stack.push(std::mem::take(&mut key)),
            b'}' | b']' => {
                stack.pop();
                key.clear();
            }
            _ => {}
        }
        at += 1;
    }
    paths
}

fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn join(stack: &[String], key: &str) -> String {
    let mut path = String::new();
    for part in stack.iter().map(String::as_str).filter(|part| !part.is_empty()).chain([key]) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(part);
    }
    path
}

/// `key: value` by indentation, `key = value` under `[section]`.
fn line_paths(text: &[u8]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut section: Vec<String> = Vec::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let mut body = line.trim_start();
        if body.is_empty() || body.starts_with(['#', ';']) || paths.len() >= MAX_PATHS {
            continue;
        }
        if let Some(name) = body.trim_end().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = name.trim_matches(['[', ']']);
            paths.insert(name.to_owned());
            section = vec![name.to_owned()];
            parents.clear();
            continue;
        }
        let mut indent = line.len() - body.len();
        while let Some(rest) = body.strip_prefix("- ") {
            indent += body.len() - rest.trim_start().len();
            body = rest.trim_start();
        }
        let Some(end) = body.find([':', '=']) else { continue };
        let key = body[..end].trim().trim_matches(['"', '\'']);
        if key.is_empty() || key.contains(char::is_whitespace) {
            continue;
        }
        parents.retain(|(depth, _)| *depth < indent);
        if parents.len() < MAX_DEPTH {
            let above: Vec<String> = section.iter().chain(parents.iter().map(|(_, key)| key)).cloned().collect();
            paths.insert(join(&above, key));
            parents.push((indent, key.to_owned()));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, path: &str) -> bool {
        key_paths(text.as_bytes()).contains(path)
    }

    #[test]
    fn json_even_if_cut() {
        let text = r#"{"model_type": "bert", "a": {"b": [{"c": 1}], "weird\"key": 2}, "text": "x: {\"no\": 1}", "cut"#;
        for path in ["model_type", "a", "a.b", "a.b.c", "text"] {
            assert!(has(text, path), "{path}");
        }
        assert!(!has(text, "no") && !has(text, "text.no") && !has(text, "cut"));
    }

    #[test]
    fn lines_by_indentation_and_section() {
        let yaml = "a:\n  b:\n    - c: 1\n      d: 2\n  e: 3\n# x: 1\nf: http://x\n";
        for path in ["a", "a.b", "a.b.c", "a.b.d", "a.e", "f"] {
            assert!(has(yaml, path), "{path}: {:?}", key_paths(yaml.as_bytes()));
        }
        let ini = "[default]\nregion = eu\n[[tool.x]]\ny = 1\n";
        for path in ["default", "default.region", "tool.x.y"] {
            assert!(has(ini, path), "{path}");
        }
    }

    #[test]
    fn hostile_texts_end() {
        key_paths("{\"a\":".repeat(30_000).as_bytes());
        key_paths(" ".repeat(60_000).as_bytes());
        key_paths(b"\"\\");
        key_paths(b"{\"\\");
    }
}
