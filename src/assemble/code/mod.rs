//! Sources and configurations → assets: one a package and kind, and one for each that stands by itself.
//!
//! Sources of a kind that lie in one package ([`package`]) are one asset with their files listed; so are many scripts of a
//! kind in one directory, where a few are one asset each, configurations in one directory that name no run, and the files of one tree of Hydra, Snakemake or
//! Nextflow. Notebooks, pipelines in YAML and configurations of a named run stand by themselves. What is somebody else's
//! ([`foreign`]) is folded into one asset for each place it was put, and says so.

mod foreign;
mod package;

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, draft, impact, plain};
use crate::model::{Code, Evidence, Fact, Kind, Locator, Role, Sighting};

/// Scripts of a kind in one directory, outside of a package, that are an asset each.
const FEW_SCRIPTS: usize = 6;

/// What files of one asset have in common: where they are, what they are written in, what for, and whose they are.
type Key<'s> = (Locator, &'s str, &'s str, Option<&'static str>);

/// The code of a survey.
pub(super) fn groups<'s>(sightings: impl Iterator<Item = &'s Sighting>) -> Vec<Group<'s>> {
    let (known, other): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.filter(|sighting| sighting.role != Role::Companion).partition(|sighting| kind(sighting).is_some());
    let roots = package::Roots::new(known.iter().copied().filter(|sighting| sighting.format == "python"));
    let trees = trees(&known);
    let mut scripts: BTreeMap<(Locator, &str), usize> = BTreeMap::new();
    for script in known.iter().filter(|sighting| sighting.format == "python") {
        *scripts.entry((script.locator.parent(), kind(script).unwrap_or_default())).or_default() += 1;
    }
    let mut homes: BTreeMap<Key, Vec<&Sighting>> = BTreeMap::new();
    for sighting in known {
        let mut key = home(sighting, &roots, &trees);
        // A few scripts that belong to no package are programs of their own.
        let few = scripts.get(&(key.0.clone(), key.2)).is_some_and(|&scripts| scripts <= FEW_SCRIPTS);
        let is_loose = sighting.format == "python" && key.3.is_none() && roots.of(&key.0).is_none();
        if is_loose && few && tree_of(sighting).is_none() {
            key.0 = sighting.locator.clone();
        }
        homes.entry(key).or_default().push(sighting);
    }
    let mut groups: Vec<Group> =
        homes.into_iter().filter_map(|((home, .., whose), files)| group(&home, whose, files)).collect();
    groups.extend(plain::groups(other.into_iter()));
    groups
}

fn kind(sighting: &Sighting) -> Option<&str> {
    sighting.fact.code()?.kind.as_deref()
}

/// Frameworks whose files make a tree of directories, with the directories of each.
fn trees<'s>(sightings: &[&'s Sighting]) -> BTreeMap<&'s str, BTreeSet<Locator>> {
    let mut trees: BTreeMap<&str, BTreeSet<Locator>> = BTreeMap::new();
    for sighting in sightings {
        if let Some(framework) = tree_of(sighting) {
            trees.entry(framework).or_default().insert(sighting.locator.parent());
        }
    }
    trees
}

fn tree_of(sighting: &Sighting) -> Option<&str> {
    let framework = sighting.fact.code()?.framework.as_deref()?;
    ["hydra", "snakemake", "nextflow"].contains(&framework).then_some(framework)
}

/// Where a file belongs, and with whom.
fn home<'s>(sighting: &'s Sighting, roots: &package::Roots, trees: &BTreeMap<&str, BTreeSet<Locator>>) -> Key<'s> {
    let kind = kind(sighting).unwrap_or_default();
    if let Some((whose, root)) = foreign::of(&sighting.locator) {
        return (root, "", "", Some(whose));
    }
    let directory = sighting.locator.parent();
    let code = sighting.fact.code();
    if code.is_some_and(|code| code.not_own.is_some()) {
        return (directory, &sighting.format, kind, Some("generated"));
    }
    let names_run = code.is_some_and(|code| code.run_name.is_some());
    let place = match (kind, tree_of(sighting)) {
        ("training_config", _) if names_run => sighting.locator.clone(),
        (_, Some(framework)) => package::outermost(&directory, trees.get(framework)).unwrap_or(directory),
        _ if sighting.format == "python" => roots.of(&directory).unwrap_or(directory),
        ("notebook" | "orchestration", _) => sighting.locator.clone(),
        _ => directory,
    };
    (place, &sighting.format, kind, None)
}

fn group<'s>(home: &Locator, whose: Option<&str>, mut files: Vec<&'s Sighting>) -> Option<Group<'s>> {
    // The longest stands for the others.
    let lines = |file: &Sighting| file.fact.code().and_then(|code| code.lines).unwrap_or_default();
    files.sort_by_key(|file| (std::cmp::Reverse(lines(file)), &file.locator));
    let (primary, others) = files.split_first()?;
    let mut code = primary.fact.code().cloned().unwrap_or_default();
    for other in others {
        other.fact.code().into_iter().for_each(|fact| code.add(fact));
    }
    let mut others = others.to_vec();
    others.sort_by_key(|file| &file.locator);
    if let Some(whose) = whose {
        code.not_own = Some(whose.to_owned());
    }
    let mut draft = draft(primary, Kind::Code);
    if !others.is_empty() {
        if let Some(name) = home.leaf().rsplit(|&byte| byte == b'/').next().filter(|name| !name.is_empty()) {
            draft.name = crate::model::escape_name(name);
        }
        let why = why(whose, &code, others.len().saturating_add(1));
        draft.evidence.push(Evidence { signature: "grouping".to_owned(), why });
    }
    draft.fact = Fact::Code(Box::new(code));
    draft.impact = impact::of(&draft);
    Some(Group { primary, others, draft })
}

fn why(whose: Option<&str>, code: &Code, files: usize) -> String {
    match whose {
        Some(whose) => format!("{files} files of one place, {whose}"),
        None => {
            let kind = code.kind.as_deref().unwrap_or_default().replace('_', " ");
            format!("{files} files of one package or directory, {kind} each")
        }
    }
}

#[cfg(test)]
mod tests;
