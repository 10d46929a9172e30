//! Model files → models: one asset a model, whatever it is split over and whatever lies beside it.
//!
//! A directory that a manifest describes as a whole is one model with everything below it. Elsewhere, within one
//! directory, in this order: an index that lists its shards; shards that number themselves; every other
//! file of weights by itself; then the companions (configuration, tokenizer, training state, adapter) go to the model
//! they describe. The one assumption of the last step: a directory that holds one model holds its companions, and one
//! that holds several holds those of the model with a standard name.

mod absorb;
mod arrays;
mod bundles;
mod companions;
mod hub_cache;
mod lineage;
mod ollama;
mod orbax;
mod pipelines;
mod pointers;
mod public;
mod ranks;
mod shards;
mod stems;
mod trees;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, draft, impact};
use crate::model::{Evidence, Fact, Kind, Locator, Origin, Role, Sighting, Weights};

/// The models of a survey, and of its `data` what belongs to none of them. `code` are the locators of recognised source
/// files.
pub(super) fn groups<'s>(
    sightings: Vec<&'s Sighting>,
    data: Vec<&'s Sighting>,
    code: &BTreeSet<&Locator>,
) -> (Vec<Group<'s>>, Vec<&'s Sighting>) {
    let (manifests, sightings) = ollama::split(sightings);
    let (pointers, sightings) = pointers::split(sightings);
    let (trees, sightings) = trees::split(sightings);
    let homes = homes(&sightings);
    let companions: Vec<&'s Sighting> =
        sightings.iter().copied().filter(|sighting| sighting.role == Role::Companion).collect();
    let mut directories: BTreeMap<Locator, Vec<&'s Sighting>> = BTreeMap::new();
    let mut repositories: BTreeMap<Locator, Vec<&'s Sighting>> = BTreeMap::new();
    for sighting in sightings {
        match hub_cache::repository(&sighting.locator) {
            Some(repository) => repositories.entry(repository).or_default().push(sighting),
            None => {
                let home = homes.get(&sighting.locator).cloned().unwrap_or_else(|| sighting.locator.parent());
                directories.entry(home).or_default().push(sighting);
            }
        }
    }
    let plain = directories.into_iter().flat_map(|(directory, sightings)| in_directory(&directory, sightings, code));
    let cached =
        repositories.into_iter().flat_map(|(repository, sightings)| hub_cache::groups(&repository, sightings, code));
    let trees = trees.into_iter().map(trees::group);
    let groups = pipelines::join(plain.chain(cached).chain(trees).collect(), &companions);
    let mut groups = ollama::name(&manifests, ranks::join(orbax::join(groups)));
    pointers::attach(&pointers, &mut groups);
    lineage::tell(&mut groups);
    let data = arrays::claim(&mut groups, data);
    (groups, data)
}

/// The directories of files that lie below the one of the index or graph that lists them.
fn homes(sightings: &[&Sighting]) -> BTreeMap<Locator, Locator> {
    let mut homes = BTreeMap::new();
    for sighting in sightings {
        let Some(weights) = sighting.fact.weights() else { continue };
        let directory = sighting.locator.parent();
        for name in weights.shard_files.iter().chain(&weights.external_data).filter(|name| name.contains('/')) {
            homes.insert(listed(&directory, name), directory.clone());
        }
    }
    homes
}

/// The place of a file that a manifest in `directory` lists.
fn listed(directory: &Locator, name: &str) -> Locator {
    let parts = name.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.fold(directory.clone(), |place, part| place.child(part.as_bytes()))
}

/// A model in the making.
struct Draft<'s> {
    primary: &'s Sighting,
    others: Vec<&'s Sighting>,
    format: String,
    weights: Weights,
    evidence: Vec<Evidence>,
}

impl<'s> Draft<'s> {
    fn single(primary: &'s Sighting) -> Draft<'s> {
        Draft {
            primary,
            others: Vec::new(),
            format: primary.format.clone(),
            weights: companions::own_weights(primary),
            evidence: primary.evidence.clone(),
        }
    }

    fn say(&mut self, signature: &str, why: String) {
        self.evidence.push(Evidence { signature: signature.to_owned(), why });
    }
}

/// The models of one directory.
fn in_directory<'s>(directory: &Locator, sightings: Vec<&'s Sighting>, code: &BTreeSet<&Locator>) -> Vec<Group<'s>> {
    let (mut companions, files): (Vec<_>, Vec<_>) =
        sightings.into_iter().filter(companions::is_something).partition(|sighting| sighting.role == Role::Companion);
    let (manifests, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.role == Role::Manifest);
    let (mut drafts, rest) = shards::join(manifests, files);
    let (ranks, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|file| ranks::is_part(file));
    let (mut states, rest) = companions::split_states(rest);
    let rest = companions::split_tokenizers(&mut companions, rest, !drafts.is_empty() || !ranks.is_empty());
    drafts.extend(ranks.into_iter().chain(rest).map(Draft::single));
    variants::join(&mut drafts);
    let companions = bundles::join(&mut drafts, companions);
    let (parts, companions): (Vec<_>, Vec<_>) = companions.into_iter().partition(|file| stems::is_part(file));
    stems::attach(&mut drafts, &parts);
    let orphans = companions::orphans(&drafts, &mut states);
    companions::attach(directory, &mut drafts, &companions, &states, code);
    drafts.extend(orphans.into_iter().map(Draft::single));
    drafts.into_iter().map(|draft| finish(directory, draft)).collect()
}

fn finish<'s>(directory: &Locator, made: Draft<'s>) -> Group<'s> {
    let mut asset = draft(made.primary, Kind::Model);
    asset.format = made.format;
    asset.evidence = made.evidence;
    let is_directory = made.primary.role == Role::Tree && trees::place(made.primary) != made.primary.locator;
    let is_named_by_place = is_directory || is_standard_name(made.primary.locator.base_name());
    if is_named_by_place && let Some(name) = directory_name(directory) {
        asset.name = name;
    }
    asset.origin = Some(origin(&made.weights, &mut asset.evidence));
    asset.fact = Fact::Weights(Box::new(made.weights));
    asset.impact = impact::of(&asset);
    Group { primary: made.primary, others: made.others, draft: asset }
}

/// Whether it was made here, with the reason put to the evidence.
fn origin(weights: &Weights, evidence: &mut Vec<Evidence>) -> Origin {
    let reasons = [
        (weights.has_optimizer == Some(true), "it holds optimizer state, which is not published with a model"),
        (weights.kind.as_deref() == Some("training_checkpoint"), "it is a checkpoint of a training, not a release"),
        (weights.kind.as_deref() == Some("adapter"), "it is an adapter on top of another model"),
        (!weights.custom_code.is_empty(), "the source of its architecture lies beside it"),
    ];
    let mut origin = Origin::Unknown;
    for (_, why) in reasons.iter().filter(|(holds, _)| *holds) {
        origin = Origin::Proprietary;
        evidence.push(Evidence { signature: "origin".to_owned(), why: format!("proprietary: {why}") });
    }
    origin
}

/// Names that a framework gives every model, so that they tell nothing of which one it is.
fn is_standard_name(name: &[u8]) -> bool {
    const STEMS: [&str; 9] = [
        "model",
        "model_index",
        "pytorch_model",
        "adapter_model",
        "diffusion_pytorch_model",
        "consolidated",
        "tf_model",
        "flax_model",
        "model_optim_rng",
    ];
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    STEMS
        .iter()
        .any(|standard| stem.strip_prefix(standard).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

/// The directory's name, with its parent's where it tells nothing by itself (`final`, `checkpoint-200`, `1`).
fn directory_name(directory: &Locator) -> Option<String> {
    let leaf = directory.leaf();
    let mut parts = leaf.rsplit(|&byte| byte == b'/').filter(|part| !part.is_empty());
    let last = parts.next()?;
    let numbered = is_numbered(last);
    let vague = [b"final".as_slice(), b"best", b"last", b"latest", b"model", b"ckpt", b"weights"].contains(&last);
    let name = match parts.next() {
        Some(parent) if vague || numbered => [parent, last].join(&b'/'),
        _ => last.to_vec(),
    };
    Some(crate::model::escape_name(&name))
}

/// Whether a directory is named after a step of a training: a number, or a word of progress and a number.
fn is_numbered(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] =
        [b"", b"checkpoint", b"ckpt", b"step", b"steps", b"epoch", b"iter", b"global_step", b"mp_rank"];
    let plain = |part: &[u8]| {
        part.iter().any(u8::is_ascii_digit) && part.iter().all(|byte| byte.is_ascii_digit() || b"-_.=".contains(byte))
    };
    WORDS.iter().any(|word| name.strip_prefix(*word).is_some_and(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vague_directory_takes_its_parents_name() {
        for (path, want) in [
            ("out/50071/final", Some("50071/final")),
            ("runs/x/checkpoint-200", Some("x/checkpoint-200")),
            ("models/bert-tiny", Some("bert-tiny")),
            ("7", Some("7")),
            ("", None),
        ] {
            assert_eq!(directory_name(&Locator::path(0, path.as_bytes())).as_deref(), want);
        }
    }

    #[test]
    fn standard_names_are_recognised_with_their_numbers() {
        for name in ["model.safetensors", "pytorch_model-00001-of-00002.bin", "model.safetensors.index.json"] {
            assert!(is_standard_name(name.as_bytes()), "{name}");
        }
        assert!(!is_standard_name(b"modeling.bin") && !is_standard_name(b"classifier.pt"));
    }
}
