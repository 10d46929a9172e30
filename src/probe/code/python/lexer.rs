//! Python source → tokens, a logical line at a time.
//!
//! Follows "Lexical analysis" of the language reference, and forgives what a reader would: Python 2, the magics of
//! notebooks, brackets and quotes that are never closed, any encoding that has ASCII in it. Comments give no token, and a
//! string is one token whose content nothing mistakes for code. One pass, no recursion; what is inside of an f-string is
//! text.

/// Most tokens kept of a logical line: a table of numbers may be one.
const MAX_TOKENS: usize = 20_000;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    Number,
    Text,
    Sign,
}

/// A token: of a text, what is between its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) sort: Sort,
    pub(super) text: &'s [u8],
}

impl Token<'_> {
    /// Whether it is this name or sign.
    pub(super) fn is(&self, word: &str) -> bool {
        self.sort != Sort::Text && self.text == word.as_bytes()
    }
}

/// Reads logical lines.
pub(super) struct Lexer<'s> {
    text: &'s [u8],
    at: usize,
    /// Physical lines that hold code.
    pub(super) lines: u64,
    /// Whether the physical line that is read was counted.
    counted: bool,
    /// The indentation of the line that a semicolon cut in two.
    goes_on: Option<usize>,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(text: &'s [u8]) -> Lexer<'s> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Lexer { text, at: 0, lines: 0, counted: false, goes_on: None }
    }

    /// Puts the tokens of the next logical line into `tokens`; returns its indentation.
    pub(super) fn line(&mut self, tokens: &mut Vec<Token<'s>>) -> Option<usize> {
        tokens.clear();
        let mut indent = match self.goes_on.take() {
            Some(indent) => indent,
            None => self.indent()?,
        };
        let mut depth = 0usize;
        loop {
            let Some(byte) = self.peek(0) else {
                return (!tokens.is_empty()).then_some(indent);
            };
            match byte {
                b'\n' => {
                    self.skip(1);
                    self.counted = false;
                    if tokens.is_empty() {
                        indent = self.indent()?;
                    } else if depth == 0 || self.begins_statement() {
                        return Some(indent);
                    }
                }
                b' ' | b'\t' | b'\r' | 0x0c => self.skip(1),
                b'#' => self.pass_line(),
                b'\\' => {
                    // A line that goes on; what stands between is nothing.
                    self.skip(1);
                    self.pass_line();
                    self.skip(1);
                    self.counted = false;
                }
                b';' if depth == 0 => {
                    self.skip(1);
                    if !tokens.is_empty() {
                        self.goes_on = Some(indent);
                        return Some(indent);
                    }
                }
                // The magics of notebooks.
                b'%' | b'!' | b'?' if tokens.is_empty() => self.pass_line(),
                _ => {
                    let token = self.token(byte);
                    match token.text {
                        b"(" | b"[" | b"{" if token.sort == Sort::Sign => depth = depth.saturating_add(1),
                        b")" | b"]" | b"}" if token.sort == Sort::Sign => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    if tokens.len() < MAX_TOKENS {
                        tokens.push(token);
                    }
                }
            }
        }
    }

    fn token(&mut self, byte: u8) -> Token<'s> {
        if !self.counted {
            self.counted = true;
            self.lines = self.lines.saturating_add(1);
        }
        let start = self.at;
        if is_name(byte) && !byte.is_ascii_digit() {
            while self.peek(0).is_some_and(is_name) {
                self.skip(1);
            }
            let name = self.from(start);
            if let Some(quote @ (b'"' | b'\'')) = self.peek(0)
                && name.len() <= 2
                && name.iter().all(|byte| b"rRbBuUfFtT".contains(byte))
            {
                let formatted = name.iter().any(|byte| b"fFtT".contains(byte));
                return Token { sort: Sort::Text, text: self.string(quote, formatted) };
            }
            return Token { sort: Sort::Name, text: name };
        }
        if matches!(byte, b'"' | b'\'') {
            return Token { sort: Sort::Text, text: self.string(byte, false) };
        }
        if byte.is_ascii_digit() {
            while self.peek(0).is_some_and(|byte| is_name(byte) || byte == b'.') {
                self.skip(1);
            }
            return Token { sort: Sort::Number, text: self.from(start) };
        }
        self.skip(1);
        // Of the signs of two bytes only those matter that begin or end like an assignment.
        if self.peek(0) == Some(b'=') && b"=!<>+-*/%&|^@:".contains(&byte) {
            self.skip(1);
        }
        Token { sort: Sort::Sign, text: self.from(start) }
    }

    /// The content of the string that begins here. One that is not closed ends with its line, or the file.
    fn string(&mut self, quote: u8, formatted: bool) -> &'s [u8] {
        let triple = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let width = if triple { 3 } else { 1 };
        self.skip(width);
        let start = self.at;
        let mut braces = 0usize;
        loop {
            let Some(byte) = self.peek(0) else { return self.from(start) };
            match byte {
                b'\\' => self.skip(2),
                b'\n' if !triple => return self.from(start),
                b'\n' => {
                    self.skip(1);
                    self.lines = self.lines.saturating_add(1);
                }
                b'{' if formatted && self.peek(1) == Some(b'{') && braces == 0 => self.skip(2),
                b'{' if formatted => {
                    braces = braces.saturating_add(1);
                    self.skip(1);
                }
                b'}' if braces > 0 => {
                    braces = braces.saturating_sub(1);
                    self.skip(1);
                }
                // Since Python 3.12 the same quotes may be used inside of the braces.
                _ if byte == quote && braces > 0 && !triple && self.closes_on_line(quote) => {
                    self.skip(1);
                    while self.peek(0).is_some_and(|byte| byte != quote) {
                        self.skip(1);
                    }
                    self.skip(1);
                }
                _ if byte == quote && (!triple || (self.peek(1) == Some(quote) && self.peek(2) == Some(quote))) => {
                    let content = self.from(start);
                    self.skip(width);
                    return content;
                }
                _ => self.skip(1),
            }
        }
    }

    /// Whether the string that begins here, inside of braces, ends before them and on this line: `f"{a["b"]}"`.
    fn closes_on_line(&self, quote: u8) -> bool {
        /// A key, not a text.
        const NEAR: usize = 200;
        let rest = self.text.get(self.at.saturating_add(1)..).unwrap_or_default();
        let near = rest.get(..NEAR).unwrap_or(rest);
        let line = near.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let Some(end) = line.iter().position(|&byte| byte == quote) else { return false };
        line.get(end..).is_some_and(|rest| rest.contains(&b'}')) && !line.get(..end).unwrap_or_default().contains(&b'}')
    }

    /// Whether the line that begins here cannot be inside of brackets: whoever opened them never closed them.
    fn begins_statement(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        [&b"def "[..], b"class ", b"import ", b"from ", b"async def ", b"@"].iter().any(|word| rest.starts_with(word))
    }

    /// The width of the white space that a line begins with.
    fn indent(&mut self) -> Option<usize> {
        let mut width = 0usize;
        loop {
            match self.peek(0)? {
                b' ' => width = width.saturating_add(1),
                b'\t' => width = width.saturating_add(8) & !7,
                b'\r' | 0x0c => {}
                _ => return Some(width),
            }
            self.skip(1);
        }
    }

    fn pass_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.skip(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()));
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at.saturating_add(ahead)).copied()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    fn from(&self, start: usize) -> &'s [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// Letters of other alphabets are all beyond ASCII.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        let mut lexer = Lexer::new(text.as_bytes());
        let mut tokens = Vec::new();
        let mut lines = Vec::new();
        while let Some(indent) = lexer.line(&mut tokens) {
            let words = tokens.iter().map(|token| match token.sort {
                Sort::Text => format!("<{}>", String::from_utf8_lossy(token.text)),
                _ => String::from_utf8_lossy(token.text).into_owned(),
            });
            lines.push((indent, words.collect::<Vec<_>>().join(" ")));
        }
        lines
    }

    #[test]
    fn logical_lines_with_their_indentation() {
        let text = "import os; x = 1 # import torch\nif x:\n\ty = (1,\n 2)\n    z = a \\\n  + b\n";
        let want = [(0, "import os"), (0, "x = 1"), (0, "if x :"), (8, "y = ( 1 , 2 )"), (4, "z = a + b")];
        assert_eq!(lines(text), want.map(|(indent, line)| (indent, line.to_owned())));
    }

    #[test]
    fn strings_are_texts_whatever_is_in_them() {
        let one = |text: &str| lines(text).into_iter().map(|(_, line)| line).collect::<Vec<_>>().join(" | ");
        assert_eq!(one("'''a\nimport torch\n''' + \"b\\\"c\""), "<a\nimport torch\n> + <b\\\"c>");
        assert_eq!(one(r"rb'a\'b' + f'{x!r:>{w}}' + ur'x'"), r"<a\'b> + <{x!r:>{w}}> + <x>");
        assert_eq!(one(r#"f"{a["b"]}/c" + f"{{{x}}}" + 'd'"#), r#"<{a["b"]}/c> + <{{{x}}}> + <d>"#);
        assert_eq!(one("f'{a}' 'b' f\"{x}\""), "<{a}> <b> <{x}>");
        assert_eq!(one("x = 'never closed\ny = 2"), "x = <never closed> | y = 2");
        assert_eq!(one("x = '''never closed\ny = 2"), "x = <never closed\ny = 2>");
    }

    #[test]
    fn what_is_never_closed_ends_at_the_next_definition() {
        let found = lines("x = foo((1,\n  2\ndef f():\n    return [\nclass A:\n  pass\n");
        assert_eq!(
            found.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>()[1..],
            ["def f ( ) :", "return [", "class A :", "pass"]
        );
    }

    #[test]
    fn magics_and_other_languages_are_passed_over() {
        let found = lines("%matplotlib inline\n!pip install torch\nprint 'two' % `x`\n\u{feff}é = 1\n");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].1, "print <two> % ` x `");
    }

    #[test]
    fn hostile_texts_end() {
        for text in ["(", "'", "\\", "f'{", "f'{'", "\"\"\"", "\u{0}\u{0}(", "f\"{\"{\"{"] {
            let many = text.repeat(100_000);
            let mut lexer = Lexer::new(many.as_bytes());
            let mut tokens = Vec::new();
            while lexer.line(&mut tokens).is_some() {
                assert!(tokens.len() <= MAX_TOKENS);
            }
        }
    }
}
