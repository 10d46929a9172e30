//! The JSON files that Hugging Face libraries write beside weights: `config.json`, `generation_config.json`,
//! `tokenizer_config.json`, `adapter_config.json`, `trainer_state.json`.
//!
//! Follows transformers 5 (`PretrainedConfig`, `TrainerState`), diffusers 0.42 (`ConfigMixin`) and peft 0.21
//! (`PeftConfig`). The names are shared with any other program, so each asks for the keys only these libraries write.
//! Classes they name would be imported by a loader; here they are only listed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Fact, Weights, publishable, redact_map};

/// Largest configuration. Those with the labels of ImageNet-21k have about one megabyte.
const MAX_CONFIG: u64 = 16 << 20;
/// Largest trainer state: every logged step is in it.
const MAX_STATE: u64 = 100 << 20;
/// Entries kept of a list or a map.
const MAX_ENTRIES: usize = 1024;
/// Parts of a multimodal configuration that describe its language model.
const TEXT_PARTS: [&str; 4] = ["text_config", "llm_config", "language_config", "thinker_config"];
/// Keys one of which every configuration with `architectures` has.
const CONFIG_KEYS: [&str; 10] = [
    "transformers_version",
    "torch_dtype",
    "dtype",
    "hidden_size",
    "vocab_size",
    "num_hidden_layers",
    "auto_map",
    "tie_word_embeddings",
    "is_encoder_decoder",
    "_name_or_path",
];

/// A JSON object that is looked into, not mapped: its keys are open-ended.
struct Object(Map<String, Value>);

impl Object {
    fn read(input: &Input, signs: &[&str], what: &str) -> Result<Object, ProbeError> {
        kit::json_file(input, MAX_CONFIG, signs, what).map(Object)
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The text under `key`, unless it is empty.
    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// The same, as it may be published.
    fn published(&self, key: &str) -> Option<String> {
        self.text(key).map(|text| publishable(key, text))
    }

    /// The first of `keys` that is there, or is there for the language model inside.
    fn of_text_model(&self, keys: &[&str]) -> Option<&Value> {
        let parts = TEXT_PARTS.iter().filter_map(|part| self.0.get(*part)?.as_object());
        std::iter::once(&self.0)
            .chain(parts)
            .find_map(|part| keys.iter().find_map(|key| part.get(*key).filter(|value| !value.is_null())))
    }

    /// Texts of the given keys that are there.
    fn texts(&self, keys: &[&str]) -> BTreeMap<String, String> {
        keys.iter().filter_map(|key| Some(((*key).to_owned(), self.published(key)?))).collect()
    }

    /// Parts of a pipeline: `"unet": ["diffusers", "UNet2DModel"]`. A part that is left out is two nulls.
    fn components(&self) -> Vec<String> {
        // A module and a class: lists of two block types are in the components' own configurations.
        let is_part = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([Value::String(module), Value::String(class)]) => {
                module.starts_with(|c: char| c.is_ascii_lowercase())
                    && class.starts_with(|c: char| c.is_ascii_uppercase())
            }
            _ => false,
        };
        let is_folder = |name: &String| !name.starts_with('_') && !name.contains(['/', '\\']) && name != "..";
        let parts = self.0.iter().filter(|(_, value)| is_part(value)).map(|(name, _)| publishable("", name));
        parts.filter(is_folder).take(MAX_ENTRIES).collect()
    }

    /// Classes a loader would import, by role; a tokenizer's role has two, or one and null.
    fn auto_map(&self) -> BTreeMap<String, String> {
        let Some(Value::Object(roles)) = self.0.get("auto_map") else { return BTreeMap::new() };
        let entry = |(role, class): (&String, &Value)| {
            let classes: Vec<&str> = match class {
                Value::String(class) => vec![class],
                Value::Array(classes) => classes.iter().filter_map(Value::as_str).take(MAX_ENTRIES).collect(),
                _ => Vec::new(),
            };
            let classes = (!classes.is_empty()).then(|| classes.join(", "))?;
            Some((publishable("", role), publishable(role, &classes)))
        };
        roles.iter().filter_map(entry).take(MAX_ENTRIES).collect()
    }
}

fn found(weights: Weights) -> Result<Finding, ProbeError> {
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

/// `config.json` of transformers; `config.json` and `model_index.json` of diffusers.
pub(crate) fn config(input: &Input) -> Result<Finding, ProbeError> {
    let signs = ["\"transformers_version\"", "\"model_type\"", "\"_diffusers_version\""];
    let config = Object::read(input, &signs, "the configuration")?;
    let class = config.text("_class_name").filter(|_| config.has("_diffusers_version"));
    let architecture = class.or_else(|| first_class(config.0.get("architectures")?));
    let model_type = config.text("model_type");
    let is_described = architecture.is_some() && CONFIG_KEYS.iter().any(|key| config.has(key));
    if class.is_none() && model_type.is_none() && !is_described {
        return Err(ProbeError::NotMine);
    }
    let number = |keys: &[&str]| config.of_text_model(keys).and_then(Value::as_u64);
    found(Weights {
        architecture: architecture.map(|name| publishable("architecture", name)),
        model_type: model_type.map(|name| publishable("model_type", name)),
        base_model: config.published("_name_or_path").filter(|path| !matches!(path.as_str(), "." | "./")),
        auto_map: config.auto_map(),
        components: if class.is_some() { config.components() } else { Vec::new() },
        hidden_size: number(&["hidden_size", "n_embd", "d_model", "dim"]),
        num_layers: number(&["num_hidden_layers", "n_layer", "num_layers", "n_layers"]),
        vocab_size: number(&["vocab_size"]),
        tied_weights: config.of_text_model(&["tie_word_embeddings"]).and_then(Value::as_bool),
        framework_version: config.published("transformers_version").or_else(|| config.published("_diffusers_version")),
        ..Weights::default()
    })
}

/// The first of a list of class names.
fn first_class(architectures: &Value) -> Option<&str> {
    let first = architectures.as_array()?.first()?.as_str()?;
    let is_identifier = first.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_identifier && first.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')).then_some(first)
}

/// `generation_config.json`: recognised, since it tells a language model; its numbers expose nothing.
pub(crate) fn generation(input: &Input) -> Result<Finding, ProbeError> {
    let config = Object::read(input, &[], "the generation configuration")?;
    let keys = ["_from_model_config", "transformers_version", "eos_token_id", "bos_token_id", "max_new_tokens"];
    // A model's own configuration has these keys too.
    let is_model = ["model_type", "architectures", "peft_type", "_class_name"].iter().any(|key| config.has(key));
    if is_model || !keys.iter().any(|key| config.has(key)) {
        return Err(ProbeError::NotMine);
    }
    found(Weights { framework_version: config.published("transformers_version"), ..Weights::default() })
}

/// `tokenizer_config.json`.
pub(crate) fn tokenizer(input: &Input) -> Result<Finding, ProbeError> {
    let config = Object::read(input, &["\"tokenizer_class\""], "the tokenizer configuration")?;
    let keys = ["tokenizer_class", "model_max_length", "added_tokens_decoder", "chat_template"];
    if config.has("model_type") || config.has("architectures") || !keys.iter().any(|key| config.has(key)) {
        return Err(ProbeError::NotMine);
    }
    found(Weights {
        has_tokenizer: Some(true),
        auto_map: config.auto_map(),
        metadata: config.texts(&["tokenizer_class", "name_or_path"]),
        ..Weights::default()
    })
}

/// `adapter_config.json` of peft.
pub(crate) fn peft(input: &Input) -> Result<Finding, ProbeError> {
    let config = Object::read(input, &["\"peft_type\""], "the adapter configuration")?;
    if config.text("peft_type").is_none() {
        return Err(ProbeError::NotMine);
    }
    let mut modules: Vec<String> = match config.0.get("target_modules") {
        Some(Value::String(pattern)) => vec![publishable("target_modules", pattern)],
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).take(MAX_ENTRIES);
            names.map(|name| publishable("target_modules", name)).collect()
        }
        _ => Vec::new(),
    };
    // peft keeps a set, and its order changes from one saving to the next.
    modules.sort_unstable();
    found(Weights {
        kind: Some("adapter".to_owned()),
        base_model: config.published("base_model_name_or_path"),
        peft_type: config.published("peft_type"),
        r: config.0.get("r").and_then(Value::as_u64),
        lora_alpha: config.0.get("lora_alpha").and_then(Value::as_f64),
        target_modules: modules,
        framework_version: config.published("peft_version"),
        metadata: config.texts(&["revision", "task_type"]),
        ..Weights::default()
    })
}

/// What is read of a trainer's state; the log of its steps is only seen to be there.
#[derive(Deserialize)]
struct TrainerState {
    global_step: Option<u64>,
    epoch: Option<f64>,
    log_history: Option<Vec<IgnoredAny>>,
    best_metric: Option<Value>,
    best_model_checkpoint: Option<Value>,
    max_steps: Option<Value>,
    num_train_epochs: Option<Value>,
    train_batch_size: Option<Value>,
    trial_name: Option<Value>,
}

/// `trainer_state.json` of the transformers trainer.
pub(crate) fn trainer_state(input: &Input) -> Result<Finding, ProbeError> {
    let state: TrainerState = kit::json_file(input, MAX_STATE, &["\"log_history\""], "the trainer state")?;
    if state.global_step.is_none() || state.log_history.is_none() {
        return Err(ProbeError::NotMine);
    }
    let args = [
        ("best_metric", state.best_metric),
        ("best_model_checkpoint", state.best_model_checkpoint),
        ("max_steps", state.max_steps),
        ("num_train_epochs", state.num_train_epochs),
        ("train_batch_size", state.train_batch_size),
        ("trial_name", state.trial_name),
    ];
    found(Weights {
        global_step: state.global_step,
        // Epochs that are over.
        epoch: state.epoch.filter(|epoch| (0.0..1e15).contains(epoch)).map(|epoch| epoch as u64),
        args: args.into_iter().filter_map(|(key, value)| Some((key.to_owned(), redact_map(key, value?)))).collect(),
        ..Weights::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, text: &str) -> Option<Weights> {
        let blob = Memory::new(text.as_bytes());
        match probe(&Input::new(&blob, text.as_bytes())) {
            Ok(finding) => Some(finding.fact.weights().unwrap().clone()),
            Err(ProbeError::NotMine) => None,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn configurations_of_other_programs_are_left() {
        for text in [
            r#"{"port": 8080, "architectures": ["amd64", "arm64"], "hidden_menu": true}"#,
            r#"{"architectures": "amd64", "dtype": "x"}"#,
            r#"{"architectures": [], "dtype": "x"}"#,
            r#"{"model_type": 3}"#,
            r#"{"_class_name": "x"}"#,
            r#"{"auths": {}}"#,
            "{} // comment",
            "[1, 2]",
            "port = 8080",
            "",
        ] {
            for probe in [config, generation, tokenizer, peft, trainer_state] {
                assert!(run(probe, text).is_none(), "{text}");
            }
        }
    }

    #[test]
    fn no_two_probes_take_the_same_file() {
        let files = [
            r#"{"model_type": "bert", "transformers_version": "5", "eos_token_id": 1}"#,
            r#"{"transformers_version": "5", "eos_token_id": 1}"#,
            r#"{"tokenizer_class": "T", "model_max_length": 1e30}"#,
            r#"{"peft_type": "LORA", "base_model_name_or_path": "a/b"}"#,
            r#"{"global_step": 4, "log_history": []}"#,
        ];
        for (index, text) in files.into_iter().enumerate() {
            let taken: Vec<usize> = [config, generation, tokenizer, peft, trainer_state]
                .into_iter()
                .enumerate()
                .filter_map(|(number, probe)| run(probe, text).map(|_| number))
                .collect();
            assert_eq!(taken, [index], "{text}");
        }
    }

    #[test]
    fn the_language_model_of_a_multimodal_one() {
        let text = r#"{"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "hidden_size": null,
            "text_config": {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "vocab_size": 9},
            "vision_config": {"hidden_size": 16}, "_name_or_path": "./", "tie_word_embeddings": false}"#;
        let weights = run(config, text).unwrap();
        assert_eq!(weights.architecture.as_deref(), Some("LlavaForConditionalGeneration"));
        assert_eq!((weights.hidden_size, weights.num_layers, weights.vocab_size), (Some(64), Some(2), Some(9)));
        assert_eq!((weights.base_model, weights.tied_weights), (None, Some(false)));
    }

    #[test]
    fn custom_classes_are_listed_with_both_of_a_tokenizer() {
        let text = r#"{"tokenizer_class": "T", "auto_map": {"AutoTokenizer": ["t.Slow", null], "Other": 3}}"#;
        let weights = run(tokenizer, text).unwrap();
        assert_eq!(weights.auto_map, BTreeMap::from([("AutoTokenizer".to_owned(), "t.Slow".to_owned())]));
    }

    #[test]
    fn an_adapter_of_a_local_base() {
        let text = r#"{"peft_type": "LORA", "base_model_name_or_path": "/models/secret-project/7b", "r": 4,
            "lora_alpha": 16.5, "target_modules": "all-linear", "revision": "main"}"#;
        let weights = run(peft, text).unwrap();
        assert_eq!(weights.base_model.as_deref(), Some("/models/secret-project/7b"));
        assert_eq!((weights.r, weights.lora_alpha), (Some(4), Some(16.5)));
        assert_eq!(weights.target_modules, ["all-linear"]);
        assert_eq!(weights.metadata.get("revision").map(String::as_str), Some("main"));
    }

    #[test]
    fn a_diverged_run_is_read() {
        let text = r#"{"global_step": 7, "epoch": 2.99, "best_metric": NaN, "best_model_checkpoint": "/scratch/a/checkpoint-4",
            "log_history": [{"loss": NaN, "step": 1}, {"loss": Infinity}]}"#;
        let weights = run(trainer_state, text).unwrap();
        assert_eq!((weights.global_step, weights.epoch), (Some(7), Some(2)));
        assert_eq!(weights.args.keys().collect::<Vec<_>>(), ["best_model_checkpoint"]);
        for epoch in ["-1", "1e300", "null"] {
            let text = format!(r#"{{"global_step": 7, "epoch": {epoch}, "log_history": []}}"#);
            assert_eq!(run(trainer_state, &text).unwrap().epoch, None);
        }
    }

    #[test]
    fn values_of_secrets_stay_inside() {
        let token = format!("hf_{}", "aB3dE".repeat(7));
        let text = format!(r#"{{"model_type": "bert", "_name_or_path": "https://x:{token}@hub.example/m"}}"#);
        assert!(!run(config, &text).unwrap().base_model.unwrap().contains(&token));
    }
}
