//! Neptune: `.neptune/async/run__<key>/…/data-1.log` and, without a server, `.neptune/offline/run__<key>__…/`, a line of
//! JSON for every operation, and what it was started with in `metadata.json`.
//!
//! Follows `neptune/internal/operation.py`, `disk_queue.py` and `metadata_file.py`, releases 0.9 to 1.14.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::{Map, Value};

use super::settings::{self, MAX_NAMES};
use crate::model::{Cause, Fact, Run, publishable};
use crate::probe::stream::{Line, Stream};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest operation.
const MAX_LINE: usize = 1 << 20;
const MAX_META: u64 = 1 << 20;

/// The key of a run by its directory: `run__<key>__<pid>__<random>`.
fn key_of(path: &[u8]) -> Option<String> {
    let directory = path.split(|&byte| byte == b'/').rev().find_map(|part| part.strip_prefix(b"run__"))?;
    let text = std::str::from_utf8(directory).ok()?;
    settings::text("run_id", text.split("__").next())
}

fn is_offline(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|part| part == b"offline")
}

/// `data-<n>.log`.
pub(crate) fn log(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let first = input.head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let first: Value = kit::json(first, "an operation").map_err(|_| ProbeError::NotMine)?;
    if operation(&first).is_none() {
        return Err(ProbeError::NotMine);
    }
    let mut run = Run { run_id: key_of(input.name), ..Run::default() };
    run.offline = is_offline(input.name).then_some(true);
    let mut metrics = BTreeSet::new();
    let (mut stream, mut line, mut unread) = (Stream::new(reader), Vec::new(), 0u64);
    let outcome = loop {
        match stream.line(&mut line, MAX_LINE) {
            Ok(Line::End) => break Ok(()),
            Ok(_) => match kit::json::<Value>(&line, "an operation") {
                Ok(value) => add(&mut run, &mut metrics, &value),
                Err(_) => unread = unread.saturating_add(1),
            },
            Err(error) => break Err(ProbeError::from(error)),
        }
    };
    run.metrics = metrics.iter().map(|name| publishable("", name)).collect();
    run.params.sort();
    run.params.dedup();
    let mut finding = Finding::new(Fact::Run(Box::new(run))).ended_by(outcome);
    if unread > 0 {
        finding.notes.push((Cause::Malformed, format!("{unread} of its lines are no operations, or too long")));
    }
    Ok(finding)
}

/// What an operation is, and the path of the field it is about.
fn operation(line: &Value) -> Option<(&Value, &str, String)> {
    let object = line.get("obj")?;
    line.get("version")?.as_u64()?;
    let path: Vec<&str> = object.get("path")?.as_array()?.iter().filter_map(Value::as_str).collect();
    Some((object, object.get("type")?.as_str()?, path.join("/")))
}

fn add(run: &mut Run, metrics: &mut BTreeSet<String>, line: &Value) {
    let Some((object, sort, path)) = operation(line) else { return };
    let text = object.get("value").and_then(Value::as_str);
    match path.as_str() {
        "sys/name" => run.name = settings::text("name", text).or_else(|| run.name.take()),
        "sys/hostname" => run.hostname = settings::text("host", text),
        "sys/failed" => run.failed = object.get("value").and_then(Value::as_bool),
        "source_code/entrypoint" => run.program = settings::text("program", text),
        "source_code/git" => {
            let git = |key: &str| object.get(key).and_then(Value::as_str);
            run.git_commit = settings::text("commit", git("commit_id"));
            run.git_branch = settings::text("branch", git("current_branch"));
            let remote = object.get("remotes").and_then(Value::as_array).and_then(|remotes| remotes.first());
            run.git_remote = settings::text("remote", remote.and_then(Value::as_str));
        }
        _ if path.starts_with("sys/") || path.starts_with("monitoring/") => {}
        "source_code/diff" => run.holds_source = Some(true),
        "source_code/files" => {
            let files = object.get("file_globs").and_then(Value::as_array).is_some_and(|files| !files.is_empty());
            run.holds_source = run.holds_source.or(files.then_some(true));
        }
        _ if sort == "LogFloats" => {
            let values = object.get("values").and_then(Value::as_array).into_iter().flatten();
            let steps = values.filter_map(|value| value.get("step")?.as_f64()).filter_map(settings::whole);
            run.last_step = run.last_step.max(steps.max());
            if metrics.len() < MAX_NAMES {
                metrics.insert(path);
            }
        }
        _ if sort.starts_with("Assign") => {
            let value = object.get("value").map(|value| text.map_or_else(|| value.to_string(), str::to_owned));
            settings::param(run, &path, &value.unwrap_or_default());
        }
        _ if sort == "TrackFilesToArtifact" => {
            let entries = object.get("entries").and_then(Value::as_array).into_iter().flatten();
            let places = entries.filter_map(|entry| entry.as_str().or_else(|| entry.get(0)?.as_str()));
            places.for_each(|place| settings::note(run, "dataset", place));
        }
        _ => {}
    }
}

/// `metadata.json`.
pub(crate) fn metadata(input: &Input) -> Result<Finding, ProbeError> {
    let meta: Map<String, Value> = kit::json_file(input, MAX_META, &["\"containerId\""], "its metadata")?;
    let raw = |key: &str| meta.get(key).and_then(Value::as_str);
    if raw("containerId").is_none() || raw("containerType") != Some("run") {
        return Err(ProbeError::NotMine);
    }
    let run = Run {
        run_id: settings::text("run_id", raw("containerId")),
        offline: (raw("mode") == Some("offline")).then_some(true),
        started: raw("createdAt").and_then(settings::instant),
        python: raw("pythonVersion").and_then(|version| settings::text("version", version.split(' ').next())),
        framework_version: settings::text("version", raw("neptuneClientVersion")),
        ..Run::default()
    };
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn operations_and_keys() {
        let text = br#"{"obj": {"type": "AssignString", "path": ["sys", "name"], "value": "n"}, "version": 1}
{"obj": {"type": "AssignString", "path": ["parameters", "data_path"], "value": "/data/x"}, "version": 2}
{"obj": {"type": "AssignString", "path": ["api_key"], "value": "hunter2"}, "version": 3}
{"obj": {"type": "LogFloats", "path": ["train", "loss"], "values": [{"value": 1.0, "step": 4.0, "ts": 1}]}, "version": 4}
{"obj": {"ty"#;
        let blob = Memory::new(&text[..]);
        let name = b".neptune/offline/run__abc__1__x/data-1.log";
        let finding = log(&Input { name, ..Input::new(&blob, text) }, &mut &text[..]).unwrap();
        assert_eq!(finding.notes.len(), 1);
        let Fact::Run(run) = finding.fact else { panic!() };
        assert_eq!((run.run_id.as_deref(), run.name.as_deref()), (Some("abc"), Some("n")));
        assert_eq!((run.dataset_path.as_deref(), run.last_step, run.offline), (Some("/data/x"), Some(4), Some(true)));
        assert_eq!(
            (run.metrics.as_slice(), run.environment_leaks.as_slice()),
            (&["train/loss".to_owned()][..], &["api_key".to_owned()][..])
        );
        assert!(!format!("{run:?}").contains("hunter2"));
        for other in [&b"{}"[..], b"", b"{\"obj\": {\"path\": []}}"] {
            let blob = Memory::new(other);
            assert!(matches!(log(&Input::new(&blob, other), &mut &other[..]), Err(ProbeError::NotMine)));
        }
    }
}
