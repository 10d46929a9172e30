//! Ollama's store: `manifests/<registry>/<namespace>/<model>/<tag>` names what `blobs/sha256-<digest>` holds.

use super::{Group, absorb};
use crate::model::{Fact, Locator, Sighting};

/// The format of a manifest.
const MANIFEST: &str = "ollama-manifest";

/// Takes the manifests out of a survey's sightings.
pub(super) fn split(sightings: Vec<&Sighting>) -> (Vec<&Sighting>, Vec<&Sighting>) {
    sightings.into_iter().partition(|sighting| sighting.format == MANIFEST)
}

/// Puts each manifest, and the further blobs it lists, to the model of its first blob, which it names.
pub(super) fn name<'s>(manifests: &[&'s Sighting], mut groups: Vec<Group<'s>>) -> Vec<Group<'s>> {
    for manifest in manifests {
        let Some((blobs, name)) = place(&manifest.locator) else { continue };
        let Some(listed) = manifest.fact.weights().map(|weights| &weights.shard_files) else { continue };
        let mut blobs = listed.iter().map(|file| blobs.child(file.as_bytes()));
        let Some(first) = blobs.next() else { continue };
        let rest: Vec<Locator> = blobs.filter(|blob| *blob != first).collect();
        let Some(at) = groups.iter().position(|group| group.primary.locator == first) else { continue };
        let is_first = !groups[at].others.iter().any(|other| other.format == MANIFEST);
        // Two models may share a projector: it belongs to the first that lists it.
        let (parts, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| rest.contains(&group.primary.locator));
        groups = others;
        let Some(model) = groups.iter_mut().find(|group| group.primary.locator == first) else { continue };
        for part in parts {
            if let (Fact::Weights(weights), Some(of_part)) = (&mut model.draft.fact, part.draft.fact.weights()) {
                absorb::fill(weights, of_part);
            }
            model.others.push(part.primary);
            model.others.extend(part.others);
        }
        model.others.push(manifest);
        if is_first {
            if let Fact::Weights(weights) = &mut model.draft.fact {
                weights.repo_id = weights.repo_id.take().or(Some(name.clone()));
            }
            model.draft.name = name;
        }
    }
    groups
}

/// The directory of blobs beside the one of manifests, and the model's name as Ollama shows it.
fn place(manifest: &Locator) -> Option<(Locator, String)> {
    let tag = manifest.base_name();
    let mut parts = Vec::new();
    let mut directory = manifest.parent();
    while directory.base_name() != b"manifests" {
        if directory.leaf().is_empty() || parts.len() > 4 {
            return None;
        }
        parts.push(String::from_utf8_lossy(directory.base_name()).into_owned());
        directory = directory.parent();
    }
    parts.reverse();
    if let Some(("registry.ollama.ai", rest)) = parts.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        let rest = rest.to_vec();
        parts = rest;
        if parts.first().is_some_and(|namespace| namespace == "library") {
            parts.remove(0);
        }
    }
    let name = format!("{}:{}", parts.join("/"), String::from_utf8_lossy(tag));
    Some((directory.parent().child(b"blobs"), crate::model::escape_name(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_shown() {
        let shown = |path: &str| {
            let (blobs, name) = place(&Locator::path(0, path.as_bytes()))?;
            Some((blobs.to_string(), name))
        };
        let want = |blobs: &str, name: &str| Some((blobs.to_owned(), name.to_owned()));
        assert_eq!(
            shown("x/models/manifests/registry.ollama.ai/library/llama3/8b"),
            want("x/models/blobs", "llama3:8b")
        );
        assert_eq!(shown("manifests/hf.co/acme/Pert-GGUF/Q4_K_M"), want("blobs", "hf.co/acme/Pert-GGUF:Q4_K_M"));
        assert_eq!(shown("elsewhere/llama3/8b"), None);
    }
}
