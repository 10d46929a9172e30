//! Python literals: what `ast.literal_eval` takes, as far as headers of data need it.
//!
//! A reader, not an evaluator: texts stay slices of what was read, no name but `True`, `False` and `None` has a meaning,
//! and nesting is counted down, so a hostile text costs its own length and nothing more.

/// Deepest nesting that is read. A record in a record in a record is six levels.
const MAX_DEPTH: usize = 32;

/// A value.
#[derive(Debug, PartialEq)]
pub(super) enum Literal<'t> {
    /// What stands between the quotes, escapes as they are written.
    Text(&'t [u8]),
    /// An integer that is not negative.
    Number(u64),
    /// `True` or `False`.
    Truth(bool),
    /// `None`.
    Nothing,
    /// `(a, b)`.
    Tuple(Vec<Literal<'t>>),
    /// `[a, b]`.
    List(Vec<Literal<'t>>),
    /// `{a: b}`, in order.
    Dict(Vec<(Literal<'t>, Literal<'t>)>),
}

impl<'t> Literal<'t> {
    /// The literal that `text` is, white space around it aside.
    pub(super) fn read(text: &'t [u8]) -> Option<Literal<'t>> {
        let mut reader = Reader { rest: text };
        let value = reader.value(MAX_DEPTH)?;
        reader.pass_space();
        reader.rest.is_empty().then_some(value)
    }

    /// The value under a key of a dictionary: the last one, as in Python.
    pub(super) fn get(&self, wanted: &str) -> Option<&Literal<'t>> {
        let Literal::Dict(entries) = self else { return None };
        let entry = entries.iter().rfind(|(key, _)| *key == Literal::Text(wanted.as_bytes()));
        entry.map(|(_, value)| value)
    }

    /// The numbers of a tuple of numbers.
    pub(super) fn numbers(&self) -> Option<Vec<u64>> {
        let Literal::Tuple(items) = self else { return None };
        let number = |item: &Literal| if let Literal::Number(number) = item { Some(*number) } else { None };
        items.iter().map(number).collect()
    }
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    /// The next value, at most `levels` brackets deep.
    fn value(&mut self, levels: usize) -> Option<Literal<'t>> {
        self.pass_space();
        match *self.rest.first()? {
            b'(' => {
                let (mut items, comma) = self.items(b')', levels)?;
                // Brackets around one value without a comma only group.
                if items.len() == 1 && !comma { items.pop() } else { Some(Literal::Tuple(items)) }
            }
            b'[' => Some(Literal::List(self.items(b']', levels)?.0)),
            b'{' => self.dict(levels),
            b'0'..=b'9' => self.number(),
            b'\'' | b'"' => self.text(),
            // Prefixes under which Python 2 and 3 write each other's texts.
            b'u' | b'b' => {
                self.rest = self.rest.get(1..)?;
                self.text()
            }
            _ => [("True", Literal::Truth(true)), ("False", Literal::Truth(false)), ("None", Literal::Nothing)]
                .into_iter()
                .find_map(|(word, value)| self.pass(word.as_bytes()).then_some(value)),
        }
    }

    /// Values up to the closing bracket, and whether a comma stood before it.
    fn items(&mut self, close: u8, levels: usize) -> Option<(Vec<Literal<'t>>, bool)> {
        let levels = levels.checked_sub(1)?;
        self.rest = self.rest.get(1..)?;
        let (mut items, mut comma) = (Vec::new(), true);
        loop {
            self.pass_space();
            if self.pass(&[close]) {
                return Some((items, comma));
            }
            if !comma {
                return None;
            }
            items.push(self.value(levels)?);
            self.pass_space();
            comma = self.pass(b",");
        }
    }

    fn dict(&mut self, levels: usize) -> Option<Literal<'t>> {
        let levels = levels.checked_sub(1)?;
        self.rest = self.rest.get(1..)?;
        let (mut entries, mut comma) = (Vec::new(), true);
        loop {
            self.pass_space();
            if self.pass(b"}") {
                return Some(Literal::Dict(entries));
            }
            if !comma {
                return None;
            }
            let key = self.value(levels)?;
            self.pass_space();
            if !self.pass(b":") {
                return None;
            }
            entries.push((key, self.value(levels)?));
            self.pass_space();
            comma = self.pass(b",");
        }
    }

    fn number(&mut self) -> Option<Literal<'t>> {
        let len = self.rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(len)?;
        // Python 2 writes long integers with a letter.
        self.rest = rest.strip_prefix(b"L").unwrap_or(rest);
        std::str::from_utf8(digits).ok()?.parse().ok().map(Literal::Number)
    }

    fn text(&mut self) -> Option<Literal<'t>> {
        let (quote, body) = self.rest.split_first().filter(|(quote, _)| b"'\"".contains(quote))?;
        let mut escaped = false;
        let end = body.iter().position(|byte| {
            let ends = !escaped && byte == quote;
            escaped = !escaped && *byte == b'\\';
            ends
        })?;
        let (text, rest) = body.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        Some(Literal::Text(text))
    }

    fn pass(&mut self, word: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn pass_space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Literal<'_>> {
        Literal::read(text.as_bytes())
    }

    #[test]
    fn what_python_writes() {
        let value = read(" {'a': [1, (2,), ()], \"b\": (None), 'c': u'x\\'y' , 'a' : (3L, 4)}\n").unwrap();
        assert_eq!(value.get("a").and_then(Literal::numbers), Some(vec![3, 4]));
        assert_eq!(value.get("b"), Some(&Literal::Nothing));
        assert_eq!(value.get("c"), Some(&Literal::Text(b"x\\'y")));
        assert_eq!(value.get("d"), None);
        assert_eq!(read("(2)"), Some(Literal::Number(2)));
        assert_eq!(read("()").unwrap().numbers(), Some(vec![]));
        assert_eq!(read("('a', 1)").unwrap().numbers(), None);
        assert_eq!(read("[True, False,]"), Some(Literal::List(vec![Literal::Truth(true), Literal::Truth(false)])));
    }

    #[test]
    fn what_is_no_literal() {
        for text in [
            "",
            " ",
            "(",
            "(1",
            "(1 2)",
            "(,)",
            "[1,,2]",
            "{1}",
            "{1:}",
            "{'a' 1}",
            "{'a': 1",
            "'",
            "'a",
            "'a\\'",
            "u",
            "b1",
            "-1",
            "1 1",
            "x",
            "__import__('os')",
            "1+1",
            "True()",
            "99999999999999999999",
            "\0",
            "{'a': 1}\0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(Literal::read(&nested(MAX_DEPTH)).is_some());
        assert!(Literal::read(&nested(MAX_DEPTH + 1)).is_none());
        for open in ["(", "[", "{", "{1:", "(1,", "{("] {
            assert_eq!(read(&open.repeat(300_000)), None, "{open}");
        }
    }
}
