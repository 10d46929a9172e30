//! A commit of a Delta table's log: which files it adds and removes, and the schema from then on.
//!
//! Follows the protocol of Delta Lake (PROTOCOL.md, reader versions 1 to 3). The version of a commit stands in its name
//! alone. Paths are kept to be matched with files, and are not published.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use serde::Deserialize;

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::blob::ReadError;
use crate::model::{Dataset, Fact, Part, Parts, TableFacts, publishable, typed};

/// Longest action: the schema of a wide table is in one.
const MAX_LINE: u64 = 16 << 20;
/// Files that one commit may add and remove.
const MAX_FILES: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    add: Option<Add>,
    remove: Option<Remove>,
    meta_data: Option<Meta>,
    protocol: Option<serde_json::Value>,
    commit_info: Option<Commit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    stats: Option<String>,
    deletion_vector: Option<Deleted>,
}

#[derive(Deserialize)]
struct Deleted {
    cardinality: Option<u64>,
}

#[derive(Deserialize)]
struct Remove {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: Option<String>,
    description: Option<String>,
    schema_string: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    engine_info: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: Option<u64>,
}

#[derive(Deserialize)]
struct Schema {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

/// Reads a commit, an action a line.
pub(crate) fn log(input: &Input, stream: &mut dyn Read) -> Result<Finding, ProbeError> {
    let known = ["\"add\"", "\"remove\"", "\"metaData\"", "\"protocol\"", "\"commitInfo\"", "\"txn\"", "\"cdc\""];
    let start = input.head.trim_ascii_start();
    let begins = |action: &&str| {
        let rest = start.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
        rest.is_some_and(|rest| rest.starts_with(action.as_bytes()))
    };
    if !known.iter().any(begins) {
        return Err(ProbeError::NotMine);
    }
    let base = input.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let digits = base.split(|&byte| byte == b'.').next().unwrap_or_default();
    let version = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let mut parts = Parts { version, ..Parts::default() };
    let mut dataset = Dataset::default();
    let outcome = actions(&mut BufReader::new(stream), &mut parts, &mut dataset);
    dataset.parts = Some(Arc::new(parts));
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))).ended_by(outcome))
}

fn actions(stream: &mut dyn BufRead, parts: &mut Parts, dataset: &mut Dataset) -> Result<(), ProbeError> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let got = stream.take(MAX_LINE).read_until(b'\n', &mut line).map_err(ReadError::from_io)?;
        if got == 0 {
            return Ok(());
        }
        if got as u64 == MAX_LINE {
            return Err(ReadError::TooLong { wanted: MAX_LINE, allowed: MAX_LINE }.into());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let action: Action = kit::json(&line, "an action of the log")?;
        if parts.added.len().max(parts.removed.len()) >= MAX_FILES {
            return Err(ProbeError::Malformed(format!("lists more than {MAX_FILES} files")));
        }
        if let Some(add) = action.add {
            parts.added.push(part(add));
        }
        if let Some(remove) = action.remove {
            parts.removed.push(unescape(&remove.path));
        }
        if let Some(meta) = action.meta_data {
            take(dataset, meta);
        }
        if let Some(engine) = action.commit_info.and_then(|commit| commit.engine_info) {
            dataset.created_by = Some(publishable("engineInfo", &engine));
        }
        let _ = action.protocol;
    }
}

fn part(add: Add) -> Part {
    let stats = add.stats.and_then(|stats| kit::json::<Stats>(stats.as_bytes(), "statistics").ok());
    Part {
        path: unescape(&add.path),
        rows: stats.and_then(|stats| stats.num_records),
        deleted: add.deletion_vector.and_then(|deleted| deleted.cardinality).unwrap_or(0),
    }
}

fn take(dataset: &mut Dataset, meta: Meta) {
    dataset.schema_name = meta.name.map(|name| typed("name", &name));
    dataset.description = meta.description.map(|text| typed("description", &text));
    let schema = meta.schema_string.and_then(|text| kit::json::<Schema>(text.as_bytes(), "the schema").ok());
    if let Some(schema) = schema {
        let columns: Vec<String> = schema.fields.into_iter().map(|field| field.name).collect();
        dataset.table = TableFacts { column_count: Some(columns.len() as u64), columns, ..TableFacts::default() };
    }
}

/// Paths are those of URIs.
fn unescape(path: &str) -> String {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.split_at_checked(2).filter(|_| byte == b'%');
        let decoded = code.and_then(|(code, _)| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        out.push(decoded.unwrap_or(byte));
        rest = match (decoded, code) {
            (Some(_), Some((_, rest))) => rest,
            _ => after,
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Finding, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let name = b"t/_delta_log/00000000000000000007.json";
        log(&Input { name, ..Input::new(&blob, text.as_bytes()) }, &mut text.as_bytes())
    }

    #[test]
    fn a_commit_says_what_changed() {
        let text = concat!(
            r#"{"metaData":{"id":"x","schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}"}}"#,
            "\n",
            r#"{"add":{"path":"a%20b.parquet","stats":"{\"numRecords\":5}","deletionVector":{"cardinality":2}}}"#,
            "\n",
            r#"{"remove":{"path":"old.parquet"}}"#,
            "\n"
        );
        let finding = run(text).unwrap();
        let dataset = finding.fact.dataset().unwrap();
        let parts = dataset.parts.as_ref().unwrap();
        assert_eq!((parts.version, parts.removed.as_slice()), (Some(7), &["old.parquet".to_owned()][..]));
        assert_eq!(parts.added, [Part { path: "a b.parquet".to_owned(), rows: Some(5), deleted: 2 }]);
        assert_eq!((dataset.table.columns.len(), finding.notes.len()), (1, 0));
    }

    #[test]
    fn others_and_broken_ones() {
        assert!(matches!(run("{\"a\": 1}"), Err(ProbeError::NotMine)));
        assert_eq!(run("{\"add\":{\"path\":\"x\"}}\n{\"add\":").unwrap().notes.len(), 1);
        assert_eq!(run(&format!("{{\"add\":{}", "[".repeat(9999))).unwrap().notes.len(), 1);
    }
}
