//! A line between two assets, from what is seen at each end.

use crate::model::{Asset, Confidence, Relation, RelationEvidence, RelationKind};

/// A relation whose evidence is the file that stands for each end.
pub(super) fn edge(
    (from, seen_from): (&Asset, &str),
    (to, seen_to): (&Asset, &str),
    kind: RelationKind,
    confidence: Confidence,
) -> Relation {
    let evidence = [(from, seen_from), (to, seen_to)].into_iter().filter_map(|(asset, why)| {
        let file = asset.files.first()?;
        Some(RelationEvidence { locator: file.locator.clone(), why: why.to_owned() })
    });
    Relation { from: from.id.clone(), to: to.id.clone(), kind, confidence, evidence: evidence.collect() }
}
