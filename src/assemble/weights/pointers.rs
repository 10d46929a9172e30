//! What lies beside the checkpoints of a training and says which of them is the newest, or how to read them: DeepSpeed's
//! `latest` and `zero_to_fp32.py`, Megatron's `latest_checkpointed_iteration.txt`.

use super::{Group, is_numbered};
use crate::model::{Locator, Sighting};

/// The format of such files.
const FORMAT: &str = "checkpoint-pointer";
/// Directories between such a file and the first file of a checkpoint.
const MAX_LEVELS: usize = 3;

/// Takes them out of a survey's sightings.
pub(super) fn split(sightings: Vec<&Sighting>) -> (Vec<&Sighting>, Vec<&Sighting>) {
    sightings.into_iter().partition(|sighting| sighting.format == FORMAT)
}

/// Puts each to the checkpoint it names, else to the one of the highest step.
pub(super) fn attach<'s>(pointers: &[&'s Sighting], groups: &mut [Group<'s>]) {
    for pointer in pointers {
        let directory = pointer.locator.parent();
        let named = pointer.fact.weights().and_then(|weights| number(weights.link_text.as_deref()?));
        let step = |group: &Group| group.draft.fact.weights().and_then(|weights| weights.global_step);
        let beside = groups.iter_mut().filter(|group| is_below(&group.primary.locator, &directory));
        let chosen = beside.max_by_key(|group| (named.is_some() && step(group) == named, step(group)));
        if let Some(group) = chosen {
            group.others.push(pointer);
            group.others.sort_by(|a, b| a.locator.cmp(&b.locator));
        }
    }
}

/// The number at the end of a text.
fn number(text: &str) -> Option<u64> {
    let text = text.trim_end();
    let digits = text.len().saturating_sub(text.bytes().rev().take_while(u8::is_ascii_digit).count());
    text.get(digits..)?.parse().ok()
}

/// Whether a file is of a checkpoint in a numbered directory of `directory`.
fn is_below(file: &Locator, directory: &Locator) -> bool {
    let mut place = file.parent();
    for _ in 0..MAX_LEVELS {
        let around = place.parent();
        if around == *directory && !place.leaf().is_empty() {
            return is_numbered(place.base_name());
        }
        place = around;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_found_below() {
        let below = |file: &str, directory: &str| {
            is_below(&Locator::path(0, file.as_bytes()), &Locator::path(0, directory.as_bytes()))
        };
        assert!(below("out/iter_0000200/mp_rank_00/model_optim_rng.pt", "out"));
        assert!(below("global_step200/mp_rank_00_model_states.pt", ""));
        assert!(!below("out/model.pt", "out") && !below("other/iter_2/x.pt", "out"));
        assert_eq!((number("global_step200\n"), number("release")), (Some(200), None));
    }
}
