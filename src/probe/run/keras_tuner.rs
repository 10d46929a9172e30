//! Keras Tuner: a directory a search, in it `trial_<id>/trial.json` for every trial.
//!
//! Follows `keras_tuner/engine/trial.py`, releases 1.0 to 1.4.

use serde_json::{Map, Value};

use super::settings;
use crate::model::{Fact, Run, escape_name, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest description.
const MAX_JSON: u64 = 16 << 20;

/// `trial.json`.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let trial: Map<String, Value> = kit::json_file(input, MAX_JSON, &["\"trial_id\""], "its trial")?;
    let raw = |key: &str| trial.get(key).and_then(Value::as_str);
    let part = |key: &str, inner: &str| trial.get(key).and_then(|part| part.get(inner)).and_then(Value::as_object);
    let is_trial = raw("trial_id").is_some() && raw("status").is_some() && trial.contains_key("hyperparameters");
    if !is_trial {
        return Err(ProbeError::NotMine);
    }
    let status = settings::text("status", raw("status"));
    let mut run = Run {
        run_id: settings::text("trial_id", raw("trial_id")),
        trial: Some(true),
        studies: search(input.name).into_iter().collect(),
        failed: status.as_deref().map(|status| matches!(status, "FAILED" | "INVALID")),
        status,
        last_step: trial.get("best_step").and_then(Value::as_u64),
        ..Run::default()
    };
    for (name, value) in part("hyperparameters", "values").into_iter().flatten() {
        settings::param(&mut run, name, value.as_str().unwrap_or_default());
    }
    let metrics = part("metrics", "metrics").into_iter().flatten().take(settings::MAX_NAMES);
    run.metrics = metrics.map(|(name, _)| publishable("", name)).collect();
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

/// The directory of the search: the one around the trial's.
fn search(path: &[u8]) -> Option<String> {
    let directory = path.rsplit(|&byte| byte == b'/').nth(2)?;
    (!directory.is_empty()).then(|| publishable("", &escape_name(directory)))
}
