//! The output directory of the transformers trainer: one run, with as many states of it as it has checkpoints.
//!
//! The state and the arguments of a trainer are read with the weights they lie beside, and stay a part of those models;
//! here they are looked at again for the run they came from. A checkpoint that was carried elsewhere is no run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::home::{self, Homes};
use crate::model::{Fact, Locator, Run, Sighting, Weights};

pub(super) const FORMAT: &str = "hf-trainer";

/// What lies in a checkpoint, and not in an output directory.
const RESUME: [&str; 3] = ["optimizer_state", "scheduler_state", "rng_state"];

/// Whether a file of the weights tells of a trainer's run.
pub(super) fn knows(sighting: &Sighting) -> bool {
    is_state(sighting) || kind_of(sighting) == Some("training_args") && is_named_arguments(sighting)
}

/// Whether it is the state of a trainer.
pub(super) fn is_state(sighting: &Sighting) -> bool {
    sighting.format == "trainer-state"
}

fn is_named_arguments(sighting: &Sighting) -> bool {
    sighting.locator.base_name() == b"training_args.bin"
}

fn kind_of(sighting: &Sighting) -> Option<&str> {
    sighting.fact.weights()?.kind.as_deref()
}

/// The step of a checkpoint's directory: `checkpoint-500`.
pub(super) fn step_of(directory: &Locator) -> Option<u64> {
    std::str::from_utf8(directory.base_name().strip_prefix(b"checkpoint-")?).ok()?.parse().ok()
}

/// Puts the runs that files of the weights tell of among the others.
pub(super) fn place<'s>(weights: &[&'s Sighting], homes: &mut Homes<'s>) {
    let mut found: BTreeMap<Locator, Vec<&'s Sighting>> = BTreeMap::new();
    for sighting in weights.iter().copied().filter(|sighting| knows(sighting)) {
        found.entry(home::of(sighting).0).or_default().push(sighting);
    }
    let resumed: BTreeSet<Locator> = weights
        .iter()
        .filter(|sighting| kind_of(sighting).is_some_and(|kind| RESUME.contains(&kind)))
        .map(|sighting| sighting.locator.parent())
        .collect();
    for (home, files) in found {
        if is_run(&home, &files, homes, &resumed) {
            homes.entry((home, FORMAT)).or_default().extend(files);
        }
    }
}

/// Whether a directory is where a trainer wrote to, rather than where one of its checkpoints was put.
fn is_run(home: &Locator, files: &[&Sighting], homes: &Homes, resumed: &BTreeSet<Locator>) -> bool {
    let is_in_cache = |place: &Locator| place.base_name() == b"snapshots";
    if !files.iter().any(|file| is_state(file)) || is_in_cache(&home.parent()) {
        return false;
    }
    let checkpoints: BTreeSet<Locator> =
        files.iter().map(|file| file.locator.parent()).filter(|place| place != home).collect();
    let own = files.iter().any(|file| file.locator.parent() == *home);
    if checkpoints.is_empty() {
        return !resumed.contains(home);
    }
    // One checkpoint by itself may have been carried here.
    let logs = homes.keys().any(|(place, format)| {
        *format == "tfevents" && home::here_and_outwards(place).take(4).any(|around| around == *home)
    });
    own || checkpoints.len() > 1 || logs
}

/// What a file of the weights says of the run it came from.
pub(super) fn run_of(sighting: &Sighting) -> Option<Run> {
    let weights = sighting.fact.weights().filter(|_| knows(sighting))?;
    let mut run = if is_state(sighting) { of_state(weights) } else { of_arguments(weights) };
    let directory = sighting.locator.parent();
    if is_state(sighting) && step_of(&directory).is_some() {
        run.checkpoints.push(crate::model::escape_name(directory.base_name()));
    }
    Some(run)
}

fn of_state(weights: &Weights) -> Run {
    let whole = |key: &str| weights.args.get(key).and_then(Value::as_u64);
    let trial = weights.args.get("trial_name").and_then(Value::as_str).filter(|name| !name.is_empty());
    Run {
        name: trial.map(str::to_owned),
        trial: trial.map(|_| true),
        global_step: weights.global_step,
        last_step: weights.global_step,
        epochs: weights.epoch.map(|epoch| epoch as f64),
        train_batch_size: whole("train_batch_size").filter(|&size| size > 0),
        ..Run::default()
    }
}

fn of_arguments(weights: &Weights) -> Run {
    let text =
        |key: &str| weights.args.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let output_dir = text("output_dir");
    Run {
        // The trainer takes the directory where its owner gave no name.
        name: text("run_name").filter(|name| Some(name) != output_dir.as_ref()),
        project: text("project").filter(|project| project != "huggingface"),
        train_batch_size: weights.args.get("per_device_train_batch_size").and_then(Value::as_u64),
        output_dir,
        params: weights.args.keys().cloned().collect(),
        contains_pickle: Some(true),
        ..Run::default()
    }
}

/// What only the files together tell.
pub(super) fn settle(run: &mut Run) {
    run.checkpoints.sort_by_key(|name| (name.len(), name.clone()));
    run.checkpoints.dedup();
    if run.run_id.is_none() {
        run.run_id.clone_from(&run.name);
    }
}

/// The facts of a file of any family as those of a run.
pub(super) fn told(file: &Sighting) -> Option<Run> {
    match &file.fact {
        Fact::Run(run) => Some((**run).clone()),
        _ => run_of(file),
    }
}
