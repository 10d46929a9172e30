//! DVCLive: `dvclive/metrics.json` with the last values, `params.yaml`, and a table for every metric below `plots/`.
//!
//! Follows `dvclive/live.py`, releases 1 to 3. One directory is one run, the last: older ones are in the history of the
//! repository.

use serde_json::{Map, Value};

use super::settings;
use crate::model::{Fact, Run};
use crate::probe::{Finding, Input, ProbeError, kit, yaml};

/// Longest file.
const MAX_JSON: u64 = 16 << 20;

/// `metrics.json` beside `plots/`, or `dvclive.json` as releases before 1 called it.
pub(crate) fn metrics(input: &Input) -> Result<Finding, ProbeError> {
    let metrics: Map<String, Value> = kit::json_file(input, MAX_JSON, &["\"step\""], "its metrics")?;
    let step = metrics.get("step").and_then(Value::as_u64).ok_or(ProbeError::NotMine)?;
    let mut run = Run { last_step: Some(step), ..Run::default() };
    for (name, value) in &metrics {
        names(&mut run, name, value);
    }
    run.metrics.retain(|name| name != "step");
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

fn names(run: &mut Run, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(inner, value)| names(run, &format!("{name}/{inner}"), value)),
        _ => settings::metric(run, name),
    }
}

/// `params.yaml` in the same directory.
pub(crate) fn params(input: &Input) -> Result<Finding, ProbeError> {
    let (params, ended_by) = yaml::file(input)?;
    let mut run = Run::default();
    params.leaves(&mut |path, leaf| settings::param(&mut run, path, leaf.text().unwrap_or_default()));
    Ok(Finding::new(Fact::Run(Box::new(run))).ended_by(ended_by.map_or(Ok(()), Err)))
}

/// A table of one metric below `plots/`: the metrics have told its name.
pub(crate) fn plot(input: &Input) -> Result<Finding, ProbeError> {
    let first = input.head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match first.starts_with(b"step\t") {
        true => Ok(Finding::new(Fact::Run(Box::default()))),
        false => Err(ProbeError::NotMine),
    }
}
