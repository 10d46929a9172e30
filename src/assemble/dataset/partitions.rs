//! Directories that spell out columns, `site=AAR/year=2024/part-0.parquet`: the files below are one table, and the
//! directories hold columns that no file has.
//!
//! Follows the layout of Apache Hive, as Spark, Arrow, Dask and DuckDB write it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, Made, finish, stores, together};
use crate::model::{Dataset, Locator, Role, Sighting, publishable};

/// Values of one partition column that are listed; there are as many as anyone likes.
const MAX_VALUES: usize = 256;
/// What Hive writes where a value is missing.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";
/// Copies of the footers of all files beside them: no rows of their own.
const SUMMARIES: [&[u8]; 2] = [b"_metadata", b"_common_metadata"];

/// Formats that are a table's even where only one of its partitions is there.
const COLUMNAR: [&str; 6] = ["parquet", "orc", "avro", "arrow-file", "arrow-stream", "feather-v1"];

/// The partitioned datasets, and what belongs to none.
pub(super) fn split<'s>(sightings: Vec<&'s Sighting>) -> (Vec<Group<'s>>, Vec<&'s Sighting>) {
    // Directories that spell out different columns are no partitions of one table: trials are named so too.
    let mut tables: BTreeMap<(Locator, String, Vec<String>), Vec<&Sighting>> = BTreeMap::new();
    let mut rest = Vec::new();
    for sighting in sightings {
        let is_part = sighting.role == Role::Primary && sighting.fact.dataset().is_some();
        match root(&sighting.locator).filter(|_| is_part) {
            Some(root) => {
                let columns = pairs(&root, &sighting.locator).into_iter().map(|(column, _)| column).collect();
                tables.entry((root, sighting.format.clone(), columns)).or_default().push(sighting);
            }
            None => rest.push(sighting),
        }
    }
    let mut groups = Vec::new();
    for ((root, format, _), mut parts) in tables {
        if !COLUMNAR.contains(&format.as_str()) && is_one_directory(&parts) {
            rest.extend(parts);
            continue;
        }
        let of_root = |file: &&Sighting| file.format == format && is_summary(file) && file.locator.parent() == root;
        let (summaries, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(of_root);
        rest = others;
        parts.sort_by(|a, b| a.locator.cmp(&b.locator));
        groups.extend(group(&root, &format, &parts, summaries));
    }
    (groups, rest)
}

fn group<'s>(root: &Locator, format: &str, parts: &[&'s Sighting], summaries: Vec<&'s Sighting>) -> Option<Group<'s>> {
    let (primary, others) = parts.split_first()?;
    let mut dataset: Dataset = together(parts.iter().copied());
    dataset.shards = Some(parts.len() as u64);
    let mut columns: Vec<String> = Vec::new();
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for part in parts {
        for (column, value) in pairs(root, &part.locator) {
            if !columns.contains(&column) {
                columns.push(column.clone());
            }
            let seen = values.entry(column).or_default();
            if value != NOTHING && seen.len() < MAX_VALUES {
                seen.insert(value);
            }
        }
    }
    for column in columns {
        if !dataset.table.columns.contains(&column) {
            dataset.table.columns.push(column);
            dataset.table.column_count = dataset.table.column_count.map(|count| count.saturating_add(1));
        }
    }
    let publish = |column: &str, values: BTreeSet<String>| -> Vec<String> {
        values.iter().map(|value| publishable(column, value)).collect()
    };
    dataset.partitions = values
        .into_iter()
        .map(|(column, values)| {
            let values = publish(&column, values);
            (column, values)
        })
        .collect();
    let mut files = others.to_vec();
    files.extend(summaries);
    Some(finish(Made {
        primary,
        others: files,
        format: format!("{format}-partitioned"),
        name: stores::name_of(root),
        because: format!("{} files in directories that spell out columns", parts.len()),
        dataset,
    }))
}

/// Whether a file only repeats what the footers of the files beside it say.
pub(super) fn is_summary(file: &Sighting) -> bool {
    SUMMARIES.contains(&file.locator.base_name())
}

/// Whether all files lie in one directory.
fn is_one_directory(parts: &[&Sighting]) -> bool {
    let mut directories = parts.iter().map(|part| part.locator.parent());
    let first = directories.next();
    directories.all(|directory| Some(directory) == first)
}

/// The directory around the outermost one of a row of directories that each spell out a column.
fn root(locator: &Locator) -> Option<Locator> {
    let mut directory = locator.parent();
    let mut root = None;
    while pair(directory.base_name()).is_some() {
        directory = directory.parent();
        root = Some(directory.clone());
    }
    root
}

/// The columns and values on the way from a root to a file.
fn pairs(root: &Locator, locator: &Locator) -> Vec<(String, String)> {
    let Some(path) = stores::path_below(root, locator) else { return Vec::new() };
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts.into_iter().filter_map(|part| pair(part.as_bytes())).collect()
}

/// `site=AAR`, with what Hive escapes put right.
fn pair(name: &[u8]) -> Option<(String, String)> {
    let (column, value) = std::str::from_utf8(name).ok()?.split_once('=')?;
    let plain = |text: &str| text.chars().all(|char| char.is_alphanumeric() || "_-.% ".contains(char));
    let holds = !column.is_empty() && !value.is_empty() && plain(column) && !column.starts_with(['-', '.']);
    holds.then(|| (unescape(column), unescape(value)))
}

/// `%20` is a space.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = (byte == b'%').then(|| after.split_at_checked(2)).flatten();
        let code = digits.and_then(|(code, _)| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match (code, digits) {
            (Some(code), Some((_, after))) => {
                out.push(code);
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_spell_out_columns() {
        let file = Locator::path(0, b"lake/t/site=AAR/day=2024-01-02/part-0.parquet");
        let root = root(&file).unwrap();
        assert_eq!(root, Locator::path(0, b"lake/t"));
        let text = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        assert_eq!(pairs(&root, &file), [("site", "AAR"), ("day", "2024-01-02")].map(text));
        assert_eq!(pair(b"city=Aarhus%20C"), Some(text(("city", "Aarhus C"))));
        for name in ["site", "=x", "x=", "--flag=1"] {
            assert_eq!(pair(name.as_bytes()), None, "{name}");
        }
    }
}
