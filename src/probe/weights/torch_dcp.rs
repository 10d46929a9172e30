//! PyTorch's distributed checkpoints: `.metadata`, a pickle that describes every tensor of `__<rank>_<n>.distcp`.
//!
//! Follows `torch/distributed/checkpoint/metadata.py` and `filesystem.py` of PyTorch 2.15 and what 2.0 wrote. The pickle
//! gives names, types and shapes of whole tensors, however they were split over ranks; the files of values are never
//! opened.

use std::collections::BTreeSet;

use super::super::{Finding, Input, ProbeError, kit};
use super::pickle::{self, Global, Id, Node, Tree};
use super::state_paths::{Part, part};
use super::tensors::Tensors;
use super::torch;
use crate::blob::Cursor;
use crate::model::{Fact, Weights, publishable};

/// Most attributes of an object among which one is looked for.
const MAX_ATTRIBUTES: usize = 64;
/// Most outermost keys that are listed.
const MAX_KEYS: usize = 200;

/// Reads `.metadata`.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if input.head.first() != Some(&0x80) {
        return Err(ProbeError::NotMine);
    }
    let pickle = pickle::walk(&mut Cursor::new(input.blob, 0));
    let (tree, root) = (&pickle.tree, pickle.root);
    if !tree.class(root).is_some_and(|class| is_class(class, "Metadata")) {
        return Err(match pickle.stopped {
            Some(error) if error.is_storage() || is_named(tree) => error.into(),
            _ => ProbeError::NotMine,
        });
    }
    let entries = attribute(tree, root, "state_dict_metadata").and_then(|described| tree.entries(described));
    let entries = entries.ok_or_else(|| ProbeError::Malformed("its description has no state dictionary".to_owned()))?;
    let mut weights = Weights {
        kind: Some("distributed_checkpoint".to_owned()),
        container: Some("dcp".to_owned()),
        ..Weights::default()
    };
    sum(tree, entries, &mut weights)?;
    let files: BTreeSet<&str> = tree
        .nodes()
        .filter_map(|node| match node {
            Node::Str(text) if text.ends_with(".distcp") => Some(text.as_ref()),
            _ => None,
        })
        .collect();
    // `__<rank>_<n>.distcp`
    let ranks: BTreeSet<&str> = files.iter().filter_map(|file| file.strip_prefix("__")?.split('_').next()).collect();
    weights.shards = Some(files.len() as u64).filter(|&files| files > 1);
    weights.world_size = Some(ranks.len() as u64).filter(|&ranks| ranks > 1);
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    if let Some(stopped) = &pickle.stopped {
        finding.notes.push((stopped.cause(), format!("{stopped}; what follows was not read")));
    }
    Ok(finding)
}

fn is_class(class: &Global, name: &str) -> bool {
    class.name == name && class.module.starts_with("torch.distributed.checkpoint")
}

/// Whether a pickle that broke off names the class it should hold.
fn is_named(tree: &Tree) -> bool {
    tree.nodes().any(|node| matches!(node, Node::Global(class) if is_class(class, "Metadata")))
}

fn attribute(tree: &Tree, id: Id, name: &str) -> Option<Id> {
    let attributes = tree.attributes(id)?.iter().take(MAX_ATTRIBUTES);
    attributes.rev().find(|(key, _)| tree.text(*key) == Some(name)).map(|(_, value)| *value)
}

fn sum(tree: &Tree, entries: &[(Id, Id)], weights: &mut Weights) -> Result<(), ProbeError> {
    let (mut model, mut state, mut optimizer) = (Tensors::default(), 0u64, false);
    let mut top = BTreeSet::new();
    let mut names = Vec::new();
    for &(key, value) in entries {
        let Some(name) = tree.text(key) else { continue };
        let Some((dtype, shape)) = tensor(tree, value) else { continue };
        if let Some(first) = name.split('.').next()
            && top.len() < MAX_KEYS
        {
            top.insert(publishable("", first));
        }
        match part(name.split('.'), shape.is_empty()) {
            Part::Model => names.push((name, dtype, shape)),
            Part::Optimizer => {
                optimizer = true;
                state = state.saturating_add(kit::elements(&shape)?);
            }
            Part::Average | Part::Counter | Part::Bookkeeping => {}
        }
    }
    let key = model_key(&names);
    for (name, dtype, shape) in names {
        let plain = key.and_then(|key| name.strip_prefix(key)).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        model.add(plain, dtype, &shape)?;
    }
    weights.model_key = key.map(|key| publishable("", key));
    weights.top_level_keys = top.into_iter().collect();
    if model.count() == 0 && optimizer {
        weights.kind = Some("optimizer_state".to_owned());
    }
    model.fill(weights);
    if optimizer {
        weights.has_optimizer = Some(true);
        weights.state_elements = Some(state);
    }
    Ok(())
}

/// The key under which a training keeps its model, where every name begins with it.
fn model_key<'t>(names: &[(&'t str, &str, Vec<u64>)]) -> Option<&'t str> {
    const KEYS: [&str; 6] = ["model", "app", "module", "state_dict", "net", "model_state_dict"];
    let first = names.first()?.0.split('.').next()?;
    let shared = names.iter().all(|(name, ..)| name.strip_prefix(first).is_some_and(|rest| rest.starts_with('.')));
    (shared && KEYS.contains(&first)).then_some(first)
}

/// Type and extents of a tensor's description; nothing for what is stored as bytes.
fn tensor(tree: &Tree, id: Id) -> Option<(&str, Vec<u64>)> {
    tree.class(id).filter(|class| is_class(class, "TensorStorageMetadata"))?;
    let properties = attribute(tree, id, "properties")?;
    let shape = torch::shape(tree, attribute(tree, id, "size")?)?;
    let state = tree.object(properties)?.state;
    // Type, layout, … in the order of the class's fields, or by name.
    let first = state.and_then(|state| tree.items(state)).and_then(<[Id]>::first).copied();
    let dtype = attribute(tree, properties, "dtype").or(first).or_else(|| tree.args(properties).first().copied())?;
    Some((torch::dtype_name(tree, dtype)?, shape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn read(bytes: &[u8]) -> Result<Finding, ProbeError> {
        let blob = Memory::new(bytes);
        probe(&Input::new(&blob, bytes))
    }

    /// A description of these tensors, as protocol 2 writes it.
    fn metadata(tensors: &[(&str, u8)]) -> Vec<u8> {
        let text = |text: &str| [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let new = |class: &str| [b"ctorch.distributed.checkpoint.metadata\n", class.as_bytes(), b"\n)\x81"].concat();
        let mut out = [b"\x80\x02".as_slice(), &new("Metadata"), b"}", &text("state_dict_metadata"), b"}("].concat();
        for (name, extent) in tensors {
            out.extend(text(name));
            out.extend([new("TensorStorageMetadata"), b"}(".to_vec(), text("properties")].concat());
            out.extend([new("TensorProperties"), b"(ctorch\nfloat16\nNtb".to_vec()].concat());
            out.extend(
                [text("size"), b"ctorch\nSize\n".to_vec(), vec![b'K', *extent], b"\x85\x85Rub".to_vec()].concat(),
            );
        }
        [out.as_slice(), b"usb."].concat()
    }

    #[test]
    fn model_optimizer_and_counters_are_told_apart() {
        let found = read(&metadata(&[("model.w", 8), ("model.b", 2), ("optim.state.w.exp_avg", 8)])).unwrap();
        let weights = found.fact.weights().unwrap();
        assert_eq!((weights.parameter_count, weights.state_elements), (Some(10), Some(8)));
        assert_eq!((weights.model_key.as_deref(), weights.has_optimizer), (Some("model"), Some(true)));
        let found = read(&metadata(&[("optimizer.state.0.exp_avg", 8)])).unwrap();
        assert_eq!(found.fact.weights().unwrap().kind.as_deref(), Some("optimizer_state"));
    }

    #[test]
    fn other_pickles_are_left_alone_and_cut_ones_say_so() {
        assert!(matches!(read(b"\x80\x02}."), Err(ProbeError::NotMine)));
        assert!(matches!(read(b"plain"), Err(ProbeError::NotMine)));
        let good = metadata(&[("model.w", 8)]);
        for end in 0..good.len() {
            if let Ok(found) = read(&good[..end]) {
                assert!(!found.notes.is_empty(), "{end}");
            }
        }
    }
}
