//! Orbax checkpoints: `_METADATA` describes the tree of a training, leaf by leaf.
//!
//! Follows `tree_metadata` of Orbax 0.12 and what versions since 0.5 wrote: newer ones give the shape of every array,
//! older ones its path alone. Element types are only in the arrays' own descriptions, which lie in a key-value store
//! beside it ([`store`]): a B-tree of TensorStore's OCDBT format whose nodes hold small values inline.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{Finding, Input, ProbeError, kit, numpy};
use super::sstable::varint;
use super::state_paths::{Part, part};
use super::tensors::Tensors;
use crate::blob::{Cursor, Endian};
use crate::model::{Fact, Weights};

/// Longest `_METADATA`: some 300 bytes a leaf.
const MAX_METADATA: u64 = 64 << 20;
/// Longest node of the store, packed and inflated; writers split at 100 MB of values, and at far less of nodes.
const MAX_NODE: u64 = 16 << 20;
/// Most entries of a node.
const MAX_ENTRIES: usize = 100_000;
/// Longest key of the store.
const MAX_KEY: usize = 4096;
/// Most dimensions.
const MAX_DIMS: usize = 32;

#[derive(Deserialize)]
struct Metadata {
    tree_metadata: BTreeMap<String, Leaf>,
    #[serde(default)]
    use_ocdbt: Option<bool>,
    #[serde(default)]
    use_zarr3: Option<bool>,
}

#[derive(Deserialize)]
struct Leaf {
    #[serde(default)]
    key_metadata: Vec<Key>,
    #[serde(default)]
    value_metadata: ValueMetadata,
}

#[derive(Deserialize)]
struct Key {
    key: serde_json::Value,
}

#[derive(Default, Deserialize)]
struct ValueMetadata {
    #[serde(default)]
    value_type: String,
    #[serde(default)]
    write_shape: Option<Vec<u64>>,
}

/// Reads `_METADATA`.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let metadata: Metadata =
        kit::json_file(input, MAX_METADATA, &["\"tree_metadata\""], "the description of its tree")?;
    let mut weights = Weights { producer: Some("orbax".to_owned()), ..Weights::default() };
    let (mut model, mut shaped, mut state) = (Tensors::default(), false, 0u64);
    let (mut optimizer, mut counters) = (false, false);
    for leaf in metadata.tree_metadata.values() {
        let path: Vec<String> = leaf.key_metadata.iter().map(|key| text_of(&key.key)).collect();
        let is_array = leaf.value_metadata.value_type.contains("rray") || leaf.value_metadata.write_shape.is_some();
        let shape = leaf.value_metadata.write_shape.as_deref().unwrap_or_default();
        shaped |= !shape.is_empty();
        match part(path.iter().map(String::as_str), shape.is_empty()) {
            // The store has the type; without one the sum of elements is all there is.
            Part::Model if is_array => drop(model.add(&path.join("/"), "", shape)?),
            Part::Optimizer => {
                optimizer = true;
                state = state.saturating_add(kit::elements(shape)?);
            }
            Part::Counter => counters = true,
            _ => {}
        }
    }
    weights.checkpoint_leaves = Some(metadata.tree_metadata.len() as u64);
    weights.tensor_count = Some(model.count());
    if shaped {
        model.fill(&mut weights);
        weights.dtypes.clear();
        // Without the types it would not compare with that of other files.
        weights.structure = None;
    }
    let layout = match (metadata.use_ocdbt, metadata.use_zarr3) {
        (Some(true) | None, _) => "ocdbt",
        (Some(false), Some(true)) => "zarr3",
        (Some(false), _) => "zarr",
    };
    weights.layout = Some(layout.to_owned());
    if optimizer || counters {
        weights.kind = Some("training_checkpoint".to_owned());
    }
    if optimizer {
        weights.has_optimizer = Some(true);
        weights.state_elements = Some(state).filter(|_| shaped);
    }
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn text_of(key: &serde_json::Value) -> String {
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// What zarr says of an array, in either version.
#[derive(Deserialize)]
struct Zarr {
    #[serde(alias = "data_type")]
    dtype: String,
    shape: Vec<u64>,
}

/// Reads a node of the store: the types and shapes of the arrays that are described in it.
pub(crate) fn store(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0).with_endian(Endian::Big);
    if cursor.u32()? != 0x0cdb_20de {
        return Err(ProbeError::NotMine);
    }
    let mut weights = Weights::default();
    let mut finding = Finding::new(Fact::Weights(Box::default()));
    match node(input).and_then(|node| leaf(&node)) {
        Ok(entries) => sum(&entries, &mut weights)?,
        Err(error) => finding.notes.push(kit::note(error)?),
    }
    finding.fact = Fact::Weights(Box::new(weights));
    Ok(finding)
}

/// The content of the node at the beginning of a file.
fn node(input: &Input) -> Result<Vec<u8>, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 4);
    let length = cursor.u64()?;
    let (version, compression) = (cursor.u8()?, cursor.u8()?);
    let packed = length.checked_sub(18).filter(|_| version == 0).ok_or_else(|| malformed("has no length"))?;
    let packed = cursor.vec(packed, MAX_NODE)?;
    match compression {
        0 => Ok(packed),
        1 => {
            let mut content = Vec::new();
            let limit = std::io::Read::take(
                zstd::stream::read::Decoder::new(packed.as_slice()).map_err(|_| malformed("does not inflate"))?,
                MAX_NODE,
            );
            let mut limit = limit;
            std::io::copy(&mut limit, &mut content).map_err(|_| malformed("does not inflate"))?;
            Ok(content)
        }
        _ => Err(ProbeError::Unsupported("a node of its store is compressed in a way that is not read".to_owned())),
    }
}

/// A key and its value.
type Entry = (Vec<u8>, Vec<u8>);

/// Keys and inline values of a leaf; nothing of a node above.
fn leaf(node: &[u8]) -> Result<Vec<Entry>, ProbeError> {
    let mut rest = node;
    entries(&mut rest).ok_or_else(|| malformed("is cut"))
}

/// Follows "B-tree node" of the format description of TensorStore's `ocdbt` driver.
fn entries(rest: &mut &[u8]) -> Option<Vec<Entry>> {
    let height = take(rest, 1)?;
    if height != [0] {
        return Some(Vec::new());
    }
    let files = count(rest)?;
    numbers(rest, files.saturating_sub(1))?;
    let suffixes = numbers(rest, files)?;
    numbers(rest, files)?;
    for suffix in suffixes {
        take(rest, suffix)?;
    }
    let count = count(rest)?;
    let mut prefixes = numbers(rest, count.saturating_sub(1))?;
    if count > 0 {
        prefixes.insert(0, 0);
    }
    let suffixes = numbers(rest, count)?;
    let mut keys: Vec<Vec<u8>> = Vec::new();
    for (prefix, suffix) in prefixes.into_iter().zip(suffixes) {
        let mut key = keys.last().map_or(Some(Vec::new()), |last| last.get(..prefix).map(<[u8]>::to_vec))?;
        key.extend_from_slice(take(rest, suffix)?);
        if key.len() > MAX_KEY {
            return None;
        }
        keys.push(key);
    }
    let lengths = numbers(rest, count)?;
    let kinds = take(rest, count)?;
    let elsewhere = kinds.iter().filter(|&&kind| kind == 1).count();
    numbers(rest, elsewhere.checked_mul(2)?)?;
    let mut entries = Vec::new();
    for ((key, length), kind) in keys.into_iter().zip(lengths).zip(kinds) {
        if *kind == 0 {
            entries.push((key, take(rest, length)?.to_vec()));
        }
    }
    Some(entries)
}

fn count(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(varint(rest)?).ok().filter(|&count| count <= MAX_ENTRIES)
}

fn numbers(rest: &mut &[u8], count: usize) -> Option<Vec<usize>> {
    // Each takes a byte at least.
    if count > rest.len() {
        return None;
    }
    (0..count).map(|_| usize::try_from(varint(rest)?).ok()).collect()
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

/// Sums up the arrays of the model among the entries.
pub(super) fn sum(entries: &[Entry], weights: &mut Weights) -> Result<(), ProbeError> {
    let mut model = Tensors::default();
    for (key, value) in entries {
        let key = String::from_utf8_lossy(key);
        let Some(path) = key.strip_suffix(".zarray").or_else(|| key.strip_suffix("zarr.json")) else { continue };
        let path = path.trim_end_matches('/');
        let Ok(zarr) = kit::json::<Zarr>(value, "the description of an array") else { continue };
        let Some(dtype) = numpy::long_name(&zarr.dtype).filter(|_| zarr.shape.len() <= MAX_DIMS) else { continue };
        if part(path.split(['.', '/']), zarr.shape.is_empty()) == Part::Model {
            model.add(path, dtype, &zarr.shape)?;
        }
    }
    if model.count() > 0 {
        model.fill(weights);
    }
    Ok(())
}

fn malformed(what: &str) -> ProbeError {
    ProbeError::Malformed(format!("a node of its store {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        let blob = Memory::new(bytes);
        probe(&Input::new(&blob, bytes))
    }

    #[test]
    fn a_tree_with_and_without_shapes() {
        let leaf = |path: &[&str], rest: &str| {
            let keys: Vec<String> = path.iter().map(|key| format!(r#"{{"key": "{key}", "key_type": 2}}"#)).collect();
            let (name, keys) = (path.join("."), keys.join(","));
            format!(r#""{name}": {{"key_metadata": [{keys}], "value_metadata": {{"value_type": "jax.Array"{rest}}}}}"#)
        };
        let tree = format!(
            r#"{{"tree_metadata": {{{}, {}, {}}}, "use_zarr3": true, "use_ocdbt": false}}"#,
            leaf(&["params", "w"], r#", "write_shape": [4, 5]"#),
            leaf(&["opt_state", "mu"], r#", "write_shape": [4, 5]"#),
            leaf(&["step"], "")
        );
        let found = run(probe, tree.as_bytes()).unwrap();
        let weights = found.fact.weights().unwrap();
        assert_eq!((weights.parameter_count, weights.has_optimizer), (Some(20), Some(true)));
        assert_eq!((weights.layout.as_deref(), weights.checkpoint_leaves), (Some("zarr3"), Some(3)));
        let old = format!(r#"{{"tree_metadata": {{{}}}}}"#, leaf(&["params", "w"], ""));
        assert_eq!(run(probe, old.as_bytes()).unwrap().fact.weights().unwrap().parameter_count, None);
        assert!(run(probe, b"{\"tree_metadata\": 1}").is_err());
        assert!(matches!(run(probe, b"{}"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn a_node_of_the_store() {
        let value = br#"{"dtype":"<f4","shape":[2,3]}"#;
        let mut node = vec![0, 0, 2, 7];
        node.extend([b"params.v/.zarray".len() as u8, b"w/.zarray".len() as u8]);
        node.extend(b"params.v/.zarrayw/.zarray");
        node.extend([value.len() as u8, value.len() as u8, 0, 0]);
        node.extend([value.as_slice(), value].concat());
        let mut file = b"\x0c\xdb\x20\xde".to_vec();
        file.extend((node.len() as u64 + 18).to_le_bytes());
        file.extend([0, 0]);
        file.extend(&node);
        file.extend([0; 4]);
        let found = run(store, &file).unwrap();
        assert_eq!(found.fact.weights().unwrap().dtypes["float32"], 12);
        for at in 4..file.len() {
            for bit in 0..8 {
                let mut bytes = file.clone();
                bytes[at] ^= 1 << bit;
                drop(run(store, &bytes));
            }
            drop(run(store, &file[..at]));
        }
    }
}
