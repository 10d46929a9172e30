//! YAML as a bounded tree with the place of every value.
//!
//! Follows YAML 1.2 (yaml.org/spec/1.2.2) through the events of `saphyr-parser`. Tags are not resolved: `!!python/object`
//! is its content. An alias stands for a copy of what it names, counted like everything else, so that a bomb of aliases
//! ends at the limit. What came before an error stands, since templates and half-written files break in the middle.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{Input, ProbeError, kit};

/// Longest text that is parsed.
pub(crate) const MAX_TEXT: u64 = 4 << 20;
/// Most values of a text, those of aliases included.
const MAX_VALUES: usize = 200_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yaml {
    /// Counted from 1.
    pub(crate) line: u64,
    /// In characters, counted from 1.
    pub(crate) column: u64,
    /// What it is.
    pub(crate) node: Node,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A text, a number, a truth value or null; `plain` where it was written without quotes.
    Scalar { text: String, plain: bool },
    /// A sequence.
    List(Vec<Yaml>),
    /// A mapping, in the order it is written; keys that are no scalars are left out.
    Map(Vec<(String, Yaml)>),
}

/// A text's documents, and what ended their reading early.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// Those that were read, the last one perhaps in part.
    pub(crate) documents: Vec<Yaml>,
    /// Why the rest was not.
    pub(crate) ended_by: Option<ProbeError>,
}

impl Yaml {
    /// The value under a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value under keys, one in the other.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Yaml> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar { text, plain }
                if !(*plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")) =>
            {
                Some(text)
            }
            _ => None,
        }
    }

    /// The text under keys, one in the other.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.text()
    }

    /// The items of a sequence; none of anything else.
    pub(crate) fn items(&self) -> &[Yaml] {
        match &self.node {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; none of anything else.
    pub(crate) fn entries(&self) -> &[(String, Yaml)] {
        match &self.node {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Every scalar with its path: keys joined by dots, items by their number.
    pub(crate) fn leaves<'y>(&'y self, each: &mut dyn FnMut(&str, &'y Yaml)) {
        let mut path = String::new();
        leaves(self, &mut path, each);
    }
}

fn leaves<'y>(value: &'y Yaml, path: &mut String, each: &mut dyn FnMut(&str, &'y Yaml)) {
    let len = path.len();
    let mut below = |key: &str, value: &'y Yaml| {
        if len > 0 {
            path.push('.');
        }
        path.push_str(key);
        leaves(value, path, each);
        path.truncate(len);
    };
    match &value.node {
        Node::Scalar { .. } => each(path, value),
        Node::List(items) => items.iter().enumerate().for_each(|(at, item)| below(&at.to_string(), item)),
        Node::Map(entries) => entries.iter().for_each(|(key, value)| below(key, value)),
    }
}

/// The first document of an entry.
///
/// # Errors
/// [`ProbeError::NotMine`] where not even its beginning is YAML with keys; what the blob answers.
pub(crate) fn file(input: &Input) -> Result<(Yaml, Option<ProbeError>), ProbeError> {
    let bytes = kit::whole(input.blob, MAX_TEXT)?;
    let Documents { documents, ended_by } = documents(&String::from_utf8_lossy(&bytes));
    let first = documents.into_iter().find(|document| !document.entries().is_empty());
    Ok((first.ok_or(ProbeError::NotMine)?, ended_by))
}

/// Every document of a text.
pub(crate) fn documents(text: &str) -> Documents {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder { values_left: MAX_VALUES, ..Builder::default() };
    let mut found = Documents::default();
    loop {
        let (event, span) = match parser.next_event() {
            None => break,
            // The error of the library quotes the text.
            Some(Err(_)) => {
                found.ended_by = Some(ProbeError::Malformed("its YAML does not hold".to_owned()));
                break;
            }
            Some(Ok(event)) => event,
        };
        let place = (span.start.line() as u64, (span.start.col() as u64).saturating_add(1));
        match event {
            Event::StreamEnd => break,
            Event::DocumentEnd => found.documents.extend(builder.root.take()),
            event => {
                if let Err(error) = builder.take(event, place) {
                    found.ended_by = Some(error);
                    break;
                }
            }
        }
    }
    builder.close_all();
    found.documents.extend(builder.root.take());
    found
}

/// Events to a tree, without recursion.
#[derive(Default)]
struct Builder {
    /// What is open, outermost first.
    open: Vec<Open>,
    root: Option<Yaml>,
    anchors: BTreeMap<usize, Yaml>,
    values_left: usize,
}

struct Open {
    value: Yaml,
    anchor: usize,
    /// The key of a mapping that waits for its value; an empty one where it was no scalar.
    key: Option<String>,
}

impl Builder {
    fn take(&mut self, event: Event, (line, column): (u64, u64)) -> Result<(), ProbeError> {
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                (Node::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }, anchor)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let node = value.map_or(Node::List(Vec::new()), |value| value.node);
                self.spend(weight(&node))?;
                self.put(Yaml { line, column, node });
                return Ok(());
            }
            Event::SequenceStart(anchor, _) => return self.open(Node::List(Vec::new()), anchor, (line, column)),
            Event::MappingStart(anchor, _) => return self.open(Node::Map(Vec::new()), anchor, (line, column)),
            Event::SequenceEnd | Event::MappingEnd => {
                self.close();
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.spend(1)?;
        let value = Yaml { line, column, node };
        self.remember(anchor, &value)?;
        self.put(value);
        Ok(())
    }

    fn spend(&mut self, values: usize) -> Result<(), ProbeError> {
        let too_many = || ProbeError::Unsupported("its YAML has more values than are read".to_owned());
        self.values_left = self.values_left.checked_sub(values).ok_or_else(too_many)?;
        Ok(())
    }

    fn open(&mut self, node: Node, anchor: usize, (line, column): (u64, u64)) -> Result<(), ProbeError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(ProbeError::Unsupported("its YAML is nested deeper than is read".to_owned()));
        }
        self.spend(1)?;
        self.open.push(Open { value: Yaml { line, column, node }, anchor, key: None });
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        // Over the limit an alias is an empty list; the reading ends there anyway.
        let _ = self.remember(open.anchor, &open.value);
        self.put(open.value);
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    fn remember(&mut self, anchor: usize, value: &Yaml) -> Result<(), ProbeError> {
        if anchor > 0 {
            self.spend(weight(&value.node))?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(())
    }

    fn put(&mut self, value: Yaml) {
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(value);
            return;
        };
        match (&mut open.value.node, open.key.take()) {
            (Node::List(items), _) => items.push(value),
            (Node::Map(_), None) => {
                let is_key = |text: String| if text.is_empty() { None } else { Some(text) };
                open.key = Some(match value.node {
                    Node::Scalar { text, .. } => is_key(text).unwrap_or_default(),
                    _ => String::new(),
                });
            }
            (Node::Map(_), Some(key)) if key.is_empty() => {}
            // What is merged in yields to what stands there.
            (Node::Map(entries), Some(key)) if key == "<<" => {
                let merged = match value.node {
                    Node::Map(merged) => merged,
                    Node::List(maps) => maps.into_iter().flat_map(|map| map.entries().to_vec()).collect(),
                    Node::Scalar { .. } => Vec::new(),
                };
                entries.extend(merged);
            }
            (Node::Map(entries), Some(key)) => entries.push((key, value)),
            (Node::Scalar { .. }, _) => {}
        }
    }
}

/// Values in a value.
fn weight(node: &Node) -> usize {
    let mut weight = 0usize;
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        weight = weight.saturating_add(1);
        match node {
            Node::Scalar { .. } => {}
            Node::List(items) => open.extend(items.iter().map(|item| &item.node)),
            Node::Map(entries) => open.extend(entries.iter().map(|(_, value)| &value.node)),
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Yaml {
        documents(text).documents.into_iter().next().unwrap()
    }

    #[test]
    fn trees_with_places() {
        let yaml = one("a: 1\nb:\n  - c: 'x: y'\n    d: ~\n  - [e, {f: \"null\"}]\n");
        assert_eq!(yaml.text_at(&["a"]), Some("1"));
        let items = yaml.get("b").unwrap().items();
        assert_eq!(items[0].text_at(&["c"]), Some("x: y"));
        assert_eq!(items[0].text_at(&["d"]), None);
        assert_eq!(items[1].items()[1].text_at(&["f"]), Some("null"));
        let place = items[0].get("c").unwrap();
        assert_eq!((place.line, place.column), (3, 8));
        let mut paths = Vec::new();
        yaml.leaves(&mut |path, _| paths.push(path.to_owned()));
        assert_eq!(paths, ["a", "b.0.c", "b.0.d", "b.1.0", "b.1.1.f"]);
    }

    #[test]
    fn aliases_tags_and_several_documents() {
        let yaml = one("base: &b {lr: 0.1, n: !!python/tuple [1]}\nrun:\n  <<: *b\n  name: x\ncopy: *b\n");
        assert_eq!(yaml.text_at(&["run", "lr"]), Some("0.1"));
        assert_eq!(yaml.text_at(&["copy", "lr"]), Some("0.1"));
        assert_eq!(documents("a: 1\n---\nb: 2\n...\n").documents.len(), 2);
    }

    #[test]
    fn what_came_before_an_error_stands() {
        let found = documents("a: 1\nb: {{ .Values.x }}\nc: [");
        assert!(found.ended_by.is_some());
        assert_eq!(found.documents[0].text_at(&["a"]), Some("1"));
        let secret = documents("a: 1\npassword: \"hunter2\nb");
        assert!(!format!("{:?}", secret.ended_by).contains("hunter2"));
    }

    #[test]
    fn bombs_end_at_the_limit() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = level - 1;
            let items = vec![format!("*a{below}"); 9].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(documents(&laughs).ended_by.is_some());
        assert!(documents(&"[".repeat(100_000)).ended_by.is_some());
        assert!(documents(&"a:\n ".repeat(100)).documents.len() <= 1);
        assert!(documents(&"- ".repeat(100_000)).ended_by.is_some());
    }
}
