//! Arrays that lie beside a model and are its values: they look like data, and are parts of it.
//!
//! Orbax, T5X and Megatron keep a zarr array a parameter below the directory of the checkpoint; joblib before 0.10 kept
//! each array of a pickle in a file of its own, which the pickle names.

use std::collections::BTreeMap;

use super::{Group, listed, trees};
use crate::model::{Fact, Locator, Role, Sighting, Weights};

/// Formats whose directories may hold arrays that are theirs.
const STORES: [&str; 6] = ["orbax", "torch-dcp", "megatron-dist", "nemo", "nemo-checkpoint", "flax-msgpack"];

/// Moves such arrays to their models; returns the rest of the data.
pub(super) fn claim<'s>(groups: &mut [Group<'s>], data: Vec<&'s Sighting>) -> Vec<&'s Sighting> {
    let mut stores: BTreeMap<Locator, usize> = BTreeMap::new();
    let mut named: BTreeMap<Locator, usize> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        if let Some(place) = store(group) {
            stores.entry(place).or_insert(index);
        }
        let directory = group.primary.locator.parent();
        let names = group.draft.fact.weights().map(|weights| weights.external_data.as_slice()).unwrap_or_default();
        named.extend(names.iter().map(|name| (listed(&directory, name), index)));
    }
    if stores.is_empty() && named.is_empty() {
        return data;
    }
    let mut rest = Vec::new();
    let mut touched: BTreeMap<usize, Weights> = BTreeMap::new();
    for file in data {
        let of_store = || if file.format.starts_with("zarr") { within(&stores, &file.locator) } else { None };
        let Some(index) = named.get(&file.locator).copied().or_else(of_store) else {
            rest.push(file);
            continue;
        };
        let Some(group) = groups.get_mut(index) else { continue };
        add(touched.entry(index).or_default(), file);
        group.others.push(file);
    }
    for (index, sum) in touched {
        let Some(group) = groups.get_mut(index) else { continue };
        group.others.sort_by(|a, b| a.locator.cmp(&b.locator));
        if let Fact::Weights(weights) = &mut group.draft.fact
            && weights.parameter_count.is_none()
            && weights.layout.as_deref().is_some_and(|layout| layout.starts_with("zarr"))
        {
            weights.parameter_count = sum.parameter_count;
            weights.tensor_count = sum.tensor_count;
            weights.state_elements = weights.state_elements.or(sum.state_elements);
            weights.has_optimizer = weights.has_optimizer.or(sum.has_optimizer);
        }
    }
    rest
}

/// The directory below which arrays are a model's own.
fn store(group: &Group) -> Option<Locator> {
    let primary = group.primary;
    if !STORES.contains(&primary.format.as_str()) {
        return None;
    }
    if primary.role == Role::Tree {
        return Some(trees::place(primary));
    }
    // T5X describes its arrays in a file of this name; any other tree of Flax holds its values itself.
    (primary.locator.base_name() == b"checkpoint").then(|| primary.locator.parent())
}

fn within(stores: &BTreeMap<Locator, usize>, locator: &Locator) -> Option<usize> {
    let mut around = locator.around();
    while let Some(place) = around {
        if let Some(&index) = stores.get(&place) {
            return Some(index);
        }
        around = place.around();
    }
    None
}

/// Counts an array as a parameter, or as state where the name of its directory begins with that of an optimizer.
fn add(sum: &mut Weights, array: &Sighting) {
    let Some(shape) = array.fact.dataset().and_then(|dataset| dataset.shape.as_ref()) else { return };
    let elements = shape.iter().fold(1u64, |product, &extent| product.saturating_mul(extent));
    let folder = array.locator.parent();
    let name = if array.locator.base_name().starts_with(b".z") || array.locator.base_name() == b"zarr.json" {
        folder.base_name()
    } else {
        array.locator.base_name()
    };
    if name.starts_with(b"optim") || name.starts_with(b"opt_state") {
        sum.has_optimizer = Some(true);
        sum.state_elements = Some(sum.state_elements.unwrap_or(0).saturating_add(elements));
    } else {
        sum.parameter_count = Some(sum.parameter_count.unwrap_or(0).saturating_add(elements));
        sum.tensor_count = Some(sum.tensor_count.unwrap_or(0).saturating_add(1));
    }
}
