//! The tensors under a value, by the names a state dictionary would give them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::super::ProbeError;
use super::super::pickle::{Id, Node, Tree, Visits};
use super::super::tensors::Tensors;
use super::tensor::{Tensor, tensor};
use crate::model::Weights;

/// Most values looked at while tensors are named, and again while parts are told apart. A checkpoint costs one a
/// tensor and module.
const MAX_VISITS: u32 = 500_000;
/// Deepest nesting of modules.
const MAX_DEPTH: u8 = 64;
/// Deepest nesting in which a tensor makes its dictionary a part of the model: Megatron's are five deep.
const MAX_PART_DEPTH: u8 = 6;
/// Members of a list among which a network is looked for.
const MAX_MEMBERS: usize = 64;
/// Longest name of a tensor; the rest is cut.
const MAX_NAME: usize = 512;
/// Attributes of an object among which those of a module are looked for; PyTorch sets them first.
const MAX_ATTRIBUTES: usize = 128;

/// A budget for telling parts apart.
pub(super) fn visits() -> Visits {
    Visits::new(MAX_VISITS)
}

/// A key as a part of a name.
pub(super) fn key(tree: &Tree, id: Id) -> Option<Cow<'_, str>> {
    match tree.node(id) {
        Node::Str(text) => Some(Cow::Borrowed(text)),
        Node::Int(value) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

fn attribute(tree: &Tree, id: Id, name: &str) -> Option<Id> {
    let mut attributes = tree.attributes(id)?.iter().take(MAX_ATTRIBUTES);
    attributes.find(|(key, _)| tree.text(*key) == Some(name)).map(|(_, value)| *value)
}

/// Whether it is a pickled `torch.nn.Module`, of whatever class.
pub(in super::super) fn is_module(tree: &Tree, id: Id) -> bool {
    attribute(tree, id, "_parameters").is_some() && attribute(tree, id, "_modules").is_some()
}

/// Whether it is what an optimizer's `state_dict()` returns.
pub(super) fn is_optimizer(tree: &Tree, id: Id) -> bool {
    let has = |name| field(tree, id, name).is_some();
    has("state") && has("param_groups")
}

/// The value under a text key, among the first of a dictionary.
pub(super) fn field(tree: &Tree, id: Id, name: &str) -> Option<Id> {
    let mut entries = tree.entries(id)?.iter().take(MAX_ATTRIBUTES);
    entries.find(|(key, _)| tree.text(*key) == Some(name)).map(|(_, value)| *value)
}

/// Whether it is a dictionary, by text keys all the way down, in which there is a tensor or a module; or a list of
/// state dictionaries or modules.
pub(super) fn holds_tensors(tree: &Tree, id: Id, visits: &mut Visits) -> bool {
    if tree.entries(id).is_some() {
        return search(tree, id, MAX_PART_DEPTH, visits);
    }
    let members = tree.items(id).unwrap_or_default().iter().take(MAX_MEMBERS);
    members.copied().any(|member| visits.take() && is_network(tree, member))
}

/// Whether it is a module, or a dictionary of tensors that are named as those of modules are.
fn is_network(tree: &Tree, id: Id) -> bool {
    let of_module = |name: &str| name.contains('.') || matches!(name, "weight" | "bias");
    let mut entries = tree.entries(id).unwrap_or_default().iter().take(MAX_ATTRIBUTES);
    let named = |&(key, value): &(Id, Id)| tree.text(key).is_some_and(of_module) && tensor(tree, value).is_some();
    is_module(tree, id) || entries.any(named)
}

fn search(tree: &Tree, id: Id, depth: u8, visits: &mut Visits) -> bool {
    if !visits.take() {
        return false;
    }
    if tensor(tree, id).is_some() || is_module(tree, id) {
        return true;
    }
    let Some(depth) = depth.checked_sub(1) else { return false };
    let by_text = |key: Id| tree.text(key).is_some();
    tree.entries(id).unwrap_or_default().iter().any(|&(key, value)| by_text(key) && search(tree, value, depth, visits))
}

/// Whether there is a tensor anywhere under it, whatever its keys.
pub(super) fn holds_any(tree: &Tree, id: Id, depth: u8, visits: &mut Visits) -> bool {
    if !visits.take() {
        return false;
    }
    if tensor(tree, id).is_some() {
        return true;
    }
    let Some(depth) = depth.checked_sub(1) else { return false };
    let mut values = tree.entries(id).unwrap_or_default().iter().map(|&(_, value)| value);
    let mut items = tree.items(id).unwrap_or_default().iter().copied();
    values.any(|value| holds_any(tree, value, depth, visits)) || items.any(|item| holds_any(tree, item, depth, visits))
}

/// Names and sums up the tensors of a model.
pub(super) struct Collector<'t> {
    tree: &'t Tree,
    sum: Tensors,
    /// Elements of each storage, and whether a second name uses one.
    storages: BTreeMap<&'t str, u64>,
    shared: bool,
    /// What the walk may still cost.
    pub(super) visits: Visits,
    /// Whether attributes of any object are named: those of a script module are its tensors.
    through_objects: bool,
    name: String,
}

impl<'t> Collector<'t> {
    /// A collector over dictionaries and modules.
    pub(super) fn new(tree: &'t Tree) -> Collector<'t> {
        Collector {
            tree,
            sum: Tensors::default(),
            storages: BTreeMap::new(),
            shared: false,
            visits: Visits::new(MAX_VISITS),
            through_objects: false,
            name: String::new(),
        }
    }

    /// A collector over script modules.
    pub(super) fn of_scripts(tree: &'t Tree) -> Collector<'t> {
        Collector { through_objects: true, ..Collector::new(tree) }
    }

    /// Adds the tensors under `id`, their names beginning with `prefix`.
    ///
    /// # Errors
    /// [`ProbeError::Malformed`] where their elements are more than 64 bits count.
    pub(super) fn add(&mut self, prefix: &str, id: Id) -> Result<(), ProbeError> {
        self.name.clear();
        self.push_name(prefix);
        self.collect(id, MAX_DEPTH)
    }

    fn push_name(&mut self, part: &str) {
        if !self.name.is_empty() && !part.is_empty() {
            self.name.push('.');
        }
        let left = MAX_NAME.saturating_sub(self.name.len());
        self.name.extend(part.chars().take(left));
    }

    fn child(&mut self, part: &str, id: Id, depth: u8) -> Result<(), ProbeError> {
        let length = self.name.len();
        self.push_name(part);
        let done = self.collect(id, depth);
        self.name.truncate(length);
        done
    }

    fn collect(&mut self, id: Id, depth: u8) -> Result<(), ProbeError> {
        if !self.visits.take() {
            return Ok(());
        }
        if let Some(tensor) = tensor(self.tree, id) {
            return self.take(&tensor);
        }
        let Some(depth) = depth.checked_sub(1) else {
            self.visits.spent = true;
            return Ok(());
        };
        if is_module(self.tree, id) {
            return self.module(id, depth);
        }
        let attributes = self.tree.attributes(id).filter(|_| self.through_objects);
        if let Some(entries) = self.tree.entries(id).or(attributes) {
            return self.entries(entries, depth, None);
        }
        let state = self.tree.object(id).and_then(|object| object.state).filter(|_| self.through_objects);
        let items = self.tree.items(state.unwrap_or(id)).unwrap_or_default();
        for (index, &item) in items.iter().enumerate() {
            self.child(&index.to_string(), item, depth)?;
        }
        Ok(())
    }

    fn entries(&mut self, entries: &'t [(Id, Id)], depth: u8, without: Option<&[Id]>) -> Result<(), ProbeError> {
        for &(name, value) in entries {
            let Some(part) = key(self.tree, name) else { continue };
            let left_out = without.unwrap_or_default().iter();
            if left_out.take(MAX_ATTRIBUTES).any(|&other| self.tree.text(other) == Some(part.as_ref())) {
                continue;
            }
            self.child(&part, value, depth)?;
        }
        Ok(())
    }

    /// What `state_dict()` of a module names: its parameters, its persistent buffers, and those of its modules.
    fn module(&mut self, id: Id, depth: u8) -> Result<(), ProbeError> {
        let hidden = attribute(self.tree, id, "_non_persistent_buffers_set");
        let hidden = hidden.and_then(|set| self.tree.set_items(set));
        for (name, without) in [("_parameters", None), ("_buffers", hidden), ("_modules", None)] {
            let part = attribute(self.tree, id, name).and_then(|part| self.tree.entries(part));
            self.entries(part.unwrap_or_default(), depth, without)?;
        }
        Ok(())
    }

    fn take(&mut self, tensor: &Tensor<'t>) -> Result<(), ProbeError> {
        self.sum.add(&self.name, tensor.dtype, &tensor.shape)?;
        if let Some(storage) = &tensor.storage {
            self.shared |= self.storages.insert(storage.key, storage.elements).is_some();
        }
        Ok(())
    }

    /// Writes the sums into the facts.
    pub(super) fn fill(self, weights: &mut Weights) {
        if self.shared {
            weights.shared_storage = Some(true);
            weights.unique_storage_elements =
                Some(self.storages.values().fold(0, |sum: u64, elements| sum.saturating_add(*elements)));
        }
        self.sum.fill(weights);
    }
}

/// What is known of optimizers: tensors and parameters they keep state of.
#[derive(Default)]
pub(super) struct OptimizerSum {
    pub(super) elements: u64,
    pub(super) params: u64,
}

impl OptimizerSum {
    /// Adds an optimizer's state dictionary, a list of them, or a dictionary around one.
    pub(super) fn add(&mut self, tree: &Tree, id: Id, visits: &mut Visits) {
        if !self.add_states(tree, id, 3, visits) {
            // Partitioned optimizers (ZeRO) keep flat groups instead of a state a parameter.
            self.add_tensors(tree, id, MAX_PART_DEPTH, visits);
        }
    }

    fn add_states(&mut self, tree: &Tree, id: Id, depth: u8, visits: &mut Visits) -> bool {
        if !visits.take() {
            return false;
        }
        if is_optimizer(tree, id) {
            let states = field(tree, id, "state").and_then(|state| tree.entries(state)).unwrap_or_default();
            self.params = self.params.saturating_add(states.len() as u64);
            for &(_, state) in states {
                self.add_tensors(tree, state, MAX_PART_DEPTH, visits);
            }
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        let mut found = false;
        for &(_, value) in tree.entries(id).unwrap_or_default() {
            found |= self.add_states(tree, value, depth, visits);
        }
        for &item in tree.items(id).unwrap_or_default() {
            found |= self.add_states(tree, item, depth, visits);
        }
        found
    }

    fn add_tensors(&mut self, tree: &Tree, id: Id, depth: u8, visits: &mut Visits) {
        if !visits.take() {
            return;
        }
        if let Some(tensor) = tensor(tree, id) {
            self.elements = self.elements.saturating_add(tensor.elements());
            return;
        }
        let Some(depth) = depth.checked_sub(1) else { return };
        for &(_, value) in tree.entries(id).unwrap_or_default() {
            self.add_tensors(tree, value, depth, visits);
        }
        for &item in tree.items(id).unwrap_or_default() {
            self.add_tensors(tree, item, depth, visits);
        }
    }
}
