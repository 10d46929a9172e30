//! MLflow's database, `mlflow.db`: what the file store keeps in directories, in tables.
//!
//! Schema after `mlflow/store/tracking/dbmodels/models.py`, releases 1.0 to 3.17. Later releases add tables and columns;
//! those that are asked for here were there from the first, but for data sets (2.4), metrics by their last value (1.2) and
//! logged models (3.0), without which a run says less.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::super::{Finding, Input, ProbeError, kit};
use super::mlflow::{tag, time};
use super::tables::{MAX_RUNS, Tables, key};
use super::{paths, settings};
use crate::archive::sqlite::Value;
use crate::model::{Cause, Run, publishable};

/// Tables that describe runs, models and the tracker itself, and nothing that was put in as data.
const OWN: [&str; 34] = [
    "alembic_version",
    "alembic_version_evals",
    "budget_policies",
    "datasets",
    "entity_associations",
    "experiment_tags",
    "experiments",
    "input_tags",
    "inputs",
    "job_locks",
    "jobs",
    "latest_metrics",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "logged_models",
    "metrics",
    "model_version_tags",
    "model_versions",
    "online_scoring_configs",
    "params",
    "registered_model_aliases",
    "registered_model_tags",
    "registered_models",
    "runs",
    "scheduler_leases",
    "scorer_versions",
    "scorers",
    "tags",
    "trace_metrics",
    "trace_request_metadata",
    "trace_tags",
    "webhooks",
    "workspaces",
];

/// A run for every row of `runs`.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut tables = Tables::open(input)?;
    let is_mlflow = tables.has("runs", &["run_uuid", "experiment_id", "status"])
        && tables.has("experiments", &["experiment_id", "name"])
        && tables.has("params", &["run_uuid", "key", "value"]);
    if !is_mlflow {
        return Err(ProbeError::NotMine);
    }
    let mut names = BTreeMap::new();
    tables.each("experiments", ["experiment_id", "name"], &mut |[id, name]| {
        if let (Some(id), Some(name)) = (key(id), name.text()) {
            names.insert(id, publishable("experiment", name));
        }
        names.len() < MAX_RUNS
    })?;
    let mut runs = runs(&mut tables, &names)?;
    details(&mut tables, &mut runs)?;
    data(&mut tables, &mut runs)?;
    let mut members: Vec<(String, Run)> = Vec::with_capacity(runs.len());
    for mut run in runs.into_values() {
        run.params.sort();
        run.params.dedup();
        run.metrics.sort();
        run.metrics.dedup();
        members.push((format!("runs/{}", run.run_id.as_deref().unwrap_or_default()), run));
    }
    tables.finish(input, &OWN, "mlflow-sqlite", members)
}

type Runs = BTreeMap<String, Run>;

fn runs(tables: &mut Tables, names: &BTreeMap<String, String>) -> Result<Runs, ProbeError> {
    let mut runs = Runs::new();
    let columns = [
        "run_uuid",
        "name",
        "source_name",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "source_version",
        "lifecycle_stage",
        "artifact_uri",
        "experiment_id",
    ];
    tables.each("runs", columns, &mut |row| {
        let [id, name, source, user, status, started, ended, version, stage, uri, experiment] = row;
        let Some(id) = id.text() else { return true };
        let experiment = key(experiment);
        let run = Run {
            run_id: Some(publishable("run_id", id)),
            name: settings::text("name", name.text()),
            program: settings::text("program", source.text()),
            user: settings::account(user.text()),
            status: settings::text("status", status.text()),
            failed: status.text().map(|status| status == "FAILED"),
            started: started.integer().and_then(time),
            ended: ended.integer().and_then(time),
            git_commit: settings::text("commit", version.text()),
            deleted: (stage.text() == Some("deleted")).then_some(true),
            output_dir: settings::text("path", uri.text()),
            experiment: experiment.as_ref().and_then(|id| names.get(id).cloned()),
            experiment_id: experiment,
            ..Run::default()
        };
        runs.insert(id.to_owned(), run);
        runs.len() < MAX_RUNS
    })?;
    if runs.len() >= MAX_RUNS {
        tables.note((Cause::OverBudget, format!("only {MAX_RUNS} of its runs were read")));
    }
    Ok(runs)
}

/// Parameters, metrics and tags.
fn details(tables: &mut Tables, runs: &mut Runs) -> Result<(), ProbeError> {
    tables.each("params", ["run_uuid", "key", "value"], &mut |[id, name, value]| {
        if let (Some(run), Some(name)) = (run_of(runs, id), name.text()) {
            settings::param(run, name, value.text().unwrap_or_default());
        }
        true
    })?;
    tables.each("tags", ["run_uuid", "key", "value"], &mut |[id, name, value]| {
        if let (Some(run), Some(name), Some(value)) = (run_of(runs, id), name.text(), value.text()) {
            tag(run, name, value);
        }
        true
    })?;
    let has_latest = tables.has("latest_metrics", &["run_uuid", "key"]);
    let table = if has_latest { "latest_metrics" } else { "metrics" };
    tables.each(table, ["run_uuid", "key", "step"], &mut |[id, name, step]| {
        if let (Some(run), Some(name)) = (run_of(runs, id), name.text()) {
            settings::metric(run, name);
            run.last_step = run.last_step.max(step.integer().and_then(|step| u64::try_from(step).ok()));
        }
        true
    })
}

/// Data sets that went into runs, and models that came out of them.
fn data(tables: &mut Tables, runs: &mut Runs) -> Result<(), ProbeError> {
    let mut sources = BTreeMap::new();
    tables.each("datasets", ["dataset_uuid", "name", "dataset_source"], &mut |[id, name, source]| {
        if let Some(id) = id.text() {
            let source = source.text().and_then(place_of).or_else(|| name.text().map(str::to_owned));
            sources.insert(id.to_owned(), source.unwrap_or_default());
        }
        sources.len() < MAX_RUNS
    })?;
    let columns = ["source_type", "source_id", "destination_type", "destination_id"];
    tables.each("inputs", columns, &mut |[from, source, to, id]| {
        let is_data = from.text() == Some("DATASET") && to.text() == Some("RUN");
        let place = source.text().filter(|_| is_data).and_then(|source| sources.get(source));
        if let (Some(run), Some(place)) = (run_of(runs, id), place) {
            paths::fill(run, "dataset", place);
        }
        true
    })?;
    tables.each("logged_models", ["source_run_id", "artifact_location"], &mut |[id, place]| {
        if let (Some(run), Some(place)) = (run_of(runs, id), place.text()) {
            paths::fill(run, "checkpoint_path", place);
        }
        true
    })
}

fn run_of<'r>(runs: &'r mut Runs, id: &Value) -> Option<&'r mut Run> {
    runs.get_mut(id.text()?)
}

/// Where a data set comes from, which its source says in JSON: `{"uri": "/data/a.csv"}`.
pub(super) fn place_of(source: &str) -> Option<String> {
    let source: Json = kit::json(source.as_bytes(), "a source").ok()?;
    let place =
        ["uri", "url", "path", "table_name", "delta_table_name"].iter().find_map(|key| source.get(*key)?.as_str());
    place.filter(|place| !place.is_empty()).map(str::to_owned)
}
