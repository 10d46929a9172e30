//! XML of spreadsheets and of study definitions, a piece at a time: no piece is longer than what is allowed.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::archive::zip::{Directory, Member};
use crate::blob::ReadError;
use crate::probe::{Input, ProbeError, kit};

/// Longest element or text.
const MAX_EVENT: u64 = 1 << 20;

/// What comes next.
pub(in crate::probe::dataset) enum Piece {
    /// An element begins: its local name.
    Open(String),
    /// It ends.
    Close(String),
    /// Text between elements.
    Text(String),
    /// Nothing.
    End,
}

/// A member that is read piece by piece.
pub(in crate::probe::dataset) struct Pieces<'b> {
    reader: Reader<Bounded<BufReader<Box<dyn Read + 'b>>>>,
    left: Rc<Cell<u64>>,
    buffer: Vec<u8>,
    attributes: Vec<(String, String)>,
    /// The name of an element that was opened and closed at once.
    pending: Option<String>,
}

impl<'b> Pieces<'b> {
    pub(in crate::probe::dataset) fn open(
        input: &Input<'b>,
        zip: &Directory,
        member: &Member,
    ) -> Result<Pieces<'b>, ProbeError> {
        Ok(Pieces::of(kit::unpacked(input, zip, member)?))
    }

    /// The pieces of a stream: how much comes of it is for the caller to bound.
    pub(in crate::probe::dataset) fn of(source: impl Read + 'b) -> Pieces<'b> {
        let source: Box<dyn Read + 'b> = Box::new(source);
        let left = Rc::new(Cell::new(MAX_EVENT));
        let reader = Reader::from_reader(Bounded { source: BufReader::new(source), left: Rc::clone(&left) });
        Pieces { reader, left, buffer: Vec::new(), attributes: Vec::new(), pending: None }
    }

    /// The next piece.
    ///
    /// # Errors
    /// [`ProbeError::Malformed`] where it is no XML, has a DTD or a piece that is too long; what reading answers.
    pub(in crate::probe::dataset) fn next(&mut self) -> Result<Piece, ProbeError> {
        if let Some(name) = self.pending.take() {
            return Ok(Piece::Close(name));
        }
        loop {
            self.buffer.clear();
            self.left.set(MAX_EVENT);
            let event = self.reader.read_event_into(&mut self.buffer).map_err(error)?;
            return Ok(match event {
                Event::Start(element) => {
                    attributes(&element, &mut self.attributes);
                    Piece::Open(element.local_name().as_ref().to_owned())
                }
                Event::Empty(element) => {
                    attributes(&element, &mut self.attributes);
                    let name = element.local_name().as_ref().to_owned();
                    self.pending = Some(name.clone());
                    Piece::Open(name)
                }
                Event::End(element) => Piece::Close(element.local_name().as_ref().to_owned()),
                Event::Text(text) => Piece::Text(text.as_ref().to_owned()),
                Event::CData(text) => Piece::Text(text.as_ref().to_owned()),
                Event::GeneralRef(name) => Piece::Text(referenced(&name)),
                // An entity of a document is what a bomb of XML is made of: no writer of spreadsheets has any.
                Event::DocType(_) => return Err(ProbeError::Malformed("its XML has a document type".to_owned())),
                Event::Eof => Piece::End,
                _ => continue,
            });
        }
    }

    /// An attribute of the element that was opened last, by local name.
    pub(in crate::probe::dataset) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn attributes(element: &BytesStart, into: &mut Vec<(String, String)>) {
    into.clear();
    for attribute in element.attributes().with_checks(false).flatten().take(64) {
        let value =
            quick_xml::escape::unescape(&attribute.value).map_or_else(|_| attribute.value.to_string(), Into::into);
        into.push((attribute.key.local_name().as_ref().to_owned(), value));
    }
}

/// The text of `&amp;`, `&#228;`, `&#xe4;`.
fn referenced(name: &str) -> String {
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    match (name, number.and_then(char::from_u32)) {
        (_, Some(char)) => char.to_string(),
        ("amp", _) => "&".to_owned(),
        ("lt", _) => "<".to_owned(),
        ("gt", _) => ">".to_owned(),
        ("quot", _) => "\"".to_owned(),
        ("apos", _) => "'".to_owned(),
        _ => String::new(),
    }
}

/// Why there is no further piece, without a word of what was read.
fn error(error: quick_xml::Error) -> ProbeError {
    match error {
        quick_xml::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>()) {
            Some(ReadError::OutOfTime) => ReadError::OutOfTime.into(),
            Some(ReadError::OverBudget(limit)) => ReadError::OverBudget(limit.clone()).into(),
            Some(&ReadError::NeedMore { kept }) => ReadError::NeedMore { kept }.into(),
            Some(&ReadError::Ended { at }) => ReadError::Ended { at }.into(),
            _ if error.kind() == io::ErrorKind::OutOfMemory => {
                ProbeError::Malformed("its XML has a piece that is too long".to_owned())
            }
            _ => ProbeError::Malformed("its XML does not unpack".to_owned()),
        },
        _ => ProbeError::Malformed("its XML does not hold".to_owned()),
    }
}

/// A reader that gives no more than is left.
struct Bounded<R> {
    source: R,
    left: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.read(buf)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left.get() == 0 {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left.set(self.left.get().saturating_sub(amount as u64));
        self.source.consume(amount);
    }
}
