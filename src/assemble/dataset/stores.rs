//! Directories that are one dataset: a manifest says so, and everything recognised below its directory belongs to it.

use std::collections::BTreeMap;

use super::super::{Group, draft, impact};
use super::{join, splits, versions, zarr};
use crate::model::{Dataset, Evidence, Fact, Kind, Locator, Role, Sighting};

/// Folders a store keeps its books in: the store is what lies around them.
const BOOKS: [&[u8]; 4] = [b"_delta_log", b"_versions", b".hoodie", b"metadata"];
/// Formats whose manifest lies beside the data and not in a folder of books, though that may be called like one.
const BESIDE: [&str; 6] = ["hf-datasets", "mds", "litdata", "zarr-v2", "zarr-v3", "anndata-zarr"];

/// A directory with its manifests and whatever else was recognised below it.
pub(super) struct Store<'s> {
    directory: Locator,
    /// Those of the outermost directory, in order.
    manifests: Vec<&'s Sighting>,
    parts: Vec<&'s Sighting>,
}

/// Takes the stores out of a survey's sightings. Of stores within stores the outermost is the dataset.
pub(super) fn split<'s>(sightings: Vec<&'s Sighting>) -> (Vec<Store<'s>>, Vec<&'s Sighting>) {
    let mut stores: BTreeMap<Locator, Store> = BTreeMap::new();
    for sighting in sightings.iter().filter(|sighting| sighting.role == Role::Tree) {
        let directory = place(sighting);
        let store = Store { directory: directory.clone(), manifests: Vec::new(), parts: Vec::new() };
        stores.entry(directory).or_insert(store);
    }
    let places: Vec<Locator> = stores.keys().cloned().collect();
    let mut rest = Vec::new();
    for sighting in sightings {
        let Some(directory) = outermost(&places, &sighting.locator) else {
            rest.push(sighting);
            continue;
        };
        let own = sighting.role == Role::Tree && place(sighting) == directory;
        if let Some(store) = stores.get_mut(&directory) {
            if own { store.manifests.push(sighting) } else { store.parts.push(sighting) }
        }
    }
    // The inner ones have nothing left of their own.
    (stores.into_values().filter(|store| !store.manifests.is_empty()).collect(), rest)
}

/// The directory a manifest describes.
fn place(manifest: &Sighting) -> Locator {
    let own = manifest.locator.parent();
    let in_books = BOOKS.contains(&own.base_name()) && !BESIDE.contains(&manifest.format.as_str());
    if in_books { own.parent() } else { own }
}

/// The outermost of the sorted directories that an entry lies in.
fn outermost(places: &[Locator], locator: &Locator) -> Option<Locator> {
    let mut directory = locator.parent();
    let mut found = None;
    loop {
        if places.binary_search(&directory).is_ok() {
            found = Some(directory.clone());
        }
        if directory.leaf().is_empty() {
            return found;
        }
        directory = directory.parent();
    }
}

/// The dataset of a store: what its manifests say, and what its parts add to that.
pub(super) fn group(store: Store<'_>) -> Group<'_> {
    let Store { directory, mut manifests, mut parts } = store;
    // The first that says something of the whole stands for it; among equals the first by name.
    let main = manifests.iter().position(|manifest| manifest.format == "hf-datasets").unwrap_or(0);
    let primary = manifests.remove(main);
    let mut asset = draft(primary, Kind::Dataset);
    let mut dataset = primary.fact.dataset().cloned().unwrap_or_default();
    let mut evidence = Vec::new();
    match primary.format.as_str() {
        "delta" | "hudi" | "iceberg" | "lance" => {
            let told: Vec<&Sighting> = std::iter::once(primary).chain(manifests.iter().copied()).collect();
            versions::tell(&directory, &told, &parts, &mut dataset, &mut evidence);
        }
        "hf-datasets" => splits::tell(&directory, primary, &manifests, &parts, &mut dataset),
        format if zarr::is_zarr(format) => {
            let told: Vec<&Sighting> = [primary].into_iter().chain(manifests.iter().chain(&parts).copied()).collect();
            if let Some(format) = zarr::tell(&directory, &told, &mut dataset) {
                asset.format = format.to_owned();
            }
        }
        _ => add_parts(&mut dataset, &manifests, &parts),
    }
    dataset.parts = None;
    asset.evidence.extend(evidence.into_iter().map(|why| Evidence { signature: "store".to_owned(), why }));
    if let Some(name) = name_of(&directory) {
        asset.name = name;
    }
    asset.fact = Fact::Dataset(Box::new(dataset));
    asset.impact = impact::of(&asset);
    parts.extend(manifests);
    parts.sort_by(|a, b| a.locator.cmp(&b.locator));
    Group { primary, others: parts, draft: asset }
}

/// What the manifests do not say, the tables of the parts do.
fn add_parts(dataset: &mut Dataset, manifests: &[&Sighting], parts: &[&Sighting]) {
    let more = || manifests.iter().chain(parts).filter_map(|part| part.fact.dataset());
    let stated = dataset.table.row_count;
    let has_columns = !dataset.table.columns.is_empty();
    let columns = std::mem::take(&mut dataset.table.columns);
    let column_count = dataset.table.column_count;
    for part in more() {
        join::join(&mut dataset.table, &part.table);
    }
    if stated.is_some() {
        dataset.table.row_count = stated;
        dataset.table.row_count_estimated = false;
    }
    if has_columns {
        dataset.table.columns = columns;
        dataset.table.column_count = column_count;
    }
}

/// The directory's name.
pub(super) fn name_of(directory: &Locator) -> Option<String> {
    let name = directory.base_name();
    (!name.is_empty()).then(|| crate::model::escape_name(name))
}

/// A path below a directory as text, in order to compare it with what a manifest lists.
pub(super) fn path_below(directory: &Locator, locator: &Locator) -> Option<String> {
    let rest = locator.leaf().strip_prefix(directory.leaf())?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(String::from_utf8_lossy(rest).into_owned())
}
