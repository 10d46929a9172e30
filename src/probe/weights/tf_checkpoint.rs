//! TensorFlow checkpoints: `<prefix>.index`, a sorted table of variable names whose values tell type, shape and place.
//!
//! Follows `tensor_bundle.proto` and `tensor_bundle.cc` of TensorFlow 2.21. The empty key holds the header; without one
//! the table is somebody else's (LevelDB and the stores built on it end in the same magic number). The data files
//! beside it are never opened.

use std::collections::BTreeMap;

use super::super::{Finding, Input, ProbeError, kit};
use super::sstable;
use super::state_paths::{Part, part};
use super::tensors::Tensors;
use super::tf_types::{dtype, is_integer, is_numeric};
use crate::blob::Memory;
use crate::model::{Cause, Fact, Weights};
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// Most data files: one a device of the largest machines.
const MAX_SHARDS: u64 = 100_000;
/// Most dimensions; TensorFlow's own limit is 254.
const MAX_DIMS: usize = 254;
/// Ending of every name of an object-based checkpoint.
const VALUE: &str = "/.ATTRIBUTES/VARIABLE_VALUE";
/// The graph of objects, itself stored as a text tensor.
const OBJECTS: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// A row of the table.
struct Entry {
    dtype: &'static str,
    shape: Vec<u64>,
}

/// Reads the table.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut shards = None;
    let mut entries = BTreeMap::new();
    let outcome = sstable::for_each(input.blob, &mut |key, value| {
        if shards.is_none() {
            shards = Some(header(key, value).ok_or(ProbeError::NotMine)?);
            return Ok(());
        }
        // Keys of the slices of a partitioned variable begin with a zero; the whole of it has a row of its own.
        if key.first() != Some(&0) {
            let entry = entry(value).map_err(|_| ProbeError::Malformed("a row of its index is none".to_owned()))?;
            entries.insert(String::from_utf8_lossy(key).into_owned(), entry);
        }
        Ok(())
    });
    let shards = match (shards, outcome) {
        (Some(shards), Ok(())) => shards,
        (Some(_), Err(error)) => return Err(error),
        (None, Err(ProbeError::Malformed(_)) | Ok(())) => return Err(ProbeError::NotMine),
        (None, Err(error)) => return Err(error),
    };
    let mut weights = sum(&entries)?;
    weights.shards = Some(shards).filter(|&shards| shards > 1);
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    if entries.is_empty() {
        finding.notes.push((Cause::Malformed, "its index lists no variable".to_owned()));
    }
    Ok(finding)
}

/// Number of data files, where the first row is the header of a bundle.
fn header(key: &[u8], value: &[u8]) -> Option<u64> {
    let blob = Memory::new(value);
    let mut wire = Wire::new(&blob);
    let mut message = wire.root();
    let (mut shards, mut version) = (None, false);
    while let Some(field) = wire.next(&mut message).ok()? {
        match field {
            Field { number: 1, value: Value::Varint(count) } => shards = Some(count),
            Field { number: 2, value: Value::Varint(0 | 1) } => {}
            Field { number: 3, value: Value::Bytes(_) } => version = true,
            _ => return None,
        }
    }
    shards.filter(|count| key.is_empty() && version && (1..=MAX_SHARDS).contains(count))
}

fn entry(value: &[u8]) -> Result<Entry, ProbeError> {
    let blob = Memory::new(value);
    let mut wire = Wire::new(&blob);
    let mut message = wire.root();
    let mut entry = Entry { dtype: "unknown", shape: Vec::new() };
    while let Some(field) = wire.next(&mut message)? {
        match field {
            Field { number: 1, value: Value::Varint(number) } => entry.dtype = dtype(number),
            Field { number: 2, value: Value::Bytes(span) } => entry.shape = shape(&mut wire, span)?,
            _ => {}
        }
    }
    Ok(entry)
}

/// The extents of a `TensorShapeProto`; an unknown one counts as 0.
pub(super) fn shape(wire: &mut Wire, mut message: Span) -> Result<Vec<u64>, ProbeError> {
    let mut shape = Vec::new();
    while let Some(field) = wire.next(&mut message)? {
        let Field { number: 2, value: Value::Bytes(mut dim) } = field else { continue };
        let mut extent = 0;
        while let Some(field) = wire.next(&mut dim)? {
            if let Field { number: 1, value: Value::Varint(size) } = field {
                extent = i64::try_from(size).ok().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            }
        }
        if shape.len() == MAX_DIMS {
            return Err(ProbeError::Malformed(format!("a shape has more than {MAX_DIMS} dimensions")));
        }
        shape.push(extent);
    }
    Ok(shape)
}

fn sum(entries: &BTreeMap<String, Entry>) -> Result<Weights, ProbeError> {
    let mut weights = Weights::default();
    let (mut model, mut variables, mut state) = (Tensors::default(), 0u64, 0u64);
    let mut tracked = Vec::new();
    let mut optimizer = false;
    let has_list = entries.keys().any(|key| key.starts_with("variables/"));
    for (key, entry) in entries {
        let name = key.strip_suffix(VALUE).unwrap_or(key);
        if name == OBJECTS || !is_numeric(entry.dtype) {
            continue;
        }
        variables = variables.saturating_add(1);
        match role(name, entry, entries) {
            Part::Model if has_list && is_second_list(name) => {}
            Part::Model => drop(model.add(name, entry.dtype, &entry.shape)?),
            Part::Optimizer => {
                optimizer = true;
                if name.contains("/_trainable_variables/") {
                    tracked.push((name, entry));
                } else {
                    state = state.saturating_add(kit::elements(&entry.shape)?);
                }
            }
            Part::Average | Part::Counter | Part::Bookkeeping => {}
        }
    }
    // An optimizer of Keras 3 lists the variables it trains. A variable is stored once, under the first of its names:
    // these are the model's unless the model has names for as many.
    if (tracked.len() as u64) > model.count() {
        for (name, entry) in tracked {
            model.add(name, entry.dtype, &entry.shape)?;
        }
    }
    model.fill(&mut weights);
    weights.checkpoint_variable_count = Some(variables);
    if optimizer {
        weights.has_optimizer = Some(true);
        weights.state_elements = Some(state);
        weights.kind = Some("training_checkpoint".to_owned());
    }
    Ok(weights)
}

/// Exports of Keras 3 list their variables several times over.
fn is_second_list(name: &str) -> bool {
    const LISTS: [&str; 4] = ["_all_variables", "trainable_variables", "non_trainable_variables", "_tracked"];
    name.split('/').next().is_some_and(|first| LISTS.contains(&first))
}

fn role(name: &str, entry: &Entry, entries: &BTreeMap<String, Entry>) -> Part {
    if let Some(part) = slot(name, entry, entries) {
        return part;
    }
    let is_scalar = entry.shape.is_empty();
    match part(name.split('/'), is_scalar) {
        // A lone integer counts something, whatever its name.
        Part::Model if is_scalar && is_integer(entry.dtype) => Part::Counter,
        part => part,
    }
}

/// Graph-based checkpoints name an optimizer's slot after its variable: `dense/kernel/Adam_1`, of the same shape.
fn slot(name: &str, entry: &Entry, entries: &BTreeMap<String, Entry>) -> Option<Part> {
    let (variable, slot) = name.rsplit_once('/')?;
    let of = entries.get(variable)?;
    if of.shape != entry.shape {
        return None;
    }
    Some(if slot.starts_with("ExponentialMovingAverage") { Part::Average } else { Part::Optimizer })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: (u8, &[u8], &[u8]) = (0, b"", b"\x08\x01\x1a\x02\x08\x01");

    fn weights(entries: &[(u8, &[u8], &[u8])]) -> Result<Weights, ProbeError> {
        let bytes = sstable::tests::table_of(&[&[HEADER], entries].concat());
        let blob = Memory::new(bytes.clone());
        let finding = probe(&Input::new(&blob, &bytes))?;
        Ok(finding.fact.weights().unwrap().clone())
    }

    /// Type and extents as a row.
    fn row(dtype: u8, shape: &[u8]) -> Vec<u8> {
        let dims: Vec<u8> = shape.iter().flat_map(|extent| [0x12, 2, 8, *extent]).collect();
        [&[8, dtype, 0x12, dims.len() as u8], dims.as_slice()].concat()
    }

    #[test]
    fn slots_and_counters_are_not_the_model() {
        let (matrix, scalar) = (row(1, &[8, 4]), row(9, &[]));
        let found = weights(&[
            (0, b"beta1_power", &row(1, &[])),
            (0, b"dense/kernel", &matrix),
            (12, b"/Adam", &matrix),
            (12, b"/ExponentialMovingAverage", &matrix),
            (0, b"global_step", &scalar),
            (0, b"scale", &row(1, &[])),
        ])
        .unwrap();
        assert_eq!((found.parameter_count, found.tensor_count), (Some(33), Some(2)));
        assert_eq!((found.has_optimizer, found.state_elements), (Some(true), Some(32)));
        assert_eq!(found.checkpoint_variable_count, Some(6));
    }

    #[test]
    fn variables_that_keras_lists_twice_are_counted_once() {
        let (kernel, bias) = (row(1, &[8, 4]), row(1, &[4]));
        let export: [(u8, &[u8], &[u8]); 4] = [
            (0, b"_all_variables/0/.ATTRIBUTES/VARIABLE_VALUE", &bias),
            (15, b"1/.ATTRIBUTES/VARIABLE_VALUE", &kernel),
            (0, b"variables/0/.ATTRIBUTES/VARIABLE_VALUE", &kernel),
            (10, b"1/.ATTRIBUTES/VARIABLE_VALUE", &bias),
        ];
        assert_eq!(weights(&export).unwrap().parameter_count, Some(36));
        let training: [(u8, &[u8], &[u8]); 3] = [
            (0, b"model/mean/.ATTRIBUTES/VARIABLE_VALUE", &bias),
            (0, b"optimizer/_trainable_variables/0/.ATTRIBUTES/VARIABLE_VALUE", &kernel),
            (31, b"1/.ATTRIBUTES/VARIABLE_VALUE", &bias),
        ];
        assert_eq!(weights(&training).unwrap().parameter_count, Some(40));
    }

    #[test]
    fn tables_of_others_are_left_alone() {
        let other = sstable::tests::table_of(&[(0, b"key", b"value")]);
        let blob = Memory::new(other.clone());
        assert!(matches!(probe(&Input::new(&blob, &other)), Err(ProbeError::NotMine)));
        assert!(header(b"", b"\x08\x00\x1a\x00").is_none());
        assert!(header(b"", b"\x08\x01\x42\x00").is_none());
        assert!(header(b"k", b"\x08\x01\x1a\x00").is_none());
    }

    #[test]
    fn rows_that_do_not_hold_are_errors() {
        assert!(weights(&[(0, b"w", b"\x12\x7f")]).is_err());
        let huge =
            [&[8, 1, 0x12, 22], [0x12, 9, 8, 255, 255, 255, 255, 255, 255, 255, 127].repeat(2).as_slice()].concat();
        assert!(weights(&[(0, b"w", &huge)]).is_err());
    }
}
