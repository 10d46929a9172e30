//! The weights a run hands on at its end: a model without optimizer state, of the same structure as the checkpoints of the
//! run that wrote it, was made from the last of them.
//!
//! Structure is the names, shapes and types of all tensors; the values themselves are not compared, so the edge is `medium`.

use std::collections::BTreeMap;

use super::edge::edge;
use crate::model::{Asset, Confidence, Kind, Presence, Relation, RelationKind, Weights};

/// An edge from each exported model to the last checkpoint of its run. `known` are the edges found so far.
pub(super) fn relations(assets: &[Asset], known: &[Relation]) -> Vec<Relation> {
    let models: BTreeMap<&str, (&Asset, &Weights)> = assets
        .iter()
        .filter(|asset| asset.kind == Kind::Model && asset.presence == Presence::Present)
        .filter_map(|asset| Some((asset.id.as_str(), (asset, asset.fact.weights()?))))
        .collect();
    let mut by_run: BTreeMap<(&str, &str), Vec<(&Asset, &Weights)>> = BTreeMap::new();
    for written in known.iter().filter(|edge| edge.kind == RelationKind::ProducedBy) {
        if let Some((model, weights)) = models.get(written.from.as_str())
            && let Some(structure) = weights.structure.as_deref()
        {
            by_run.entry((written.to.as_str(), structure)).or_default().push((model, weights));
        }
    }
    let mut relations = Vec::new();
    for siblings in by_run.values() {
        let steps = siblings.iter().filter(|(_, weights)| weights.has_optimizer == Some(true));
        let last = steps
            .filter_map(|(model, weights)| Some((weights.global_step?, &model.id, *model)))
            .max_by_key(|(step, id, _)| (*step, *id));
        let Some((step, _, checkpoint)) = last else { continue };
        for (model, weights) in siblings {
            if weights.has_optimizer == Some(true) || weights.global_step.is_some() || model.id == checkpoint.id {
                continue;
            }
            let why = format!("step {step}, the last that the run kept with its optimizer");
            let seen = (*model, "the same tensors by name, shape and type, written by the same run");
            relations.push(edge(seen, (checkpoint, &why), RelationKind::DerivedFrom, Confidence::Medium));
        }
    }
    relations
}

#[cfg(test)]
mod tests {
    use super::super::tests::of;
    use super::*;
    use crate::model::Fact;

    fn model(path: &str, step: Option<u64>) -> Asset {
        let weights = Weights {
            structure: Some("0f".to_owned()),
            global_step: step,
            has_optimizer: step.map(|_| true),
            ..Weights::default()
        };
        of(path, Kind::Model, "torch-zip", Fact::Weights(Box::new(weights)))
    }

    #[test]
    fn the_last_step_is_what_was_handed_on() {
        let assets =
            [model("o/20.pt", Some(20)), model("o/40.pt", Some(40)), model("o/final.pt", None), model("p.pt", None)];
        let run = of("run", Kind::Run, "wandb", Fact::None {});
        let written = |model: &Asset| edge((model, ""), (&run, ""), RelationKind::ProducedBy, Confidence::High);
        let known: Vec<Relation> = assets.iter().take(3).map(written).collect();
        let found: Vec<(String, String)> =
            relations(&assets, &known).into_iter().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(found, [("o/final.pt".to_owned(), "o/40.pt".to_owned())]);
    }
}
