//! What trainers of image models note in a header: kohya's `ss_*` keys, and the `modelspec.*` keys of Stability AI.
//!
//! Follows `train_network.py` and `library/sai_model_spec.py` of kohya-ss/sd-scripts. The names of the training folders
//! are worth a fact; the captions of the images, which can be megabytes, are not published.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model::{Weights, publishable};

/// Folder names that are published.
const MAX_FOLDERS: usize = 512;
/// Longest note that is parsed: lists of captions are longer, and hold what is not published.
const MAX_NOTE: usize = 4 << 20;
/// Words that the images were described by.
const CAPTIONS: [&str; 2] = ["ss_tag_frequency", "ss_datasets"];

/// Fills facts from the free metadata of a header.
pub(super) fn fill(weights: &mut Weights, notes: &BTreeMap<String, String>) {
    let first = |keys: &[&str]| {
        let text = keys.iter().find_map(|key| notes.get(*key).filter(|text| !matches!(text.as_str(), "" | "None")));
        text.map(|text| publishable(keys.first().copied().unwrap_or_default(), text))
    };
    let number = |keys: &[&str]| keys.iter().find_map(|key| notes.get(*key)?.parse::<u64>().ok());
    weights.name = first(&["modelspec.title", "ss_output_name"]);
    weights.author = first(&["modelspec.author"]);
    weights.license = first(&["modelspec.license"]);
    weights.base_model = first(&["ss_sd_model_name", "ss_base_model_version"]);
    weights.global_step = number(&["ss_steps"]);
    weights.epoch = number(&["ss_epoch"]);
    weights.r = number(&["ss_network_dim"]);
    weights.lora_alpha = notes.get("ss_network_alpha").and_then(|alpha| alpha.parse().ok());
    if notes.contains_key("ss_network_module") || notes.contains_key("ss_network_dim") {
        weights.kind = Some("adapter".to_owned());
        weights.peft_type = first(&["ss_network_module"]);
    }
    weights.architecture = first(&["modelspec.architecture"]);
    weights.dataset_dirs = folders(notes);
    let publish = |(key, text): (&String, &String)| (publishable("", key), publishable(key, text));
    let kept = notes.iter().filter(|(key, _)| !CAPTIONS.contains(&key.as_str()));
    weights.metadata = kept.map(publish).collect();
}

/// Names of the folders that the training images lay in.
fn folders(notes: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for key in ["ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_tag_frequency"] {
        let Some(text) = notes.get(key).filter(|text| text.len() <= MAX_NOTE) else { continue };
        if let Ok(folders) = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text) {
            found.extend(folders.into_keys());
        }
    }
    if let Some(text) = notes.get("ss_datasets").filter(|text| text.len() <= MAX_NOTE)
        && let Ok(Value::Array(sets)) = serde_json::from_str(text)
    {
        let subsets = sets.iter().filter_map(|set| set.get("subsets")?.as_array()).flatten();
        found.extend(subsets.filter_map(|subset| Some(subset.get("image_dir")?.as_str()?.to_owned())));
    }
    found.into_iter().take(MAX_FOLDERS).map(|folder| publishable("dataset_dir", &folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_told_and_captions_are_not() {
        let notes = [
            ("ss_output_name", "patient_style_v2"),
            ("ss_sd_model_name", "sd_xl_base_1.0.safetensors"),
            ("ss_dataset_dirs", r#"{"10_ward b": {"n_repeats": 10, "img_count": 25}}"#),
            ("ss_tag_frequency", r#"{"10_ward b": {"a face of someone": 3}, "img": {}}"#),
            ("ss_datasets", r#"[{"subsets": [{"image_dir": "/data/cohort_a/faces", "num_repeats": 1}]}]"#),
            ("ss_steps", "1600"),
            ("ss_epoch", "8"),
            ("ss_network_dim", "32"),
            ("ss_network_alpha", "16.0"),
            ("ss_network_module", "networks.lora"),
            ("ss_vae_name", "None"),
        ];
        let notes = notes.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        let mut weights = Weights::default();
        fill(&mut weights, &notes);
        assert_eq!(weights.dataset_dirs, ["/data/cohort_a/faces", "10_ward b", "img"]);
        assert_eq!((weights.global_step, weights.epoch, weights.r), (Some(1600), Some(8), Some(32)));
        assert_eq!((weights.kind.as_deref(), weights.lora_alpha), (Some("adapter"), Some(16.0)));
        assert!(!serde_json::to_string(&weights).unwrap().contains("someone"));
    }

    #[test]
    fn broken_notes_are_passed_over() {
        let deep = "[".repeat(100_000);
        let notes = BTreeMap::from([("ss_datasets".to_owned(), deep), ("ss_steps".to_owned(), "-1".to_owned())]);
        let mut weights = Weights::default();
        fill(&mut weights, &notes);
        assert!(weights.dataset_dirs.is_empty() && weights.global_step.is_none());
    }
}
