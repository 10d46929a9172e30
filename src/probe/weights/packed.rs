//! Models inside of a zip archive that says what it holds: TorchServe's archives, and llamafiles.
//!
//! Follows `model_archiver/manifest_components` of torch-model-archiver 0.12 (`MAR-INF/MANIFEST.json`), and llamafile
//! 0.9: a program that runs on several systems, at the end of which a zip archive holds a GGUF file that is not
//! compressed. Only the directory, the manifest and the header of the model are read; members are for the scan to open.

use serde_json::Value;

use super::super::{Finding, Input, ProbeError, kit};
use super::gguf;
use crate::archive::zip::{Directory, Member, Method, ZipError};
use crate::blob::{Blob, Part};
use crate::model::{Fact, Weights, publishable};

const MANIFEST: &[u8] = b"MAR-INF/MANIFEST.json";
const MAX_MANIFEST: u64 = 1 << 20;
/// Notes of a manifest that are kept.
const NOTES: [&str; 5] = ["createdOn", "archiverVersion", "description", "runtime", "modelServerVersion"];

/// An archive of TorchServe.
pub(crate) fn mar(input: &Input) -> Result<Finding, ProbeError> {
    let directory = directory(input.blob)?;
    let manifest = directory.get(MANIFEST).ok_or(ProbeError::NotMine)?;
    let manifest: Value = kit::json(&self::manifest(input.blob, &directory, manifest)?, "the manifest")?;
    let model = manifest.get("model").ok_or(ProbeError::NotMine)?;
    let text = |from: &Value, key: &str| from.get(key)?.as_str().map(|text| publishable(key, text));
    let mut weights = Weights {
        name: text(model, "modelName"),
        producer: Some("torch-model-archiver".to_owned()),
        // A handler that is not one of the server's own is a file of the archive.
        custom_code: text(model, "handler").filter(|handler| handler.contains(".py")).into_iter().collect(),
        container: Some("zip".to_owned()),
        ..Weights::default()
    };
    for (from, keys) in [(&manifest, &NOTES[..]), (model, &["modelVersion", "serializedFile", "handler", "modelFile"])]
    {
        for key in keys {
            weights.metadata.extend(text(from, key).map(|text| ((*key).to_owned(), text)));
        }
    }
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    finding.identities.push(directory.identity());
    finding.descend = true;
    Ok(finding)
}

/// A program with a model at its end.
pub(crate) fn llamafile(input: &Input) -> Result<Finding, ProbeError> {
    let directory = directory(input.blob)?;
    let models = directory.members.iter().filter(|member| member.name.to_ascii_lowercase().ends_with(b".gguf"));
    // The largest: a projector may lie beside it.
    let member = models.max_by_key(|member| member.size).ok_or(ProbeError::NotMine)?;
    if member.method != Method::Stored || member.encrypted {
        return Err(ProbeError::Unsupported("its model is compressed".to_owned()));
    }
    let at = directory.data_offset(input.blob, member)?;
    let part = Part::new(input.blob, at, member.size.min(input.blob.size().saturating_sub(at)));
    gguf::probe(&Input::new(&part, &[]))
}

fn directory(blob: &dyn Blob) -> Result<Directory, ProbeError> {
    Directory::read(blob).map_err(|error| match error {
        ZipError::NoDirectory => ProbeError::NotMine,
        other => other.into(),
    })
}

/// The manifest. The archiver stores or deflates it; compressed in another way it is malformed, not unsupported.
fn manifest(blob: &dyn Blob, directory: &Directory, member: &Member) -> Result<Vec<u8>, ProbeError> {
    match directory.content(blob, member, MAX_MANIFEST) {
        Err(ZipError::Method) => Ok(directory.stored(blob, member, MAX_MANIFEST)?),
        other => other.map_err(|error| kit::of_member(error, "its manifest")),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)] // of forged sizes
mod tests {
    use super::*;
    use crate::blob::Memory;

    /// An archive of one stored member behind `before`.
    fn archive(before: &[u8], name: &[u8], content: &[u8]) -> Vec<u8> {
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let name_len = &len(name)[..2];
        let sizes = [[0; 4], len(content), len(content)].concat();
        let local = [b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0", sizes.as_slice(), name_len, b"\0\0", name, content].concat();
        let row = [b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0", sizes.as_slice(), name_len, &[0; 12], &len(before), name]
            .concat();
        let at = u32::try_from(before.len().saturating_add(local.len())).unwrap().to_le_bytes();
        let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &len(&row), &at, b"\0\0"].concat();
        [before, &local, &row, &end].concat()
    }

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn the_model_at_the_end_of_a_program_is_read() {
        let gguf = [b"GGUF\x03\0\0\0".as_slice(), &[0; 16]].concat();
        let file = archive(b"MZqFpD='\n program", b"model.gguf", &gguf);
        let finding = run(llamafile, &file).unwrap();
        assert_eq!(finding.fact.weights().unwrap().gguf_version, Some(3));
        assert!(matches!(run(llamafile, &archive(b"MZqFpD='", b"a.txt", b"x")), Err(ProbeError::NotMine)));
        for size in 0..file.len() {
            assert!(run(llamafile, &file[..size]).is_err(), "{size}");
        }
    }

    #[test]
    fn a_manifest_names_the_model() {
        let manifest = br#"{"createdOn": "22/11/2026", "model": {"modelName": "scorer", "handler": "handler.py:Own"}}"#;
        let file = archive(b"", MANIFEST, manifest);
        let finding = run(mar, &file).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert!(finding.descend && weights.custom_code == ["handler.py:Own"]);
        assert_eq!(weights.name.as_deref(), Some("scorer"));
        assert!(matches!(run(mar, &archive(b"", b"x", b"y")), Err(ProbeError::NotMine)));
        assert!(matches!(run(mar, &archive(b"", MANIFEST, b"{")), Err(ProbeError::Malformed(_))));
    }
}
