//! Where entries come from.
//!
//! A source lists; it opens nothing, decides nothing and follows no link. It pushes what it finds into a visitor, which
//! may stop it by a value.

mod list;
mod tree;

use std::ops::ControlFlow;
use std::path::Path;

pub use list::List;
pub use tree::Tree;

use crate::model::{Cause, Locator, SourceId, Stage};

/// Why the object store of a repository is passed over, wherever one is met.
pub const HISTORY: &str =
    "git history is not read by this version: what was committed and deleted again is not in this inventory";

/// What a source finds.
pub enum Found<'a> {
    /// A regular file.
    File {
        /// Path below the root, `/`-separated.
        path: &'a [u8],
        /// How the system reaches it.
        full: &'a Path,
        /// Whether it was named itself, rather than met on the way.
        explicit: bool,
    },
    /// A directory that is listed next.
    Directory,
    /// A symbolic link to a regular file of the same source.
    Link {
        /// Path of the link.
        path: &'a [u8],
        /// Path of what it leads to.
        target: &'a [u8],
        /// How the system reaches what it leads to.
        full: &'a Path,
    },
    /// A symbolic link that leads nowhere here, and whose text says what it stands for.
    Stand {
        /// Path of the link.
        path: &'a [u8],
        /// What it is a link to.
        text: Vec<u8>,
    },
    /// Something without content of its own, or left out on purpose: worth a count, not a line.
    Counted(&'static str),
    /// Something that is not looked at.
    Gap {
        /// Path below the root.
        path: &'a [u8],
        /// How far it came.
        stage: Stage,
        /// Why.
        cause: Cause,
        /// In words.
        detail: String,
    },
}

/// Receives what is found.
pub type Visit<'v> = &'v mut dyn FnMut(Found<'_>) -> ControlFlow<()>;

/// A place that is walked.
pub trait Source: Sync {
    /// `tree`, …
    fn kind(&self) -> &'static str;

    /// The last component of its address.
    fn label(&self) -> String;

    /// Pushes everything into `visit`, until that breaks.
    fn walk(&self, visit: Visit);
}

/// The locator of a path of source `id`.
pub fn locate(id: SourceId, path: &[u8]) -> Locator {
    Locator::path(id, path)
}
