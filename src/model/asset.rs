//! What a survey means: assets, the lines between them, and what a loss would cost.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Access, Confidence, ContentId, Coverage, Evidence, Fact, Gap, Kind, Locator, Presence, ScanOptions, SourceInfo,
    SubjectKind, Tally, TallyKey,
};

/// Confidentiality impact of a loss, after FIPS 199.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Limited harm.
    Low,
    /// Serious harm.
    Moderate,
    /// Severe harm.
    High,
}

impl Level {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Moderate => "moderate",
            Level::High => "high",
        }
    }
}

/// How bad a loss would be, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Impact {
    /// The level.
    pub level: Level,
    /// Its reasons, each a sentence without a full stop.
    pub because: Vec<String>,
    /// The tier a `[[crown-jewels]]` rule of the configuration gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// Whether it is the owner's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A copy of something that is public.
    PublicCopy,
    /// Made here.
    Proprietary,
    /// Nothing says.
    Unknown,
}

/// One file of an asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssetFile {
    /// Where it is.
    pub locator: Locator,
    /// Bytes.
    pub size: u64,
    /// The strongest identity of its content.
    pub content: Option<ContentId>,
    /// What it leads to, where it is a symbolic link: its bytes are counted there.
    pub link: Option<Locator>,
}

/// One thing that can be lost: a whole model, not a file of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// `model-4f1c9a…`: stable across re-scans and moves within a source.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// In which format.
    pub format: String,
    /// The name a reader knows it by.
    pub name: String,
    /// Its files, the one that stands for it first, the others by locator.
    pub files: Vec<AssetFile>,
    /// Bytes of its files, links counted once.
    pub size: u64,
    /// Whether it is really there.
    pub presence: Presence,
    /// How sure its recognition is.
    pub confidence: Confidence,
    /// Whose it is.
    pub origin: Option<Origin>,
    /// What a loss would cost.
    pub impact: Impact,
    /// What it says.
    pub fact: Fact,
    /// Who may read its first file.
    pub access: Option<Access>,
    /// All identities of the file that stands for it, strongest first.
    pub identities: Vec<ContentId>,
    /// Why it was recognised, and why its origin.
    pub evidence: Vec<Evidence>,
}

/// How two assets hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RelationKind {
    /// The same content lies at both.
    SameContent,
    /// The first was made from the second.
    DerivedFrom,
    /// The first was written by the run that is the second.
    ProducedBy,
    /// The first learnt from the data that is the second.
    TrainedOn,
    /// The first's architecture is the source that is the second.
    DefinedBy,
    /// The first executes the second: a run its program, a job script what it starts.
    Runs,
    /// The first was handed to the scheduler by the script that is the second.
    SubmittedBy,
    /// Two logs of one run.
    SameRun,
    /// The first puts the second into an image.
    Packages,
    /// The first reads the second.
    Reads,
    /// The first writes the second.
    Writes,
}

/// What a relation rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationEvidence {
    /// Where it is seen.
    pub locator: Locator,
    /// In words.
    pub why: String,
}

/// A line between two assets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// Id of the first asset.
    pub from: String,
    /// Id of the second.
    pub to: String,
    /// How they hang together.
    pub kind: RelationKind,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<RelationEvidence>,
}

/// People that several datasets are about, each counted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Population {
    /// Whom.
    pub kind: SubjectKind,
    /// Studies the datasets name.
    pub studies: BTreeSet<String>,
    /// Different people over all of them.
    pub distinct: u64,
    /// Whether that is an estimate (HyperLogLog, standard error 0.81 %).
    pub estimated: bool,
    /// Rows about them.
    pub rows: u64,
    /// Ids of the datasets.
    pub datasets: Vec<String>,
    /// Ids of those that name them or lead from their keys to them: while one of these is where the others are, the
    /// others are not pseudonymised.
    pub identified_by: Vec<String>,
}

/// Training runs of one project, counted in the ways a claim may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The directory around its trackers.
    pub root: Locator,
    /// Runs by the format their tracker keeps them in; trials left out, deleted ones included.
    pub tracker_runs: BTreeMap<String, u64>,
    /// Runs of which no two are the same, whoever logged them; trials left out.
    pub distinct: Vec<DistinctRun>,
    /// Trials of searches for hyper-parameters that no tracker has as a run.
    pub trials: u64,
    /// Distinct runs that a tracker has as deleted; they are still there.
    pub deleted: u64,
}

/// One run, whoever logged it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DistinctRun {
    /// Its keys: the format it is kept in, a colon, the tracker's key.
    pub keys: BTreeSet<String>,
    /// Ids of the assets.
    pub assets: Vec<String>,
}

/// Everything a breach of the walked places would expose, and what was not looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// How it was looked.
    pub options: ScanOptions,
    /// Digest of the signatures it was looked with.
    pub signatures: String,
    /// The places.
    pub sources: Vec<SourceInfo>,
    /// What is there, by kind and locator.
    pub assets: Vec<Asset>,
    /// How it hangs together.
    pub relations: Vec<Relation>,
    /// How many runs there are, by project.
    pub projects: Vec<Project>,
    /// Whom the datasets are about.
    pub populations: Vec<Population>,
    /// What was not looked at.
    pub gaps: Vec<Gap>,
    /// Sums of the rest.
    pub tallies: Vec<((u16, TallyKey, String), Tally)>,
    /// How much was looked at.
    pub coverage: Coverage,
}
