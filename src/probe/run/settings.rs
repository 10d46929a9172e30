//! Settings of a run as its tracker keeps them: names and values of any shape.
//!
//! The name of each is published; its value goes no further than to [`super::paths`], which picks data, checkpoints and
//! output, and to the list of those that hold secrets, by name.

use serde_json::Value;

use super::{arguments, paths};
use crate::model::{Date, Run, names_secret, publishable, redact_map};
use crate::probe::yaml::{Node, Yaml};

/// Most names of a sort that are kept of one run.
pub(super) const MAX_NAMES: usize = 10_000;

/// A parameter of a run.
pub(super) fn param(run: &mut Run, key: &str, value: &str) {
    if run.params.len() < MAX_NAMES {
        run.params.push(publishable("", key));
    }
    note(run, key, value);
}

/// What a setting says beside its name.
pub(super) fn note(run: &mut Run, key: &str, value: &str) {
    paths::fill(run, key, value);
    leak(run, key, value);
}

/// Notes a setting or an environment variable that holds a secret, by its name.
pub(super) fn leak(run: &mut Run, key: &str, value: &str) {
    let is_empty = matches!(value.trim(), "" | "null" | "None" | "true" | "false" | "True" | "False" | "~");
    // The shell's directory is named like a password.
    let is_directory = matches!(key, "PWD" | "OLDPWD");
    if !is_empty && !is_directory && names_secret(key) {
        let name = publishable("", key);
        if run.environment_leaks.len() < MAX_NAMES && !run.environment_leaks.contains(&name) {
            run.environment_leaks.push(name);
        }
    }
}

/// Every parameter of a tree of settings, its path joined by dots.
pub(super) fn params(run: &mut Run, key: &str, value: &Value) {
    let inner = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                params(run, &inner(name), value);
            }
        }
        Value::Array(items) => {
            if !key.is_empty() && run.params.len() < MAX_NAMES {
                run.params.push(publishable("", key));
            }
            items.iter().filter_map(Value::as_str).for_each(|item| note(run, key, item));
        }
        Value::String(text) => param(run, key, text),
        other => param(run, key, &other.to_string()),
    }
}

/// Puts every leaf of a YAML tree where it belongs.
pub(super) fn of_yaml(run: &mut Run, settings: &Yaml) {
    settings.leaves(&mut |path, leaf| {
        let Node::Scalar { text, .. } = &leaf.node else { return };
        set(run, path, text);
    });
}

/// One setting by its path, in which items of a list are numbered: they are one setting.
pub(super) fn set(run: &mut Run, path: &str, value: &str) {
    let end = path.rsplit('.').take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit())).map(|part| part.len());
    let end = end.fold(path.len(), |end, len| end.saturating_sub(len.saturating_add(1)));
    let name = publishable("", path.get(..end).filter(|name| !name.is_empty()).unwrap_or(path));
    if run.params.last() != Some(&name) && run.params.len() < MAX_NAMES {
        run.params.push(name);
    }
    note(run, path, value);
}

/// A metric of a run, by name.
pub(super) fn metric(run: &mut Run, key: &str) {
    if run.metrics.len() < MAX_NAMES && !run.metrics.iter().any(|other| other == key) {
        run.metrics.push(publishable("", key));
    }
}

/// A command by its words, secrets withheld.
pub(super) fn command<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let words: Vec<Value> = arguments::withheld(words.take(MAX_NAMES)).into_iter().map(Value::String).collect();
    let Value::Array(words) = redact_map("command", Value::Array(words)) else { return None };
    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    (!words.is_empty()).then(|| publishable("command", &words.join(" ")))
}

/// A text of a tracker, if there is one.
pub(super) fn text(key: &str, value: Option<&str>) -> Option<String> {
    value.map(str::trim).filter(|value| !value.is_empty()).map(|value| publishable(key, value))
}

/// An account, which is no secret here: who ran what is what the inventory is for. A mail address is no account, and
/// `unknown` is what MLflow writes for nobody.
pub(super) fn account(value: Option<&str>) -> Option<String> {
    text("account", value.filter(|value| !value.contains('@') && *value != "unknown"))
}

/// The number that a number without fraction is; trackers keep steps as floats.
pub(super) fn whole(number: f64) -> Option<u64> {
    let fits = number.fract() == 0.0 && (0.0..9e15).contains(&number);
    fits.then_some(number as u64)
}

/// A moment as databases and JSON have it (`2024-05-01 10:00:00.123456`), in RFC 3339; UTC, where it says nothing.
pub(super) fn instant(text: &str) -> Option<String> {
    let (day, rest) = text.trim().split_at_checked(10)?;
    let (time, zone) = rest.strip_prefix(['T', ' '])?.split_at_checked(8)?;
    let zone = zone.trim_start_matches(|char: char| char == '.' || char.is_ascii_digit());
    let is_time = time.bytes().enumerate().all(|(at, byte)| match at {
        2 | 5 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let is_utc = matches!(zone, "" | "Z" | "+00:00" | "+0000");
    (is_time && is_utc && day.parse::<Date>().is_ok()).then(|| format!("{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_and_values_are_not() {
        let mut run = Run::default();
        let settings = serde_json::json!({
            "lr": 0.1, "data": {"path": "/data/a", "n": 3}, "api_key": "hunter2hunter2", "tags": ["x", "y"],
            "val_files": ["/data/v0", "/data/v1"], "none": {}
        });
        params(&mut run, "", &settings);
        assert_eq!(run.params, ["api_key", "data.n", "data.path", "lr", "none", "tags", "val_files"]);
        assert_eq!(run.dataset_paths, ["/data/a", "/data/v0", "/data/v1"]);
        assert_eq!(run.environment_leaks, ["api_key"]);
        assert_eq!(instant("2024-05-01 10:00:00.123456").as_deref(), Some("2024-05-01T10:00:00Z"));
        assert_eq!((instant("2024-05-01T10:00:00+02:00"), instant("2024-05-01"), instant("é")), (None, None, None));
        let words = ["python", "train.py", "--password", "hunter2", "--lr=0.1"];
        let command = command(words.into_iter()).unwrap();
        assert!(command.starts_with("python train.py") && command.ends_with("--lr=0.1"), "{command}");
        assert!(!format!("{run:?}{command}").contains("hunter2"));
        let command =
            super::command("curl -u bob:hunter2 --key hunter2 --notes 'of hunter2' --lr 1".split(' ')).unwrap();
        assert_eq!(command, "curl -u bob:[withheld] --key [withheld] --notes [withheld] --lr 1");
        assert_eq!((account(Some("alice")).as_deref(), account(Some("a@b.example"))), (Some("alice"), None));
    }

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
        params(&mut same, "", &serde_json::json!({"data": {"path": "/data/cohort/train.h5ad"}, "layers": [1, 2]}));
        assert_eq!((same.params.len(), same.dataset_path), (2, run.dataset_path));
    }
}
