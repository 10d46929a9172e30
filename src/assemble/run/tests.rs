//! Runs of small surveys.

use super::*;
use crate::model::{Confidence, ContentId, Family, Presence, Weights};

fn sighting(path: &str, family: Family, format: &str, role: Role, fact: Fact) -> Sighting {
    Sighting {
        locator: Locator::path(0, path.as_bytes()),
        link: None,
        size: 1,
        format: format.to_owned(),
        family,
        role,
        confidence: Confidence::Certain,
        presence: Presence::Present,
        identities: Vec::new(),
        access: None,
        fact,
        evidence: Vec::new(),
    }
}

fn tree(format: &str, path: &str, run: Run) -> Sighting {
    sighting(path, Family::Run, format, Role::Tree, Fact::Run(Box::new(run)))
}

fn events(path: &str, tags: &[&str]) -> Sighting {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    tree("tfevents", path, Run { tags, steps_logged: Some(1), ..Run::default() })
}

fn state(path: &str, step: u64) -> Sighting {
    let weights = Weights { global_step: Some(step), ..Weights::default() };
    sighting(path, Family::Weights, "trainer-state", Role::Companion, Fact::Weights(Box::new(weights)))
}

fn of_kind(path: &str, kind: &str) -> Sighting {
    let weights = Weights {
        kind: Some(kind.to_owned()),
        args: [("run_name".to_owned(), "clf-7".into()), ("output_dir".to_owned(), "out".into())].into(),
        ..Weights::default()
    };
    sighting(path, Family::Weights, "torch-zip", Role::Primary, Fact::Weights(Box::new(weights)))
}

/// Format, key and number of files of each run.
fn runs(sightings: &[Sighting]) -> Vec<(String, String, usize)> {
    let (weights, runs): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.iter().partition(|sighting| sighting.family == Family::Weights);
    let told = |group: &Group| {
        let run = group.draft.fact.run().unwrap();
        (group.draft.format.clone(), run.run_id.clone().unwrap_or_default(), group.others.len() + 1)
    };
    groups(runs.into_iter(), &weights).iter().map(told).collect()
}

fn row(format: &str, key: &str, files: usize) -> (String, String, usize) {
    (format.to_owned(), key.to_owned(), files)
}

const SESSION: [&str; 3] = ["_hparams_/experiment", "_hparams_/session_start_info", "hparam/auc"];

#[test]
fn a_directory_of_event_files_is_a_run_with_its_sessions_and_restarts() {
    let found = [
        events("logs/a/events.out.tfevents.1.h", &["loss"]),
        events("logs/a/events.out.tfevents.2.h", &["loss", "_hparams_/experiment"]),
        events("logs/a/1795.7/events.out.tfevents.3.h", &SESSION),
        events("logs/b/events.out.tfevents.1.h", &["loss"]),
    ];
    assert_eq!(runs(&found), [row("tfevents", "a", 3), row("tfevents", "b", 1)]);
    let groups = groups(found.iter(), &[]);
    assert_eq!(groups[0].draft.fact.run().unwrap().tags, ["loss"]);
    // A search keeps a directory for each trial, and one note above them.
    let search = [
        events("hp/events.out.tfevents.1.h", &["_hparams_/experiment"]),
        events("hp/run-0/events.out.tfevents.1.h", &["_hparams_/session_start_info", "accuracy"]),
        events("hp/run-1/events.out.tfevents.1.h", &["_hparams_/session_start_info", "accuracy"]),
    ];
    assert_eq!(runs(&search).len(), 3);
}

#[test]
fn data_sets_of_catboost_are_one_run() {
    let found = [
        events("p/catboost_info/learn/events.out.tfevents", &["Logloss"]),
        events("p/catboost_info/test/events.out.tfevents", &["Logloss"]),
    ];
    assert_eq!(runs(&found), [row("tfevents", "catboost_info", 2)]);
}

#[test]
fn a_trainers_output_is_a_run_and_a_checkpoint_that_was_carried_away_is_none() {
    let mut found = vec![
        state("out/checkpoint-4/trainer_state.json", 4),
        state("out/checkpoint-12/trainer_state.json", 12),
        of_kind("out/checkpoint-12/training_args.bin", "training_args"),
        events("out/runs/Nov21_gpu/events.out.tfevents.1.h", &["loss"]),
        events("out/runs/Nov21_gpu/1795.7/events.out.tfevents.2.h", &SESSION),
    ];
    assert_eq!(runs(&found), [row("hf-trainer", "clf-7", 5)]);
    let weights: Vec<&Sighting> = found.iter().filter(|sighting| sighting.family == Family::Weights).collect();
    let groups = groups(std::iter::empty(), &weights);
    let run = groups[0].draft.fact.run().unwrap();
    assert_eq!(
        (run.global_step, &run.checkpoints[..]),
        (Some(12), &["checkpoint-4".to_owned(), "checkpoint-12".to_owned()][..])
    );
    let carried = [
        state("keep/checkpoint-4/trainer_state.json", 4),
        state("best/trainer_state.json", 4),
        of_kind("best/optimizer.pt", "optimizer_state"),
        of_kind("args/training_args.bin", "training_args"),
        state("hub/models--a--b/snapshots/0ab/trainer_state.json", 4),
    ];
    assert_eq!(runs(&carried), []);
    found.drain(1..);
    found.push(state("out/trainer_state.json", 4));
    assert_eq!(runs(&found), [row("hf-trainer", "out", 2)]);
}

fn parameters(path: &str, content: u8) -> Sighting {
    let run = Run { params: vec!["lr".to_owned()], ..Run::default() };
    Sighting { identities: vec![ContentId::Sha256([content; 32])], ..tree("lightning-logs", path, run) }
}

#[test]
fn lightnings_directories_and_what_two_loggers_wrote() {
    let metrics = |path: &str| tree("lightning-logs", path, Run::default());
    let found = [
        parameters("tb/version_0/hparams.yaml", 1),
        events("tb/version_0/events.out.tfevents.1.h.7.0", &["loss"]),
        parameters("csv/version_0/hparams.yaml", 1),
        metrics("csv/version_0/metrics.csv"),
        parameters("csv/version_1/hparams.yaml", 1),
        metrics("csv/version_1/metrics.csv"),
        parameters("tb/version_1/hparams.yaml", 2),
        events("tb/version_1/events.out.tfevents.1.h.7.1", &["loss"]),
        // A name of one's own.
        parameters("tb/baseline/hparams.yaml", 3),
        events("tb/baseline/events.out.tfevents.1.h.7.2", &["loss"]),
        // Others use the names too.
        parameters("recipes/hparams.yaml", 4),
        metrics("report/metrics.csv"),
    ];
    let mut runs = runs(&found);
    runs.sort();
    let versions = [("baseline", 2), ("version_0", 4), ("version_1", 2), ("version_1", 2)];
    assert_eq!(runs, versions.map(|(key, files)| row("lightning-logs", key, files)));
}

#[test]
fn events_belong_to_trials_and_not_to_every_tracker() {
    let found = [
        tree("ray-tune", "exp/t_1/result.json", Run { run_id: Some("t".into()), ..Run::default() }),
        events("exp/t_1/events.out.tfevents.1.h", &["score"]),
        tree("hydra", "outputs/d/t/.hydra/config.yaml", Run::default()),
        tree("hydra", "outputs/d/t/.hydra/hydra.yaml", Run { run_id: Some("moved/d/t".into()), ..Run::default() }),
        events("outputs/d/t/tb/events.out.tfevents.1.h", &["loss"]),
        tree("wandb", "wandb/run-1-abc/run-abc.wandb", Run { run_id: Some("abc".into()), ..Run::default() }),
        events("wandb/run-1-abc/files/events.out.tfevents.1.h", &["loss"]),
        tree("training-log", "wandb/run-1-abc/files/output.log", Run::default()),
        tree("training-log", "outputs/d/t/app.log", Run::default()),
    ];
    let rows =
        [row("ray-tune", "t", 2), row("hydra", "outputs/d/t", 3), row("tfevents", "tb", 1), row("wandb", "abc", 3)];
    assert_eq!(runs(&found), rows);
}

fn log(format: &str, path: &str, id: &str, failed: bool) -> Sighting {
    let run = Run { run_id: Some(id.to_owned()), failed: Some(failed), ..Run::default() };
    tree(format, path, run)
}

#[test]
fn logs_are_runs_by_their_jobs_and_not_by_their_directory() {
    let found = [
        log("slurm-log", "logs/slurm-1.err", "1", true),
        log("slurm-log", "logs/slurm-1.out", "1", false),
        log("slurm-log", "logs/slurm-2.out", "2", false),
        log("slurm-log", "jobs/out/train.7.log", "7", false),
        log("slurm-log", "jobs/err/train.7.log", "7", false),
        log("submitit", "sub/8_0_log.out", "8", false),
        log("submitit", "sub/9_0_log.out", "9", false),
        Sighting { role: Role::Companion, ..tree("submitit", "sub/8_submitted.pkl", Run::default()) },
        Sighting { role: Role::Companion, ..tree("submitit", "sub/10_submitted.pkl", Run::default()) },
        log("training-log", "logs/a.log", "a", false),
        log("training-log", "logs/b.log", "b", false),
    ];
    let mut rows = runs(&found);
    rows.sort();
    let slurm = |key: &str, files: usize| row("slurm-log", key, files);
    let jobs = [slurm("1", 2), slurm("2", 1), slurm("7", 2), row("submitit", "8", 2), row("submitit", "9", 1)];
    let logs = [row("training-log", "a", 1), row("training-log", "b", 1)];
    assert_eq!(rows, [&jobs[..], &logs[..]].concat());
    let groups = groups(found.iter(), &[]);
    let first = groups
        .iter()
        .find(|group| group.others.len() == 1 && group.primary.locator.leaf().starts_with(b"logs"))
        .unwrap();
    assert!(first.primary.locator.leaf().ends_with(b".out"));
    assert_eq!(first.draft.fact.run().unwrap().failed, Some(true));
}
