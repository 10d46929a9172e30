//! What a PyTorch file says, whatever it is wrapped in: the tree of its pickle to facts.
//!
//! A file of PyTorch holds whatever its author gave `torch.save`: weights, a whole training state, one half of it, or
//! data. What it is, is decided by structure: where the tensors are, and which of the keys that training frameworks
//! write are around them. Files that hold no weights (schedulers, generators, arguments) get a kind of their own, so
//! that nobody counts them as models.

mod checkpoint;
mod counters;
mod data;
mod parts;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

use super::super::{Finding, ProbeError};
use super::pickle::{Global, Id, Node, Pickle, Tree};
use crate::model::{Cause, Fact, Weights, publishable};

pub(super) use parts::is_module;
pub(super) use tensor::{Storage, dtype_name, shape, storage};

/// Most globals and keys that are listed.
const MAX_KEYS: usize = 200;
/// The kind of a file that holds no tensor and none of the known states.
const NOTHING: &str = "other";
/// Elements of the state of PyTorch's generator on a processor.
const GENERATOR_STATE: u64 = 5056;

/// Element type and shape of a pickled numpy array.
pub(super) fn array(tree: &Tree, id: Id) -> Option<(&str, Vec<u64>)> {
    tensor::array(tree, id).map(|tensor| (tensor.dtype, tensor.shape))
}

/// Everything the pickle of a PyTorch file says.
///
/// # Errors
/// [`ProbeError`] where the pickle broke off before anything could be told of it, or its sums do not hold.
pub(super) fn describe(pickle: &Pickle, container: &str) -> Result<Finding, ProbeError> {
    let (tree, root) = (&pickle.tree, pickle.root);
    let mut finding = describe_root(tree, root)?;
    if let Fact::Weights(weights) = &mut finding.fact {
        weights.container = Some(container.to_owned());
        weights.pickle_globals = globals(tree);
    }
    if let Some(stopped) = &pickle.stopped {
        finding.notes.push((stopped.cause(), format!("{stopped}; what follows was not read")));
    }
    Ok(finding)
}

/// What the main pickle of a TorchScript archive says: the attributes of its modules are its tensors.
///
/// # Errors
/// As [`describe`].
pub(super) fn describe_script(pickle: &Pickle) -> Result<Finding, ProbeError> {
    let tree = &pickle.tree;
    let mut weights = Weights { container: Some("zip".to_owned()), ..of_kind("torchscript") };
    let mut tensors = parts::Collector::of_scripts(tree);
    tensors.add("", pickle.root)?;
    let spent = tensors.visits.spent;
    tensors.fill(&mut weights);
    weights.pickle_globals = globals(tree);
    weights.classes = own_classes(&weights.pickle_globals);
    weights.pickle_root_class = root_class(tree, pickle.root);
    weights.architecture = tree.class(pickle.root).map(|class| publishable("", plain_name(class)));
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    finding.format = Some("torchscript");
    note_spent(&mut finding, spent);
    if let Some(stopped) = &pickle.stopped {
        finding.notes.push((stopped.cause(), format!("{stopped}; what follows was not read")));
    }
    Ok(finding)
}

/// Libraries whose modules everyone has: a script made of them shows no architecture of one's own.
const LIBRARIES: [&str; 20] = [
    "torch",
    "torchvision",
    "torchaudio",
    "torchtext",
    "transformers",
    "timm",
    "ultralytics",
    "detectron2",
    "mmdet",
    "mmcv",
    "monai",
    "lightning",
    "pytorch_lightning",
    "sentence_transformers",
    "segmentation_models_pytorch",
    "fairseq",
    "espnet",
    "espnet2",
    "nemo",
    "open_clip",
];

/// Whether a module of a script is of nobody's library.
pub(super) fn is_own(module: &str) -> bool {
    let first = module.split('.').next().unwrap_or_default();
    !LIBRARIES.contains(&first)
}

/// Classes of a script that are of nobody's library, as they were called before they were scripted.
fn own_classes(globals: &[String]) -> Vec<String> {
    let plain = |name: &String| {
        let parts = name.strip_prefix("__torch__.")?.split('.');
        let kept: Vec<&str> = parts.filter(|part| !part.starts_with("___torch_mangle")).collect();
        Some(kept.join(".")).filter(|name| is_own(name))
    };
    let mut classes: Vec<String> = globals.iter().filter_map(plain).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

fn describe_root(tree: &Tree, root: Id) -> Result<Finding, ProbeError> {
    let mut visits = parts::visits();
    if let Some(tensor) = tensor::tensor(tree, root)
        && (tensor.dtype, tensor.elements()) == ("uint8", GENERATOR_STATE)
    {
        return Ok(weights(of_kind("rng_state")));
    }
    if parts::is_module(tree, root) {
        return module(tree, root);
    }
    if let Some(dataset) = data::data(tree, root, &mut visits) {
        return Ok(Finding::new(Fact::Dataset(Box::new(dataset))));
    }
    let rows = checkpoint::rows(tree, root);
    if !rows.is_empty() {
        return checkpoint::describe(tree, root, &rows, &mut visits);
    }
    Ok(weights(object(tree, root)?))
}

/// Whether anything was recognised in a file that is known to be broken.
pub(super) fn says_something(fact: &Fact) -> bool {
    fact.weights().is_none_or(|weights| !matches!(weights.kind.as_deref(), None | Some(NOTHING | "pickled_object")))
}

fn of_kind(kind: &str) -> Weights {
    Weights { kind: Some(kind.to_owned()), ..Weights::default() }
}

fn weights(weights: Weights) -> Finding {
    Finding::new(Fact::Weights(Box::new(weights)))
}

fn note_spent(finding: &mut Finding, spent: bool) {
    if spent {
        let detail = "its pickle shares or nests more values than are looked at; sums are of those that were";
        finding.notes.push((Cause::OverBudget, detail.to_owned()));
    }
}

/// A whole module, pickled with the classes it is made of.
fn module(tree: &Tree, root: Id) -> Result<Finding, ProbeError> {
    let mut weights = of_kind("pickled_module");
    let mut tensors = parts::Collector::new(tree);
    tensors.add("", root)?;
    let spent = tensors.visits.spent;
    tensors.fill(&mut weights);
    weights.pickle_root_class = root_class(tree, root);
    weights.architecture = tree.class(root).map(|class| publishable("", plain_name(class)));
    let mut finding = self::weights(weights);
    note_spent(&mut finding, spent);
    Ok(finding)
}

/// A single tensor, arguments of a training, or an object of a class that is not known.
fn object(tree: &Tree, root: Id) -> Result<Weights, ProbeError> {
    if tensor::tensor(tree, root).is_some() {
        let mut weights = of_kind("tensor");
        let mut tensors = parts::Collector::new(tree);
        tensors.add("", root)?;
        tensors.fill(&mut weights);
        return Ok(weights);
    }
    let Some(class) = tree.class(root) else {
        return Ok(of_kind("pickled_object"));
    };
    let args = value::arguments(tree, root);
    let arguments =
        class.is("argparse", "Namespace") || class.name.ends_with("Arguments") || class.name.ends_with("Args");
    let arguments = arguments || args.contains_key("output_dir") && args.contains_key("learning_rate");
    let mut weights = of_kind(if arguments { "training_args" } else { "pickled_object" });
    weights.pickle_root_class = root_class(tree, root);
    weights.args = if arguments { args } else { Default::default() };
    Ok(weights)
}

fn root_class(tree: &Tree, root: Id) -> Option<String> {
    tree.class(root).map(|class| publishable("", &class.dotted()))
}

/// A class's own name, without what scripting mangles in front of it.
fn plain_name(class: &Global) -> &str {
    class.name.rsplit('.').next().unwrap_or(&class.name)
}

/// What loading would import, PyTorch's storage classes aside: sorted, each once.
pub(super) fn globals(tree: &Tree) -> Vec<String> {
    let mut names: Vec<&Global> = tree
        .nodes()
        .filter_map(|node| match node {
            Node::Global(global) if !tensor::is_storage_class(global) => Some(global.as_ref()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut names: Vec<String> = names.into_iter().take(MAX_KEYS).map(|name| publishable("", &name.dotted())).collect();
    names.sort_unstable();
    names
}

/// The storages a pickle refers to, each once, sorted by key.
pub(super) fn storages(tree: &Tree) -> Vec<Storage<'_>> {
    let mut storages: Vec<Storage> = tree.nodes().filter_map(|node| storage(tree, node)).collect();
    storages.sort_by_key(|storage| (storage.key, storage.bytes()));
    storages.dedup_by_key(|storage| storage.key);
    storages
}
