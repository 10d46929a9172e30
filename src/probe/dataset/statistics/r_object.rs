//! Objects of R as they are serialized, versions 2 and 3, read as data: nothing is evaluated, no promise is forced, no
//! environment is entered, and byte code is not read at all.
//!
//! After "Serialization Formats" in "R Internals" and `src/main/serialize.c`. Objects nest; how deep and how much of them
//! is kept is bounded. A vector over the budget is passed over, and its length is all that is known of it.

use super::super::super::ProbeError;
use super::r_source::Source;
use super::text::text;

/// Deepest nesting; data nests a few levels, language a few dozen.
const MAX_DEPTH: u32 = 256;
/// Bytes kept of vectors that may be columns.
const MAX_KEPT: usize = 16 << 20;
/// The same for what describes them: names and levels come behind the vectors they belong to.
const MAX_ATTRIBUTES: usize = 8 << 20;
/// Bytes kept of one string.
const MAX_STRING: usize = 512;
/// Symbols and environments that are referred to later.
const MAX_REFERENCES: usize = 1 << 20;
/// What an element costs beside its bytes.
const ITEM: u64 = 128;

const HAS_ATTRIBUTES: u32 = 0x200;
const HAS_TAG: u32 = 0x400;

const NULL: u32 = 0;
const SYMBOL: u32 = 1;
const PAIRS: u32 = 2;
const CLOSURE: u32 = 3;
const ENVIRONMENT: u32 = 4;
const PROMISE: u32 = 5;
const LANGUAGE: u32 = 6;
const SPECIAL: u32 = 7;
const BUILTIN: u32 = 8;
const CHARS: u32 = 9;
const LOGICAL: u32 = 10;
const INTEGER: u32 = 13;
const REAL: u32 = 14;
const COMPLEX: u32 = 15;
const TEXT: u32 = 16;
const DOTS: u32 = 17;
const LIST: u32 = 19;
const EXPRESSION: u32 = 20;
const EXTERNAL: u32 = 22;
const WEAK: u32 = 23;
const RAW: u32 = 24;
const OBJECT: u32 = 25;
const ALTERNATIVE: u32 = 238;
const ATTRIBUTED_PAIRS: u32 = 239;
const ATTRIBUTED_LANGUAGE: u32 = 240;
const PERSISTENT: u32 = 247;
const PACKAGE: u32 = 248;
const NAMESPACE: u32 = 249;
const REFERENCE: u32 = 255;

/// An object.
#[derive(Debug, Default)]
pub(super) struct Value {
    /// Elements.
    pub(super) len: u64,
    pub(super) data: Data,
    pub(super) attributes: Vec<(String, Value)>,
}

/// What was kept of its elements.
#[derive(Debug, Default)]
pub(super) enum Data {
    /// Nothing: there is none, or it is no data, or it was too much.
    #[default]
    None,
    Logicals(Vec<i32>),
    Integers(Vec<i32>),
    Reals(Vec<f64>),
    Texts(Texts),
    /// Elements of a list, with their names where it is a list of pairs.
    Items(Vec<(String, Value)>),
    Symbol(String),
    /// Bytes, complex numbers, functions, environments and what else is no column.
    Other,
}

/// Strings, one behind the other; a missing one is empty.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn get(&self, at: usize) -> &[u8] {
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(at).and_then(|&to| self.bytes.get(from..to)).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| self.get(at))
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }
}

impl Value {
    pub(super) fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    pub(super) fn texts(&self) -> Option<&Texts> {
        if let Data::Texts(texts) = &self.data { Some(texts) } else { None }
    }
}

/// Reads objects.
pub(super) struct Reader<'x, 's, 'r> {
    source: &'x mut Source<'s, 'r>,
    /// What was met that may be referred to: the name of a symbol, or nothing.
    references: Vec<String>,
    /// Bytes that may still be kept: of vectors, and of attributes.
    left: [usize; 2],
    in_attributes: bool,
    depth: u32,
    /// Whether a vector was passed over.
    pub(super) was_cut: bool,
}

impl<'x, 's, 'r> Reader<'x, 's, 'r> {
    /// Reads the versions that stand before the first object.
    pub(super) fn new(source: &'x mut Source<'s, 'r>) -> Result<Reader<'x, 's, 'r>, ProbeError> {
        let version = source.int()?;
        source.skip(2, 4)?;
        match version {
            2 => {}
            3 => {
                let length = source.length()?;
                source.string(length, MAX_STRING)?;
            }
            _ => return Err(ProbeError::Unsupported("is a version of the serialization that is not read".to_owned())),
        }
        let left = [MAX_KEPT, MAX_ATTRIBUTES];
        Ok(Reader { source, references: Vec::new(), left, in_attributes: false, depth: 0, was_cut: false })
    }

    /// Whether so many bytes more may be kept; if so, they are counted.
    fn may_keep(&mut self, bytes: u64) -> bool {
        let [data, attributes] = &mut self.left;
        let left = if self.in_attributes { attributes } else { data };
        let rest = usize::try_from(bytes).ok().and_then(|bytes| left.checked_sub(bytes));
        self.was_cut |= rest.is_none();
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }

    /// Reads the next object.
    pub(super) fn value(&mut self) -> Result<Value, ProbeError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(ProbeError::Malformed(format!("nests deeper than {MAX_DEPTH} levels")));
        }
        let flags = self.source.int()?.cast_unsigned();
        let value = self.of(flags);
        self.depth = self.depth.saturating_sub(1);
        value
    }

    fn of(&mut self, flags: u32) -> Result<Value, ProbeError> {
        match flags & 0xff {
            SYMBOL => self.symbol(),
            PAIRS | LANGUAGE | CLOSURE | PROMISE | DOTS => self.pairs(flags),
            ATTRIBUTED_LANGUAGE | ATTRIBUTED_PAIRS => self.pairs(flags | HAS_ATTRIBUTES),
            ENVIRONMENT => self.environment(),
            REFERENCE => self.reference(flags >> 8),
            PERSISTENT | PACKAGE | NAMESPACE => self.names_of_place(),
            SPECIAL | BUILTIN => {
                let len = self.source.length()?;
                self.source.string(len, MAX_STRING)?;
                Ok(other())
            }
            // Constants: nothing, the global environment, a missing argument and the like.
            NULL | 241 | 242 | 250..=254 => Ok(Value::default()),
            ALTERNATIVE => self.alternative(),
            EXTERNAL => {
                self.refer(String::new())?;
                self.value()?;
                self.value()?;
                self.with_attributes(flags, other())
            }
            WEAK => {
                self.refer(String::new())?;
                self.with_attributes(flags, other())
            }
            OBJECT => self.with_attributes(flags, other()),
            CHARS => {
                let text = self.chars_of(flags)?;
                Ok(Value { len: 1, data: Data::Symbol(String::from_utf8_lossy(&text).into_owned()), ..other() })
            }
            sort @ (LOGICAL | INTEGER | REAL | COMPLEX | TEXT | LIST | EXPRESSION | RAW) => {
                let value = self.vector(sort)?;
                self.with_attributes(flags, value)
            }
            _ => Err(ProbeError::Unsupported("holds an object of a sort that is not read".to_owned())),
        }
    }

    fn with_attributes(&mut self, flags: u32, value: Value) -> Result<Value, ProbeError> {
        if flags & HAS_ATTRIBUTES == 0 {
            return Ok(value);
        }
        let attributes = self.attributes()?;
        Ok(Value { attributes, ..value })
    }

    fn attributes(&mut self) -> Result<Vec<(String, Value)>, ProbeError> {
        let outer = std::mem::replace(&mut self.in_attributes, true);
        let value = self.value();
        self.in_attributes = outer;
        Ok(if let Data::Items(items) = value?.data { items } else { Vec::new() })
    }

    fn refer(&mut self, name: String) -> Result<(), ProbeError> {
        if self.references.len() >= MAX_REFERENCES {
            return Err(ProbeError::Unsupported(format!("refers to more than {MAX_REFERENCES} objects")));
        }
        self.references.push(name);
        Ok(())
    }

    fn reference(&mut self, packed: u32) -> Result<Value, ProbeError> {
        let number = if packed == 0 { self.source.int()?.cast_unsigned() } else { packed };
        let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let unknown = || ProbeError::Malformed("refers to an object that did not come yet".to_owned());
        let name = at.and_then(|at| self.references.get(at)).ok_or_else(unknown)?.clone();
        Ok(Value { len: 1, data: Data::Symbol(name), ..Value::default() })
    }

    fn symbol(&mut self) -> Result<Value, ProbeError> {
        let flags = self.source.int()?.cast_unsigned();
        let name = text(&self.chars_of(flags)?).into_owned();
        self.refer(name.clone())?;
        Ok(Value { len: 1, data: Data::Symbol(name), ..Value::default() })
    }

    /// The bytes of one string; a missing one is empty.
    fn chars_of(&mut self, flags: u32) -> Result<Vec<u8>, ProbeError> {
        if flags & 0xff != CHARS {
            return Err(ProbeError::Malformed("has something else where a string should be".to_owned()));
        }
        let bytes = match self.source.int()? {
            -1 => Vec::new(),
            length => {
                let length = u64::try_from(length);
                let length = length.map_err(|_| ProbeError::Malformed("a string has a negative length".to_owned()))?;
                self.source.string(length, MAX_STRING)?
            }
        };
        if flags & HAS_ATTRIBUTES != 0 {
            self.attributes()?;
        }
        Ok(bytes)
    }

    /// A package, a namespace or a persistent name: strings, which are not wanted.
    fn names_of_place(&mut self) -> Result<Value, ProbeError> {
        self.source.int()?;
        for _ in 0..self.source.length()? {
            let flags = self.source.int()?.cast_unsigned();
            self.chars_of(flags)?;
        }
        self.refer(String::new())?;
        Ok(other())
    }

    fn environment(&mut self) -> Result<Value, ProbeError> {
        self.source.int()?;
        self.refer(String::new())?;
        for _ in 0..4 {
            self.value()?;
        }
        Ok(other())
    }

    /// A list of pairs, or what is stored like one; its end is another object.
    fn pairs(&mut self, first: u32) -> Result<Value, ProbeError> {
        let is_data = matches!(first & 0xff, PAIRS | ATTRIBUTED_PAIRS);
        let (mut flags, mut items, mut len) = (first, Vec::new(), 0u64);
        loop {
            if flags & HAS_ATTRIBUTES != 0 {
                self.attributes()?;
            }
            let tag = if flags & HAS_TAG == 0 { None } else { Some(self.value()?) };
            let value = self.value()?;
            len = len.saturating_add(1);
            if is_data && self.may_keep(ITEM) {
                let name = match tag.map(|tag| tag.data) {
                    Some(Data::Symbol(name)) => name,
                    _ => String::new(),
                };
                items.push((name, value));
            }
            flags = self.source.int()?.cast_unsigned();
            match flags & 0xff {
                PAIRS | LANGUAGE | CLOSURE | PROMISE | DOTS => {}
                ATTRIBUTED_LANGUAGE | ATTRIBUTED_PAIRS => flags |= HAS_ATTRIBUTES,
                _ => break,
            }
        }
        self.of(flags)?;
        let data = if is_data { Data::Items(items) } else { Data::Other };
        Ok(Value { len, data, ..Value::default() })
    }

    fn vector(&mut self, sort: u32) -> Result<Value, ProbeError> {
        let len = self.source.length()?;
        let data = match sort {
            LOGICAL | INTEGER if self.may_keep(len.saturating_mul(4)) => {
                let numbers = self.collect(len, Source::int)?;
                if sort == LOGICAL { Data::Logicals(numbers) } else { Data::Integers(numbers) }
            }
            REAL if self.may_keep(len.saturating_mul(8)) => Data::Reals(self.collect(len, Source::real)?),
            TEXT => self.texts(len)?,
            LIST | EXPRESSION => self.list(len)?,
            _ => {
                // Complex numbers are two; everything in ASCII is one word.
                let (count, each) = match sort {
                    LOGICAL | INTEGER => (len, 4),
                    REAL => (len, 8),
                    RAW => (len, 1),
                    _ => (len.saturating_mul(2), 8),
                };
                self.source.skip(count, each)?;
                if matches!(sort, RAW | COMPLEX) { Data::Other } else { Data::None }
            }
        };
        Ok(Value { len, data, ..Value::default() })
    }

    /// Elements as they arrive: nothing is allocated by their number.
    fn collect<T>(
        &mut self,
        len: u64,
        mut one: impl FnMut(&mut Source<'s, 'r>) -> Result<T, ProbeError>,
    ) -> Result<Vec<T>, ProbeError> {
        let mut all = Vec::new();
        for _ in 0..len {
            all.push(one(self.source)?);
        }
        Ok(all)
    }

    fn texts(&mut self, len: u64) -> Result<Data, ProbeError> {
        let mut texts = Some(Texts::default());
        for _ in 0..len {
            let flags = self.source.int()?.cast_unsigned();
            let bytes = self.chars_of(flags)?;
            if texts.is_some() && !self.may_keep((bytes.len() as u64).saturating_add(8)) {
                texts = None;
            }
            if let Some(texts) = &mut texts {
                texts.push(&bytes);
            }
        }
        Ok(texts.map_or(Data::None, Data::Texts))
    }

    fn list(&mut self, len: u64) -> Result<Data, ProbeError> {
        let mut items = Vec::new();
        for _ in 0..len {
            let value = self.value()?;
            if self.may_keep(ITEM) {
                items.push((String::new(), value));
            }
        }
        Ok(Data::Items(items))
    }

    /// A vector in a form of its own: a range of numbers, or one wrapped around another.
    fn alternative(&mut self) -> Result<Value, ProbeError> {
        let (info, state, attributes) = (self.value()?, self.value()?, self.attributes()?);
        let class = match &info.data {
            Data::Items(items) => match items.first().map(|(_, first)| &first.data) {
                Some(Data::Symbol(class)) => class.as_str(),
                _ => "",
            },
            _ => "",
        };
        let value = match (class, state.data) {
            ("compact_intseq" | "compact_realseq", Data::Reals(range)) => self.range(&range)?,
            (_, Data::Items(items)) if class.starts_with("wrap_") => {
                items.into_iter().next().map(|(_, value)| value).unwrap_or_default()
            }
            // Numbers that are shown as text when they are asked for.
            ("deferred_string", Data::Items(items)) => {
                items.into_iter().next().map(|(_, value)| value).unwrap_or_default()
            }
            _ => other(),
        };
        // What stands around a vector has its attributes; where it has none, those of the vector stand.
        Ok(if attributes.is_empty() { value } else { Value { attributes, ..value } })
    }

    fn range(&mut self, range: &[f64]) -> Result<Value, ProbeError> {
        let [len, start, step] = *range else { return Ok(other()) };
        if !(0.0..=9e15).contains(&len) {
            return Err(ProbeError::Malformed("a range of numbers has no length that can be".to_owned()));
        }
        let len = len as u64;
        let data = if self.may_keep(len.saturating_mul(8)) {
            Data::Reals((0..len).map(|at| start + step * at as f64).collect())
        } else {
            Data::None
        };
        Ok(Value { len, data, ..Value::default() })
    }
}

/// An object that is no data, or of which nothing is wanted but what hangs on it.
fn other() -> Value {
    Value { data: Data::Other, ..Value::default() }
}
