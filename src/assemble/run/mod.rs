//! Files of trackers → runs: one asset a run, whatever its tracker keeps it in.
//!
//! Every file of a tracker stands at a known place in the directory of its run ([`home`]). Files of one tracker with one
//! home are one run; what a logger writes for the trackers above it ([`home::absorbs`]) belongs to theirs. A run that is a
//! single file, or a row of a database, is one by itself. What two trackers logged of one run stays two assets, which
//! [`crate::relate`] joins.

mod home;
mod mlflow;

use std::collections::BTreeMap;

use super::{Group, draft, impact, plain};
use crate::model::{Evidence, Fact, Kind, Locator, Role, Run, Sighting};

/// The runs of a survey.
pub(super) fn groups<'s>(sightings: impl Iterator<Item = &'s Sighting>) -> Vec<Group<'s>> {
    let (single, placed): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.partition(|sighting| sighting.role == Role::Primary);
    let mut homes: BTreeMap<(Locator, &str), Vec<&Sighting>> = BTreeMap::new();
    let mut loose = Vec::new();
    for sighting in placed {
        match sighting.role {
            Role::Companion => loose.push(sighting),
            _ => homes.entry((home::of(sighting), &sighting.format)).or_default().push(sighting),
        }
    }
    absorb(&mut homes);
    let around = mlflow::Around::new(&loose);
    for companion in loose {
        if let Some(key) = home::around(companion, &homes) {
            homes.entry(key).or_default().push(companion);
        }
    }
    let mut groups: Vec<Group> =
        homes.into_iter().filter_map(|((home, _), files)| group(&home, files, &around)).collect();
    groups.extend(plain::groups(single.into_iter()));
    groups
}

/// Gives what a logger wrote for a tracker to that tracker's run: the nearest one around it.
fn absorb(homes: &mut BTreeMap<(Locator, &str), Vec<&Sighting>>) {
    let given: Vec<_> = homes
        .keys()
        .filter_map(|(inner, format)| {
            let outer = home::outwards(inner).find_map(|place| {
                let there = homes.range((place.clone(), "")..).take_while(|((other, _), _)| *other == place);
                there.map(|(key, _)| key).find(|(other, tracker)| home::absorbs(tracker, format, other, inner))
            })?;
            Some(((inner.clone(), *format), outer.clone()))
        })
        .collect();
    for (inner, outer) in given {
        let files = homes.remove(&inner).unwrap_or_default();
        // Whoever takes may have been taken in the meantime; what it holds then goes along.
        homes.entry(outer).or_default().extend(files);
    }
}

fn group<'s>(home: &Locator, files: Vec<&'s Sighting>, around: &mlflow::Around) -> Option<Group<'s>> {
    let (primary, others) = {
        let mut files = files;
        files.sort_by_key(|file| (home::rank(file), &file.locator));
        let (first, others) = files.split_first()?;
        (*first, others.to_vec())
    };
    let mut run = primary.fact.run().cloned().unwrap_or_default();
    for other in &others {
        other.fact.run().into_iter().for_each(|fact| run.fill_from(fact));
    }
    if primary.format == "mlflow-files" {
        around.fill(&mut run, home);
    }
    settle(&mut run, home);
    let mut draft = draft(primary, Kind::Run);
    draft.name = name(&run, home);
    draft.fact = Fact::Run(Box::new(run));
    draft.impact = impact::of(&draft);
    if !others.is_empty() {
        let why = "files of one run, by their places in its directory".to_owned();
        draft.evidence.push(Evidence { signature: "grouping".to_owned(), why });
    }
    Some(Group { primary, others, draft })
}

/// What only the run as a whole tells.
fn settle(run: &mut Run, home: &Locator) {
    if run.run_id.is_none() {
        run.run_id = Some(crate::model::escape_name(home.base_name()));
    }
    for list in [&mut run.params, &mut run.metrics, &mut run.tags] {
        list.sort();
        list.dedup();
    }
}

fn name(run: &Run, home: &Locator) -> String {
    let own = run.name.clone().or_else(|| run.run_id.clone());
    own.unwrap_or_else(|| crate::model::escape_name(home.base_name()))
}
