//! Records of JSON as rows: every value that is no container is a cell under the path of its keys, lists are passed
//! through (`name.family`). A record is collected before it is handed over, for what it is may stand at its end.

use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::blob::ReadError;
use crate::table::{Cell, Column, Kind, Table};

/// Values of one record that are looked at.
const MAX_LEAVES: usize = 1 << 16;
/// Paths that are told apart; a table looks at no more columns.
const MAX_PATHS: usize = 4096;
/// Longest path; what nests deeper is not looked at.
const MAX_PATH: usize = 240;
/// Bytes kept of a text.
const MAX_TEXT: usize = 1024;

/// A value.
#[derive(Debug, PartialEq)]
pub(super) enum Leaf {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
}

impl Leaf {
    /// The value as a cell.
    pub(super) fn cell(&self) -> Cell<'_> {
        match self {
            Leaf::Text(text) => Cell::Text(text),
            Leaf::Integer(number) => Cell::Integer(*number),
            Leaf::Number(number) => Cell::Number(*number),
            Leaf::Boolean(flag) => Cell::Boolean(*flag),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Leaf::Text(_) => Kind::Text,
            Leaf::Integer(_) => Kind::Integer,
            Leaf::Number(_) => Kind::Number,
            Leaf::Boolean(_) => Kind::Boolean,
        }
    }
}

/// One record.
#[derive(Default)]
pub(super) struct Record {
    /// Its values, in order, under the number of their path.
    pub(super) leaves: Vec<(usize, Leaf)>,
    /// Whether some were left out.
    pub(super) is_cut: bool,
}

/// The paths met so far, by number.
#[derive(Default)]
pub(super) struct Paths {
    numbers: BTreeMap<String, usize>,
    names: Vec<String>,
}

impl Paths {
    /// The path of a number.
    pub(super) fn name(&self, number: usize) -> &str {
        self.names.get(number).map_or("", String::as_str)
    }

    fn number(&mut self, path: &str) -> Option<usize> {
        if let Some(&number) = self.numbers.get(path) {
            return Some(number);
        }
        let number = self.names.len();
        if number >= MAX_PATHS {
            return None;
        }
        self.numbers.insert(path.to_owned(), number);
        self.names.push(path.to_owned());
        Some(number)
    }
}

/// Collects one value, whatever it is, into a record.
pub(super) struct Collect<'c> {
    record: &'c mut Record,
    paths: &'c mut Paths,
    path: &'c mut String,
}

impl<'c> Collect<'c> {
    /// The value at the end of `path`, which is empty for a whole record.
    pub(super) fn new(record: &'c mut Record, paths: &'c mut Paths, path: &'c mut String) -> Collect<'c> {
        Collect { record, paths, path }
    }

    fn again(&mut self) -> Collect<'_> {
        Collect { record: self.record, paths: self.paths, path: self.path }
    }

    fn leaf(self, leaf: Leaf) {
        let number = if self.record.leaves.len() < MAX_LEAVES { self.paths.number(self.path) } else { None };
        match number {
            Some(number) => self.record.leaves.push((number, leaf)),
            None => self.record.is_cut = true,
        }
    }
}

/// The beginning of a text.
pub(super) fn beginning(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text).to_owned()
}

impl<'de> DeserializeSeed<'de> for Collect<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.leaf(Leaf::Boolean(flag));
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.leaf(Leaf::Integer(number));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.leaf(i64::try_from(number).map_or(Leaf::Number(number as f64), Leaf::Integer));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.leaf(Leaf::Number(number));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.leaf(Leaf::Text(beginning(text)));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.again())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        let length = self.path.len();
        while let Some(key) = entries.next_key::<String>()? {
            if length.saturating_add(key.len()) >= MAX_PATH {
                self.record.is_cut = true;
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            entries.next_value_seed(self.again())?;
            self.path.truncate(length);
        }
        Ok(())
    }
}

/// Paths of a table's columns.
#[derive(Default)]
pub(super) struct Columns {
    numbers: BTreeMap<usize, usize>,
}

impl Columns {
    /// Hands a record over as a row; columns that are new are described by `describe`, values seen by `cell`.
    pub(super) fn row(
        &mut self,
        table: &mut Table,
        paths: &Paths,
        record: &Record,
        describe: impl Fn(&str) -> Option<&'static str>,
        mut feed: impl FnMut(&mut Table, usize, &str, &Leaf),
    ) -> Result<(), ReadError> {
        for (path, leaf) in &record.leaves {
            self.numbers.entry(*path).or_insert_with(|| {
                let name = paths.name(*path);
                let column = Column::of(name, leaf.kind());
                table.column(Column { declared: describe(name).map(str::to_owned), ..column })
            });
        }
        for (path, leaf) in &record.leaves {
            if let Some(&column) = self.numbers.get(path) {
                feed(table, column, paths.name(*path), leaf);
            }
        }
        table.end_row()
    }
}

/// The text under a key of the outermost object, as far as `bytes` go. Not a parser: it follows quotes and brackets, and
/// stops at the first oddity.
pub(super) fn outer_text(bytes: &[u8], key: &str) -> Option<String> {
    outer_value(bytes, key).and_then(|rest| {
        let rest = rest.strip_prefix(b"\"")?;
        let end = rest.iter().position(|&byte| byte == b'"' || byte == b'\\').filter(|&end| end <= MAX_TEXT)?;
        std::str::from_utf8(rest.get(..end)?).ok().map(str::to_owned)
    })
}

/// The bytes from the value of a key of the outermost object on.
pub(super) fn outer_value<'b>(bytes: &'b [u8], key: &str) -> Option<&'b [u8]> {
    let (mut depth, mut at) = (0usize, 0usize);
    let mut expects_key = false;
    while let Some(&byte) = bytes.get(at) {
        at = at.saturating_add(1);
        match byte {
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                expects_key = depth == 1 && byte == b'{';
                if depth == 1 && byte == b'[' {
                    return None;
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return None;
                }
            }
            b',' => expects_key = depth == 1,
            b'"' => {
                let start = at;
                loop {
                    match bytes.get(at)? {
                        b'\\' => at = at.saturating_add(2),
                        b'"' => break,
                        _ => at = at.saturating_add(1),
                    }
                }
                let text = bytes.get(start..at)?;
                at = at.saturating_add(1);
                if std::mem::take(&mut expects_key) && text == key.as_bytes() {
                    let rest = bytes.get(at..)?.trim_ascii_start();
                    return Some(rest.strip_prefix(b":")?.trim_ascii_start());
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(text: &str) -> Result<Vec<(String, Leaf)>, serde_json::Error> {
        let (mut record, mut paths) = (Record::default(), Paths::default());
        let mut json = serde_json::Deserializer::from_str(text);
        Collect::new(&mut record, &mut paths, &mut String::new()).deserialize(&mut json)?;
        Ok(record.leaves.into_iter().map(|(path, leaf)| (paths.name(path).to_owned(), leaf)).collect())
    }

    #[test]
    fn values_lie_under_their_paths() {
        let got = collected(r#"{"id": "a", "name": [{"family": "B", "given": ["C", "D"]}], "n": -1, "x": null}"#);
        let text = |text: &str| Leaf::Text(text.to_owned());
        let want = [
            ("id", text("a")),
            ("name.family", text("B")),
            ("name.given", text("C")),
            ("name.given", text("D")),
            ("n", Leaf::Integer(-1)),
        ];
        assert_eq!(got.unwrap(), want.map(|(path, leaf)| (path.to_owned(), leaf)));
    }

    #[test]
    fn records_are_bounded() {
        assert!(collected(&"[".repeat(100_000)).is_err());
        assert_eq!(collected(&format!("[{}1]", "1,".repeat(MAX_LEAVES * 2))).unwrap().len(), MAX_LEAVES);
        let wide: String = (0..MAX_PATHS * 2).map(|key| format!("\"k{key}\":1,")).collect();
        assert_eq!(collected(&format!("{{{wide}\"l\":1}}")).unwrap().len(), MAX_PATHS);
        assert!(collected(&format!("{{\"{}\":[1]}}", "k".repeat(1000))).unwrap().is_empty());
    }

    #[test]
    fn keys_of_the_outermost_object() {
        let text = br#" {"a": {"type": "no"}, "b": ["type", "x", {"type": "no"}], "c": "type", "type" : "yes", "d": 1"#;
        assert_eq!(outer_text(text, "type").as_deref(), Some("yes"));
        assert_eq!(outer_text(text, "d"), None);
        assert_eq!(outer_value(text, "d"), Some(&b"1"[..]));
        for text in ["", "{", "[{\"type\": \"x\"}]", "{\"type", "{\"type\"", "{\"type\": \"x", "{} {\"type\": \"x\"}"] {
            assert_eq!(outer_text(text.as_bytes(), "type"), None, "{text}");
        }
    }
}
