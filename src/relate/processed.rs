//! Data made from other data: the same observations, with columns that were added or rows that were dropped; and the source
//! that names the columns of both.
//!
//! Told by what the tables hold, never by their names: the same people behind at least nine in ten keys, every column of
//! the one in the other. Which came first the columns say: whoever has more was made later.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::edge;
use crate::model::{Asset, Confidence, Dataset, Kind, People, Presence, Relation, RelationKind};

/// Fewest columns that two tables must share: `id` and `value` are everybody's.
const FEWEST_COLUMNS: usize = 3;
/// Most tables of one subject column that are held against each other.
const MAX_COMPARED: usize = 200;

/// An edge from processed data to what it was made from, and from source to data whose columns it works on.
pub(super) fn relations(assets: &[Asset]) -> Vec<Relation> {
    let data: Vec<(&Asset, &Dataset)> = assets
        .iter()
        .filter(|asset| asset.kind == Kind::Dataset && asset.presence == Presence::Present)
        .filter_map(|asset| Some((asset, asset.fact.dataset()?)))
        .collect();
    let mut relations = derived(&data);
    relations.extend(worked_on(assets, &data));
    relations
}

fn derived(data: &[(&Asset, &Dataset)]) -> Vec<Relation> {
    let mut by_key: BTreeMap<&str, Vec<&(&Asset, &Dataset)>> = BTreeMap::new();
    for one in data {
        let is_wide = one.1.table.columns.len() >= FEWEST_COLUMNS;
        if let Some(column) = one.1.table.subject_column.as_deref().filter(|_| is_wide) {
            by_key.entry(column).or_default().push(one);
        }
    }
    let mut relations = Vec::new();
    for tables in by_key.values() {
        for (from, of_from) in tables.iter().take(MAX_COMPARED) {
            // The one with most columns of those it holds is the step before it.
            let sources = tables
                .iter()
                .take(MAX_COMPARED)
                .filter(|(asset, source)| asset.id != from.id && is_made_from(of_from, source));
            if let Some((source, of_source)) =
                sources.max_by_key(|(asset, source)| (source.table.columns.len(), &asset.id))
            {
                let new = of_from.table.columns.len().saturating_sub(of_source.table.columns.len());
                let why = format!("the same people and columns, and {new} more");
                let seen = (*source, "its people and columns are all in the other");
                relations.push(edge((from, &why), seen, RelationKind::DerivedFrom, Confidence::Medium));
            }
        }
    }
    relations
}

/// Whether one table has all columns of another and some more, over the same people and no more rows.
fn is_made_from(made: &Dataset, source: &Dataset) -> bool {
    let (a, b) = (&made.table, &source.table);
    let columns: BTreeSet<&String> = a.columns.iter().collect();
    let more_columns = a.columns.len() > b.columns.len() && b.columns.iter().all(|column| columns.contains(column));
    let rows = matches!((a.row_count, b.row_count), (Some(a), Some(b)) if a > 0 && a <= b);
    more_columns && rows && made.modality == source.modality && are_the_same_people(made, source)
}

fn are_the_same_people(a: &Dataset, b: &Dataset) -> bool {
    fn people(dataset: &Dataset) -> Option<&People> {
        dataset.table.sketch.as_ref()?.people.as_ref()
    }
    let (Some(a), Some(b)) = (people(a), people(b)) else { return false };
    let (both, asked) = a.shared(b);
    both >= 2 && both * 10 >= asked * 9
}

/// Source that works on a dataset: it reads such files, and names at least two of its columns.
fn worked_on(assets: &[Asset], data: &[(&Asset, &Dataset)]) -> Vec<Relation> {
    let mut by_column: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, (_, dataset)) in data.iter().enumerate() {
        for column in &dataset.table.columns {
            by_column.entry(column).or_default().push(at);
        }
    }
    let mut relations = Vec::new();
    for source in assets.iter().filter(|asset| asset.kind == Kind::Code && asset.presence == Presence::Present) {
        let Some(code) = source.fact.code() else { continue };
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for key in &code.columns {
            // A column that is everywhere tells nothing.
            for &at in by_column.get(key.as_str()).filter(|holders| holders.len() <= MAX_COMPARED).into_iter().flatten()
            {
                *shared.entry(at).or_default() += 1;
            }
        }
        for (at, columns) in shared.into_iter().filter(|(_, columns)| *columns >= 2) {
            let Some((target, _)) = data.get(at) else { continue };
            let is_read = code.reads_formats.iter().any(|format| target.format.starts_with(format.as_str()));
            if !is_read {
                continue;
            }
            let why = format!("reads {} files and names {columns} columns of the other", target.format);
            let confidence = if columns >= 4 { Confidence::Medium } else { Confidence::Low };
            let seen = (*target, "has the columns");
            relations.push(edge((source, &why), seen, RelationKind::Reads, confidence));
        }
    }
    relations
}
