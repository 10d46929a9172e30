//! Manifests of an Ollama store: which blobs a model is made of. The name is the manifest's own path.
//!
//! Follows `manifest/manifest.go` and `types/model/name.go` of Ollama 0.12: an OCI manifest whose layers have media
//! types of their own.

use serde::Deserialize;

use super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Fact, Weights};

const MAX_MANIFEST: u64 = 1 << 20;
/// Layers that are weights; the others are template, parameters, system prompt and licence.
const WEIGHTS: [&str; 4] = [
    "application/vnd.ollama.image.model",
    "application/vnd.ollama.image.adapter",
    "application/vnd.ollama.image.projector",
    "application/vnd.ollama.image.tensor",
];

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
}

/// Lists the blobs of the layers that are weights.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let signs = ["application/vnd.ollama.image"];
    let manifest: Manifest = kit::json_file(input, MAX_MANIFEST, &signs, "the manifest")?;
    let layers = manifest.layers.iter().filter(|layer| WEIGHTS.contains(&layer.media_type.as_str()));
    let blobs: Vec<String> = layers.filter_map(|layer| blob(&layer.digest)).collect();
    if blobs.is_empty() {
        return Err(ProbeError::NotMine);
    }
    Ok(Finding::new(Fact::Weights(Box::new(Weights { shard_files: blobs, ..Weights::default() }))))
}

/// The file name of a digest.
fn blob(digest: &str) -> Option<String> {
    let hex = digest.strip_prefix("sha256:").or_else(|| digest.strip_prefix("sha256-"))?;
    let is_digest = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| format!("sha256-{hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn only_layers_of_weights_are_listed() {
        let digest = "ab".repeat(32);
        let text = format!(
            r#"{{"schemaVersion": 2, "config": {{"digest": "sha256:{digest}"}}, "layers": [
            {{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:{digest}", "size": 4}},
            {{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../x", "size": 4}},
            {{"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:{digest}", "size": 4}}]}}"#
        );
        let run = |text: &str| probe(&Input::new(&Memory::new(text.as_bytes()), text.as_bytes()));
        assert_eq!(run(&text).unwrap().fact.weights().unwrap().shard_files, [format!("sha256-{digest}")]);
        assert!(matches!(run(r#"{"layers": []}"#), Err(ProbeError::NotMine)));
    }
}
