//! XGBoost models: JSON, UBJSON, and the binary files of before 2.1.
//!
//! Follows `doc/model.schema` and `src/learner.cc` of XGBoost 3.2 (`LearnerModelParamLegacy` for binary files). The
//! trees are passed over: names, objective, counts and free attributes lie around them.

use super::super::{Finding, Input, ProbeError};
use crate::blob::{Cursor, ReadError};
use crate::model::{Fact, Weights, publishable};
use crate::probe::events::{self, Event, Syntax, short};

/// Bytes read of a model in JSON or UBJSON.
const MAX_MODEL: u64 = 128 << 20;
/// Most names and attributes kept.
const MAX_ENTRIES: usize = 10_000;
/// Length of the parameters of a binary file, and longest name in it.
const LEGACY_PARAMETERS: u64 = 136;
const MAX_NAME: u64 = 1024;

/// A model in JSON.
pub(crate) fn json(input: &Input) -> Result<Finding, ProbeError> {
    walk(input, Syntax::Json)
}

/// A model in UBJSON.
pub(crate) fn ubjson(input: &Input) -> Result<Finding, ProbeError> {
    walk(input, Syntax::Ubjson)
}

fn walk(input: &Input, syntax: Syntax) -> Result<Finding, ProbeError> {
    let mut model = Model::default();
    let outcome = events::walk(input.blob, 0, MAX_MODEL, syntax, &mut |path, event| model.take(path, event));
    if !model.has_booster {
        // The configuration of a learner has the same outermost keys and no booster's model.
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    model.finish().noting(outcome)
}

#[derive(Default)]
struct Model {
    weights: Weights,
    version: Vec<String>,
    has_booster: bool,
}

impl Model {
    fn take(&mut self, path: &[String], event: Event) {
        let Some(path) = short::<6>(path) else { return };
        let path = path.strip_prefix(&["Model"]).unwrap_or(&path);
        match (path, event) {
            (["learner", "gradient_booster", inner @ .., _], _) if inner.contains(&"model") => {
                self.in_booster(path, event)
            }
            (["learner", "feature_names", ""], Event::Text(name)) if self.weights.feature_names.len() < MAX_ENTRIES => {
                self.weights.feature_names.push(publishable("", name));
            }
            (["learner", "learner_model_param", "num_feature"], _) => self.weights.n_features = whole(event),
            (["learner", "objective", "name"], Event::Text(name)) => {
                self.weights.objective = Some(publishable("", name));
            }
            (["learner", "gradient_booster", "name"], Event::Text(name)) => {
                self.weights.architecture = Some(publishable("", name));
            }
            (["learner", "attributes", key], Event::Text(value)) if self.weights.metadata.len() < MAX_ENTRIES => {
                self.weights.metadata.insert(publishable("", key), publishable(key, value));
            }
            (["version", ""], Event::Number(_)) if self.version.len() < 3 => {
                self.version.extend(whole(event).map(|part| part.to_string()));
            }
            _ => {}
        }
    }

    fn in_booster(&mut self, path: &[&str], event: Event) {
        self.has_booster = true;
        if matches!(path, [.., "gbtree_model_param", "num_trees"]) {
            self.weights.num_trees = whole(event);
        }
    }

    fn finish(mut self) -> Finding {
        if !self.version.is_empty() {
            self.weights.framework_version = Some(self.version.join("."));
        }
        let names = self.weights.feature_names.len() as u64;
        self.weights.n_features = self.weights.n_features.filter(|&count| count > 0).or((names > 0).then_some(names));
        Finding::new(Fact::Weights(Box::new(self.weights)))
    }
}

/// A count: XGBoost writes numbers as texts.
fn whole(event: Event) -> Option<u64> {
    match event {
        Event::Text(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held against its range before")]
        Event::Number(number) if (0.0..1e15).contains(&number) => Some(number as u64),
        _ => None,
    }
}

/// A binary file: `binf`, parameters of a fixed length, the names of objective and booster, the booster.
pub(crate) fn binary(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if cursor.array()? != *b"binf" {
        return Err(ProbeError::NotMine);
    }
    cursor.skip(4)?;
    let features = cursor.u32()?;
    cursor.skip(12)?;
    let (major, minor) = (cursor.u32()?, cursor.u32()?);
    cursor.seek(LEGACY_PARAMETERS.saturating_add(4));
    let objective = name(&mut cursor)?;
    let booster = name(&mut cursor)?;
    if !matches!(booster.as_str(), "gbtree" | "gblinear" | "dart") {
        return Err(ProbeError::NotMine);
    }
    let trees = if booster == "gblinear" { None } else { Some(u64::from(cursor.u32()?)) };
    let weights = Weights {
        num_trees: trees,
        n_features: (features > 0).then_some(u64::from(features)),
        // The field was reserved, and zero, before 1.0.
        framework_version: (1..100).contains(&major).then(|| format!("{major}.{minor}")),
        objective: Some(publishable("", &objective)),
        architecture: Some(booster),
        ..Weights::default()
    };
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn name(cursor: &mut Cursor) -> Result<String, ProbeError> {
    let len = cursor.u64()?;
    let name = match cursor.vec(len, MAX_NAME) {
        Err(ReadError::TooLong { .. }) => return Err(ProbeError::NotMine),
        other => other?,
    };
    String::from_utf8(name).map_err(|_| ProbeError::NotMine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        let blob = Memory::new(bytes);
        probe(&Input::new(&blob, bytes))
    }

    fn binf(features: u32, objective: &str, booster: &str, trees: u32) -> Vec<u8> {
        let mut bytes = b"binf\0\0\0\x3f".to_vec();
        bytes.extend(features.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend([1, 0, 0, 0, 7, 0, 0, 0]);
        bytes.resize(140, 0);
        for text in [objective, booster] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(trees.to_le_bytes());
        bytes
    }

    #[test]
    fn a_binary_model() {
        let bytes = binf(5, "binary:logistic", "gbtree", 7);
        let finding = run(binary, &bytes).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.n_features, weights.num_trees), (Some(5), Some(7)));
        assert_eq!(weights.framework_version.as_deref(), Some("1.7"));
        assert!(matches!(run(binary, &binf(5, "x", "sprouts", 7)), Err(ProbeError::NotMine)));
        for cut in 0..bytes.len() {
            assert!(run(binary, &bytes[..cut]).is_err());
        }
        let mut endless = bytes.clone();
        endless[140..148].fill(0xff);
        assert!(matches!(run(binary, &endless), Err(ProbeError::NotMine)));
    }

    #[test]
    fn a_cut_model_says_what_came_before_the_cut() {
        let whole = br#"{"learner":{"attributes":{"note":"x","hub_token":"hunter2"},"feature_names":["age","bmi"],
            "gradient_booster":{"model":{"gbtree_model_param":{"num_trees":"3"},"trees":[{"id":0}]},"name":"gbtree"},
            "learner_model_param":{"num_feature":"2"},"objective":{"name":"reg:squarederror"}},"version":[1,2,0]}"#;
        let finding = run(json, whole).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!(weights.objective.as_deref(), Some("reg:squarederror"));
        assert_eq!(weights.framework_version.as_deref(), Some("1.2.0"));
        assert!(!format!("{weights:?}").contains("hunter2"));
        let cut = run(json, &whole[..200]).unwrap();
        assert_eq!(cut.fact.weights().unwrap().num_trees, Some(3));
        assert_eq!(cut.notes.len(), 1);
        assert!(matches!(
            run(json, br#"{"learner":{"generic_param":{"seed":"0"}},"version":[1]}"#),
            Err(ProbeError::NotMine)
        ));
    }
}
