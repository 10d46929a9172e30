//! Symbolic links and what they lead to: one file under two names, and one asset.

use std::collections::BTreeMap;

use crate::model::{Locator, Sighting};

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

/// Whether a name is a digest and nothing else, its kind aside (`sha256-…`).
fn is_digest(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"sha256-").unwrap_or(name);
    name.len() >= 32 && name.iter().all(u8::is_ascii_hexdigit)
}
