//! The same rows in several formats: a table and its export. Told by a digest over all rows, by column name and value,
//! whatever their order; the digest itself never leaves the run.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::edge;
use crate::model::{Asset, Confidence, Presence, Relation, RelationKind};

/// Up to this many copies are each joined to each other; of more, each to the first.
const ALL_PAIRS: usize = 8;

/// An edge for every pair of datasets that hold the same rows, unless they are the same bytes anyway.
pub(super) fn relations(assets: &[Asset], known: &[Relation]) -> Vec<Relation> {
    let mut holders: BTreeMap<(u64, u64), Vec<&Asset>> = BTreeMap::new();
    for asset in assets.iter().filter(|asset| asset.presence == Presence::Present) {
        let Some(table) = asset.fact.dataset().map(|dataset| &dataset.table) else { continue };
        let digest = table.sketch.as_ref().and_then(|sketch| sketch.rows);
        if let (Some(digest), Some(rows @ 1..)) = (digest, table.row_count) {
            holders.entry((digest, rows)).or_default().push(asset);
        }
    }
    let known: BTreeSet<(&str, &str)> = known.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    let mut relations = Vec::new();
    for ((_, rows), holders) in holders {
        for (at, first) in holders.iter().enumerate() {
            let others = if holders.len() <= ALL_PAIRS || at == 0 { holders.get(at + 1..) } else { None };
            for second in others.unwrap_or_default() {
                if !known.contains(&(first.id.as_str(), second.id.as_str())) {
                    relations.push(relation(first, second, rows));
                }
            }
        }
    }
    relations
}

fn relation(first: &Asset, second: &Asset, rows: u64) -> Relation {
    let why = match rows {
        1 => "the same row under the same columns".to_owned(),
        rows => format!("the same {rows} rows under the same columns"),
    };
    edge((first, &why), (second, &why), RelationKind::SameContent, Confidence::High)
}
