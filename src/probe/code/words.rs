//! Scripts of languages with `#` comments → words and texts: enough to see who is called, and no more.

/// A language, by what differs between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    R,
    Julia,
    /// Snakemake's and Nextflow's own words; comments after `#` or `//`.
    Workflow,
}

/// A word or a text.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) is_text: bool,
    /// A bracket follows.
    pub(super) is_call: bool,
    /// An assignment stands in front: `f <- function`.
    pub(super) follows_assignment: bool,
    /// It stands on the line of the word before it.
    pub(super) line_goes_on: bool,
    /// It is the first of its line, at its very beginning.
    pub(super) at_margin: bool,
}

/// Reads words one after the other.
pub(super) struct Words<'s> {
    text: &'s [u8],
    at: usize,
    language: Language,
    lines: u64,
    counted: bool,
    assigned: bool,
}

impl<'s> Words<'s> {
    pub(super) fn new(text: &'s [u8], language: Language) -> Words<'s> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Words { text, at: 0, language, lines: 0, counted: false, assigned: false }
    }

    /// Lines that held something.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Option<Word> {
        loop {
            let byte = self.peek(0)?;
            match byte {
                b'\n' => {
                    self.at = self.at.saturating_add(1);
                    self.counted = false;
                }
                b' ' | b'\t' | b'\r' => self.at = self.at.saturating_add(1),
                b'#' if self.language == Language::Julia && self.peek(1) == Some(b'=') => self.pass(b"=#"),
                b'/' if self.language == Language::Workflow && self.peek(1) == Some(b'*') => self.pass(b"*/"),
                b'/' if self.language == Language::Workflow && self.peek(1) == Some(b'/') => self.pass_line(),
                b'#' => self.pass_line(),
                b'"' | b'\'' if !(byte == b'\'' && self.language == Language::Julia) => {
                    let goes_on = self.counts_line();
                    return Some(self.quoted(byte, goes_on));
                }
                _ if is_word(byte, self.language) && !byte.is_ascii_digit() => {
                    let at_margin = self.at == 0 || self.text.get(self.at.saturating_sub(1)) == Some(&b'\n');
                    let line_goes_on = self.counts_line();
                    let start = self.at;
                    while self.peek(0).is_some_and(|byte| is_word(byte, self.language)) {
                        self.at = self.at.saturating_add(1);
                    }
                    let text = self.text.get(start..self.at).unwrap_or_default();
                    let text = String::from_utf8_lossy(text.get(..300).unwrap_or(text)).into_owned();
                    let is_call = self.peek(0) == Some(b'(');
                    let follows_assignment = std::mem::take(&mut self.assigned);
                    return Some(Word { text, is_text: false, is_call, follows_assignment, line_goes_on, at_margin });
                }
                _ => {
                    self.counts_line();
                    self.assigned = matches!(byte, b'=' | b'-') || (byte == b'<' && self.assigned);
                    self.at = self.at.saturating_add(1);
                }
            }
        }
    }

    /// Counts the line that is read, once; whether it was counted already.
    fn counts_line(&mut self) -> bool {
        let counted = std::mem::replace(&mut self.counted, true);
        self.lines = self.lines.saturating_add(u64::from(!counted));
        counted
    }

    /// A text, to its closing quotes.
    fn quoted(&mut self, quote: u8, line_goes_on: bool) -> Word {
        let triple = self.language != Language::R && self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let width = if triple { 3 } else { 1 };
        self.at = self.at.saturating_add(width);
        let start = self.at;
        let end = loop {
            match self.peek(0) {
                None => break self.text.len(),
                Some(b'\\') => self.at = self.at.saturating_add(1),
                Some(byte) if byte == quote => {
                    if !triple || (self.peek(1) == Some(quote) && self.peek(2) == Some(quote)) {
                        break self.at;
                    }
                }
                // Whatever opened it was no quote.
                Some(b'\n') if !triple && self.language == Language::Workflow => break self.at,
                Some(_) => {}
            }
            self.at = self.at.saturating_add(1);
        };
        let text = self.text.get(start..end).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..2000).unwrap_or(text)).into_owned();
        self.at = end.saturating_add(width).min(self.text.len());
        self.assigned = false;
        Word { text, is_text: true, is_call: false, follows_assignment: false, line_goes_on, at_margin: false }
    }

    fn pass(&mut self, end: &[u8]) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len =
            rest.windows(end.len()).position(|part| part == end).map_or(rest.len(), |at| at.saturating_add(end.len()));
        self.at = self.at.saturating_add(len);
    }

    fn pass_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at = self.at.saturating_add(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()));
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at.saturating_add(ahead)).copied()
    }
}

fn is_word(byte: u8, language: Language) -> bool {
    let more: &[u8] = match language {
        Language::R => b"_.:",
        Language::Julia => b"_.!@",
        Language::Workflow => b"_.",
    };
    byte.is_ascii_alphanumeric() || byte >= 0x80 || more.contains(&byte)
}
