//! HDF5 files: arrays by path, and the tables among them.
//!
//! Annotated matrices (AnnData, loom, 10x) and frames of pandas are told by what their writers put into every file. Of
//! any other file, data sets of one axis and the same length are the columns of a table, and each data set of records is
//! a table of its own. Matrices are never read, only their extents. What Keras wrote is left to the probe of models.

use std::collections::BTreeMap;

use super::frame::{self, Field, Source, Values, kind};
use super::hdf5_tree::Tree;
use super::{anndata, pytables};
use crate::archive::hdf5::{Class, File, Member, Object};
use crate::blob::ReadError;
use crate::model::{Dataset, Fact, TableFacts, keep, publishable};
use crate::probe::weights::keras_h5;
use crate::probe::{Finding, Input, ProbeError, kit};
use crate::table::{Column, Context, Table};

/// Arrays that are listed.
const MAX_LISTED: usize = 1_000;
/// Columns of a table that is made up of data sets.
const MAX_COLUMNS: usize = 1_000;
/// Tables of records that are read.
const MAX_TABLES: usize = 200;

/// What a probe of a part learned, and what ended it early.
pub(super) type Part = (Dataset, Result<(), ProbeError>);

/// Reads the tree of a file, and its tables.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let file = File::open(input.blob)?;
    let mut tree = Tree::read(file);
    if !tree.is_group("") {
        return Err(tree.stopped.unwrap_or(ProbeError::NotMine));
    }
    let (format, (dataset, outcome)) = if anndata::is_anndata(&mut tree) {
        ("h5ad", anndata::h5ad(input, &mut tree)?)
    } else if anndata::is_loom(&tree) {
        ("loom", anndata::loom(input, &mut tree)?)
    } else if let Some(group) = anndata::ten_x(&tree) {
        ("10x-h5", anndata::ten_x_facts(input, &mut tree, &group)?)
    } else if !matches!(keras_h5::describe(input.blob), Err(ProbeError::NotMine)) {
        return Err(ProbeError::NotMine);
    } else if let Some(keys) = pytables::frames(&mut tree) {
        ("hdf5-pandas", pytables::facts(input, &mut tree, keys)?)
    } else {
        let format = if input.head.starts_with(b"MATLAB 7.3 MAT-file") { "mat" } else { "hdf5" };
        (format, general(input, &mut tree)?)
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    finding.format = Some(format);
    if let Some(stopped) = tree.stopped {
        finding.notes.push(kit::note(stopped)?);
    }
    finding.noting(outcome)
}

/// Any file.
fn general(input: &Input, tree: &mut Tree) -> Result<Part, ProbeError> {
    let mut dataset = Dataset { attrs: tree.attrs(), ..Dataset::default() };
    let mut lengths: BTreeMap<u64, u64> = BTreeMap::new();
    let (mut elements, mut records) = (0u64, Vec::new());
    for path in &tree.order {
        let Some(Object::Dataset(array)) = tree.objects.get(path) else { continue };
        let count = kit::elements(&array.shape)?;
        elements = elements.saturating_add(count);
        let name = array.datatype.number_name().unwrap_or(match array.datatype.class {
            Class::Text | Class::VariableText => "str",
            Class::Compound(_) => "record",
            _ => "other",
        });
        let sum = dataset.dtypes.entry(name.to_owned()).or_default();
        *sum = sum.saturating_add(count);
        if let Some(&length) = array.shape.first().filter(|&&length| length > 1) {
            let sum = lengths.entry(length).or_default();
            *sum = sum.saturating_add(1);
        }
        if matches!(array.datatype.class, Class::Compound(_)) && array.shape.len() == 1 {
            records.push(path.clone());
        }
        if dataset.datasets.len() < MAX_LISTED {
            keep(&mut dataset.datasets, publishable("path", path), array.shape.clone());
        }
    }
    dataset.element_count = Some(elements);
    let mut outcome = Ok(());
    if records.len() > MAX_TABLES {
        outcome = Err(left_out(&format!("only {MAX_TABLES} of its tables were read")));
    }
    for path in records.into_iter().take(MAX_TABLES) {
        let (facts, end) = record_table(input, tree, &path)?;
        outcome = outcome.and(end);
        keep(&mut dataset.tables, publishable("path", &path), facts);
    }
    // The length that most arrays share; the longer one where there are several.
    let rows = lengths.into_iter().max_by_key(|&(length, count)| (count, length)).map(|(length, _)| length);
    if let Some(rows) = rows {
        let (mut facts, end) = columns_of_length(input, tree, rows)?;
        outcome = outcome.and(end);
        facts.row_count = Some(rows);
        facts.row_count_estimated = false;
        if dataset.tables.is_empty() {
            dataset.table = facts;
        } else {
            dataset.table = TableFacts::joined(dataset.tables.values().chain([&facts]));
            dataset.table.row_count = Some(rows);
        }
    } else {
        dataset.table = TableFacts::joined(dataset.tables.values());
        // Of one table of records, the columns are the file's.
        if let (1, Some(only)) = (dataset.tables.len(), dataset.tables.values().next()) {
            dataset.table.columns.clone_from(&only.columns);
            dataset.table.column_count = only.column_count;
            dataset.table.column_classes.clone_from(&only.column_classes);
        }
    }
    Ok((dataset, outcome))
}

/// There is more than is looked at.
pub(super) fn left_out(what: &str) -> ProbeError {
    ReadError::OverBudget(what.to_owned()).into()
}

/// The data sets of one axis and that length, as the columns of a table.
fn columns_of_length(
    input: &Input,
    tree: &mut Tree,
    rows: u64,
) -> Result<(TableFacts, Result<(), ProbeError>), ProbeError> {
    let (mut sources, mut further) = (Vec::new(), 0u64);
    for path in tree.order.clone() {
        let Some(array) = tree.dataset(&path).filter(|array| array.shape == [rows]).cloned() else { continue };
        if matches!(array.datatype.class, Class::Compound(_)) {
            continue;
        }
        if sources.len() >= MAX_COLUMNS {
            further = further.saturating_add(1);
            continue;
        }
        let values = if input.rows { tree.file.series(&array).ok() } else { None };
        let values = values.map(|series| Values::Plain(series, 0));
        sources.push(Source { name: path, kind: kind(&array.datatype), values });
    }
    let mut table = input.table();
    let mut outcome = frame::feed(input, &mut tree.file, &mut table, sources, rows);
    if further > 0 {
        table.cut();
        outcome = outcome.and(Err(left_out(&format!("only {MAX_COLUMNS} of its columns were read"))));
    }
    let mut facts = table.finish();
    // What has no columns of its own has no width either.
    if facts.columns.is_empty() {
        facts.column_count = None;
    }
    Ok((facts, outcome))
}

/// A data set of records: a table of its own.
pub(super) fn record_table(
    input: &Input,
    tree: &mut Tree,
    path: &str,
) -> Result<(TableFacts, Result<(), ProbeError>), ProbeError> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut table = Table::new(input.tables, Context { name: name.to_owned(), ..Context::default() });
    let Some(array) = tree.dataset(path).cloned() else { return Ok((table.finish(), Ok(()))) };
    let Class::Compound(members) = &array.datatype.class else { return Ok((table.finish(), Ok(()))) };
    let rows = array.shape.first().copied().unwrap_or(1);
    let field = |(number, member): (usize, &Member)| Field {
        column: Column::of(member.name.clone(), kind(&member.datatype)),
        field: number,
        element: 0,
    };
    let fields = members.iter().enumerate().map(field).collect();
    let (series, failed) = match input.rows.then(|| tree.file.series(&array)).transpose() {
        Ok(series) => (series, Ok(())),
        Err(error) => (None, Err(error.into())),
    };
    let outcome = frame::feed_records(input, &mut tree.file, &mut table, series, fields).and(failed);
    let mut facts = table.finish();
    facts.row_count = Some(rows);
    facts.row_count_estimated = false;
    Ok((facts, outcome))
}
