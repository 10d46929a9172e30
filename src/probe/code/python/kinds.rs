//! Signs → what a source is. One strong sign suffices; weak ones count together; an import alone says nothing.

use super::modules;
use super::outline::Outline;
use super::signs::{Sign, Told};

/// Words in the names of files, by what they suggest: a weak sign.
const TRAINING: &[&str] =
    &["train", "trainer", "training", "finetune", "finetuning", "pretrain", "pretraining", "sft", "dpo", "ppo", "grpo"];
const EVALUATION: &[&str] =
    &["eval", "evaluate", "evaluation", "evaluator", "benchmark", "benchmarks", "metrics", "score"];
const INFERENCE: &[&str] = &[
    "infer",
    "inference",
    "predict",
    "prediction",
    "predictor",
    "serve",
    "serving",
    "server",
    "sample",
    "generate",
    "demo",
    "app",
    "api",
    "deploy",
];
const DATA: &[&str] = &[
    "data",
    "dataset",
    "datasets",
    "dataloader",
    "datamodule",
    "preprocess",
    "preprocessing",
    "prepare",
    "process",
    "processing",
    "tokenize",
    "tokenise",
    "etl",
    "features",
    "featurize",
    "ingest",
    "download",
    "split",
    "curate",
    "qc",
    "transform",
    "transforms",
];
/// The few that suggest the data of a training, and not some data.
const PREPARING: &[&str] =
    &["preprocess", "preprocessing", "prepare", "tokenize", "tokenise", "featurize", "curate", "qc"];
/// Libraries of applications: what these do with tables is not for a model.
const WEB: [&str; 6] = ["django", "flask", "fastapi", "requests", "scrapy", "selenium"];
const MODEL: &[&str] = &[
    "model",
    "models",
    "modeling",
    "modelling",
    "network",
    "networks",
    "net",
    "nets",
    "arch",
    "architecture",
    "layers",
    "modules",
    "nn",
];

/// What a source is, if it is anything worth a word.
pub(super) fn kind(outline: &Outline, stem: &str) -> Option<&'static str> {
    let told = &outline.told;
    if is_test(outline, stem) {
        return None;
    }
    if told.has(Sign::Orchestration) {
        return Some("orchestration");
    }
    let words = words(stem);
    let named = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let is_learning = modules::leading(outline.modules.iter().map(String::as_str)).is_some();

    let trains = trains(told) || trains_by_weak_signs(told, named(TRAINING), is_learning);
    let evaluates = told.has(Sign::Benchmark) || (evaluates(told, named(EVALUATION)) && is_learning);
    if evaluates && named(EVALUATION) && !strongly_defines(told) && !trains {
        return Some("evaluation");
    }
    // A base class of the package's own is no network's where nothing is made of layers.
    let forward = if told.has(Sign::Layer) { told.count(Sign::Forward) } else { 0 };
    let modules = told.count(Sign::Module).saturating_add(forward);
    let is_loop = told.has(Sign::Loop) || told.has(Sign::TrainingClass) || named(TRAINING);
    match (trains, modules > 0) {
        (true, true) if (named(MODEL) && !named(TRAINING)) || !is_loop => return Some("model_definition"),
        (true, _) => return Some("training_script"),
        (false, true) if told.has(Sign::TrainingClass) && named(TRAINING) => return Some("training_script"),
        (false, true) if told.count(Sign::DatasetClass) > modules => return Some("data_pipeline"),
        // What changes samples is often written as a network's part.
        (false, true) if named(DATA) && !named(MODEL) && !told.has(Sign::Layer) => return Some("data_pipeline"),
        (false, true) => return Some("model_definition"),
        (false, false) => {}
    }
    if told.has(Sign::TrainingClass) && is_learning {
        return Some("training_script");
    }
    if told.has(Sign::DatasetClass) {
        return Some("data_pipeline");
    }
    let layers = told.count(Sign::Layer);
    if layers >= 3 || (layers > 0 && told.has(Sign::Assembled)) {
        return Some("model_definition");
    }
    if (prepares(told, named(DATA), is_learning) && !named(EVALUATION)) || prepares_plainly(outline, named(PREPARING)) {
        return Some("data_pipeline");
    }
    if evaluates {
        return Some("evaluation");
    }
    (infers(told, named(INFERENCE)) && is_learning).then_some("inference")
}

/// Whether a training is there beyond doubt.
fn trains(told: &Told) -> bool {
    (told.has(Sign::Backward) && told.has(Sign::Step))
        || told.has(Sign::Trainer)
        || (told.has(Sign::Backward) && told.has(Sign::Optimizer))
        || (told.has(Sign::Estimator) && told.has(Sign::Fit))
        || (told.has(Sign::Assembled) && told.has(Sign::Fit))
}

fn trains_by_weak_signs(told: &Told, named: bool, is_learning: bool) -> bool {
    let weak = [
        told.has(Sign::Optimizer),
        told.has(Sign::Backward),
        told.has(Sign::TrainingFunction),
        told.has(Sign::TrainingClass),
        told.has(Sign::Fit),
        told.has(Sign::Loader),
        named,
    ];
    let count = weak.iter().filter(|holds| **holds).count();
    // `fit` is a word of many libraries; an optimizer is of none that does not train.
    let enough = if told.has(Sign::Optimizer) || told.has(Sign::Backward) { 2 } else { 3 };
    let acts = told.has(Sign::Optimizer) || told.has(Sign::Backward) || told.has(Sign::Fit);
    is_learning && acts && count >= enough
}

fn strongly_defines(told: &Told) -> bool {
    told.count(Sign::Module) > 2
}

fn evaluates(told: &Told, named: bool) -> bool {
    let measures = told.has(Sign::Metric) || told.has(Sign::EvaluationFunction) || named;
    let uses = told.has(Sign::Load) || told.has(Sign::Frozen) || told.has(Sign::Use);
    measures
        && uses
        && (told.has(Sign::Metric) || named || told.has(Sign::EvaluationFunction) && told.has(Sign::Frozen))
}

fn infers(told: &Told, named: bool) -> bool {
    let weak = [told.has(Sign::LoadPath), told.has(Sign::Use), told.has(Sign::Frozen), told.has(Sign::Serve), named];
    told.has(Sign::Load) && weak.contains(&true)
}

fn prepares(told: &Told, named: bool, is_learning: bool) -> bool {
    if told.has(Sign::ShardWriter) {
        return true;
    }
    if told.has(Sign::Prepare) && (told.has(Sign::Write) || told.has(Sign::Read)) {
        return true;
    }
    let is_loading = told.has(Sign::Load) || told.has(Sign::Use);
    let weak = [told.has(Sign::Read), told.has(Sign::Write), told.has(Sign::Split), told.has(Sign::Loader), named];
    let count = weak.iter().filter(|holds| **holds).count();
    let acts = told.has(Sign::Read) || told.has(Sign::Split) || told.has(Sign::Loader);
    is_learning && acts && count >= 2 && (!is_loading || named)
}

/// Whether tables are made into others, in a file that says what for.
fn prepares_plainly(outline: &Outline, named: bool) -> bool {
    let is_web = outline.modules.iter().any(|module| WEB.contains(&module.as_str()));
    named && !is_web && outline.told.has(Sign::Read) && outline.told.has(Sign::Write)
}

/// Whether a source is a test of others, as pytest and unittest find them.
fn is_test(outline: &Outline, stem: &str) -> bool {
    let tests = outline.told.count(Sign::Test);
    let is_named = stem.starts_with("test_") || stem.ends_with("_test") || stem == "conftest";
    let all = outline.functions.len().saturating_add(outline.classes.len());
    (is_named && tests > 0) || (tests > 1 && tests as usize >= all.div_ceil(2)) || stem == "conftest"
}

/// The words of a name: `trainSFT_v2` → train, sft, v2.
fn words(stem: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in stem.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        was_lower = c.is_lowercase();
    }
    words
}
