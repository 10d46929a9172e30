//! Flax checkpoints: a tree of dictionaries in MessagePack whose leaves are arrays in an extension type.
//!
//! Follows `flax/serialization.py` of Flax 0.12 (extension 1 an array, 3 a numpy scalar, each `[shape, dtype, bytes]`;
//! arrays of more than a gigabyte as a dictionary of chunks) and what T5X keeps in `checkpoint` (descriptions of arrays
//! in files of their own). MessagePack has no magic number: without an array in it, it is somebody else's. The bytes of
//! arrays are passed over.

use std::collections::BTreeSet;

use super::super::{Finding, Input, ProbeError, kit, numpy};
use super::state_paths::{Part, is_counter, part};
use super::tensors::Tensors;
use crate::blob::{Cursor, ReadError};
use crate::model::{Cause, Fact, Weights, publishable};

/// Deepest nesting of dictionaries.
const MAX_DEPTH: usize = 64;
/// Most values of a file.
const MAX_VALUES: u32 = 1_000_000;
/// Longest key that is read; no name of a layer is longer.
const MAX_KEY: u64 = 512;
/// Most dimensions.
const MAX_DIMS: u64 = 32;
/// Most bytes of all paths that are looked at.
const MAX_PATHS: usize = 64 << 20;

/// Reads the tree.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut tree = Tree {
        cursor: Cursor::new(input.blob, 0),
        left: MAX_VALUES,
        path: Vec::new(),
        paths_left: MAX_PATHS,
        model: Tensors::default(),
        state: 0,
        optimizer: false,
        arrays: 0,
        step: None,
        top: BTreeSet::new(),
    };
    let first = tree.cursor.u8()?;
    if !matches!(first, 0x81..=0x8f | 0xde | 0xdf) {
        return Err(ProbeError::NotMine);
    }
    let read = tree.value(first);
    // A name and one byte more is no proof; an array is.
    if tree.arrays == 0 {
        return match read {
            Err(error @ ProbeError::Read(ReadError::NeedMore { .. } | ReadError::OutOfTime | ReadError::Io(_))) => {
                Err(error)
            }
            _ => Err(ProbeError::NotMine),
        };
    }
    let mut finding = Finding::new(Fact::Weights(Box::default()));
    match read {
        Ok(()) if tree.cursor.remaining() > 0 => {
            finding.notes.push((Cause::Malformed, "bytes follow its tree".to_owned()));
        }
        Ok(()) => {}
        Err(error) => finding.notes.push(kit::note(error)?),
    }
    finding.fact = Fact::Weights(Box::new(tree.facts()));
    Ok(finding)
}

struct Tree<'a> {
    cursor: Cursor<'a>,
    left: u32,
    path: Vec<String>,
    paths_left: usize,
    model: Tensors,
    state: u64,
    optimizer: bool,
    arrays: u64,
    step: Option<u64>,
    top: BTreeSet<String>,
}

/// What a value was, as far as it matters to the dictionary around it.
enum Seen {
    Number(u64),
    Other,
}

impl Tree<'_> {
    fn facts(self) -> Weights {
        let mut weights = Weights { producer: Some("flax".to_owned()), ..Weights::default() };
        weights.container = Some("msgpack".to_owned());
        self.model.fill(&mut weights);
        if self.optimizer || self.step.is_some() {
            weights.kind = Some("training_checkpoint".to_owned());
            weights.top_level_keys = self.top.iter().map(|key| publishable("", key)).collect();
            weights.global_step = self.step;
        }
        if self.optimizer {
            weights.has_optimizer = Some(true);
            weights.state_elements = Some(self.state);
        }
        weights
    }

    /// One value whose first byte was read.
    fn value(&mut self, first: u8) -> Result<(), ProbeError> {
        if let Seen::Number(number) = self.seen(first)?
            && self.path.last().is_some_and(|name| is_counter(name))
        {
            self.count(number);
        }
        Ok(())
    }

    fn count(&mut self, number: u64) {
        let steps = ["step", "global_step", "train_steps", "iteration"];
        if self.path.len() <= 3 && self.path.last().is_some_and(|name| steps.contains(&name.as_str())) {
            self.step = self.step.or(Some(number));
        }
    }

    fn seen(&mut self, first: u8) -> Result<Seen, ProbeError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| malformed("has more values than are read"))?;
        match first {
            0x00..=0x7f => return Ok(Seen::Number(u64::from(first))),
            0xcc => return Ok(Seen::Number(u64::from(self.cursor.u8()?))),
            0xcd => return Ok(Seen::Number(self.big(2)?)),
            0xce => return Ok(Seen::Number(self.big(4)?)),
            0xcf => return Ok(Seen::Number(self.big(8)?)),
            0x80..=0x8f => self.dictionary(u64::from(first & 0x0f))?,
            0xde => {
                let count = self.big(2)?;
                self.dictionary(count)?;
            }
            0xdf => {
                let count = self.big(4)?;
                self.dictionary(count)?;
            }
            0x90..=0x9f => self.list(u64::from(first & 0x0f))?,
            0xdc => {
                let count = self.big(2)?;
                self.list(count)?;
            }
            0xdd => {
                let count = self.big(4)?;
                self.list(count)?;
            }
            0xa0..=0xbf => self.cursor.skip(u64::from(first & 0x1f))?,
            0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => {}
            0xc4 | 0xd9 => self.skip_sized(1)?,
            0xc5 | 0xda => self.skip_sized(2)?,
            0xc6 | 0xdb => self.skip_sized(4)?,
            0xc7 => self.extension(1)?,
            0xc8 => self.extension(2)?,
            0xc9 => self.extension(4)?,
            0xca | 0xd2 => self.cursor.skip(4)?,
            0xcb | 0xd3 => self.cursor.skip(8)?,
            0xd0 => self.cursor.skip(1)?,
            0xd1 => self.cursor.skip(2)?,
            0xd4..=0xd8 => {
                let length = 1u64.checked_shl(u32::from(first.saturating_sub(0xd4))).unwrap_or(0);
                self.extension_of(length)?;
            }
            0xc1 => return Err(malformed("has a byte that begins no value")),
        }
        Ok(Seen::Other)
    }

    /// A big-endian number.
    fn big(&mut self, bytes: usize) -> Result<u64, ProbeError> {
        let mut value = 0;
        for _ in 0..bytes {
            value = (value << 8) | u64::from(self.cursor.u8()?);
        }
        Ok(value)
    }

    fn skip_sized(&mut self, bytes: usize) -> Result<(), ProbeError> {
        let length = self.big(bytes)?;
        Ok(self.cursor.skip(length)?)
    }

    fn text(&mut self) -> Result<String, ProbeError> {
        let length = match self.cursor.u8()? {
            first @ 0xa0..=0xbf => u64::from(first & 0x1f),
            0xd9 | 0xc4 => self.big(1)?,
            0xda | 0xc5 => self.big(2)?,
            // Lists of layers are dictionaries by number in some trees.
            first @ 0x00..=0x7f => return Ok(first.to_string()),
            _ => return Err(malformed("has a key that is no text")),
        };
        let bytes = self.cursor.vec(length, MAX_KEY)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn dictionary(&mut self, count: u64) -> Result<(), ProbeError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(malformed("nests deeper than is read"));
        }
        let mut described = Described::default();
        for _ in 0..count {
            let key = self.text()?;
            let first = self.cursor.u8()?;
            match key.as_str() {
                "driver" => described.has_driver = true,
                "metadata" if described.has_driver || described.has_store => {
                    // T5X keeps an array elsewhere and describes it here.
                    described.array = self.description(first)?;
                    continue;
                }
                "kvstore" => described.has_store = true,
                "__msgpack_chunked_array__" => described.is_chunked = true,
                "shape" if described.is_chunked => {
                    described.shape = self.chunked_shape(first)?;
                    continue;
                }
                "chunks" if described.is_chunked => {
                    described.dtype = self.first_chunk(first)?;
                    continue;
                }
                _ => {}
            }
            if self.path.is_empty() && self.top.len() < 200 {
                self.top.insert(key.clone());
            }
            self.path.push(key);
            let read = self.value(first);
            self.path.pop();
            read?;
        }
        if let (true, Some(dtype)) = (described.is_chunked, described.dtype.take()) {
            let shape = std::mem::take(&mut described.shape);
            self.array(&dtype, &shape)?;
        }
        if let (true, Some((dtype, shape))) = (described.has_driver && described.has_store, described.array) {
            self.array(&dtype, &shape)?;
        }
        Ok(())
    }

    fn list(&mut self, count: u64) -> Result<(), ProbeError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(malformed("nests deeper than is read"));
        }
        for index in 0..count {
            self.path.push(index.to_string());
            let first = self.cursor.u8();
            let read = first.map_err(ProbeError::from).and_then(|first| self.value(first));
            self.path.pop();
            read?;
        }
        Ok(())
    }

    fn extension(&mut self, bytes: usize) -> Result<(), ProbeError> {
        let length = self.big(bytes)?;
        self.extension_of(length)
    }

    /// An extension: arrays and scalars of numpy are described, all else is passed over.
    fn extension_of(&mut self, length: u64) -> Result<(), ProbeError> {
        let kind = self.cursor.u8()?;
        let end = self.cursor.position().saturating_add(length);
        if matches!(kind, 1 | 3) {
            let (dtype, shape) = self.array_head()?;
            self.array(&dtype, &shape)?;
        }
        let left =
            end.checked_sub(self.cursor.position()).ok_or_else(|| malformed("has an array longer than its place"))?;
        Ok(self.cursor.skip(left)?)
    }

    /// `[shape, dtype, bytes]`, as far as the bytes.
    fn array_head(&mut self) -> Result<(String, Vec<u64>), ProbeError> {
        if self.cursor.u8()? != 0x93 {
            return Err(malformed("has an array that is none"));
        }
        let first = self.cursor.u8()?;
        let shape = self.numbers(first)?;
        let dtype = self.text()?;
        Ok((dtype, shape))
    }

    fn numbers(&mut self, first: u8) -> Result<Vec<u64>, ProbeError> {
        let count = match first {
            0x90..=0x9f => u64::from(first & 0x0f),
            0xdc => self.big(2)?,
            _ => return Err(malformed("has a shape that is none")),
        };
        if count > MAX_DIMS {
            return Err(malformed("has an array of more dimensions than there are"));
        }
        (0..count)
            .map(|_| {
                let first = self.cursor.u8()?;
                match self.seen(first)? {
                    Seen::Number(extent) => Ok(extent),
                    Seen::Other => Err(malformed("has a shape that is none")),
                }
            })
            .collect()
    }

    /// The shape of a chunked array: a dictionary of its extents by number.
    fn chunked_shape(&mut self, first: u8) -> Result<Vec<u64>, ProbeError> {
        if !matches!(first, 0x80..=0x8f) {
            return self.numbers(first);
        }
        let mut shape = Vec::new();
        for _ in 0..first & 0x0f {
            self.text()?;
            let first = self.cursor.u8()?;
            let Seen::Number(extent) = self.seen(first)? else { return Err(malformed("has a shape that is none")) };
            shape.push(extent);
        }
        Ok(shape)
    }

    /// The element type of a chunked array; its chunks are passed over.
    fn first_chunk(&mut self, first: u8) -> Result<Option<String>, ProbeError> {
        let count = match first {
            0x80..=0x8f => u64::from(first & 0x0f),
            0xde => self.big(2)?,
            _ => return Err(malformed("has an array in no chunks")),
        };
        let mut dtype = None;
        for _ in 0..count {
            self.text()?;
            let size = match self.cursor.u8()? {
                0xc7 => 1,
                0xc8 => 2,
                0xc9 => 4,
                _ => return Err(malformed("has a chunk that is none")),
            };
            let length = self.big(size)?;
            self.cursor.skip(1)?;
            let end = self.cursor.position().saturating_add(length);
            let (of_chunk, _) = self.array_head()?;
            dtype = dtype.or(Some(of_chunk));
            let left = end.checked_sub(self.cursor.position());
            self.cursor.skip(left.ok_or_else(|| malformed("has a chunk longer than its place"))?)?;
        }
        Ok(dtype)
    }

    /// Type and shape in the description of an array that is stored elsewhere.
    fn description(&mut self, first: u8) -> Result<Option<(String, Vec<u64>)>, ProbeError> {
        let 0x80..=0x8f = first else {
            self.seen(first)?;
            return Ok(None);
        };
        let (mut dtype, mut shape) = (None, None);
        for _ in 0..first & 0x0f {
            let key = self.text()?;
            match key.as_str() {
                "dtype" => dtype = Some(self.text()?),
                "shape" => {
                    let first = self.cursor.u8()?;
                    shape = Some(self.numbers(first)?);
                }
                _ => {
                    self.path.push(key);
                    let first = self.cursor.u8()?;
                    let read = if self.path.len() < MAX_DEPTH { self.value(first) } else { Err(malformed("nests")) };
                    self.path.pop();
                    read?;
                }
            }
        }
        Ok(dtype.zip(shape))
    }

    fn array(&mut self, dtype: &str, shape: &[u64]) -> Result<(), ProbeError> {
        let dtype = numpy::long_name(dtype).ok_or_else(|| malformed("has an array of no known type"))?;
        self.arrays = self.arrays.saturating_add(1);
        let length: usize = self.path.iter().map(|part| part.len().saturating_add(1)).sum();
        self.paths_left =
            self.paths_left.checked_sub(length).ok_or_else(|| malformed("has longer names than are read"))?;
        let path = self.path.iter().map(String::as_str);
        // T5X and the optimizers Flax once had keep the model as the optimizer's target.
        let of_target = match self.path.iter().position(|part| part == "target") {
            Some(at) if at <= 1 => at.saturating_add(1),
            _ => 0,
        };
        match part(path.skip(of_target), shape.is_empty()) {
            Part::Model => drop(self.model.add(&self.path.join("/"), dtype, shape)?),
            Part::Optimizer => {
                self.optimizer = true;
                self.state = self.state.saturating_add(kit::elements(shape)?);
            }
            Part::Average | Part::Counter | Part::Bookkeeping => {}
        }
        Ok(())
    }
}

/// What is found out of a dictionary that describes one array.
#[derive(Default)]
struct Described {
    has_driver: bool,
    has_store: bool,
    array: Option<(String, Vec<u64>)>,
    is_chunked: bool,
    shape: Vec<u64>,
    dtype: Option<String>,
}

fn malformed(what: &str) -> ProbeError {
    ProbeError::Malformed(format!("its MessagePack {what}"))
}

#[cfg(test)]
mod tests;
