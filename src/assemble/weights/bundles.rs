//! TensorFlow checkpoints: an index, and files beside it that begin with the same prefix.

use super::Draft;
use crate::model::Sighting;

const INDEX: &[u8] = b".index";

/// Puts values, graph and the list of checkpoints to the checkpoints they belong to; returns the other companions.
pub(super) fn join<'s>(drafts: &mut [Draft<'s>], companions: Vec<&'s Sighting>) -> Vec<&'s Sighting> {
    let newest = newest(drafts);
    for (index, draft) in drafts.iter_mut().enumerate().filter(|(_, draft)| is_bundle(draft)) {
        let prefix = prefix(draft).to_vec();
        let of_prefix = |companion: &&&Sighting| {
            let rest = companion.locator.base_name().strip_prefix(prefix.as_slice());
            rest.is_some_and(|rest| rest.starts_with(b".data-") || rest == b".meta")
        };
        let values = |companion: &&Sighting| companion.format == "tf-checkpoint-data";
        let parts: Vec<&Sighting> = companions.iter().filter(of_prefix).copied().collect();
        let present = parts.iter().filter(|part| values(part)).count() as u64;
        let total = draft.weights.shards.unwrap_or(1);
        if present < total {
            draft.weights.shards = Some(total);
            draft.weights.shards_present = Some(present);
            draft.say("shards", format!("{present} of its {total} files of values are here"));
        }
        draft.others.extend(parts);
        if newest == Some(index) {
            draft.others.extend(companions.iter().filter(|companion| companion.format == "tf-checkpoint-state"));
        }
        draft.others.sort_by(|a, b| a.locator.cmp(&b.locator));
        draft.weights.global_step = draft.weights.global_step.or_else(|| step(&prefix));
    }
    companions.into_iter().filter(|companion| !companion.format.starts_with("tf-checkpoint")).collect()
}

fn is_bundle(draft: &Draft) -> bool {
    draft.primary.format == "tf-checkpoint"
}

fn prefix<'s>(draft: &Draft<'s>) -> &'s [u8] {
    let name = draft.primary.locator.base_name();
    name.strip_suffix(INDEX).unwrap_or(name)
}

/// The checkpoint of the highest step, which the list of checkpoints stands beside.
fn newest(drafts: &[Draft]) -> Option<usize> {
    let bundles = drafts.iter().enumerate().filter(|(_, draft)| is_bundle(draft));
    bundles.max_by_key(|(_, draft)| step(prefix(draft))).map(|(index, _)| index)
}

/// The step a writer puts behind the name: `model.ckpt-77`.
fn step(prefix: &[u8]) -> Option<u64> {
    let dash = prefix.iter().rposition(|&byte| byte == b'-')?;
    std::str::from_utf8(prefix.get(dash + 1..)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_behind_the_name() {
        assert_eq!(step(b"model.ckpt-77"), Some(77));
        assert_eq!(step(b"ckpt"), None);
        assert_eq!(step(b"cp-0004.ckpt"), None);
    }
}
