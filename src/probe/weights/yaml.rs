//! Lines of a YAML text that a program wrote in block style: one key or one item a line.
//!
//! Never a parser of YAML: anchors, folded texts and flow collections are given as the text they are. That is enough to
//! take single settings from a configuration, and costs nothing on a hostile one.

/// One line.
pub(super) struct Line<'t> {
    /// Columns before its key or item, the dash left out.
    pub(super) indent: usize,
    /// Its key; nothing for an item of a list.
    pub(super) key: &'t str,
    /// Its plain value, without quotes; nothing where the value follows below, or is null.
    pub(super) value: &'t str,
}

/// The lines that have a key or are an item.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines().filter_map(line)
}

fn line(line: &str) -> Option<Line<'_>> {
    let mut body = line.trim_start();
    let mut is_item = false;
    while let Some(rest) = body.strip_prefix("- ") {
        is_item = true;
        body = rest.trim_start();
    }
    let indent = line.len().saturating_sub(body.len());
    let body = body.trim_end();
    if body.is_empty() || body.starts_with('#') {
        return None;
    }
    let (key, value) = match body.split_once(": ").or_else(|| Some((body.strip_suffix(':')?, ""))) {
        Some((key, value)) if !key.starts_with(['"', '\'', '{', '[']) => (key, value),
        _ if is_item => ("", body),
        _ => return None,
    };
    let value = value.trim().trim_matches(['\'', '"']);
    Some(Line { indent, key, value: if matches!(value, "null" | "~" | "???") { "" } else { value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_items() {
        let text = "a: 1\nb:\n  c: 'x: y'\n- d: null\n- /data/e.json\n# f: 1\n\n\"g\": 1\n";
        let found: Vec<(usize, &str, &str)> = lines(text).map(|line| (line.indent, line.key, line.value)).collect();
        assert_eq!(found, [(0, "a", "1"), (0, "b", ""), (2, "c", "x: y"), (2, "d", ""), (2, "", "/data/e.json")]);
    }
}
