//! What the owner of a place decided about it, and what came of those decisions.

use std::collections::BTreeMap;

use super::{Date, Level};

/// Decisions of the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What is worth most.
    pub crown_jewels: Vec<CrownJewels>,
    /// What may be where it is.
    pub allow: Vec<Allow>,
}

/// Everything these patterns match is of this tier, and of high impact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrownJewels {
    /// Patterns over printed locators.
    pub globs: Vec<String>,
    /// The owner's name for the tier.
    pub tier: String,
}

/// An asset that is meant to be where it is: it stays in the inventory, and fails no check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The id of an asset, or a format.
    pub id: String,
    /// A pattern over the printed locator of the asset's first file.
    pub glob: String,
    /// Why.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
}

/// What came of the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Ids of the allowed assets, with the reason of the first rule that allows each.
    pub allowed: BTreeMap<String, String>,
    /// What is wrong with the rules themselves.
    pub findings: Vec<RuleFinding>,
}

/// A rule that does not do what its author meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFinding {
    /// How bad that is.
    pub level: Level,
    /// In words.
    pub what: String,
}
