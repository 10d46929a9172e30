//! Files that stand for others: an asset of presence `pointer`, with what the configuration around it says of where the
//! bytes are, and whether they were met in the same scan.

use std::collections::BTreeSet;

use super::{Group, draft, impact};
use crate::model::{Asset, ContentId, Fact, Kind, Locator, Presence, Sighting, hex};

/// Formats of pointers.
const POINTERS: [&str; 3] = ["annex-pointer", "dvc-pointer", "git-lfs-pointer"];
/// Directories above a pointer that are asked for a configuration.
const MAX_ABOVE: usize = 64;

/// The pointers, and the rest.
pub(super) fn split(sightings: Vec<&Sighting>) -> (Vec<Group<'_>>, Vec<&Sighting>) {
    let (configurations, sightings): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.into_iter().partition(|sighting| sighting.format == "dvc-config");
    let (pointers, rest): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.into_iter().partition(|sighting| POINTERS.contains(&sighting.format.as_str()));
    let mut claimed = BTreeSet::new();
    let groups = pointers.into_iter().map(|primary| group(primary, &configurations, &mut claimed)).collect();
    (groups, rest)
}

fn group<'s>(primary: &'s Sighting, configurations: &[&'s Sighting], claimed: &mut BTreeSet<Locator>) -> Group<'s> {
    let mut asset = draft(primary, Kind::Dataset);
    asset.presence = Presence::Pointer;
    let mut others = Vec::new();
    let configuration = (primary.format == "dvc-pointer").then(|| around(primary, configurations)).flatten();
    if let (Some(configuration), Fact::Dataset(dataset)) = (configuration, &mut asset.fact) {
        dataset.remote_url = configuration.fact.dataset().and_then(|dataset| dataset.remote_url.clone());
        // A file belongs to one asset: of several pointers, the first.
        if claimed.insert(configuration.locator.clone()) {
            others.push(configuration);
        }
    }
    asset.impact = impact::of(&asset);
    Group { primary, others, draft: asset }
}

/// The configuration of the repository around a pointer: `.dvc/config` of the nearest directory that has one.
fn around<'s>(pointer: &Sighting, configurations: &[&'s Sighting]) -> Option<&'s Sighting> {
    let mut directory = pointer.locator.parent();
    for _ in 0..MAX_ABOVE {
        let wanted = directory.child(b".dvc/config");
        if let Some(found) = configurations.iter().find(|sighting| sighting.locator == wanted) {
            return Some(found);
        }
        if directory.leaf().is_empty() {
            return None;
        }
        directory = directory.parent();
    }
    None
}

/// Says of each pointer whether its bytes are among what was met: by SHA-256, or by the name a store of DVC gives them.
pub(in super::super) fn settle(assets: &mut [Asset]) {
    if !assets.iter().any(|asset| asset.presence == Presence::Pointer) {
        return;
    }
    let mut met = BTreeSet::new();
    for file in assets.iter().filter(|asset| asset.presence == Presence::Present).flat_map(|asset| &asset.files) {
        if let Some(ContentId::Sha256(digest)) = &file.content {
            met.insert(hex(digest));
        }
        met.extend(stored(file.locator.leaf()));
        met.extend(annexed(file.locator.leaf()));
    }
    for asset in assets.iter_mut().filter(|asset| asset.presence == Presence::Pointer) {
        let Fact::Dataset(dataset) = &mut asset.fact else { continue };
        let hashes = [&dataset.oid, &dataset.md5];
        let is_met = hashes.into_iter().flatten().any(|hash| met.contains(hash));
        dataset.content_present = Some(is_met);
    }
}

/// The hash in the key under which git-annex stores a file: `…/annex/objects/…/SHA256E-s12--ab….nii.gz`.
fn annexed(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let key = path.rsplit('/').next().filter(|_| path.contains("annex/objects/"))?;
    let (_, name) = key.split_once("--")?;
    name.split('.').next().map(str::to_owned)
}

/// The MD5 that a path in a DVC cache is made of: `…/md5/aa/bbbb…`, in older caches `…/cache/aa/bbbb…`.
fn stored(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let mut parts = path.rsplit('/');
    let (rest, first, store) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hash = first.len() == 2 && matches!(rest.len(), 30 | 34) && matches!(store, "md5" | "cache");
    is_hash.then(|| format!("{first}{rest}"))
}
