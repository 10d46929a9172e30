//! Files of one directory that number themselves and have one schema: one dataset, k of n files of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, Made, finish, partitions, stores, together};
use crate::model::{Locator, Role, Sighting, escape_name};

/// Formats that are written in shards: records, whose order over the files means nothing. A series of images or of a
/// subject's visits is numbered too.
const SHARDED: [&str; 18] = [
    "parquet",
    "arrow-file",
    "arrow-stream",
    "feather-v1",
    "orc",
    "avro",
    "tfrecord",
    "tfrecord-gz",
    "tfrecord-zlib",
    "webdataset",
    "csv",
    "csv-gz",
    "tsv",
    "jsonl",
    "jsonl-gz",
    "jsonl-zst",
    "ffcv",
    "megatron-indexed",
];
/// Words before the number of a series that does not say how long it is.
const WORDS: [&str; 7] = ["part", "shard", "chunk", "split", "data", "block", "piece"];

/// Words before a number that is not that of a shard: each such file is a table of its own.
const APART: [&str; 21] = [
    "visit", "week", "month", "day", "year", "version", "v", "time", "t", "wave", "round", "subject", "sub", "patient",
    "site", "session", "ses", "run", "cohort", "phase", "of",
];
/// Fewest files of a series that only its numbers make one.
const FEWEST_LOOSE: usize = 3;

/// A numbered name: what stands before the number, its ending, and how many there are, where that is said.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    before: Vec<u8>,
    ending: Vec<u8>,
    total: Option<u64>,
    /// Whether neither a word nor zeros before the number say that it is one of a series.
    loose: bool,
}

/// The sharded datasets, and what belongs to none.
pub(super) fn split<'s>(sightings: Vec<&'s Sighting>) -> (Vec<Group<'s>>, Vec<&'s Sighting>) {
    type Key<'k> = (Locator, &'k str, Series, &'k [String]);
    let mut series: BTreeMap<Key, Vec<(u64, &Sighting)>> = BTreeMap::new();
    let mut rest = Vec::new();
    for sighting in sightings {
        let dataset = sighting
            .fact
            .dataset()
            .filter(|_| sighting.role == Role::Primary && SHARDED.contains(&sighting.format.as_str()));
        match (dataset, parse(sighting.locator.base_name())) {
            (Some(dataset), Some((name, number))) => {
                let key = (sighting.locator.parent(), sighting.format.as_str(), name, dataset.table.columns.as_slice());
                series.entry(key).or_default().push((number, sighting));
            }
            _ => rest.push(sighting),
        }
    }
    let mut groups = Vec::new();
    for ((directory, format, name, _), mut parts) in series {
        parts.sort_by(|a, b| (a.0, &a.1.locator).cmp(&(b.0, &b.1.locator)));
        let numbers: BTreeSet<u64> = parts.iter().map(|(number, _)| *number).collect();
        if parts.len() < 2 && name.total.is_none_or(|total| total < 2) || !is_series(&name, &numbers) {
            rest.extend(parts.into_iter().map(|(_, sighting)| sighting));
            continue;
        }
        // Copies of the footers of all files beside them: no rows of their own.
        let is_summary = |file: &&Sighting| {
            file.format == format && partitions::is_summary(file) && file.locator.parent() == directory
        };
        let (summaries, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_summary);
        rest = others;
        groups.extend(group(&directory, &name, &numbers, &parts, summaries));
    }
    (groups, rest)
}

fn group<'s>(
    directory: &Locator,
    series: &Series,
    numbers: &BTreeSet<u64>,
    parts: &[(u64, &'s Sighting)],
    summaries: Vec<&'s Sighting>,
) -> Option<Group<'s>> {
    let (first, others) = parts.split_first()?;
    let mut dataset = together(parts.iter().map(|(_, sighting)| *sighting));
    dataset.shards = Some(parts.len() as u64);
    let promised = series.total.or_else(|| {
        let (first, last) = (numbers.first()?, numbers.last()?);
        last.checked_sub((*first).min(1))?.checked_add(1)
    });
    let absent = promised.unwrap_or(0).saturating_sub(numbers.len() as u64);
    let mut because = format!("{} files that number themselves", parts.len());
    if absent > 0 {
        dataset.absent_shards = Some(absent);
        because = format!("{because}; {absent} of the series are not here");
    }
    let stem = String::from_utf8_lossy(&series.before);
    let stem = stem.trim_end_matches(|char: char| !char.is_alphanumeric());
    let name = if WORDS.contains(&stem.to_lowercase().as_str()) || stem.is_empty() {
        stores::name_of(directory)
    } else {
        Some(escape_name(stem.as_bytes()))
    };
    let others = others.iter().map(|(_, sighting)| *sighting).chain(summaries).collect();
    Some(finish(Made { primary: first.1, others, format: first.1.format.clone(), name, dataset, because }))
}

/// Whether the numbers are those of shards: said by the name, or counted from 0 or 1 without many gaps. Years, visits
/// and versions are numbers too.
fn is_series(name: &Series, numbers: &BTreeSet<u64>) -> bool {
    if name.total.is_some() {
        return true;
    }
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return false };
    if name.loose {
        let span = last.saturating_sub(*first).saturating_add(1);
        return numbers.len() >= FEWEST_LOOSE && *first <= 1 && span == numbers.len() as u64;
    }
    *first <= 1 && last.saturating_sub(*first) < (numbers.len() as u64).saturating_mul(2)
}

/// Reads a name: `train-00001-of-00004.parquet`, `part-00003-….snappy.parquet`, `part.3.parquet`, `tiles-000012.tar`,
/// `data_0.csv`, `shard.003`.
fn parse(name: &[u8]) -> Option<(Series, u64)> {
    of_total(name).or_else(|| counted(name))
}

fn of_total(name: &[u8]) -> Option<(Series, u64)> {
    let of = name.windows(4).rposition(|window| window == b"-of-")?;
    let (before, after) = (name.get(..of)?, name.get(of + 4..)?);
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let index = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
    let total = number(after.get(..digits)?)?;
    let (before, index) = before.split_at_checked(before.len() - index)?;
    let rank = number(index)?;
    // What a hub puts behind the total is another hash in every file.
    let series = Series { before: before.to_vec(), ending: ending(after), total: Some(total), loose: false };
    (total > 0 && rank <= total).then_some((series, rank))
}

fn counted(name: &[u8]) -> Option<(Series, u64)> {
    let lower = name.to_ascii_lowercase();
    let mut loose = false;
    let word = WORDS.iter().find_map(|word| {
        let rest = lower.strip_prefix(word.as_bytes())?;
        let rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"_")).or_else(|| rest.strip_prefix(b"."));
        rest.filter(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    });
    let at = match word {
        Some(rest) => name.len() - rest.len(),
        // Without such a word a number that is padded counts, or one at the end, where there are many without a gap.
        None => match padded(name) {
            Some(at) => at,
            None => {
                loose = true;
                last_number(name)?
            }
        },
    };
    let (before, rest) = name.split_at_checked(at)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(digits)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((Series { before: before.to_vec(), ending: ending(after), total: None, loose }, number))
}

/// Where the last number of at least three digits with a leading zero begins.
fn padded(name: &[u8]) -> Option<usize> {
    let mut end = name.len();
    while let Some(last) = name.get(..end)?.iter().rposition(u8::is_ascii_digit) {
        let digits = name.get(..=last)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let start = last + 1 - digits;
        if digits >= 3 && name.get(start) == Some(&b'0') {
            return Some(start);
        }
        end = start;
    }
    None
}

/// Where the number begins that ends a name: `expr_12.csv`, behind a word that does not set tables apart.
fn last_number(name: &[u8]) -> Option<usize> {
    let end = name.iter().position(|&byte| byte == b'.').unwrap_or(name.len());
    let stem = name.get(..end)?;
    let digits = stem.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let at = stem.len().checked_sub(digits).filter(|_| digits > 0)?;
    let before = stem.get(..at)?;
    let word = before.strip_suffix(b"_").or(before.strip_suffix(b"-"))?;
    let word = word.rsplit(|byte| !byte.is_ascii_alphanumeric()).next()?.to_ascii_lowercase();
    let apart = APART.iter().any(|known| word == known.as_bytes());
    (!word.is_empty() && !apart).then_some(at)
}

/// The last two endings of a name at most: the same in every shard.
fn ending(rest: &[u8]) -> Vec<u8> {
    let dots: Vec<usize> = rest.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at).collect();
    let from = dots.get(dots.len().saturating_sub(2)).copied().unwrap_or(rest.len());
    rest.get(from..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_shards_are_read_from_names() {
        for (name, before, total, number) in [
            ("train-00001-of-00004.parquet", "train-", Some(4), 1),
            ("train-00001-of-00004-ab12cd.parquet", "train-", Some(4), 1),
            ("x.tfrecord-00000-of-00002", "x.tfrecord-", Some(2), 0),
            ("part-00003-8e92-c000.snappy.parquet", "part-", None, 3),
            ("part.3.parquet", "part.", None, 3),
            ("tiles-000012.tar", "tiles-", None, 12),
            ("data_0.csv", "data_", None, 0),
            ("001.jsonl", "", None, 1),
        ] {
            let (series, got) = parse(name.as_bytes()).unwrap();
            assert_eq!((series.before.as_slice(), series.total, got), (before.as_bytes(), total, number), "{name}");
        }
        let (series, _) = parse(b"expr_7.csv").unwrap();
        let numbers = |list: &[u64]| list.iter().copied().collect::<BTreeSet<u64>>();
        assert!(series.loose && is_series(&series, &numbers(&[0, 1, 2])));
        assert!(!is_series(&series, &numbers(&[1, 2])) && !is_series(&series, &numbers(&[1, 2, 4])));
        assert!(!is_series(&parse(b"visits_2024.csv").unwrap().0, &numbers(&[2022, 2023, 2024])));
        for name in ["visit_1.csv", "cohort2.csv", "dm.csv", "partition.csv", "model-5-of-4.csv", "x_v1.csv"] {
            assert!(parse(name.as_bytes()).is_none(), "{name}");
        }
    }
}
