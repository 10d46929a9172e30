//! Facts of many entries → assets: one asset a model, not one a file.
//!
//! Pure functions over a sorted survey; no bytes, no clock. Every family has its file here under the name it has in
//! `probe/`. Grouping goes by explicit manifests first, then by what names promise, then by what lies in one
//! directory; a sighting is claimed once.

mod code;
mod dataset;
mod impact;
mod links;
mod packages;
mod plain;
pub mod rules;
mod run;
mod weights;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::model::{
    Asset, AssetFile, Family, Impact, Kind, Level, Locator, MAX_EXTENSION, Presence, Sighting, Survey, Tally, TallyKey,
    extension_key, hex,
};

/// A group of sightings that is one asset: the one that stands for it, and its others.
struct Group<'s> {
    /// The sighting whose file stands for the asset.
    primary: &'s Sighting,
    /// The others, in order of locator.
    others: Vec<&'s Sighting>,
    /// The asset, without id, files and size.
    draft: Asset,
}

/// Every asset of a survey, by kind, then by the locator of its first file.
pub fn assets(survey: &Survey) -> Vec<Asset> {
    let written_out = links::written_out(&survey.sightings);
    let (verified, unverified): (Vec<&Sighting>, Vec<&Sighting>) =
        survey.sightings.iter().chain(&written_out).partition(|sighting| sighting.presence == Presence::Present);
    let (verified, names) = links::fold(verified);
    let of = |family: Family| verified.iter().copied().filter(move |sighting| sighting.family == family);

    let code = of(Family::Code).map(|sighting| &sighting.locator).collect();
    let (mut groups, data) = weights::groups(of(Family::Weights).collect(), of(Family::Dataset).collect(), &code);
    let raw = of(Family::Weights).filter(|sighting| sighting.format == "raw-weights").collect();
    groups.extend(dataset::groups(data, raw));
    groups.extend(run::groups(of(Family::Run), &of(Family::Weights).collect::<Vec<_>>()));
    groups.extend(code::groups(of(Family::Code)));
    for family in [Family::Image, Family::Infra] {
        groups.extend(plain::groups(of(family)));
    }
    // What only claims to be something stands by itself.
    groups.extend(plain::groups(unverified.into_iter()));

    let mut assets: Vec<Asset> = groups.into_iter().map(|group| finish(group, &names)).collect();
    assets = packages::fold(assets);
    assets.sort_by(|a, b| (a.kind, &a.files, &a.format).cmp(&(b.kind, &b.files, &b.format)));
    dataset::pointers::settle(&mut assets);
    name_apart(&mut assets);
    assets
}

/// What was recognised and became part of no asset: a configuration without its model, a pickle of some object, bytes that
/// were kept in case they are a model's. Counted like all files of no known kind, so that nothing vanishes between a
/// survey and its inventory.
pub fn leftovers(survey: &Survey, assets: &[Asset]) -> Vec<(TallyRow, Tally)> {
    let used: BTreeSet<&Locator> = assets.iter().flat_map(|asset| &asset.files).map(|file| &file.locator).collect();
    let is_left = |sighting: &&Sighting| sighting.link.is_none() && !used.contains(&sighting.locator);
    let row = |sighting: &Sighting| {
        let mut lower = [0; MAX_EXTENSION];
        let key = extension_key(sighting.locator.leaf(), &mut lower).to_owned();
        let row = (sighting.locator.source(), TallyKey::Extension, key);
        (row, Tally { files: 1, bytes: sighting.size })
    };
    survey.sightings.iter().filter(is_left).map(row).collect()
}

/// Source, kind of sum and key of a tally.
type TallyRow = (u16, TallyKey, String);

/// Puts files, size and id to a draft.
fn finish(group: Group, names: &links::OtherNames) -> Asset {
    let id = id(&group);
    let mut asset = group.draft;
    let mut others: Vec<AssetFile> = group.others.iter().copied().map(file).collect();
    for sighting in std::iter::once(group.primary).chain(group.others) {
        others.extend(names.get(&sighting.locator).into_iter().flatten().copied().map(file));
    }
    others.sort();
    // A link that was written out is there twice: as the text it is, and as what it leads to.
    others.sort_by_key(|file| (file.locator.clone(), file.link.is_none()));
    let first = file(group.primary);
    others.dedup_by(|next, kept| next.locator == kept.locator);
    others.retain(|other| other.locator != first.locator);
    asset.files = std::iter::once(first).chain(others).collect();
    asset.size = size(&asset.files);
    asset.id = id;
    packages::settle(&mut asset);
    asset
}

/// Bytes of the files: each link's target once, unless it is among the files itself.
fn size(files: &[AssetFile]) -> u64 {
    let mut counted = BTreeSet::new();
    files
        .iter()
        .filter(|file| counted.insert(file.link.as_ref().unwrap_or(&file.locator)))
        .map(|file| file.size)
        .fold(0, u64::saturating_add)
}

fn file(sighting: &Sighting) -> AssetFile {
    AssetFile {
        locator: sighting.locator.clone(),
        size: sighting.size,
        content: sighting.identities.first().cloned(),
        link: sighting.link.clone(),
    }
}

/// Kind and the sorted contents that make the asset what it is; locators where no content is known.
fn id(group: &Group) -> String {
    let kind = group.draft.kind;
    let mut parts: Vec<String> = std::iter::once(group.primary)
        .chain(group.others.iter().copied())
        // A companion may stand for what it tells of: the state of a trainer for its run.
        .enumerate()
        .filter(|(at, sighting)| *at == 0 || sighting.role != crate::model::Role::Companion)
        .map(|(_, sighting)| sighting)
        .map(|sighting| match sighting.identities.first() {
            Some(content) => content.to_string(),
            None => sighting.locator.to_string(),
        })
        .collect();
    parts.sort();
    let mut hash = Sha256::new();
    hash.update(kind.word());
    hash.update([0]);
    hash.update(&group.draft.format);
    for part in parts {
        hash.update([0]);
        hash.update(part);
    }
    short_id(kind, hash)
}

fn short_id(kind: Kind, hash: Sha256) -> String {
    let digest: [u8; 32] = hash.finalize().into();
    format!("{}-{}", kind.word(), hex(digest.first_chunk::<8>().map_or(&[], |half| half.as_slice())))
}

/// Copies have the content of each other, and would have its id: each of them adds where it lies, so that no id moves to
/// another file when a copy comes or goes.
fn name_apart(assets: &mut [Asset]) {
    let mut holders: BTreeMap<String, usize> = BTreeMap::new();
    for asset in assets.iter() {
        *holders.entry(asset.id.clone()).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    for asset in assets {
        if holders.get(&asset.id).is_some_and(|&holders| holders > 1) {
            asset.id = placed_id(asset, 0);
        }
        // A tar may hold a name twice: what lies at one place is then told apart by order.
        let mut again = 0;
        while !taken.insert(asset.id.clone()) {
            again += 1;
            asset.id = placed_id(asset, again);
        }
    }
}

fn placed_id(asset: &Asset, again: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(&asset.id);
    hash.update(again.to_le_bytes());
    for file in &asset.files {
        hash.update([0]);
        hash.update(file.locator.source().to_le_bytes());
        hash.update(file.locator.to_string());
    }
    short_id(asset.kind, hash)
}

/// A draft from the sighting that stands for an asset.
fn draft(sighting: &Sighting, kind: Kind) -> Asset {
    Asset {
        id: String::new(),
        kind,
        format: sighting.format.clone(),
        name: display_name(&sighting.locator),
        files: Vec::new(),
        size: 0,
        presence: sighting.presence,
        confidence: sighting.confidence,
        origin: None,
        impact: Impact { level: Level::Low, because: Vec::new(), tier: None },
        fact: sighting.fact.clone(),
        access: sighting.access.clone(),
        identities: sighting.identities.clone(),
        evidence: sighting.evidence.clone(),
    }
}

/// The base name, without control characters.
fn display_name(locator: &Locator) -> String {
    crate::model::escape_name(locator.base_name())
}
