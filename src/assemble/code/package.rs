//! Which sources are one package: told by whom they import.
//!
//! A relative import leads to a directory that is in the package; an import of a module named like a directory around the
//! source, or beside it, says that this directory is one. The outermost such directory around a source is its package.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Locator, Sighting};

/// Directories around a source that are looked at.
const LEVELS: usize = 10;
/// Directories of one name that are looked at.
const MOST_NAMED: usize = 100;
/// Modules that everybody imports: a directory of that name is for them, and not they.
const COMMON: &[&str] = &[
    "datasets",
    "evaluate",
    "jax",
    "keras",
    "lightning",
    "numpy",
    "pandas",
    "ray",
    "sklearn",
    "tensorflow",
    "torch",
    "transformers",
    "wandb",
    "mlflow",
    "yaml",
    "tqdm",
    "scipy",
    "matplotlib",
    "deepspeed",
    "accelerate",
    "xgboost",
    "lightgbm",
];

/// The directories that are packages.
pub(super) struct Roots {
    roots: BTreeSet<Locator>,
}

impl Roots {
    /// The packages of these sources.
    pub(super) fn new<'s>(sources: impl Iterator<Item = &'s Sighting>) -> Roots {
        let sources: Vec<&Sighting> = sources.collect();
        let directories: BTreeSet<Locator> = sources.iter().map(|source| source.locator.parent()).collect();
        // A directory without sources of its own may hold some deeper.
        let all: BTreeSet<Locator> =
            directories.iter().flat_map(|directory| around(directory).collect::<Vec<_>>()).collect();
        let mut named: BTreeMap<&[u8], Vec<&Locator>> = BTreeMap::new();
        for directory in &all {
            named.entry(directory.base_name()).or_default().push(directory);
        }
        let mut roots = BTreeSet::new();
        for source in sources {
            let Some(code) = source.fact.code() else { continue };
            let directory = source.locator.parent();
            if let Some(up) = code.levels_up.checked_sub(1)
                && let Some(root) = around(&directory).nth(up.min(LEVELS))
            {
                roots.insert(root);
            }
            for module in code.imports.iter().filter(|module| !COMMON.contains(&module.as_str())) {
                let beside = directory.child(module.as_bytes());
                if all.contains(&beside) {
                    roots.insert(beside);
                    continue;
                }
                // A repository is often named like the package that lies somewhere in it.
                let named = named.get(module.as_bytes()).map(Vec::as_slice).unwrap_or_default();
                let named = named.get(..MOST_NAMED).unwrap_or(named);
                let around = around(&directory).find(|place| place.base_name() == module.as_bytes());
                roots.extend(around.filter(|place| !named.iter().any(|other| is_below(other, place))));
            }
        }
        roots.remove(&Locator::path(0, b""));
        Roots { roots }
    }

    /// The package that a directory is in.
    pub(super) fn of(&self, directory: &Locator) -> Option<Locator> {
        outermost(directory, Some(&self.roots))
    }
}

/// The outermost of some places that is a directory or around it.
pub(super) fn outermost(directory: &Locator, places: Option<&BTreeSet<Locator>>) -> Option<Locator> {
    around(directory).filter(|place| places.is_some_and(|places| places.contains(place))).last()
}

/// Whether a directory lies below another one.
fn is_below(directory: &Locator, other: &Locator) -> bool {
    directory != other && around(directory).any(|place| place == *other)
}

/// A directory and those around it, nearest first, within its container.
fn around(directory: &Locator) -> impl Iterator<Item = Locator> {
    let outer = |place: &Locator| if place.leaf().is_empty() { None } else { Some(place.parent()) };
    std::iter::successors(Some(directory.clone()), outer).take(LEVELS)
}
