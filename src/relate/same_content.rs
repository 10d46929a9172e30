//! The same bytes in several places: whoever guards one of them guards none of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Asset, Confidence, ContentId, Presence, Relation, RelationEvidence, RelationKind};

/// Up to this many copies are each joined to each other; of more, each to the first.
const ALL_PAIRS: usize = 8;
/// An empty or nearly empty file has the content of every other.
const SMALLEST: u64 = 16;

/// An edge for every pair of assets that share the content of a file.
pub(super) fn relations(assets: &[Asset]) -> Vec<Relation> {
    let mut holders: BTreeMap<&ContentId, Vec<(&Asset, usize)>> = BTreeMap::new();
    for asset in assets.iter().filter(|asset| asset.presence == Presence::Present) {
        for (index, file) in asset.files.iter().enumerate() {
            let shared = file.link.is_none() && file.size >= SMALLEST;
            if let Some(content) = file.content.as_ref().filter(|_| shared) {
                holders.entry(content).or_default().push((asset, index));
            }
        }
        for content in asset.identities.iter().skip(1) {
            holders.entry(content).or_default().push((asset, 0));
        }
    }
    let pointers: Vec<(ContentId, &Asset)> =
        assets.iter().filter_map(|asset| Some((pointed_at(asset)?, asset))).collect();
    for (content, pointer) in &pointers {
        holders.entry(content).or_default().push((pointer, 0));
    }
    let mut seen = BTreeSet::new();
    let mut relations = Vec::new();
    for (content, holders) in holders {
        for (at, first) in holders.iter().enumerate() {
            let others = if holders.len() <= ALL_PAIRS || at == 0 { holders.get(at + 1..) } else { None };
            for second in others.unwrap_or_default() {
                let ends = (&first.0.id, &second.0.id);
                if ends.0 != ends.1 && seen.insert(ends) {
                    relations.push(relation(content, first, second));
                }
            }
        }
    }
    relations
}

/// The content a pointer stands for.
fn pointed_at(asset: &Asset) -> Option<ContentId> {
    let oid = asset.fact.dataset().filter(|_| asset.presence == Presence::Pointer)?.oid.as_deref()?;
    let mut digest = [0u8; 32];
    for (byte, digits) in digest.iter_mut().zip(oid.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (oid.len() == 64).then_some(ContentId::Sha256(digest))
}

fn relation(content: &ContentId, first: &(&Asset, usize), second: &(&Asset, usize)) -> Relation {
    let confidence = if content.is_proof() { Confidence::Certain } else { Confidence::High };
    let why = match content {
        ContentId::Sha256(_) => "the same SHA-256",
        ContentId::ZipCrcs(_) => "the same members with the same checksums",
        ContentId::Sampled(_) => "the same size and the same bytes in 18 samples",
    };
    let evidence = [first, second]
        .into_iter()
        .filter_map(|(asset, index)| asset.files.get(*index))
        .map(|file| RelationEvidence { locator: file.locator.clone(), why: format!("{why} ({content})") })
        .collect();
    Relation {
        from: first.0.id.clone(),
        to: second.0.id.clone(),
        kind: RelationKind::SameContent,
        confidence,
        evidence,
    }
}
