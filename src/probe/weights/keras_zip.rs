//! `.keras` files: a zip of `metadata.json`, `config.json` and `model.weights.h5`.
//!
//! Follows `saving_lib.py` of Keras 3.15. Keras stores its members; one that was packed again may deflate them, and
//! then what is inflated is bounded. Values of weights are never read.

use serde_json::Value;

use super::super::{Finding, Input, ProbeError, kit};
use super::keras_h5;
use crate::archive::zip::{Directory, Member, Method, ZipError};
use crate::blob::{Blob, Memory, Part, ReadError};
use crate::model::{Cause, Fact, Weights, publishable};

/// Longest configuration.
const MAX_JSON: u64 = 16 << 20;
/// Most bytes of weights that are inflated.
const MAX_INFLATED: u64 = 64 << 20;

/// Reads the directory, the two descriptions and the structure of the weights.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(b"PK\x03\x04") {
        return Err(ProbeError::NotMine);
    }
    let directory = match Directory::read(input.blob) {
        Ok(directory) => directory,
        Err(ZipError::Read(error)) if !matches!(error, ReadError::Ended { .. }) => return Err(error.into()),
        // A broken archive may be anyone's.
        Err(_) => return Err(ProbeError::NotMine),
    };
    let (Some(metadata), Some(config)) = (directory.get(b"metadata.json"), directory.get(b"config.json")) else {
        return Err(ProbeError::NotMine);
    };
    let metadata: Value = kit::json(&content(input.blob, &directory, metadata, MAX_JSON)?, "its metadata")?;
    let Some(version) = metadata.get("keras_version").and_then(Value::as_str) else {
        return Err(ProbeError::NotMine);
    };
    let mut weights = Weights { container: Some("zip".to_owned()), ..Weights::default() };
    keras_h5::config_facts(&content(input.blob, &directory, config, MAX_JSON)?, &mut weights)?;
    let mut notes = Vec::new();
    match directory.get(b"model.weights.h5") {
        Some(member) => match variables(input.blob, &directory, member) {
            Ok(finding) => {
                notes.extend(finding.notes);
                if let Fact::Weights(counted) = finding.fact {
                    weights.parameter_count = counted.parameter_count;
                    weights.tensor_count = counted.tensor_count;
                    weights.dtypes = counted.dtypes;
                    weights.structure = counted.structure;
                    weights.has_optimizer = Some(counted.has_optimizer == Some(true));
                    weights.state_elements = counted.state_elements;
                }
            }
            Err(ProbeError::NotMine) => notes.push((Cause::Malformed, "its weights are no HDF5 file".to_owned())),
            Err(error) => notes.push(kit::note(error)?),
        },
        None => notes.push((Cause::Unsupported, "its weights are not in the member they usually are".to_owned())),
    }
    weights.producer = Some("keras".to_owned());
    weights.keras_version = Some(publishable("version", version));
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    finding.notes = notes;
    finding.identities.push(directory.identity());
    Ok(finding)
}

fn variables(blob: &dyn Blob, directory: &Directory, member: &Member) -> Result<Finding, ProbeError> {
    if member.method == Method::Stored && !member.encrypted {
        let at = directory.data_offset(blob, member)?;
        return keras_h5::describe(&Part::new(blob, at, member.size));
    }
    keras_h5::describe(&Memory::new(content(blob, directory, member, MAX_INFLATED)?))
}

/// The content of a member. One that declares more than is allowed is not begun.
fn content(blob: &dyn Blob, directory: &Directory, member: &Member, allowed: u64) -> Result<Vec<u8>, ProbeError> {
    if member.method == Method::Deflate && !member.encrypted && member.size > allowed {
        return Err(ReadError::TooLong { wanted: member.size, allowed }.into());
    }
    Ok(directory.content(blob, member, allowed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_archives_are_left_alone() {
        for bytes in [&b"text"[..], b"PK\x03\x04 and no directory"] {
            let blob = Memory::new(bytes);
            assert!(matches!(probe(&Input::new(&blob, bytes)), Err(ProbeError::NotMine)));
        }
    }
}
