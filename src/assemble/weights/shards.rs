//! Files that are parts of one model: those an index lists, and those that number themselves `k-of-n`.

use std::collections::{BTreeMap, BTreeSet};

use super::Draft;
use super::absorb::add_shard;
use crate::model::{Locator, Sighting, Weights};

/// Joins what belongs together; returns the models made, and the files that belong to none.
pub(super) fn join<'s>(manifests: Vec<&'s Sighting>, files: Vec<&'s Sighting>) -> (Vec<Draft<'s>>, Vec<&'s Sighting>) {
    let mut rest = files;
    let mut drafts = Vec::new();
    for manifest in manifests {
        let mut draft = Draft::single(manifest);
        if draft.weights.shard_files.is_empty() {
            drafts.push(draft);
            continue;
        }
        let listed = std::mem::take(&mut draft.weights.shard_files);
        let directory = manifest.locator.parent();
        let places: BTreeSet<Locator> = listed.iter().map(|name| super::listed(&directory, name)).collect();
        let (shards, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|file| places.contains(&file.locator));
        rest = others;
        fill(&mut draft, shards, listed.len() as u64);
        drafts.push(draft);
    }
    let (numbered, rest) = numbered(rest);
    for ((_, total, _), mut shards) in numbered {
        shards.sort_by(|a, b| a.locator.cmp(&b.locator));
        let Some((first, others)) = shards.split_first() else { continue };
        let last = shards.last().and_then(|last| parse_rank(last.locator.base_name()));
        let total = if total == UNSAID { last.map_or(1, |(_, rank, _)| rank.saturating_add(1)) } else { total };
        if total == 1 && others.is_empty() {
            drafts.push(Draft::single(first));
            continue;
        }
        let mut draft = Draft::single(first);
        draft.format = format!("{}-sharded", first.format);
        draft.weights = Weights::default();
        fill(&mut draft, shards.clone(), total);
        draft.others.retain(|other| other.locator != first.locator);
        drafts.push(draft);
    }
    (drafts, rest)
}

fn fill<'s>(draft: &mut Draft<'s>, shards: Vec<&'s Sighting>, total: u64) {
    draft.weights.shards = Some(total);
    let present = shards.len() as u64;
    if present < total {
        draft.weights.shards_present = Some(present);
        draft.say("shards", format!("{present} of its {total} shards are here"));
    }
    // The sum of all shards is the model; the sum of some is not, and what an index says of the whole then stands.
    let stated = if present < total { draft.weights.parameter_count } else { None };
    draft.weights.parameter_count = None;
    draft.weights.tensor_count = None;
    for shard in &shards {
        if let Some(weights) = shard.fact.weights() {
            add_shard(&mut draft.weights, weights);
        }
    }
    if stated.is_some() {
        draft.weights.parameter_count = stated;
    }
    draft.others = shards;
}

/// Prefix, number of shards and suffix of a numbered name.
type Series = (Vec<u8>, u64, Vec<u8>);

/// The number of shards of a series that does not say it.
const UNSAID: u64 = 0;

/// Files that number themselves, by series; and the others. A series of one is no series.
fn numbered(files: Vec<&Sighting>) -> (BTreeMap<Series, Vec<&Sighting>>, Vec<&Sighting>) {
    let mut series: BTreeMap<Series, Vec<&Sighting>> = BTreeMap::new();
    let mut rest = Vec::new();
    for file in files {
        let name = file.locator.base_name();
        let ranked = || parse_rank(name).map(|(before, _, after)| (before, UNSAID, after));
        match parse_series(name).or_else(ranked) {
            Some(key) => series.entry(key).or_default().push(file),
            None => rest.push(file),
        }
    }
    (series, rest)
}

/// `model-00001-of-00004.safetensors` → (`model-`, 4, `.safetensors`).
fn parse_series(name: &[u8]) -> Option<Series> {
    let of = name.windows(4).rposition(|window| window == b"-of-")?;
    let before = name.get(..of)?;
    let after = name.get(of + 4..)?;
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let index_digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if digits < 2 || index_digits != digits {
        return None;
    }
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
    let total = number(after.get(..digits)?)?;
    let index = number(before.get(before.len() - index_digits..)?)?;
    let holds = total > 1 && index <= total;
    holds.then(|| (before[..before.len() - index_digits].to_vec(), total, after[digits..].to_vec()))
}

/// `consolidated.03.pth` → (`consolidated.`, 3, `.pth`): the ranks of an original checkpoint of Llama.
fn parse_rank(name: &[u8]) -> Option<(Vec<u8>, u64, Vec<u8>)> {
    let rest = name.strip_prefix(b"consolidated.")?;
    let (digits, ending) = rest.split_at_checked(2)?;
    let rank = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let holds = digits.iter().all(u8::is_ascii_digit) && matches!(ending, b".pth" | b".pt" | b".safetensors");
    holds.then(|| (b"consolidated.".to_vec(), rank, ending.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_read_from_names() {
        let rank = |name: &str| parse_rank(name.as_bytes()).map(|(_, rank, _)| rank);
        assert_eq!(rank("consolidated.03.pth"), Some(3));
        assert_eq!(rank("consolidated.safetensors"), None);
        assert_eq!(rank("consolidated.0x.pth"), None);
    }

    #[test]
    fn series_are_read_from_names() {
        let series = |name: &str| parse_series(name.as_bytes()).map(|(_, total, _)| total);
        assert_eq!(series("model-00001-of-00004.safetensors"), Some(4));
        assert_eq!(series("llama-00003-of-00003.gguf"), Some(3));
        assert_eq!(series("model-00005-of-00004.safetensors"), None);
        assert_eq!(series("model-00001-of-00001.safetensors"), None);
        assert_eq!(series("out-of-the-box.bin"), None);
        assert_eq!(series("best-1-of-3.bin"), None);
    }
}
