//! The waist of the house: what one walk saw. The reading half fills it, the thinking half interprets it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ContentId, Fact, Gap, Locator};

/// The rooms of recognition; a signature's family is the folder it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Model weights and what belongs to them.
    Weights,
    /// Data: arrays, tables, records.
    Dataset,
    /// Training runs.
    Run,
    /// Source and configuration of models and training.
    Code,
    /// Container images.
    Image,
    /// Maps and keys of machines and services.
    Infra,
    /// Archives and compressed streams: opened, never an asset of their own.
    Container,
}

impl Family {
    /// Every family, in the order reports list them.
    pub const ALL: [Family; 7] =
        [Family::Weights, Family::Dataset, Family::Run, Family::Code, Family::Image, Family::Infra, Family::Container];

    /// The name of the family's folder in `signatures/`.
    pub fn folder(self) -> &'static str {
        match self {
            Family::Weights => "weights",
            Family::Dataset => "dataset",
            Family::Run => "run",
            Family::Code => "code",
            Family::Image => "image",
            Family::Infra => "infra",
            Family::Container => "container",
        }
    }

    /// The kind of asset the family's sightings become; a container becomes none.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Family::Weights => Some(Kind::Model),
            Family::Dataset => Some(Kind::Dataset),
            Family::Run => Some(Kind::Run),
            Family::Code => Some(Kind::Code),
            Family::Image => Some(Kind::Image),
            Family::Infra => Some(Kind::Infra),
            Family::Container => None,
        }
    }
}

/// The kinds of asset of the inventory contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A model: one asset however many files it has.
    Model,
    /// Data, clinical tables included.
    Dataset,
    /// One training run.
    Run,
    /// Source or configuration.
    Code,
    /// A container image.
    Image,
    /// A map or key of machines and services.
    Infra,
}

impl Kind {
    /// Every kind, in the order reports list them.
    pub const ALL: [Kind; 6] = [Kind::Model, Kind::Dataset, Kind::Run, Kind::Code, Kind::Image, Kind::Infra];

    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Model => "model",
            Kind::Dataset => "dataset",
            Kind::Run => "run",
            Kind::Code => "code",
            Kind::Image => "image",
            Kind::Infra => "infra",
        }
    }
}

/// How sure a recognition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The name alone.
    #[default]
    Low,
    /// A weak structure, or a name and a hint of content.
    Medium,
    /// A magic number or an unmistakable text.
    High,
    /// The structure was parsed.
    Certain,
}

/// Whether the thing is really there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Its bytes are there and were read as what they are.
    Present,
    /// A small file stands for it: its size and hash are known, its bytes are elsewhere.
    Pointer,
    /// The name or magic claims it, the structure does not hold. Never counted as an asset.
    Unverified,
}

/// The part a sighting plays in an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Can be an asset by itself.
    #[default]
    Primary,
    /// Lists or describes the files of an asset; is one by itself even where they are absent.
    Manifest,
    /// Describes a directory: everything recognised below it belongs to it.
    Tree,
    /// Belongs to an asset beside it, and is nothing without one.
    Companion,
}

/// Why something was recognised, in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Evidence {
    /// The signature that recognised it.
    pub signature: String,
    /// What of it held.
    pub why: String,
}

/// Who may read a file, by its own owner and mode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Access {
    /// `uid:1000`.
    pub owner: String,
    /// `gid:100`.
    pub group: String,
    /// Octal permission bits: `0644`.
    pub mode: String,
    /// `everyone`, `group` or `owner`: the widest class the mode lets read.
    pub readers: String,
}

/// One entry that was recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Where it is.
    pub locator: Locator,
    /// What it leads to, where the locator is a symbolic link: the bytes lie there, and are counted there.
    pub link: Option<Locator>,
    /// Its size in bytes, as stored at the locator.
    pub size: u64,
    /// The format's id in the contract's vocabulary.
    pub format: String,
    /// Its room.
    pub family: Family,
    /// Its part in an asset.
    pub role: Role,
    /// How sure it is.
    pub confidence: Confidence,
    /// Whether its structure held.
    pub presence: Presence,
    /// Identities of its content, strongest first.
    pub identities: Vec<ContentId>,
    /// Who may read it, where the source knows.
    pub access: Option<Access>,
    /// What it says.
    pub fact: Fact,
    /// Why it was recognised.
    pub evidence: Vec<Evidence>,
}

/// What a tally counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TallyKey {
    /// Opened, and matched by no signature; the key is the file extension.
    Extension,
    /// Not opened, since the name says it is ordinary; the key is the file extension.
    Unopened,
    /// Containers that were opened; the key is the format.
    Container,
    /// Links that lead nowhere, and other entries without content; the key says which.
    Other,
}

/// Longest extension with a row of its own.
pub const MAX_EXTENSION: usize = 6;

/// The extension a file is tallied by: short, plain, lower-case; a stated word for everything else, so that a tree of
/// hostile names stays a short table.
pub fn extension_key<'b>(path: &[u8], lower: &'b mut [u8; MAX_EXTENSION]) -> &'b str {
    let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let dot = base.iter().rposition(|&byte| byte == b'.').filter(|&dot| dot > 0);
    let Some(extension) = dot.and_then(|dot| base.get(dot + 1..)) else { return "(none)" };
    let plain =
        extension.first().is_some_and(u8::is_ascii_alphabetic) && extension.iter().all(u8::is_ascii_alphanumeric);
    let Some(lower) = lower.get_mut(..extension.len()).filter(|_| plain) else { return "(other)" };
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).unwrap_or("(other)")
}

/// A sum over entries that are not worth a line each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub files: u64,
    /// Their bytes, as far as they were asked for: unopened files are not, at `--depth headers`.
    pub bytes: u64,
}

impl Tally {
    /// Adds another sum.
    pub fn add(&mut self, other: Tally) {
        self.files = self.files.saturating_add(other.files);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What this version has no parser for, so that its absence from an inventory says nothing.
pub const NOT_LOOKED_FOR: [&str; 5] = [
    "secrets",
    "people in documents, pictures and sound",
    "infrastructure beyond SSH, Slurm and recipes of images",
    "container images as such",
    "git history",
];

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Files met in the sources, opened or not.
    pub files: u64,
    /// Directories listed.
    pub directories: u64,
    /// Members met inside containers.
    pub members: u64,
    /// Bytes of the files whose size was asked for.
    pub bytes_seen: u64,
    /// Bytes really read from storage.
    pub bytes_read: u64,
    /// Bytes that came out of decompressors.
    pub bytes_inflated: u64,
    /// Whether the scan was stopped before its end.
    pub interrupted: bool,
}

impl Coverage {
    /// Adds another worker's part.
    pub fn add(&mut self, other: Coverage) {
        self.files = self.files.saturating_add(other.files);
        self.directories = self.directories.saturating_add(other.directories);
        self.members = self.members.saturating_add(other.members);
        self.bytes_seen = self.bytes_seen.saturating_add(other.bytes_seen);
        self.bytes_read = self.bytes_read.saturating_add(other.bytes_read);
        self.bytes_inflated = self.bytes_inflated.saturating_add(other.bytes_inflated);
        self.interrupted |= other.interrupted;
    }
}

/// A place that was walked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourceInfo {
    /// Its index; locators refer to it.
    pub id: u16,
    /// `tree`.
    pub kind: String,
    /// Its last path component: a label, not an address.
    pub label: String,
}

/// The options a scan ran with, as far as they change what it finds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ScanOptions {
    /// `headers`, `content` or `full`.
    pub depth: String,
    /// `named`, `unknown` or `all`.
    pub sniff: String,
    /// Whether mount points were left alone.
    pub one_file_system: bool,
    /// Whether files whose bytes lie elsewhere were recalled.
    pub recall: bool,
    /// Patterns that were left out.
    pub exclude: Vec<String>,
    /// Sets of quasi-identifiers whose risk was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk_sets: Vec<String>,
    /// Limits by the name of their flag, in the flag's unit.
    pub limits: BTreeMap<String, u64>,
}

/// What one walk saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// How it was looked.
    pub options: ScanOptions,
    /// Digest of the signatures it was looked with.
    pub signatures: String,
    /// The places, in the order given.
    pub sources: Vec<SourceInfo>,
    /// What was recognised, by locator.
    pub sightings: Vec<Sighting>,
    /// What was not looked at, by locator.
    pub gaps: Vec<Gap>,
    /// Everything else, in sums.
    pub tallies: BTreeMap<(u16, TallyKey, String), Tally>,
    /// How much was looked at.
    pub coverage: Coverage,
}
