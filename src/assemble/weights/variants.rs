//! Versions of the same weights in one directory that differ in precision or averaging: `model.fp16.safetensors` beside
//! `model.safetensors`. They are one model, of which the one without such a word is the whole.
//!
//! Follows `_add_variant` of diffusers 0.42 and transformers 5, which put the word before the ending, before the number
//! of a shard or before `json`. Only formats in which hubs keep them so: quantisations of GGUF are published as models of
//! their own, and a training may call anything of its own `x.ema.pt`.

use std::collections::BTreeMap;

use super::Draft;
use crate::model::Sighting;

/// Words that tell versions apart.
const WORDS: [&str; 9] = ["fp16", "bf16", "fp32", "fp8", "int8", "ema", "non_ema", "no_ema", "half"];
/// Formats that are kept in versions.
const FORMATS: [&str; 5] = ["safetensors", "safetensors-sharded", "torch-zip", "torch-zip-sharded", "flax-msgpack"];
/// Endings under which hubs keep them.
const ENDINGS: [&str; 3] = ["safetensors", "bin", "msgpack"];

/// Puts versions to the model they are of.
pub(super) fn join(drafts: &mut Vec<Draft>) {
    let mut versions: BTreeMap<String, Vec<(Option<&'static str>, usize)>> = BTreeMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        if let Some((name, word)) = split(draft.primary, &draft.format) {
            versions.entry(name).or_default().push((word, index));
        }
    }
    let mut joined: Vec<(usize, &'static str, usize)> = Vec::new();
    for mut of_one in versions.into_values() {
        of_one.sort_unstable();
        // Two without a word are a whole and its shards: two models to whoever copies them.
        let Some(&(first, whole)) = of_one.first() else { continue };
        let others = of_one.iter().filter(|&&(word, _)| word != first);
        joined.extend(others.filter_map(|&(word, index)| Some((index, word?, whole))));
    }
    joined.sort_unstable();
    for (index, word, whole) in joined.into_iter().rev() {
        let version = drafts.remove(index);
        let whole = if whole > index { whole.saturating_sub(1) } else { whole };
        let Some(whole) = drafts.get_mut(whole) else { continue };
        whole.weights.variants.insert(0, word.to_owned());
        whole.say("variants", format!("beside it lies the same model as '{word}'"));
        whole.others.push(version.primary);
        whole.others.extend(version.others);
        whole.others.sort_by(|a, b| a.locator.cmp(&b.locator));
    }
}

/// A name without the word, and the word.
fn split(file: &Sighting, format: &str) -> Option<(String, Option<&'static str>)> {
    if !FORMATS.contains(&format) {
        return None;
    }
    let name = std::str::from_utf8(file.locator.base_name()).ok()?;
    let mut kept: Vec<&str> = Vec::new();
    let mut word = None;
    for part in name.split('.') {
        let part = without_number(part);
        match WORDS.into_iter().find(|word| *word == part) {
            Some(found) if word.is_none() => word = Some(found),
            _ if matches!(part, "index" | "json") => {}
            _ => kept.push(part),
        }
    }
    let is_kept_so = kept.last().is_some_and(|ending| ENDINGS.contains(ending)) && kept.len() > 1;
    is_kept_so.then(|| (kept.join("."), word))
}

/// `fp16-00001-of-00002` → `fp16`.
fn without_number(part: &str) -> &str {
    let Some((before, total)) = part.rsplit_once("-of-") else { return part };
    let Some((stem, number)) = before.rsplit_once('-') else { return part };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(total) && digits(number) { stem } else { part }
}
