//! Data made from other data: the same observations, with columns that were added or rows that were dropped; and the source
//! that names the columns of both.
//!
//! Told by what the tables hold, never by their names: the same people behind at least nine in ten keys, every column of
//! the one in the other. Which came first the columns say: whoever has more was made later.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::edge;
use crate::model::{Asset, Code, Confidence, Dataset, Kind, Presence, Relation, RelationKind};

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
    let steps = steps(&data);
    let mut relations: Vec<Relation> = steps.iter().map(derived).collect();
    relations.extend(worked_on(assets, &data));
    relations.extend(added(assets, &steps));
    relations
}

/// A dataset and the one it was made from.
struct Step<'a> {
    made: (&'a Asset, &'a Dataset),
    source: (&'a Asset, &'a Dataset),
}

fn derived(step: &Step) -> Relation {
    let new = step.made.1.table.columns.len().saturating_sub(step.source.1.table.columns.len());
    let why = format!("the same people and columns, and {new} more");
    let seen = (step.source.0, "its people and columns are all in the other");
    edge((step.made.0, &why), seen, RelationKind::DerivedFrom, Confidence::Medium)
}

fn steps<'a>(data: &[(&'a Asset, &'a Dataset)]) -> Vec<Step<'a>> {
    let mut by_key: BTreeMap<&str, Vec<&(&Asset, &Dataset)>> = BTreeMap::new();
    for one in data {
        let is_wide = one.1.table.columns.len() >= FEWEST_COLUMNS;
        if let Some(column) = one.1.table.subject_column.as_deref().filter(|_| is_wide) {
            by_key.entry(column).or_default().push(one);
        }
    }
    let mut steps = Vec::new();
    for tables in by_key.values() {
        for (from, of_from) in tables.iter().take(MAX_COMPARED) {
            // The one with most columns of those it holds is the step before it.
            let sources = tables
                .iter()
                .take(MAX_COMPARED)
                .filter(|(asset, source)| asset.id != from.id && is_made_from(of_from, source));
            if let Some(source) = sources.max_by_key(|(asset, source)| (source.table.columns.len(), &asset.id)) {
                steps.push(Step { made: (from, of_from), source: **source });
            }
        }
    }
    steps
}

/// Source that makes one dataset from another: it names a column of both, and one that only the second has.
fn added(assets: &[Asset], steps: &[Step]) -> Vec<Relation> {
    let mut by_column: BTreeMap<&str, Vec<(&Asset, &Code)>> = BTreeMap::new();
    for source in assets.iter().filter(|asset| asset.kind == Kind::Code && asset.presence == Presence::Present) {
        let Some(code) = source.fact.code() else { continue };
        code.columns.iter().for_each(|column| by_column.entry(column).or_default().push((source, code)));
    }
    let mut relations = Vec::new();
    for step in steps {
        let old: BTreeSet<&str> = step.source.1.table.columns.iter().map(String::as_str).collect();
        let new = step.made.1.table.columns.iter().map(String::as_str).filter(|column| !old.contains(column));
        let mut seen = BTreeSet::new();
        for added in new {
            // A column that every source names tells nothing.
            let named = by_column.get(added).filter(|sources| sources.len() <= MAX_COMPARED).into_iter().flatten();
            for (source, code) in named.filter(|(_, code)| reads(code, step.source.0)) {
                let shared = code.columns.iter().find(|column| old.contains(column.as_str()));
                let Some(shared) = shared.filter(|_| seen.insert(&source.id)) else { continue };
                let why = format!("works on the column '{shared}', and adds '{added}'");
                let read = (step.source.0, "has the first of the columns");
                relations.push(edge((source, &why), read, RelationKind::Reads, Confidence::Medium));
                let written = (step.made.0, "has both columns");
                relations.push(edge((source, &why), written, RelationKind::Writes, Confidence::Medium));
            }
        }
    }
    relations
}

/// Whether source reads files of the format a dataset has.
fn reads(code: &Code, data: &Asset) -> bool {
    code.reads_formats.iter().any(|format| data.format.starts_with(format.as_str()))
}

/// Whether one table has all columns of another and some more, over the same people and no more rows.
fn is_made_from(made: &Dataset, source: &Dataset) -> bool {
    let (a, b) = (&made.table, &source.table);
    let rows = matches!((a.row_count, b.row_count), (Some(a), Some(b)) if a > 0 && a <= b);
    if !rows || a.columns.len() <= b.columns.len() || made.modality != source.modality {
        return false;
    }
    let columns: BTreeSet<&String> = a.columns.iter().collect();
    b.columns.iter().all(|column| columns.contains(column)) && are_the_same_people(made, source)
}

fn are_the_same_people(a: &Dataset, b: &Dataset) -> bool {
    let (Some(a), Some(b)) = (&a.table.sketch, &b.table.sketch) else { return false };
    let (Some(a), Some(b)) = (&a.people, &b.people) else { return false };
    // Counts from 1 are the same in every table.
    let (both, asked) = a.shared(b);
    !(a.dense && b.dense) && both >= 2 && both * 10 >= asked * 9
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
            if !reads(code, target) {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::of;
    use super::*;
    use crate::model::{Fact, People, Sketch, TableFacts};

    fn table(path: &str, columns: &[&str], people: std::ops::Range<u64>, dense: bool) -> Asset {
        let people = People { lowest: people.collect(), whole: true, dense, ..People::default() };
        let table = TableFacts {
            row_count: Some(100),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            subject_column: Some("donor".to_owned()),
            sketch: Some(Arc::new(Sketch { rows: None, people: Some(people) })),
            ..TableFacts::default()
        };
        of(path, Kind::Dataset, "h5ad", Fact::Dataset(Box::new(Dataset { table, ..Dataset::default() })))
    }

    fn source(path: &str, columns: &[&str], reads: &str) -> Asset {
        let code = Code {
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            reads_formats: vec![reads.to_owned()],
            ..Code::default()
        };
        of(path, Kind::Code, "python", Fact::Code(Box::new(code)))
    }

    fn edges(assets: &[Asset]) -> Vec<(String, String, RelationKind)> {
        relations(assets).into_iter().map(|edge| (edge.from, edge.to, edge.kind)).collect()
    }

    #[test]
    fn more_columns_about_the_same_people_were_made_later() {
        let raw = table("raw", &["donor", "dose", "count"], 0..50, false);
        let made = table("made", &["donor", "dose", "count", "split"], 0..50, false);
        let others = table("others", &["donor", "dose", "count", "split"], 100..150, false);
        let step = ("made".to_owned(), "raw".to_owned(), RelationKind::DerivedFrom);
        assert_eq!(edges(&[raw.clone(), made.clone(), others]), [step]);
        let counted = ["a", "b"].map(|path| table(path, &["donor", "dose", "count"], 0..50, true));
        let more = table("c", &["donor", "dose", "count", "split"], 0..50, true);
        assert!(edges(&[counted[0].clone(), counted[1].clone(), more]).is_empty());
        let preprocess = source("preprocess.py", &["count", "split"], "h5ad");
        let found = edges(&[raw, made, preprocess, source("plot.py", &["split", "count"], "csv")]);
        let says = |to: &str, kind| found.contains(&("preprocess.py".to_owned(), to.to_owned(), kind));
        assert!(says("raw", RelationKind::Reads) && says("made", RelationKind::Writes), "{found:?}");
        assert!(found.iter().all(|(from, ..)| from != "plot.py"));
    }
}
