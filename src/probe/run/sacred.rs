//! Sacred's file store: a numbered directory a run, with `run.json`, `config.json`, `metrics.json` and `cout.txt`.
//!
//! Follows `sacred/observers/file_storage.py` and `host_info.py`, releases 0.7 and 0.8. Console output stays where it is.

use serde_json::{Map, Value};

use super::settings;
use crate::model::{Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest file.
const MAX_JSON: u64 = 16 << 20;

/// `run.json`.
pub(crate) fn run(input: &Input) -> Result<Finding, ProbeError> {
    let told: Map<String, Value> = kit::json_file(input, MAX_JSON, &["\"heartbeat\""], "its run")?;
    let (Some(Value::Object(experiment)), Some(Value::Object(host))) = (told.get("experiment"), told.get("host"))
    else {
        return Err(ProbeError::NotMine);
    };
    let is_run = told.contains_key("meta") && told.contains_key("status") && experiment.contains_key("name");
    if !is_run {
        return Err(ProbeError::NotMine);
    }
    let raw = |key: &str| told.get(key).and_then(Value::as_str);
    let of = |part: &Map<String, Value>, key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
    let repository = experiment.get("repositories").and_then(|repositories| repositories.get(0));
    let git = |key: &str| repository.and_then(|repository| repository.get(key)).and_then(Value::as_str);
    let status = settings::text("status", raw("status"));
    let mut run = Run {
        experiment: settings::text("experiment", of(experiment, "name").as_deref()),
        program: settings::text("program", of(experiment, "mainfile").as_deref()),
        working_directory: settings::text("path", of(experiment, "base_dir").as_deref()),
        hostname: settings::text("host", of(host, "hostname").as_deref()),
        python: settings::text("version", of(host, "python_version").as_deref()),
        git_remote: settings::text("url", git("url")),
        git_commit: settings::text("commit", git("commit")),
        failed: status.as_deref().map(|status| matches!(status, "FAILED" | "INTERRUPTED" | "TIMEOUT" | "DIED")),
        status,
        started: raw("start_time").and_then(settings::instant),
        ended: raw("stop_time").and_then(settings::instant),
        // The store keeps a copy of every source file beside the runs.
        holds_source: experiment
            .get("sources")
            .and_then(Value::as_array)
            .is_some_and(|list| !list.is_empty())
            .then_some(true),
        ..Run::default()
    };
    for (name, value) in host.get("ENV").and_then(Value::as_object).into_iter().flatten() {
        settings::leak(&mut run, name, value.as_str().unwrap_or_default());
    }
    // Files that the run said it opened.
    for resource in told.get("resources").and_then(Value::as_array).into_iter().flatten() {
        let path = resource.as_str().or_else(|| resource.get(0)?.as_str());
        path.into_iter().for_each(|path| settings::note(&mut run, "dataset", path));
    }
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

/// `config.json`, `metrics.json`, `info.json` and `cout.txt` in the numbered directory of a run.
pub(crate) fn file(input: &Input) -> Result<Finding, ProbeError> {
    let mut parts = input.name.rsplit(|&byte| byte == b'/');
    let (base, directory) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if directory.is_empty() || !directory.iter().all(u8::is_ascii_digit) {
        return Err(ProbeError::NotMine);
    }
    let mut run = Run::default();
    match base {
        b"config.json" => {
            let config: Map<String, Value> = kit::json_file(input, MAX_JSON, &[], "its settings")?;
            // Sacred draws a seed for every run and writes it among the settings.
            if !config.get("seed").is_some_and(Value::is_u64) {
                return Err(ProbeError::NotMine);
            }
            settings::params(&mut run, "", &Value::Object(config));
        }
        b"metrics.json" => {
            let metrics: Map<String, Value> = kit::json_file(input, MAX_JSON, &[], "its metrics")?;
            let steps = |metric: &Value| metric.get("steps")?.as_array()?.iter().filter_map(Value::as_u64).max();
            if !metrics.values().all(|metric| metric.get("steps").is_some_and(Value::is_array)) {
                return Err(ProbeError::NotMine);
            }
            run.last_step = metrics.values().filter_map(steps).max();
            run.metrics = metrics.keys().take(settings::MAX_NAMES).map(|name| publishable("", name)).collect();
        }
        b"cout.txt" => {}
        _ => return Err(ProbeError::NotMine),
    }
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn look(name: &str, text: &str) -> Option<Run> {
        let blob = Memory::new(text.as_bytes());
        match file(&Input { name: name.as_bytes(), ..Input::new(&blob, text.as_bytes()) }).ok()?.fact {
            Fact::Run(run) => Some(*run),
            _ => None,
        }
    }

    #[test]
    fn files_of_a_run_by_their_place_and_what_is_in_them() {
        let config =
            look("runs/1/config.json", r#"{"data_path": "/data/a", "api_key": "hunter2", "seed": 7}"#).unwrap();
        assert_eq!((config.dataset_path.as_deref(), config.environment_leaks.len()), (Some("/data/a"), 1));
        assert!(!format!("{config:?}").contains("hunter2"));
        let metrics = look("runs/1/metrics.json", r#"{"loss": {"steps": [1, 3], "values": [1, 2]}}"#).unwrap();
        assert_eq!((metrics.metrics, metrics.last_step), (vec!["loss".to_owned()], Some(3)));
        assert!(look("runs/1/cout.txt", "x").is_some());
        for (name, text) in [
            ("1/config.json", r#"{"model_type": "bert"}"#),
            ("1a/config.json", r#"{"seed": 1}"#),
            ("1/metrics.json", r#"{"loss": 1}"#),
        ] {
            assert!(look(name, text).is_none(), "{name}");
        }
    }
}
