//! Directories that are one model: a manifest says so, and everything recognised below it belongs to it.

use std::collections::BTreeMap;

use super::absorb::{add_shard, fill};
use super::{Draft, Group, companions, finish, orbax};
use crate::model::{Locator, Role, Sighting};

/// A manifest, and what was recognised below its directory.
pub(super) struct Tree<'s> {
    manifest: &'s Sighting,
    parts: Vec<&'s Sighting>,
}

/// Takes the trees out of a survey's sightings. Of trees within trees the outermost is the model: what packs another
/// format (an MLflow model around a SavedModel) says more of it.
pub(super) fn split<'s>(sightings: Vec<&'s Sighting>) -> (Vec<Tree<'s>>, Vec<&'s Sighting>) {
    let mut trees: BTreeMap<Locator, Tree> = BTreeMap::new();
    for sighting in sightings.iter().filter(|sighting| sighting.role == Role::Tree) {
        let directory = orbax::place(sighting);
        trees.entry(directory).or_insert(Tree { manifest: sighting, parts: Vec::new() });
    }
    let mut rest = Vec::new();
    for sighting in sightings {
        match outermost(&trees, &sighting.locator) {
            Some(directory) => {
                if let Some(tree) = trees.get_mut(&directory)
                    && tree.manifest.locator != sighting.locator
                {
                    tree.parts.push(sighting);
                }
            }
            None => rest.push(sighting),
        }
    }
    let places: Vec<Locator> = trees.keys().cloned().collect();
    for place in places {
        if outermost(&trees, &trees[&place].manifest.locator).as_ref() != Some(&place) {
            trees.remove(&place);
        }
    }
    (trees.into_values().collect(), rest)
}

/// The outermost tree an entry lies in.
fn outermost(trees: &BTreeMap<Locator, Tree>, locator: &Locator) -> Option<Locator> {
    let mut directory = locator.parent();
    let mut found = None;
    loop {
        if trees.contains_key(&directory) {
            found = Some(directory.clone());
        }
        if directory.leaf().is_empty() {
            return found;
        }
        directory = directory.parent();
    }
}

/// The model of a tree. What the manifest counts itself stands; otherwise its parts are summed.
pub(super) fn group(tree: Tree<'_>) -> Group<'_> {
    let mut draft = Draft::single(tree.manifest);
    let counts_itself = draft.weights.parameter_count.is_some();
    for part in &tree.parts {
        let Some(weights) = part.fact.weights() else { continue };
        match part.role {
            // Items of one checkpoint that describe themselves each.
            Role::Tree if part.format == draft.format => add_shard(&mut draft.weights, weights),
            Role::Primary if !counts_itself => add_shard(&mut draft.weights, weights),
            Role::Companion => companions::take(&mut draft.weights, part, weights),
            _ => fill(&mut draft.weights, weights),
        }
    }
    if draft.format == "orbax" {
        orbax::types(&mut draft.weights, &tree.parts);
    }
    note_absent(&mut draft, &tree.parts);
    draft.others = tree.parts;
    let directory = draft.primary.locator.parent();
    finish(&directory, draft)
}

/// Says how many of the files are there that the manifest of a distributed checkpoint lists.
fn note_absent(draft: &mut Draft, parts: &[&Sighting]) {
    let Some(total) = draft.weights.shards.filter(|_| draft.format == "torch-dcp") else { return };
    let present = parts.iter().filter(|part| part.format == "torch-dcp-shard").count() as u64;
    if present < total {
        draft.weights.shards_present = Some(present);
        draft.say("shards", format!("{present} of its {total} files are here"));
    }
}
