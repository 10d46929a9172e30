//! Symbolic links and what they lead to: one file under two names, and one asset.

use std::collections::BTreeMap;

use crate::model::{Locator, Sighting, is_digest};

/// Links that were written out as text: what a checkout without links, or an archive of one, leaves in their place. Each
/// becomes what its target is, under its own name.
pub(super) fn written_out(sightings: &[Sighting]) -> Vec<Sighting> {
    let by_place: BTreeMap<&Locator, &Sighting> =
        sightings.iter().map(|sighting| (&sighting.locator, sighting)).collect();
    let resolve = |link: &Sighting| {
        let target = target_of(link)?;
        let found = by_place.get(&target)?;
        Some(Sighting { locator: link.locator.clone(), link: Some(target), ..(*found).clone() })
    };
    sightings.iter().filter_map(resolve).collect()
}

/// Where a written-out link leads: below its own directory or above it, never out of its source.
fn target_of(link: &Sighting) -> Option<Locator> {
    let mut place = link.locator.parent();
    for part in link.fact.weights()?.link_text.as_deref()?.split('/') {
        place = match part {
            ".." if place.leaf().is_empty() => return None,
            ".." => place.parent(),
            part => place.child(part.as_bytes()),
        };
    }
    Some(place)
}

/// The other names of files, by the locator of the name that was kept.
pub(super) type OtherNames<'s> = BTreeMap<&'s Locator, Vec<&'s Sighting>>;

/// Of a link and its target, both recognised, keeps the one whose name tells something: the link where the target lies
/// in a store that names files after their digests (a hub cache, an annex), the target everywhere else.
pub(super) fn fold<'s>(sightings: Vec<&'s Sighting>) -> (Vec<&'s Sighting>, OtherNames<'s>) {
    let mut links: BTreeMap<&Locator, Vec<&Sighting>> = BTreeMap::new();
    let mut files: BTreeMap<&Locator, &Sighting> = BTreeMap::new();
    for sighting in &sightings {
        match &sighting.link {
            Some(target) => links.entry(target).or_default().push(sighting),
            None => drop(files.insert(&sighting.locator, sighting)),
        }
    }
    let mut names = OtherNames::new();
    let mut dropped: Vec<&Locator> = Vec::new();
    for (target, links) in links {
        let Some((first, further)) = links.split_first() else { continue };
        match files.get(target) {
            Some(file) if !is_digest(file.locator.base_name()) => {
                dropped.extend(links.iter().map(|link| &link.locator));
                names.entry(&file.locator).or_default().extend(&links);
            }
            found if is_digest(target.base_name()) => {
                // Every name of a stored content stands for it in its own place: revisions of a cache share blobs.
                dropped.extend(found.map(|file| &file.locator));
                names.entry(&first.locator).or_default().extend(found.copied());
            }
            found => {
                dropped.extend(further.iter().map(|link| &link.locator));
                dropped.extend(found.map(|file| &file.locator));
                let others = names.entry(&first.locator).or_default();
                others.extend(further);
                others.extend(found.copied());
            }
        }
    }
    dropped.sort_unstable();
    let kept = sightings.into_iter().filter(|sighting| dropped.binary_search(&&sighting.locator).is_err()).collect();
    (kept, names)
}
