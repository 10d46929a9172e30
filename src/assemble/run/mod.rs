//! Files of trackers → runs: one asset a run, whatever its tracker keeps it in.
//!
//! Every file of a tracker stands at a known place in the directory of its run ([`home`]). Files of one tracker with one
//! home are one run; what a logger writes for the trackers above it ([`home::absorbs`]) belongs to theirs. A run that is a
//! single file, or a row of a database, is one by itself. What two trackers logged of one run stays two assets, which
//! [`crate::relate`] joins.

mod home;
mod lightning;
mod logs;
mod mlflow;
#[cfg(test)]
mod tests;
mod trainer;

use std::collections::BTreeMap;

use super::{Group, draft, impact, plain};
use crate::model::{Evidence, Fact, Kind, Locator, Role, Run, Sighting};
use home::{Home, Homes};

/// The runs of a survey. Of the weights, those that tell of the run they came from are looked at too; they stay parts of
/// their models.
pub(super) fn groups<'s>(runs: impl Iterator<Item = &'s Sighting>, weights: &[&'s Sighting]) -> Vec<Group<'s>> {
    let (single, placed): (Vec<&Sighting>, Vec<&Sighting>) = runs.partition(|sighting| sighting.role == Role::Primary);
    let mut homes = Homes::new();
    let mut loose = Vec::new();
    for sighting in placed {
        match sighting.role {
            Role::Companion => loose.push(sighting),
            _ => homes.entry(home::of(sighting)).or_default().push(sighting),
        }
    }
    lightning::place(&mut homes);
    trainer::place(weights, &mut homes);
    absorb(&mut homes);
    let around = mlflow::Around::new(&loose);
    for companion in loose {
        if let Some(key) = home::around(companion, &homes) {
            homes.entry(key).or_default().push(companion);
        }
    }
    let homes = homes.into_iter().flat_map(|(home, files)| match logs::is_log(home.1) {
        true => logs::split(&home, files),
        false => vec![(home, files)],
    });
    let mut groups: Vec<Group> = homes.filter_map(|(home, files)| group(&home, files, weights, &around)).collect();
    groups.extend(plain::groups(single.into_iter()));
    groups
}

/// Gives what a logger wrote for a tracker to that tracker's run: the nearest one around it.
fn absorb(homes: &mut Homes) {
    let taker = |(inner, files): (&Home, &Vec<&Sighting>)| {
        home::here_and_outwards(&inner.0)
            .find_map(|place| home::at(&place, homes).find(|outer| home::absorbs(outer, inner, files)).cloned())
    };
    let given: BTreeMap<Home, Home> = homes.iter().filter_map(|entry| Some((entry.0.clone(), taker(entry)?))).collect();
    for (inner, outer) in &given {
        let mut last = outer;
        // Who takes may be taken itself: each step goes outwards, or from a logger to a tracker.
        while let Some(next) = given.get(last) {
            last = next;
        }
        let files = homes.remove(inner).unwrap_or_default();
        homes.entry(last.clone()).or_default().extend(files);
    }
}

fn group<'s>(
    home: &Home<'s>,
    files: Vec<&'s Sighting>,
    weights: &[&'s Sighting],
    around: &mlflow::Around,
) -> Option<Group<'s>> {
    let (place, tracker) = home;
    let (primary, others) = {
        let mut files = files;
        files.sort_by_key(|file| (home::rank(file), &file.locator));
        let (first, others) = files.split_first()?;
        (*first, others.to_vec())
    };
    let mut run = trainer::told(primary).unwrap_or_default();
    for other in &others {
        let Some(mut fact) = trainer::told(other) else { continue };
        // What a session is judged by is no measure of the training it was written for.
        if home::is_session(other) && other.locator.parent() != *place {
            fact = Run { params: fact.params, hostname: fact.hostname, ..Run::default() };
        }
        // A log without a key of its own has its file's name for one, which is none of the run's.
        if other.format == "training-log" && primary.format != "training-log" {
            fact.run_id = None;
        }
        // One stream of a job may end as if nothing were, and the other say why it failed.
        run.failed = run.failed.max(fact.failed);
        run.fill_from(&fact);
    }
    if primary.format == "mlflow-files" {
        around.fill(&mut run, place);
    }
    settle(&mut run, home, weights);
    let mut draft = draft(primary, Kind::Run);
    (*tracker).clone_into(&mut draft.format);
    draft.name = name(&run, place);
    draft.fact = Fact::Run(Box::new(run));
    draft.impact = impact::of(&draft);
    if !others.is_empty() {
        let why = "files of one run, by their places in its directory".to_owned();
        draft.evidence.push(Evidence { signature: "grouping".to_owned(), why });
    }
    Some(Group { primary, others, draft })
}

/// What only the run as a whole tells.
fn settle(run: &mut Run, home: &Home, weights: &[&Sighting]) {
    let (place, tracker) = home;
    run.tags.retain(|tag| !tag.starts_with("_hparams_/"));
    match *tracker {
        trainer::FORMAT => trainer::settle(run),
        lightning::FORMAT => {
            lightning::settle(run);
            run.checkpoints = lightning::checkpoints(place, weights);
        }
        "hydra" => run.run_id = hydra_id(run.run_id.take(), place),
        "ray-tune" => {
            let directory = crate::model::escape_name(place.base_name());
            // A trial that never reported has its key in the name of its directory alone.
            run.run_id = run.run_id.take().or_else(|| ray_key(&directory));
            run.name.get_or_insert(directory);
        }
        _ => {}
    }
    if run.run_id.is_none() {
        run.run_id = Some(crate::model::escape_name(place.base_name()));
    }
    for list in [&mut run.params, &mut run.metrics, &mut run.tags] {
        list.sort();
        list.dedup();
    }
}

/// `02c73_00002` of `train_02c73_00002_2_x=3_2026-11-21_21-10-44`.
fn ray_key(directory: &str) -> Option<String> {
    let parts: Vec<&str> = directory.split('_').collect();
    let is_hex = |part: &str| matches!(part.len(), 5 | 8) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_number = |part: &str| part.len() == 5 && part.bytes().all(|byte| byte.is_ascii_digit());
    let key = parts.windows(2).find(|pair| is_hex(pair[0]) && is_number(pair[1]));
    key.map(|pair| pair.join("_"))
}

/// The key of a Hydra job: its directory below the one it was started in, as far as that is still so; else below the
/// directory Hydra puts jobs into.
fn hydra_id(stated: Option<String>, place: &Locator) -> Option<String> {
    let path = crate::model::escape_name(place.leaf());
    let below = |outer: &str| {
        path.match_indices(outer).map(|(at, _)| at).filter(|at| *at == 0 || path[..*at].ends_with('/')).last()
    };
    let is_so = stated.as_ref().is_some_and(|stated| path.ends_with(stated.as_str()));
    if is_so {
        return stated;
    }
    let at = below("outputs/").max(below("multirun/"));
    at.map(|at| path[at..].to_owned()).or(stated)
}

fn name(run: &Run, home: &Locator) -> String {
    let own = run.name.clone().or_else(|| run.run_id.clone());
    own.unwrap_or_else(|| crate::model::escape_name(home.base_name()))
}
