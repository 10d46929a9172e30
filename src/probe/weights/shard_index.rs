//! The index of a model whose weights are split over several files: `*.index.json`.
//!
//! Follows huggingface_hub (`save_torch_state_dict`) and transformers: `weight_map` names the file of each tensor,
//! `metadata.total_size` their bytes. The index is often all that is left on a machine where the files are pointers or
//! were moved away. File names are listed, never opened, and one that leads out of the directory is refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Cause, Fact, Weights, publishable};

/// The largest published index, of a mixture of experts with 93 thousand tensors, has nine megabytes.
const MAX_INDEX: u64 = 100_000_000;
/// More files than any model has; an index of that many is no index.
const MAX_FILES: usize = 1 << 16;

#[derive(Deserialize)]
struct Index {
    weight_map: Option<WeightMap>,
    metadata: Option<Map<String, Value>>,
}

/// What is kept of the map: never its tensor names, of which there may be a million.
struct WeightMap {
    entries: u64,
    files: BTreeSet<String>,
}

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WeightMap, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = WeightMap;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a map of tensor names to file names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WeightMap, A::Error> {
                let mut found = WeightMap { entries: 0, files: BTreeSet::new() };
                while let Some((_, file)) = map.next_entry::<IgnoredAny, String>()? {
                    found.entries = found.entries.saturating_add(1);
                    found.files.insert(file);
                    if found.files.len() > MAX_FILES {
                        return Err(A::Error::custom("too many files"));
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Reads the index.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let index: Index = kit::json_file(input, MAX_INDEX, &["\"weight_map\""], "the shard index")?;
    let Some(map) = index.weight_map else { return Err(ProbeError::NotMine) };
    let (refused, files): (Vec<_>, Vec<_>) = map.files.into_iter().partition(|name| kit::leaves_directory(name));
    let metadata = index.metadata.unwrap_or_default();
    let format = format(&files);
    let weights = Weights {
        shards: Some(files.len() as u64),
        shard_files: files.iter().map(|file| publishable("", file)).collect(),
        weight_map_entries: Some(map.entries),
        index_total_size: metadata.get("total_size").and_then(count),
        parameter_count: metadata.get("total_parameters").and_then(count),
        ..Weights::default()
    };
    let mut finding = Finding { format, ..Finding::new(Fact::Weights(Box::new(weights))) };
    if !refused.is_empty() {
        let detail = format!("names {} shards that lie outside its directory", refused.len());
        finding.notes.push((Cause::Malformed, detail));
    }
    Ok(finding)
}

/// A count, which some writers have as a float.
fn count(value: &Value) -> Option<u64> {
    let float = || value.as_f64().filter(|float| (0.0..1e15).contains(float) && float.fract() == 0.0);
    value.as_u64().or_else(|| float().map(|float| float as u64))
}

/// The format that the shards' names claim.
fn format(files: &[String]) -> Option<&'static str> {
    let all =
        |endings: &[&str]| !files.is_empty() && files.iter().all(|name| endings.iter().any(|e| name.ends_with(e)));
    if all(&[".safetensors"]) {
        Some("safetensors-sharded")
    } else if all(&[".bin", ".pt", ".pth"]) {
        Some("torch-zip-sharded")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Finding, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        probe(&Input::new(&blob, text.as_bytes()))
    }

    #[test]
    fn files_are_listed_once_and_in_order() {
        let finding = run(r#"{"metadata": {"total_size": 12.0, "total_parameters": 3},
            "weight_map": {"c": "m-00002-of-00002.bin", "a": "m-00001-of-00002.bin", "b": "m-00001-of-00002.bin"}}"#)
        .unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!(finding.format, Some("torch-zip-sharded"));
        assert_eq!(weights.shard_files, ["m-00001-of-00002.bin", "m-00002-of-00002.bin"]);
        assert_eq!((weights.shards, weights.weight_map_entries), (Some(2), Some(3)));
        assert_eq!((weights.index_total_size, weights.parameter_count), (Some(12), Some(3)));
    }

    #[test]
    fn names_out_of_the_directory_are_refused() {
        let finding =
            run(r#"{"weight_map": {"a": "m.safetensors", "b": "../x.safetensors", "c": "a/../../x", "d": "/x"}}"#)
                .unwrap();
        assert_eq!(finding.fact.weights().unwrap().shard_files, ["m.safetensors"]);
        assert!(matches!(&finding.notes[..], [(Cause::Malformed, detail)] if detail.contains('3')));
    }

    #[test]
    fn other_indexes_are_left() {
        for text in [r#"{"shards": []}"#, r#"{"manifests": [{}]}"#, "[]", r#"{"a": "#] {
            assert!(matches!(run(text), Err(ProbeError::NotMine)), "{text}");
        }
        for text in [r#"{"weight_map": {"a": 3}}"#, r#"{"weight_map": {"a": "b""#, r#"{"weight_map": [1]}"#] {
            assert!(matches!(run(text), Err(ProbeError::Malformed(_))), "{text}");
        }
    }
}
