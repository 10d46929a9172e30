//! Hydra's `.hydra` directory: `config.yaml`, `hydra.yaml` and `overrides.yaml` of a job.
//!
//! Follows `hydra/core/utils.py` (`run_job`) and `hydra/conf/__init__.py`. `config.yaml` is the configuration the job ran
//! with, of the owner's making; `hydra.yaml` says where and how; `overrides.yaml` is what stood on the command line.

use super::{arguments, settings};
use crate::model::{Fact, Run, publishable};
use crate::probe::yaml::{self, Node, Yaml};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Most overrides that are kept.
const MAX_OVERRIDES: usize = 1024;

/// `config.yaml`.
pub(crate) fn config(input: &Input) -> Result<Finding, ProbeError> {
    let mut run = Run::default();
    let ended_by = match yaml::file(input) {
        Ok((tree, ended_by)) => {
            settings::of_yaml(&mut run, &tree);
            ended_by
        }
        Err(ProbeError::NotMine) if kit::whole(input.blob, yaml::MAX_TEXT)?.trim_ascii() == b"{}" => None,
        Err(error) => return Err(error),
    };
    Ok(Finding::new(Fact::Run(Box::new(run))).ended_by(ended_by.map_or(Ok(()), Err)))
}

/// `hydra.yaml`.
pub(crate) fn hydra(input: &Input) -> Result<Finding, ProbeError> {
    let (tree, ended_by) = yaml::file(input)?;
    let hydra = tree.get("hydra").ok_or(ProbeError::NotMine)?;
    let (job, runtime) = (hydra.get("job"), hydra.get("runtime"));
    if job.is_none() && runtime.is_none() {
        return Err(ProbeError::NotMine);
    }
    let runtime = |key: &str| runtime?.text_at(&[key]).filter(|text| !text.contains("${"));
    let published = |key: &str| runtime(key).map(|text| publishable(key, text));
    let sent = hydra.text_at(&["launcher", "_target_"]).is_some_and(|launcher| launcher.contains("submitit"));
    let job_text = |key: &str| job?.text_at(&[key]).map(|text| publishable(key, text));
    let run = Run {
        // Below the directory it was started in.
        run_id: runtime("cwd").zip(runtime("output_dir")).and_then(|(cwd, dir)| below(cwd, dir)),
        program: job_text("name"),
        job_id: job_text("id").filter(|_| sent),
        working_directory: published("cwd"),
        output_dir: published("output_dir"),
        framework_version: published("version"),
        overrides: hydra.at(&["overrides", "task"]).map(given),
        ..Run::default()
    };
    Ok(Finding::new(Fact::Run(Box::new(run))).ended_by(ended_by.map_or(Ok(()), Err)))
}

fn below(cwd: &str, dir: &str) -> Option<String> {
    let rest = dir.strip_prefix(cwd.trim_end_matches('/'))?.strip_prefix('/')?.trim_matches('/');
    (!rest.is_empty()).then(|| publishable("run_id", rest))
}

/// `overrides.yaml`: a list of texts, none where the job ran as it is configured.
pub(crate) fn overrides(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, yaml::MAX_TEXT)?;
    let yaml::Documents { documents, ended_by } = yaml::documents(&String::from_utf8_lossy(&text));
    let list = documents.first().filter(|list| matches!(list.node, Node::List(_))).ok_or(ProbeError::NotMine)?;
    let run = Run { overrides: Some(given(list)), ..Run::default() };
    Ok(Finding::new(Fact::Run(Box::new(run))).ended_by(ended_by.map_or(Ok(()), Err)))
}

/// Overrides as they were written, values of secrets withheld.
fn given(list: &Yaml) -> Vec<String> {
    let publish = |text: &str| match arguments::withheld_in(text).split_once('=') {
        Some((key, value)) => {
            format!("{}={}", publishable("", key), publishable(key.trim_start_matches(['+', '~']), value))
        }
        None => publishable("", &arguments::withheld_in(text)),
    };
    list.items().iter().filter_map(Yaml::text).take(MAX_OVERRIDES).map(publish).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, text: &str) -> Result<Run, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        Ok(probe(&Input::new(&blob, text.as_bytes()))?.fact.run().unwrap().clone())
    }

    #[test]
    fn overrides_are_kept_in_their_order_without_secrets() {
        let text = "- optim.lr=0.1\n- +db.password=canary7Qx\n- ~callbacks\n- model=resnet\n- data.key=canary7Qx\n\
            - +wandb.api=canary7Qx\n- notes=of canary7Qx\n";
        let given = run(overrides, text).unwrap().overrides.unwrap();
        assert_eq!(given[..4], ["optim.lr=0.1", "+db.password=[withheld]", "~callbacks", "model=resnet"]);
        assert_eq!(given[4..], ["data.key=[withheld]", "+wandb.api=[withheld]", "notes=[withheld]"]);
        assert_eq!(run(overrides, "[]\n").unwrap().overrides, Some(Vec::new()));
        assert!(matches!(run(overrides, "a: b\n"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn where_and_how_a_job_ran() {
        let text = "hydra:\n  job:\n    name: app\n    id: 4711_3\n  launcher:\n    _target_: hydra_plugins.hydra_submitit_launcher.X\n  \
            runtime:\n    version: 1.3.2\n    cwd: /srv/p\n    output_dir: /srv/p/logs/train/7\n  overrides:\n    task:\n    - a=1\n";
        let job = run(hydra, text).unwrap();
        assert_eq!((job.run_id.as_deref(), job.job_id.as_deref()), (Some("logs/train/7"), Some("4711_3")));
        assert_eq!(job.overrides, Some(vec!["a=1".to_owned()]));
        assert!(matches!(run(hydra, "hydra: spring\n"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn a_configuration_names_its_data() {
        let job = run(config, "data:\n  path: /data/train.h5ad\n  seed: 1\n").unwrap();
        assert_eq!((job.dataset_path.as_deref(), job.params.len()), (Some("/data/train.h5ad"), 2));
        assert_eq!(run(config, "{}\n").unwrap(), Run::default());
        assert!(matches!(run(config, "- a\n"), Err(ProbeError::NotMine)));
    }
}
