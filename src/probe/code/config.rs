//! Configurations of trainings: of the frameworks that have a layout of their own, and plain ones.
//!
//! Layouts after the documentation and sources of DeepSpeed, accelerate, axolotl, LLaMA-Factory, torchtune, NeMo, Hydra,
//! transformers, Lightning, MosaicML's composer, W&B sweeps, Determined and ultralytics. One without a layout of its own
//! is told by what it sets: an optimizer, a schedule, and a model, data or run besides. Values are published of the
//! fields of the vocabulary only.

use super::settings::{self, first_text};
use crate::model::{Code, Fact};
use crate::probe::yaml::Yaml;
use crate::probe::{Finding, Input, ProbeError};

/// Keys of a plain configuration, by what they set.
const OPTIMIZER: &[&str] = &[
    "lr",
    "learning_rate",
    "optimizer",
    "optim",
    "weight_decay",
    "betas",
    "adam_beta1",
    "momentum",
    "lr_scheduler",
    "scheduler",
    "lr_scheduler_type",
    "warmup_steps",
    "warmup_ratio",
    "warmup",
    "grad_clip",
    "gradient_clip_val",
    "max_grad_norm",
    "base_lr",
    "max_lr",
    "init_lr",
    "clip_grad",
    "num_warmup_steps",
];
const SCHEDULE: &[&str] = &[
    "epochs",
    "max_epochs",
    "num_epochs",
    "n_epochs",
    "num_train_epochs",
    "max_steps",
    "total_steps",
    "num_steps",
    "train_steps",
    "max_iters",
    "num_iterations",
    "max_iter",
    "batch_size",
    "train_batch_size",
    "micro_batch_size",
    "global_batch_size",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "accumulate_grad_batches",
    "max_duration",
    "training_steps",
    "max_train_steps",
    "total_iters",
];
const MODEL: &[&str] = &[
    "model",
    "arch",
    "architecture",
    "backbone",
    "n_layers",
    "num_layers",
    "d_model",
    "hidden_size",
    "hidden_dim",
    "n_heads",
    "num_heads",
    "embed_dim",
    "n_embd",
    "n_head",
    "n_layer",
    "model_name",
    "model_name_or_path",
    "base_model",
    "network",
    "encoder",
    "decoder",
    "d_ff",
    "dim",
    "depth",
    "latent_dim",
    "n_latent",
    "n_hidden",
    "dropout",
];
const DATA: &[&str] = &[
    "data",
    "dataset",
    "datasets",
    "train_data",
    "data_dir",
    "data_path",
    "train_path",
    "dataloader",
    "num_workers",
    "tokenizer",
    "train_file",
    "train_dataset",
    "datamodule",
    "data_root",
    "train_dir",
    "val_data",
    "data_module",
    "seq_len",
    "max_seq_len",
    "sequence_len",
    "max_length",
    "block_size",
    "train_loader",
    "train_manifest",
    "h5ad",
];
const RUN: &[&str] = &[
    "run_name",
    "seed",
    "wandb",
    "save_every",
    "log_every",
    "checkpoint",
    "checkpoint_dir",
    "ckpt_dir",
    "output_dir",
    "out_dir",
    "exp_name",
    "experiment",
    "experiment_name",
    "wandb_project",
    "resume",
    "save_steps",
    "eval_steps",
    "logging_steps",
    "log_interval",
    "save_interval",
    "eval_interval",
    "precision",
    "mixed_precision",
    "logger",
    "trainer",
    "save_dir",
    "log_dir",
    "loss",
    "early_stopping",
    "patience",
    "device",
];
/// Keys that only a tracker writes, when it keeps a copy.
const COPIES: &[&str] = &["_wandb", "wandb_version", "transformers_version", "best_metric", "log_history"];

/// A configuration of a training.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let (trees, format) = settings::documents(input)?;
    let tree = trees.first().ok_or(ProbeError::NotMine)?;
    if COPIES.iter().any(|key| tree.get(key).is_some()) {
        return Err(ProbeError::NotMine);
    }
    let framework = framework(tree);
    if framework.is_none() && !is_plain(tree) {
        return Err(ProbeError::NotMine);
    }
    let mut code = Code {
        kind: Some("training_config".to_owned()),
        framework: framework.map(str::to_owned),
        run_name: first_text(
            tree,
            &[
                &["run_name"],
                &["wandb_run_name"],
                &["wandb_name"],
                &["exp_name"],
                &["experiment_name"],
                &["wandb", "name"],
                &["wandb", "run_name"],
                &["logger", "name"],
                &["logging", "run_name"],
                &["training", "run_name"],
                &["trainer", "run_name"],
                &["train", "run_name"],
                &["run", "name"],
                &["experiment", "name"],
                &["exp_manager", "name"],
                &["experiment"],
                &["name"],
            ],
        ),
        base_model: first_text(
            tree,
            &[
                &["base_model"],
                &["model_name_or_path"],
                &["pretrained_model_name_or_path"],
                &["model", "model_name_or_path"],
                &["model", "pretrained_model_name_or_path"],
                &["model", "name_or_path"],
                &["model", "base_model"],
                &["model_args", "model_name_or_path"],
                &["init_from"],
                &["restore_from_path"],
            ],
        ),
        ..Code::default()
    };
    settings::describe(&trees, &mut code);
    let mut finding = Finding::new(Fact::Code(Box::new(code)));
    finding.format = Some(format);
    Ok(finding)
}

/// The framework whose layout a tree has.
fn framework(tree: &Yaml) -> Option<&'static str> {
    let has = |key: &str| tree.get(key).is_some();
    let any = |keys: &[&str]| keys.iter().any(|key| has(key));
    let count = |keys: &[&str]| keys.iter().filter(|key| has(key)).count();
    let targets = targets(tree);
    let of = |prefix: &str| targets.iter().any(|target| target.starts_with(prefix));
    Some(match () {
        () if any(&["zero_optimization", "train_micro_batch_size_per_gpu"]) => "deepspeed",
        () if has("train_batch_size")
            && any(&["fp16", "bf16", "zero_allow_untested_optimizer"])
            && has("optimizer") =>
        {
            "deepspeed"
        }
        () if has("distributed_type")
            && any(&["num_processes", "num_machines", "compute_environment", "mixed_precision"]) =>
        {
            "accelerate"
        }
        () if has("base_model")
            && count(&["datasets", "sequence_len", "micro_batch_size", "adapter", "val_set_size"]) >= 2 =>
        {
            "axolotl"
        }
        () if any(&["finetuning_type", "stage"])
            && any(&["model_name_or_path"])
            && any(&["dataset", "template", "cutoff_len"]) =>
        {
            "llama-factory"
        }
        () if of("torchtune.") => "torchtune",
        () if has("exp_manager") && any(&["trainer", "model"]) => "nemo",
        () if of("nemo.") => "nemo",
        () if has("per_device_train_batch_size") => "transformers",
        () if has("max_duration") && any(&["train_loader", "optimizer"]) => "composer",
        () if has("method") && has("parameters") && any(&["program", "metric"]) => "wandb",
        () if has("searcher") && any(&["entrypoint", "hyperparameters"]) => "determined",
        () if has("names") && has("train") && has("val") && any(&["nc", "path"]) => "ultralytics",
        () if has("trainer") && any(&["model", "data"]) && !class_paths(tree).is_empty() => "lightning",
        () if is_hydra(tree, &targets) => "hydra",
        () => return None,
    })
}

/// Classes that Hydra or torchtune is to make.
fn targets(tree: &Yaml) -> Vec<String> {
    let mut targets = Vec::new();
    tree.leaves(&mut |path, leaf| {
        let is_target = path.ends_with("_target_") || path.ends_with("_component_");
        if let Some(text) = leaf.text().filter(|_| is_target && targets.len() < 100) {
            targets.push(text.to_owned());
        }
    });
    targets
}

/// Classes that Lightning's command line is to make.
fn class_paths(tree: &Yaml) -> Vec<&str> {
    ["model", "data", "optimizer"].iter().filter_map(|key| tree.text_at(&[key, "class_path"])).collect()
}

/// Whether a tree is composed by Hydra for a training: groups of its defaults or its targets say so.
fn is_hydra(tree: &Yaml, targets: &[String]) -> bool {
    const GROUPS: [&str; 17] = [
        "model",
        "optimizer",
        "optim",
        "trainer",
        "data",
        "dataset",
        "datamodule",
        "scheduler",
        "lr_scheduler",
        "experiment",
        "callbacks",
        "logger",
        "module",
        "network",
        "training",
        "train",
        "loss",
    ];
    const LEARNING: [&str; 14] = [
        "torch.",
        "pytorch_lightning.",
        "lightning.",
        "transformers.",
        "torchvision.",
        "sklearn.",
        "timm.",
        "monai.",
        "diffusers.",
        "jax.",
        "flax.",
        "optax.",
        "xgboost.",
        "lightgbm.",
    ];
    let defaults = tree.get("defaults").map(Yaml::items).unwrap_or_default();
    let groups = defaults.iter().flat_map(Yaml::entries).filter(|(key, _)| {
        let group = key.trim_start_matches("override ").rsplit('/').next().unwrap_or_default();
        GROUPS.contains(&group.split('@').next().unwrap_or_default())
    });
    let groups = groups.count();
    let is_composed = defaults.iter().any(|item| item.text() == Some("_self_"));
    groups >= 2
        || (is_composed && is_training(tree))
        || (groups == 1 && (is_training(tree) || tree.get("hydra").is_some()))
        || targets.iter().any(|target| LEARNING.iter().any(|library| target.starts_with(library)))
        || (!targets.is_empty() && is_training(tree))
}

/// Whether a tree sets an optimizer or how long a training lasts.
fn is_training(tree: &Yaml) -> bool {
    let mut found = false;
    settings::keys(tree, 2, &mut |key, value| {
        found |= (OPTIMIZER.contains(&key) || SCHEDULE.contains(&key)) && settings::is_number(value);
    });
    found
}

/// Whether a tree without a layout of its own configures a training.
fn is_plain(tree: &Yaml) -> bool {
    let mut counts = [0usize; 5];
    settings::keys(tree, 3, &mut |key, value| {
        let key = key.to_ascii_lowercase();
        let is_number = settings::is_number(value);
        for (count, words) in counts.iter_mut().zip([OPTIMIZER, SCHEDULE, MODEL, DATA, RUN]) {
            // In a translation or a form the same words have other words for values.
            let counts = words.contains(&key.as_str()) && (words != SCHEDULE || is_number);
            // A rate of learning is of trainings alone; the other words are everybody's.
            let rate = words == OPTIMIZER && is_number && matches!(key.as_str(), "lr" | "learning_rate");
            *count = count.saturating_add(usize::from(counts)).saturating_add(usize::from(rate));
        }
    });
    let [optimizer, schedule, model, data, run] = counts;
    let others = [model, data, run].iter().filter(|count| **count > 0).count();
    optimizer > 0 && schedule > 0 && others > 0 && optimizer.saturating_add(schedule).saturating_add(others) >= 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn read(name: &str, text: &str) -> Option<(Code, &'static str)> {
        let blob = Memory::new(text.as_bytes());
        let mut input = Input::new(&blob, text.as_bytes());
        input.name = name.as_bytes();
        match probe(&input) {
            Ok(finding) => Some((finding.fact.code().cloned()?, finding.format?)),
            Err(ProbeError::NotMine) => None,
            Err(other) => panic!("{name}: {other}"),
        }
    }

    #[test]
    fn layouts_of_frameworks() {
        for (name, text, framework, format) in [
            ("ds.json", r#"{"zero_optimization": {"stage": 3}, "fp16": {"enabled": true}}"#, "deepspeed", "json"),
            (
                "a.yaml",
                "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmain_process_ip: 10.20.0.7\nnum_machines: 2\n",
                "accelerate",
                "yaml",
            ),
            (
                "x.yml",
                "base_model: meta/L\ndatasets:\n  - path: d.jsonl\nadapter: lora\nmicro_batch_size: 2\n",
                "axolotl",
                "yaml",
            ),
            (
                "l.yaml",
                "model_name_or_path: q/Q\nstage: sft\nfinetuning_type: lora\ndataset: ours\n",
                "llama-factory",
                "yaml",
            ),
            ("t.yaml", "model:\n  _component_: torchtune.models.llama3.llama3_8b\n", "torchtune", "yaml"),
            ("n.yaml", "name: asr\ntrainer: {devices: 8}\nexp_manager: {exp_dir: /runs/x}\n", "nemo", "yaml"),
            ("h.yaml", "defaults:\n  - model: big\n  - optimizer: adamw\n  - _self_\n", "hydra", "yaml"),
            ("optimizer/adam.yaml", "_target_: torch.optim.Adam\nlr: 0.1\n", "hydra", "yaml"),
            ("tr.toml", "per_device_train_batch_size = 8\nlearning_rate = 1e-4\n", "transformers", "toml"),
            ("sweep.yaml", "program: train.py\nmethod: bayes\nparameters: {lr: {min: 0.1}}\n", "wandb", "yaml"),
        ] {
            let (code, found) = read(name, text).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((code.framework.as_deref(), found), (Some(framework), format), "{name}");
            assert_eq!(code.kind.as_deref(), Some("training_config"));
        }
        let (code, _) =
            read("a.yaml", "distributed_type: FSDP\nnum_machines: 2\nmain_process_ip: 10.20.0.7\n").unwrap();
        assert_eq!(code.hosts, ["10.20.0.7"]);
    }

    #[test]
    fn plain_ones() {
        let text = "run_name: base\nlr: 0.1\nbatch_size: 2\nmax_steps: 4\nmodel: {n_layers: 2}\ndata: /data/a/x.h5ad\ninit_from: a/b\n";
        let (code, format) = read("c.yaml", text).unwrap();
        assert_eq!((code.run_name.as_deref(), format), (Some("base"), "yaml"));
        assert_eq!(code.paths, ["/data/a/x.h5ad"]);
        assert_eq!(code.base_model.as_deref(), Some("a/b"));
        assert!(read("c.json", r#"{"learning_rate": 1, "epochs": 3, "model": "x", "seed": 1}"#).is_some());
    }

    #[test]
    fn what_is_no_training() {
        for (name, text) in [
            (
                ".github/workflows/ci.yml",
                "name: CI\non: [push]\njobs:\n  build:\n    runs-on: x\n    steps:\n      - run: pytest\n",
            ),
            ("docker-compose.yml", "services:\n  web:\n    image: x\n    environment: {MODEL: a}\n"),
            ("package.json", r#"{"name": "x", "version": "1", "scripts": {"train": "node t.js"}}"#),
            ("openapi.yaml", "openapi: 3.0.0\npaths:\n  /models:\n    get: {}\n"),
            ("da.yml", "da:\n  models: Modeller\n  data: Data\n"),
            ("play.yml", "- hosts: all\n  tasks:\n    - name: x\n      apt: {name: y}\n"),
            ("_config.yml", "defaults:\n  - scope: {path: ''}\n    values: {layout: post}\n"),
            (
                "deploy.yaml",
                "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 2, template: {spec: {schedulerName: x}}}\n",
            ),
            ("shop.yaml", "model: T\nbatch_size: 3\ndevice: phone\nname: shop\n"),
            (
                "config.yaml",
                "_wandb: {value: {}}\nlr: {value: 1}\nbatch_size: {value: 1}\nmodel: {value: x}\nseed: {value: 1}\n",
            ),
            ("x.json", "[1, 2"),
        ] {
            assert!(read(name, text).is_none(), "{name}");
        }
    }

    #[test]
    fn no_secret_leaves() {
        let text = "lr: 1\nbatch_size: 2\nmodel: x\nseed: 1\nname: ghp_Zk0GBwFYuWfEpJRlUaqqXedvNp3Y9cm37lPV\ndata: s3://key:hunter2hunter2@acme/x\n";
        let told = format!("{:?}", read("c.yaml", text).unwrap());
        assert!(!told.contains("ghp_Zk0") && !told.contains("hunter2"), "{told}");
    }
}
