//! The vocabulary of the house: plain data that every other room speaks.
//!
//! Never here: input or output, a clock, the environment, a thread. Everything is comparable and serializable, so that
//! a survey can be sorted, merged and written byte for byte the same each time.
//!
//! Where to go next: [`Locator`] says where something is, [`Sighting`] what was seen there, [`Gap`] what was not,
//! [`Survey`] is the sum of one walk, [`Asset`] and [`Inventory`] what it means.

mod asset;
mod content;
mod date;
mod fact;
mod gap;
mod locator;
mod redact;
mod rules;
mod survey;

pub use asset::{
    Asset, AssetFile, DistinctRun, Impact, Inventory, Level, Origin, Population, Project, Relation, RelationEvidence,
    RelationKind,
};
pub use content::{ContentId, hex, is_digest};
pub use date::{Date, DateError};
pub use fact::{
    Code, Dataset, Declared, Fact, Infra, LOWEST, Nodes, Part, Parts, People, REGISTERS, Risk, Run, Sketch,
    SubjectKind, TableFacts, UnknownField, Weights, estimate_distinct, keep, raise,
};
pub use gap::{Cause, Gap, Stage};
pub use locator::{Hop, Locator, LocatorError, SourceId, escape_name, is_unprintable};
pub use redact::{names_secret, publishable, redact_map, typed};
pub use rules::{Allow, CrownJewels, RuleFinding, Rules, Verdict};
pub use survey::{
    Access, Confidence, Coverage, Evidence, Family, Kind, MAX_EXTENSION, NOT_LOOKED_FOR, Presence, Role, ScanOptions,
    Sighting, SourceInfo, Survey, Tally, TallyKey, extension_key,
};
