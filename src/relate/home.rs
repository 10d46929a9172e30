//! The directory that is a run's own, where its tracker gives it one.
//!
//! Told by the places of the run's files, never by what lies around them: a job's log lies in a directory of logs, a row of a
//! database in none.

use super::places::{common, parts_of};
use crate::model::Asset;

/// Trackers that give each run a directory.
const OWN: [&str; 12] = [
    "dvclive",
    "guild",
    "hf-trainer",
    "hydra",
    "keras-tuner",
    "lightning-logs",
    "mlflow-files",
    "ray-tune",
    "sacred",
    "tfevents",
    "wandb",
    "wandb-offline",
];
/// Directories that trackers make inside of a run's.
const INNER: [&str; 5] = [".hydra", ".guild", "attrs", "files", "logs"];

/// The run's directories, as parts of their path: one, or one a logger where one trainer has two.
pub(super) fn directories(run: &Asset) -> Vec<Vec<String>> {
    if !OWN.contains(&run.format.as_str()) {
        return Vec::new();
    }
    let paths: Vec<Vec<String>> = run.files.iter().map(|file| parts_of(&file.locator)).collect();
    let mut homes = match run.format.as_str() {
        "lightning-logs" => paths.iter().filter_map(|path| version(path)).collect(),
        _ => Vec::from_iter(common(&paths)),
    };
    for home in &mut homes {
        while home.last().is_some_and(|last| INNER.contains(&last.as_str())) {
            home.pop();
        }
    }
    homes.retain(|home| !home.is_empty());
    homes.sort();
    homes.dedup();
    homes
}

/// The directory of a version of Lightning's logger.
fn version(path: &[String]) -> Option<Vec<String>> {
    let (_, directories) = path.split_last()?;
    let at = directories.iter().rposition(|part| part.starts_with("version_"));
    Some(directories.get(..=at.unwrap_or(directories.len().checked_sub(1)?))?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;
    use crate::model::{AssetFile, Locator, Run};

    fn homes(format: &str, paths: &[&str]) -> Vec<String> {
        let mut asset = run(paths[0], format, Run::default());
        asset.files = paths
            .iter()
            .map(|path| AssetFile { locator: Locator::parse(0, path).unwrap(), size: 1, content: None, link: None })
            .collect();
        directories(&asset).iter().map(|home| home.join("/")).collect()
    }

    #[test]
    fn a_run_is_at_home_around_all_of_its_files() {
        assert_eq!(homes("hydra", &["o/9/.hydra/config.yaml", "o/9/.hydra/overrides.yaml"]), ["o/9"]);
        assert_eq!(homes("hf-trainer", &["o/checkpoint-8/trainer_state.json", "o/trainer_state.json"]), ["o"]);
        assert_eq!(homes("wandb", &["a.tar!/w/run-1/files/config.yaml"]), ["a.tar/w/run-1"]);
        let two = ["l/version_0/hparams.yaml", "l_csv/version_0/metrics.csv", "l_csv/version_0/hparams.yaml"];
        assert_eq!(homes("lightning-logs", &two), ["l/version_0", "l_csv/version_0"]);
        assert!(homes("slurm-log", &["logs/slurm-7.out"]).is_empty());
        assert!(homes("tfevents", &["events.out.tfevents.1"]).is_empty());
    }
}
