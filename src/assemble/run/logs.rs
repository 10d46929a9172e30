//! Logs of jobs: many lie in one directory, each a run of its own, in one file or in one for each stream and task.

use std::collections::BTreeMap;

use super::home::Home;
use crate::model::{Role, Sighting};

/// Whether a format is that of a job's log.
pub(super) fn is_log(format: &str) -> bool {
    matches!(format, "slurm-log" | "pbs-log" | "lsf-log" | "submitit" | "training-log")
}

/// The runs of the logs in one directory: those of one job together, the stream of its output first.
pub(super) fn split<'s>(home: &Home<'s>, files: Vec<&'s Sighting>) -> Vec<(Home<'s>, Vec<&'s Sighting>)> {
    let mut jobs: BTreeMap<String, Vec<&Sighting>> = BTreeMap::new();
    for file in files {
        jobs.entry(key(file)).or_default().push(file);
    }
    let is_told = |files: &Vec<&Sighting>| files.iter().any(|file| file.role != Role::Companion);
    jobs.into_values().filter(is_told).map(|files| (home.clone(), files)).collect()
}

/// What the logs of one job share: the job, or the name without the stream.
fn key(file: &Sighting) -> String {
    let job = file.fact.run().and_then(|run| run.run_id.clone()).filter(|_| file.format != "training-log");
    job.or_else(|| pickled(file)).unwrap_or_else(|| {
        let name = crate::model::escape_name(file.locator.leaf());
        let ends = [".out", ".err", ".log", ".txt", ".stdout", ".stderr"];
        let stem = ends.iter().find_map(|end| name.strip_suffix(end).map(str::to_owned));
        format!("/{}", stem.unwrap_or(name))
    })
}

/// The job of `8512_submitted.pkl` and `8512_0_result.pkl`, which submitit keeps beside its logs.
fn pickled(file: &Sighting) -> Option<String> {
    let name = crate::model::escape_name(file.locator.base_name());
    let task = name.strip_suffix("_result.pkl").and_then(|task| task.rsplit_once('_')).map(|(job, _)| job.to_owned());
    task.or_else(|| name.strip_suffix("_submitted.pkl").map(str::to_owned))
}

/// Whether a file is the stream of a job's errors.
pub(super) fn is_of_errors(file: &Sighting) -> bool {
    let name = file.locator.base_name();
    let directory = file.locator.parent();
    name.ends_with(b".err") || name.ends_with(b".stderr") || directory.base_name().starts_with(b"err")
}
