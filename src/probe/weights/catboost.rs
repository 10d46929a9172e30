//! CatBoost models: the binary `CBM1`, and JSON.
//!
//! Follows `catboost/libs/model/flatbuffers/model.fbs` and `features.fbs`, and `json_model_helpers.cpp`, of CatBoost
//! 1.2. The trees are only counted; the names of the features and the training's parameters, which the file keeps as
//! JSON in clear, are what it gives away.

use serde_json::Value;

use super::super::{Finding, Input, ProbeError, kit};
use super::flatbuffer::{Buffer, Table, Vector};
use crate::blob::{Cursor, ReadError};
use crate::model::{Cause, Fact, Weights, publishable};
use crate::probe::events::{self, Event, Syntax, short};

const MAGIC: &[u8; 4] = b"CBM1";
/// Most features and information rows looked at.
const MAX_FEATURES: u64 = 100_000;
const MAX_ROWS: u64 = 1000;
const MAX_NAME: u64 = 4096;
/// Longest JSON text of the information map.
const MAX_INFO: u64 = 8 << 20;
/// Bytes read of a model in JSON.
const MAX_MODEL: u64 = 128 << 20;

/// A binary model: a length, then one FlatBuffers buffer.
pub(crate) fn binary(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if cursor.array()? != *MAGIC {
        return Err(ProbeError::NotMine);
    }
    let len = u64::from(cursor.u32()?);
    let mut buffer = Buffer::new(input.blob, 8, len);
    let root = buffer.root()?;
    let Some(trees) = buffer.table(root, 1)? else { return Err(ProbeError::NotMine) };
    let version = buffer.text(root, 0, 64)?;
    if !version.is_some_and(|version| version.starts_with("FlabuffersModel") || version.starts_with("Flatbuffers")) {
        return Err(ProbeError::NotMine);
    }
    let mut model = Model::default();
    model.weights.num_trees = Some(buffer.vector(trees, 2, 4)?.len);
    // Categorical, float and text features: the field of the table, and of the name in a feature.
    for (field, name) in [(4, 2), (5, 4), (12, 2)] {
        let features = buffer.vector(trees, field, 4)?;
        model.binary_features(&mut buffer, features, name)?;
    }
    let rows = buffer.vector(root, 2, 4)?;
    for index in 0..rows.len.min(MAX_ROWS) {
        let row = buffer.element(rows, index)?;
        if let (Some(key), Some(value)) = (buffer.text(row, 0, MAX_NAME)?, buffer.text(row, 1, MAX_INFO)?) {
            model.information(&key, &value);
        }
    }
    let mut finding = model.finish();
    if let Err(ReadError::Ended { .. }) = Cursor::new(input.blob, len.saturating_add(7)).u8() {
        finding.notes.push((Cause::Truncated, format!("it has {} bytes and says {len}", input.blob.size())));
    }
    Ok(finding)
}

/// A model in JSON.
pub(crate) fn json(input: &Input) -> Result<Finding, ProbeError> {
    let mut model = Model::default();
    let outcome = events::walk(input.blob, 0, MAX_MODEL, Syntax::Json, &mut |path, event| model.take(path, event));
    if model.features.is_empty() && model.weights.num_trees.is_none() {
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    model.finish().noting(outcome)
}

#[derive(Default)]
struct Model {
    weights: Weights,
    /// Place in a row of data, and name.
    features: Vec<(u64, String)>,
}

impl Model {
    fn binary_features(&mut self, buffer: &mut Buffer, features: Vector, name: u16) -> Result<(), ProbeError> {
        for index in 0..features.len.min(MAX_FEATURES) {
            let feature: Table = buffer.element(features, index)?;
            // Its place in a row is the field in front of its borders or name.
            let place = buffer.int(feature, if name == 4 { 2 } else { 1 })?;
            let name = buffer.text(feature, name, MAX_NAME)?.unwrap_or_default();
            self.features.push((u64::try_from(place).unwrap_or(u64::MAX), name));
        }
        Ok(())
    }

    /// A row of the information map of a binary model: JSON texts, most of them.
    fn information(&mut self, key: &str, value: &str) {
        match key {
            "train_finish_time" => self.weights.created = Some(publishable("", value)),
            "model_guid" => self.keep(key, value),
            "catboost_version_info" => self.version(value),
            "params" | "output_options" | "class_params" => {
                let Ok(value) = kit::json::<Value>(value.as_bytes(), "its parameters") else { return };
                if let Some(loss) = value.pointer("/loss_function/type").and_then(Value::as_str) {
                    self.weights.objective = Some(publishable("", loss));
                }
                if let Some(folder) = value.get("train_dir").and_then(Value::as_str) {
                    self.path(folder);
                }
                for label in value.get("class_names").and_then(Value::as_array).into_iter().flatten() {
                    self.label(label.as_str());
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, key: &str, value: &str) {
        self.weights.metadata.insert(key.to_owned(), publishable(key, value));
    }

    fn path(&mut self, path: &str) {
        if !path.is_empty() && path != "catboost_info" {
            self.weights.paths.push(publishable("", path));
        }
    }

    fn label(&mut self, label: Option<&str>) {
        if let Some(label) = label.filter(|_| self.weights.labels.len() < 1000) {
            self.weights.labels.push(publishable("", label));
        }
    }

    /// The version from what `git` said when it was built: `Branch: tags/v1.2.10`.
    fn version(&mut self, text: &str) {
        let tag = text.split("tags/v").nth(1).map(|rest| rest.split_ascii_whitespace().next().unwrap_or_default());
        self.weights.framework_version = tag.map(|tag| publishable("", tag));
    }

    fn take(&mut self, path: &[String], event: Event) {
        let Some(path) = short::<5>(path) else { return };
        match (path.as_slice(), event) {
            (["features_info", "float_features" | "categorical_features" | "text_features", ""], Event::Open) => {
                self.features.push((u64::MAX, String::new()));
            }
            (["features_info", _, "", "feature_id"], Event::Text(name)) => {
                if let Some(feature) = self.features.last_mut() {
                    name.clone_into(&mut feature.1);
                }
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held against its range")]
            (["features_info", _, "", "flat_feature_index"], Event::Number(place)) if (0.0..1e9).contains(&place) => {
                if let Some(feature) = self.features.last_mut() {
                    feature.0 = place as u64;
                }
            }
            (["oblivious_trees" | "trees", ""], Event::Open) => {
                self.weights.num_trees = Some(self.weights.num_trees.unwrap_or(0).saturating_add(1));
            }
            (["model_info", "params", "loss_function", "type"], Event::Text(loss)) => {
                self.weights.objective = Some(publishable("", loss));
            }
            (["model_info", "class_params", "class_names", ""], Event::Text(label)) => self.label(Some(label)),
            (["model_info", key], Event::Text(value)) => self.information(key, value),
            _ => {}
        }
    }

    fn finish(mut self) -> Finding {
        self.features.sort_unstable();
        self.features.truncate(usize::try_from(MAX_FEATURES).unwrap_or(usize::MAX));
        self.weights.n_features = Some(self.features.len() as u64);
        if self.features.iter().any(|(_, name)| !name.is_empty()) {
            self.weights.feature_names = self.features.iter().map(|(_, name)| publishable("", name)).collect();
        }
        Finding::new(Fact::Weights(Box::new(self.weights)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn features_keep_their_place_in_a_row() {
        let text = br#"{"features_info": {"categorical_features": [{"feature_id": "site", "flat_feature_index": 1}],
            "float_features": [{"feature_id": "bmi", "flat_feature_index": 2}, {"feature_id": "age", "flat_feature_index": 0}]},
            "model_info": {"class_params": {"class_names": ["case", "control"]}, "output_options": "{\"train_dir\": \"/srv/run7\"}"},
            "trees": [{"left": {"value": 1}, "right": {"value": 2}}, {}]}"#;
        let finding = run(json, text).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!(weights.feature_names, ["age", "site", "bmi"]);
        assert_eq!((weights.num_trees, weights.n_features), (Some(2), Some(3)));
        assert_eq!(weights.labels, ["case", "control"]);
        assert_eq!(weights.paths, ["/srv/run7"]);
        assert!(matches!(run(json, br#"{"features_info": 3}"#), Err(ProbeError::NotMine)));
    }

    #[test]
    fn offsets_that_lead_astray_are_errors() {
        for bytes in
            [&b"CBM1"[..], b"CBM1\x10\0\0\0\xff\xff\xff\xff", b"CBM1\x10\0\0\0\x04\0\0\0\xff\xff\xff\x7f", b"CBM2"]
        {
            assert!(run(binary, bytes).is_err(), "{bytes:?}");
        }
    }
}
