//! Pipelines of several models: a manifest names its components, each in a folder of that name.

use std::collections::BTreeSet;

use super::absorb::add_shard;
use super::{Group, impact};
use crate::model::{Fact, Locator, Sighting};

/// Puts the models of component folders to the pipeline whose manifest lies above them.
///
/// A component in several serialisations is counted once, and all its files belong to the pipeline, as do the
/// configurations of components without weights (schedulers, tokenizers, processors).
pub(super) fn join<'s>(groups: Vec<Group<'s>>, companions: &[&'s Sighting]) -> Vec<Group<'s>> {
    let is_pipeline = |group: &Group| group.draft.fact.weights().is_some_and(|weights| !weights.components.is_empty());
    let (mut pipelines, mut rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_pipeline);
    for pipeline in &mut pipelines {
        let directory = pipeline.primary.locator.parent();
        let Fact::Weights(weights) = &mut pipeline.draft.fact else { continue };
        let folders: Vec<_> = weights.components.iter().map(|name| directory.child(name.as_bytes())).collect();
        let (parts, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|group| folders.contains(&group.primary.locator.parent()));
        rest = others;
        let own = (weights.architecture.clone(), weights.kind.clone(), weights.container.clone());
        let mut parts = parts;
        parts.sort_by_cached_key(|part| (part.primary.locator.parent(), preference(&part.draft.format)));
        let mut counted: Option<Locator> = None;
        for part in parts {
            let folder = part.primary.locator.parent();
            if let Some(of_part) = part.draft.fact.weights().filter(|_| counted.as_ref() != Some(&folder)) {
                add_shard(weights, of_part);
            }
            counted = Some(folder);
            pipeline.others.push(part.primary);
            pipeline.others.extend(part.others);
        }
        let taken: BTreeSet<&Locator> = pipeline.others.iter().map(|file| &file.locator).collect();
        let left: Vec<&Sighting> = companions
            .iter()
            .copied()
            .filter(|file| folders.contains(&file.locator.parent()) && !taken.contains(&file.locator))
            .collect();
        pipeline.others.extend(left);
        pipeline.others.sort_by(|a, b| a.locator.cmp(&b.locator));
        // What a part is says nothing of the whole.
        (weights.architecture, weights.kind, weights.container) = own;
        weights.shards = None;
        pipeline.draft.impact = impact::of(&pipeline.draft);
    }
    pipelines.into_iter().chain(rest).collect()
}

/// Which of several serialisations of one component is counted: lower comes first.
fn preference(format: &str) -> u8 {
    match format {
        "safetensors" | "safetensors-sharded" => 0,
        "torch-zip" | "torch-zip-sharded" | "torch-legacy" => 1,
        "flax-msgpack" => 2,
        "onnx" => 3,
        _ => 4,
    }
}
