//! DVC files (`NAME.dvc`, `dvc.lock`): what is tracked, with size and hash, in a small part of YAML that DVC writes
//! itself. Read line by line: mappings and lists by indentation, no anchors, no tags, nothing constructed.
//!
//! After the DVC documentation, "`.dvc` files" and "`dvc.lock` file" (schema 2.0; hash `md5`, directories end in `.dir`).

use super::super::super::{Finding, Input, ProbeError, kit};
use super::lfs::is_hash;
use crate::model::{Dataset, Fact, publishable, typed};

const MAX_FILE: u64 = 4 << 20;

/// One tracked output.
#[derive(Default)]
struct Output {
    md5: Option<String>,
    size: Option<u64>,
    files: Option<u64>,
    path: Option<String>,
}

/// Reads the outputs.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if input.blob.size() > MAX_FILE {
        return Err(ProbeError::NotMine);
    }
    let bytes = kit::whole(input.blob, MAX_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ProbeError::NotMine)?;
    let outputs = outputs(text);
    let tracked: Vec<&Output> = outputs.iter().filter(|output| output.md5.is_some()).collect();
    let Some(first) = tracked.first() else { return Err(ProbeError::NotMine) };
    let sum = |of: fn(&Output) -> Option<u64>| {
        let known: Vec<u64> = tracked.iter().filter_map(|output| of(output)).collect();
        (!known.is_empty()).then(|| known.iter().fold(0u64, |sum, &size| sum.saturating_add(size)))
    };
    let single = tracked.len() == 1;
    let path = first.path.as_deref().filter(|_| single).map(|path| typed("path", path));
    let dataset = Dataset {
        md5: first.md5.clone().filter(|_| single),
        size: sum(|output| output.size),
        nfiles: sum(|output| output.files),
        points_to: path.clone(),
        path,
        entries: (!single).then_some(tracked.len() as u64),
        content_present: Some(false),
        ..Dataset::default()
    };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

/// Reads a configuration: the address of its default remote, or of its only one.
pub(crate) fn config(input: &Input) -> Result<Finding, ProbeError> {
    let bytes = kit::whole(input.blob, MAX_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ProbeError::NotMine)?;
    let mut section = "";
    let mut default = None;
    let mut remotes: Vec<(&str, &str)> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim_matches('\'');
        } else if let Some((key, value)) = line.split_once('=') {
            let remote = section.strip_prefix("remote \"").and_then(|rest| rest.strip_suffix('"'));
            match (section, key.trim(), remote) {
                ("core", "remote", _) => default = Some(value.trim()),
                (_, "url", Some(remote)) => remotes.push((remote, value.trim())),
                _ => {}
            }
        }
    }
    let url = remotes.iter().find(|(name, _)| Some(*name) == default).or(remotes.first());
    let Some((_, url)) = url else { return Err(ProbeError::NotMine) };
    let dataset = Dataset { remote_url: Some(publishable("remote_url", url)), ..Dataset::default() };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

/// The items of every list under `outs`.
fn outputs(text: &str) -> Vec<Output> {
    let mut outputs: Vec<Output> = Vec::new();
    // How far the list at hand is indented.
    let mut list: Option<usize> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len().saturating_sub(trimmed.len());
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if trimmed.trim_end() == "outs:" {
            list = Some(indent);
            continue;
        }
        let Some(start) = list else { continue };
        let item = trimmed.strip_prefix("- ");
        if indent < start || (indent == start && item.is_none()) {
            list = None;
            continue;
        }
        if item.is_some() {
            outputs.push(Output::default());
        }
        let (Some(output), Some((key, value))) = (outputs.last_mut(), item.unwrap_or(trimmed).split_once(':')) else {
            continue;
        };
        let value = value.trim().trim_matches(['"', '\'']);
        match key.trim() {
            "md5" => {
                let hash = value.strip_suffix(".dir").unwrap_or(value);
                output.md5 = is_hash(hash, 32).then(|| value.to_owned());
            }
            "size" => output.size = value.parse().ok(),
            "nfiles" => output.files = value.parse().ok(),
            "path" => output.path = Some(value.to_owned()),
            _ => {}
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Dataset, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        Ok(probe(&Input::new(&blob, text.as_bytes()))?.fact.dataset().cloned().unwrap())
    }

    #[test]
    fn a_configuration_names_the_remote() {
        let text =
            "[core]\n    remote = b\n['remote \"a\"']\n    url = /x\n['remote \"b\"']\n    url = s3://bucket/y\n";
        let blob = Memory::new(text.as_bytes());
        let finding = config(&Input::new(&blob, text.as_bytes())).unwrap();
        assert_eq!(finding.fact.dataset().unwrap().remote_url.as_deref(), Some("s3://bucket/y"));
    }

    #[test]
    fn outputs_of_a_file_and_of_a_pipeline() {
        let md5 = "0b".repeat(16);
        let dataset = run(&format!("outs:\n- md5: {md5}.dir\n  size: 9\n  nfiles: 2\n  path: raw\n")).unwrap();
        assert_eq!((dataset.md5, dataset.size, dataset.nfiles), (Some(format!("{md5}.dir")), Some(9), Some(2)));
        assert_eq!(dataset.path.as_deref(), Some("raw"));
        let lock = format!(
            "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    deps:\n    - path: a\n      md5: {md5}\n    outs:\n    - path: m\n      md5: {md5}\n      size: 4\n    - path: n\n      md5: {md5}\n      size: 5\n"
        );
        let dataset = run(&lock).unwrap();
        assert_eq!((dataset.size, dataset.entries, dataset.md5), (Some(9), Some(2), None));
        assert!(matches!(run("outs:\n- path: x\n"), Err(ProbeError::NotMine)));
    }
}
