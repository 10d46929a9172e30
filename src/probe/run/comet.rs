//! Comet without a server: a zip of `experiment.json` and `messages.json`, a line for everything that would have been sent.
//!
//! Follows `comet_ml/offline.py` and `messages.py`, releases 3.0 to 3.58. Console output and packages stay where they are.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::offline_zip::Archive;
use super::settings::{self, MAX_NAMES};
use super::{mlflow, paths};
use crate::model::{Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest description.
const MAX_JSON: u64 = 1 << 20;
/// Longest list of messages that is read.
const MAX_MESSAGES: u64 = 64 << 20;

/// The archive.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut archive = Archive::open(input, &["experiment.json", "messages.json"])?;
    let experiment = archive.member("experiment.json", MAX_JSON)?;
    let experiment: Map<String, Value> = kit::json(&experiment, "its experiment").map_err(|_| ProbeError::NotMine)?;
    if !experiment.contains_key("project_name") && !experiment.contains_key("offline_id") {
        return Err(ProbeError::NotMine);
    }
    let raw = |key: &str| experiment.get(key).and_then(Value::as_str);
    let time = |key: &str| experiment.get(key).and_then(Value::as_i64).and_then(mlflow::time);
    let mut run = Run {
        run_id: settings::text("id", raw("offline_id").or_else(|| raw("experiment_key")))
            .or_else(|| key_of(input.name)),
        project: settings::text("project", raw("project_name")),
        entity: settings::text("workspace", raw("workspace")),
        started: time("start_time"),
        ended: time("stop_time"),
        offline: Some(true),
        ..Run::default()
    };
    let mut metrics = BTreeSet::new();
    for line in archive.member("messages.json", MAX_MESSAGES)?.split(|&byte| byte == b'\n') {
        if let Ok(message) = kit::json::<Value>(line, "a message") {
            add(&mut run, &mut metrics, &message);
        }
    }
    run.metrics = metrics.iter().map(|name| publishable("", name)).collect();
    run.params.sort();
    run.params.dedup();
    let mut finding = Finding::new(Fact::Run(Box::new(run)));
    finding.identities.push(archive.identity());
    finding.descend = archive.has_more_than(&["experiment.json", "messages.json"]);
    finding.notes = archive.notes;
    Ok(finding)
}

/// The key of an experiment by the name of its archive.
fn key_of(path: &[u8]) -> Option<String> {
    let base = path.rsplit(|&byte| byte == b'/').next()?.strip_suffix(b".zip")?;
    settings::text("id", std::str::from_utf8(base).ok())
}

fn add(run: &mut Run, metrics: &mut BTreeSet<String>, message: &Value) {
    let Some(payload) = message.get("payload") else { return };
    let raw = |key: &str| payload.get(key).and_then(Value::as_str);
    let inner = |part: &str, key: &str| payload.get(part).and_then(|part| part.get(key));
    match message.get("type").and_then(Value::as_str).unwrap_or_default() {
        "parameter_msg" => {
            let value = inner("param", "paramValue")
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let is_own = inner("param", "source").and_then(Value::as_str) != Some("auto-logged");
            if let Some(name) = inner("param", "paramName").and_then(Value::as_str).filter(|_| is_own) {
                settings::param(run, name, &value.unwrap_or_default());
            }
        }
        "metric_msg" => {
            let name = inner("metric", "metricName").and_then(Value::as_str).filter(|name| !name.starts_with("sys."));
            if let Some(name) = name {
                run.last_step = run.last_step.max(inner("metric", "step").and_then(Value::as_u64));
                if metrics.len() < MAX_NAMES && !metrics.contains(name) {
                    metrics.insert(name.to_owned());
                }
            }
        }
        "log_other" if raw("key") == Some("Name") => run.name = settings::text("name", raw("value")),
        "system_details" => {
            run.hostname = settings::text("host", raw("hostname"));
            run.user = settings::account(raw("user"));
            run.python = settings::text("version", raw("python_version"));
            let words: Vec<&str> = match payload.get("command") {
                Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            run.program = settings::text("program", words.first().copied());
            run.command = settings::command(words.iter().copied());
            paths::fill_arguments(run, words.into_iter());
            for (name, value) in payload.get("env").and_then(Value::as_object).into_iter().flatten() {
                settings::leak(run, name, value.as_str().unwrap_or_default());
            }
        }
        "git_metadata" => {
            let git = |key: &str| inner("git_metadata", key).or_else(|| payload.get(key)).and_then(Value::as_str);
            run.git_remote = settings::text("origin", git("origin"));
            run.git_branch = settings::text("branch", git("branch"));
            run.git_commit = settings::text("commit", git("parent"));
        }
        _ => {}
    }
}
