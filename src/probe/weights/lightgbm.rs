//! LightGBM's text files: `tree`, a head of `key=value` lines, the trees, the parameters of the training.
//!
//! Follows `src/boosting/gbdt_model_text.cpp` of LightGBM 4.7. The trees are passed over. The parameters at the end name
//! the training files and the machines of a distributed training.

use super::super::{Finding, Input, ProbeError};
use crate::blob::{Cursor, ReadError, read_vec};
use crate::model::{Fact, Weights, publishable};

/// Longest line of the head: one names every column, one gives the size of every tree.
const MAX_LINE: usize = 16 << 20;
/// Most lines of the head: writers have a dozen.
const MAX_LINES: usize = 64;
/// Bytes of the end that the parameters are looked for in.
const TAIL: u64 = 64 << 10;
const MAX_NAMES: usize = 100_000;
/// Parameters that name files, and those that name hosts.
const PATHS: [&str; 9] = [
    "data",
    "valid",
    "input_model",
    "output_model",
    "output_result",
    "forcedsplits_filename",
    "forcedbins_filename",
    "parser_config_file",
    "machine_list_filename",
];

/// Reads the head and the parameters.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if line(&mut cursor)? != "tree" {
        return Err(ProbeError::NotMine);
    }
    let mut weights = Weights::default();
    let mut version = None;
    for _ in 0..MAX_LINES {
        let line = line(&mut cursor)?;
        if line.starts_with("Tree=") || line == "end of trees" {
            break;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        match key {
            "version" => version = Some(publishable("", value)),
            "max_feature_idx" => weights.n_features = value.parse::<u64>().ok().and_then(|last| last.checked_add(1)),
            "objective" => weights.objective = Some(publishable("", value)),
            "feature_names" => {
                weights.feature_names = value
                    .split(' ')
                    .filter(|name| !name.is_empty())
                    .take(MAX_NAMES)
                    .map(|name| publishable("", name))
                    .collect();
            }
            "tree_sizes" => weights.num_trees = Some(value.split_ascii_whitespace().count() as u64),
            _ => {}
        }
    }
    let version = version.ok_or(ProbeError::NotMine)?;
    weights.metadata.insert("format_version".to_owned(), version);
    parameters(input, &mut weights)?;
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn line(cursor: &mut Cursor) -> Result<String, ProbeError> {
    match cursor.until(b'\n', MAX_LINE) {
        Ok(line) => Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()),
        Err(ReadError::TooLong { .. }) => Err(ProbeError::NotMine),
        Err(error) => Err(error.into()),
    }
}

/// The `[key: value]` lines at the end.
fn parameters(input: &Input, weights: &mut Weights) -> Result<(), ProbeError> {
    // A stream has to be there as a whole before its end can be looked at.
    match Cursor::new(input.blob, input.blob.size()).u8() {
        Err(ReadError::Ended { .. }) | Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let size = input.blob.size();
    let len = size.min(TAIL);
    let tail = read_vec(input.blob, size.saturating_sub(len), len, TAIL)?;
    let tail = String::from_utf8_lossy(&tail);
    let rows = tail.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')?.split_once(": "));
    for (key, value) in rows.filter(|(_, value)| !value.is_empty()) {
        let kept = |part: &str| publishable(key, part.trim());
        if PATHS.contains(&key) {
            weights.paths.extend(value.split(',').map(kept));
        } else if key == "machines" {
            weights.hosts.extend(value.split(',').map(kept));
        } else if matches!(
            key,
            "boosting" | "num_iterations" | "learning_rate" | "num_leaves" | "metric" | "num_machines"
        ) {
            weights.hyper_parameters.insert(key.to_owned(), kept(value).into());
        }
    }
    weights.num_trees = weights.num_trees.or_else(|| {
        // Files of before 2.1 do not list the sizes of their trees; small ones show them all.
        let trees = tail.lines().filter(|line| line.starts_with("Tree=")).count() as u64;
        (size <= TAIL && trees > 0).then_some(trees)
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(text.as_bytes()), text.as_bytes()))
    }

    #[test]
    fn parameters_give_paths_and_hosts() {
        let text = "tree\nversion=v3\nmax_feature_idx=1\nobjective=binary sigmoid:1\nfeature_names=age bmi\n\nTree=0\n\
            end of trees\n\nparameters:\n[data: /srv/trial/train.csv]\n[valid: /srv/a.csv,/srv/b.csv]\n\
            [machines: 10.0.0.7:12400,node8:12400]\n[learning_rate: 0.1]\nend of parameters\n";
        let finding = run(text).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!(weights.paths, ["/srv/trial/train.csv", "/srv/a.csv", "/srv/b.csv"]);
        assert_eq!(weights.hosts, ["10.0.0.7:12400", "node8:12400"]);
        assert_eq!((weights.n_features, weights.num_trees), (Some(2), Some(1)));
        assert_eq!(weights.feature_names, ["age", "bmi"]);
    }

    #[test]
    fn other_trees_are_left() {
        for text in ["tree\noak\nbeech\nTree=0\n", "tree", "trees\nversion=1\n", ""] {
            assert!(run(text).is_err(), "{text}");
        }
    }
}
