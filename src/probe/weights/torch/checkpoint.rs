//! Dictionaries: a state dictionary, a training checkpoint around one, an optimizer's state, or a companion of these.
//!
//! The keys are those that the frameworks write: Lightning (`state_dict`, `pytorch-lightning_version`), DeepSpeed
//! (`module`, `global_steps`, `ds_version`), Megatron (`model`, `iteration`, `checkpoint_version`), fairseq (`model`,
//! `extra_state`, `last_optimizer_state`), timm and torchvision (`model`, `model_ema`), Ultralytics (`model` and `ema`
//! are whole modules), and what hand-written loops use.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::super::{Finding, ProbeError};
use super::super::pickle::{Id, Tree, Visits};
use super::tensor::{shape, tensor, whole_number};
use super::{MAX_KEYS, NOTHING, counters, note_spent, of_kind, parts, plain_name, value};
use crate::model::{Weights, publishable};

/// Most rows of a root that are told apart.
const MAX_ROWS: usize = 500_000;
/// Longest key that says what is under it.
const MAX_ROLE: usize = 64;
/// Longest tuple or list whose members are taken for a checkpoint's parts.
const MAX_TUPLE: usize = 16;

const MODEL_KEYS: [&str; 10] = [
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "model_state",
    "net",
    "network",
    "weights",
    "params",
    "models",
];
const ARGS_KEYS: [&str; 7] =
    ["args", "training_args", "train_args", "opt", "config", "cfg", "datamodule_hyper_parameters"];
const HYPER_KEYS: [&str; 7] =
    ["hyper_parameters", "hyperparameters", "hparams", "model_args", "model_config", "config", "cfg"];
const RNG_KEYS: [&str; 12] = [
    "python",
    "numpy",
    "cpu",
    "cuda",
    "torch",
    "xpu",
    "npu",
    "mlu",
    "musa",
    "hpu",
    "torch_rng_state",
    "cuda_rng_state",
];
const SCALER_KEYS: [&str; 3] = ["scale", "growth_factor", "backoff_factor"];

/// What a key says of the value under it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Optimizer,
    Average,
    Bookkeeping,
    Unknown,
}

fn role(key: &str) -> Role {
    const BOOKKEEPING: [&str; 15] = [
        "sched",
        "rng",
        "random",
        "scaler",
        "loops",
        "callbacks",
        "extra_state",
        "task_state",
        "criterion",
        "loss",
        "metric",
        "param_shapes",
        "sampler",
        "dataloader",
        "shared_params",
    ];
    if key.len() > MAX_ROLE {
        return Role::Unknown;
    }
    let key = key.to_ascii_lowercase();
    let words = || key.split(|c: char| !c.is_ascii_alphanumeric());
    if key.contains("optim") {
        Role::Optimizer
    } else if words().any(|word| matches!(word, "ema" | "shadow" | "swa")) || key.contains("moving_average") {
        Role::Average
    } else if BOOKKEEPING.iter().any(|word| key.contains(word)) || words().any(|word| word == "amp") {
        Role::Bookkeeping
    } else {
        Role::Unknown
    }
}

/// One key and value of the root.
pub(super) type Row<'t> = (Cow<'t, str>, Id);

/// Keys and values of the root; members of a tuple by their number.
pub(super) fn rows(tree: &Tree, root: Id) -> Vec<Row<'_>> {
    if let Some(entries) = tree.entries(root) {
        return entries
            .iter()
            .take(MAX_ROWS)
            .filter_map(|&(key, value)| Some((parts::key(tree, key)?, value)))
            .collect();
    }
    let items = tree.items(root).filter(|items| items.len() <= MAX_TUPLE).unwrap_or_default();
    items.iter().enumerate().map(|(index, &item)| (Cow::Owned(index.to_string()), item)).collect()
}

/// The tensors of the model within a file.
enum Model {
    /// The root is the state dictionary.
    Root,
    /// Under these keys.
    Parts(Vec<usize>),
    /// There is none.
    Missing,
}

/// The facts of a dictionary that is not data.
pub(super) fn describe(tree: &Tree, root: Id, rows: &[Row], visits: &mut Visits) -> Result<Finding, ProbeError> {
    if let Some(companion) = companion(tree, root, rows) {
        return Ok(super::weights(companion));
    }
    let model = find_model(tree, rows, visits);
    let optimizers: Vec<Id> = rows.iter().filter(|row| is_optimizer(tree, row)).map(|&(_, id)| id).collect();
    let kind = kind(tree, root, rows, &model, !optimizers.is_empty(), visits);
    let mut weights = of_kind(kind);
    let mut tensors = parts::Collector::new(tree);
    match &model {
        Model::Root => tensors.add("", root)?,
        Model::Parts(found) => add_parts(tree, rows, found, &mut tensors, &mut weights, visits)?,
        Model::Missing => {}
    }
    let spent = tensors.visits.spent;
    if !matches!(model, Model::Missing) {
        tensors.fill(&mut weights);
    }
    if kind == TRAINING {
        weights.has_optimizer = Some(!optimizers.is_empty());
        fill_from_shapes(tree, rows, &mut weights, visits);
    }
    if !optimizers.is_empty() {
        add_optimizers(tree, &optimizers, &mut weights, visits);
    }
    let format = if matches!(model, Model::Root) { None } else { lift(tree, rows, &mut weights) };
    let mut finding = super::weights(weights);
    finding.format = format;
    note_spent(&mut finding, spent || visits.spent);
    Ok(finding)
}

const TRAINING: &str = "training_checkpoint";

fn kind(tree: &Tree, root: Id, rows: &[Row], model: &Model, optimizer: bool, visits: &mut Visits) -> &'static str {
    match model {
        // Tensors in a list have no names to be loaded by.
        Model::Root if tree.entries(root).is_none() => "tensors",
        Model::Root => "state_dict",
        Model::Parts(found) => {
            let mut others = rows.iter().enumerate().filter(|(index, _)| found.binary_search(index).is_err());
            let only_averages = others.all(|(_, (key, _))| role(key) == Role::Average);
            if only_averages { "state_dict" } else { TRAINING }
        }
        Model::Missing if optimizer => "optimizer_state",
        Model::Missing if rows.iter().any(|&(_, id)| parts::holds_any(tree, id, 4, visits)) => "tensors",
        Model::Missing => NOTHING,
    }
}

/// DeepSpeed at its third stage saves empty tensors, since every rank has a part of each, and their true shapes beside.
fn fill_from_shapes(tree: &Tree, rows: &[Row], weights: &mut Weights, visits: &mut Visits) {
    let Some(groups) = find(rows, &["param_shapes"]).and_then(|groups| tree.items(groups)) else { return };
    let shapes = groups.iter().take(MAX_TUPLE).filter_map(|&group| tree.entries(group)).flatten();
    let shapes = shapes.take_while(|_| visits.take());
    let (mut count, mut elements) = (0u64, 0u64);
    for shape in shapes.filter_map(|&(_, size)| shape(tree, size)) {
        count = count.saturating_add(1);
        elements =
            elements.saturating_add(shape.iter().fold(1, |product: u64, &extent| product.saturating_mul(extent)));
    }
    if weights.parameter_count.is_some_and(|counted| counted < elements) {
        (weights.parameter_count, weights.tensor_count) = (Some(elements), Some(count));
        // Of the empty ones: they say nothing of the whole.
        weights.dtypes.clear();
        weights.structure = None;
    }
}

/// Files that a checkpoint of several files keeps beside its weights.
fn companion(tree: &Tree, root: Id, rows: &[Row]) -> Option<Weights> {
    let has = |name: &str| rows.iter().any(|(key, _)| key == name);
    if parts::is_optimizer(tree, root) {
        let mut weights = of_kind("optimizer_state");
        weights.parameter_count = Some(0);
        let mut visits = parts::visits();
        add_optimizers(tree, &[root], &mut weights, &mut visits);
        return Some(weights);
    }
    if has("last_epoch") && (has("_step_count") || has("base_lrs") || has("_last_lr")) {
        let mut weights = of_kind("scheduler_state");
        weights.global_step = find(rows, &["last_epoch"]).and_then(|id| whole_number(tree, id));
        return Some(weights);
    }
    if SCALER_KEYS.iter().all(|key| has(key)) {
        return Some(of_kind("scaler_state"));
    }
    if !rows.is_empty() && rows.iter().all(|(key, _)| RNG_KEYS.contains(&key.as_ref())) {
        return Some(of_kind("rng_state"));
    }
    None
}

/// Whether what is under the key counts for itself, or is a plan: optimizers, schedulers, arguments.
pub(super) fn is_aside(key: &str) -> bool {
    role(key) != Role::Unknown || ARGS_KEYS.contains(&key) || HYPER_KEYS.contains(&key)
}

pub(super) fn find(rows: &[Row], keys: &[&str]) -> Option<Id> {
    keys.iter().find_map(|key| rows.iter().find(|(other, _)| other == key).map(|&(_, id)| id))
}

fn is_optimizer(tree: &Tree, (key, id): &Row) -> bool {
    let filled = tree.entries(*id).map_or_else(|| tree.items(*id).map_or(0, <[Id]>::len), <[_]>::len) > 0;
    parts::is_optimizer(tree, *id) || role(key) == Role::Optimizer && filled
}

fn add_optimizers(tree: &Tree, optimizers: &[Id], weights: &mut Weights, visits: &mut Visits) {
    let mut sum = parts::OptimizerSum::default();
    for &optimizer in optimizers {
        sum.add(tree, optimizer, visits);
    }
    weights.state_elements = Some(sum.elements);
    weights.optimizer_params = Some(sum.params).filter(|&params| params > 0);
}

/// Which of the rows are the model.
///
/// A known key with tensors under it wins, then every other part with tensors that is neither an optimizer's nor an
/// average of another (two networks that are trained against each other), then an average alone. Tensors directly in
/// the root make the root the state dictionary, unless a part was found first: a checkpoint may keep its step as one.
fn find_model(tree: &Tree, rows: &[Row], visits: &mut Visits) -> Model {
    let direct = rows.iter().filter(|(_, id)| tensor(tree, *id).is_some()).count();
    let mut holds = |id| parts::is_module(tree, id) || parts::holds_tensors(tree, id, visits);
    let dotted = |(key, id): &&Row| key.contains('.') && tensor(tree, *id).is_some();
    if rows.iter().find(dotted).is_some() {
        return Model::Root;
    }
    for key in MODEL_KEYS {
        if let Some(index) =
            rows.iter().position(|(other, id)| other == key && tensor(tree, *id).is_none() && holds(*id))
        {
            return Model::Parts(vec![index]);
        }
    }
    let mut of_role = |wanted: Role| -> Vec<usize> {
        let nested = |(_, id): &Row| tensor(tree, *id).is_none();
        let rows = rows.iter().enumerate();
        let rows = rows.filter(|(_, row)| role(&row.0) == wanted && nested(row) && !is_optimizer(tree, row));
        rows.filter(|(_, (_, id))| holds(*id)).map(|(index, _)| index).collect()
    };
    let parts = of_role(Role::Unknown);
    let few_direct = direct <= parts.len() || direct.saturating_mul(2) < rows.len();
    if !parts.is_empty() && few_direct {
        return Model::Parts(parts);
    }
    if direct > 0 && direct.saturating_mul(2) >= rows.len() {
        return Model::Root;
    }
    let averages = of_role(Role::Average);
    match averages.first() {
        Some(&first) => Model::Parts(vec![first]),
        None => Model::Missing,
    }
}

/// Adds the model's parts; a single one also names its path and class.
fn add_parts(
    tree: &Tree,
    rows: &[Row],
    found: &[usize],
    tensors: &mut parts::Collector,
    weights: &mut Weights,
    visits: &mut Visits,
) -> Result<(), ProbeError> {
    if let [index] = found
        && let Some((key, id)) = rows.get(*index)
    {
        let (path, id) = innermost(tree, key, *id, visits);
        weights.model_key = Some(publishable("", &path));
        weights.architecture =
            tree.class(id).filter(|_| parts::is_module(tree, id)).map(|class| publishable("", plain_name(class)));
        return tensors.add("", id);
    }
    for (key, id) in found.iter().filter_map(|&index| rows.get(index)) {
        tensors.add(key, *id)?;
    }
    Ok(())
}

/// Goes down while there is exactly one dictionary with tensors and no tensor beside it.
fn innermost(tree: &Tree, key: &str, mut id: Id, visits: &mut Visits) -> (String, Id) {
    const MAX_LEVELS: usize = 3;
    let mut path = key.to_owned();
    for _ in 0..MAX_LEVELS {
        let Some(entries) = tree.entries(id) else { break };
        if entries.iter().any(|&(_, value)| tensor(tree, value).is_some()) {
            break;
        }
        let mut nested = entries.iter().filter(|&&(_, value)| parts::holds_tensors(tree, value, visits));
        let (Some(&(name, value)), None) = (nested.next(), nested.next()) else { break };
        let Some(name) = tree.text(name) else { break };
        path = format!("{path}.{name}");
        id = value;
    }
    (path, id)
}

/// Takes over what a checkpoint keeps beside the weights; returns the format that its keys prove.
fn lift(tree: &Tree, rows: &[Row], weights: &mut Weights) -> Option<&'static str> {
    let named = |keys: &[&str]| find(rows, keys).filter(|&id| !tree.is_none(id));
    let text = |key: &str| value::text(tree, key, find(rows, &[key])?);
    weights.top_level_keys = rows.iter().take(MAX_KEYS).map(|(key, _)| publishable("", key)).collect();
    weights.epoch = counters::epoch(tree, rows);
    weights.global_step = counters::step(tree, rows);
    weights.wandb_run_id = text("wandb_run_id").or_else(|| text("wandb_id"));
    weights.license = text("license");
    weights.architecture = weights.architecture.take().or_else(|| text("arch"));
    weights.producer = text("ds_version").map(|version| format!("deepspeed {version}"));
    weights.framework_version = text("pytorch-lightning_version");

    let mut used = None;
    for key in ARGS_KEYS {
        let args = named(&[key]).map(|id| value::arguments(tree, id)).unwrap_or_default();
        if !args.is_empty() {
            (weights.args, used) = (args, Some(key));
            break;
        }
    }
    let hyper = HYPER_KEYS.iter().filter(|key| Some(**key) != used);
    let hyper = hyper.filter_map(|key| named(&[key])).map(|id| value::arguments(tree, id));
    weights.hyper_parameters = hyper.into_iter().find(|fields| !fields.is_empty()).unwrap_or_else(BTreeMap::new);
    weights.framework_version.is_some().then_some("lightning-ckpt")
}
