//! What the datasets library writes beside its Arrow files: the names of the splits, a description, the list of files.
//!
//! Follows `DatasetDict.save_to_disk`, `Dataset.save_to_disk` and `DatasetInfo` of versions 1 to 5.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Dataset, Fact, TableFacts, publishable};

/// Largest file: the checksums of every download are in it.
const MAX_FILE: u64 = 64 << 20;
/// Sources that are listed.
const MAX_SOURCES: usize = 32;

#[derive(Deserialize)]
struct Splits {
    splits: Vec<String>,
}

/// `dataset_dict.json`: the splits, each a folder.
pub(crate) fn dict(input: &Input) -> Result<Finding, ProbeError> {
    let Splits { splits } = kit::json_file(input, MAX_FILE, &[], "the list of splits")?;
    let dataset = Dataset {
        splits: splits.into_iter().map(|split| (publishable("split", &split), 0)).collect(),
        ..Dataset::default()
    };
    Ok(found(dataset))
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "_data_files")]
    data_files: Vec<Value>,
    #[serde(rename = "_fingerprint")]
    _fingerprint: String,
    #[serde(rename = "_split")]
    split: Option<String>,
}

/// `state.json`: the files of one split.
pub(crate) fn state(input: &Input) -> Result<Finding, ProbeError> {
    let state: State = kit::json_file(input, MAX_FILE, &["\"_fingerprint\""], "the state")?;
    let dataset = Dataset {
        splits: state.split.iter().map(|split| (publishable("split", split), 0)).collect(),
        shards: Some(state.data_files.len() as u64),
        ..Dataset::default()
    };
    Ok(found(dataset))
}

#[derive(Deserialize)]
struct Info {
    features: Option<Map<String, Value>>,
    #[serde(default)]
    splits: Option<BTreeMap<String, Split>>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    builder_name: Option<String>,
    #[serde(default)]
    dataset_name: Option<String>,
    #[serde(default)]
    download_checksums: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Split {
    #[serde(default)]
    num_examples: u64,
}

/// `dataset_info.json`: features, splits with their rows, where it was downloaded from.
pub(crate) fn info(input: &Input) -> Result<Finding, ProbeError> {
    let info: Info = kit::json_file(input, MAX_FILE, &[], "the description of a dataset")?;
    let said = info.splits.is_some() || info.license.is_some() || info.description.is_some();
    let Some(features) = info.features.filter(|_| said) else { return Err(ProbeError::NotMine) };
    let text = |key: &str, text: Option<String>| {
        text.filter(|text| !text.trim().is_empty()).map(|text| publishable(key, text.trim()))
    };
    let columns: Vec<String> = features.keys().cloned().collect();
    let splits = info.splits.unwrap_or_default().into_iter();
    let splits: BTreeMap<String, u64> =
        splits.map(|(name, split)| (publishable("split", &name), split.num_examples)).collect();
    let sources = info.download_checksums.unwrap_or_default().into_keys().take(MAX_SOURCES);
    let dataset = Dataset {
        table: TableFacts {
            row_count: splits.values().copied().reduce(u64::saturating_add),
            column_count: Some(columns.len() as u64),
            columns,
            ..TableFacts::default()
        },
        splits,
        license: text("license", info.license),
        description: text("description", info.description),
        schema_name: text("name", info.dataset_name.or(info.builder_name)),
        source_urls: sources.map(|source| publishable("url", &source)).collect(),
        ..Dataset::default()
    };
    Ok(found(dataset))
}

fn found(dataset: Dataset) -> Finding {
    Finding::new(Fact::Dataset(Box::new(dataset)))
}
