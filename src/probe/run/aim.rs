//! Aim's `.aim/run_metadata.sqlite`: a row for every run. What was tracked lies in the key-value stores beside it, and is
//! not read.
//!
//! Schema after `aim/storage/structured/sql_engine/models.py`, releases 3.0 to 3.29.

use std::collections::BTreeMap;

use super::super::{Finding, Input, ProbeError};
use super::settings;
use super::tables::{MAX_RUNS, Tables, key};
use crate::model::{Cause, Run, publishable};

/// Tables that describe runs.
const OWN: [&str; 8] = ["alembic_version", "experiment", "note", "note_audit_log", "run", "run_info", "run_tag", "tag"];

/// A run for every row of `run`.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut tables = Tables::open(input)?;
    let is_aim =
        tables.has("run", &["hash", "is_archived", "experiment_id"]) && tables.has("experiment", &["id", "name"]);
    if !is_aim {
        return Err(ProbeError::NotMine);
    }
    let mut names = BTreeMap::new();
    tables.each("experiment", ["id", "name"], &mut |[id, name]| {
        if let (Some(id), Some(name)) = (key(id), name.text()) {
            names.insert(id, publishable("experiment", name));
        }
        names.len() < MAX_RUNS
    })?;
    let mut runs = Vec::new();
    let columns = ["hash", "name", "experiment_id", "created_at", "finalized_at"];
    tables.each("run", columns, &mut |[hash, name, experiment, created, finalized]| {
        let Some(hash) = hash.text() else { return true };
        let experiment_id = key(experiment);
        let run = Run {
            run_id: Some(publishable("run_id", hash)),
            name: settings::text("name", name.text()),
            experiment: experiment_id.as_ref().and_then(|id| names.get(id).cloned()),
            experiment_id,
            started: created.text().and_then(settings::instant),
            ended: finalized.text().and_then(settings::instant),
            ..Run::default()
        };
        runs.push((format!("runs/{}", publishable("run_id", hash)), run));
        runs.len() < MAX_RUNS
    })?;
    if runs.len() >= MAX_RUNS {
        tables.note((Cause::OverBudget, format!("only {MAX_RUNS} of its runs were read")));
    }
    tables.finish(input, &OWN, "aim", runs)
}
