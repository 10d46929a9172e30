//! Zarr stores, versions 2 and 3: the small JSON files that describe a group, an array, or what is said of either.
//!
//! A store is a directory, and each of these files is an entry of its own: what they say is put together by
//! [`crate::assemble`]. Chunks, in which the values lie, are not read here. Follows the Zarr specifications of both
//! versions, and "On-disk format" of anndata for what it says of its groups.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{Dataset, Fact, keep, publishable, typed};
use crate::probe::{Finding, Input, ProbeError, kit, numpy};
use crate::table::{Column, Context, Table};

/// Longest description that is read: consolidated ones hold those of the whole store.
const MAX_TEXT: u64 = 64 << 20;
/// Most axes.
const MAX_AXES: usize = 64;
/// Most attributes that are reported.
const MAX_ATTRS: usize = 200;
/// Most columns of a frame.
const MAX_COLUMNS: usize = 20_000;

/// A group or an array: `.zgroup`, `.zarray`, `zarr.json`.
pub(crate) fn node(input: &Input) -> Result<Finding, ProbeError> {
    let node: Map<String, Value> = kit::json_file(input, MAX_TEXT, &["\"zarr_format\""], "its description")?;
    let version = node.get("zarr_format").and_then(Value::as_u64);
    let format = match version {
        Some(2) => "zarr-v2",
        Some(3) => "zarr-v3",
        Some(_) => return Err(ProbeError::Unsupported("is of a newer Zarr".to_owned())),
        None => return Err(ProbeError::NotMine),
    };
    let mut dataset = Dataset { zarr_format: version, ..Dataset::default() };
    if let Some(shape) = node.get("shape") {
        array(&node, shape, &mut dataset)?;
    }
    if let Some(Value::Object(attributes)) = node.get("attributes") {
        said(input, attributes, &mut dataset);
    }
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    finding.format = Some(format);
    Ok(finding)
}

/// What is said of a group or an array of version 2: `.zattrs`; and `.zmetadata`, which repeats all of a store.
pub(crate) fn attributes(input: &Input) -> Result<Finding, ProbeError> {
    let attributes: Map<String, Value> = kit::json_file(input, MAX_TEXT, &[], "its attributes")?;
    let mut dataset = Dataset::default();
    if !attributes.contains_key("zarr_consolidated_format") {
        said(input, &attributes, &mut dataset);
    }
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

fn array(node: &Map<String, Value>, shape: &Value, dataset: &mut Dataset) -> Result<(), ProbeError> {
    let broken = || ProbeError::Malformed("its extents are no list of numbers".to_owned());
    let extents = shape.as_array().filter(|extents| extents.len() <= MAX_AXES).ok_or_else(broken)?;
    let shape: Vec<u64> = extents.iter().map(Value::as_u64).collect::<Option<_>>().ok_or_else(broken)?;
    let elements = kit::elements(&shape)?;
    let dtype = match (node.get("data_type"), node.get("dtype")) {
        (Some(Value::String(name)), _) => Some(publishable("data_type", name)),
        (Some(Value::Object(named)), _) => {
            named.get("name").and_then(Value::as_str).map(|name| publishable("data_type", name))
        }
        (_, Some(Value::String(code))) => numpy::element(code.as_bytes()).map(|(name, _)| name),
        (_, Some(Value::Array(_))) => Some("record".to_owned()),
        _ => None,
    };
    dataset.table.row_count = shape.first().copied();
    dataset.dtypes = dtype.map(|name| (name, elements)).into_iter().collect();
    dataset.element_count = Some(elements);
    dataset.shape = Some(shape);
    Ok(())
}

/// Attributes, as far as they are texts or numbers; of a frame, the names of its columns.
fn said(input: &Input, attributes: &Map<String, Value>, dataset: &mut Dataset) {
    let mut attrs = BTreeMap::new();
    for (name, value) in attributes.iter().take(MAX_ATTRS) {
        let text = match value {
            Value::String(text) => typed(name, text),
            Value::Array(extents) if name == "shape" || name == "h5sparse_shape" => {
                extents.iter().map(Value::to_string).collect::<Vec<_>>().join(",")
            }
            _ => continue,
        };
        keep(&mut attrs, publishable("attribute", name), text);
    }
    dataset.attrs = attrs;
    let Some(Value::Array(order)) = attributes.get("column-order") else { return };
    // `obs/.zattrs`: the folder says what the table is.
    let folder = input.name.rsplit(|&byte| byte == b'/').nth(1).unwrap_or_default();
    let name = String::from_utf8_lossy(folder).into_owned();
    let mut table = Table::new(input.tables, Context { name, ..Context::default() });
    for column in order.iter().filter_map(Value::as_str).take(MAX_COLUMNS) {
        table.column(Column::named(column));
    }
    dataset.table = table.finish();
    dataset.table.row_count = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn look(
        text: &str,
        run: fn(&Input) -> Result<Finding, ProbeError>,
    ) -> Result<(Option<&'static str>, Dataset), ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let finding = run(&Input::new(&blob, text.as_bytes()))?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((finding.format, *dataset))
    }

    #[test]
    fn nodes_of_both_versions() {
        let (format, dataset) = look(r#"{"zarr_format": 2, "shape": [12, 3], "dtype": "<f4"}"#, node).unwrap();
        assert_eq!((format, dataset.shape, dataset.element_count), (Some("zarr-v2"), Some(vec![12, 3]), Some(36)));
        assert_eq!(dataset.dtypes, [("float32".to_owned(), 36)].into());
        let text = r#"{"zarr_format": 3, "node_type": "group", "attributes": {"study": "ACM-101", "n": 3}}"#;
        let (format, dataset) = look(text, node).unwrap();
        assert_eq!((format, dataset.shape), (Some("zarr-v3"), None));
        assert_eq!(dataset.attrs, [("study".to_owned(), "ACM-101".to_owned())].into());
        assert!(matches!(look(r#"{"shape": [1]}"#, node), Err(ProbeError::NotMine)));
        let huge = format!(r#"{{"zarr_format": 2, "shape": [{}, 2]}}"#, u64::MAX);
        assert!(matches!(look(&huge, node), Err(ProbeError::Malformed(_))));
        assert!(matches!(look(r#"{"zarr_format": 2, "shape": [-1]}"#, node), Err(ProbeError::Malformed(_))));
    }

    #[test]
    fn columns_of_a_frame() {
        let (_, dataset) = look(r#"{"column-order": ["donor_id", "age", 3], "_index": "_index"}"#, attributes).unwrap();
        assert_eq!(dataset.table.columns, ["donor_id", "age"]);
        assert_eq!(dataset.attrs.len(), 1);
    }
}
