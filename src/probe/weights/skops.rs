//! skops files: a zip archive with `schema.json`, the object as a tree of classes and values, and an array a member.
//!
//! Follows `skops/io` of skops 0.16. The tree is read as JSON: classes it names are listed, nothing is imported.

use serde_json::Value;

use super::super::{Finding, Input, ProbeError, kit};
use crate::archive::zip::{Directory, ZipError};
use crate::model::{Cause, Fact, Weights, publishable};

/// Largest schema: a forest of a thousand trees has some twenty megabytes.
const MAX_SCHEMA: u64 = 32 << 20;
/// Nodes looked at, and names kept.
const MAX_NODES: usize = 500_000;
const MAX_NAMES: usize = 1000;

/// Reads the directory and the schema.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let directory = match Directory::read(input.blob) {
        Err(ZipError::NoDirectory | ZipError::Malformed(_)) => return Err(ProbeError::NotMine),
        other => other?,
    };
    let Some(member) = directory.get(b"schema.json").filter(|member| !member.encrypted) else {
        return Err(ProbeError::NotMine);
    };
    let schema = directory.content(input.blob, member, MAX_SCHEMA).map_err(|error| match error {
        ZipError::Inflate(error) => error.into(),
        other => kit::of_member(other, "its schema"),
    })?;
    if !schema.windows(12).take(4096).any(|part| part == b"\"__loader__\"") {
        return Err(ProbeError::NotMine);
    }
    let schema: Value = deep_json(&schema)?;
    let class = class(&schema).ok_or(ProbeError::NotMine)?;
    let mut weights = Weights {
        root_class: Some(publishable("", &class)),
        serializer: Some("skops".to_owned()),
        ..Weights::default()
    };
    weights.metadata.extend(
        ["protocol", "_skops_version"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), schema.get(key).map(ToString::to_string)?.replace('"', "")))),
    );
    let spent = describe(&schema, &mut weights);
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    if spent {
        finding.notes.push((Cause::OverBudget, "its schema has more values than are looked at".to_owned()));
    }
    finding.identities.push(directory.identity());
    Ok(finding)
}

/// Estimators in estimators nest deeper than a header does: serde_json's own limit of 128 levels holds.
fn deep_json(text: &[u8]) -> Result<Value, ProbeError> {
    serde_json::from_slice(text)
        .map_err(|_| ProbeError::Malformed("its schema is not the JSON it should be".to_owned()))
}

fn class(node: &Value) -> Option<String> {
    let (module, name) = (node.get("__module__")?.as_str()?, node.get("__class__")?.as_str()?);
    Some(format!("{module}.{name}"))
}

/// Breadth first: what the outermost object says stands.
fn describe(schema: &Value, weights: &mut Weights) -> bool {
    let mut queue = std::collections::VecDeque::from([schema]);
    let mut classes = std::collections::BTreeSet::new();
    let mut seen = 0usize;
    while let Some(node) = queue.pop_front() {
        seen = seen.saturating_add(1);
        if seen > MAX_NODES {
            return true;
        }
        match node {
            Value::Array(items) => queue.extend(items),
            Value::Object(fields) => {
                classes.extend(class(node).filter(|class| !class.starts_with("builtins.")));
                for (key, value) in fields {
                    take(key, value, weights);
                    queue.push_back(value);
                }
            }
            _ => {}
        }
    }
    weights.pickle_globals = classes.iter().take(MAX_NAMES).map(|class| publishable("", class)).collect();
    false
}

fn take(key: &str, value: &Value, weights: &mut Weights) {
    match key {
        "_sklearn_version" if weights.framework_version.is_none() => {
            weights.framework_version = text(value).map(|version| publishable("", &version));
        }
        "n_features_in_" if weights.n_features.is_none() => {
            weights.n_features = text(value).and_then(|count| count.parse().ok());
        }
        "feature_names_in_" if weights.feature_names.is_empty() => weights.feature_names = texts(value),
        "classes_" if weights.labels.is_empty() => weights.labels = texts(value),
        "steps" if weights.steps.is_empty() => {
            let steps = value.get("content").and_then(Value::as_array).into_iter().flatten();
            let class = |step: &Value| step.get("content")?.get(1)?.get("__class__")?.as_str().map(str::to_owned);
            weights.steps =
                steps.filter_map(class).take(MAX_NAMES).map(|class| publishable("", &class).into()).collect();
        }
        _ => {}
    }
}

/// A leaf: JSON within JSON.
fn text(node: &Value) -> Option<String> {
    match kit::json::<Value>(node.get("content")?.as_str()?.as_bytes(), "a value of its schema").ok()? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The texts of an array of objects, which is kept as a list.
fn texts(node: &Value) -> Vec<String> {
    let list = node.get("content").and_then(|content| content.get("content").or(Some(content)));
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<String> =
        items.filter_map(text).filter(|text| text.parse::<f64>().is_err()).take(MAX_NAMES).collect();
    texts.iter().map(|text| publishable("", text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_json_in_json() {
        let node = |content: &str| serde_json::json!({"__class__": "str", "content": content});
        assert_eq!(text(&node("\"1.2.3\"")).as_deref(), Some("1.2.3"));
        assert_eq!(text(&node("5")).as_deref(), Some("5"));
        assert_eq!(text(&node("[[[")), None);
        let names = serde_json::json!({"content": {"content": [node("\"age\""), node("\"bmi\"")]}});
        assert_eq!(texts(&names), ["age", "bmi"]);
    }
}
