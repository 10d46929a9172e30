//! One model was made from another: the next step of a training from the one before, an adapter or a fine-tuned model from
//! the base it names.
//!
//! A base is named by the repository of a hub, by a path on the machine of the training, or by the name of a directory.
//! A path of another machine shares its end with the place here; one word shared is only enough where that is all there
//! is, only one model has it, and it tells something.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::edge;
use super::places::VAGUE;
use crate::model::{Asset, Confidence, Fact, Kind, Presence, Relation, RelationKind, Weights};

/// Most models of one name that are compared with a base of that name.
const MAX_CANDIDATES: usize = 1000;

/// An edge from what was made to what it was made from.
pub(super) fn relations(assets: &[Asset]) -> Vec<Relation> {
    let models: Vec<&Asset> =
        assets.iter().filter(|asset| asset.kind == Kind::Model && asset.presence == Presence::Present).collect();
    let mut relations = steps(&models);
    let known: BTreeSet<(String, String)> =
        relations.iter().map(|relation| (relation.from.clone(), relation.to.clone())).collect();
    let of_bases = bases(&models);
    relations.extend(of_bases.into_iter().filter(|edge| !known.contains(&(edge.from.clone(), edge.to.clone()))));
    relations
}

fn weights(asset: &Asset) -> Option<&Weights> {
    match &asset.fact {
        Fact::Weights(weights) => Some(weights),
        _ => None,
    }
}

/// Each step of a training was made from the one before it.
fn steps(models: &[&Asset]) -> Vec<Relation> {
    let mut trainings: BTreeMap<(u16, &str, &str), BTreeMap<u64, &Asset>> = BTreeMap::new();
    for model in models {
        let Some(weights) = weights(model) else { continue };
        let (Some(lineage), Some(structure)) = (&weights.lineage, &weights.structure) else { continue };
        let source = model.files.first().map_or(0, |file| file.locator.source());
        if let Some(step) = weights.global_step.or(weights.epoch) {
            trainings.entry((source, lineage, structure)).or_default().entry(step).or_insert(model);
        }
    }
    let pairs = trainings.values().flat_map(|steps| steps.iter().zip(steps.iter().skip(1)));
    pairs
        .map(|((before, older), (after, newer))| {
            let why = format!("step {after} of the training whose step {before} this is");
            relation(newer, older, Confidence::High, &why)
        })
        .collect()
}

/// A model that names the one it was made from, where that is here too.
fn bases(models: &[&Asset]) -> Vec<Relation> {
    let mut by_name: BTreeMap<String, Vec<&Asset>> = BTreeMap::new();
    for model in models {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let file = path(model);
        names.extend(file.iter().rev().take(2).map(|part| part.to_ascii_lowercase()));
        let repository = weights(model).and_then(|weights| weights.repo_id.as_deref());
        names.extend(repository.and_then(|id| id.rsplit('/').next()).map(str::to_ascii_lowercase));
        for name in names {
            by_name.entry(name).or_default().push(model);
        }
    }
    let edge = |model: &&Asset| {
        let stated = weights(model)?.base_model.as_deref()?;
        let stated = stated.strip_prefix("https://huggingface.co/").unwrap_or(stated).trim_end_matches('/');
        let parts: Vec<&str> = stated.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).collect();
        let candidates = by_name.get(&parts.last()?.to_ascii_lowercase())?.iter().take(MAX_CANDIDATES);
        let mut found: Vec<(usize, &Asset)> = candidates
            .filter(|base| base.id != model.id && !is_copy(base, model))
            .map(|base| (likeness(&parts, stated, base), *base))
            .filter(|(likeness, _)| *likeness > 0)
            .collect();
        found.sort_by_key(|(likeness, _)| std::cmp::Reverse(*likeness));
        let &(best, base) = found.first()?;
        let others = found.iter().filter(|(likeness, _)| *likeness == best).count();
        if best == 1 && others > 1 {
            return None;
        }
        let confidence = if best > 1 { Confidence::High } else { Confidence::Medium };
        Some(relation(model, base, confidence, "the base that the other names"))
    };
    models.iter().filter_map(edge).collect()
}

/// Another copy of the same model names the same base.
fn is_copy(base: &Asset, model: &Asset) -> bool {
    let of = |asset| weights(asset).map(|weights| (&weights.base_model, &weights.structure));
    of(base) == of(model)
}

/// How much of a stated base is that of a model: parts of the path they share at the end, 0 where that is too little.
fn likeness(parts: &[&str], stated: &str, base: &Asset) -> usize {
    let repository = weights(base).and_then(|weights| weights.repo_id.as_deref());
    if repository.is_some_and(|id| id.eq_ignore_ascii_case(stated)) {
        return usize::MAX;
    }
    let file = path(base);
    let directory = file.split_last().map_or(&[][..], |(_, directory)| directory);
    [directory, file.as_slice()].into_iter().map(|place| shared(parts, place)).max().unwrap_or(0)
}

fn shared(parts: &[&str], place: &[String]) -> usize {
    let equal = parts.iter().rev().zip(place.iter().rev()).take_while(|(a, b)| *a == b).count();
    let is_all = equal == parts.len() || equal == place.len();
    let is_telling = parts.last().is_some_and(|last| last.len() > 3 && !VAGUE.contains(last));
    match equal {
        0 => 0,
        1 if is_all && is_telling => 1,
        1 => 0,
        more => more,
    }
}

/// The path of the file that stands for a model, part by part.
fn path(asset: &Asset) -> Vec<String> {
    let leaf = asset.files.first().map(|file| file.locator.leaf()).unwrap_or_default();
    leaf.split(|&byte| byte == b'/').map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

fn relation(from: &Asset, to: &Asset, confidence: Confidence, why: &str) -> Relation {
    edge((from, "made from the other"), (to, why), RelationKind::DerivedFrom, confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AssetFile, Impact, Level, Locator};

    fn model(path: &str, weights: Weights) -> Asset {
        let locator = Locator::path(0, path.as_bytes());
        Asset {
            id: path.to_owned(),
            kind: Kind::Model,
            format: "safetensors".to_owned(),
            name: path.to_owned(),
            files: vec![AssetFile { locator, size: 1, content: None, link: None }],
            size: 1,
            presence: Presence::Present,
            confidence: Confidence::Certain,
            origin: None,
            impact: Impact { level: Level::Low, because: Vec::new(), tier: None },
            fact: Fact::Weights(Box::new(weights)),
            access: None,
            identities: Vec::new(),
            evidence: Vec::new(),
        }
    }

    fn on(base: &str) -> Weights {
        Weights { base_model: Some(base.to_owned()), ..Weights::default() }
    }

    fn edges(assets: &[Asset]) -> Vec<(String, String)> {
        relations(assets).into_iter().map(|edge| (edge.from, edge.to)).collect()
    }

    #[test]
    fn bases_are_found_by_the_end_of_their_path_or_their_repository() {
        let hub = Weights { repo_id: Some("acme/Pert".to_owned()), ..Weights::default() };
        for (stated, there, found) in [
            ("/srv/train/models/pert-7b", model("models/pert-7b/model.safetensors", Weights::default()), true),
            ("/srv/models/pert-7b/", model("pert-7b/model.safetensors", Weights::default()), true),
            ("pert-7b", model("a/b/pert-7b/model.safetensors", Weights::default()), true),
            ("acme/pert", model("hub/models--acme--Pert/snapshots/0/model.safetensors", hub), true),
            ("/srv/base.nemo", model("x/base.nemo", Weights::default()), false),
            ("/srv/x/base.nemo", model("x/base.nemo", Weights::default()), true),
            ("/srv/out/final", model("other/final/model.safetensors", Weights::default()), false),
            ("other/pert-7b", model("models/pert-7b/model.safetensors", Weights::default()), false),
        ] {
            let assets = [model("lora/adapter_model.safetensors", on(stated)), there];
            assert_eq!(edges(&assets).len(), usize::from(found), "{stated}");
        }
    }

    #[test]
    fn copies_and_doubtful_bases_make_no_edge() {
        let copies = [model("a/gpt2/model.safetensors", on("gpt2")), model("b/gpt2/model.safetensors", on("gpt2"))];
        assert!(edges(&copies).is_empty());
        let two = [
            model("lora/adapter_model.safetensors", on("pert-7b")),
            model("a/pert-7b/model.safetensors", Weights::default()),
            model("b/pert-7b/model.safetensors", Weights::default()),
        ];
        assert!(edges(&two).is_empty());
    }

    #[test]
    fn each_step_comes_from_the_one_before() {
        let at = |step| Weights {
            lineage: Some("out".to_owned()),
            structure: Some("0f".to_owned()),
            global_step: Some(step),
            ..Weights::default()
        };
        let assets = [model("out/30.pt", at(30)), model("out/4.pt", at(4)), model("out/100.pt", at(100))];
        let want = [("out/30.pt", "out/4.pt"), ("out/100.pt", "out/30.pt")];
        assert_eq!(edges(&assets), want.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
