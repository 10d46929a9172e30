//! The source that defines a model's architecture: a class that the model names and only one source defines.
//!
//! A model names its class in its configuration (`architectures`, `auto_map`), in the path of a pickled class
//! (`acme.models.Foo`) or as its root class. Class names of libraries are defined in nobody's source here, so a match is
//! telling; where the module is stated, its file must be called so, and where it is not, the nearest source is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::edge;
use super::places::parts_of;
use crate::model::{Asset, Confidence, Kind, Presence, Relation, RelationKind, Weights};

/// Most sources of a class that are compared.
const MAX_SOURCES: usize = 64;
/// Most copies of one source that a model is joined to.
const MAX_COPIES: usize = 8;

/// A class as a model names it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Named<'a> {
    class: &'a str,
    /// The last part of the module it is in, where that is stated: `modeling_foo` is the file `modeling_foo.py`.
    module: Option<&'a str>,
}

/// An edge from a model to the source that defines its architecture.
pub(super) fn relations(assets: &[Asset]) -> Vec<Relation> {
    let mut sources: BTreeMap<&str, Vec<&Asset>> = BTreeMap::new();
    for source in assets.iter().filter(|asset| asset.kind == Kind::Code && asset.presence == Presence::Present) {
        for class in source.fact.code().map(|code| code.classes.as_slice()).unwrap_or_default() {
            sources.entry(class).or_default().push(source);
        }
    }
    let mut relations = Vec::new();
    for model in assets.iter().filter(|asset| asset.kind == Kind::Model) {
        let Some(weights) = model.fact.weights() else { continue };
        let mut found: BTreeMap<&str, (&Asset, Confidence)> = BTreeMap::new();
        for named in named(weights) {
            let Some(sources) = sources.get(named.class) else { continue };
            for (source, confidence) in choose(&named, sources, model) {
                let known = found.entry(&source.id).or_insert((source, confidence));
                known.1 = known.1.max(confidence);
            }
        }
        for (source, confidence) in found.into_values() {
            let seen = (source, "defines the class that the model names");
            relations.push(edge((model, "names the class"), seen, RelationKind::DefinedBy, confidence));
        }
    }
    relations
}

/// The classes a model names, best first.
fn named(weights: &Weights) -> BTreeSet<Named<'_>> {
    let mut named = BTreeSet::new();
    for target in weights.auto_map.values() {
        // `repository--module.Class` where the code lies elsewhere.
        let path = target.rsplit("--").next().unwrap_or(target);
        named.extend(dotted(path));
    }
    let architecture = weights.architecture.as_deref();
    named.extend(architecture.map(|class| Named { class: class.rsplit('.').next().unwrap_or(class), module: None }));
    let pickled = weights.pickle_globals.iter().chain(&weights.pickle_root_class).chain(&weights.root_class);
    named.extend(pickled.filter_map(|path| dotted(path)));
    named
}

/// `acme.models.Foo` as class and module.
fn dotted(path: &str) -> Option<Named<'_>> {
    let (module, class) = path.rsplit_once('.')?;
    Some(Named { class, module: module.rsplit('.').next() })
}

/// Of the sources that define a class those that are meant, and how sure that is: the one nearest to the model first, and
/// others in files of the same name, which are the same source elsewhere.
fn choose<'a>(named: &Named, sources: &[&'a Asset], model: &Asset) -> Vec<(&'a Asset, Confidence)> {
    let is_of_module = |source: &Asset, module: &str| {
        source.files.iter().any(|file| stem(file.locator.base_name()) == module.as_bytes())
    };
    let sources = sources.iter().copied().take(MAX_SOURCES);
    if let Some(module) = named.module {
        // A class of a module that no source here is called after is another's class of the same name.
        let same = sources.filter(|source| is_of_module(source, module)).take(MAX_COPIES);
        return same.map(|source| (source, Confidence::High)).collect();
    }
    let here = model.files.first().map(|file| parts_of(&file.locator)).unwrap_or_default();
    let near = |source: &Asset| {
        let place = source.files.first().map(|file| parts_of(&file.locator)).unwrap_or_default();
        place.iter().zip(&here).take_while(|(a, b)| a == b).count()
    };
    let mut ranked: Vec<(usize, &Asset)> = sources.map(|source| (near(source), source)).collect();
    ranked.sort_by_key(|(near, source)| (std::cmp::Reverse(*near), &source.id));
    let confidence = if ranked.len() == 1 { Confidence::Medium } else { Confidence::Low };
    let nearest = ranked.first().map(|(near, _)| *near);
    ranked
        .into_iter()
        .filter(|(near, _)| Some(*near) == nearest)
        .take(1)
        .map(|(_, source)| (source, confidence))
        .collect()
}

fn stem(name: &[u8]) -> &[u8] {
    name.iter().rposition(|&byte| byte == b'.').and_then(|dot| name.get(..dot)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::tests::of;
    use super::*;
    use crate::model::{Code, Fact};

    fn source(path: &str, class: &str) -> Asset {
        let code = Code { classes: vec![class.to_owned()], ..Code::default() };
        of(path, Kind::Code, "python", Fact::Code(Box::new(code)))
    }

    fn model(path: &str, weights: Weights) -> Asset {
        of(path, Kind::Model, "torch-zip", Fact::Weights(Box::new(weights)))
    }

    fn found(weights: Weights, sources: &[Asset]) -> Vec<(String, Confidence)> {
        let mut assets = vec![model("out/final/model.pt", weights)];
        assets.extend(sources.iter().cloned());
        relations(&assets).into_iter().map(|edge| (edge.to, edge.confidence)).collect()
    }

    #[test]
    fn classes_lead_to_their_source() {
        let mapped = || Weights {
            auto_map: [("AutoModel".to_owned(), "modeling_foo.Foo".to_owned())].into(),
            architecture: Some("Foo".to_owned()),
            ..Weights::default()
        };
        let own = [source("out/final/modeling_foo.py", "Foo"), source("repo/foo/modeling_foo.py", "Foo")];
        let both =
            ["out/final/modeling_foo.py", "repo/foo/modeling_foo.py"].map(|path| (path.to_owned(), Confidence::High));
        assert_eq!(found(mapped(), &own), both);
        let pickled = Weights { pickle_globals: vec!["acme.models.Bar".to_owned()], ..Weights::default() };
        let sources = [source("repo/acme/models.py", "Bar"), source("other/net.py", "Bar")];
        assert_eq!(found(pickled, &sources), [("repo/acme/models.py".to_owned(), Confidence::High)]);
    }

    #[test]
    fn a_class_of_another_module_is_another_class() {
        let pickled =
            Weights { pickle_globals: vec!["torch.nn.modules.linear.Linear".to_owned()], ..Weights::default() };
        assert!(found(pickled, &[source("repo/own.py", "Linear")]).is_empty());
        let named = Weights { architecture: Some("Foo".to_owned()), ..Weights::default() };
        assert_eq!(found(named, &[source("repo/own.py", "Foo")]), [("repo/own.py".to_owned(), Confidence::Medium)]);
    }
}
