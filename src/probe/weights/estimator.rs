//! What a fitted estimator's attributes say: scikit-learn's conventions, which most Python libraries keep.
//!
//! Attributes that end in `_` were learned, `feature_names_in_` among them; the others are the arguments it was made
//! with. Libraries differ in where they keep names, so each fact is looked for under the names known for it, breadth
//! first: what the outermost object says stands.

use std::collections::VecDeque;

use serde_json::{Number, Value};

use super::pickle::{Id, Node, Tree, Visits};
use super::python_arrays::{Array, texts};
use super::python_classes::class_of;
use super::python_object::attribute;
use crate::model::{Weights, publishable, redact_map};

/// Values looked at. A forest of a thousand trees costs some ten thousand.
const MAX_VISITS: u32 = 200_000;
/// Attributes looked at of one object.
const MAX_ATTRIBUTES: usize = 512;
/// Most constructor arguments published.
const MAX_ARGUMENTS: usize = 64;
/// Most steps listed.
const MAX_STEPS: usize = 100;

/// Fills in what the object at `root`, and those it is made of, say.
pub(super) fn describe(tree: &Tree, root: Id, weights: &mut Weights) {
    let steps = attribute(tree, root, "steps").and_then(|steps| tree.items(steps)).unwrap_or_default();
    weights.steps =
        steps.iter().take(MAX_STEPS).filter_map(|&step| step_class(tree, step)).map(Value::String).collect();
    let estimator = steps.last().and_then(|&step| tree.items(step)?.get(1).copied()).unwrap_or(root);
    weights.hyper_parameters = arguments(tree, estimator);
    weights.n_estimators = count(tree, estimator, "n_estimators")
        .or_else(|| Some(tree.items(attribute(tree, estimator, "estimators_")?)?.len() as u64));
    weights.kind = class_of(tree, root).filter(|class| is_tokenizer(&class.name)).map(|_| "tokenizer".to_owned());
    let mut visits = Visits::new(MAX_VISITS);
    let mut queue = VecDeque::from([root]);
    while let Some(id) = queue.pop_front() {
        if !visits.take() {
            break;
        }
        let left = usize::try_from(MAX_VISITS).unwrap_or(usize::MAX).saturating_sub(queue.len());
        if let Some(attributes) = tree.attributes(id) {
            for &(key, value) in attributes.iter().take(MAX_ATTRIBUTES) {
                if !visits.take() {
                    break;
                }
                if let Some(key) = tree.text(key) {
                    take(tree, key, value, weights);
                }
                queue.push_back(value);
            }
        }
        queue.extend(tree.entries(id).unwrap_or_default().iter().map(|&(_, value)| value).take(left));
        if Array::of(tree, id).is_none() {
            queue.extend(tree.items(id).unwrap_or_default().iter().copied().take(left));
        }
    }
    let names = weights.feature_names.len() as u64;
    weights.n_features = weights.n_features.or((names > 0).then_some(names));
}

fn is_tokenizer(class: &str) -> bool {
    class.contains("Tokenizer")
}

fn step_class(tree: &Tree, step: Id) -> Option<String> {
    let object = *tree.items(step)?.get(1)?;
    let name = match tree.text(object) {
        Some(word) => word.to_owned(),
        None => class_of(tree, object)?.name,
    };
    Some(publishable("", &name))
}

fn count(tree: &Tree, id: Id, name: &str) -> Option<u64> {
    tree.unsigned(attribute(tree, id, name)?)
}

/// One attribute of one of the objects.
fn take(tree: &Tree, key: &str, value: Id, weights: &mut Weights) {
    match key {
        "_sklearn_version" | "__version__" | "_catboost_version" | "_lightgbm_version"
            if weights.framework_version.is_none() =>
        {
            weights.framework_version = tree.text(value).map(|text| publishable("", text));
        }
        "n_features_in_" | "n_features_" | "_n_features" | "_n_features_in" | "n_features_in" => {
            weights.n_features = weights.n_features.or(tree.unsigned(value));
        }
        "feature_names_in_" | "feature_names_" | "feature_names" | "_feature_names" | "feature_name_"
        | "exog_names" | "xnames"
            if weights.feature_names.is_empty() =>
        {
            weights.feature_names = names(tree, value);
        }
        "classes_" | "_classes" if weights.labels.is_empty() => {
            weights.labels = names(tree, value);
        }
        "coef_" => take_coefficients(tree, value, weights),
        "intercept_" => {
            if let Some(count) = &mut weights.coef_count {
                *count = count.saturating_add(Array::of(tree, value).map_or(1, |array| array.elements()));
            }
        }
        "node_count" => {
            if let Some(nodes) = tree.unsigned(value) {
                weights.node_count = Some(weights.node_count.unwrap_or(0).saturating_add(nodes));
            }
        }
        _ => {}
    }
}

/// Estimators before 0.24 did not say how many features they take: the last extent of their coefficients does.
fn take_coefficients(tree: &Tree, value: Id, weights: &mut Weights) {
    let Some(array) = Array::of(tree, value).filter(|_| weights.coef_count.is_none()) else { return };
    weights.coef_count = Some(array.elements());
    weights.n_features = weights.n_features.or(array.shape.last().copied());
}

fn names(tree: &Tree, value: Id) -> Vec<String> {
    let of_array = Array::of(tree, value).and_then(|array| array.texts(tree));
    let of_list = || tree.items(value).and_then(|items| texts(tree, items));
    of_array.or_else(of_list).unwrap_or_default()
}

/// The plain arguments an estimator was made with.
fn arguments(tree: &Tree, id: Id) -> std::collections::BTreeMap<String, Value> {
    let attributes = tree.attributes(id).unwrap_or_default().iter().take(MAX_ATTRIBUTES);
    let argument = |&(key, value): &(Id, Id)| {
        let key = tree.text(key).filter(|key| !key.starts_with('_') && !key.ends_with('_'))?;
        let value = match tree.node(value) {
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::from(*value),
            Node::Float(value) => Value::Number(Number::from_f64(*value)?),
            Node::Str(text) => Value::String(text.to_string()),
            _ => return None,
        };
        Some((publishable("", key), redact_map(key, value)))
    };
    attributes.filter_map(argument).take(MAX_ARGUMENTS).collect()
}
