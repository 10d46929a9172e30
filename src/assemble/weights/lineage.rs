//! Steps of one training: checkpoints of the same structure at different steps, in one directory or in numbered
//! directories of one. They stay models of their own, and say what they share.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, is_numbered};
use crate::model::{Fact, Locator};

/// Writes the place that steps of one training share into each of them.
pub(super) fn tell(groups: &mut [Group]) {
    let mut trainings: BTreeMap<(Locator, String), BTreeSet<u64>> = BTreeMap::new();
    for group in groups.iter() {
        if let Some((key, step)) = training(group) {
            trainings.entry(key).or_default().insert(step);
        }
    }
    for group in groups {
        let Some((key, _)) = training(group) else { continue };
        if trainings.get(&key).is_some_and(|steps| steps.len() > 1)
            && let Fact::Weights(weights) = &mut group.draft.fact
        {
            weights.lineage = Some(key.0.to_string()).filter(|_| !key.0.leaf().is_empty());
        }
    }
}

/// The place and structure that a training's steps share, and which step it is.
fn training(group: &Group) -> Option<((Locator, String), u64)> {
    let weights = group.draft.fact.weights()?;
    let (structure, step) = (weights.structure.clone()?, weights.global_step.or(weights.epoch)?);
    let mut place = group.primary.locator.parent();
    // A file that says its step itself lies beside the others; otherwise its directory does.
    if !has_number(group.primary.locator.base_name(), step) {
        while is_numbered(place.base_name()) {
            place = place.parent();
        }
    }
    Some(((place, structure), step))
}

fn has_number(name: &[u8], number: u64) -> bool {
    let numbers = name.split(|byte| !byte.is_ascii_digit()).filter_map(|digits| std::str::from_utf8(digits).ok());
    numbers.filter_map(|digits| digits.parse::<u64>().ok()).any(|found| found == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found_in_names() {
        assert!(has_number(b"checkpoint-0020.pt", 20) && has_number(b"epoch=1-step=4.ckpt", 4));
        assert!(!has_number(b"model.safetensors", 4) && !has_number(b"checkpoint-200.pt", 20));
        assert!(is_numbered(b"checkpoint-4") && is_numbered(b"0020"));
        assert!(!is_numbered(b"v2-final") && !is_numbered(b"resnet18") && !is_numbered(b"user1"));
    }
}
