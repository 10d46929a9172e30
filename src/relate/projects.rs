//! How many training runs there are: by tracker, distinct over all trackers, and trials, for each project.
//!
//! "Logs of 113 training runs" may mean any of the three, so each is counted, with the keys of the runs beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Asset, DistinctRun, Kind, Locator, Presence, Project, Relation, RelationKind};

/// Directories that trackers and trainers make for their runs: a project is what is around them.
const MADE: [&str; 24] = [
    "mlruns",
    ".trash",
    "wandb",
    "lightning_logs",
    "outputs",
    "multirun",
    "runs",
    "logs",
    "log",
    ".aim",
    ".neptune",
    ".guild",
    "tensorboard",
    "tb",
    "tb_logs",
    "ray_results",
    "checkpoints",
    "experiments",
    "results",
    "output",
    "out",
    "slurm",
    "slurm_logs",
    "catboost_info",
];

/// The runs of every project, by its root.
pub fn projects(assets: &[Asset], relations: &[Relation]) -> Vec<Project> {
    let runs: Vec<&Asset> =
        assets.iter().filter(|asset| asset.kind == Kind::Run && asset.presence == Presence::Present).collect();
    let mut projects: BTreeMap<Locator, Project> = BTreeMap::new();
    for group in groups(&runs, relations) {
        let Some(root) = group.iter().filter_map(|run| root(run)).reduce(|a, b| common(&a, &b)) else { continue };
        let project = projects.entry(root.clone()).or_insert_with(|| Project {
            root,
            tracker_runs: BTreeMap::new(),
            distinct: Vec::new(),
            trials: 0,
            deleted: 0,
        });
        add(project, &group);
    }
    projects.into_values().collect()
}

fn add(project: &mut Project, group: &[&Asset]) {
    let is = |run: &Asset, which: fn(&crate::model::Run) -> Option<bool>| run.fact.run().and_then(which) == Some(true);
    let (trials, runs): (Vec<&Asset>, Vec<&Asset>) = group.iter().copied().partition(|run| is(run, |run| run.trial));
    if runs.is_empty() {
        project.trials = project.trials.saturating_add(1);
        return;
    }
    for run in &runs {
        *project.tracker_runs.entry(run.format.clone()).or_default() += 1;
    }
    if runs.iter().all(|run| is(run, |run| run.deleted)) {
        project.deleted = project.deleted.saturating_add(1);
    }
    let key = |run: &&Asset| Some(format!("{}:{}", run.format, run.fact.run()?.run_id.as_deref()?));
    project.distinct.push(DistinctRun {
        keys: runs.iter().chain(&trials).filter_map(key).collect(),
        assets: runs.iter().chain(&trials).map(|run| run.id.clone()).collect(),
    });
}

/// Runs that edges join, in the order of their first one.
fn groups<'a>(runs: &[&'a Asset], relations: &[Relation]) -> Vec<Vec<&'a Asset>> {
    let number: BTreeMap<&str, usize> = runs.iter().enumerate().map(|(at, run)| (run.id.as_str(), at)).collect();
    let mut joined: Vec<Vec<usize>> = vec![Vec::new(); runs.len()];
    for edge in relations.iter().filter(|edge| edge.kind == RelationKind::SameRun) {
        if let (Some(&a), Some(&b)) = (number.get(edge.from.as_str()), number.get(edge.to.as_str())) {
            joined.get_mut(a).into_iter().for_each(|list| list.push(b));
            joined.get_mut(b).into_iter().for_each(|list| list.push(a));
        }
    }
    let mut seen = BTreeSet::new();
    let mut groups = Vec::new();
    for start in 0..runs.len() {
        if !seen.insert(start) {
            continue;
        }
        let (mut open, mut group) = (vec![start], vec![start]);
        while let Some(at) = open.pop() {
            for &next in joined.get(at).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                    group.push(next);
                }
            }
        }
        group.sort_unstable();
        groups.push(group.into_iter().filter_map(|at| runs.get(at).copied()).collect());
    }
    groups
}

/// The directory around what the run's tracker made, within the source: a database's is that of its file.
fn root(run: &Asset) -> Option<Locator> {
    let mut place = run.files.first()?.locator.clone();
    while place.depth() > 0 {
        place = place.around()?;
    }
    let mut directory = place.parent();
    // A step may stand for its trainer's run: the directory around all of its files is the run's.
    let is_trainer = run.format == "hf-trainer" && place.depth() == 0;
    for file in run.files.iter().filter(|file| is_trainer && file.locator.depth() == 0).take(64) {
        while !is_below(&file.locator, &directory) {
            directory = directory.parent();
        }
    }
    let mut root = match run.format.as_str() {
        "mlflow-files" => directory.parent().parent(),
        "hydra" | "wandb" | "wandb-offline" | "tfevents" | "hf-trainer" | "dvclive" | "sacred" | "lightning-logs"
        | "ray-tune" | "keras-tuner" | "guild" => directory.parent(),
        _ => directory.clone(),
    };
    if run.files.first().is_some_and(|file| file.locator.depth() > 0) && !is_made(&directory) {
        return Some(root);
    }
    let mut is_found = false;
    // The innermost directory that a tracker made, and those around it that are such too.
    while !directory.leaf().is_empty() {
        if is_made(&directory) {
            root = directory.parent();
            is_found = true;
        } else if is_found {
            break;
        }
        directory = directory.parent();
    }
    Some(root)
}

fn is_below(file: &Locator, directory: &Locator) -> bool {
    let directory = directory.leaf();
    directory.is_empty() || file.leaf().strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"))
}

fn is_made(directory: &Locator) -> bool {
    let name = String::from_utf8_lossy(directory.base_name()).to_ascii_lowercase();
    MADE.contains(&name.as_str()) || name.starts_with("lightning_logs")
}

fn common(a: &Locator, b: &Locator) -> Locator {
    let parts = |locator: &Locator| -> Vec<Vec<u8>> {
        locator.leaf().split(|&byte| byte == b'/').map(<[u8]>::to_vec).filter(|part| !part.is_empty()).collect()
    };
    let shared = parts(a).into_iter().zip(parts(b)).take_while(|(a, b)| a == b).map(|(part, _)| part);
    Locator::path(a.source(), &shared.collect::<Vec<_>>().join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;
    use crate::model::{Confidence, Run};

    fn count(assets: &[Asset], edges: &[(&str, &str)]) -> Vec<(String, u64, usize, u64, u64)> {
        let relations: Vec<Relation> = edges
            .iter()
            .map(|(from, to)| Relation {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                kind: RelationKind::SameRun,
                confidence: Confidence::Certain,
                evidence: Vec::new(),
            })
            .collect();
        let of = |project: Project| {
            let logged = project.tracker_runs.values().sum();
            (project.root.to_string(), logged, project.distinct.len(), project.trials, project.deleted)
        };
        projects(assets, &relations).into_iter().map(of).collect()
    }

    #[test]
    fn three_counts_a_project() {
        let trial = || Run { trial: Some(true), ..Run::default() };
        let gone = Run { deleted: Some(true), ..Run::default() };
        let assets = [
            run("p/wandb/run-1-a/run-a.wandb", "wandb", Run::default()),
            run("p/logs/slurm-7.out", "slurm-log", Run::default()),
            run("p/out/7/tb/events.out.tfevents.1", "tfevents", Run::default()),
            run("p/mlruns/.trash/0/b/meta.yaml", "mlflow-files", gone),
            run("q/study.db!/trials/s/0", "optuna-sqlite", trial()),
            run("q/study.db!/trials/s/1", "optuna-sqlite", trial()),
        ];
        let edges = [
            ("p/wandb/run-1-a/run-a.wandb", "p/logs/slurm-7.out"),
            ("p/logs/slurm-7.out", "p/out/7/tb/events.out.tfevents.1"),
        ];
        assert_eq!(count(&assets, &edges), [("p".to_owned(), 4, 2, 0, 1), ("q".to_owned(), 0, 0, 2, 0)]);
    }
}
