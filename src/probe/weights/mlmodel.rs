//! `MLmodel`: the manifest of an MLflow model directory.
//!
//! Follows `mlflow/models/model.py` of MLflow 3, which writes it with PyYAML: block style, two spaces a level. Only the
//! few keys below are read, line by line; the signature is JSON inside of YAML, which may fold anywhere there is a space.

use serde_json::Value;

use super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Fact, Weights, publishable};

/// Largest manifest: one with the signature of ten thousand columns has about a megabyte.
const MAX_MANIFEST: u64 = 16 << 20;
const MAX_NAMES: usize = 10_000;
/// Keys of flavors that name the file or directory of the model.
const FILE_KEYS: [&str; 6] = ["pickled_model", "model_path", "model_data", "data", "saved_model_dir", "model_binary"];

/// Reads the manifest.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_MANIFEST)?;
    let text = std::str::from_utf8(&text).map_err(|_| ProbeError::NotMine)?;
    let mut weights = Weights::default();
    let mut section = "";
    for line in text.lines() {
        let indent = line.len().saturating_sub(line.trim_start().len());
        let Some((key, value)) = line.trim().split_once(':') else { continue };
        let value = value.trim().trim_matches(['\'', '"']);
        match (indent, section) {
            (0, _) => {
                section = key;
                top(key, value, &mut weights);
            }
            (2, "flavors") if value.is_empty() => weights.flavors.push(publishable("", key)),
            (4, "flavors") if !matches!(value, "" | "null") => flavor(key, value, &mut weights),
            _ => {}
        }
    }
    if weights.flavors.is_empty() {
        return Err(ProbeError::NotMine);
    }
    weights.feature_names = signature_inputs(text);
    let names = weights.feature_names.len() as u64;
    weights.n_features = (names > 0).then_some(names);
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn top(key: &str, value: &str, weights: &mut Weights) {
    if matches!(value, "" | "null" | "{}") {
        return;
    }
    let kept = publishable(key, value);
    match key {
        "run_id" => weights.run_id = Some(kept),
        "utc_time_created" => weights.created = Some(kept),
        "mlflow_version" => weights.producer = Some(format!("mlflow {kept}")),
        "model_uuid" | "artifact_path" | "model_id" => {
            weights.metadata.insert(key.to_owned(), kept);
        }
        _ => {}
    }
}

fn flavor(key: &str, value: &str, weights: &mut Weights) {
    let kept = publishable(key, value);
    match key {
        "serialization_format" => weights.serializer = Some(kept),
        "loader_module" => {
            weights.metadata.insert(key.to_owned(), kept);
        }
        _ if FILE_KEYS.contains(&key) && weights.model_file.is_none() => weights.model_file = Some(kept),
        _ => {}
    }
}

/// The names of the columns a signature lists: `inputs: '[{"type": "double", "name": "age"}, …]'`.
fn signature_inputs(text: &str) -> Vec<String> {
    let Some((_, inputs)) = text.split_once("\n  inputs: '") else { return Vec::new() };
    // A quote inside is doubled.
    let Some(end) = closing_quote(inputs) else { return Vec::new() };
    let inputs = inputs.get(..end).unwrap_or_default();
    let inputs: Vec<&str> = inputs.lines().map(str::trim).collect();
    let inputs = inputs.join(" ").replace("''", "'");
    let Ok(Value::Array(columns)) = kit::json(inputs.as_bytes(), "its signature") else { return Vec::new() };
    let names = columns.iter().filter_map(|column| column.get("name")?.as_str());
    names.take(MAX_NAMES).map(|name| publishable("", name)).collect()
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut quotes = text.match_indices('\'').map(|(at, _)| at).peekable();
    while let Some(at) = quotes.next() {
        if quotes.peek() == at.checked_add(1).as_ref() {
            quotes.next();
        } else {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(text.as_bytes()), text.as_bytes()))
    }

    #[test]
    fn a_signature_folds_anywhere() {
        let text = "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n  \
            sklearn:\n    serialization_format: cloudpickle\nrun_id: 0123456789abcdef0123456789abcdef\nsignature:\n  \
            inputs: '[{\"type\": \"double\", \"name\": \"patient''s age\"}, {\"type\":\n    \"double\", \"name\":\n    \"bmi\"}]'\n  \
            outputs: '[{\"type\": \"long\", \"name\": \"y\"}]'\n";
        let finding = run(text).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!(weights.flavors, ["python_function", "sklearn"]);
        assert_eq!(weights.feature_names, ["patient's age", "bmi"]);
        assert_eq!(weights.n_features, Some(2));
        assert_eq!(weights.model_file.as_deref(), Some("model.pkl"));
        assert_eq!(weights.run_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
    }

    #[test]
    fn other_manifests_are_left() {
        for text in ["", "flavors:\n- vanilla\n", "name: x\n", "flavors: {}\n"] {
            assert!(matches!(run(text), Err(ProbeError::NotMine)), "{text}");
        }
    }
}
