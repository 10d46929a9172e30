//! ClearML without a server: `offline-<id>.zip` and the directory it was packed from, with the task in `task.json` and
//! lists of events in `metrics.jsonl` and `log.jsonl`.
//!
//! Follows `clearml/task.py` and `backend_interface/metrics/interface.py`, releases 1.1 to 2.1. Console output stays where
//! it is; of a line of it, the machine is told.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::offline_zip::Archive;
use super::settings::{self, MAX_NAMES};
use crate::model::{Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest task: with the whole difference to the last commit.
const MAX_TASK: u64 = 16 << 20;
/// Longest list of events that is read.
const MAX_EVENTS: u64 = 64 << 20;

/// The archive.
pub(crate) fn archive(input: &Input) -> Result<Finding, ProbeError> {
    let mut archive = Archive::open(input, &["task.json"])?;
    let task = archive.member("task.json", MAX_TASK)?;
    let task: Map<String, Value> = kit::json(&task, "its task").map_err(|_| ProbeError::NotMine)?;
    let mut run = run_of(&task)?;
    events(&mut run, &archive.member("metrics.jsonl", MAX_EVENTS)?);
    // The first lines tell the machine like the last.
    let log = archive.member("log.jsonl", MAX_EVENTS)?;
    run.hostname = log.split(|&byte| byte == b'\n').take(8).find_map(worker);
    let mut finding = Finding::new(Fact::Run(Box::new(run)));
    finding.identities.push(archive.identity());
    // Artifacts of the task are packed with it, and may be models and data.
    finding.descend = archive.has_more_than(&["task.json", "metrics.jsonl", "log.jsonl"]);
    finding.notes = archive.notes;
    Ok(finding)
}

/// `task.json` of a directory that was not packed.
pub(crate) fn task(input: &Input) -> Result<Finding, ProbeError> {
    let task: Map<String, Value> = kit::json_file(input, MAX_TASK, &["\"offline_folder\""], "its task")?;
    Ok(Finding::new(Fact::Run(Box::new(run_of(&task)?))))
}

fn run_of(task: &Map<String, Value>) -> Result<Run, ProbeError> {
    let raw = |key: &str| task.get(key).and_then(Value::as_str);
    let script = task.get("script");
    let of_script = |key: &str| script.and_then(|script| script.get(key)).and_then(Value::as_str);
    let is_task = raw("id").is_some() && script.is_some() && task.contains_key("execution");
    if !is_task {
        return Err(ProbeError::NotMine);
    }
    let mut run = Run {
        run_id: settings::text("task_id", raw("id")),
        name: settings::text("name", raw("name")),
        project: settings::text("project", raw("project_name")),
        parent_run_id: settings::text("parent", raw("parent")),
        status: settings::text("status", raw("status")),
        offline: Some(true),
        git_remote: settings::text("repository", of_script("repository")),
        git_branch: settings::text("branch", of_script("branch")),
        git_commit: settings::text("commit", of_script("version_num")),
        program: settings::text("program", of_script("entry_point")),
        working_directory: settings::text("path", of_script("working_dir").filter(|path| *path != ".")),
        python: of_script("binary").and_then(|binary| settings::text("version", binary.rsplit("python").next())),
        holds_source: of_script("diff").is_some_and(|diff| !diff.trim().is_empty()).then_some(true),
        ..Run::default()
    };
    for (section, params) in task.get("hyperparams").and_then(Value::as_object).into_iter().flatten() {
        for (name, param) in params.as_object().into_iter().flatten() {
            let value = param.get("value").and_then(Value::as_str).unwrap_or_default();
            settings::param(&mut run, &format!("{section}/{name}"), value);
        }
    }
    // Before sections, parameters were a list of names and values.
    let older = task.get("execution").and_then(|execution| execution.get("parameters")).and_then(Value::as_object);
    for (name, value) in older.into_iter().flatten() {
        settings::param(&mut run, name, value.as_str().unwrap_or_default());
    }
    Ok(run)
}

/// Names and steps of the values that were logged: a list of events in every line.
fn events(run: &mut Run, lines: &[u8]) {
    let mut names = BTreeSet::new();
    let mut steps = BTreeSet::new();
    for line in lines.split(|&byte| byte == b'\n') {
        let Ok(events) = kit::json::<Vec<Value>>(line, "an event") else { continue };
        for event in &events {
            if let Some(step) = event.get("iter").and_then(Value::as_u64) {
                run.last_step = run.last_step.max(Some(step));
                if steps.len() < MAX_NAMES {
                    steps.insert(step);
                }
            }
            let part = |key: &str| event.get(key).and_then(Value::as_str);
            if let Some(metric) = part("metric").filter(|_| names.len() < MAX_NAMES) {
                names
                    .insert(part("variant").map_or_else(|| metric.to_owned(), |variant| format!("{metric}/{variant}")));
            }
        }
    }
    run.metrics = names.iter().map(|name| publishable("", name)).collect();
    // More steps than are told apart are not counted.
    run.steps_logged = (1..MAX_NAMES).contains(&steps.len()).then_some(steps.len() as u64);
}

/// The machine that a line of the log comes from.
fn worker(line: &[u8]) -> Option<String> {
    let events: Vec<Value> = kit::json(line, "an event").ok()?;
    events.iter().find_map(|event| settings::text("host", event.get("worker")?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn other_archives_and_tasks_are_left_alone() {
        for bytes in [&b"PK\x03\x04 and no directory"[..], b"{}", br#"{"id": "x", "script": {}}"#, b""] {
            let blob = Memory::new(bytes);
            let input = Input::new(&blob, bytes);
            assert!(matches!(archive(&input), Err(ProbeError::NotMine)));
            assert!(matches!(task(&input), Err(ProbeError::NotMine)));
        }
    }

    #[test]
    fn tasks_and_their_events() {
        let text = br#"{"id": "offline-1", "name": "n", "project_name": "p", "execution": {"parameters": {"old": "1"}},
            "script": {"binary": "python3.11", "diff": "+ x", "repository": "https://u:hunter2@h.example/r", "entry_point": "t.py"},
            "hyperparams": {"Args": {"data": {"value": "/data/a.csv"}, "password": {"value": "hunter2"}}}}"#;
        let blob = Memory::new(&text[..]);
        let Fact::Run(mut run) = task(&Input::new(&blob, text)).unwrap().fact else { panic!() };
        assert_eq!(run.params, ["Args/data", "Args/password", "old"]);
        assert_eq!((run.dataset_path.as_deref(), run.python.as_deref()), (Some("/data/a.csv"), Some("3.11")));
        assert_eq!(
            (run.holds_source, run.environment_leaks.as_slice()),
            (Some(true), &["Args/password".to_owned()][..])
        );
        events(&mut run, b"[{\"metric\": \"loss\", \"variant\": \"train\", \"iter\": 7}]\nnot json\n");
        assert_eq!((run.metrics.as_slice(), run.last_step), (&["loss/train".to_owned()][..], Some(7)));
        assert!(!format!("{run:?}").contains("hunter2"));
    }
}
