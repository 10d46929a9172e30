//! Keras models and weights in HDF5.
//!
//! Follows `legacy_h5_format.py` and `saving_lib.py` of Keras 3.15 and what Keras 2 wrote. A whole model has its
//! configuration as a JSON attribute, its layers below `model_weights` and its optimizer below `optimizer_weights`. A
//! file of weights of Keras 2 names its layers in an attribute; one of Keras 3 keeps every variable as `…/vars/<n>`.
//! Values are never read.

use serde_json::Value;

use super::super::{Finding, Input, ProbeError, kit};
use super::tensors::Tensors;
use crate::archive::hdf5::{Attribute, File, Object};
use crate::blob::Blob;
use crate::model::{Fact, Weights, publishable};

/// Longest configuration that is read.
const MAX_CONFIG: usize = 16 << 20;

/// Reads the tree of a file.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut finding = describe(input.blob)?;
    if let Fact::Weights(weights) = &mut finding.fact {
        weights.container = Some("hdf5".to_owned());
    }
    Ok(finding)
}

/// The facts of a file, or of a member of another.
///
/// # Errors
/// [`ProbeError::NotMine`] where it is HDF5 that Keras did not write.
pub(in crate::probe) fn describe(blob: &dyn Blob) -> Result<Finding, ProbeError> {
    let mut file = File::open(blob)?;
    let root = file.object(file.root)?;
    let Object::Group { attributes } = root else { return Err(ProbeError::NotMine) };
    let root_of = file.root;
    let links = file.links(root_of)?;
    let has_link = |names: &[&str]| links.iter().any(|link| names.contains(&link.name.as_str()));
    let has = |name: &str| attributes.iter().any(|attribute| attribute.name == name);
    let kind = if has("model_config") && has_link(&["model_weights"]) {
        Kind::Model
    } else if has("layer_names") || has("layer_names0") {
        Kind::OldWeights
    } else if has_link(&["vars", "layers", "_layer_checkpoint_dependencies"]) {
        Kind::Weights
    } else {
        return Err(ProbeError::NotMine);
    };
    let mut weights = Weights { producer: Some("keras".to_owned()), ..Weights::default() };
    weights.keras_version = text(&mut file, &attributes, "keras_version").map(|text| publishable("version", &text));
    if kind == Kind::Model
        && let Some(config) = text(&mut file, &attributes, "model_config")
    {
        config_facts(config.as_bytes(), &mut weights)?;
    }
    let (objects, stopped) = file.tree();
    count(&mut file, objects, kind, &mut weights)?;
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    finding.format = Some(if kind == Kind::Model { "keras-h5" } else { "keras-weights-h5" });
    if let Some(stopped) = stopped {
        finding.notes.push(kit::note(stopped.into())?);
    }
    Ok(finding)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    OldWeights,
    Weights,
}

/// Sums up the variables of the model; says whether there are others of an optimizer.
fn count(file: &mut File, objects: Vec<(String, Object)>, kind: Kind, weights: &mut Weights) -> Result<(), ProbeError> {
    let mut model = Tensors::default();
    let (mut state, mut optimizer) = (0u64, false);
    for (path, object) in objects {
        let dataset = match object {
            Object::Dataset(dataset) => dataset,
            // The outermost variables carry the name of the model.
            Object::Group { attributes } if kind == Kind::Weights && path == "vars" => {
                weights.model_name = text(file, &attributes, "name").map(|name| publishable("model_name", &name));
                continue;
            }
            _ => continue,
        };
        let mut parts = path.split('/');
        let first = parts.next().unwrap_or_default();
        if kind == Kind::Weights && !is_variable(&path) {
            return Err(ProbeError::NotMine);
        }
        if matches!(first, "optimizer_weights" | "optimizer") {
            optimizer = true;
            state = state.saturating_add(kit::elements(&dataset.shape)?);
            continue;
        }
        let is_state = kind == Kind::Weights
            && parts
                .chain([first])
                .any(|part| part.starts_with("seed_generator") || part == "metrics" || part == "_metrics");
        if is_state || kind == Kind::Model && first != "model_weights" {
            continue;
        }
        if let Some(dtype) = dataset.datatype.number_name() {
            model.add(&path, dtype, &dataset.shape)?;
        }
    }
    if model.count() == 0 && !optimizer && kind != Kind::Model {
        return Err(ProbeError::NotMine);
    }
    model.fill(weights);
    weights.has_optimizer = (optimizer || kind == Kind::Model).then_some(optimizer);
    weights.state_elements = optimizer.then_some(state);
    Ok(())
}

/// Whether a path is one Keras 3 gives a variable: `…/vars/<n>`, or a named member of such a group.
fn is_variable(path: &str) -> bool {
    path.rsplit('/').nth(1) == Some("vars")
}

/// The first text of an attribute.
fn text(file: &mut File, attributes: &[Attribute], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.name == name)?;
    // An attribute that does not hold is as good as none: the weights say more.
    file.texts(attribute).ok()?.into_iter().next().filter(|text| text.len() <= MAX_CONFIG)
}

/// Class and name of the model in a configuration of Keras.
///
/// # Errors
/// [`ProbeError::Malformed`] where it is no JSON.
pub(super) fn config_facts(config: &[u8], weights: &mut Weights) -> Result<(), ProbeError> {
    let config: Value = kit::json(config, "its configuration")?;
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(|text| publishable(key, text))
    };
    weights.architecture = text(&config, "class_name");
    let inner = config.get("config").unwrap_or(&Value::Null);
    weights.model_name = text(inner, "name");
    weights.num_layers = inner.get("layers").and_then(Value::as_array).map(|layers| layers.len() as u64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn variables_are_told_by_their_paths() {
        assert!(is_variable("layers/dense/vars/0") && is_variable("vars/0"));
        assert!(!is_variable("obs/cell_type/codes") && !is_variable("vars"));
    }

    #[test]
    fn configurations_of_all_ages() {
        for (config, name) in [
            (r#"{"class_name": "Functional", "config": {"name": "m", "layers": [{}, {}]}}"#, Some("m")),
            (r#"{"class_name": "Functional", "config": [{"class_name": "Dense"}]}"#, None),
        ] {
            let mut weights = Weights::default();
            config_facts(config.as_bytes(), &mut weights).unwrap();
            assert_eq!((weights.architecture.as_deref(), weights.model_name.as_deref()), (Some("Functional"), name));
        }
        assert!(config_facts(b"{", &mut Weights::default()).is_err());
    }

    #[test]
    fn other_files_are_left_alone() {
        assert!(matches!(describe(&Memory::new(*b"\x89HDX\r\n\x1a\n")), Err(ProbeError::NotMine)));
        assert!(matches!(describe(&Memory::new(b"".to_vec())), Err(ProbeError::NotMine)));
    }
}
