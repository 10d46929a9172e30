//! Settings of a run as trees of YAML or JSON: their names are kept, the values only where they are paths.

use serde_json::Value;

use super::paths;
use crate::model::{Run, publishable, redact_map};
use crate::probe::yaml::{Node, Yaml};

/// Most settings that are named.
const MAX_NAMES: usize = 4096;
/// Deepest nesting that is followed.
const MAX_DEPTH: u8 = 32;

/// Puts every leaf of a YAML tree where it belongs.
pub(super) fn of_yaml(run: &mut Run, settings: &Yaml) {
    settings.leaves(&mut |path, leaf| {
        let Node::Scalar { text, .. } = &leaf.node else { return };
        set(run, path, text);
    });
}

/// The same of a JSON object.
pub(super) fn of_json(run: &mut Run, settings: &Value) {
    json(run, "", settings, MAX_DEPTH);
}

fn json(run: &mut Run, path: &str, value: &Value, depth: u8) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| json(run, &below(key), value, depth)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| json(run, &below(&at.to_string()), item, depth));
        }
        Value::String(text) => set(run, path, text),
        _ => set(run, path, ""),
    }
}

/// One setting.
pub(super) fn set(run: &mut Run, path: &str, value: &str) {
    // Items of a list are one setting.
    let end = path.rsplit('.').take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit())).map(|part| part.len());
    let end = end.fold(path.len(), |end, len| end.saturating_sub(len.saturating_add(1)));
    let name = path.get(..end).filter(|name| !name.is_empty()).unwrap_or(path);
    let name = publishable("", name);
    if run.params.last() != Some(&name) && run.params.len() < MAX_NAMES && !run.params.contains(&name) {
        run.params.push(name.clone());
    }
    if !value.is_empty() && is_secret(path, value) && !run.environment_leaks.contains(&name) {
        run.environment_leaks.push(name);
    }
    paths::fill(run, path, value);
}

/// Whether a value is a secret by its shape, or by its name: a number is withheld under the name of one alone.
pub(super) fn is_secret(path: &str, value: &str) -> bool {
    let is_of_secret = || redact_map(path, Value::from(1)).is_string() && publishable(path, value) != value;
    publishable("", value).contains("[withheld]") || is_of_secret()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_values_only_of_paths() {
        let mut run = Run::default();
        let text = "data:\n  path: /data/cohort/train.h5ad\nlayers: [1, 2]\nuser: canary\napi_key: Zx81kQ0canary77\n";
        let tree = crate::probe::yaml::documents(text).documents.remove(0);
        of_yaml(&mut run, &tree);
        assert_eq!(run.params, ["data.path", "layers", "user", "api_key"]);
        assert_eq!(run.dataset_path.as_deref(), Some("/data/cohort/train.h5ad"));
        assert_eq!(run.environment_leaks, ["api_key"]);
        assert!(!format!("{run:?}").contains("canary"));
        let mut same = Run::default();
        of_json(&mut same, &serde_json::json!({"data": {"path": "/data/cohort/train.h5ad"}, "layers": [1, 2]}));
        assert_eq!((same.params.len(), same.dataset_path), (2, run.dataset_path));
    }
}
