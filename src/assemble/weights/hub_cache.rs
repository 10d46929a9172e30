//! The cache of a model hub: `models--org--name/{blobs,refs,snapshots/<commit>}`.
//!
//! A snapshot holds names, the blobs hold bytes: links where the file system has them, copies where not. Each snapshot
//! is one model; its blobs belong to it and are counted once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, impact, in_directory, public};
use crate::model::{ContentId, Fact, Locator, Origin, Role, Sighting};

/// Whether an entry lies in a hub cache: the locator of the repository's folder there.
pub(super) fn repository(locator: &Locator) -> Option<Locator> {
    let leaf = locator.leaf();
    let mut end = 0;
    for part in leaf.split(|&byte| byte == b'/') {
        end += part.len();
        let rest = leaf.get(end..).unwrap_or_default();
        let inside = [b"/blobs/".as_slice(), b"/snapshots/", b"/refs/"].iter().any(|folder| rest.starts_with(folder));
        if part.starts_with(b"models--") && inside {
            return Some(root(locator).child(leaf.get(..end)?));
        }
        end += 1;
    }
    None
}

/// The top of the source or container that an entry lies in.
fn root(locator: &Locator) -> Locator {
    let mut top = locator.parent();
    while !top.leaf().is_empty() {
        top = top.parent();
    }
    top
}

/// The models of one repository's folder.
pub(super) fn groups<'s>(
    repository: &Locator,
    sightings: Vec<&'s Sighting>,
    code: &BTreeSet<&Locator>,
) -> Vec<Group<'s>> {
    let mut directories: BTreeMap<Locator, Vec<&Sighting>> = BTreeMap::new();
    let (mut blobs, mut refs) = (Vec::new(), Vec::new());
    for sighting in sightings {
        let inside = sighting.locator.leaf().get(repository.leaf().len()..).unwrap_or_default();
        if inside.starts_with(b"/blobs/") {
            blobs.push(sighting);
        } else if inside.starts_with(b"/refs/") {
            refs.push(sighting);
        } else {
            directories.entry(sighting.locator.parent()).or_default().push(sighting);
        }
    }
    let mut groups: Vec<Group> = directories
        .into_iter()
        .flat_map(|(directory, sightings)| in_directory(&directory, sightings, code))
        .map(|group| named(repository, group))
        .collect();
    for group in &mut groups {
        take_copies(group, &mut blobs);
        group.others.extend(&refs);
    }
    // Blobs that no snapshot names any more are still there.
    let (_, orphans): (Vec<_>, Vec<_>) = blobs.into_iter().partition(|blob| blob.role == Role::Companion);
    let directory = repository.child(b"blobs");
    groups.extend(in_directory(&directory, orphans, code).into_iter().map(|group| named(repository, group)));
    groups
}

/// Moves the blobs that are copies of a group's files to the group.
fn take_copies<'s>(group: &mut Group<'s>, blobs: &mut Vec<&'s Sighting>) {
    let of = |sighting: &'s Sighting| sighting.identities.first();
    let contents: BTreeSet<&ContentId> =
        std::iter::once(group.primary).chain(group.others.iter().copied()).filter_map(of).collect();
    let is_copy = |blob: &&Sighting| blob.identities.first().is_some_and(|content| contents.contains(content));
    let (copies, rest): (Vec<_>, Vec<_>) = blobs.drain(..).partition(is_copy);
    *blobs = rest;
    group.others.extend(copies);
}

fn named<'s>(repository: &Locator, mut group: Group<'s>) -> Group<'s> {
    let folder = String::from_utf8_lossy(repository.base_name()).into_owned();
    let repo_id = folder.trim_start_matches("models--").replace("--", "/");
    "hf-cache".clone_into(&mut group.draft.format);
    if let Fact::Weights(weights) = &mut group.draft.fact {
        weights.repo_id = Some(repo_id.clone());
        weights.revision = revision(repository, &group.primary.locator);
        let known = group.draft.origin.unwrap_or(Origin::Unknown);
        group.draft.origin = Some(public::origin(weights, known, &mut group.draft.evidence));
    }
    group.draft.impact = impact::of(&group.draft);
    group.draft.name = repo_id;
    group
}

/// The commit, from `snapshots/<commit>/…`.
fn revision(repository: &Locator, locator: &Locator) -> Option<String> {
    let inside = locator.leaf().get(repository.leaf().len()..)?.strip_prefix(b"/snapshots/")?;
    let commit = inside.split(|&byte| byte == b'/').next()?;
    let plain = commit.iter().all(u8::is_ascii_hexdigit);
    plain.then(|| String::from_utf8_lossy(commit).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_told_from_the_path() {
        let found = |path: &str| repository(&Locator::path(0, path.as_bytes())).map(|found| found.to_string());
        assert_eq!(found("hub/models--a--b/blobs/00").as_deref(), Some("hub/models--a--b"));
        assert_eq!(found("models--a--b/snapshots/ff/x").as_deref(), Some("models--a--b"));
        assert_eq!(found("models--a--b/refs/main").as_deref(), Some("models--a--b"));
        assert_eq!(found("models--a--b/other/x"), None);
        assert_eq!(found("x/blobs/00"), None);
    }
}
