//! The engine: threads, recursion, budgets, panics. It knows entries and containers, and not one format.
//!
//! A file can never fail a scan: whatever happens to it becomes a [`Gap`](crate::model::Gap). What can fail a scan is
//! what was asked for: a place that is not there.
//!
//! Where to go next: [`survey`] is the way in, `examine` the heart, `descend` the only recursion of the house.

mod budget;
mod collect;
mod descend;
mod entry;
mod examine;
mod identity;
mod limits;
mod linked;
mod progress;
mod queue;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sha2::{Digest, Sha256};

pub use limits::Limits;
pub use progress::{Progress, Snapshot};

use crate::model::{ScanOptions, SourceInfo, Survey, hex};
use crate::signature::Signatures;
use crate::source::{List, Source, Tree};
use crate::table::{Settings, Taxonomy};

/// How much of an entry is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Names and structure.
    Headers,
    /// The same, and every content that may hold something.
    #[default]
    Content,
    /// The same, and a SHA-256 of everything recognised.
    Full,
}

/// Which files are opened that no signature goes by the name of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sniff {
    /// None.
    Named,
    /// Those whose name does not say that they are something ordinary.
    #[default]
    Unknown,
    /// All.
    All,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory or file.
    Path(PathBuf),
    /// Files named on standard input, NUL- or newline-separated.
    StandardInput,
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to look.
    pub places: Vec<Place>,
    /// How much to read.
    pub depth: Depth,
    /// What to open.
    pub sniff: Sniff,
    /// How far to go.
    pub limits: Limits,
    /// Workers; 0 for one a processor, at most 16.
    pub threads: usize,
    /// Whether mount points are left alone.
    pub one_file_system: bool,
    /// Whether files are read that the storage holds elsewhere.
    pub recall: bool,
    /// Patterns of what to leave out, as in a `.gitignore`.
    pub exclude: Vec<String>,
    /// Files the caller is going to write, as the system resolves them: never part of what is scanned, so that a scan
    /// finds the same the first time and the second.
    pub outputs: Vec<PathBuf>,
    /// How tables are looked at.
    pub tables: Arc<Settings>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            places: Vec::new(),
            depth: Depth::default(),
            sniff: Sniff::default(),
            limits: Limits::default(),
            threads: 0,
            one_file_system: true,
            recall: false,
            exclude: Vec::new(),
            outputs: Vec::new(),
            tables: Arc::default(),
        }
    }
}

impl Plan {
    /// The options as an inventory's header states them: what changes the findings, and nothing else.
    fn options(&self) -> ScanOptions {
        let limits = &self.limits;
        ScanOptions {
            depth: match self.depth {
                Depth::Headers => "headers",
                Depth::Content => "content",
                Depth::Full => "full",
            }
            .to_owned(),
            sniff: match self.sniff {
                Sniff::Named => "named",
                Sniff::Unknown => "unknown",
                Sniff::All => "all",
            }
            .to_owned(),
            one_file_system: self.one_file_system,
            recall: self.recall,
            exclude: self.exclude.clone(),
            risk_sets: self.tables.risk_sets.iter().map(|set| set.join(",")).collect(),
            limits: [
                ("max-depth", limits.depth as u64),
                ("max-members", limits.members),
                ("max-inflated", limits.inflated),
                ("max-ratio", limits.ratio),
                ("max-spool", limits.spool),
                ("max-seconds", limits.seconds),
                ("ordinary-size", limits.ordinary_size),
            ]
            .map(|(name, limit)| (name.to_owned(), limit))
            .into(),
        }
    }
}

/// Why a scan did not start.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A place cannot be looked at.
    #[error("{place}: {reason}")]
    Place {
        /// The place as given.
        place: String,
        /// Why.
        reason: String,
    },
    /// A pattern is not one.
    #[error("--exclude {pattern}: {reason}")]
    Exclude {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// Standard input cannot be read, or is not a list of files.
    #[error("standard input: {0}")]
    Input(String),
}

/// What every inventory's header carries: SHA-256 over all that recognises, files and columns alike.
pub fn digest(signatures: &Signatures, classes: &Taxonomy) -> String {
    let mut hash = Sha256::new();
    hash.update(signatures.digest());
    hash.update(classes.digest());
    hex(&hash.finalize())
}

/// Walks every place of the plan. Stops early, keeping what is known, when `stop` becomes true.
///
/// # Errors
/// [`SurveyError`], before anything is read.
pub fn survey(
    plan: &Plan,
    signatures: &Signatures,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<Survey, SurveyError> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for place in &plan.places {
        sources.push(open(place, plan)?);
    }
    let mut survey =
        Survey { options: plan.options(), signatures: digest(signatures, &plan.tables.taxonomy), ..Survey::default() };
    for (id, source) in (0u16..).zip(&sources) {
        survey.sources.push(SourceInfo { id, kind: source.kind().to_owned(), label: source.label() });
        let cx = Context { plan, signatures, progress, stop, source: id };
        collect::merge(&mut survey, queue::run(&cx, source.as_ref()));
    }
    survey.coverage.interrupted = stop.load(Ordering::Relaxed);
    collect::finish(&mut survey);
    progress.finish();
    Ok(survey)
}

/// What every worker shares.
struct Context<'a> {
    plan: &'a Plan,
    signatures: &'a Signatures,
    progress: &'a Progress,
    stop: &'a AtomicBool,
    source: u16,
}

impl Context<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

fn open(place: &Place, plan: &Plan) -> Result<Box<dyn Source>, SurveyError> {
    match place {
        Place::Path(path) => {
            let exclude = exclude(path, &plan.exclude)?;
            let tree = Tree::open(path, plan.one_file_system, exclude).map_err(|error| SurveyError::Place {
                place: path.display().to_string(),
                reason: match error.kind() {
                    std::io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
                    std::io::ErrorKind::PermissionDenied => "may not be looked at by this user".to_owned(),
                    kind => kind.to_string(),
                },
            })?;
            Ok(Box::new(tree))
        }
        Place::StandardInput => {
            /// Names of some million files.
            const MAX_LIST: u64 = 1 << 30;
            let mut text = Vec::new();
            let mut input = std::io::stdin().lock().take(MAX_LIST + 1);
            std::io::copy(&mut input, &mut text).map_err(|error| SurveyError::Input(error.to_string()))?;
            if text.len() as u64 > MAX_LIST {
                return Err(SurveyError::Input("a list of more than 1 GiB; split it".to_owned()));
            }
            Ok(Box::new(List::split(&text)))
        }
    }
}

fn exclude(root: &Path, patterns: &[String]) -> Result<Gitignore, SurveyError> {
    let mut builder = GitignoreBuilder::new(root);
    let fail = |pattern: &str, error: ignore::Error| SurveyError::Exclude {
        pattern: pattern.to_owned(),
        reason: error.to_string(),
    };
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| fail(pattern, error))?;
    }
    builder.build().map_err(|error| fail("patterns", error))
}
