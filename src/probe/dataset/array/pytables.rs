//! Frames that pandas keeps in HDF5 through PyTables.
//!
//! Follows `pandas/io/pytables.py`. A frame is a group with the attribute `pandas_type`. In the `table` format its rows
//! are records: columns of one type lie together in a field `values_block_<n>`, and a pickled attribute lists their
//! names. In the `fixed` format the names are a data set of their own, and so is each block of values; blocks of
//! objects are pickles, and are not read.

use super::frame::{self, Field, Source, Values, kind};
use super::hdf5::{Part, left_out};
use super::hdf5_tree::Tree;
use crate::archive::hdf5::{Class, Datatype};
use crate::model::{Dataset, TableFacts, keep, publishable};
use crate::probe::weights::pickle;
use crate::probe::{Input, ProbeError};
use crate::table::{Column, Context, Table};

/// Frames that are read.
const MAX_FRAMES: usize = 500;
/// Most columns of a frame.
const MAX_COLUMNS: u64 = 20_000;

/// The groups that are frames.
pub(super) fn frames(tree: &mut Tree) -> Option<Vec<String>> {
    let groups: Vec<String> = tree.order.iter().filter(|path| tree.is_group(path)).cloned().collect();
    let mut frames = Vec::new();
    for path in groups {
        let sort = tree.text(&path, "pandas_type").unwrap_or_default();
        if sort.starts_with("frame") || sort.starts_with("series") || sort.starts_with("appendable") {
            frames.push(path);
        }
    }
    (!frames.is_empty()).then_some(frames)
}

/// Every frame: the file's table, where there is one.
pub(super) fn facts(input: &Input, tree: &mut Tree, keys: Vec<String>) -> Result<Part, ProbeError> {
    let mut dataset = Dataset::default();
    let mut outcome = Ok(());
    if keys.len() > MAX_FRAMES {
        outcome = Err(left_out(&format!("only {MAX_FRAMES} of its frames were read")));
    }
    for path in keys.iter().take(MAX_FRAMES) {
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut table = Table::new(input.tables, Context { name: name.to_owned(), ..Context::default() });
        let records = format!("{path}/table");
        let (rows, end) = match tree.dataset(&records).is_some() {
            true => table_format(input, tree, path, &records, &mut table),
            false => fixed_format(input, tree, path, &mut table),
        };
        outcome = outcome.and(end);
        let mut facts = table.finish();
        facts.row_count = rows;
        facts.row_count_estimated = false;
        keep(&mut dataset.tables, publishable("key", path), facts);
    }
    dataset.keys = dataset.tables.keys().cloned().collect();
    dataset.table = TableFacts::joined(dataset.tables.values());
    if dataset.tables.len() == 1
        && let Some((_, facts)) = dataset.tables.pop_first()
    {
        dataset.table = facts;
    }
    Ok((dataset, outcome))
}

type Rows = (Option<u64>, Result<(), ProbeError>);

fn table_format(input: &Input, tree: &mut Tree, path: &str, records: &str, table: &mut Table) -> Rows {
    let Some(array) = tree.dataset(records).cloned() else { return (None, Ok(())) };
    let Class::Compound(members) = &array.datatype.class else { return (None, Ok(())) };
    let order = pickled(tree, path, "non_index_axes");
    let mut fields = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let count = match &member.datatype.class {
            Class::Array(_, shape) => shape.iter().product::<u64>().min(MAX_COLUMNS),
            _ => 1,
        };
        let base: &Datatype = match &member.datatype.class {
            Class::Array(base, _) => base,
            _ => &member.datatype,
        };
        // The index is no column, as long as nobody gave it a name.
        let named = match member.name.as_str() {
            "index" => pickled(tree, path, "index_name"),
            name if name.starts_with("values_block_") => pickled(tree, records, &format!("{name}_kind")),
            name => vec![name.to_owned()],
        };
        for (element, name) in (0..count).zip(named) {
            fields.push(Field { column: Column::of(name, kind(base)), field: number, element });
        }
    }
    let place = |field: &Field| order.iter().position(|name| *name == field.column.name).unwrap_or(usize::MAX);
    fields.sort_by_key(place);
    let (series, failed) = match input.rows.then(|| tree.file.series(&array)).transpose() {
        Ok(series) => (series, Ok(())),
        Err(error) => (None, Err(error.into())),
    };
    let outcome = frame::feed_records(input, &mut tree.file, table, series, fields).and(failed);
    (array.shape.first().copied(), outcome)
}

fn fixed_format(input: &Input, tree: &mut Tree, path: &str, table: &mut Table) -> Rows {
    let index = ["axis1", "index"].iter().find_map(|name| tree.dataset(&format!("{path}/{name}")));
    let rows = index.and_then(|index| index.shape.first().copied());
    let names = tree.all_texts(&format!("{path}/axis0"), MAX_COLUMNS).unwrap_or_default();
    let mut sources = Vec::new();
    for block in 0..names.len() {
        if tree.dataset(&format!("{path}/block{block}_items")).is_none() {
            break;
        }
        let items = tree.all_texts(&format!("{path}/block{block}_items"), MAX_COLUMNS).unwrap_or_default();
        let Some(values) = tree.dataset(&format!("{path}/block{block}_values")).cloned() else { continue };
        for (column, name) in (0u64..).zip(items) {
            // A block of objects is one pickle: its columns are named and no more.
            let is_array = values.shape.len() == 2 && values.shape.first().copied() == rows;
            let series = if is_array && input.rows { tree.file.series(&values).ok() } else { None };
            let held = series.map(|series| Values::Plain(series, column));
            let kind = if is_array { kind(&values.datatype) } else { crate::table::Kind::Text };
            sources.push(Source { name, kind, values: held });
        }
    }
    sources.sort_by_key(|source| names.iter().position(|name| *name == source.name).unwrap_or(usize::MAX));
    let outcome = frame::feed(input, &mut tree.file, table, sources, rows.unwrap_or(0));
    (rows, outcome)
}

/// The texts of an attribute that PyTables pickled: as a text, or as a scalar of bytes.
fn pickled(tree: &mut Tree, path: &str, name: &str) -> Vec<String> {
    let Some(attribute) = tree.attribute(path, name) else { return Vec::new() };
    if !matches!(attribute.datatype.class, Class::Text | Class::VariableText) {
        return Vec::new();
    }
    let texts = pickle::texts(&attribute.value);
    if !texts.is_empty() || attribute.datatype.class == Class::Text && attribute.value.starts_with(b"N.") {
        return texts;
    }
    let text = tree.file.texts(&attribute).unwrap_or_default();
    text.iter().flat_map(|text| pickle::texts(text.as_bytes())).collect()
}
