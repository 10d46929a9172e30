//! Data that was saved the way weights are: `torch.save({"x": …, "y": …, "subject": [...]}, path)`.
//!
//! A state dictionary is a dictionary of tensors too, so data is only what says so by structure:
//!
//! - no key is a parameter's name (a dotted path, `weight`, `running_mean`, …), and nothing in it is nested but the
//!   columns themselves: a table has columns, a model has modules;
//! - a list as long as the tensors' first axis, or a key that names data (`x`, `labels`, `train_images`) is among them;
//! - the columns agree in the first axis, or every one of them has a key that names data;
//! - or there are many tensors of one type and one shape, each under a key of its own, and none of the keys is a
//!   layer's: one embedding an item.
//!
//! A sequence of tensors that agree in the first axis is data as well; a single tensor is, unless it is a scalar.
//! Whatever fails this stays weights.

use super::super::pickle::{Id, Node, Tree, Visits};
use super::tensor::{Tensor, array, tensor};
use super::{MAX_KEYS, parts};
use crate::model::{Dataset, publishable};

/// Parts of a key that name data.
const DATA_WORDS: [&str; 48] = [
    "x",
    "y",
    "xs",
    "ys",
    "label",
    "labels",
    "target",
    "targets",
    "input",
    "inputs",
    "ids",
    "feature",
    "features",
    "feats",
    "embeddings",
    "data",
    "image",
    "images",
    "train",
    "test",
    "val",
    "valid",
    "sample",
    "samples",
    "subject",
    "subjects",
    "patient",
    "patients",
    "barcode",
    "barcodes",
    "genes",
    "cells",
    "sequence",
    "sequences",
    "tokens",
    "names",
    "edge",
    "pos",
    "representations",
    "expression",
    "counts",
    "spectra",
    "texts",
    "mask",
    "masks",
    "outputs",
    "logits",
    "predictions",
];
/// Those of them that say it alone, without a second column.
const SURE_WORDS: [&str; 10] =
    ["x", "features", "inputs", "ids", "images", "labels", "targets", "samples", "representations", "predictions"];
/// Last parts of a parameter's name.
const PARAMETER_WORDS: [&str; 12] =
    ["weight", "bias", "mean", "var", "tracked", "gamma", "beta", "scale", "kernel", "alpha", "a", "b"];
/// Parts of a key that name a layer.
const LAYER_WORDS: [&str; 8] = ["layer", "layers", "block", "head", "fc", "conv", "embed", "proj"];
/// Names of the halves of a split.
const SPLITS: [&str; 7] = ["train", "training", "val", "valid", "validation", "test", "dev"];
/// From how many tensors of one shape on each is an item.
const MANY_ITEMS: usize = 16;
/// Longest key of an item.
const MAX_ITEM_KEY: usize = 256;
/// Most columns looked at.
const MAX_COLUMNS: usize = 4096;

/// A table's columns, as far as they are tensors.
#[derive(Default)]
struct Columns<'t> {
    tensors: Vec<(String, Tensor<'t>)>,
    /// Lengths of lists of plain values.
    lists: Vec<u64>,
    /// Whether some are layers of one item rather than columns of many.
    layered: bool,
}

/// The data under the root of a pickle, if it is data.
pub(super) fn data(tree: &Tree, root: Id, visits: &mut Visits) -> Option<Dataset> {
    if let Some(tensor) = tensor(tree, root) {
        return single(&tensor);
    }
    if let Some(class) = tree.class(root)
        && class.is("torch.utils.data.dataset", "TensorDataset")
    {
        let (_, tensors) = tree.attributes(root)?.iter().find(|(key, _)| tree.text(*key) == Some("tensors"))?;
        return sequence(tree, tree.items(*tensors)?);
    }
    if let Some(items) = tree.items(root) {
        // Processed graphs are a pair: the columns, and where each graph's rows begin.
        let table = items.first().and_then(|&first| table(tree, tree.entries(first)?, visits));
        return sequence(tree, items).or_else(|| table.filter(|_| items.len() < 4));
    }
    let entries = tree.entries(root)?;
    splits(tree, entries, visits).or_else(|| table(tree, entries, visits))
}

fn single(tensor: &Tensor) -> Option<Dataset> {
    if tensor.shape.is_empty() || tensor.elements() < 2 {
        return None;
    }
    let mut dataset = dataset();
    dataset.shape = Some(tensor.shape.clone());
    dataset.table.row_count = tensor.shape.first().copied();
    add(&mut dataset, tensor);
    Some(dataset)
}

fn dataset() -> Dataset {
    Dataset { kind: Some("tensor_data".to_owned()), element_count: Some(0), ..Dataset::default() }
}

fn add(dataset: &mut Dataset, tensor: &Tensor) {
    let elements = tensor.elements();
    dataset.element_count = dataset.element_count.map(|sum| sum.saturating_add(elements));
    let of_type = dataset.dtypes.entry(tensor.dtype.to_owned()).or_default();
    *of_type = of_type.saturating_add(elements);
}

/// Two or more tensors, one row of each belonging together.
fn sequence(tree: &Tree, items: &[Id]) -> Option<Dataset> {
    if !(2..=8).contains(&items.len()) {
        return None;
    }
    let tensors: Option<Vec<Tensor>> = items.iter().map(|&item| column(tree, item)).collect();
    let tensors = tensors?;
    let rows = agreed(tensors.iter())?;
    let mut dataset = dataset();
    dataset.table.row_count = Some(rows);
    tensors.iter().for_each(|tensor| add(&mut dataset, tensor));
    Some(dataset)
}

fn column(tree: &Tree, id: Id) -> Option<Tensor<'_>> {
    tensor(tree, id).or_else(|| array(tree, id))
}

/// The first extent that all tensors that are not scalars have.
fn agreed<'a, 't: 'a>(mut tensors: impl Iterator<Item = &'a Tensor<'t>>) -> Option<u64> {
    let first = tensors.by_ref().find_map(|tensor| tensor.shape.first().copied())?;
    let same = tensors.all(|tensor| tensor.shape.first().is_none_or(|&extent| extent == first));
    (same && first >= 2).then_some(first)
}

/// `{"train": {…}, "test": {…}}`, each of them a table.
fn splits(tree: &Tree, entries: &[(Id, Id)], visits: &mut Visits) -> Option<Dataset> {
    if entries.is_empty() || entries.len() > SPLITS.len() {
        return None;
    }
    let mut dataset = dataset();
    let mut rows = Some(0u64);
    for &(key, value) in entries {
        let name = tree.text(key).filter(|name| SPLITS.contains(name))?;
        let part = tree.entries(value).and_then(|entries| table(tree, entries, visits))?;
        dataset.keys.push(name.to_owned());
        rows = rows.zip(part.table.row_count).and_then(|(sum, rows)| sum.checked_add(rows));
        dataset.element_count = dataset.element_count.zip(part.element_count).and_then(|(a, b)| a.checked_add(b));
        for (dtype, elements) in part.dtypes {
            let of_type = dataset.dtypes.entry(dtype).or_default();
            *of_type = of_type.saturating_add(elements);
        }
        for (column, shape) in part.arrays {
            dataset.arrays.insert(format!("{name}.{column}"), shape);
        }
    }
    dataset.table.row_count = rows;
    Some(dataset)
}

fn table(tree: &Tree, entries: &[(Id, Id)], visits: &mut Visits) -> Option<Dataset> {
    let items = items_by_key(tree, entries, visits);
    if items.is_some() {
        return items;
    }
    if entries.is_empty() || entries.len() > MAX_COLUMNS {
        return None;
    }
    let mut columns = Columns::default();
    let mut keys = Vec::new();
    for &(key, value) in entries {
        let key = parts::key(tree, key).filter(|key| !is_parameter_name(key))?;
        take_column(tree, &key, value, &mut columns, visits)?;
        keys.push(publishable("", &key));
    }
    let rows = agreed(columns.tensors.iter().map(|(_, tensor)| tensor));
    if !is_table(&columns, rows) {
        return None;
    }
    let mut dataset = dataset();
    dataset.table.row_count = rows.filter(|_| !columns.layered);
    keys.truncate(MAX_KEYS);
    dataset.keys = keys;
    for (name, tensor) in columns.tensors.iter().take(MAX_KEYS) {
        dataset.arrays.insert(publishable("", name), tensor.shape.clone());
    }
    columns.tensors.iter().for_each(|(_, tensor)| add(&mut dataset, tensor));
    Some(dataset)
}

/// Puts a value with the columns; `None` where it is something no table has.
fn take_column<'t>(tree: &'t Tree, key: &str, value: Id, to: &mut Columns<'t>, visits: &mut Visits) -> Option<()> {
    if let Some(tensor) = column(tree, value) {
        to.tensors.push((key.to_owned(), tensor));
        return Some(());
    }
    if let Some(entries) = tree.entries(value) {
        // Layers by number: `{"representations": {33: tensor}}`. Anything else nested may be a model.
        for &(layer, value) in entries.iter().take(MAX_COLUMNS) {
            if let Some(tensor) = column(tree, value) {
                if !visits.take() {
                    return None;
                }
                tree.unsigned(layer)?;
                to.layered = true;
                to.tensors.push((format!("{key}.{}", parts::key(tree, layer)?), tensor));
            }
        }
        return (!parts::holds_tensors(tree, value, visits)).then_some(());
    }
    if let Some(items) = tree.items(value) {
        let plain = |&id: &Id| matches!(tree.node(id), Node::Str(_) | Node::Int(_) | Node::Float(_) | Node::Bool(_));
        if items.first().is_some_and(plain) {
            to.lists.push(items.len() as u64);
        }
    }
    (!parts::is_module(tree, value)).then_some(())
}

fn is_table(columns: &Columns, rows: Option<u64>) -> bool {
    let named = |name: &str, words: &[&str]| words_of(name).any(|word| words.contains(&word.as_str()));
    let tensors = || columns.tensors.iter().filter(|(_, tensor)| !tensor.shape.is_empty());
    let beside = rows.is_some_and(|rows| columns.lists.contains(&rows));
    let any_named = tensors().any(|(name, _)| named(name, &DATA_WORDS));
    let all_named = tensors().all(|(name, _)| named(name, &DATA_WORDS));
    match tensors().count() {
        0 => false,
        1 => beside || tensors().all(|(name, _)| named(name, &SURE_WORDS)),
        _ => rows.is_some() && (beside || any_named) || all_named,
    }
}

/// `{"P12345": tensor, …}`: each key is an item's. The keys are rows, not columns, and may be people: they stay inside.
fn items_by_key(tree: &Tree, entries: &[(Id, Id)], visits: &mut Visits) -> Option<Dataset> {
    if entries.len() < MANY_ITEMS {
        return None;
    }
    let mut dataset = dataset();
    let mut shape = None;
    for &(key, value) in entries {
        let key = parts::key(tree, key).filter(|key| key.len() <= MAX_ITEM_KEY)?;
        let tensor = column(tree, value).filter(|tensor| !tensor.shape.is_empty() && visits.take())?;
        let layer = words_of(&key).any(|word| LAYER_WORDS.contains(&word.as_str()));
        if layer || is_parameter_name(&key) || shape.get_or_insert_with(|| tensor.shape.clone()) != &tensor.shape {
            return None;
        }
        add(&mut dataset, &tensor);
    }
    dataset.table.row_count = Some(entries.len() as u64);
    Some(dataset).filter(|dataset| dataset.dtypes.len() == 1)
}

fn is_parameter_name(key: &str) -> bool {
    let last = words_of(key).last();
    key.contains('.') || last.is_some_and(|word| PARAMETER_WORDS.contains(&word.as_str()))
}

fn words_of(key: &str) -> impl Iterator<Item = String> {
    key.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}
