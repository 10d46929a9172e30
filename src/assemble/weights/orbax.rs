//! Orbax: one checkpoint a directory, or a numbered directory a step below one that a manager keeps.

use std::collections::BTreeMap;

use super::{Group, directory_name, impact};
use crate::model::{Fact, Locator, Role, Sighting, Weights};

/// The format's id.
const FORMAT: &str = "orbax";

/// The directory that belongs to a manifest: its own, or the step's around it where the step keeps several items.
pub(super) fn place(manifest: &Sighting) -> Locator {
    let own = manifest.locator.parent();
    let around = own.parent();
    if manifest.format == FORMAT && step(&own).is_none() && step(&around).is_some() { around } else { own }
}

/// The number a directory is named by.
fn step(directory: &Locator) -> Option<u64> {
    let name = directory.base_name();
    let digits = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(name).ok().filter(|_| digits)?.parse().ok()
}

/// The types of the arrays, out of the nodes of the store that lie in the tree: those whose sum is the model's, since a
/// store may have nodes of every process beside those of all.
pub(super) fn types(weights: &mut Weights, parts: &[&Sighting]) {
    let described = parts.iter().filter(|part| part.role == Role::Companion).filter_map(|part| part.fact.weights());
    let described: Vec<&Weights> = described.filter(|node| node.parameter_count.is_some()).collect();
    let whole = described.iter().find(|node| {
        weights.parameter_count.is_none_or(|count| node.parameter_count == Some(count))
            && weights.tensor_count == node.tensor_count
    });
    if let Some(node) = whole {
        weights.dtypes.clone_from(&node.dtypes);
        weights.structure.clone_from(&node.structure);
        weights.parameter_count = node.parameter_count;
        return;
    }
    // Split over several nodes; where all of them agree, so does the rest.
    let mut named = described.iter().flat_map(|node| node.dtypes.keys());
    if let (Some(first), Some(count)) = (named.next(), weights.parameter_count)
        && named.all(|other| other == first)
    {
        weights.dtypes = BTreeMap::from([(first.clone(), count)]);
    }
}

/// Puts the steps of one manager together: they are one training, whose last step is the model.
pub(super) fn join(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let (managed, mut rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| managed_step(group).is_some());
    let mut managers: BTreeMap<Locator, Vec<Group>> = BTreeMap::new();
    for group in managed {
        managers.entry(place(group.primary).parent()).or_default().push(group);
    }
    for (root, mut steps) in managers {
        steps.sort_by_key(|group| managed_step(group));
        let numbers: Vec<u64> = steps.iter().filter_map(managed_step).collect();
        let Some(newest) = steps.last().map(|group| group.draft.fact.clone()) else { continue };
        let mut steps = steps.into_iter();
        let Some(mut whole) = steps.next() else { continue };
        for step in steps {
            whole.others.push(step.primary);
            whole.others.extend(step.others);
        }
        whole.draft.fact = newest;
        if let Fact::Weights(weights) = &mut whole.draft.fact {
            weights.global_step = numbers.last().copied();
            weights.steps = numbers.into_iter().map(Into::into).collect();
        }
        if let Some(name) = directory_name(&root) {
            whole.draft.name = name;
        }
        whole.draft.impact = impact::of(&whole.draft);
        rest.push(whole);
    }
    rest
}

fn managed_step(group: &Group) -> Option<u64> {
    if group.primary.format == FORMAT { step(&place(group.primary)) } else { None }
}
