//! Pipelines of several models: a manifest names its components, each in a folder of that name.

use super::absorb::add_shard;
use super::{Group, impact};
use crate::model::Fact;

/// Puts the models of component folders to the pipeline whose manifest lies above them.
pub(super) fn join(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
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
        for part in parts {
            if let Some(of_part) = part.draft.fact.weights() {
                add_shard(weights, of_part);
            }
            pipeline.others.push(part.primary);
            pipeline.others.extend(part.others);
        }
        // What a part is says nothing of the whole.
        (weights.architecture, weights.kind, weights.container) = own;
        weights.shards = None;
        pipeline.draft.impact = impact::of(&pipeline.draft);
    }
    pipelines.into_iter().chain(rest).collect()
}
