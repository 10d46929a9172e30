//! The metadata of an Iceberg table: its schema, and the snapshots it can be read at.
//!
//! Follows the specification of Apache Iceberg (versions 1 to 3 of the format, appendix C). The number of a metadata file
//! stands in its name alone: `00003-<uuid>.metadata.json`, or `v3.metadata.json` of a catalogue in a file system. Paths in
//! it are absolute and are neither followed nor published.

use std::sync::Arc;

use serde::Deserialize;

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Dataset, Fact, Parts, TableFacts};

/// Largest description: each of some thousand snapshots has a kilobyte in it.
const MAX_FILE: u64 = 32 << 20;
/// Columns that are named.
const MAX_COLUMNS: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    format_version: u64,
    location: String,
    /// Before version 2 there was one schema.
    schema: Option<Schema>,
    #[serde(default)]
    schemas: Vec<Schema>,
    current_schema_id: Option<i64>,
    current_snapshot_id: Option<i64>,
    #[serde(default)]
    snapshots: Vec<Snapshot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Schema {
    schema_id: Option<i64>,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Snapshot {
    snapshot_id: i64,
    #[serde(default)]
    summary: Summary,
}

/// Numbers are texts in it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    total_records: Option<String>,
    total_data_files: Option<String>,
}

/// Reads the description of a table.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let signs = ["\"format-version\"", "\"table-uuid\""];
    let said: Metadata = kit::json_file(input, MAX_FILE, &signs, "the metadata of an Iceberg table")?;
    if said.location.is_empty() || !(1..=9).contains(&said.format_version) {
        return Err(ProbeError::NotMine);
    }
    let current = said.schemas.iter().find(|schema| schema.schema_id == said.current_schema_id);
    let schema = current.or(said.schema.as_ref()).or(said.schemas.last());
    let fields = schema.map(|schema| schema.fields.as_slice()).unwrap_or_default();
    let snapshot = said.snapshots.iter().find(|snapshot| Some(snapshot.snapshot_id) == said.current_snapshot_id);
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    let dataset = Dataset {
        table: TableFacts {
            row_count: match snapshot {
                Some(snapshot) => number(&snapshot.summary.total_records),
                // A table into which nothing was ever written has none, or the number -1 of one.
                None => said.snapshots.is_empty().then_some(0),
            },
            columns: fields.iter().take(MAX_COLUMNS).map(|field| field.name.clone()).collect(),
            column_count: Some(fields.len() as u64),
            ..TableFacts::default()
        },
        active_files: snapshot.and_then(|snapshot| number(&snapshot.summary.total_data_files)),
        versions: Some(said.snapshots.len() as u64),
        parts: Some(Arc::new(Parts { version: version(input.name), ..Parts::default() })),
        ..Dataset::default()
    };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

/// The number in the name of a metadata file.
fn version(name: &[u8]) -> Option<u64> {
    let base = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let base = base.strip_prefix(b"v").unwrap_or(base);
    let digits = base.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(name: &str, text: &str) -> Result<Dataset, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let found = probe(&Input { name: name.as_bytes(), ..Input::new(&blob, text.as_bytes()) })?;
        Ok(found.fact.dataset().unwrap().clone())
    }

    /// Forged after appendix C of the specification.
    const TWO: &str = r#"{"format-version": 2, "table-uuid": "9c12d441", "location": "s3://b/t", "current-schema-id": 1,
        "schemas": [{"schema-id": 0, "fields": [{"id": 1, "name": "x", "type": "long"}]},
                    {"schema-id": 1, "fields": [{"id": 1, "name": "x", "type": "long"}, {"id": 2, "name": "y", "type":
                        {"type": "struct", "fields": []}}]}],
        "current-snapshot-id": 8, "snapshots": [
            {"snapshot-id": 7, "summary": {"operation": "append", "total-records": "5", "total-data-files": "1"}},
            {"snapshot-id": 8, "summary": {"operation": "append", "total-records": "9", "total-data-files": "2"}}]}"#;

    #[test]
    fn the_current_snapshot_counts() {
        for name in ["t/metadata/00003-9c12d441.metadata.json", "t/metadata/v3.metadata.json"] {
            let dataset = run(name, TWO).unwrap();
            assert_eq!((dataset.table.row_count, dataset.active_files, dataset.versions), (Some(9), Some(2), Some(2)));
            assert_eq!(dataset.table.columns, ["x", "y"]);
            assert_eq!(dataset.parts.unwrap().version, Some(3));
        }
    }

    #[test]
    fn the_first_version_of_the_format_and_an_empty_table() {
        let one = r#"{"format-version": 1, "location": "/t", "schema": {"type": "struct", "fields": [{"name": "x"}]},
            "current-snapshot-id": -1, "snapshots": []}"#;
        let dataset = run("metadata/v1.metadata.json", one).unwrap();
        assert_eq!((dataset.table.row_count, dataset.versions), (Some(0), Some(0)));
        assert_eq!(dataset.table.columns, ["x"]);
    }

    #[test]
    fn what_is_cut_or_anothers() {
        assert!(matches!(run("metadata/v1.metadata.json", &TWO[..200]), Err(ProbeError::Malformed(_))));
        assert!(matches!(run("metadata/v1.metadata.json", r#"{"name": "x"}"#), Err(ProbeError::NotMine)));
        assert_eq!(version(b"metadata/x.metadata.json"), None);
        assert_eq!(version(b"99999999999999999999999999.metadata.json"), None);
    }
}
