//! A study in a journal: a line of JSON for every operation, replayed like the writer does.
//!
//! A line that a stopped writer left half is passed over, as the writer passes over it. A study that was deleted is still
//! in the journal, and so are its trials.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::Value as Json;

use super::{Trial, Trials, attribute, set_state};
use crate::model::{Cause, Fact, Run, publishable};
use crate::probe::run::settings;
use crate::probe::run::tables::MAX_RUNS;
use crate::probe::stream::{Line, Stream};
use crate::probe::{Finding, Input, Member, ProbeError, kit};

/// Longest operation.
const MAX_LINE: usize = 1 << 20;
/// States of a trial by their number.
const STATES: [&str; 5] = ["RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING"];

#[derive(Default)]
struct Replay {
    found: Trials,
    /// Names of studies that are there.
    names: BTreeSet<String>,
    studies: i64,
    trials: i64,
    operations: u64,
    unread: u64,
}

/// A run for every trial that a journal creates.
pub(crate) fn probe(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    let first = input.head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if !is_operation(first) {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(reader);
    let mut replay = Replay::default();
    let mut line = Vec::new();
    let outcome = loop {
        match stream.line(&mut line, MAX_LINE) {
            Ok(Line::End) => break Ok(()),
            Ok(Line::Long) => replay.unread = replay.unread.saturating_add(1),
            Ok(Line::Whole) if line.trim_ascii().is_empty() => {}
            Ok(Line::Whole) => match kit::json::<Json>(&line, "an operation") {
                Ok(operation) => replay.apply(&operation),
                Err(_) => replay.unread = replay.unread.saturating_add(1),
            },
            Err(error) => break Err(ProbeError::from(error)),
        }
        if replay.found.trials.len() >= MAX_RUNS {
            break Err(ProbeError::Unsupported(format!("only {MAX_RUNS} of its trials were read")));
        }
    };
    let mut finding = Finding::new(Fact::None {}).ended_by(outcome);
    if replay.unread > 0 {
        let detail = format!("{} of its lines are no operations, or too long", replay.unread);
        finding.notes.push((Cause::Malformed, detail));
    }
    let member = |(path, run): (String, Run)| Member { path, format: None, fact: Fact::Run(Box::new(run)) };
    finding.members = replay.found.finish().into_iter().map(member).collect();
    Ok(finding)
}

/// Whether a line begins a journal: an operation with a worker.
fn is_operation(line: &[u8]) -> bool {
    let Ok(Json::Object(fields)) = kit::json::<Json>(line, "an operation") else { return false };
    fields.get("op_code").is_some_and(Json::is_u64) && fields.get("worker_id").is_some_and(Json::is_string)
}

impl Replay {
    fn apply(&mut self, operation: &Json) {
        self.operations = self.operations.saturating_add(1);
        let text = |key: &str| operation.get(key).and_then(Json::as_str);
        let number = |key: &str| operation.get(key).and_then(Json::as_i64);
        let study = || number("study_id").map(|id| id.to_string());
        match number("op_code") {
            Some(0) => {
                let name = text("study_name").unwrap_or_default().to_owned();
                if self.names.insert(name.clone()) {
                    self.found.studies.insert(self.studies.to_string(), publishable("study", &name));
                    self.studies = self.studies.saturating_add(1);
                }
            }
            Some(1) => {
                let Some(id) = study() else { return };
                if let Some(name) = self.found.studies.get(&id) {
                    self.names.remove(name);
                    self.found.deleted.insert(id);
                }
            }
            Some(4) => {
                let Some(study) =
                    study().filter(|id| self.found.studies.contains_key(id) && !self.found.deleted.contains(id))
                else {
                    return;
                };
                let mut run = Run { started: text("datetime_start").and_then(settings::instant), ..Run::default() };
                change(&mut run, operation);
                let names = operation.get("params").and_then(Json::as_object);
                names.into_iter().flatten().for_each(|(name, _)| settings::param(&mut run, name, ""));
                self.found.trials.insert(self.trials, Trial { study, number: None, run });
                self.trials = self.trials.saturating_add(1);
            }
            Some(5..=8) => {
                let trial = number("trial_id").and_then(|id| self.found.trials.get_mut(&id));
                trial.into_iter().for_each(|trial| change(&mut trial.run, operation));
            }
            _ => {}
        }
    }
}

/// What an operation on a trial says.
fn change(run: &mut Run, operation: &Json) {
    if let Some(name) = operation.get("param_name").and_then(Json::as_str) {
        settings::param(run, name, "");
    }
    let state = operation.get("state").and_then(Json::as_u64).and_then(|state| usize::try_from(state).ok());
    if let Some(state) = state.and_then(|state| STATES.get(state)) {
        set_state(run, state);
    }
    let moment = |key: &str| operation.get(key).and_then(Json::as_str).and_then(settings::instant);
    run.started = run.started.take().or_else(|| moment("datetime_start"));
    run.ended = moment("datetime_complete").or_else(|| run.ended.take());
    run.last_step = run.last_step.max(operation.get("step").and_then(Json::as_u64));
    for attributes in ["user_attr", "user_attrs"] {
        for (key, value) in operation.get(attributes).and_then(Json::as_object).into_iter().flatten() {
            attribute(run, key, &value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn look(text: &str) -> Result<Finding, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let mut reader = text.as_bytes();
        probe(&Input::new(&blob, text.as_bytes()), &mut reader)
    }

    #[test]
    fn journals_are_replayed() {
        let text = r#"{"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]}
{"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": "2024-05-01T10:00:00.000000+00:00"}
{"op_code": 5, "worker_id": "w", "trial_id": 0, "param_name": "lr", "param_value_internal": 1.0, "distribution": "{}"}
{"op_code": 0, "worker_id": "w", "study_name": "s", "directions": [1]}
{"op_code": 0, "worker_id": "w", "study_name": "t", "directions": [1]}
{"op_code": 4, "worker_id": "w", "study_id": 1, "state": 3, "params": {"x": 1}}
{"op_code": 8, "worker_id": "w", "trial_id": 1, "user_attr": {"checkpoint_path": "/out/a.pt"}}
{"op_code": 6, "worker_id": "w", "trial_id": 0, "state": 1, "values": [1.0]}
{"op_code": 1, "worker_id": "w", "study_id": 1}
{"op_code": 4, "worker_id": "w", "study_id": 0}
{"op_code": 6, "worker_id": "w", "tri"#;
        let finding = look(text).unwrap();
        assert_eq!(finding.notes.len(), 1);
        let runs: Vec<(&str, &Run)> = finding
            .members
            .iter()
            .map(|member| match &member.fact {
                Fact::Run(run) => (member.path.as_str(), run.as_ref()),
                _ => panic!(),
            })
            .collect();
        assert_eq!(runs.iter().map(|(path, _)| *path).collect::<Vec<_>>(), ["trials/s/0", "trials/t/0", "trials/s/1"]);
        assert_eq!((runs[0].1.status.as_deref(), &runs[0].1.params), (Some("COMPLETE"), &vec!["lr".to_owned()]));
        assert_eq!((runs[1].1.failed, runs[1].1.deleted), (Some(true), Some(true)));
        assert_eq!(runs[1].1.checkpoint_path.as_deref(), Some("/out/a.pt"));
        assert!(runs.iter().all(|(_, run)| run.trial == Some(true)));
    }

    #[test]
    fn other_lines_of_json_are_left_alone() {
        for text in ["", "{}", "[0]", "{\"op_code\": 0}", "{\"op_code\": \"x\", \"worker_id\": \"w\"}\n", "x"] {
            assert!(matches!(look(text), Err(ProbeError::NotMine)), "{text}");
        }
    }
}
