//! What lies in `files/` and `logs/` of a run's directory.

use serde_json::{Map, Value};

use super::super::{paths, settings};
use super::{claimed, id_of, is_source, place};
use crate::model::{Fact, Run};
use crate::probe::{Finding, Input, ProbeError, kit, yaml};

/// Longest description.
const MAX_JSON: u64 = 16 << 20;

fn finding(input: &Input, run: Run) -> Finding {
    let mut finding = Finding::new(Fact::Run(Box::new(run)));
    finding.format = Some(place(input.name).unwrap_or("wandb"));
    finding
}

/// `wandb-metadata.json`: where, by whom and with which source a run was started.
pub(crate) fn metadata(input: &Input) -> Result<Finding, ProbeError> {
    let signs = ["\"startedAt\"", "\"codePath\"", "\"executable\""];
    let meta: Map<String, Value> =
        kit::json_file(input, MAX_JSON, &signs, "its metadata").map_err(|error| claimed(input.name, error))?;
    if !["host", "program", "startedAt", "executable"].iter().any(|key| meta.contains_key(*key)) {
        return Err(ProbeError::NotMine);
    }
    let raw = |key: &str| meta.get(key).and_then(Value::as_str);
    let text = |key: &str| settings::text(key, raw(key));
    let git = |key: &str| meta.get("git").and_then(|git| git.get(key)).and_then(Value::as_str);
    let mut run = Run {
        run_id: id_of(input.name),
        offline: place(input.name).map(|format| format == "wandb-offline"),
        hostname: text("host"),
        user: settings::account(raw("username")),
        program: text("codePath").or_else(|| text("codePathLocal")).or_else(|| text("program")),
        git_remote: settings::text("remote_url", git("remote").or_else(|| git("remote_url"))),
        git_commit: settings::text("commit", git("commit")),
        working_directory: settings::text("path", raw("root")),
        started: raw("startedAt").and_then(settings::instant),
        python: settings::text("version", raw("python").map(|python| python.trim_start_matches("CPython "))),
        gpu: text("gpu"),
        gpu_count: meta.get("gpu_count").and_then(Value::as_u64),
        ..Run::default()
    };
    if let Some(Value::Object(slurm)) = meta.get("slurm") {
        slurm.iter().for_each(|(key, value)| super::slurm(&mut run, key, value.as_str().unwrap_or_default()));
    }
    let arguments: Vec<&str> = match meta.get("args") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    paths::fill_arguments(&mut run, arguments.iter().copied());
    if let Some(program) = raw("program") {
        run.command = settings::command(raw("executable").into_iter().chain([program]).chain(arguments));
    }
    Ok(finding(input, run))
}

/// `config.yaml`: the settings, each with a description and a value.
pub(crate) fn config(input: &Input) -> Result<Finding, ProbeError> {
    let (config, ended_by) = yaml::file(input)?;
    let is_ours = config.get("wandb_version").is_some() || config.get("_wandb").is_some();
    if !is_ours {
        return Err(ProbeError::NotMine);
    }
    let version = |key: &str| settings::text("version", config.text_at(&["_wandb", "value", key]));
    let mut run =
        Run { python: version("python_version"), framework_version: version("cli_version"), ..Run::default() };
    for (key, entry) in config.entries() {
        if matches!(key.as_str(), "wandb_version" | "_wandb") {
            continue;
        }
        let Some(value) = entry.get("value") else { continue };
        value.leaves(&mut |path, leaf| {
            let key = if path.is_empty() { key.clone() } else { format!("{key}.{path}") };
            settings::param(&mut run, &key, leaf.text().unwrap_or_default());
        });
    }
    Ok(finding(input, run).ended_by(ended_by.map_or(Ok(()), Err)))
}

/// `wandb-summary.json`: the last value of every metric.
pub(crate) fn summary(input: &Input) -> Result<Finding, ProbeError> {
    let summary: Map<String, Value> =
        kit::json_file(input, MAX_JSON, &["\"_step\"", "\"_runtime\"", "\"_wandb\""], "its summary")
            .map_err(|error| claimed(input.name, error))?;
    let mut run = Run { last_step: summary.get("_step").and_then(Value::as_u64), ..Run::default() };
    for key in summary.keys().filter(|key| !key.starts_with('_')).take(settings::MAX_NAMES) {
        run.metrics.push(crate::model::publishable("", key));
    }
    Ok(finding(input, run))
}

/// Any other file of a run's directory: nothing by itself, but its code and differences are source.
pub(crate) fn file(input: &Input) -> Result<Finding, ProbeError> {
    place(input.name).ok_or(ProbeError::NotMine)?;
    let path = String::from_utf8_lossy(input.name);
    let inner = path.rsplit_once("/files/").map_or("", |(_, inner)| inner);
    let run = Run { holds_source: is_source(inner).then_some(true), ..Run::default() };
    Ok(finding(input, run))
}
