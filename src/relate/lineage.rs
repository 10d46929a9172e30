//! From data over source and runs to models: who wrote what, from what, by which code.
//!
//! Every edge rests on something one end states of the other: a key, a path, a class, a column. Paths of another machine
//! are matched by their end ([`super::places`]); a match by a name alone is `low`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::edge::edge;
use super::home;
use super::places::{Places, is_telling, parts_of};
use crate::model::{Asset, Confidence, Kind, Presence, Relation, RelationKind, Run};

/// Directories around a model that are asked for a run.
const MAX_LEVELS: usize = 16;
/// Most scripts that write logs of one name; of more nobody can say which is meant.
const MAX_SCRIPTS: usize = 256;
/// Most paths of one asset that are looked up.
const MAX_PATHS: usize = 256;

/// Every edge of the lineage.
pub(super) fn relations(assets: &[Asset]) -> Vec<Relation> {
    let of = |kind: Kind| {
        let here = |asset: &&Asset| asset.presence != Presence::Unverified;
        assets.iter().filter(here).filter(move |asset| asset.kind == kind)
    };
    let models = Places::new(of(Kind::Model));
    let data = Places::new(of(Kind::Dataset));
    let code = Places::new(of(Kind::Code));
    let mut edges = Edges::default();
    let shared = shared_directories(of(Kind::Run));
    in_directories(of(Kind::Model), of(Kind::Run), &mut edges);
    for run in of(Kind::Run) {
        let Some(facts) = run.fact.run() else { continue };
        produced(run, facts, &models, &shared, &mut edges);
        read(run, facts, &data, &mut edges);
        ran(run, facts, &code, &mut edges);
    }
    by_key(of(Kind::Model), of(Kind::Run), &mut edges);
    for model in of(Kind::Model) {
        trained_on(model, &data, &mut edges);
    }
    through_runs(assets, &mut edges);
    for script in of(Kind::Infra) {
        launched(script, &code, &models, &mut edges);
    }
    submitted(of(Kind::Run), of(Kind::Infra), &mut edges);
    edges.into_relations(assets)
}

/// Edges by their ends and kind; of several reasons the surest stays.
#[derive(Default)]
struct Edges {
    known: BTreeMap<(String, String, RelationKind), (Confidence, String, String)>,
}

impl Edges {
    fn add(&mut self, from: (&Asset, &str), to: (&Asset, &str), kind: RelationKind, confidence: Confidence) {
        let key = (from.0.id.clone(), to.0.id.clone(), kind);
        let reason = (confidence, from.1.to_owned(), to.1.to_owned());
        let known = self.known.entry(key).or_insert_with(|| reason.clone());
        if known.0 < confidence {
            *known = reason;
        }
    }

    /// Ids of the far ends of edges of a kind, with their confidence.
    fn to(&self, from: &str, kind: RelationKind) -> impl Iterator<Item = (&str, Confidence)> {
        let from_here =
            self.known.range((from.to_owned(), String::new(), kind)..).take_while(move |((id, ..), _)| id == from);
        from_here
            .filter(move |((.., of), _)| *of == kind)
            .map(|((_, to, _), (confidence, ..))| (to.as_str(), *confidence))
    }

    fn into_relations(self, assets: &[Asset]) -> Vec<Relation> {
        let by_id: BTreeMap<&str, &Asset> = assets.iter().map(|asset| (asset.id.as_str(), asset)).collect();
        let made = self.known.iter().filter_map(|((from, to, kind), (confidence, seen_from, seen_to))| {
            let (from, to) = (*by_id.get(from.as_str())?, *by_id.get(to.as_str())?);
            Some(edge((from, seen_from), (to, seen_to), *kind, *confidence))
        });
        made.collect()
    }
}

/// Directories that several runs of one tracker name as where they write: what lies there is any of theirs.
fn shared_directories<'a>(runs: impl Iterator<Item = &'a Asset>) -> BTreeSet<&'a str> {
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for run in runs {
        let Some(facts) = run.fact.run() else { continue };
        let Some(directory) = facts.output_dir.as_deref() else { continue };
        let key = facts.run_id.as_deref().unwrap_or(&run.id);
        if *first.entry((directory, &run.format)).or_insert(key) != key {
            shared.insert(directory);
        }
    }
    shared
}

/// Models that lie in the directory of a run: the innermost one around them.
fn in_directories<'a>(
    models: impl Iterator<Item = &'a Asset>,
    runs: impl Iterator<Item = &'a Asset>,
    edges: &mut Edges,
) {
    let mut homes: BTreeMap<Vec<String>, Vec<&Asset>> = BTreeMap::new();
    for run in runs {
        for home in home::directories(run) {
            homes.entry(home).or_default().push(run);
        }
    }
    for model in models {
        let Some(path) = model.files.first().map(|file| parts_of(&file.locator)) else { continue };
        let deepest = path.len().saturating_sub(MAX_LEVELS).max(1);
        let around = (deepest..path.len()).rev().filter_map(|end| Some((end, homes.get(path.get(..end)?)?)));
        for (end, runs) in around {
            let between = path.get(end..path.len().saturating_sub(1)).unwrap_or_default();
            let wrote: Vec<&&Asset> = runs.iter().filter(|run| may_have_written(run, between)).collect();
            for run in &wrote {
                let seen = (**run, "its directory holds the other");
                edges.add((model, "lies in the run's directory"), seen, RelationKind::ProducedBy, Confidence::High);
            }
            if !wrote.is_empty() {
                break;
            }
        }
    }
}

/// Whether a run may have written a model that lies so many directories below its own: not what it began from, and a bare
/// logger's only in a directory that trainers make for checkpoints.
fn may_have_written(run: &Asset, between: &[String]) -> bool {
    let is_begun_from = between.iter().any(|part| matches!(part.to_lowercase().as_str(), "pretrained" | "base"));
    !is_begun_from && (run.format != "tfevents" || is_of_logger(between))
}

/// Whether directories between a logger's own and a model's are those that trainers make for checkpoints.
fn is_of_logger(between: &[String]) -> bool {
    const MADE: [&str; 7] = ["checkpoint", "checkpoints", "ckpt", "ckpts", "weights", "models", "saved"];
    between.iter().all(|part| {
        let word = part.to_lowercase();
        MADE.contains(&word.trim_end_matches(|last: char| last.is_ascii_digit() || "-_".contains(last)))
    })
}

/// Models that a run wrote, at the places its log names.
fn produced(run: &Asset, facts: &Run, models: &Places, shared: &BTreeSet<&str>, edges: &mut Edges) {
    let paths = facts.checkpoint_paths.iter().chain(&facts.checkpoint_path).take(MAX_PATHS);
    for path in paths {
        if let Some(hit) = models.find(path, run) {
            let seen = (run, "its log says that it wrote the other");
            edges.add((hit.asset, "written by the run"), seen, RelationKind::ProducedBy, hit.confidence);
        }
    }
    for directory in facts.output_dir.iter() {
        let is_shared = shared.contains(directory.as_str());
        let key = facts.run_id.as_deref().filter(|key| key.len() >= 3);
        for hit in models.below(directory, run).into_iter().filter(|hit| hit.confidence >= Confidence::Medium) {
            let path = hit.asset.files.first().map(|file| file.locator.to_string()).unwrap_or_default();
            if is_shared && !key.is_some_and(|key| path.contains(key)) {
                continue;
            }
            let seen = (run, "its log names the directory it wrote to");
            edges.add((hit.asset, "lies where the run wrote"), seen, RelationKind::ProducedBy, hit.confidence);
        }
    }
}

/// Data that a run read.
fn read(run: &Asset, facts: &Run, data: &Places, edges: &mut Edges) {
    for path in facts.dataset_paths.iter().chain(&facts.dataset_path).take(MAX_PATHS) {
        if let Some(hit) = data.find(path, run) {
            let seen = (hit.asset, "lies at the path the other read from");
            edges.add((run, "its log names the data it read"), seen, RelationKind::Reads, hit.confidence);
        }
    }
}

/// The program a run executed.
fn ran(run: &Asset, facts: &Run, code: &Places, edges: &mut Edges) {
    let command = facts.command.iter().flat_map(|command| programs_of(command));
    let programs: BTreeSet<String> = facts.program.iter().cloned().chain(command).take(MAX_PATHS).collect();
    for program in programs {
        if let Some(hit) = code.guess(&program, run) {
            let seen = (hit.asset, "named as the program of the run");
            edges.add((run, "its log names the program"), seen, RelationKind::Runs, hit.confidence);
        }
    }
}

/// The words of a command that are programs of ours.
fn programs_of(command: &str) -> impl Iterator<Item = String> {
    let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
    words.filter(|word| [".py", ".sh", ".R", ".jl", ".ipynb"].iter().any(|end| word.ends_with(end))).map(str::to_owned)
}

/// Models that hold the key of their run.
fn by_key<'a>(models: impl Iterator<Item = &'a Asset>, runs: impl Iterator<Item = &'a Asset>, edges: &mut Edges) {
    let mut by_key: BTreeMap<&str, Vec<&Asset>> = BTreeMap::new();
    for run in runs {
        if let Some(id) = run.fact.run().and_then(|run| run.run_id.as_deref()) {
            by_key.entry(id).or_default().push(run);
        }
    }
    for model in models {
        let Some(weights) = model.fact.weights() else { continue };
        for (key, tracker) in [(&weights.wandb_run_id, "wandb"), (&weights.run_id, "mlflow")] {
            let runs = key.as_deref().and_then(|key| by_key.get(key)).into_iter().flatten();
            for run in runs.filter(|run| run.format.starts_with(tracker)) {
                let seen = (*run, "its key is in the other");
                edges.add((model, "holds the run's key"), seen, RelationKind::ProducedBy, Confidence::Certain);
            }
        }
    }
}

/// Data whose path a model's own arguments state.
fn trained_on(model: &Asset, data: &Places, edges: &mut Edges) {
    let Some(weights) = model.fact.weights() else { return };
    let mut paths: BTreeSet<&str> = weights.datasets.iter().chain(&weights.dataset_dirs).map(String::as_str).collect();
    for value in weights.args.values().chain(weights.hyper_parameters.values()) {
        texts(value, &mut |text| {
            if text.contains(['/', '\\']) && paths.len() < MAX_PATHS {
                paths.insert(text);
            }
        });
    }
    for path in paths {
        if let Some(hit) = data.find(path, model) {
            let seen = (hit.asset, "lies at the path the other states");
            edges.add((model, "states the path of its data"), seen, RelationKind::TrainedOn, hit.confidence);
        }
    }
}

fn texts<'v>(value: &'v Value, each: &mut dyn FnMut(&'v str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, each)),
        _ => {}
    }
}

/// What a run read, the models it wrote were trained on.
fn through_runs(assets: &[Asset], edges: &mut Edges) {
    let by_id: BTreeMap<&str, &Asset> = assets.iter().map(|asset| (asset.id.as_str(), asset)).collect();
    let mut found = Vec::new();
    for model in assets.iter().filter(|asset| asset.kind == Kind::Model) {
        for (run, written) in edges.to(&model.id, RelationKind::ProducedBy) {
            for (data, read) in edges.to(run, RelationKind::Reads) {
                found.push((model, data.to_owned(), written.min(read)));
            }
        }
    }
    for (model, data, confidence) in found {
        if let Some(data) = by_id.get(data.as_str()) {
            let seen = (*data, "read by the run that wrote the other");
            edges.add((model, "written by a run that read the data"), seen, RelationKind::TrainedOn, confidence);
        }
    }
}

/// What a job script starts, and what the recipe of an image packs.
fn launched(script: &Asset, code: &Places, models: &Places, edges: &mut Edges) {
    let crate::model::Fact::Infra(infra) = &script.fact else { return };
    for program in infra.programs.iter().take(MAX_PATHS) {
        if let Some(hit) = code.guess(program, script) {
            let seen = (hit.asset, "started by the script");
            edges.add((script, "starts the program"), seen, RelationKind::Runs, hit.confidence);
        }
    }
    for copied in infra.copies.iter().take(MAX_PATHS) {
        for (places, what) in [(models, "the model"), (code, "the source")] {
            if let Some(hit) = places.guess(copied, script) {
                let why = format!("copies {what} into an image");
                let seen = (hit.asset, "named by the recipe of an image");
                edges.add((script, &why), seen, RelationKind::Packages, hit.confidence);
            }
        }
    }
}

/// The script a job was handed to its scheduler with: the one that gives the job its name, or names its log.
fn submitted<'a>(runs: impl Iterator<Item = &'a Asset>, scripts: impl Iterator<Item = &'a Asset>, edges: &mut Edges) {
    let scripts: Vec<(&Asset, &crate::model::Infra)> = scripts
        .filter_map(|asset| match &asset.fact {
            crate::model::Fact::Infra(infra) if !infra.programs.is_empty() || infra.job_name.is_some() => {
                Some((asset, &**infra))
            }
            _ => None,
        })
        .collect();
    let mut by_name: BTreeMap<&str, Vec<&Asset>> = BTreeMap::new();
    let mut by_output: BTreeMap<String, Vec<(&str, &Asset)>> = BTreeMap::new();
    for (script, infra) in &scripts {
        infra.job_name.iter().for_each(|name| by_name.entry(name).or_default().push(script));
        if let Some(output) = &infra.job_output {
            by_output.entry(log_name(output, "%j")).or_default().push((output, script));
        }
    }
    for run in runs {
        let Some(facts) = run.fact.run() else { continue };
        let named = facts.job_name.as_deref().and_then(|name| by_name.get(name)).map(Vec::as_slice).unwrap_or_default();
        if let [script] = named {
            let seen = (*script, "gives the job its name");
            // `train` is the name of everybody's job.
            let is_telling = facts.job_name.as_deref().is_some_and(is_telling);
            let confidence = if is_telling { Confidence::High } else { Confidence::Low };
            edges.add((run, "has the job name of the script"), seen, RelationKind::SubmittedBy, confidence);
            continue;
        }
        // Without a name: the script whose output pattern the log fits, if it is one.
        let Some(log) = run.files.first().filter(|_| run.format.ends_with("-log")) else { continue };
        let path = parts_of(&log.locator).join("/");
        let own = parts_of(&log.locator);
        let name = log_name(&path, facts.run_id.as_deref().unwrap_or("%j"));
        let named = by_output.get(&name).map(Vec::as_slice).filter(|scripts| scripts.len() <= MAX_SCRIPTS);
        let mut near: Vec<(usize, &Asset)> = named
            .unwrap_or_default()
            .iter()
            .filter(|(pattern, _)| fits(&path, pattern, facts.run_id.as_deref()))
            .filter_map(|(_, script)| {
                let place = parts_of(&script.files.first()?.locator);
                Some((own.iter().zip(&place).take_while(|(a, b)| a == b).count(), *script))
            })
            .collect();
        near.sort_by_key(|(near, script)| (std::cmp::Reverse(*near), &script.id));
        // Of several the nearest; of equally near ones none.
        let script = match near.as_slice() {
            [(_, script)] => *script,
            [(first, script), (second, _), ..] if first > second => *script,
            _ => continue,
        };
        let seen = (script, "names the log as its output");
        let here = (run, "lies where the script writes its log");
        edges.add(here, seen, RelationKind::SubmittedBy, Confidence::Medium);
    }
}

/// The last part of a log's path or of a pattern for one, without the job's number.
fn log_name(path: &str, job: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.replace("%A_%a", "*").replace(job, "*")
}

/// Whether a log lies where an output pattern of Slurm (`logs/%x-%j.out`) puts it, by the end of its path.
fn fits(path: &str, pattern: &str, job: Option<&str>) -> bool {
    let Some(job) = job else { return false };
    let pattern = pattern.replace("%j", job).replace("%A_%a", job);
    let pattern = pattern.trim_start_matches("./").trim_start_matches('/');
    !pattern.contains('%') && pattern.contains(job) && (path == pattern || path.ends_with(&format!("/{pattern}")))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{asset, code, of, run};
    use super::*;
    use crate::model::{Dataset, Fact, Infra, Weights};

    fn edges(assets: &[Asset]) -> Vec<(String, String, RelationKind, Confidence)> {
        relations(assets).into_iter().map(|edge| (edge.from, edge.to, edge.kind, edge.confidence)).collect()
    }

    fn data(path: &str) -> Asset {
        of(path, Kind::Dataset, "h5ad", Fact::Dataset(Box::<Dataset>::default()))
    }

    #[test]
    fn a_log_leads_from_data_to_models() {
        let facts = Run {
            dataset_path: Some("/srv/acme/data/atlas.h5ad".to_owned()),
            checkpoint_paths: vec!["/srv/acme/out/50071/c-20.pt".to_owned()],
            program: Some("train_atlas.py".to_owned()),
            ..Run::default()
        };
        let assets = [
            data("acme/data/atlas.h5ad"),
            asset("acme/out/50071/c-20.pt"),
            code("acme/train_atlas.py"),
            run("acme/x.out", "slurm-log", facts),
        ];
        let found = edges(&assets);
        assert!(found.contains(&(
            "acme/out/50071/c-20.pt".into(),
            "acme/x.out".into(),
            RelationKind::ProducedBy,
            Confidence::High
        )));
        assert!(found.contains(&(
            "acme/x.out".into(),
            "acme/data/atlas.h5ad".into(),
            RelationKind::Reads,
            Confidence::High
        )));
        assert!(found.contains(&(
            "acme/out/50071/c-20.pt".into(),
            "acme/data/atlas.h5ad".into(),
            RelationKind::TrainedOn,
            Confidence::High
        )));
        assert!(found.contains(&(
            "acme/x.out".into(),
            "acme/train_atlas.py".into(),
            RelationKind::Runs,
            Confidence::Low
        )));
    }

    #[test]
    fn a_job_of_hydra_wrote_what_lies_beside_its_settings() {
        let assets = [
            run("o/2024-06-01/10-00-00/.hydra/config.yaml", "hydra", Run::default()),
            asset("o/2024-06-01/10-00-00/ckpt/last.safetensors"),
            asset("o/2024-06-01/other.safetensors"),
        ];
        let found = edges(&assets);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0.ends_with("last.safetensors"));
    }

    #[test]
    fn keys_and_directories() {
        let weights = Weights { wandb_run_id: Some("mtkv3f1r".to_owned()), ..Weights::default() };
        let assets = [
            of("a/c.pt", Kind::Model, "torch-zip", Fact::Weights(Box::new(weights))),
            asset("logs/version_0/checkpoints/e.ckpt"),
            run("w/run-mtkv3f1r.wandb", "wandb", Run { run_id: Some("mtkv3f1r".to_owned()), ..Run::default() }),
            run("logs/version_0/hparams.yaml", "lightning-logs", Run::default()),
        ];
        let found = edges(&assets);
        assert!(found.iter().any(|(from, _, _, sure)| from == "a/c.pt" && *sure == Confidence::Certain));
        assert!(
            found.iter().any(|(from, to, ..)| from.starts_with("logs/version_0/checkpoints") && to.starts_with("logs"))
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn the_innermost_run_wrote_what_lies_there() {
        let events = |path: &str| run(&format!("{path}/events.out.tfevents.1"), "tfevents", Run::default());
        let assets = [
            events("exp"),
            events("exp/r0"),
            asset("exp/r0/ckpt/model.safetensors"),
            asset("exp/pretrained/esm2.safetensors"),
            asset("exp/other/final.safetensors"),
        ];
        let found = edges(&assets);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].1, "exp/r0/events.out.tfevents.1");
    }

    #[test]
    fn what_lies_where_many_write_is_of_the_run_whose_key_it_has() {
        let job = |id: &str| {
            let facts =
                Run { run_id: Some(id.to_owned()), output_dir: Some("/srv/acme/out".to_owned()), ..Run::default() };
            run(&format!("acme/logs/slurm-{id}.out"), "slurm-log", facts)
        };
        let assets = [job("901"), job("902"), asset("acme/out/run_901.pt"), asset("acme/out/run_902.pt")];
        let found = edges(&assets);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|(model, run, ..)| model.contains("901") == run.contains("901")));
    }

    #[test]
    fn jobs_lead_to_their_scripts() {
        let script = Infra {
            job_output: Some("logs/slurm-%j.out".to_owned()),
            programs: vec!["train.py".to_owned()],
            ..Infra::default()
        };
        let assets = [
            of("p/job.sbatch", Kind::Infra, "sbatch", Fact::Infra(Box::new(script))),
            run("s/logs/slurm-71.out", "slurm-log", Run { run_id: Some("71".to_owned()), ..Run::default() }),
            run("s/logs/slurm-72.out", "slurm-log", Run { run_id: Some("7".to_owned()), ..Run::default() }),
            code("p/train.py"),
        ];
        let found = edges(&assets);
        assert!(found.contains(&(
            "s/logs/slurm-71.out".into(),
            "p/job.sbatch".into(),
            RelationKind::SubmittedBy,
            Confidence::Medium
        )));
        assert_eq!(found.iter().filter(|(_, _, kind, _)| *kind == RelationKind::SubmittedBy).count(), 1);
    }
}
