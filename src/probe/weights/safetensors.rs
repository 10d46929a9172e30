//! safetensors: a little-endian length, a JSON header of that length, then the tensors' bytes back to back.
//!
//! Follows the format description of the safetensors library and the checks its reader makes (`safetensors` 0.8,
//! `tensor.rs`): header at most 100 MB, offsets contiguous from 0 to the end of the file. The header is all that is
//! read; contiguity proves that the file is whole.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{Finding, Input, ProbeError};
use super::tensors::Tensors;
use super::training_notes;
use crate::blob::Cursor;
use crate::model::{Cause, Fact, Weights};
use crate::probe::kit;

/// The reference reader's own limit.
const MAX_HEADER: u64 = 100_000_000;

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, TensorInfo>,
}

#[derive(Deserialize)]
struct TensorInfo {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// Reads the header.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    let length = cursor.u64()?;
    let brace = cursor.u8()?;
    // Nothing else distinguishes the format: without the brace these are eight bytes of something else.
    if brace != b'{' || length < 2 {
        return Err(ProbeError::NotMine);
    }
    if length > MAX_HEADER {
        return Err(ProbeError::Malformed(format!(
            "declares a header of {length} bytes; at most {MAX_HEADER} are valid"
        )));
    }
    cursor.seek(8);
    let text = cursor.vec(length, MAX_HEADER)?;
    let header: Header = kit::json(&text, "the safetensors header")?;

    let mut sum = Tensors::default();
    let mut extents = Vec::with_capacity(header.tensors.len());
    for (name, tensor) in &header.tensors {
        let (begin, end) = tensor.data_offsets;
        if begin > end {
            return Err(ProbeError::Malformed("a tensor ends before it begins".to_owned()));
        }
        extents.push((begin, end));
        sum.add(name, dtype(&tensor.dtype), &tensor.shape)?;
    }
    extents.sort_unstable();
    let mut reached = 0;
    for (begin, end) in extents {
        if begin != reached {
            return Err(ProbeError::Malformed(format!("its tensors leave a hole or overlap at byte {reached}")));
        }
        reached = end;
    }

    // Names and shapes of weights that are not there: nothing that could be run, or resumed, is in it.
    if reached > 0 && input.blob.size() <= length.saturating_add(8) && !input.blob.is_open_ended() {
        return Err(crate::blob::ReadError::Ended { at: input.blob.size() }.into());
    }

    let mut weights = Weights::default();
    sum.fill(&mut weights);
    training_notes::fill(&mut weights, &header.metadata);
    weights.has_optimizer = header.tensors.keys().any(|name| is_optimizer(name)).then_some(true);

    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    let whole = length.saturating_add(8).saturating_add(reached);
    let size = input.blob.size();
    if whole != size && !(input.blob.is_open_ended() && whole > size) {
        let cause = if whole > size { Cause::Truncated } else { Cause::Malformed };
        finding.notes.push((cause, format!("its header describes {whole} bytes, the file has {size}")));
    }
    Ok(finding)
}

/// Names under which training states are kept beside the weights.
fn is_optimizer(name: &str) -> bool {
    ["exp_avg", "optimizer.", "opt_state", "momentum_buffer"].iter().any(|part| name.contains(part))
}

/// The contract's name of an element type.
fn dtype(name: &str) -> &str {
    match name {
        "F64" => "float64",
        "F32" => "float32",
        "F16" => "float16",
        "BF16" => "bfloat16",
        "F8_E4M3" => "float8_e4m3fn",
        "F8_E5M2" => "float8_e5m2",
        "I64" => "int64",
        "I32" => "int32",
        "I16" => "int16",
        "I8" => "int8",
        "U64" => "uint64",
        "U32" => "uint32",
        "U16" => "uint16",
        "U8" => "uint8",
        "BOOL" => "bool",
        "C64" => "complex64",
        other => other,
    }
}
