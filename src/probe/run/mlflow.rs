//! MLflow's file store: `mlruns/<experiment>/<run>/meta.yaml`, and beside it a small file each for params, metrics and tags.
//!
//! Layout after `mlflow/store/tracking/file_store.py`. An experiment has a `meta.yaml` too, and so has a logged model;
//! only a run's states `run_id` (before 1.0 `run_uuid`) and `lifecycle_stage`.

use crate::model::{Date, Fact, Run, publishable};
use crate::probe::yaml::{self, Yaml};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Words of `RunStatus`, as the file store numbers them.
const STATUS: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// Longest value of a tag; MLflow allows 8,000 characters.
const MAX_TAG: u64 = 64 << 10;

/// `meta.yaml` of a run.
pub(crate) fn meta(input: &Input) -> Result<Finding, ProbeError> {
    let (meta, ended_by) = yaml::file(input)?;
    let run_id = meta.text_at(&["run_id"]).or_else(|| meta.text_at(&["run_uuid"])).ok_or(ProbeError::NotMine)?;
    let stage = meta.text_at(&["lifecycle_stage"]).ok_or(ProbeError::NotMine)?;
    let status = meta.text_at(&["status"]).map(status);
    let run = Run {
        run_id: Some(publishable("run_id", run_id)),
        name: text(&meta, "run_name"),
        experiment_id: text(&meta, "experiment_id"),
        user: meta.text_at(&["user_id"]).filter(|user| !user.is_empty()).map(|user| publishable("account", user)),
        program: text(&meta, "source_name"),
        git_commit: text(&meta, "source_version"),
        output_dir: text(&meta, "artifact_uri"),
        deleted: (stage == "deleted").then_some(true),
        failed: status.as_deref().map(|status| status == "FAILED"),
        status,
        started: meta.text_at(&["start_time"]).and_then(|time| time.parse().ok()).and_then(time),
        ended: meta.text_at(&["end_time"]).and_then(|time| time.parse().ok()).and_then(time),
        ..Run::default()
    };
    let finding = Finding::new(Fact::Run(Box::new(run)));
    Ok(finding.ended_by(ended_by.map_or(Ok(()), Err)))
}

fn text(meta: &Yaml, key: &str) -> Option<String> {
    meta.text_at(&[key]).filter(|text| !text.is_empty()).map(|text| publishable(key, text))
}

/// The word of a status that is written as a number.
fn status(status: &str) -> String {
    let number = status.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    number.and_then(|at| STATUS.get(at)).map_or_else(|| publishable("status", status), |word| (*word).to_owned())
}

/// A moment in milliseconds since 1970.
pub(super) fn time(milliseconds: i64) -> Option<String> {
    Date::instant(milliseconds.checked_div(1000)?)
}

/// A file of a run that holds one parameter, metric or tag: its name says which.
pub(crate) fn value(input: &Input) -> Result<Finding, ProbeError> {
    let path = String::from_utf8_lossy(input.name);
    let mut parts = path.rsplitn(3, '/');
    let (Some(key), Some(sort)) = (parts.next(), parts.next()) else { return Err(ProbeError::NotMine) };
    let mut run = Run::default();
    match sort {
        "params" => run.params.push(publishable("", key)),
        "metrics" => run.metrics.push(publishable("", key)),
        "tags" => tag(&mut run, key, &String::from_utf8_lossy(&kit::whole(input.blob, MAX_TAG)?)),
        _ => return Err(ProbeError::NotMine),
    }
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

/// What a tag that MLflow sets itself says; a user's own tags are not published.
pub(super) fn tag(run: &mut Run, key: &str, value: &str) {
    let value = value.trim();
    let text = || (!value.is_empty()).then(|| publishable(key, value));
    match key {
        "mlflow.runName" => run.name = text(),
        "mlflow.user" => run.user = (!value.is_empty()).then(|| publishable("account", value)),
        "mlflow.source.name" => run.program = text(),
        "mlflow.source.git.commit" => run.git_commit = text(),
        "mlflow.source.git.branch" => run.git_branch = text(),
        "mlflow.source.git.repoURL" | "mlflow.gitRepoURL" => run.git_remote = text(),
        "mlflow.parentRunId" => run.parent_run_id = text(),
        _ => {}
    }
}
