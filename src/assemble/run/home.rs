//! Where the files of trackers stand in the directory of their run.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{logs, trainer};
use crate::model::{Locator, Role, Run, Sighting};

/// A directory, and the tracker that keeps a run in it.
pub(super) type Home<'s> = (Locator, &'s str);

/// Runs with their files.
pub(super) type Homes<'s> = BTreeMap<Home<'s>, Vec<&'s Sighting>>;

/// Trackers whose files may lie deeper than in the run's directory itself: the directories between, by name.
const INNER: [&str; 7] = ["files", "logs", "params", "metrics", "tags", "inputs", "attrs"];
/// Where CatBoost keeps the event files of its data sets.
const CATBOOST_SETS: [&str; 2] = ["learn", "test"];
/// Directories for one stream of each job.
const STREAMS: [&str; 8] = ["out", "err", "outs", "errs", "stdout", "stderr", "output", "error"];
/// How far below a directory what is logged for it is still its own: `runs/<date>_<host>/<session>`.
const REACH: usize = 3;

/// The home of a file that makes a run.
pub(super) fn of(sighting: &Sighting) -> Home<'_> {
    let mut home = sighting.locator.parent();
    let tracker = tracker(sighting);
    for _ in 0..depth(sighting, tracker, &home) {
        home = home.parent();
    }
    (home, tracker)
}

/// Who kept the log that a file is part of.
pub(super) fn tracker(sighting: &Sighting) -> &str {
    let is_lightnings = |place: &Locator| is_version(place) && place.parent().base_name() == b"lightning_logs";
    match sighting.format.as_str() {
        _ if trainer::knows(sighting) => trainer::FORMAT,
        // A run that ended before its parameters were written.
        "tfevents" if is_lightnings(&sighting.locator.parent()) => "lightning-logs",
        format => format,
    }
}

/// Levels between a file's directory and its run's.
fn depth(sighting: &Sighting, tracker: &str, directory: &Locator) -> usize {
    let is_one_of = |names: &[&str]| names.iter().any(|name| name.as_bytes() == directory.base_name());
    let is_deeper = match tracker {
        // Whatever the directory between is called: Hydra never writes into the job's own.
        "hydra" => true,
        trainer::FORMAT => trainer::step_of(directory).is_some(),
        "tfevents" => sighting.locator.base_name() == b"events.out.tfevents" && is_one_of(&CATBOOST_SETS),
        "mlflow-files" | "wandb" | "wandb-offline" | "guild" => is_one_of(&INNER),
        tracker if logs::is_log(tracker) => is_one_of(&STREAMS),
        _ => false,
    };
    // What Guild keeps of a run lies in `.guild/` of its directory, most of it one level further down.
    usize::from(is_deeper).saturating_add(usize::from(tracker == "guild"))
}

/// `version_0`, as Lightning counts the runs of a directory.
pub(super) fn is_version(place: &Locator) -> bool {
    let number = place.base_name().strip_prefix(b"version_").unwrap_or_default();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// The home, and the tracker of it, that a file belongs to which stands somewhere below.
pub(super) fn around<'h>(companion: &Sighting, homes: &Homes<'h>) -> Option<Home<'h>> {
    let place = companion.locator.parent();
    here_and_outwards(&place)
        .find_map(|place| at(&place, homes).find(|(_, format)| *format == companion.format).cloned())
}

/// The homes in one directory.
pub(super) fn at<'a, 's>(place: &Locator, homes: &'a Homes<'s>) -> impl Iterator<Item = &'a Home<'s>> {
    let place = place.clone();
    homes.range((place.clone(), "")..).map(|(home, _)| home).take_while(move |(other, _)| *other == place)
}

/// A place and the directories around it, nearest first, within its container.
pub(super) fn here_and_outwards(place: &Locator) -> impl Iterator<Item = Locator> {
    std::iter::successors(
        Some(place.clone()),
        |place| {
            if place.leaf().is_empty() { None } else { Some(place.parent()) }
        },
    )
}

/// Whether what `logger` wrote into `inner` belongs to the run that `tracker` keeps in `outer`, the same place or one
/// around it.
pub(super) fn absorbs(outer: &Home, inner: &Home, files: &[&Sighting]) -> bool {
    let ((place, tracker), (written, logger)) = (outer, inner);
    if outer == inner {
        return false;
    }
    let levels = here_and_outwards(written).take_while(|around| around != place).count();
    let is_of_tracker = || levels == 1 && INNER.iter().any(|name| place.child(name.as_bytes()) == *written);
    match (*tracker, *logger) {
        ("ray-tune" | "keras-tuner", "tfevents") => true,
        ("hf-trainer" | "lightning-logs", "tfevents") => levels <= REACH,
        // What `add_hparams` writes below the directory of the run it is called in.
        ("tfevents", "tfevents") => levels == 1 && files.iter().all(|file| is_session(file)),
        (_, "tfevents") => place.child(b"files") == *written || below(&place.child(b"files"), written),
        (tracker, _) if logs::is_log(tracker) => false,
        (_, "training-log") => levels == 0 || is_of_tracker(),
        (_, logger) if logs::is_log(logger) => is_of_tracker(),
        _ => false,
    }
}

fn below(outer: &Locator, inner: &Locator) -> bool {
    here_and_outwards(inner).skip(1).any(|place| place == *outer)
}

/// Whether an event file holds the parameters of one session, and at most the one value it was judged by.
pub(super) fn is_session(file: &Sighting) -> bool {
    let has = |run: &Run, tag: &str| run.tags.iter().any(|other| other == tag);
    file.fact.run().is_some_and(|run| {
        let whole = has(run, "_hparams_/experiment") && has(run, "_hparams_/session_start_info");
        whole && run.steps_logged.is_none_or(|steps| steps <= 1)
    })
}

/// Which file of a run stands for it: the lowest. Of the states of one training, the last one; of two streams, the output.
pub(super) fn rank(file: &Sighting) -> (u8, bool, Reverse<u64>) {
    let role = match file.role {
        _ if trainer::is_state(file) => 0,
        Role::Primary | Role::Manifest => 0,
        Role::Tree => 1,
        Role::Companion => 2,
    };
    let step = file.fact.weights().and_then(|weights| weights.global_step).unwrap_or(0);
    (role, is_session(file) || logs::is_of_errors(file), Reverse(step))
}
