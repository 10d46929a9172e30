//! Where assets lie, for paths that were written on another machine: those share their end with the place here.
//!
//! `/srv/project/out/50071/final` of a log is `backup/project/out/50071/final` of the place that was walked. The more
//! parts are shared the surer it is; a name alone says little, and says nothing where several have it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Asset, Confidence, Locator};

/// Most places of one name that are compared; of more nobody can say which is meant.
const MAX_CANDIDATES: usize = 256;
/// Longest path that is matched, in parts.
const MAX_PARTS: usize = 256;
/// Directories above a file that are matched.
const MAX_LEVELS: usize = 16;
/// Most assets below one directory that are taken for one run's.
const MAX_BELOW: usize = 256;
/// Names that tell nothing by themselves.
pub(super) const VAGUE: [&str; 45] = [
    "model",
    "models",
    "base",
    "final",
    "best",
    "last",
    "latest",
    "ckpt",
    "checkpoint",
    "checkpoints",
    "weights",
    "output",
    "outputs",
    "out",
    "pretrained",
    "data",
    "dataset",
    "datasets",
    "train",
    "test",
    "logs",
    "runs",
    "val",
    "valid",
    "validation",
    "eval",
    "scripts",
    "src",
    "pytorch_model",
    "adapter_model",
    "config",
    "main",
    "run",
    "srv",
    "home",
    "scratch",
    "storage",
    "project",
    "projects",
    "work",
    "users",
    "tmp",
    "mnt",
    "step",
    "epoch",
];

/// Assets by the end of their path.
pub(super) struct Places<'a> {
    /// Base name of a file, or of the directory that holds all files of an asset → the whole path and the asset.
    by_name: BTreeMap<String, Vec<(Vec<String>, &'a Asset)>>,
    /// Base name of any directory with assets below → its path.
    directories: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// Path of every file and its asset, in order.
    files: Vec<(Vec<String>, &'a Asset)>,
}

/// An asset that a stated path leads to.
pub(super) struct Hit<'a> {
    pub(super) asset: &'a Asset,
    pub(super) confidence: Confidence,
}

impl<'a> Places<'a> {
    /// The places of those assets.
    pub(super) fn new(assets: impl Iterator<Item = &'a Asset>) -> Places<'a> {
        let mut places = Places { by_name: BTreeMap::new(), directories: BTreeMap::new(), files: Vec::new() };
        for asset in assets {
            let paths: Vec<Vec<String>> = asset.files.iter().map(|file| parts_of(&file.locator)).collect();
            if paths.iter().any(|path| path.len() > MAX_PARTS) {
                continue;
            }
            if let Some(directory) = common(&paths).filter(|directory| !directory.is_empty()) {
                places.name(directory, asset);
            }
            for path in paths {
                for end in path.len().saturating_sub(MAX_LEVELS).max(1)..path.len() {
                    let directory = path.get(..end).unwrap_or_default();
                    if let Some(name) = directory.last() {
                        let known = places.directories.entry(name.to_lowercase()).or_default();
                        if !known.contains(directory) {
                            known.insert(directory.to_vec());
                        }
                    }
                }
                places.name(path.clone(), asset);
                places.files.push((path, asset));
            }
        }
        places.files.sort_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
        places
    }

    fn name(&mut self, path: Vec<String>, asset: &'a Asset) {
        if let Some(pair) = pair(&path) {
            self.by_name.entry(pair).or_default().push((path.clone(), asset));
        }
        if let Some(name) = path.last() {
            self.by_name.entry(name.to_lowercase()).or_default().push((path, asset));
        }
    }

    /// The places that share most of the end of a stated path; none where there are more than can be told apart.
    fn candidates(&self, stated: &[String]) -> &[(Vec<String>, &'a Asset)] {
        let by_pair = pair(stated).and_then(|pair| self.by_name.get(&pair));
        let by_name = || self.by_name.get(&stated.last()?.to_lowercase());
        by_pair.or_else(by_name).map(Vec::as_slice).filter(|found| found.len() <= MAX_CANDIDATES).unwrap_or_default()
    }

    /// The asset that a path leads to which `by` states: the file itself, or the directory that holds all of it.
    pub(super) fn find(&self, stated: &str, by: &Asset) -> Option<Hit<'a>> {
        let stated = stated_parts(stated);
        let candidates = self.candidates(&stated).iter().filter(|(_, asset)| asset.id != by.id);
        let (confidence, best) = best(&stated, candidates.map(|(path, asset)| (path.as_slice(), *asset)), by)?;
        Some(Hit { asset: best, confidence })
    }

    /// The same where the last part of the path tells nothing: the nearest asset of that name, as a guess.
    pub(super) fn guess(&self, stated: &str, by: &Asset) -> Option<Hit<'a>> {
        if let Some(hit) = self.find(stated, by) {
            return Some(hit);
        }
        let last = stated_parts(stated).pop()?.to_lowercase();
        let own = by.files.first().map(|file| parts_of(&file.locator)).unwrap_or_default();
        let candidates = self.by_name.get(&last)?.iter().take(MAX_CANDIDATES);
        let mut near: Vec<(usize, &'a Asset)> =
            candidates.map(|(path, asset)| (shared_start(&own, path), *asset)).filter(|(near, _)| *near > 0).collect();
        near.sort_by_key(|(near, asset)| (std::cmp::Reverse(*near), &asset.id));
        near.dedup_by(|(_, a), (_, b)| a.id == b.id);
        match near.as_slice() {
            [(_, asset)] => Some(Hit { asset, confidence: Confidence::Low }),
            [(first, asset), (second, _), ..] if first > second => Some(Hit { asset, confidence: Confidence::Low }),
            _ => None,
        }
    }

    /// Every asset below the directory that a path leads to which `by` states.
    pub(super) fn below(&self, stated: &str, by: &Asset) -> Vec<Hit<'a>> {
        let stated = stated_parts(stated);
        let Some(name) = stated.last() else { return Vec::new() };
        let Some(directories) = self.directories.get(&name.to_lowercase()) else { return Vec::new() };
        let candidates = directories.iter().take(MAX_CANDIDATES).map(|path| (path.as_slice(), path));
        let Some((confidence, directory)) = best(&stated, candidates, by) else { return Vec::new() };
        self.inside(directory).take(MAX_BELOW).map(|asset| Hit { asset, confidence }).collect()
    }

    /// Every asset with a file below a directory, once.
    pub(super) fn inside(&self, directory: &[String]) -> impl Iterator<Item = &'a Asset> {
        let start = self.files.partition_point(|(path, _)| path.as_slice() < directory);
        let below = self.files.iter().skip(start).take_while(|(path, _)| path.starts_with(directory));
        let unique: BTreeMap<&str, &'a Asset> = below.map(|(_, asset)| (asset.id.as_str(), *asset)).collect();
        unique.into_values()
    }
}

/// Of several places the one that shares most parts with the stated path; of equals the one that is nearest to who states
/// it. Nothing where that leaves more than one.
fn best<'p, T: PartialEq>(
    stated: &[String],
    candidates: impl Iterator<Item = (&'p [String], T)>,
    by: &Asset,
) -> Option<(Confidence, T)> {
    let own = by.files.first().map(|file| parts_of(&file.locator)).unwrap_or_default();
    let mut found: Vec<(usize, usize, T)> = candidates
        .map(|(path, what)| (shared_end(stated, path), shared_start(&own, path), what))
        .filter(|(shared, ..)| *shared > 0)
        .collect();
    found.sort_by_key(|(shared, near, _)| (std::cmp::Reverse(*shared), std::cmp::Reverse(*near)));
    let mut found = found.into_iter();
    let (shared, near, what) = found.next()?;
    let others: Vec<(usize, usize, T)> = found.take_while(|(other, ..)| *other == shared).collect();
    let is_tied = others.iter().any(|(_, other, candidate)| *other == near && *candidate != what);
    let is_alone = others.iter().all(|(.., candidate)| *candidate == what);
    let is_whole = shared == stated.len();
    let end = stated.get(stated.len().saturating_sub(shared)..).unwrap_or_default();
    let telling = end.iter().filter(|part| is_telling(part)).count();
    let confidence = match (telling, shared) {
        _ if is_tied => return None,
        (0, 4..) if is_alone => Confidence::Medium,
        (0, 3) if is_alone => Confidence::Low,
        (0, 2) if is_alone && is_whole => Confidence::Low,
        (0, _) => return None,
        (_, 1) => Confidence::Low,
        (1, _) if !(is_whole && is_alone) => Confidence::Medium,
        _ if !is_alone && !is_whole => Confidence::Medium,
        _ => Confidence::High,
    };
    Some((confidence, what))
}

/// The last two parts of a path, as a name.
fn pair(path: &[String]) -> Option<String> {
    let [.., parent, name] = path else { return None };
    Some(format!("{parent}/{name}").to_lowercase())
}

/// Whether a part of a path tells one place from another: `50071` and `perturb_atlas_v2.h5ad` do, `checkpoint-20.pt` does not.
pub(super) fn is_telling(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_lowercase();
    let word = stem.trim_end_matches(|last: char| last.is_ascii_digit() || "-_=".contains(last));
    if word.is_empty() { stem.len() >= 3 } else { word.len() >= 3 && !VAGUE.contains(&word) }
}

/// Parts of a path that are the same from its end on.
fn shared_end(a: &[String], b: &[String]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
}

fn shared_start(a: &[String], b: &[String]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The directory around all paths.
pub(super) fn common(paths: &[Vec<String>]) -> Option<Vec<String>> {
    let (first, others) = paths.split_first()?;
    let directory = first.split_last().map_or(&[][..], |(_, directory)| directory);
    let len = others.iter().map(|path| shared_start(directory, path)).min().unwrap_or(directory.len());
    directory.get(..len).map(<[String]>::to_vec)
}

/// The parts of a place's path, those of the containers around it first.
pub(super) fn parts_of(locator: &Locator) -> Vec<String> {
    let path = locator.to_string();
    path.split(['/', '!']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The parts of a path as it was written somewhere.
fn stated_parts(stated: &str) -> Vec<String> {
    let path = stated.split_once("://").map_or(stated, |(_, path)| path);
    path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{asset, code};
    use super::*;

    fn found(places: &[&str], stated: &str, by: &str) -> Option<(String, Confidence)> {
        let assets: Vec<Asset> = places.iter().map(|path| asset(path)).collect();
        let hit = Places::new(assets.iter()).find(stated, &code(by))?;
        Some((hit.asset.id.clone(), hit.confidence))
    }

    #[test]
    fn the_end_of_a_path_says_how_sure_it_is() {
        let one =
            |stated: &str| found(&["b/acme/out/50071/pert-20.pt"], stated, "x.py").map(|(_, confidence)| confidence);
        assert_eq!(one("/srv/acme/out/50071/pert-20.pt"), Some(Confidence::High));
        assert_eq!(one("50071/pert-20.pt"), Some(Confidence::High));
        assert_eq!(one("/elsewhere/pert-20.pt"), Some(Confidence::Low));
        assert_eq!(one("s3://bucket/out/50071"), Some(Confidence::Medium));
        assert_eq!(one("/srv/out"), None);
        assert_eq!(one("C:\\acme\\OUT\\50071\\PERT-20.pt"), Some(Confidence::High));
    }

    #[test]
    fn names_that_everybody_gives_tell_nothing() {
        let of = |stated: &str| {
            let there = ["bob/tox/checkpoints/model.safetensors", "bob/tox/data/train.csv", "bob/tox/scripts/train.py"];
            found(&there, stated, "alice/logs/slurm-11.out").map(|(_, confidence)| confidence)
        };
        assert_eq!(of("/home/alice/fold/checkpoints/model.safetensors"), None);
        assert_eq!(of("/home/alice/fold/data/train.csv"), None);
        assert_eq!(of("scripts/train.py"), Some(Confidence::Low));
        assert_eq!(of("/home/bob/tox/data/train.csv"), Some(Confidence::High));
    }

    #[test]
    fn of_several_the_nearest_is_meant_or_none() {
        let two = ["a/train_x.py", "b/train_x.py"];
        assert_eq!(found(&two, "train_x.py", "b/run/log").map(|(id, _)| id).as_deref(), Some("b/train_x.py"));
        assert_eq!(found(&two, "train_x.py", "c/run/log"), None);
    }

    #[test]
    fn what_lies_below() {
        let assets: Vec<Asset> = ["p/out/50071/a.pt", "p/out/50071/final/m.pt", "p/out/50072/a.pt"].map(asset).into();
        let places = Places::new(assets.iter());
        let below: Vec<&str> =
            places.below("/srv/out/50071", &code("x")).iter().map(|hit| hit.asset.id.as_str()).collect();
        assert_eq!(below, ["p/out/50071/a.pt", "p/out/50071/final/m.pt"]);
    }
}
