//! The key-value section of a GGUF file: what of it is kept, and how the rest is passed over.
//!
//! Follows `docs/gguf.md` of ggml and the key names of the `gguf` package (0.19, `constants.py`). A vocabulary is tens
//! of megabytes in two or three arrays: those are walked length by length and never held.

use std::collections::BTreeMap;

use super::super::ProbeError;
use crate::blob::Cursor;
use crate::model::{Weights, publishable};

/// Longest name or kept text. The reference allows 64 KiB keys.
pub(super) const MAX_TEXT: u64 = 64 << 10;
/// Strings of all arrays together. The largest vocabularies with their merges hold below one million.
const MAX_STRINGS: u64 = 1 << 22;
/// Arrays of arrays are allowed by the document and written by nobody.
const MAX_NESTING: u32 = 3;
/// Texts of an array that are kept: dataset lists and calibration files have a few.
const MAX_LIST: u64 = 64;
/// Keys kept of a header, and bytes of their texts. The `gguf` package knows fewer than a hundred keys.
const MAX_KEPT: (usize, usize) = (512, 4 << 20);

/// The header's numbers in its own widths: version 1 counts in 32 bits, later ones in 64.
pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) wide: bool,
    strings: u64,
}

/// A value that is kept.
enum Value {
    Number(u64),
    Real(f64),
    Text(String),
    List(Vec<String>),
    Length(u64),
    Passed,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cursor: Cursor<'a>, wide: bool) -> Reader<'a> {
        Reader { cursor, wide, strings: 0 }
    }

    /// A count, a length or an extent.
    pub(super) fn count(&mut self) -> Result<u64, ProbeError> {
        Ok(if self.wide { self.cursor.u64()? } else { u64::from(self.cursor.u32()?) })
    }

    /// A length-prefixed text.
    pub(super) fn text(&mut self) -> Result<String, ProbeError> {
        let length = self.count()?;
        let bytes = self.cursor.vec(length, MAX_TEXT)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
    }

    fn pass_text(&mut self) -> Result<(), ProbeError> {
        let length = self.count()?;
        Ok(self.cursor.skip(length)?)
    }

    fn value(&mut self, key: &str) -> Result<Value, ProbeError> {
        let kind = self.cursor.u32()?;
        Ok(match kind {
            0 | 7 => Value::Number(u64::from(self.cursor.u8()?)),
            2 => Value::Number(u64::from(self.cursor.u16()?)),
            4 => Value::Number(u64::from(self.cursor.u32()?)),
            // Writers without unsigned types use the signed ones for counts; a negative count is none.
            5 => number(i64::from(self.cursor.u32()?.cast_signed())),
            10 => Value::Number(self.cursor.u64()?),
            11 => number(self.cursor.u64()?.cast_signed()),
            6 => Value::Real(f64::from(f32::from_bits(self.cursor.u32()?))),
            12 => Value::Real(f64::from_bits(self.cursor.u64()?)),
            8 if is_published(key) => self.kept_text()?,
            8 => {
                self.pass_text()?;
                Value::Passed
            }
            9 => self.array(key)?,
            other => {
                self.cursor.skip(fixed_size(other)?)?;
                Value::Passed
            }
        })
    }

    /// A text, or nothing where it is longer than any that is worth keeping.
    fn kept_text(&mut self) -> Result<Value, ProbeError> {
        let before = self.cursor.position();
        let length = self.count()?;
        if length > MAX_TEXT {
            self.cursor.skip(length)?;
            return Ok(Value::Passed);
        }
        self.cursor.seek(before);
        Ok(Value::Text(self.text()?))
    }

    fn array(&mut self, key: &str) -> Result<Value, ProbeError> {
        let kind = self.cursor.u32()?;
        let length = self.count()?;
        if kind == 8 && length <= MAX_LIST && is_published(key) {
            return Ok(Value::List((0..length).map(|_| self.text()).collect::<Result<_, _>>()?));
        }
        self.pass_array(kind, length, MAX_NESTING)?;
        Ok(Value::Length(length))
    }

    fn pass_array(&mut self, kind: u32, length: u64, nesting: u32) -> Result<(), ProbeError> {
        if !matches!(kind, 8 | 9) {
            let bytes = fixed_size(kind)?.saturating_mul(length);
            return Ok(self.cursor.skip(bytes)?);
        }
        let nesting = nesting
            .checked_sub(1)
            .ok_or_else(|| ProbeError::Malformed("nests arrays deeper than any writer does".to_owned()))?;
        for _ in 0..length {
            self.strings = self.strings.saturating_add(1);
            if self.strings > MAX_STRINGS {
                return Err(ProbeError::Malformed(format!("its arrays hold more than {MAX_STRINGS} strings")));
            }
            if kind == 8 {
                self.pass_text()?;
            } else {
                let (kind, length) = (self.cursor.u32()?, self.count()?);
                self.pass_array(kind, length, nesting)?;
            }
        }
        Ok(())
    }
}

fn number(value: i64) -> Value {
    u64::try_from(value).map_or(Value::Passed, Value::Number)
}

/// Bytes of a value of a fixed-size type.
fn fixed_size(kind: u32) -> Result<u64, ProbeError> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        other => Err(ProbeError::Malformed(format!("has a value of type {other}, which does not exist"))),
    }
}

/// Keys whose texts are kept: who made it from what, and the calibration files a quantiser names.
fn is_published(key: &str) -> bool {
    ["general.", "quantize.", "imatrix.", "adapter."].iter().any(|prefix| key.starts_with(prefix))
}

/// What the header says.
#[derive(Default)]
pub(super) struct Keys {
    texts: BTreeMap<String, String>,
    /// Numbers by key, of the few key endings that become facts.
    numbers: BTreeMap<String, u64>,
    alpha: Option<f64>,
    tokens: Option<u64>,
    text_bytes: usize,
    /// Pairs read.
    pub(super) read: u64,
}

impl Keys {
    /// Reads one pair.
    pub(super) fn pair(&mut self, reader: &mut Reader) -> Result<(), ProbeError> {
        let key = reader.text()?;
        match reader.value(&key)? {
            Value::Number(value) if is_counted(&key) && self.numbers.len() < MAX_KEPT.0 => {
                self.numbers.insert(key, value);
            }
            Value::Real(value) if key == "adapter.lora.alpha" => self.alpha = Some(value),
            Value::Length(length) if key == "tokenizer.ggml.tokens" => self.tokens = Some(length),
            Value::Text(text) => self.keep(key, text),
            Value::List(items) => self.keep(key, items.join(", ")),
            _ => {}
        }
        self.read = self.read.saturating_add(1);
        Ok(())
    }

    fn keep(&mut self, key: String, text: String) {
        let bytes = self.text_bytes.saturating_add(key.len()).saturating_add(text.len());
        if self.texts.len() < MAX_KEPT.0 && bytes <= MAX_KEPT.1 {
            self.text_bytes = bytes;
            self.texts.insert(key, text);
        }
    }

    /// Bytes the tensors' data are aligned to.
    pub(super) fn alignment(&self) -> Result<u64, ProbeError> {
        match self.numbers.get("general.alignment") {
            None => Ok(32),
            Some(&bytes) if bytes.is_power_of_two() && bytes <= 1 << 30 => Ok(bytes),
            Some(_) => Err(ProbeError::Malformed("aligns its tensors to what is no power of two".to_owned())),
        }
    }

    /// Writes them into the facts.
    pub(super) fn fill(mut self, weights: &mut Weights) {
        let architecture = self.texts.remove("general.architecture");
        let layer = |ending: &str| {
            let key = format!("{}.{ending}", architecture.as_deref()?);
            self.numbers.get(&key).copied()
        };
        weights.num_layers = layer("block_count");
        weights.hidden_size = layer("embedding_length");
        weights.vocab_size = layer("vocab_size").or(self.tokens);
        weights.shards = self.numbers.get("split.count").copied().filter(|&count| count > 1);
        weights.shard_index = self.numbers.get("split.no").copied().filter(|_| weights.shards.is_some());
        weights.split_tensors = self.numbers.get("split.tensors.count").copied();

        weights.kind = kind(self.texts.remove("general.type").as_deref(), architecture.as_deref());
        weights.architecture = architecture.map(|text| publishable("architecture", &text));
        weights.name = self.texts.remove("general.name").map(|text| publishable("name", &text));
        weights.license = self.texts.remove("general.license").map(|text| publishable("license", &text));
        let author = self.texts.remove("general.author").map(|text| publishable("author", &text));
        let organization = || self.texts.get("general.organization").map(|text| publishable("organization", text));
        weights.author = author.or_else(organization);
        weights.base_model = self.base_model().map(|text| publishable("base_model", &text));
        weights.peft_type =
            self.texts.remove("adapter.type").map(|text| publishable("type", &text.to_ascii_uppercase()));
        weights.lora_alpha = self.alpha.filter(|alpha| alpha.is_finite());
        weights.metadata =
            self.texts.iter().map(|(key, text)| (publishable("", key), publishable(key, text))).collect();
    }

    /// The first base model: by its hub id where there is one, since that is how other files name it.
    fn base_model(&self) -> Option<String> {
        let text = |key: &str| self.texts.get(key).map(String::as_str).filter(|text| !text.is_empty());
        text("general.base_model.0.repo_url")
            .and_then(|url| url.strip_prefix("https://huggingface.co/"))
            .map(|id| id.trim_end_matches('/'))
            .or_else(|| text("general.base_model.0.name"))
            .or_else(|| text("general.source.huggingface.repository"))
            .map(str::to_owned)
    }
}

fn is_counted(key: &str) -> bool {
    key == "general.alignment"
        || key.starts_with("split.")
        || [".block_count", ".embedding_length", ".vocab_size"].iter().any(|ending| key.ends_with(ending))
}

/// What the file is, where it is not a whole model.
fn kind(declared: Option<&str>, architecture: Option<&str>) -> Option<String> {
    match (declared, architecture) {
        (Some(kind @ ("adapter" | "mmproj" | "imatrix")), _) => Some(kind.to_owned()),
        // Vision projectors say only this before `general.type` was introduced.
        (None | Some("model"), Some("clip")) => Some("mmproj".to_owned()),
        _ => None,
    }
}
