//! Every case of `fixtures/<family>/<format>/<case>/`: what its parser says of `input.*` is what `facts.json` holds, and
//! costs as many reads and bytes. What a file holds that is an asset each stands in `members`, by path.
//!
//! To add a case, add the two files, `facts.json` with at least `{"fact": {…}}`: keys that it does not name are not
//! compared. `BLESS=1 cargo test --test fixtures` fills in the parser, the reads and the bytes, and the facts of a case
//! that has none; look at the difference before it is committed.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]

mod forge;

use std::fs;
use std::path::{Path, PathBuf};

use blastmap::probe::{self, Input};
use blastmap::signature::HEAD;
use forge::checked::Checked;
use forge::place::signatures;
use serde_json::{Map, Value, json};

#[test]
fn every_case_says_what_its_facts_hold_at_the_recorded_cost() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut problems = Vec::new();
    let cases = cases();
    assert!(!cases.is_empty());
    for case in cases {
        if let Err(problem) = hold(&case, bless) {
            problems.push(format!("{}: {problem}", case.display()));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// The folders with facts. The public corpus has its own truth.
fn cases() -> Vec<PathBuf> {
    let below = |folder: PathBuf| {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.is_dir());
        paths.sort();
        paths
    };
    let families =
        below("fixtures".into()).into_iter().filter(|family| !family.ends_with("corpus") && !family.ends_with("real"));
    families.flat_map(below).flat_map(below).collect()
}

fn hold(case: &Path, bless: bool) -> Result<(), String> {
    let file = case.join("facts.json");
    let text = fs::read_to_string(&file).map_err(|error| format!("facts.json: {error}"))?;
    let mut facts: Value = serde_json::from_str(&text).map_err(|error| format!("facts.json: {error}"))?;
    let format = case.parent().and_then(Path::file_name).unwrap().to_str().unwrap();
    let id = signatures().get(format).map_or(Some(format), |signature| signature.probe.as_deref());
    let probe = id.and_then(probe::of).ok_or("its folder is named like no signature that has a probe")?;

    let bytes = fs::read(input(case)?).unwrap();
    let blob = Checked::new(&bytes);
    let head = bytes.get(..HEAD).unwrap_or(&bytes);
    let finding = probe.look(&Input::new(&blob, head)).map_err(|error| format!("not read: {error}"))?;
    let actual = serde_json::to_value(&finding.fact).unwrap();
    let members: Map<String, Value> = finding
        .members
        .iter()
        .map(|member| (member.path.clone(), serde_json::to_value(&member.fact).unwrap()))
        .collect();
    if bless {
        let fact = facts.get("fact").cloned().unwrap_or(actual);
        let mut record = json!({ "probe": probe.id, "fact": fact, "reads": blob.reads(), "bytes": blob.bytes() });
        if !members.is_empty() {
            record["members"] = facts.get("members").cloned().unwrap_or(Value::Object(members));
        }
        fs::write(file, format!("{record:#}\n")).unwrap();
        return Ok(());
    }
    let mut expected: Map<String, Value> = match facts.get_mut("fact").map(Value::take) {
        Some(Value::Object(fact)) => fact,
        _ => return Err("facts.json has no \"fact\"; BLESS=1 writes it".to_owned()),
    };
    expected.retain(|key, value| !actual.get(key).is_some_and(|actual| holds(key, value, actual)));
    let differing: Vec<String> = expected
        .iter()
        .map(|(key, want)| format!("\n  {key}: want {want}, got {}", actual.get(key).unwrap_or(&Value::Null)))
        .collect();
    if !differing.is_empty() {
        return Err(differing.concat());
    }
    let wanted = match facts.get_mut("members").map(Value::take) {
        Some(Value::Object(wanted)) => wanted,
        _ => Map::new(),
    };
    if !wanted.keys().eq(members.keys()) {
        return Err(format!("members: want {:?}, got {:?}", wanted.keys(), members.keys()));
    }
    for (path, want) in &wanted {
        for (key, want) in want.as_object().into_iter().flatten() {
            let got = members.get(path).and_then(|fact| fact.get(key)).unwrap_or(&Value::Null);
            if got != want {
                return Err(format!("{path}: {key}: want {want}, got {got}"));
            }
        }
    }
    for (key, actual) in [("reads", blob.reads()), ("bytes", blob.bytes())] {
        if facts.get(key).and_then(Value::as_u64) != Some(actual) {
            let recorded = facts.get(key).map_or("nothing".to_owned(), Value::to_string);
            return Err(format!("{actual} {key}, {recorded} recorded; if that is meant, BLESS=1 records it"));
        }
    }
    Ok(())
}

/// Whether a fact is what is wanted. Of tables inside of a file, too, keys that are not named are not compared.
fn holds(key: &str, want: &Value, actual: &Value) -> bool {
    let named_only =
        |want: &Map<String, Value>, actual: &Value| want.iter().all(|(key, want)| actual.get(key) == Some(want));
    match (key, want, actual) {
        ("tables" | "sheets", Value::Object(want), Value::Object(actual)) => {
            want.len() == actual.len()
                && want.iter().all(|(name, want)| {
                    matches!((want, actual.get(name)), (Value::Object(want), Some(actual)) if named_only(want, actual))
                })
        }
        _ => want == actual,
    }
}

/// The only `input.*` of a case.
fn input(case: &Path) -> Result<PathBuf, String> {
    let files = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path());
    let inputs: Vec<PathBuf> =
        files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("input")).collect();
    match <[PathBuf; 1]>::try_from(inputs) {
        Ok([input]) => Ok(input),
        Err(inputs) => Err(format!("has {} files input.*, not one", inputs.len())),
    }
}
