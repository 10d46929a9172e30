//! Where the files of trackers stand in the directory of their run.

use std::collections::BTreeMap;

use crate::model::{Locator, Role, Sighting};

/// Trackers whose files lie deeper than in the run's directory itself: the directories between, by name.
const INNER: [&str; 8] = [".hydra", "files", "logs", "params", "metrics", "tags", "inputs", "attrs"];

/// The directory of the run a file describes.
pub(super) fn of(sighting: &Sighting) -> Locator {
    let mut home = sighting.locator.parent();
    for _ in 0..depth(&sighting.format, &home) {
        home = home.parent();
    }
    home
}

/// Levels between a file's directory and its run's.
fn depth(format: &str, directory: &Locator) -> usize {
    let is_inner = INNER.iter().any(|name| name.as_bytes() == directory.base_name());
    match format {
        "hydra" | "mlflow-files" | "wandb" | "wandb-offline" => usize::from(is_inner),
        _ => 0,
    }
}

/// The home, and the tracker of it, that a file belongs to which stands somewhere below.
pub(super) fn around<'h>(
    companion: &Sighting,
    homes: &BTreeMap<(Locator, &'h str), Vec<&Sighting>>,
) -> Option<(Locator, &'h str)> {
    std::iter::once(companion.locator.parent()).chain(outwards(&companion.locator.parent())).find_map(|place| {
        let mut there = homes.range((place.clone(), "")..).take_while(|((other, _), _)| *other == place);
        there.find(|((_, format), _)| *format == companion.format).map(|(key, _)| key.clone())
    })
}

/// The directories around a place, nearest first, within its container.
pub(super) fn outwards(place: &Locator) -> impl Iterator<Item = Locator> {
    std::iter::successors(
        Some(place.clone()),
        |place| {
            if place.leaf().is_empty() { None } else { Some(place.parent()) }
        },
    )
    .skip(1)
}

/// Whether what `logger` wrote into `inner` belongs to the run that `tracker` keeps in `outer`.
pub(super) fn absorbs(_tracker: &str, _logger: &str, _outer: &Locator, _inner: &Locator) -> bool {
    false
}

/// Which file of a run stands for it: the lowest.
pub(super) fn rank(file: &Sighting) -> u8 {
    match file.role {
        Role::Primary | Role::Manifest => 0,
        Role::Tree => 1,
        Role::Companion => 2,
    }
}
