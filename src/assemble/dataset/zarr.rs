//! Zarr stores: what each description below a directory says, put together by its path.

use super::stores::path_below;
use crate::model::{Dataset, Locator, Sighting};

/// Most arrays that are listed.
const MAX_LISTED: usize = 1_000;

/// A description and the path it is of: the group or array around it.
struct Node<'s> {
    path: String,
    dataset: &'s Dataset,
}

/// Whether a format is one of these.
pub(super) fn is_zarr(format: &str) -> bool {
    matches!(format, "zarr-v2" | "zarr-v3" | "anndata-zarr")
}

/// Fills in the facts of the store; returns its format.
pub(super) fn tell(directory: &Locator, parts: &[&Sighting], dataset: &mut Dataset) -> Option<&'static str> {
    let nodes: Vec<Node> = parts
        .iter()
        .filter(|part| is_zarr(&part.format))
        .filter_map(|part| {
            let path = path_below(directory, &part.locator)?;
            let path = path.rsplit_once('/').map_or("", |(path, _)| path).to_owned();
            Some(Node { path, dataset: part.fact.dataset()? })
        })
        .collect();
    let attribute = |path: &str, name: &str| {
        let mut of = nodes.iter().filter(|node| node.path == path);
        of.find_map(|node| node.dataset.attrs.get(name)).map(String::as_str)
    };
    let shape = |path: &str| {
        let mut of = nodes.iter().filter(|node| node.path == path);
        of.find_map(|node| node.dataset.shape.clone())
    };
    for node in nodes.iter().filter(|node| node.path.is_empty()) {
        dataset.attrs.extend(node.dataset.attrs.clone());
        dataset.zarr_format = dataset.zarr_format.or(node.dataset.zarr_format);
    }
    if attribute("", "encoding-type") != Some("anndata") && !(is_frame(&nodes, "obs") && is_frame(&nodes, "var")) {
        arrays(&nodes, dataset);
        return None;
    }
    let frame = |path: &str| nodes.iter().find(|node| node.path == path && !node.dataset.table.columns.is_empty());
    if let Some(obs) = frame("obs") {
        dataset.table = obs.dataset.table.clone();
    }
    let matrix = |path: &str| -> Option<Vec<u64>> {
        let stated = attribute(path, "shape").or_else(|| attribute(path, "h5sparse_shape"));
        let stated = stated.and_then(|text| text.split(',').map(|extent| extent.parse().ok()).collect());
        shape(path).or(stated)
    };
    let rows = |path: &str| {
        let index = attribute(path, "_index").unwrap_or("_index");
        let of = |path: String| shape(&path).and_then(|shape| shape.first().copied());
        of(format!("{path}/{index}")).or_else(|| of(format!("{path}/{index}/values")))
    };
    let extents = matrix("X").unwrap_or_default();
    dataset.n_obs = rows("obs").or(extents.first().copied());
    dataset.n_vars = rows("var").or(extents.get(1).copied());
    dataset.x_nnz = shape("X/data").and_then(|shape| shape.first().copied());
    dataset.table.row_count = dataset.n_obs;
    dataset.table.row_count_estimated = false;
    dataset.shape = None;
    for path in nodes.iter().map(|node| node.path.as_str()) {
        match path.split_once('/') {
            Some(("layers", name)) if !name.contains('/') && !dataset.layers.iter().any(|layer| layer == name) => {
                dataset.layers.push(name.to_owned());
            }
            Some(("obsm", name)) if !name.contains('/') => {
                dataset.obsm.insert(name.to_owned(), matrix(path).unwrap_or_default());
            }
            _ => {}
        }
    }
    Some("anndata-zarr")
}

fn is_frame(nodes: &[Node], path: &str) -> bool {
    nodes.iter().any(|node| {
        node.path == path && node.dataset.attrs.get("encoding-type").is_some_and(|sort| sort == "dataframe")
    })
}

/// Every array by its path, and their sums.
fn arrays(nodes: &[Node], dataset: &mut Dataset) {
    let mut elements = 0u64;
    let mut lengths = std::collections::BTreeMap::new();
    for node in nodes {
        let Some(shape) = &node.dataset.shape else { continue };
        elements = elements.saturating_add(node.dataset.element_count.unwrap_or(0));
        for (name, count) in node.dataset.dtypes.iter().filter(|_| !node.path.is_empty()) {
            let sum = dataset.dtypes.entry(name.clone()).or_insert(0);
            *sum = sum.saturating_add(*count);
        }
        if let Some(&length) = shape.first() {
            *lengths.entry(length).or_insert(0u64) += 1;
        }
        if !node.path.is_empty() && dataset.arrays.len() < MAX_LISTED {
            crate::model::keep(&mut dataset.arrays, crate::model::publishable("path", &node.path), shape.clone());
        }
    }
    dataset.element_count = Some(elements);
    // The length that most arrays share; the longer one where there are several.
    let rows = lengths.into_iter().max_by_key(|&(length, count)| (count, length));
    dataset.table.row_count = rows.map(|(length, _)| length);
}
