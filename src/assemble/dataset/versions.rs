//! Tables with a history: what the newest version is made of, and what is stored although it no longer belongs to it.
//!
//! A log says what changed (Delta), a manifest states every file of its version (Lance, Iceberg, a checkpoint of Delta),
//! and some tables only say it in the names of their files (Hudi). Replayed in order of their versions, each ends in the
//! files of the newest one.

use std::collections::{BTreeMap, BTreeSet};

use super::stores::path_below;
use super::{add, join};
use crate::model::{Dataset, Locator, Part, Parts, Sighting};

/// Completes the dataset of a table directory.
pub(super) fn tell(
    directory: &Locator,
    manifests: &[&Sighting],
    parts: &[&Sighting],
    dataset: &mut Dataset,
    evidence: &mut Vec<String>,
) {
    let files: BTreeMap<String, &Dataset> = parts
        .iter()
        .filter_map(|part| Some((path_below(directory, &part.locator)?, part.fact.dataset()?)))
        .filter(|(path, _)| !path.starts_with('_') && !path.starts_with('.') && !path.starts_with("metadata/"))
        .collect();
    let mut told: Vec<(&Dataset, &Parts)> = manifests
        .iter()
        .filter_map(|manifest| manifest.fact.dataset())
        .filter_map(|dataset| Some((dataset, dataset.parts.as_deref()?)))
        .collect();
    told.sort_by_key(|(_, parts)| (parts.version, parts.whole));
    take_schema(dataset, &told);
    for file in files.values() {
        let rows = dataset.table.row_count;
        let (columns, count) = (std::mem::take(&mut dataset.table.columns), dataset.table.column_count);
        join::join(&mut dataset.table, &file.table);
        if !columns.is_empty() {
            (dataset.table.columns, dataset.table.column_count) = (columns, count);
        }
        dataset.table.row_count = rows;
    }
    let newest = told.last().and_then(|(_, parts)| parts.version);
    match replay(&told) {
        Some(replayed) => count(dataset, &replayed, &files, evidence),
        // The files say it by their names, or not at all.
        None => by_instant(dataset, &files),
    }
    if newest.is_some() {
        dataset.table_version = newest;
        // Iceberg states its snapshots itself: a description of the table is not a version of its rows.
        let versions: BTreeSet<Option<u64>> = told.iter().map(|(_, parts)| parts.version).collect();
        dataset.versions = dataset.versions.or(Some(versions.len() as u64));
    }
}

/// What each manifest says of the table as a whole: the newest one's word stands.
fn take_schema(dataset: &mut Dataset, told: &[(&Dataset, &Parts)]) {
    for (manifest, _) in told {
        if !manifest.table.columns.is_empty() {
            dataset.table.columns.clone_from(&manifest.table.columns);
            dataset.table.column_count = manifest.table.column_count;
        }
        dataset.schema_name = manifest.schema_name.clone().or(dataset.schema_name.take());
        dataset.description = manifest.description.clone().or(dataset.description.take());
        dataset.created_by = manifest.created_by.clone().or(dataset.created_by.take());
        dataset.table.row_count = manifest.table.row_count.or(dataset.table.row_count);
        dataset.active_files = manifest.active_files.or(dataset.active_files);
        dataset.versions = manifest.versions.or(dataset.versions);
    }
}

struct Replayed<'p> {
    active: BTreeMap<&'p str, &'p Part>,
    gone: BTreeSet<&'p str>,
    /// Whether the beginning is there: the first version, or a state of the whole.
    complete: bool,
}

/// The files of the newest version; nothing where no file is ever listed.
fn replay<'p>(told: &[(&'p Dataset, &'p Parts)]) -> Option<Replayed<'p>> {
    let mut replayed = Replayed { active: BTreeMap::new(), gone: BTreeSet::new(), complete: false };
    let mut lists = false;
    for (_, parts) in told {
        lists |= parts.whole || !parts.added.is_empty() || !parts.removed.is_empty();
        replayed.complete |= parts.whole || parts.version == Some(0);
        if parts.whole {
            replayed.gone.extend(replayed.active.keys());
            replayed.active.clear();
        }
        for path in &parts.removed {
            replayed.active.remove(path.as_str());
            replayed.gone.insert(path);
        }
        for part in &parts.added {
            replayed.gone.remove(part.path.as_str());
            replayed.active.insert(&part.path, part);
        }
    }
    lists.then_some(replayed)
}

fn count(dataset: &mut Dataset, replayed: &Replayed, files: &BTreeMap<String, &Dataset>, evidence: &mut Vec<String>) {
    // A part listed without a name that lies below the directory is known by its last component.
    let by_name: BTreeMap<&str, &Dataset> =
        files.iter().map(|(path, file)| (path.rsplit('/').next().unwrap_or(path), *file)).collect();
    let find = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        files.get(path).copied().or_else(|| by_name.get(name).copied())
    };
    let mut rows = None;
    let mut gone = 0u64;
    let mut absent = 0u64;
    for (path, part) in &replayed.active {
        let file = find(path);
        absent = absent.saturating_add(u64::from(file.is_none() && part.rows.is_some()));
        let stored = part.rows.or_else(|| file.and_then(|file| file.table.row_count));
        rows = add(rows, stored.map(|stored| stored.saturating_sub(part.deleted)));
        gone = gone.saturating_add(part.deleted);
    }
    let names: BTreeSet<&str> = replayed.active.keys().map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
    for (path, file) in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        if !replayed.active.contains_key(path.as_str()) && !names.contains(name) {
            gone = gone.saturating_add(file.table.row_count.unwrap_or(0));
        }
    }
    // Nothing is left of the rows of a table whose files were all removed.
    dataset.table.row_count = rows.or(if replayed.complete { Some(0) } else { dataset.table.row_count });
    dataset.active_files = Some(replayed.active.len() as u64);
    dataset.tombstoned_files = (!replayed.gone.is_empty()).then_some(replayed.gone.len() as u64);
    dataset.rows_still_on_disk = (gone > 0).then(|| gone.saturating_add(rows.unwrap_or(0)));
    if gone > 0 {
        evidence.push(format!("{gone} rows that no longer belong to it are stored all the same"));
    }
    if absent > 0 && !files.is_empty() {
        evidence.push(format!("{absent} files of its newest version are not here"));
    }
    if !replayed.complete {
        dataset.table.row_count_estimated = true;
        evidence.push("the beginning of its log is not here".to_owned());
    }
}

/// Hudi names a base file `<file id>_<write token>_<instant>.parquet`: of each file id the newest instant counts.
fn by_instant(dataset: &mut Dataset, files: &BTreeMap<String, &Dataset>) {
    let mut newest: BTreeMap<(&str, &str), (&str, &str)> = BTreeMap::new();
    for path in files.keys() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some((id, rest)) = name.split_once('_') else { continue };
        let Some((_, instant)) = rest.rsplit_once('_') else { continue };
        let entry = newest.entry((folder, id)).or_insert((instant, path));
        if instant > entry.0 {
            *entry = (instant, path);
        }
    }
    let rows = |file: &&&Dataset| file.table.row_count;
    let all = files.values().filter_map(|file| rows(&file)).reduce(u64::saturating_add);
    if newest.is_empty() {
        // A manifest that counts rows itself: whatever there is more is left of older versions.
        let stated = dataset.table.row_count;
        let more = all.unwrap_or(0).saturating_sub(stated.unwrap_or(u64::MAX));
        dataset.table.row_count = stated.or(all);
        dataset.rows_still_on_disk = all.filter(|_| more > 0);
        return;
    }
    let active = newest.values().filter_map(|(_, path)| files.get(*path)?.table.row_count).reduce(u64::saturating_add);
    dataset.table.row_count = active;
    dataset.active_files = Some(newest.len() as u64);
    let gone = (files.len() as u64).saturating_sub(newest.len() as u64);
    dataset.tombstoned_files = (gone > 0).then_some(gone);
    let more = all.unwrap_or(0).saturating_sub(active.unwrap_or(0));
    dataset.rows_still_on_disk = all.filter(|_| more > 0);
}
