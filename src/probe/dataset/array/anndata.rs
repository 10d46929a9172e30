//! Annotated matrices in HDF5: AnnData (`.h5ad`), loom, and what Cell Ranger of 10x writes.
//!
//! Follows "On-disk format" of anndata for encodings 0.1.0 and 0.2.0 and what its older versions wrote (records, and
//! categories beside them), the loom file specification 3.0, and "Feature-Barcode Matrices" of Cell Ranger. What is
//! annotated are observations: cells, each of somebody. Their table is read; matrices are not, only their extents.

use super::frame::{self, Source, Values, kind};
use super::hdf5::{Part, record_table};
use super::hdf5_tree::Tree;
use crate::archive::hdf5::{Class, Object};
use crate::model::{Dataset, TableFacts, keep, publishable};
use crate::probe::{Input, ProbeError};
use crate::table::{Column, Context, Kind, Table};

/// Most categories of a column.
const MAX_CATEGORIES: u64 = 200_000;
/// Most perturbations that are listed.
const MAX_PERTURBATIONS: usize = 10_000;
/// Most places that are listed.
const MAX_PLACES: usize = 50;
/// Columns that say which perturbation an observation got.
const PERTURBATION: [&str; 8] = [
    "perturbation",
    "perturbations",
    "perturbation_name",
    "perturbed_gene",
    "gene_perturbation",
    "target_gene",
    "gene_target",
    "guide_target",
];

/// Whether AnnData wrote it: it says so, or its parts are there.
pub(super) fn is_anndata(tree: &mut Tree) -> bool {
    let says = tree.text("", "encoding-type").is_some_and(|sort| sort == "anndata");
    let is_there = |name: &str| tree.objects.contains_key(name);
    says || is_there("obs") && is_there("var") && (is_there("X") || is_there("uns"))
}

/// Whether loompy wrote it.
pub(super) fn is_loom(tree: &Tree) -> bool {
    tree.dataset("matrix").is_some_and(|matrix| matrix.shape.len() == 2)
        && tree.is_group("row_attrs")
        && tree.is_group("col_attrs")
}

/// The group of a matrix of 10x: `matrix`, or in older files the name of a genome.
pub(super) fn ten_x(tree: &Tree) -> Option<String> {
    let groups = tree.names("").into_iter().filter(|name| tree.is_group(name));
    let has = |group: &str, name: &str| tree.dataset(&format!("{group}/{name}")).is_some();
    groups
        .into_iter()
        .find(|group| ["barcodes", "indptr", "indices", "data", "shape"].iter().all(|name| has(group, name)))
}

/// Facts of a file of AnnData.
pub(super) fn h5ad(input: &Input, tree: &mut Tree) -> Result<Part, ProbeError> {
    let extents = matrix(tree, "X");
    let n_obs = length(tree, "obs").or(extents.first().copied());
    let n_vars = length(tree, "var").or(extents.get(1).copied());
    let (table, outcome) = match tree.dataset("obs").is_some() {
        true => record_table(input, tree, "obs")?,
        false => data_frame(input, tree, "obs", n_obs.unwrap_or(0)),
    };
    let mut dataset = Dataset {
        table: TableFacts { row_count: n_obs, row_count_estimated: false, ..table },
        n_obs,
        n_vars,
        x_nnz: tree.dataset("X/data").and_then(|data| data.shape.first().copied()),
        layers: tree.names("layers").iter().map(|name| publishable("layer", name)).collect(),
        ..Dataset::default()
    };
    for name in tree.names("obsm") {
        let extents = matrix(tree, &format!("obsm/{name}"));
        keep(&mut dataset.obsm, publishable("obsm", &name), extents);
    }
    dataset.perturbations = perturbations(tree);
    dataset.organism = organism(tree);
    notes_of(tree, &mut dataset);
    Ok((dataset, outcome))
}

/// Extents of a matrix: dense, sparse, or a frame.
fn matrix(tree: &mut Tree, path: &str) -> Vec<u64> {
    if let Some(array) = tree.dataset(path) {
        return array.shape.clone();
    }
    for name in ["shape", "h5sparse_shape"] {
        let shape = tree.extents(path, name);
        if !shape.is_empty() {
            return shape;
        }
    }
    let columns = tree.texts(path, "column-order").len() as u64;
    length(tree, path).map_or(Vec::new(), |rows| vec![rows, columns])
}

/// Rows of the frame at a path.
fn length(tree: &mut Tree, path: &str) -> Option<u64> {
    if let Some(records) = tree.dataset(path) {
        return records.shape.first().copied();
    }
    let index = tree.text(path, "_index").unwrap_or_else(|| "_index".to_owned());
    let index = format!("{path}/{index}");
    let values = format!("{index}/values");
    let array = tree.dataset(&index).or_else(|| tree.dataset(&values)).or_else(|| {
        // Any other column is as long.
        let below = format!("{path}/");
        let mut columns = tree.objects.range(below.clone()..).take_while(|(path, _)| path.starts_with(&below));
        columns.find_map(|(path, object)| match object {
            Object::Dataset(dataset) if !path.contains("/categories") && dataset.shape.len() == 1 => {
                Some(dataset.as_ref())
            }
            _ => None,
        })
    });
    array.and_then(|array| array.shape.first().copied())
}

/// The frame at a path: a data set or a group for each column.
fn data_frame(input: &Input, tree: &mut Tree, path: &str, rows: u64) -> (TableFacts, Result<(), ProbeError>) {
    let mut names = tree.texts(path, "column-order");
    let index = tree.text(path, "_index").unwrap_or_else(|| "_index".to_owned());
    if names.is_empty() {
        names = tree.names(path);
        names.retain(|name| *name != index && name != "__categories");
    }
    // Observations that go by a name of their own may be people.
    if !matches!(index.as_str(), "_index" | "index") && !names.contains(&index) {
        names.insert(0, index);
    }
    let sources = names.into_iter().map(|name| source(input, tree, path, name)).collect();
    let mut table = Table::new(input.tables, Context { name: path.to_owned(), ..Context::default() });
    let outcome = frame::feed(input, &mut tree.file, &mut table, sources, rows);
    (table.finish(), outcome)
}

/// One column of a frame.
fn source(input: &Input, tree: &mut Tree, frame: &str, name: String) -> Source {
    let path = format!("{frame}/{name}");
    let open = |tree: &mut Tree, path: &str| {
        let array = tree.dataset(path).cloned()?;
        tree.file.series(&array).ok()
    };
    let kind_of = |tree: &Tree, path: &str| tree.dataset(path).map_or(Kind::Other, |array| kind(&array.datatype));
    if let Some(array) = tree.dataset(&path) {
        // Until 0.7 the categories lay beside the columns.
        let beside = format!("{frame}/__categories/{name}");
        let is_coded = matches!(array.datatype.class, Class::Integer { .. }) && tree.dataset(&beside).is_some();
        let categories = if is_coded { tree.all_texts(&beside, MAX_CATEGORIES) } else { None };
        let kind = if is_coded { kind_of(tree, &beside) } else { kind_of(tree, &path) };
        let series = if input.rows { open(tree, &path) } else { None };
        let values = match (series, categories) {
            (Some(series), Some(categories)) => Some(Values::Coded(series, categories)),
            (Some(series), None) if !is_coded => Some(Values::Plain(series, 0)),
            _ => None,
        };
        return Source { name, kind, values };
    }
    let (codes, categories) = (format!("{path}/codes"), format!("{path}/categories"));
    if tree.dataset(&codes).is_some() {
        let kind = kind_of(tree, &categories);
        let names = if input.rows { tree.all_texts(&categories, MAX_CATEGORIES) } else { None };
        let values = names.and_then(|names| Some(Values::Coded(open(tree, &codes)?, names)));
        return Source { name, kind, values };
    }
    let (values, mask) = (format!("{path}/values"), format!("{path}/mask"));
    let kind = kind_of(tree, &values);
    let held = if input.rows { open(tree, &values).zip(open(tree, &mask)) } else { None };
    Source { name, kind, values: held.map(|(values, mask)| Values::Masked(values, mask)) }
}

/// The categories of the column that names perturbations.
fn perturbations(tree: &mut Tree) -> Vec<String> {
    for name in PERTURBATION {
        for path in [format!("obs/{name}/categories"), format!("obs/__categories/{name}"), format!("obs/{name}")] {
            let is_text = tree.dataset(&path).is_some_and(|array| array.datatype.number_name().is_none());
            let Some(mut names) = tree.all_texts(&path, MAX_CATEGORIES).filter(|_| is_text) else { continue };
            names.sort();
            names.dedup();
            return names.iter().take(MAX_PERTURBATIONS).map(|name| publishable("perturbation", name)).collect();
        }
    }
    Vec::new()
}

/// The species: said of all, or the only one of a column.
fn organism(tree: &mut Tree) -> Option<String> {
    for path in ["uns/organism", "uns/species", "obs/organism/categories", "obs/species/categories"] {
        let texts = tree.all_texts(path, 2).unwrap_or_default();
        if let [organism] = texts.as_slice() {
            return Some(publishable("organism", organism));
        }
    }
    None
}

/// What the unstructured part says in words: a title, and where things lie.
fn notes_of(tree: &mut Tree, dataset: &mut Dataset) {
    let below: Vec<String> = tree.order.iter().filter(|path| path.starts_with("uns/")).take(5_000).cloned().collect();
    for path in below {
        let is_text = tree.dataset(&path).is_some_and(|array| {
            array.shape.is_empty() && matches!(array.datatype.class, Class::Text | Class::VariableText)
        });
        if !is_text {
            continue;
        }
        let Some(text) = tree.all_texts(&path, 1).and_then(|texts| texts.into_iter().next()) else { continue };
        let name = path.rsplit('/').next().unwrap_or_default();
        if path == "uns/title" {
            dataset.description = Some(publishable("title", &text));
        } else if is_place(&text) && dataset.source_urls.len() < MAX_PLACES {
            dataset.source_urls.push(publishable(name, &text));
        }
    }
}

/// Whether a text is an address or a path.
fn is_place(text: &str) -> bool {
    let is_path = text.starts_with('/') && text.len() > 1 && !text.contains(char::is_whitespace);
    text.contains("://") && !text.contains(char::is_whitespace) || is_path
}

/// Facts of a loom file: the matrix stands on its side, cells are columns.
pub(super) fn loom(input: &Input, tree: &mut Tree) -> Result<Part, ProbeError> {
    let shape = tree.dataset("matrix").map(|matrix| matrix.shape.clone()).unwrap_or_default();
    let (n_vars, n_obs) = (shape.first().copied(), shape.get(1).copied());
    let mut sources = Vec::new();
    for name in tree.names("col_attrs") {
        let path = format!("col_attrs/{name}");
        let Some(array) = tree.dataset(&path).filter(|array| array.shape.len() == 1).cloned() else { continue };
        let series = if input.rows { tree.file.series(&array).ok() } else { None };
        let values = series.map(|series| Values::Plain(series, 0));
        sources.push(Source { name, kind: kind(&array.datatype), values });
    }
    let mut table = input.table();
    let outcome = frame::feed(input, &mut tree.file, &mut table, sources, n_obs.unwrap_or(0));
    let table = TableFacts { row_count: n_obs, row_count_estimated: false, ..table.finish() };
    let layers = tree.names("layers").iter().map(|name| publishable("layer", name)).collect();
    let organism = ["attrs/Species", "attrs/organism"].iter().find_map(|path| tree.all_texts(path, 1)?.pop());
    let dataset = Dataset {
        table,
        n_obs,
        n_vars,
        layers,
        organism: organism.map(|organism| publishable("organism", &organism)),
        ..Dataset::default()
    };
    Ok((dataset, outcome))
}

/// Facts of a matrix of 10x.
pub(super) fn ten_x_facts(input: &Input, tree: &mut Tree, group: &str) -> Result<Part, ProbeError> {
    let extent = |name: &str| tree.dataset(&format!("{group}/{name}")).and_then(|array| array.shape.first().copied());
    let n_obs = extent("barcodes");
    let n_vars = extent("features/id").or_else(|| extent("genes")).or_else(|| extent("gene_names"));
    let x_nnz = extent("data");
    let mut table = Table::new(input.tables, Context { name: "barcodes".to_owned(), ..Context::default() });
    table.column(Column::of("barcode", Kind::Text));
    let mut table = table.finish();
    table.row_count = n_obs;
    let organism = tree.all_texts(&format!("{group}/features/genome"), MAX_CATEGORIES).and_then(|mut genomes| {
        genomes.dedup();
        genomes.pop().filter(|_| genomes.is_empty())
    });
    let dataset = Dataset {
        table,
        n_obs,
        n_vars,
        x_nnz,
        references: organism.iter().map(|genome| publishable("genome", genome)).collect(),
        ..Dataset::default()
    };
    Ok((dataset, Ok(())))
}
