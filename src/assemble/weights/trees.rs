//! Directories that are one model: a manifest says so, and everything recognised below it belongs to it.

use std::collections::BTreeMap;

use super::absorb::{add_shard, fill};
use super::{Draft, Group, companions, finish, orbax, ranks};
use crate::model::{Locator, Role, Sighting};

/// Deepest nesting of trees that are summed by themselves; below, everything is a part of the last one.
const MAX_NESTING: u32 = 8;

/// A manifest, and what was recognised below its directory.
pub(super) struct Tree<'s> {
    manifest: &'s Sighting,
    parts: Vec<&'s Sighting>,
}

/// What belongs to a manifest: its own directory, the one around it, or the archive it stands for.
pub(super) fn place(manifest: &Sighting) -> Locator {
    match manifest.format.as_str() {
        "nemo" => manifest.locator.clone(),
        "nemo-checkpoint" => manifest.locator.parent().parent(),
        _ => orbax::place(manifest),
    }
}

/// Takes the trees out of a survey's sightings. Of trees within trees the outermost is the model: what packs another
/// format (an MLflow model around a SavedModel) says more of it.
pub(super) fn split<'s>(sightings: Vec<&'s Sighting>) -> (Vec<Tree<'s>>, Vec<&'s Sighting>) {
    gather(sightings, &|sighting| sighting.role == Role::Tree)
}

fn gather<'s>(
    sightings: Vec<&'s Sighting>,
    is_manifest: &dyn Fn(&Sighting) -> bool,
) -> (Vec<Tree<'s>>, Vec<&'s Sighting>) {
    let mut trees: BTreeMap<Locator, Tree> = BTreeMap::new();
    for sighting in sightings.iter().filter(|sighting| is_manifest(sighting)) {
        trees.entry(place(sighting)).or_insert(Tree { manifest: sighting, parts: Vec::new() });
    }
    if trees.is_empty() {
        return (Vec::new(), sightings);
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

/// The outermost tree an entry lies in, or is.
fn outermost(trees: &BTreeMap<Locator, Tree>, locator: &Locator) -> Option<Locator> {
    let mut found = None;
    let mut around = Some(locator.clone());
    while let Some(place) = around {
        around = place.around();
        if trees.contains_key(&place) {
            found = Some(place);
        }
    }
    found
}

/// The model of a tree.
pub(super) fn group(tree: Tree<'_>) -> Group<'_> {
    let directory = place(tree.manifest);
    finish(&directory, draft(tree, 0))
}

/// What the manifest counts itself stands; otherwise its parts are summed, those of a tree within it first.
fn draft(tree: Tree<'_>, nesting: u32) -> Draft<'_> {
    let mut draft = Draft::single(tree.manifest);
    let counts_itself = draft.weights.parameter_count.is_some();
    let directory = place(tree.manifest);
    let is_inner = |part: &Sighting| {
        nesting < MAX_NESTING
            && part.role == Role::Tree
            && part.format != tree.manifest.format
            && place(part) != directory
    };
    let (inner, own) = gather(tree.parts, &is_inner);
    for part in &own {
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
        orbax::types(&mut draft.weights, &own);
    }
    note_absent(&mut draft, &own);
    draft.others = own;
    for tree in inner {
        let part = self::draft(tree, nesting.saturating_add(1));
        if counts_itself {
            fill(&mut draft.weights, &part.weights);
        } else {
            add_shard(&mut draft.weights, &part.weights);
        }
        draft.weights.shards = draft.weights.shards.or(part.weights.shards);
        draft.weights.shards_present = draft.weights.shards_present.or(part.weights.shards_present);
        draft.others.push(part.primary);
        draft.others.extend(part.others);
    }
    draft.weights.global_step = draft.weights.global_step.or_else(|| ranks::step(&directory));
    draft.others.sort_by(|a, b| a.locator.cmp(&b.locator));
    draft
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
