//! What was not looked at, and why. Silence is never "nothing there".

use schemars::JsonSchema;
use serde::Serialize;

use super::Locator;

/// How far an entry came before it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It could not be opened, listed or read.
    Open,
    /// Its name claims a format its bytes do not have.
    Identify,
    /// A parser gave up on it.
    Probe,
    /// A container could not be opened, or not to its end.
    Unpack,
    /// A limit was reached.
    Budget,
}

/// Why it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The system did not permit it.
    Denied,
    /// It ends before its structure does, or shrank while it was read.
    Truncated,
    /// Its structure does not hold.
    Malformed,
    /// A limit of the scan was reached; the detail names the flag that raises it.
    OverBudget,
    /// It cannot be read without a key.
    Encrypted,
    /// The format, or this variant of it, is not read by this version.
    Unsupported,
    /// Its bytes are not on this storage (tape, object tier); reading would recall them.
    Offline,
    /// A parser panicked: a defect of blastmap, worth a report.
    Panicked,
    /// It was left out on purpose: by an option, or because it is not a regular file.
    Skipped,
}

impl Cause {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Denied => "denied",
            Cause::Truncated => "truncated",
            Cause::Malformed => "malformed",
            Cause::OverBudget => "over-budget",
            Cause::Encrypted => "encrypted",
            Cause::Unsupported => "unsupported",
            Cause::Offline => "offline",
            Cause::Panicked => "panicked",
            Cause::Skipped => "skipped",
        }
    }
}

/// One thing that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What was left.
    pub locator: Locator,
    /// How far it came.
    pub stage: Stage,
    /// Why it was left.
    pub cause: Cause,
    /// One line for a reader: the reason, and the remedy where there is one. Holds no content of the entry.
    pub detail: String,
}

impl Gap {
    /// A gap at `locator`.
    pub fn new(locator: Locator, stage: Stage, cause: Cause, detail: impl Into<String>) -> Gap {
        Gap { locator, stage, cause, detail: detail.into() }
    }
}
