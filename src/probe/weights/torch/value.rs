//! Arguments and configurations kept in a checkpoint, as the JSON that is published of them.
//!
//! No value leaves here but through [`crate::model::redact_map`]: a namespace of arguments is where tokens are found.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::super::pickle::{Id, Node, Object, Tree, Visits};
use super::tensor;
use crate::model::{publishable, redact_map};

/// Deepest nesting that is published; below it, a value is its type's name.
const MAX_DEPTH: u8 = 6;
/// Most fields of a mapping that are published: the longest argument classes have some 150.
const MAX_FIELDS: usize = 256;
/// Most members of a list that are published.
const MAX_ITEMS: usize = 64;
/// Most values that are published of one namespace.
const MAX_VALUES: u32 = 2000;

/// The fields of a dictionary, a namespace, a data class or an OmegaConf node; empty for anything else.
pub(super) fn arguments(tree: &Tree, id: Id) -> BTreeMap<String, Value> {
    let mut values = Values { tree, visits: Visits::new(MAX_VALUES) };
    values
        .fields(id, MAX_DEPTH)
        .unwrap_or_default()
        .into_iter()
        .map(|(key, value)| {
            let value = redact_map(&key, value);
            (publishable("", &key), value)
        })
        .collect()
}

/// The text under `key`, as it may be published.
pub(super) fn text(tree: &Tree, key: &str, id: Id) -> Option<String> {
    tree.text(id).filter(|text| !text.is_empty()).map(|text| publishable(key, text))
}

struct Values<'t> {
    tree: &'t Tree,
    visits: Visits,
}

impl Values<'_> {
    fn value(&mut self, id: Id, depth: u8) -> Value {
        if !self.visits.take() {
            return Value::Null;
        }
        match self.tree.node(id) {
            Node::None | Node::Opaque => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::from(*value),
            Node::Float(value) => {
                Number::from_f64(*value).map_or_else(|| Value::String(value.to_string()), Value::Number)
            }
            Node::Str(text) => Value::String(text.to_string()),
            Node::Bytes { len, .. } => Value::String(format!("{len} bytes")),
            Node::Tuple(items) => self.list(items, depth),
            Node::List(items) | Node::Set(items) => self.list(items, depth),
            Node::Dict(_) => self.mapping(id, depth),
            Node::Global(global) => Value::String(global.dotted()),
            Node::Persistent(_) => Value::Null,
            Node::Object(object) => self.object(id, object, depth),
        }
    }

    fn list(&mut self, items: &[Id], depth: u8) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return Value::Null };
        Value::Array(items.iter().take(MAX_ITEMS).map(|&item| self.value(item, depth)).collect())
    }

    fn mapping(&mut self, id: Id, depth: u8) -> Value {
        let fields = depth.checked_sub(1).and_then(|depth| self.fields(id, depth));
        fields.map_or(Value::Null, |fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
    }

    fn object(&mut self, id: Id, object: &Object, depth: u8) -> Value {
        let class = self.tree.global(object.callable);
        if tensor::tensor(self.tree, id).is_some() {
            return Value::String("tensor".to_owned());
        }
        if let Some(items) = self.tree.set_items(id) {
            return self.list(items, depth);
        }
        // OmegaConf wraps every leaf in a node.
        if let Some(inner) = self.attribute(id, "_val") {
            return depth.checked_sub(1).map_or(Value::Null, |depth| self.value(inner, depth));
        }
        if self.tree.entries(id).is_some() || self.tree.attributes(id).is_some() {
            return self.mapping(id, depth);
        }
        let args = self.tree.args(id);
        if class.is_some_and(|class| class.name.ends_with("Path")) {
            let parts: Vec<&str> = args.iter().take(MAX_ITEMS).filter_map(|&part| self.tree.text(part)).collect();
            return Value::String(parts.join("/").replacen("//", "/", 1));
        }
        // A member of an enumeration, a device, a size: what it was made of says it all.
        match (args.first(), class) {
            (Some(&first), _) => depth.checked_sub(1).map_or(Value::Null, |depth| self.value(first, depth)),
            (None, Some(class)) => Value::String(class.dotted()),
            (None, None) => Value::Null,
        }
    }

    fn attribute(&self, id: Id, name: &str) -> Option<Id> {
        let attributes = self.tree.attributes(id)?.iter().take(MAX_FIELDS);
        attributes.rev().find(|(key, _)| self.tree.text(*key) == Some(name)).map(|(_, value)| *value)
    }

    fn fields(&mut self, id: Id, depth: u8) -> Option<BTreeMap<String, Value>> {
        // OmegaConf keeps the mapping itself one level down.
        if let (Some(content), Some(depth)) = (self.attribute(id, "_content"), depth.checked_sub(1)) {
            return self.visits.take().then(|| self.fields(content, depth)).flatten();
        }
        let mapping = self.tree.entries(id);
        let private_kept = mapping.is_some();
        let rows = mapping.or_else(|| self.tree.attributes(id))?;
        let mut fields = BTreeMap::new();
        for &(key, value) in rows.iter().take(MAX_FIELDS) {
            if self.visits.spent {
                break;
            }
            let key = match self.tree.node(key) {
                Node::Str(text) => text.to_string(),
                Node::Int(value) => value.to_string(),
                _ => continue,
            };
            if private_kept || !key.starts_with('_') {
                let value = self.value(value, depth);
                fields.insert(key, value);
            }
        }
        Some(fields)
    }
}
