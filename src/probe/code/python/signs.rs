//! What the calls of a source say of what it is for; [`super::bases`] has base classes and decorators.
//!
//! Names are those of the libraries themselves, resolved through the imports of the source; a method of an object whose
//! class is not known says little, and counts as little ([`super::kinds`]).

use std::collections::BTreeSet;

use super::modules::framework;
use super::uses;

/// Something a source does. The number of times is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A class that is a part of a network, or a whole one.
    Module,
    /// A class with the method `forward`, of a base class that is not known.
    Forward,
    /// A layer that is made.
    Layer,
    /// A model put together from layers without a class of its own.
    Assembled,
    /// A class that is a step of a training: a trainer, an optimizer, a callback.
    TrainingClass,
    /// A method or function that trains.
    TrainingFunction,
    /// Gradients are computed.
    Backward,
    /// An optimizer makes a step.
    Step,
    /// An optimizer is made.
    Optimizer,
    /// Gradients, steps or fits outside of any class: a loop, and not a part of one.
    Loop,
    /// A trainer of a library is made, or a function of one that trains is called.
    Trainer,
    /// An estimator, or a model that has `fit`, is made.
    Estimator,
    /// `fit` is called.
    Fit,
    /// A class that is a data set.
    DatasetClass,
    /// A writer of sharded data is made.
    ShardWriter,
    /// Data is read.
    Read,
    /// Data is written.
    Write,
    /// Data of a field's own library is prepared.
    Prepare,
    /// Data is split.
    Split,
    /// Batches are made.
    Loader,
    /// A measure of a library is computed.
    Metric,
    /// A benchmark of a library is run.
    Benchmark,
    /// A function that evaluates.
    EvaluationFunction,
    /// A model is loaded.
    Load,
    /// The weights that are loaded are named.
    LoadPath,
    /// A model is used.
    Use,
    /// Gradients are switched off, or a model is set to be used.
    Frozen,
    /// Something is served.
    Serve,
    /// A class, function or object that orchestrates.
    Orchestration,
    /// A function or class of a test.
    Test,
}

/// How many signs there are.
const SIGNS: usize = 30;

/// What the signs add up to.
#[derive(Debug, Default)]
pub(super) struct Told {
    counts: [u32; SIGNS],
    pub(super) writes: BTreeSet<&'static str>,
    pub(super) reads: BTreeSet<&'static str>,
    pub(super) base_model: Option<String>,
}

impl Told {
    pub(super) fn tell(&mut self, sign: Sign) {
        if let Some(count) = self.counts.get_mut(sign as usize) {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn count(&self, sign: Sign) -> u32 {
        self.counts.get(sign as usize).copied().unwrap_or_default()
    }

    pub(super) fn has(&self, sign: Sign) -> bool {
        self.count(sign) > 0
    }

    pub(super) fn reads(&mut self, format: &'static str) {
        self.tell(Sign::Read);
        self.reads.insert(format);
    }

    pub(super) fn writes(&mut self, what: &'static str) {
        self.tell(Sign::Write);
        self.writes.insert(what);
    }
}

/// A dotted name, taken apart.
pub(super) struct Name<'n> {
    pub(super) path: &'n str,
    /// The framework its first part is imported from.
    pub(super) framework: Option<&'static str>,
    /// What the last part belongs to.
    pub(super) owner: &'n str,
    pub(super) last: &'n str,
}

impl<'n> Name<'n> {
    pub(super) fn new(path: &'n str) -> Name<'n> {
        let (before, last) = path.rsplit_once('.').unwrap_or(("", path));
        let owner = before.rsplit('.').next().unwrap_or_default();
        Name { path, framework: framework(path.split('.').next().unwrap_or_default()), owner, last }
    }

    pub(super) fn within(&self, part: &str) -> bool {
        self.path.split('.').any(|other| other == part)
    }

    pub(super) fn is_of(&self, frameworks: &[&str]) -> bool {
        self.framework.is_some_and(|framework| frameworks.contains(&framework))
    }
}

const KERAS: &[&str] = &["keras", "tensorflow"];
pub(super) const TRAINERS: &[&str] = &[
    "transformers",
    "trl",
    "lightning",
    "composer",
    "sentence-transformers",
    "setfit",
    "unsloth",
    "ray",
    "monai",
    "nemo",
    "paddle",
    "mmengine",
    "peft",
    "speechbrain",
    "gluonts",
    "scvi",
];

/// What a call says. `first` is its first argument, where that is a text.
pub(super) fn call(path: &str, first: Option<&str>, told: &mut Told) {
    let name = Name::new(path);
    training(&name, told);
    uses::data(&name, first, told);
    uses::models(&name, first, told);
    uses::saving(&name, told);
    uses::trackers(&name, told);
}

fn training(name: &Name, told: &mut Told) {
    let owner = name.owner.to_ascii_lowercase();
    match name.last {
        "backward" | "manual_backward" => told.tell(Sign::Backward),
        "step" | "zero_grad" | "clear_grad" | "minimize" | "apply_gradients" | "apply_updates"
            if name.framework.is_some() || is_optimizer(&owner) =>
        {
            told.tell(Sign::Step);
        }
        "GradientTape" => told.tell(Sign::Backward),
        "grad" | "value_and_grad" | "filter_grad" | "filter_value_and_grad"
            if name.is_of(&["jax", "equinox", "flax", "haiku", "mlx"]) =>
        {
            told.tell(Sign::Backward);
        }
        "record" if name.framework == Some("mxnet") => told.tell(Sign::Backward),
        "initialize" if name.framework == Some("deepspeed") => told.tell(Sign::Trainer),
        last if last.ends_with("Trainer") && name.is_of(TRAINERS) => told.tell(Sign::Trainer),
        "TrainingArguments" | "Seq2SeqTrainingArguments" => told.tell(Sign::Trainer),
        last if name.framework == Some("trl") && last.ends_with("Config") => told.tell(Sign::Trainer),
        "LightningCLI" | "SupervisedTrainer" | "FSDP" | "FullyShardedDataParallel" | "DistributedDataParallel"
            if name.framework.is_some() =>
        {
            told.tell(Sign::Optimizer);
        }
        "train" | "cv" if name.is_of(&["xgboost", "lightgbm", "catboost", "unsloth"]) => told.tell(Sign::Trainer),
        "run" | "Tuner" if name.framework == Some("ray") && name.within("tune") => told.tell(Sign::Trainer),
        "fit" | "fit_transform" | "partial_fit" | "fit_generator" | "train_on_batch" => told.tell(Sign::Fit),
        "learn" | "fine_tune" | "fit_one_cycle" => told.tell(Sign::Fit),
        "train" if name.framework.is_none() && ["model", "vae", "trainer"].iter().any(|word| owner.ends_with(word)) => {
            told.tell(Sign::Fit);
        }
        "train_one_epoch" | "train_epoch" | "train_step" | "train_model" | "training_loop" | "train_loop" => {
            told.tell(Sign::TrainingFunction);
        }
        "DataLoader" | "NeighborLoader" => told.tell(Sign::Loader),
        _ => {}
    }
    if name.framework.is_some() && name.path.split('.').any(|part| matches!(part, "optim" | "optimizers" | "optimizer"))
        || name.framework == Some("optax")
    {
        told.tell(Sign::Optimizer);
    }
    layers(name, told);
    if name.last.starts_with(|first: char| first.is_ascii_uppercase()) && is_estimator(name) {
        told.tell(Sign::Estimator);
    }
}

fn layers(name: &Name, told: &mut Told) {
    let is_class = name.last.starts_with(|first: char| first.is_ascii_uppercase());
    let layer = match name.framework {
        Some("torch" | "paddle" | "mlx" | "mxnet" | "flax" | "equinox") => name.within("nn") || name.within("linen"),
        Some("haiku") => true,
        Some("keras" | "tensorflow") => name.within("layers"),
        Some("monai" | "torch-geometric" | "timm") => name.within("nn") || name.within("nets") || name.within("layers"),
        _ => false,
    };
    if layer && is_class {
        told.tell(Sign::Layer);
    }
    match name.last {
        "Sequential" if name.framework.is_some() => told.tell(Sign::Assembled),
        "Model" if name.is_of(KERAS) => told.tell(Sign::Assembled),
        _ => {}
    }
}

fn is_optimizer(owner: &str) -> bool {
    ["opt", "optim", "optimizer", "optimiser", "solver", "scaler", "engine", "accelerator"].iter().any(|word| {
        owner.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| !c.is_alphabetic()))
            || owner.strip_suffix(word).is_some_and(|rest| !rest.ends_with(char::is_alphabetic))
    })
}

/// Whether a class is one that learns, of a library whose models all have `fit`.
fn is_estimator(name: &Name) -> bool {
    const PLACES: [&str; 16] = [
        "linear_model",
        "ensemble",
        "svm",
        "neighbors",
        "naive_bayes",
        "tree",
        "neural_network",
        "gaussian_process",
        "cluster",
        "mixture",
        "discriminant_analysis",
        "cross_decomposition",
        "isotonic",
        "semi_supervised",
        "model_selection",
        "pipeline",
    ];
    match name.framework {
        Some("sklearn") => {
            PLACES.iter().any(|place| name.within(place))
                && !name.last.ends_with("Fold")
                && !name.last.ends_with("Split")
        }
        Some("xgboost" | "lightgbm" | "catboost") => {
            ["Classifier", "Regressor", "Ranker", "Model", "CatBoost"].iter().any(|end| name.last.ends_with(end))
        }
        Some("stable-baselines3" | "skorch" | "autogluon" | "deepchem") => true,
        Some("scvi") => name.within("model"),
        Some("keras" | "tensorflow") => matches!(name.last, "Sequential" | "Model") || name.within("applications"),
        Some("fastai") => name.last.ends_with("Learner"),
        Some("mxnet" | "monai") => false,
        _ => false,
    }
}
