//! Data files → datasets: one asset a dataset, whatever it is split over.
//!
//! A directory that a manifest describes as a whole is one dataset with everything recognised below it ([`stores`]).
//! Elsewhere, in this order: files in directories that spell out columns ([`partitions`]); files that number themselves
//! within one directory ([`shards`]); images of one directory ([`instances`]); files that stand for others
//! ([`pointers`]); files without a structure, beside the one that says what it is ([`pairs`]); every
//! other file by itself.

mod dictionaries;
mod instances;
mod join;
mod pairs;
mod partitions;
pub(super) mod pointers;
mod shards;
mod splits;
mod stores;
mod versions;
mod zarr;

use super::{Group, draft, impact, plain};
use crate::model::{Dataset, Evidence, Fact, Kind, Sighting};

/// The datasets of a survey. `raw` are files without a structure, in case one of them is described by another.
pub(super) fn groups<'s>(sightings: Vec<&'s Sighting>, raw: Vec<&'s Sighting>) -> Vec<Group<'s>> {
    let (trees, rest) = stores::split(sightings);
    let mut groups: Vec<Group> = trees.into_iter().map(stores::group).collect();
    let (partitioned, rest) = partitions::split(rest);
    groups.extend(partitioned);
    let (sharded, rest) = shards::split(rest);
    groups.extend(sharded);
    let (series, rest) = instances::split(rest);
    groups.extend(series);
    let (pointers, rest) = pointers::split(rest);
    groups.extend(pointers);
    let (described, rest) = pairs::split(rest, &raw);
    groups.extend(described);
    groups.extend(plain::groups(rest.into_iter()));
    dictionaries::apply(&mut groups);
    groups
}

/// A dataset of several files.
struct Made<'s> {
    primary: &'s Sighting,
    others: Vec<&'s Sighting>,
    format: String,
    name: Option<String>,
    dataset: Dataset,
    /// Why they are one, in words.
    because: String,
}

fn finish(made: Made<'_>) -> Group<'_> {
    let mut asset = draft(made.primary, Kind::Dataset);
    asset.format = made.format;
    if let Some(name) = made.name {
        asset.name = name;
    }
    asset.evidence.push(Evidence { signature: "grouping".to_owned(), why: made.because });
    asset.fact = Fact::Dataset(Box::new(made.dataset));
    asset.impact = impact::of(&asset);
    Group { primary: made.primary, others: made.others, draft: asset }
}

/// The facts of sightings of one dataset as one: tables joined, and counts of members and rows summed.
fn together<'s>(parts: impl IntoIterator<Item = &'s Sighting>) -> Dataset {
    let mut parts = parts.into_iter().filter_map(|part| part.fact.dataset());
    let Some(first) = parts.next() else { return Dataset::default() };
    let mut sum = first.clone();
    for part in parts {
        join::join(&mut sum.table, &part.table);
        sum.shards = add(sum.shards, part.shards);
        sum.members = add(sum.members, part.members);
        sum.element_count = add(sum.element_count, part.element_count);
        sum.token_count = add(sum.token_count, part.token_count);
        sum.row_groups = add(sum.row_groups, part.row_groups);
        sum.batches = add(sum.batches, part.batches);
        for (dtype, count) in &part.dtypes {
            let all = sum.dtypes.entry(dtype.clone()).or_default();
            *all = all.saturating_add(*count);
        }
        for (table, facts) in &part.tables {
            match sum.tables.get_mut(table) {
                Some(own) => join::join(own, facts),
                None => drop(sum.tables.insert(table.clone(), facts.clone())),
            }
        }
    }
    sum
}

fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}
