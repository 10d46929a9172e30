//! Directories of the datasets library: one dataset with its splits, each an Arrow file or several.
//!
//! What `save_to_disk` writes keeps every split in a folder of its own; a builder's cache keeps all of them in one folder,
//! under names that say which split they are.

use std::collections::BTreeMap;

use super::stores::path_below;
use super::{add, join};
use crate::model::{Dataset, Locator, Sighting};

/// Completes the dataset from its descriptions and its files.
pub(super) fn tell(
    directory: &Locator,
    primary: &Sighting,
    manifests: &[&Sighting],
    parts: &[&Sighting],
    dataset: &mut Dataset,
) {
    let described: Vec<&Dataset> =
        std::iter::once(&primary).chain(manifests).chain(parts).filter_map(|part| part.fact.dataset()).collect();
    let names: Vec<&str> = described.iter().flat_map(|part| part.splits.keys()).map(String::as_str).collect();
    let stated: BTreeMap<String, u64> = described.iter().flat_map(|part| part.splits.clone()).collect();
    let mut counted: BTreeMap<String, Option<u64>> = BTreeMap::new();
    let mut rows = None;
    let mut shards = 0u64;
    for part in parts {
        let Some(facts) = part.fact.dataset() else { continue };
        dataset.license = dataset.license.take().or_else(|| facts.license.clone());
        dataset.description = dataset.description.take().or_else(|| facts.description.clone());
        let is_data = part.role == crate::model::Role::Primary;
        // What `map` and `filter` keep beside the data are copies of it.
        if !is_data || part.locator.base_name().starts_with(b"cache-") {
            continue;
        }
        let path = path_below(directory, &part.locator).unwrap_or_default();
        if let Some(split) = split_of(&path, &names) {
            let sum = counted.entry(split.to_owned()).or_default();
            *sum = add(*sum, facts.table.row_count);
        }
        rows = add(rows, facts.table.row_count);
        shards = shards.saturating_add(1);
        join::join(&mut dataset.table, &facts.table);
    }
    for part in described {
        if dataset.table.columns.is_empty() {
            dataset.table.columns.clone_from(&part.table.columns);
            dataset.table.column_count = part.table.column_count;
        }
    }
    dataset.splits = stated;
    dataset.splits.extend(counted.into_iter().filter_map(|(split, rows)| Some((split, rows?))));
    dataset.splits.retain(|_, rows| *rows > 0);
    let sum = dataset.splits.values().copied().reduce(u64::saturating_add);
    dataset.table.row_count = rows.or(sum);
    dataset.shards = (shards > 0).then_some(shards);
}

/// The split a file belongs to: its folder, or the word of its name that is one.
fn split_of<'p>(path: &'p str, names: &[&'p str]) -> Option<&'p str> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let first = folder.split('/').next().unwrap_or_default();
    if names.contains(&first) {
        return Some(first);
    }
    let mut words = name.split(['-', '.', '_']);
    let word = words.find_map(|word| names.iter().find(|name| **name == word)).copied();
    let alone = (names.len() == 1).then(|| names.first().copied()).flatten();
    word.or(alone).or((!first.is_empty()).then_some(first))
}
