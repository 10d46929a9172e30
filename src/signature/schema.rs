//! One signature file, as it is written.

use serde::Deserialize;

use crate::model::{Confidence, Family, Role};

/// A signature: `signatures/<family>/<id>.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Kebab-case, equal to the file's name; a format id of the contract (dots allowed: `slurm.conf`).
    pub id: String,
    /// The folder it lies in.
    pub family: Family,
    /// What it is, in a few words.
    pub title: String,
    /// The format id of what it recognises, where that is another than its own.
    pub format: Option<String>,
    /// What is put behind the format id of content that came out of a compressor; `{codec}` stands for its usual ending.
    /// Nothing where the compression is part of how the format is used.
    pub packed: Option<String>,
    /// Its part in an asset.
    #[serde(default)]
    pub role: Role,
    /// How sure a match is; `certain` only a probe may say.
    pub confidence: Confidence,
    /// The parser that takes over.
    pub probe: Option<String>,
    /// The unpacker that opens it.
    pub unpack: Option<String>,
    /// Names so telling that a file called so, whose bytes are not so, is reported as unverified.
    #[serde(default)]
    pub claims: Vec<String>,
    /// Other signatures that its positive examples match too.
    #[serde(default)]
    pub also: Vec<String>,
    /// What a reader gains if it leaks, in one line.
    pub exposes: String,
    /// What it is, how it is recognised, why it matters.
    pub explain: String,
    /// What to do when it is exposed.
    pub remedy: String,
    /// Format documents and sources.
    #[serde(default)]
    pub references: Vec<String>,
    /// All of these must hold; a name is any of those listed.
    #[serde(default)]
    pub all: Matchers,
    /// At least one of these must hold.
    #[serde(default)]
    pub any: Matchers,
    /// None of these may hold.
    #[serde(default)]
    pub not: Matchers,
    /// Captures that become facts.
    #[serde(default)]
    pub lift: Vec<Lift>,
    /// What it matches and what it does not: at least one of each.
    #[serde(default)]
    pub example: Vec<Example>,
}

impl Signature {
    /// The format id of what it recognises.
    pub fn format(&self) -> &str {
        self.format.as_deref().unwrap_or(&self.id)
    }

    /// The same for one entry: `parsed` is what its parser knows better, `codec` the compression it came out of.
    pub fn format_of(&self, parsed: Option<&str>, codec: Option<&str>) -> String {
        let format = parsed.unwrap_or(self.format());
        match (&self.packed, codec) {
            (Some(packed), Some(codec)) => format.to_owned() + &packed.replace("{codec}", codec),
            _ => format.to_owned(),
        }
    }
}

/// The four ways to look at an entry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Matchers {
    /// Globs on the base name, or on the end of the path where they hold a slash. ASCII case is ignored.
    pub name: Vec<String>,
    /// Bytes at fixed positions.
    pub magic: Vec<Magic>,
    /// Regular expressions over the first 64 KiB.
    pub text: Vec<String>,
    /// Dotted key paths of JSON, YAML, TOML or INI, within the first 64 KiB.
    pub keys: Vec<String>,
}

/// Bytes at a fixed position.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Magic {
    /// Position; negative from the end.
    pub at: i64,
    /// The bytes, in hexadecimal.
    pub hex: Option<String>,
    /// The bytes, as ASCII.
    pub text: Option<String>,
    /// Bits that count, in hexadecimal, as long as the bytes.
    pub mask: Option<String>,
}

/// What a text gives away, lifted into a field of the family's facts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// The field.
    pub field: String,
    /// A regular expression; its first group, or all of it, is the value. Every match counts.
    pub text: Option<String>,
    /// The value itself, where the recognition alone says it.
    pub value: Option<String>,
    /// Splits a value into several.
    pub split: Option<String>,
    /// Of those, keeps what matches.
    pub keep: Option<String>,
    /// Of those, drops what matches.
    pub drop: Option<String>,
}

/// An entry that the signature matches, or does not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its path.
    pub name: String,
    /// Its bytes, as text.
    pub text: Option<String>,
    /// Its bytes, in hexadecimal, white space ignored.
    pub hex: Option<String>,
    /// Its bytes, from a file below `fixtures/`.
    pub fixture: Option<String>,
    /// The id of the signature, or `none`.
    pub expect: String,
    /// What its lifts must give, by field.
    #[serde(default)]
    pub lifts: std::collections::BTreeMap<String, Vec<String>>,
}
