//! MLflow's file store: `mlruns/<experiment>/<run>/meta.yaml`, and beside it a small file each for params, metrics and tags.
//!
//! Layout after `mlflow/store/tracking/file_store.py`. An experiment has a `meta.yaml` too, and so has a logged model;
//! only a run's states `run_id` (before 1.0 `run_uuid`) and `lifecycle_stage`.

use serde_json::Value as Json;

use crate::model::{Date, Fact, Run, publishable};
use crate::probe::yaml::{self, Yaml};
use crate::probe::{Finding, Input, ProbeError, kit};

use super::{mlflow_sqlite, paths, settings};

/// Words of `RunStatus`, as the file store numbers them.
const STATUS: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// Longest value of a tag; MLflow allows 8,000 characters.
const MAX_TAG: u64 = 64 << 10;
/// Most models of a run that are named.
const MAX_MODELS: usize = 256;

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
        user: settings::account(meta.text_at(&["user_id"])),
        program: text(&meta, "source_name"),
        git_commit: text(&meta, "source_version"),
        output_dir: text(&meta, "artifact_uri"),
        deleted: (stage == "deleted" || is_in_trash(input.name)).then_some(true),
        failed: status.as_deref().map(|status| status == "FAILED"),
        status,
        started: meta.text_at(&["start_time"]).and_then(|time| time.parse().ok()).and_then(time),
        ended: meta.text_at(&["end_time"]).and_then(|time| time.parse().ok()).and_then(time),
        ..Run::default()
    };
    let finding = Finding::new(Fact::Run(Box::new(run)));
    Ok(finding.ended_by(ended_by.map_or(Ok(()), Err)))
}

/// Whether a file lies where deleted experiments are moved.
fn is_in_trash(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|part| part == b".trash")
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

/// A file of a run that holds one parameter, metric or tag: its name says which. A name with slashes is a path.
pub(crate) fn value(input: &Input) -> Result<Finding, ProbeError> {
    let path = String::from_utf8_lossy(input.name);
    let sorts = ["/params/", "/metrics/", "/tags/"].into_iter();
    let (at, sort) = sorts.filter_map(|sort| Some((path.rfind(sort)?, sort))).max().ok_or(ProbeError::NotMine)?;
    let key = path.get(at.saturating_add(sort.len())..).unwrap_or_default();
    let mut run = Run::default();
    match sort {
        "/metrics/" => settings::metric(&mut run, key),
        sort => {
            let text = kit::whole(input.blob, MAX_TAG)?;
            let text = String::from_utf8_lossy(&text);
            match sort {
                "/params/" => settings::param(&mut run, key, text.trim()),
                _ => tag(&mut run, key, &text),
            }
        }
    }
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

/// `meta.yaml` of what is around runs: an experiment, a data set, the use of one by a run, a model. Facts of theirs are
/// joined to the runs by their ids; a data set that a run used is named by its id, as `mlflow-dataset:<id>`.
pub(crate) fn around(input: &Input) -> Result<Finding, ProbeError> {
    let (meta, ended_by) = yaml::file(input)?;
    let is = |keys: &[&str]| keys.iter().all(|key| meta.get(key).is_some());
    let mut run = Run::default();
    if is(&["destination_id", "source_id", "source_type"]) {
        if meta.text_at(&["source_type"]) == Some("DATASET") {
            let id = meta.text_at(&["source_id"]).unwrap_or_default();
            run.dataset_paths.push(format!("mlflow-dataset:{}", publishable("id", id)));
        }
    } else if is(&["digest", "source", "source_type"]) {
        let source = meta.text_at(&["source"]).and_then(mlflow_sqlite::place_of);
        if let Some(source) = source.or_else(|| text(&meta, "name")) {
            paths::fill(&mut run, "dataset", &source);
        }
    } else if is(&["model_id", "source_run_id"]) {
        run.run_id = text(&meta, "source_run_id");
        if let Some(place) = meta.text_at(&["artifact_location"]) {
            paths::fill(&mut run, "checkpoint_path", place);
        }
    } else if is(&["artifact_location", "experiment_id", "name"]) {
        run.experiment_id = text(&meta, "experiment_id");
        run.experiment = text(&meta, "name");
    } else {
        return Err(ProbeError::NotMine);
    }
    let finding = Finding::new(Fact::Run(Box::new(run)));
    Ok(finding.ended_by(ended_by.map_or(Ok(()), Err)))
}

/// What a tag that MLflow sets itself says; a user's own tags are not published.
pub(super) fn tag(run: &mut Run, key: &str, value: &str) {
    let value = value.trim();
    let text = || (!value.is_empty()).then(|| publishable(key, value));
    match key {
        "mlflow.runName" => run.name = text(),
        "mlflow.user" => run.user = settings::account(Some(value)).or_else(|| run.user.take()),
        "mlflow.source.name" => run.program = text(),
        "mlflow.source.git.commit" => run.git_commit = text(),
        "mlflow.source.git.branch" => run.git_branch = text(),
        "mlflow.source.git.repoURL" | "mlflow.gitRepoURL" => run.git_remote = text(),
        "mlflow.parentRunId" => run.parent_run_id = text(),
        "mlflow.log-model.history" => models(run, value),
        _ => {}
    }
}

/// Models that a run logged, as releases before 3 list them.
fn models(run: &mut Run, history: &str) {
    let Ok(Json::Array(models)) = kit::json::<Json>(history.as_bytes(), "a history") else { return };
    for path in models.iter().filter_map(|model| model.get("artifact_path")?.as_str()) {
        let path = publishable("path", path);
        if run.checkpoints.len() < MAX_MODELS && !run.checkpoints.contains(&path) {
            run.checkpoints.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn look(name: &str, text: &str) -> Result<Run, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        match value(&Input { name: name.as_bytes(), ..Input::new(&blob, text.as_bytes()) })?.fact {
            Fact::Run(run) => Ok(*run),
            _ => Err(ProbeError::NotMine),
        }
    }

    #[test]
    fn values_by_their_place() {
        let run = look("m/0/0d3b0d3b/params/data/path", "/data/a.csv").unwrap();
        assert_eq!((run.params, run.dataset_path.as_deref()), (vec!["data/path".to_owned()], Some("/data/a.csv")));
        assert_eq!(look("m/0/0d3b0d3b/metrics/val/auc", "1 0.7 3").unwrap().metrics, ["val/auc"]);
        let run = look("m/0/0d3b0d3b/params/password", "hunter2").unwrap();
        assert!(run.environment_leaks == ["password"] && !format!("{run:?}").contains("hunter2"));
        assert_eq!(look("m/0/0d3b0d3b/tags/mlflow.user", "alice\n").unwrap().user.as_deref(), Some("alice"));
        let remote = "https://alice:hunter2@git.example/r.git";
        let run = look("m/0/0d3b0d3b/tags/mlflow.source.git.repoURL", remote).unwrap();
        assert!(run.git_remote.is_some_and(|remote| !remote.contains("hunter2")));
        let history = r#"[{"run_id": "0d3b", "artifact_path": "model"}]"#;
        assert_eq!(look("0d3b0d3b/tags/mlflow.log-model.history", history).unwrap().checkpoints, ["model"]);
        assert!(look("m/0/other/x", "").is_err());
    }
}
