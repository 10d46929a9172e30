//! Configuration in YAML, JSON or TOML as one kind of tree, with what every reader of it asks.

use crate::model::{Code, publishable};
use crate::probe::yaml::{self, Node, Yaml};
use crate::probe::{Input, ProbeError, kit};

use super::keep;
use super::python::literals::is_path;

/// Longest configuration: what is longer is data.
const MAX_SETTINGS: u64 = 512 << 10;
/// Deepest nesting of TOML that is followed.
const MAX_DEPTH: usize = 16;

/// The documents of a configuration, and the id of the language it is written in.
pub(super) fn documents(input: &Input) -> Result<(Vec<Yaml>, &'static str), ProbeError> {
    let bytes = match kit::whole(input.blob, MAX_SETTINGS) {
        Err(crate::blob::ReadError::TooLong { .. }) => return Err(ProbeError::NotMine),
        other => other?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let ends = |ending: &[u8]| input.name.to_ascii_lowercase().ends_with(ending);
    if ends(b".toml") {
        let table: toml::Table = text.parse().map_err(|_| ProbeError::NotMine)?;
        return Ok((vec![of_toml(&toml::Value::Table(table), 0)], "toml"));
    }
    let is_json = ends(b".json") || text.trim_start().starts_with('{');
    let documents = yaml::documents(&text).documents;
    if documents.iter().all(|document| document.entries().is_empty()) {
        return Err(ProbeError::NotMine);
    }
    Ok((documents, if is_json { "json" } else { "yaml" }))
}

fn of_toml(value: &toml::Value, depth: usize) -> Yaml {
    let below = depth.saturating_add(1);
    let scalar = |text: String, plain: bool| Node::Scalar { text, plain };
    let node = match value {
        _ if depth > MAX_DEPTH => Node::List(Vec::new()),
        toml::Value::String(text) => scalar(text.clone(), false),
        toml::Value::Integer(number) => scalar(number.to_string(), true),
        toml::Value::Float(number) => scalar(number.to_string(), true),
        toml::Value::Boolean(truth) => scalar(truth.to_string(), true),
        toml::Value::Datetime(time) => scalar(time.to_string(), true),
        toml::Value::Array(items) => Node::List(items.iter().map(|item| of_toml(item, below)).collect()),
        toml::Value::Table(table) => {
            Node::Map(table.iter().map(|(key, value)| (key.clone(), of_toml(value, below))).collect())
        }
    };
    Yaml { line: 0, column: 0, node }
}

/// The first text under any of these keys.
pub(super) fn first_text(tree: &Yaml, keys: &[&[&str]]) -> Option<String> {
    let text =
        keys.iter().find_map(|path| tree.text_at(path).filter(|text| !text.is_empty() && !text.contains("${")))?;
    Some(publishable(keys.first()?.last()?, text))
}

/// Every key of a tree with its value, whatever it is in, to a depth.
pub(super) fn keys<'y>(tree: &'y Yaml, depth: usize, each: &mut dyn FnMut(&'y str, &'y Yaml)) {
    for (key, value) in tree.entries() {
        each(key, value);
        if depth > 0 {
            keys(value, depth.saturating_sub(1), each);
        }
    }
}

/// Whether a value is a number, or stands for one: `3e-4`, `100ba`, `${lr}`, `auto`.
pub(super) fn is_number(value: &Yaml) -> bool {
    value.text().is_some_and(|text| {
        text.starts_with(|first: char| first.is_ascii_digit() || "-.$".contains(first)) || text == "auto"
    })
}

/// Fills in what any configuration may say: paths, machines, how long it is.
pub(super) fn describe(trees: &[Yaml], code: &mut Code) {
    /// Keys under which the address of a machine stands.
    const MACHINES: [&str; 6] =
        ["main_process_ip", "master_addr", "master_address", "rdzv_endpoint", "head_node", "scheduler_address"];
    let mut leaves = 0u64;
    for tree in trees {
        tree.leaves(&mut |path, leaf| {
            leaves = leaves.saturating_add(1);
            let Some(text) = leaf.text() else { return };
            let key = path.rsplit('.').find(|part| !part.bytes().all(|byte| byte.is_ascii_digit())).unwrap_or_default();
            if is_path(text) {
                keep(&mut code.paths, "path", text);
            } else if MACHINES.contains(&key.to_ascii_lowercase().as_str()) && !text.is_empty() && !text.contains('$') {
                keep(&mut code.hosts, "hostname", text);
            }
        });
    }
    code.lines = Some(leaves);
}
