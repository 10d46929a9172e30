//! Indexes of shards that are streamed into a training: MDS of the streaming library, and LitData.
//!
//! Both keep an `index.json` beside their shards that says how many samples each of them has; rows and columns come from
//! it alone, and no shard is read.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::super::super::{Finding, Input, ProbeError, kit};
use super::by_name;
use crate::model::{Dataset, Fact, Part, Parts, TableFacts, publishable};

/// Largest index: some hundred bytes a shard.
const MAX_INDEX: u64 = 64 << 20;

#[derive(Deserialize)]
struct Index {
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    samples: u64,
    #[serde(default)]
    column_names: Vec<String>,
    /// Of shards that are text.
    #[serde(default)]
    columns: Value,
    compression: Option<String>,
    format: Option<String>,
    raw_data: Option<Named>,
    zip_data: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    basename: String,
}

/// An index of the streaming library.
pub(crate) fn mds(input: &Input) -> Result<Finding, ProbeError> {
    let index: Index = kit::json_file(input, MAX_INDEX, &["\"raw_data\""], "the index of shards")?;
    if index.shards.is_empty() || index.shards.iter().all(|shard| shard.raw_data.is_none()) {
        return Err(ProbeError::NotMine);
    }
    let mut dataset = Dataset { shards: Some(index.shards.len() as u64), ..Dataset::default() };
    let mut parts = Parts { whole: true, ..Parts::default() };
    let mut rows = 0u64;
    for shard in index.shards {
        rows = rows.saturating_add(shard.samples);
        let named = shard.column_names.into_iter();
        let of_text = shard.columns.as_object().into_iter().flat_map(|columns| columns.keys().cloned());
        for column in named.chain(of_text) {
            if !dataset.table.columns.contains(&column) {
                dataset.table.columns.push(column);
            }
        }
        // `zstd:7` is zstd.
        let codec = shard.compression.as_deref().and_then(|codec| codec.split(':').next());
        dataset.compression = dataset.compression.or(codec.map(|codec| publishable("compression", codec)));
        dataset.kind = dataset.kind.or(shard.format.filter(|format| format != "mds"));
        let file = shard.zip_data.or(shard.raw_data).map(|file| file.basename).unwrap_or_default();
        parts.added.push(Part { path: file, rows: Some(shard.samples), deleted: 0 });
    }
    Ok(found(input, dataset, parts, rows))
}

#[derive(Deserialize)]
struct Chunks {
    chunks: Vec<Chunk>,
    config: Config,
}

#[derive(Deserialize)]
struct Chunk {
    chunk_size: u64,
    filename: String,
    dim: Option<u64>,
}

#[derive(Deserialize)]
struct Config {
    compression: Option<String>,
    data_spec: Option<Value>,
    #[serde(default)]
    data_format: Vec<Value>,
}

/// An index of LitData.
pub(crate) fn litdata(input: &Input) -> Result<Finding, ProbeError> {
    let index: Chunks = kit::json_file(input, MAX_INDEX, &["\"chunk_size\""], "the index of chunks")?;
    let mut dataset = Dataset { shards: Some(index.chunks.len() as u64), ..Dataset::default() };
    dataset.compression = index.config.compression.map(|codec| publishable("compression", &codec));
    let mut parts = Parts { whole: true, ..Parts::default() };
    let (mut rows, mut tokens) = (0u64, 0u64);
    for chunk in index.chunks {
        rows = rows.saturating_add(chunk.chunk_size);
        tokens = tokens.saturating_add(chunk.dim.unwrap_or(0));
        parts.added.push(Part { path: chunk.filename, rows: Some(chunk.chunk_size), deleted: 0 });
    }
    dataset.token_count = (tokens > 0).then_some(tokens);
    dataset.table.columns = keys_of(index.config.data_spec.as_ref());
    if dataset.table.columns.is_empty() {
        dataset.table.columns = (0..index.config.data_format.len()).map(|at| at.to_string()).collect();
    }
    Ok(found(input, dataset, parts, rows))
}

/// The keys of a sample, out of the description that PyTorch writes of a tree: a text of JSON, with texts in it.
fn keys_of(spec: Option<&Value>) -> Vec<String> {
    let parsed;
    let spec = match spec {
        Some(Value::String(text)) => {
            parsed = kit::json::<Value>(text.as_bytes(), "the structure of a sample").unwrap_or_default();
            &parsed
        }
        Some(spec) => spec,
        None => return Vec::new(),
    };
    let node = spec.get(1).unwrap_or(spec);
    let context = node.get("context").and_then(Value::as_str).unwrap_or_default();
    kit::json::<Vec<String>>(context.as_bytes(), "the keys of a sample").unwrap_or_default()
}

fn found(input: &Input, mut dataset: Dataset, parts: Parts, rows: u64) -> Finding {
    let columns = std::mem::take(&mut dataset.table.columns);
    dataset.table = TableFacts { row_count: Some(rows), ..by_name(input, columns) };
    dataset.parts = Some(Arc::new(parts));
    Finding::new(Fact::Dataset(Box::new(dataset)))
}
