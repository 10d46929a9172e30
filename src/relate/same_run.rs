//! What several trackers logged of one run, and copies of one log: edges, so that distinct runs can be counted.
//!
//! Two logs are of one run where one states the key of the other, where one wrote into the directory of the other, where
//! they were written by one process, or where they are copies. Two runs that one tracker tells apart are never joined,
//! not even over a third: a job that started three runs is no fourth, and joins none of them.

use std::collections::{BTreeMap, BTreeSet};

use super::edge::edge;
use super::home;
use super::places::{Places, parts_of};
use crate::model::{Asset, Confidence, ContentId, Kind, Presence, Relation, RelationKind, Run};

/// Trackers whose keys are unique wherever they were made.
const UNIQUE_KEYS: [&str; 8] = ["wandb", "mlflow", "aim", "clearml", "comet", "neptune", "guild", "ray"];
/// Directories in which one training logs its splits.
const SPLITS: [&str; 8] = ["train", "training", "validation", "val", "valid", "eval", "evaluation", "test"];

/// A run and where it lies.
struct Seen<'a> {
    asset: &'a Asset,
    run: &'a Run,
    /// Who logged it: `wandb` for both of its formats.
    tracker: &'a str,
    /// Its directory, or the one its file lies in.
    home: Vec<String>,
    /// Whether that is its own.
    owns: bool,
}

/// A reason to take two logs for one run's.
struct Reason {
    first: usize,
    second: usize,
    confidence: Confidence,
    why: &'static str,
}

/// An edge for every two logs of one run.
pub(super) fn relations(assets: &[Asset]) -> Vec<Relation> {
    let runs: Vec<Seen> = assets.iter().filter_map(seen).collect();
    let mut groups = Groups::new(&runs);
    let mut relations = Vec::new();
    let mut join = |reasons: Vec<Reason>| {
        for reason in reasons {
            let (Some(first), Some(second)) = (runs.get(reason.first), runs.get(reason.second)) else { continue };
            if groups.join(&runs, reason.first, reason.second) {
                let why = reason.why;
                relations.push(edge((first.asset, why), (second.asset, why), RelationKind::SameRun, reason.confidence));
            }
        }
    };
    join(copies(&runs));
    join(stated_keys(&runs));
    join(unambiguous(&runs, by_place(&runs)));
    join(unambiguous(&runs, one_process(&runs)));
    join(unambiguous(&runs, one_moment(&runs)));
    relations
}

fn seen(asset: &Asset) -> Option<Seen<'_>> {
    let run = asset.fact.run().filter(|_| asset.kind == Kind::Run && asset.presence == Presence::Present)?;
    let tracker = asset.format.split('-').next().unwrap_or_default();
    let own = home::directories(asset);
    let owns = !own.is_empty();
    let beside = || parts_of(&asset.files.first()?.locator).split_last().map(|(_, directory)| directory.to_vec());
    Some(Seen { asset, run, tracker, home: own.into_iter().next().or_else(beside)?, owns })
}

impl Seen<'_> {
    /// Whether two logs of one tracker may be of one run: nothing tells them apart.
    fn may_be(&self, other: &Seen) -> bool {
        self.tracker != other.tracker || self.run.run_id == other.run.run_id || is_split(self) && is_split(other)
    }

    /// A key that no other run has, wherever it was made.
    fn unique_key(&self) -> Option<&str> {
        let id = self.run.run_id.as_deref()?;
        // A day and a second of it; of a day alone there are many.
        let dated = self.tracker == "hydra" && id.bytes().filter(u8::is_ascii_digit).count() >= 14;
        (UNIQUE_KEYS.contains(&self.tracker) && id.len() >= 6 || dated).then_some(id)
    }
}

/// The same key of the same tracker, or the same contents of a log.
fn copies(runs: &[Seen]) -> Vec<Reason> {
    let mut by_key: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut by_log: BTreeMap<(&str, Vec<&ContentId>), usize> = BTreeMap::new();
    let mut by_name: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut reasons = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let mut add = |first: usize, why| {
            if first != at {
                reasons.push(Reason { first, second: at, confidence: Confidence::Certain, why });
            }
        };
        if let Some(key) = run.unique_key() {
            add(*by_key.entry((run.tracker, key)).or_insert(at), "the same key of the same tracker");
            continue;
        }
        let mut contents: Vec<&ContentId> =
            run.asset.files.iter().filter(|file| file.size > 0).filter_map(|file| file.content.as_ref()).collect();
        contents.sort_unstable();
        let holds_log = run.asset.files.iter().any(|file| is_log(file.locator.base_name()));
        if contents.len() == run.asset.files.len() && holds_log {
            add(*by_log.entry((run.tracker, contents)).or_insert(at), "the same log");
        }
        if let Some(name) = events_name(run).filter(|name| names_process(name)) {
            add(*by_name.entry(name).or_insert(at), "written by one process in one second");
        }
    }
    reasons
}

/// Whether a file grows while a run goes on: settings may be the same in many.
fn is_log(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let ends = [".csv", ".jsonl", ".log", ".out", ".err", ".wandb", ".txt"].iter().any(|end| name.ends_with(end));
    ends || name.starts_with("events.out.tfevents.") || name == "trainer_state.json" || name == "result.json"
}

/// The name of an event file, which holds the second, the host and the process it was made in.
fn events_name(run: &Seen) -> Option<Vec<u8>> {
    let files = run.asset.files.iter().map(|file| file.locator.base_name());
    files.filter(|name| name.starts_with(b"events.out.tfevents.")).min().map(<[u8]>::to_vec)
}

/// Whether the name of an event file names its process and file: `….<process>.<number>`. Some writers leave both out.
fn names_process(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    let mut ends = name.trim_end_matches(".v2").rsplit('.').take(2);
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.len() < 9 && part.parse::<u64>().is_ok());
    is_number(ends.next()) && is_number(ends.next())
}

/// One log states the other's key.
fn stated_keys(runs: &[Seen]) -> Vec<Reason> {
    let mut by_key: BTreeMap<(&str, &str), Option<usize>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        let Some(id) = run.run.run_id.as_deref() else { continue };
        let holder = by_key.entry((run.tracker, id)).or_insert(Some(at));
        // Two clusters both have a job 12: nobody can say which is meant.
        if *holder != Some(at) && run.unique_key().is_none() {
            *holder = None;
        }
    }
    let mut reasons = Vec::new();
    for (second, run) in runs.iter().enumerate() {
        let aliases = run.run.also_known_as.iter().filter_map(|alias| alias.split_once(':'));
        let wandb = run.run.wandb_run_id.as_deref().map(|id| ("wandb", id));
        let job = run.run.job_id.as_deref();
        let jobs = ["slurm", "pbs", "lsf"].into_iter().filter_map(|scheduler| Some((scheduler, job?)));
        for key in aliases.chain(wandb).chain(jobs) {
            if let Some(first) = by_key.get(&key).copied().flatten().filter(|&first| first != second) {
                let why = "one log states the key of the other";
                reasons.push(Reason { first, second, confidence: Confidence::Certain, why });
            }
        }
    }
    unambiguous(runs, reasons)
}

/// One wrote into the directory of the other, or lies in it.
fn by_place(runs: &[Seen]) -> Vec<Reason> {
    let places = Places::new(runs.iter().map(|run| run.asset));
    let number: BTreeMap<&str, usize> = runs.iter().enumerate().map(|(at, run)| (run.asset.id.as_str(), at)).collect();
    let mut reasons = Vec::new();
    for (first, run) in runs.iter().enumerate() {
        let mut add = |other: &Asset, confidence: Confidence, why: &'static str| {
            let Some(&second) = number.get(other.id.as_str()) else { return };
            if runs.get(second).is_some_and(|other| other.tracker != run.tracker) {
                reasons.push(Reason { first, second, confidence, why });
            }
        };
        let parents = run.run.checkpoint_paths.iter().chain(&run.run.checkpoint_path);
        let parents = parents.filter_map(|path| path.rsplit_once(['/', '\\'])).map(|(parent, _)| parent);
        let written: BTreeSet<&str> = run.run.output_dir.as_deref().into_iter().chain(parents).collect();
        for directory in written {
            let hits = places.below(directory, run.asset).into_iter();
            for hit in hits.filter(|hit| hit.confidence >= Confidence::Medium) {
                add(hit.asset, hit.confidence, "one wrote where the other lies");
            }
        }
        if run.owns {
            for other in places.inside(&run.home) {
                add(other, Confidence::High, "one lies in the directory of the other");
            }
        }
    }
    reasons
}

/// Logs of the splits of one training, side by side.
fn one_process(runs: &[Seen]) -> Vec<Reason> {
    let mut by_process: BTreeMap<(&[String], &str, Option<String>), usize> = BTreeMap::new();
    let mut reasons = Vec::new();
    for (second, run) in runs.iter().enumerate() {
        let Some(host) = run.run.hostname.as_deref().filter(|_| is_split(run)) else { continue };
        let Some((_, parent)) = run.home.split_last() else { continue };
        // `events.out.tfevents.<seconds>.<host>.<process>.<number>`, the last two since TensorFlow 2.
        let process = events_name(run).and_then(|name| {
            let name = String::from_utf8_lossy(&name).into_owned();
            let rest = name.split_once(host)?.1.trim_start_matches('.');
            Some(rest.split('.').next()?.to_owned())
        });
        let first = *by_process.entry((parent, host, process)).or_insert(second);
        if first != second {
            let why = "splits of one training, logged by one process";
            reasons.push(Reason { first, second, confidence: Confidence::High, why });
        }
    }
    reasons
}

fn is_split(run: &Seen) -> bool {
    let name = run.home.last().map(|name| name.to_ascii_lowercase());
    run.tracker == "tfevents" && name.is_some_and(|name| SPLITS.contains(&name.as_str()))
}

/// Two trackers, one machine, one second: near enough where nothing else fits.
fn one_moment(runs: &[Seen]) -> Vec<Reason> {
    let mut by_moment: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        if let (Some(host), Some(started)) = (run.run.hostname.as_deref(), run.run.started.as_deref()) {
            by_moment.entry((host, started)).or_default().push(at);
        }
    }
    let mut reasons = Vec::new();
    for together in by_moment.into_values() {
        for (index, &first) in together.iter().enumerate() {
            for &second in together.iter().skip(index + 1) {
                let (Some(one), Some(other)) = (runs.get(first), runs.get(second)) else { continue };
                // In one project: not further apart than what trackers put between.
                let shared = one.home.iter().zip(&other.home).take_while(|(a, b)| a == b).count();
                let is_near = shared > 0 && one.home.len().min(other.home.len()).saturating_sub(shared) <= 3;
                let programs = (one.run.program.as_deref(), other.run.program.as_deref());
                let is_one_program = !matches!(programs, (Some(a), Some(b)) if a != b);
                if one.tracker != other.tracker && is_near && is_one_program && together.len() == 2 {
                    let why = "begun on one machine in one second";
                    reasons.push(Reason { first, second, confidence: Confidence::Medium, why });
                }
            }
        }
    }
    reasons
}

/// Drops the reasons by which a run would be joined to several that one tracker tells apart: what one log says of many is
/// no equality.
fn unambiguous(runs: &[Seen], reasons: Vec<Reason>) -> Vec<Reason> {
    let mut keys: BTreeMap<(usize, &str), BTreeSet<Option<&str>>> = BTreeMap::new();
    for reason in &reasons {
        for (one, other) in [(reason.first, reason.second), (reason.second, reason.first)] {
            let Some(other) = runs.get(other).filter(|other| !is_split(other)) else { continue };
            keys.entry((one, other.tracker)).or_default().insert(other.run.run_id.as_deref());
        }
    }
    let is_one = |at: usize, other: usize| {
        let tracker = runs.get(other).map_or("", |other| other.tracker);
        keys.get(&(at, tracker)).is_none_or(|keys| keys.len() == 1)
    };
    reasons
        .into_iter()
        .filter(|reason| is_one(reason.first, reason.second) && is_one(reason.second, reason.first))
        .collect()
}

/// Runs that were joined, each group with its members.
struct Groups {
    group_of: Vec<usize>,
    members: BTreeMap<usize, Vec<usize>>,
}

impl Groups {
    fn new(runs: &[Seen]) -> Groups {
        Groups { group_of: (0..runs.len()).collect(), members: (0..runs.len()).map(|at| (at, vec![at])).collect() }
    }

    /// Joins the groups of two runs unless some tracker tells members of them apart; says whether they are joined now
    /// and were not before, or were joined by another reason already.
    fn join(&mut self, runs: &[Seen], first: usize, second: usize) -> bool {
        let (Some(&a), Some(&b)) = (self.group_of.get(first), self.group_of.get(second)) else { return false };
        if a == b {
            return true;
        }
        let (Some(left), Some(right)) = (self.members.get(&a), self.members.get(&b)) else { return false };
        let of = |at: &usize| runs.get(*at);
        // One of each tracker and key speaks for all.
        let agree = left.iter().filter_map(of).all(|one| right.iter().filter_map(of).all(|other| one.may_be(other)));
        if !agree {
            return false;
        }
        let (small, large) = if left.len() < right.len() { (a, b) } else { (b, a) };
        let moved = self.members.remove(&small).unwrap_or_default();
        for at in &moved {
            if let Some(group) = self.group_of.get_mut(*at) {
                *group = large;
            }
        }
        self.members.entry(large).or_default().extend(moved);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    fn keyed(id: &str) -> Run {
        Run { run_id: Some(id.to_owned()), ..Run::default() }
    }

    fn edges(assets: &[Asset]) -> Vec<(String, String)> {
        relations(assets).into_iter().map(|edge| (edge.from, edge.to)).collect()
    }

    #[test]
    fn a_log_that_states_a_key_or_a_place_is_joined() {
        let job = Run {
            wandb_run_id: Some("mtkv3f1r".to_owned()),
            checkpoint_paths: vec!["/srv/project/out/50071/checkpoint-20.pt".to_owned()],
            ..keyed("50071")
        };
        let assets = [
            run("p/logs/slurm-50071.out", "slurm-log", job),
            run("p/project/out/50071/tb/events.out.tfevents.1.h.2.0", "tfevents", keyed("tb")),
            run("p/wandb/offline-run-1-mtkv3f1r/run-mtkv3f1r.wandb", "wandb-offline", keyed("mtkv3f1r")),
            run("p/wandb/offline-run-2-aaaabbbb/run-aaaabbbb.wandb", "wandb-offline", keyed("aaaabbbb")),
        ];
        let found = edges(&assets);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(from, to)| !from.contains("aaaabbbb") && !to.contains("aaaabbbb")));
    }

    #[test]
    fn a_job_of_several_runs_is_none_of_them() {
        let job = Run { also_known_as: vec!["wandb:aaaaaaa1".to_owned(), "wandb:aaaaaaa2".to_owned()], ..keyed("7") };
        let assets = [
            run("slurm-7.out", "slurm-log", job),
            run("wandb/run-1-aaaaaaa1/run-aaaaaaa1.wandb", "wandb", keyed("aaaaaaa1")),
            run("wandb/run-2-aaaaaaa2/run-aaaaaaa2.wandb", "wandb", keyed("aaaaaaa2")),
        ];
        assert!(edges(&assets).is_empty());
    }

    #[test]
    fn a_key_that_two_clusters_gave_is_nobodys() {
        let in_job = Run { job_id: Some("12".to_owned()), ..keyed("aaaaaaa1") };
        let assets = [
            run("a/logs/slurm-12.out", "slurm-log", keyed("12")),
            run("b/logs/slurm-12.out", "slurm-log", keyed("12")),
            run("c/wandb/run-1-aaaaaaa1/run-aaaaaaa1.wandb", "wandb", in_job),
        ];
        assert!(edges(&assets).is_empty());
        assert_eq!(edges(&assets[1..]).len(), 1);
    }

    #[test]
    fn copies_and_resumed_runs_are_one() {
        let assets = [
            run("a/wandb/run-1-aaaaaaa1/run-aaaaaaa1.wandb", "wandb", keyed("aaaaaaa1")),
            run("a/wandb/run-2-aaaaaaa1/run-aaaaaaa1.wandb", "wandb", keyed("aaaaaaa1")),
            run("x/mlflow.db!/runs/5d13931ab56c", "mlflow-sqlite", keyed("5d13931ab56c")),
            run("x/mlruns/0/5d13931ab56c/meta.yaml", "mlflow-files", keyed("5d13931ab56c")),
            run("l/version_0/hparams.yaml", "lightning-logs", keyed("version_0")),
            run("m/version_0/hparams.yaml", "lightning-logs", keyed("version_0")),
        ];
        assert_eq!(edges(&assets).len(), 2);
    }

    #[test]
    fn settings_and_names_without_a_process_join_nothing() {
        let mut assets = [
            run("a/lightning_logs/version_0/hparams.yaml", "lightning-logs", keyed("version_0")),
            run("b/lightning_logs/version_0/hparams.yaml", "lightning-logs", keyed("version_0")),
            run("s/lr1/tb/events.out.tfevents.1795294517.gpu-node-07", "tfevents", keyed("tb")),
            run("s/lr2/tb/events.out.tfevents.1795294517.gpu-node-07", "tfevents", keyed("tb")),
        ];
        for asset in assets.iter_mut().take(2) {
            asset.files[0].content = Some(ContentId::Sha256([7; 32]));
        }
        assert!(edges(&assets).is_empty());
        let on = |id: &str| Run {
            hostname: Some("vm".to_owned()),
            started: Some("2026-11-22T07:00:00Z".to_owned()),
            ..keyed(id)
        };
        let apart = [
            run("tb/exp/events.out.tfevents.17.vm.1.0", "tfevents", on("exp")),
            run("other/wandb/run-1-aaaaaaa1/run-aaaaaaa1.wandb", "wandb", on("aaaaaaa1")),
        ];
        assert!(edges(&apart).is_empty());
    }

    #[test]
    fn splits_of_one_process_are_one_run() {
        let on = |id: &str| Run { hostname: Some("gpu-1".to_owned()), ..keyed(id) };
        let assets = [
            run("logs/train/events.out.tfevents.17.gpu-1.15910.0.v2", "tfevents", on("train")),
            run("logs/validation/events.out.tfevents.18.gpu-1.15910.1.v2", "tfevents", on("validation")),
            run("logs/lr3/events.out.tfevents.18.gpu-1.15910.2.v2", "tfevents", on("lr3")),
        ];
        assert_eq!(edges(&assets).len(), 1);
    }
}
