//! Programs exported by `torch.export.save`: a graph and its weights, without Python.
//!
//! Follows `torch/export/pt2_archive` of PyTorch 2.15: `<root>/archive_format`, `models/<name>.json`, and weights
//! described by `data/weights/<name>_weights_config.json`. Before 2.8 the archive held `serialized_exported_program.json`
//! beside `serialized_state_dict.pt`, a PyTorch file of its own.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{Finding, ProbeError, kit};
use super::tensors::Tensors;
use super::torch_zip::archive;
use crate::archive::zip::{Directory, Method};
use crate::blob::{Blob, Part};
use crate::model::{Fact, Weights};

/// Longest description of weights: some 400 bytes a tensor.
const MAX_CONFIG: u64 = 32 << 20;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    config: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    tensor_meta: Option<TensorMeta>,
}

#[derive(Deserialize)]
struct TensorMeta {
    dtype: u64,
    sizes: Vec<Size>,
}

#[derive(Deserialize)]
struct Size {
    as_int: Option<u64>,
}

/// Describes an exported program from its directory.
pub(super) fn describe(blob: &dyn Blob, directory: &Directory) -> Result<Finding, ProbeError> {
    if directory.get(b"serialized_exported_program.json").is_some() {
        return before_pt2(blob, directory);
    }
    let root = directory.shared_root();
    let within = |name: &[u8]| name.get(root..).unwrap_or_default().to_vec();
    let is = |wanted: &[u8]| directory.members.iter().any(|member| within(&member.name) == wanted);
    let model = |name: &[u8]| name.starts_with(b"models/") && name.ends_with(b".json");
    let any_model = directory.members.iter().any(|member| model(&within(&member.name)));
    if root == 0 || !is(b"archive_format") || !(any_model || is(b"archive_version")) {
        return Err(ProbeError::NotMine);
    }
    let mut sum = Tensors::default();
    for member in &directory.members {
        let name = within(&member.name);
        if !name.starts_with(b"data/weights/") || !name.ends_with(b"_weights_config.json") {
            continue;
        }
        let text = directory.stored(blob, member, MAX_CONFIG)?;
        let config: Config = kit::json(&text, "the description of its weights")?;
        add(&mut sum, &config)?;
    }
    let mut weights = Weights::default();
    sum.fill(&mut weights);
    Ok(finding(weights))
}

fn finding(mut weights: Weights) -> Finding {
    weights.kind = Some("exported_program".to_owned());
    weights.container = Some("zip".to_owned());
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    finding.format = Some("torch-export");
    finding
}

fn add(sum: &mut Tensors, config: &Config) -> Result<(), ProbeError> {
    for (name, entry) in &config.config {
        let Some(meta) = &entry.tensor_meta else { continue };
        // A symbolic extent has no size of its own; weights have none in practice.
        let shape: Option<Vec<u64>> = meta.sizes.iter().map(|size| size.as_int).collect();
        if let Some(shape) = shape {
            sum.add(name, dtype(meta.dtype), &shape)?;
        }
    }
    Ok(())
}

/// `ScalarType` of `torch/_export/serde/schema.py`.
fn dtype(number: u64) -> &'static str {
    match number {
        1 => "uint8",
        2 => "int8",
        3 => "int16",
        4 => "int32",
        5 => "int64",
        6 => "float16",
        7 => "float32",
        8 => "float64",
        9 => "complex32",
        10 => "complex64",
        11 => "complex128",
        12 => "bool",
        13 => "bfloat16",
        28 => "uint16",
        29 => "float8_e4m3fn",
        30 => "float8_e5m2",
        31 => "float8_e4m3fnuz",
        32 => "float8_e5m2fnuz",
        _ => "unknown",
    }
}

/// The archive of PyTorch 2.1 to 2.7: its weights are those of the PyTorch file in it.
fn before_pt2(blob: &dyn Blob, directory: &Directory) -> Result<Finding, ProbeError> {
    let weights = match directory.get(b"serialized_state_dict.pt") {
        Some(member) if member.method == Method::Stored && !member.encrypted => {
            let offset = directory.data_offset(blob, member)?;
            archive(&Part::new(blob, offset, member.size.min(blob.size().saturating_sub(offset))))?
        }
        _ => return Ok(finding(Weights::default())),
    };
    let Fact::Weights(inner) = weights.fact else { return Ok(finding(Weights::default())) };
    let mut outer = finding(Weights { kind: None, ..*inner });
    outer.notes = weights.notes;
    Ok(outer)
}
