//! `catboost_training.json`: what CatBoost notes of a training in `catboost_info`, beside the event files of its data sets.
//!
//! Written by `catboost/libs/logging/logger.cpp`; the beginning says all but the last iteration.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::{Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Largest file: an iteration has about 150 bytes.
const MAX_FILE: u64 = 64 << 20;

#[derive(Deserialize)]
struct Training {
    meta: Meta,
    #[serde(default)]
    iterations: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Meta {
    launch_mode: String,
    learn_metrics: Vec<Metric>,
    #[serde(default)]
    test_metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
}

/// Reads the note.
pub(crate) fn info(input: &Input) -> Result<Finding, ProbeError> {
    let signs = ["\"launch_mode\"", "\"learn_metrics\""];
    let Training { meta, iterations } = kit::json_file(input, MAX_FILE, &signs, "the note of a training")?;
    if meta.launch_mode.is_empty() {
        return Err(ProbeError::NotMine);
    }
    let names = meta.learn_metrics.iter().chain(&meta.test_metrics);
    let done = iterations.len() as u64;
    Ok(Finding::new(Fact::Run(Box::new(Run {
        metrics: names.map(|metric| publishable("", &metric.name)).collect(),
        steps_logged: Some(done),
        last_step: done.checked_sub(1),
        ..Run::default()
    }))))
}
