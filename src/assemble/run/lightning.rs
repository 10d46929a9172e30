//! Lightning's directories of runs: which of them are, and which two are one.
//!
//! `hparams.yaml` and `metrics.csv` are names that others use too: they make a run where both are, or event files, or
//! where the directory is called as Lightning calls it. Two loggers of one trainer write to two roots, under one number
//! each; the same parameters in both tell that it was one training.

use std::collections::BTreeMap;

use super::home::{self, Homes};
use crate::model::{Locator, Run, Sighting};

pub(super) const FORMAT: &str = "lightning-logs";

/// What a directory of a run holds.
#[derive(Default)]
struct Holds<'s> {
    parameters: Option<&'s Sighting>,
    metrics: bool,
    events: bool,
    last_step: Option<u64>,
}

fn holds<'s>(home: &Locator, homes: &Homes<'s>) -> Holds<'s> {
    let mut found = Holds::default();
    let here = home::at(home, homes).filter_map(|key| homes.get(key)).flatten();
    for file in here {
        let is_events = file.format == "tfevents";
        match file.locator.base_name() {
            b"hparams.yaml" => found.parameters = Some(file),
            b"metrics.csv" => found.metrics = true,
            _ => found.events |= is_events,
        }
        found.last_step = found.last_step.max(file.fact.run().and_then(|run| run.last_step));
    }
    found
}

/// Drops what only looks like a run, and joins what two loggers wrote of one.
pub(super) fn place(homes: &mut Homes) {
    let places: Vec<Locator> =
        homes.keys().filter(|(_, format)| *format == FORMAT).map(|(place, _)| place.clone()).collect();
    let mut by_number: BTreeMap<(Locator, Vec<u8>), Vec<Locator>> = BTreeMap::new();
    for place in places {
        let here = holds(&place, homes);
        let kinds = [here.parameters.is_some(), here.metrics, here.events];
        if !home::is_version(&place) && kinds.into_iter().filter(|there| *there).count() < 2 {
            homes.remove(&(place, FORMAT));
            continue;
        }
        let key = (place.parent().parent(), place.base_name().to_vec());
        by_number.entry(key).or_default().push(place);
    }
    for places in by_number.into_values() {
        join(&places, homes);
    }
}

/// Joins two directories of one number, if they are two logs of one training.
fn join(places: &[Locator], homes: &mut Homes) {
    let is_pair = |first: &Locator, second: &Locator| {
        let (first, second) = (holds(first, homes), holds(second, homes));
        is_one_training(&first, &second)
    };
    let pairs: Vec<(&Locator, &Locator)> = places
        .iter()
        .filter_map(|first| {
            let mut others = places.iter().filter(|second| *second != first && is_pair(first, second));
            // Whose log is whose is not told where there are three.
            Some((first, others.next().filter(|_| others.next().is_none())?))
        })
        .collect();
    let mutual = pairs.iter().filter(|(first, second)| first < second && pairs.contains(&(second, first)));
    for (first, second) in mutual {
        let moved: Vec<home::Home> = home::at(second, homes).filter(|(_, format)| is_log(format)).cloned().collect();
        for key in moved {
            let files = homes.remove(&key).unwrap_or_default();
            homes.entry(((*first).clone(), FORMAT)).or_default().extend(files);
        }
    }
}

fn is_log(format: &str) -> bool {
    matches!(format, FORMAT | "tfevents")
}

/// One logger wrote a table and the other events, of the same parameters.
fn is_one_training(first: &Holds, second: &Holds) -> bool {
    let (Some(one), Some(other)) = (first.parameters, second.parameters) else { return false };
    let complementary =
        first.metrics != second.metrics && first.events != second.events && first.metrics != first.events;
    let same = !one.identities.is_empty() && one.identities == other.identities;
    let has_any = one.fact.run().is_some_and(|run| !run.params.is_empty());
    complementary && same && (has_any || first.last_step.is_some() && first.last_step == second.last_step)
}

/// What only the files together tell.
pub(super) fn settle(run: &mut Run) {
    run.tags.retain(|tag| tag != "hp_metric");
    if run.metrics.is_empty() {
        run.metrics.clone_from(&run.tags);
    }
}

/// Names of the checkpoints in a run's directory.
pub(super) fn checkpoints(home: &Locator, weights: &[&Sighting]) -> Vec<String> {
    let places = [home.child(b"checkpoints"), home.clone()];
    let names = weights.iter().filter(|file| file.locator.base_name().ends_with(b".ckpt"));
    let here = names.filter(|file| places.contains(&file.locator.parent()));
    here.map(|file| crate::model::escape_name(file.locator.base_name())).collect()
}
