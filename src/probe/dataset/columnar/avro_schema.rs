//! The schema of an Avro file as a tree by which its records are walked.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::table::{Cell, Column, Kind, Table};

/// Deepest nesting, and nodes in all: a name may be referred to more than once, and is then written out.
const MAX_DEPTH: usize = 24;
const MAX_NODES: usize = 20_000;

/// How one value is stored, and the column it goes to.
pub(super) struct Node {
    pub(super) kind: Type,
    pub(super) column: usize,
}

pub(super) enum Type {
    Null,
    Boolean,
    Whole(Unit),
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Union(Vec<Node>),
    Record(Vec<Node>),
    Array(Box<Node>),
    Map(Box<Node>),
}

/// What a whole number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Nothing,
    Days,
    /// Parts of a second.
    Parts(i64),
}

impl Unit {
    pub(super) fn cell(self, number: i64) -> Cell<'static> {
        match self {
            Unit::Nothing => Cell::Integer(number),
            Unit::Days => Cell::Day(number),
            Unit::Parts(parts) => Cell::Second(number.checked_div_euclid(parts).unwrap_or(0)),
        }
    }
}

pub(super) struct Schema {
    pub(super) name: Option<String>,
    /// Names of the outermost fields.
    pub(super) columns: Vec<String>,
    /// Nothing where the schema is too deep, or refers to itself.
    pub(super) root: Option<Node>,
}

impl Schema {
    /// Reads a schema and adds its columns to a table.
    pub(super) fn read(json: &Value, table: &mut Table) -> Schema {
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = match (text("namespace"), text("name")) {
            (Some(space), Some(name)) if !name.contains('.') && !space.is_empty() => Some(format!("{space}.{name}")),
            (_, name) => name,
        };
        let fields = json.get("fields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let columns = fields.iter().filter_map(|field| field.get("name")?.as_str().map(str::to_owned)).collect();
        let mut reader = Reader { named: BTreeMap::new(), nodes: 0, table };
        let root = reader.node(json, "", "", 0);
        Schema { name, columns, root }
    }
}

struct Reader<'r, 'j, 't> {
    named: BTreeMap<String, &'j Value>,
    nodes: usize,
    table: &'r mut Table<'t>,
}

impl<'j> Reader<'_, 'j, '_> {
    fn node(&mut self, json: &'j Value, path: &str, space: &str, depth: usize) -> Option<Node> {
        self.nodes = self.nodes.saturating_add(1);
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return None;
        }
        let deeper = depth.saturating_add(1);
        let word = match json {
            Value::Array(branches) => {
                let branches: Option<Vec<Node>> =
                    branches.iter().map(|branch| self.node(branch, path, space, deeper)).collect();
                return Some(Node { kind: Type::Union(branches?), column: usize::MAX });
            }
            Value::String(word) => word.as_str(),
            Value::Object(fields) => match fields.get("type")? {
                Value::String(word) => word.as_str(),
                inner => return self.node(inner, path, space, deeper),
            },
            _ => return None,
        };
        let own = json.get("namespace").and_then(Value::as_str).unwrap_or(space);
        if let (Some(name), "record" | "error" | "enum" | "fixed") = (json.get("name").and_then(Value::as_str), word) {
            self.named.insert(full(name, own), json);
        }
        let kind = match word {
            "null" => return Some(Node { kind: Type::Null, column: usize::MAX }),
            "record" | "error" => {
                let own = json
                    .get("name")
                    .and_then(Value::as_str)
                    .and_then(|name| name.rsplit_once('.'))
                    .map_or(own, |(space, _)| space);
                let mut fields = Vec::new();
                for field in json.get("fields")?.as_array()? {
                    let name = field.get("name")?.as_str()?;
                    let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                    fields.push(self.node(field.get("type")?, &path, own, deeper)?);
                }
                return Some(Node { kind: Type::Record(fields), column: usize::MAX });
            }
            "array" => {
                let item = self.node(json.get("items")?, path, own, deeper)?;
                return Some(Node { kind: Type::Array(Box::new(item)), column: usize::MAX });
            }
            "map" => {
                let value = self.node(json.get("values")?, &format!("{path}.value"), own, deeper)?;
                return Some(Node { kind: Type::Map(Box::new(value)), column: usize::MAX });
            }
            "boolean" => Type::Boolean,
            "int" | "long" => Type::Whole(unit(json)),
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::Text,
            "fixed" => Type::Fixed(usize::try_from(json.get("size")?.as_u64()?).ok()?),
            "enum" => {
                let symbols = json.get("symbols")?.as_array()?.iter();
                Type::Enum(symbols.filter_map(|symbol| symbol.as_str().map(str::to_owned)).collect())
            }
            name => {
                let known = self.named.get(&full(name, own)).or_else(|| self.named.get(name)).copied()?;
                return self.node(known, path, own, deeper);
            }
        };
        let stored = match &kind {
            Type::Boolean => Kind::Boolean,
            Type::Whole(Unit::Nothing) => Kind::Integer,
            Type::Whole(_) => Kind::Date,
            Type::Float | Type::Double => Kind::Number,
            Type::Text | Type::Enum(_) => Kind::Text,
            _ => Kind::Other,
        };
        let name = if path.is_empty() { "value" } else { path };
        // Branches of a union share the column.
        let known = self.table.columns().position(|column| column.name == name);
        let column = known.unwrap_or_else(|| self.table.column(Column::of(name, stored)));
        Some(Node { kind, column })
    }
}

fn full(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}

fn unit(json: &Value) -> Unit {
    match json.get("logicalType").and_then(Value::as_str) {
        Some("date") => Unit::Days,
        Some("timestamp-millis" | "local-timestamp-millis") => Unit::Parts(1_000),
        Some("timestamp-micros" | "local-timestamp-micros") => Unit::Parts(1_000_000),
        Some("timestamp-nanos" | "local-timestamp-nanos") => Unit::Parts(1_000_000_000),
        _ => Unit::Nothing,
    }
}
