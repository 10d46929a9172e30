//! Facts of data.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// Facts of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Dataset {
    /// Rows, or the extent of the first axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    /// Extents of a single array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// Elements by element type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dtypes: BTreeMap<String, u64>,
    /// Elements of all arrays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_count: Option<u64>,
    /// Extents of each named array.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub arrays: BTreeMap<String, Vec<u64>>,
    /// Whether the first index varies fastest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fortran_order: Option<bool>,
    /// Whether loading it would run a pickle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains_pickle: Option<bool>,
    /// `tensor_data` where a framework's file holds data rather than weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Keys of its outermost dictionary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}
