//! Where the rows of a JSON document lie, told by its beginning.
//!
//! Programs that hand out tables wrap them: an array under a name, rows and their names apart, one object a row under
//! its key, one list a column. Manifests, lock files and settings have the same syntax, so an array must be most of its
//! document, and a document that is nothing but named things must be about people (the caller holds that).

use serde_json::{Map, Value};

/// Rows that make a table.
pub(super) const FEWEST: usize = 10;
/// The same where the beginning ends inside of them.
const FEWEST_OF_CUT: usize = 3;
/// Outermost members of a document that wraps a table.
const MAX_MEMBERS: usize = 24;
/// Members that documents of tools have: lock files, notebooks, interfaces, maps, bills of material, dashboards, traces.
const MARKS: [&str; 33] = [
    "$schema",
    "apiVersion",
    "asyncapi",
    "bomFormat",
    "bundleDependencies",
    "compilerOptions",
    "content-hash",
    "datasetJSONVersion",
    "dependencies",
    "devDependencies",
    "icons",
    "jsonrpc",
    "lockfileVersion",
    "log",
    "manifest_version",
    "mappings",
    "model_config",
    "nbformat",
    "openapi",
    "overrides",
    "packages",
    "panels",
    "pipelines",
    "resource",
    "resourceType",
    "runs",
    "scripts",
    "sources",
    "spdxVersion",
    "swagger",
    "terraform_version",
    "traceEvents",
    "workflows",
];
/// What maps call themselves.
const SHAPES: [&str; 3] = ["FeatureCollection", "GeometryCollection", "Topology"];
/// What the names of the fields of rows are kept under.
const NAMES: [&str; 5] = ["columns", "fields", "header", "headers", "names"];

/// How a document keeps its rows.
#[derive(Debug, PartialEq)]
pub(super) enum Layout {
    /// Arrays of objects: the paths of those that are known of.
    Arrays(Vec<Vec<String>>),
    /// Rows without names at a path; the names are elsewhere.
    Split { rows: Vec<String>, names: Vec<String> },
    /// An object a row, under keys that may be people's. `counted`: the keys are numbers without gaps.
    Keyed { counted: bool },
    /// A list, or an object under the rows' keys, a column. `sure`: only a table is written so.
    ByColumn { sure: bool },
}

/// The text, ended where it may end: what is open is closed. Nothing where there is more than one value.
pub(super) fn closed(text: &str) -> Option<(String, bool)> {
    let end = walk(text, text.len())?;
    if end.whole {
        return text.get(end.at..)?.trim().is_empty().then(|| (text.to_owned(), true));
    }
    let mut kept = text.get(..end.at)?.to_owned();
    for bracket in walk(text, end.at)?.open.iter().rev() {
        kept.push(if *bracket == b'{' { '}' } else { ']' });
    }
    Some((kept, false))
}

struct End {
    /// Behind the last complete value.
    at: usize,
    /// Whether everything was closed there.
    whole: bool,
    open: Vec<u8>,
}

fn walk(text: &str, until: usize) -> Option<End> {
    let mut end = End { at: 0, whole: false, open: Vec::new() };
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate().take(until) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                end.open.push(byte);
                end.at = at.saturating_add(1);
            }
            b'}' | b']' => {
                end.open.pop()?;
                end.at = at.saturating_add(1);
                if end.open.is_empty() {
                    end.whole = true;
                    return Some(end);
                }
            }
            b',' => end.at = at,
            _ => {}
        }
        if end.open.len() > 100 {
            return None;
        }
    }
    Some(end)
}

/// How the document that begins so keeps its rows; `whole` says whether it is all of it.
pub(super) fn of(text: &str, whole: bool) -> Option<Layout> {
    let Ok(Value::Object(top)) = serde_json::from_str(text) else { return None };
    let is_map = top.get("type").and_then(Value::as_str).is_some_and(|kind| SHAPES.contains(&kind));
    if is_map || MARKS.iter().any(|mark| top.contains_key(*mark)) {
        return None;
    }
    let cut = !whole;
    split(&top, cut)
        .or_else(|| arrays(&top, text.len(), cut))
        .or_else(|| by_column(&top, cut))
        .or_else(|| keyed(&top, cut))
}

/// Every member of the outermost object and of the objects in it, with its path.
fn members(top: &Map<String, Value>) -> impl Iterator<Item = (Vec<String>, &Value)> {
    top.iter().flat_map(|(name, value)| {
        let inner = value.as_object().into_iter().flatten();
        let inner = inner.map(move |(deeper, value)| (vec![name.clone(), deeper.clone()], value));
        std::iter::once((vec![name.clone()], value)).chain(inner)
    })
}

fn enough(count: usize, cut: bool) -> bool {
    count >= if cut { FEWEST_OF_CUT } else { FEWEST }
}

fn split(top: &Map<String, Value>, cut: bool) -> Option<Layout> {
    let names = members(top).find_map(|(path, value)| {
        let named = path.last().is_some_and(|name| NAMES.contains(&name.as_str()));
        let names: Option<Vec<String>> = value.as_array().filter(|_| named)?.iter().map(name).collect();
        names.filter(|names| names.len() > 1)
    })?;
    let is_row = |row: &Value| row.as_array().is_some_and(|row| row.len() == names.len());
    let rows = |value: &Value| {
        value.as_array().is_some_and(|rows| {
            // The last row of a beginning is not all there.
            let known = rows.len().saturating_sub(usize::from(cut));
            enough(rows.len(), cut) && rows.iter().take(known).all(is_row)
        })
    };
    let (path, _) = members(top).find(|(_, value)| rows(value))?;
    Some(Layout::Split { rows: path, names })
}

/// A name, by itself or as a member of what describes a column.
fn name(value: &Value) -> Option<String> {
    let described = || ["name", "fieldName", "id"].into_iter().find_map(|key| value.get(key)?.as_str());
    value.as_str().or_else(described).map(str::to_owned)
}

fn arrays(top: &Map<String, Value>, length: usize, cut: bool) -> Option<Layout> {
    if top.len() > MAX_MEMBERS {
        return None;
    }
    let found: Vec<(Vec<String>, &Value)> = members(top).filter(|(_, value)| is_table(value, cut, 2)).collect();
    let bytes: usize = found.iter().map(|(_, value)| value.to_string().len()).sum();
    // White space counts as well: what is compared is written without.
    let all = Value::from(top.clone()).to_string().len().min(length);
    (!found.is_empty() && bytes.saturating_mul(10) >= all.saturating_mul(6))
        .then(|| Layout::Arrays(found.into_iter().map(|(path, _)| path).collect()))
}

/// Whether an array holds rows: many, alike, of several members. Where the beginning ends inside of one long row, its own
/// rows say so.
fn is_table(value: &Value, cut: bool, depth: usize) -> bool {
    let Some(items) = value.as_array() else { return false };
    let rows: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    if rows.len() < items.len() {
        return false;
    }
    if enough(rows.len(), cut) {
        return are_alike(&rows);
    }
    let inner = |row: &&Map<String, Value>| row.values().any(|value| is_table(value, cut, depth.saturating_sub(1)));
    cut && depth > 0 && rows.first().is_some_and(inner)
}

/// Whether most rows have most of the members of the first.
fn are_alike(rows: &[&Map<String, Value>]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    let rest = rest.get(..rest.len().min(100)).unwrap_or_default();
    let shares = |row: &&&Map<String, Value>| {
        let both = row.keys().filter(|key| first.contains_key(*key)).count();
        both.saturating_mul(2) >= first.len().max(row.len())
    };
    let alike = rest.iter().filter(shares).count();
    let plain = first.values().any(|value| !value.is_object() && !value.is_array());
    first.len() > 1 && plain && alike.saturating_mul(10) >= rest.len().saturating_mul(8)
}

fn by_column(top: &Map<String, Value>, cut: bool) -> Option<Layout> {
    let columns: Vec<&Value> = top.values().collect();
    if let Some(lists) = columns.iter().map(|column| column.as_array()).collect::<Option<Vec<_>>>() {
        let longest = lists.iter().map(|list| list.len()).max()?;
        let of_longest = lists.iter().filter(|list| list.len() == longest).count();
        let unlike = lists.len().saturating_sub(of_longest);
        let plain = lists.iter().all(|list| list.iter().all(|item| !item.is_object() && !item.is_array()));
        let texts = lists.iter().any(|list| list.first().is_some_and(Value::is_string));
        // The list that the beginning ends in is shorter.
        let whole = unlike == 0 || cut && unlike == 1;
        return (longest >= FEWEST && of_longest > 1 && plain && whole && texts)
            .then_some(Layout::ByColumn { sure: true });
    }
    let columns = columns.iter().map(|column| column.as_object()).collect::<Option<Vec<_>>>()?;
    let longest = columns.iter().max_by_key(|column| column.len())?;
    let same = columns.iter().filter(|column| column.keys().eq(longest.keys())).count();
    let unlike = columns.len().saturating_sub(same);
    let pure = columns.iter().all(|column| is_of_one_type(column));
    let counted = is_counted(longest.keys());
    let fits = longest.len() >= FEWEST && pure && (unlike == 0 || cut && unlike <= 1);
    (fits && (counted || columns.len() < longest.len())).then_some(Layout::ByColumn { sure: counted })
}

fn is_of_one_type(column: &Map<String, Value>) -> bool {
    let mut types = column.values().filter(|value| !value.is_null()).map(|value| match value {
        Value::String(_) => 1,
        Value::Number(_) => 2,
        Value::Bool(_) => 3,
        _ => 0,
    });
    match types.next() {
        Some(0) => false,
        Some(first) => types.all(|other| other == first),
        None => true,
    }
}

/// Whether keys are the numbers of rows.
fn is_counted<'k>(keys: impl Iterator<Item = &'k String>) -> bool {
    let numbers: Option<Vec<u64>> = keys.map(|key| key.parse().ok()).collect();
    numbers.is_some_and(|numbers| {
        let highest = numbers.iter().max().copied().unwrap_or_default();
        numbers.len() >= FEWEST && highest <= numbers.len() as u64
    })
}

fn keyed(top: &Map<String, Value>, cut: bool) -> Option<Layout> {
    let rows = top.values().map(Value::as_object).collect::<Option<Vec<_>>>()?;
    (enough(rows.len(), cut) && are_alike(&rows)).then(|| Layout::Keyed { counted: is_counted(top.keys()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &Value) -> Option<Layout> {
        of(&value.to_string(), true)
    }

    fn rows(count: usize) -> Vec<Value> {
        (0..count).map(|at| serde_json::json!({"id": at, "sex": "F"})).collect()
    }

    #[test]
    fn tables_are_told_by_where_their_rows_lie() {
        let path = |path: &[&str]| path.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
        let rows = rows(12);
        for (value, want) in [
            (serde_json::json!({"version": 1, "data": rows}), Layout::Arrays(vec![path(&["data"])])),
            (serde_json::json!({"result": {"items": rows}}), Layout::Arrays(vec![path(&["result", "items"])])),
            (
                serde_json::json!({"columns": ["a", "b"], "data": vec![[1, 2]; 12]}),
                Layout::Split { rows: path(&["data"]), names: path(&["a", "b"]) },
            ),
            (
                serde_json::json!({"meta": {"fields": [{"name": "a"}, {"name": "b"}]}, "rows": vec![[1, 2]; 12]}),
                Layout::Split { rows: path(&["rows"]), names: path(&["a", "b"]) },
            ),
        ] {
            assert_eq!(told(&value), Some(want), "{value}");
        }
        let keyed = |prefix: &str| (0..12).map(|at| (format!("{prefix}{at}"), rows[0].clone())).collect::<Map<_, _>>();
        assert_eq!(told(&keyed("").into()), Some(Layout::Keyed { counted: true }));
        assert_eq!(told(&keyed("S-").into()), Some(Layout::Keyed { counted: false }));
        let column = |prefix: &str| (0..12).map(|at| (format!("{prefix}{at}"), 1.into())).collect::<Map<_, Value>>();
        assert_eq!(told(&serde_json::json!({"a": column(""), "b": column("")})), Some(Layout::ByColumn { sure: true }));
        assert_eq!(
            told(&serde_json::json!({"a": column("x"), "b": column("x")})),
            Some(Layout::ByColumn { sure: false })
        );
        let lists = serde_json::json!({"text": vec!["a"; 12], "label": vec![1; 12]});
        assert_eq!(told(&lists), Some(Layout::ByColumn { sure: true }));
    }

    #[test]
    fn settings_manifests_and_maps_are_no_tables() {
        let many = rows(30);
        for value in [
            serde_json::json!({"name": "x", "dependencies": {"a": "1"}}),
            serde_json::json!({"lockfileVersion": 3, "packages": many}),
            serde_json::json!({"type": "FeatureCollection", "features": many}),
            serde_json::json!({"openapi": "3", "tags": many}),
            serde_json::json!({"cells": many, "nbformat": 4}),
            serde_json::json!({"title": "x".repeat(5000), "panes": rows(10)}),
            serde_json::json!({"few": rows(9)}),
            serde_json::json!({"loss": vec![0.1; 30], "acc": vec![0.2; 30]}),
            serde_json::json!({"a": vec!["x"; 30], "b": vec!["y"; 20]}),
            serde_json::json!({}),
        ] {
            assert_eq!(told(&value), None, "{value}");
        }
    }

    #[test]
    fn beginnings_are_closed() {
        for text in
            ["{\"a\": [{\"b\": \"}\\\"\", \"c\": [1, 2", "{\"a\": [{\"b\": 1}, {\"c\": \"x", "{\"a\": 12", "{\"a"]
        {
            let (closed, whole) = closed(text).unwrap();
            assert!(!whole && serde_json::from_str::<Value>(&closed).is_ok(), "{closed}");
        }
        assert_eq!(closed("{} {}"), None);
        assert_eq!(closed("]"), None);
        assert_eq!(closed(&"[".repeat(1000)), None);
        let long_row = format!("{{\"data\": [{{\"title\": \"t\", \"paragraphs\": {}", Value::from(rows(50)));
        let (text, whole) = closed(&long_row[..long_row.len() - 30]).unwrap();
        assert_eq!(of(&text, whole), Some(Layout::Arrays(vec![vec!["data".to_owned()]])));
    }
}
