//! Where a thing comes from, in one sentence: the run that wrote it, the data behind it, the source that made or defines it.

use std::collections::BTreeMap;

use super::Page;
use crate::model::{Asset, Confidence, Kind, Relation, RelationKind};

/// What leads away from an asset, and how a reader would say it.
const SAID: [(RelationKind, &str); 5] = [
    (RelationKind::ProducedBy, "written by"),
    (RelationKind::TrainedOn, "learnt from"),
    (RelationKind::DefinedBy, "defined in"),
    (RelationKind::Reads, "reads"),
    (RelationKind::Runs, "runs"),
];

/// The lines that lead away from each asset.
pub(super) struct Lineage<'p> {
    from: BTreeMap<&'p str, Vec<&'p Relation>>,
    assets: BTreeMap<&'p str, &'p Asset>,
}

impl<'p> Lineage<'p> {
    pub(super) fn new(page: &Page<'p>) -> Lineage<'p> {
        let mut from: BTreeMap<&str, Vec<&Relation>> = BTreeMap::new();
        let is_said = |edge: &&Relation| SAID.iter().any(|(kind, _)| *kind == edge.kind);
        for edge in page.inventory.relations.iter().filter(|edge| edge.confidence >= Confidence::Medium).filter(is_said)
        {
            from.entry(&edge.from).or_default().push(edge);
        }
        // The surest first: it is the one that is named.
        from.values_mut().for_each(|edges| edges.sort_by_key(|edge| std::cmp::Reverse(edge.confidence)));
        Lineage { from, assets: page.inventory.assets.iter().map(|asset| (asset.id.as_str(), asset)).collect() }
    }

    /// The sentence; nothing where nothing is known.
    pub(super) fn of(&self, page: &Page, asset: &Asset) -> Option<String> {
        let edges = self.from.get(asset.id.as_str())?;
        let parts = SAID.iter().filter_map(|(kind, words)| {
            let mut ends =
                edges.iter().filter(|edge| edge.kind == *kind).filter_map(|edge| self.assets.get(edge.to.as_str()));
            let first = ends.next()?;
            let more = match ends.count() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Some(format!("{words} {}{more}", name(page, first)))
        });
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// A run is known by its name and tracker, everything else by its place.
fn name(page: &Page, asset: &Asset) -> String {
    if asset.kind == Kind::Run {
        return format!("run '{}' ({})", asset.name, asset.format);
    }
    asset.files.first().map_or_else(|| asset.name.clone(), |file| page.place(&file.locator))
}
