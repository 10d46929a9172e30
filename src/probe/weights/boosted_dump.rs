//! Boosted models as their libraries print them: text and JSON of XGBoost's `dump_model`, JSON of LightGBM's.
//!
//! Follows `src/tree/tree_model.cc` of XGBoost 3.2 and `GBDT::DumpModel` of LightGBM 4.7. Such a dump is no file a library
//! loads again, and still every split of the model. Splits are passed over, the names in them are kept.

use std::collections::BTreeSet;

use super::super::{Finding, Input, ProbeError};
use crate::blob::{Cursor, ReadError};
use crate::model::{Fact, Weights, publishable};
use crate::probe::events::{self, Event, Syntax, short};

/// Bytes read of a dump.
const MAX_DUMP: u64 = 256 << 20;
/// Longest line of a text: a split on many categories lists them.
const MAX_LINE: usize = 1 << 20;
/// Most names kept.
const MAX_NAMES: usize = 10_000;

/// A dump of XGBoost.
pub(crate) fn xgboost(input: &Input) -> Result<Finding, ProbeError> {
    let mut dump = Dump::default();
    let outcome = if input.head.trim_ascii_start().starts_with(b"[") {
        events::walk(input.blob, 0, MAX_DUMP, Syntax::Json, &mut |path, event| dump.split(path, event))
    } else {
        dump.text(input)
    };
    if dump.trees == 0 {
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    let mut weights = Weights { num_trees: Some(dump.trees), ..Weights::default() };
    weights.feature_names = dump.names.into_iter().collect();
    Finding::new(Fact::Weights(Box::new(weights))).noting(outcome)
}

/// A dump of LightGBM.
pub(crate) fn lightgbm(input: &Input) -> Result<Finding, ProbeError> {
    let mut weights = Weights::default();
    let mut trees = 0u64;
    let outcome = events::walk(input.blob, 0, MAX_DUMP, Syntax::Json, &mut |path, event| {
        let Some(path) = short::<2>(path) else { return };
        match (path.as_slice(), event) {
            (["objective"], Event::Text(text)) => weights.objective = Some(publishable("", text)),
            (["version"], Event::Text(text)) => {
                weights.metadata.insert("format_version".to_owned(), publishable("", text));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held against its range")]
            (["max_feature_idx"], Event::Number(last)) if (0.0..1e9).contains(&last) => {
                weights.n_features = (last as u64).checked_add(1);
            }
            (["feature_names", ""], Event::Text(name)) if weights.feature_names.len() < MAX_NAMES => {
                weights.feature_names.push(publishable("", name));
            }
            (["tree_info", ""], Event::Open) => trees = trees.saturating_add(1),
            _ => {}
        }
    });
    if trees == 0 {
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    weights.num_trees = Some(trees);
    Finding::new(Fact::Weights(Box::new(weights))).noting(outcome)
}

#[derive(Default)]
struct Dump {
    trees: u64,
    names: BTreeSet<String>,
}

impl Dump {
    fn name(&mut self, name: &str) {
        if self.names.len() < MAX_NAMES && !name.is_empty() {
            self.names.insert(publishable("", name));
        }
    }

    fn split(&mut self, path: &[String], event: Event) {
        match (path, event) {
            ([list, key], Event::Number(_)) if list.is_empty() && key == "nodeid" => {
                self.trees = self.trees.saturating_add(1)
            }
            ([_, .., key], Event::Text(name)) if key == "split" => self.name(name),
            _ => {}
        }
    }

    /// `booster[0]:`, then a node a line: `0:[age<0.5] yes=1,no=2,missing=1` or `3:leaf=-0.7`.
    fn text(&mut self, input: &Input) -> Result<(), ProbeError> {
        let mut cursor = Cursor::new(input.blob, 0);
        loop {
            if cursor.position() > MAX_DUMP {
                return Err(ReadError::TooLong { wanted: input.blob.size(), allowed: MAX_DUMP }.into());
            }
            let line = match cursor.until(b'\n', MAX_LINE) {
                Ok(line) => line,
                Err(ReadError::Ended { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let line = String::from_utf8_lossy(&line);
            let line = line.trim();
            if line.starts_with("booster[") {
                self.trees = self.trees.saturating_add(1);
            } else if let Some((_, split)) = line.split_once(":[") {
                self.name(split.split(['<', ']', ':']).next().unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, text: &str) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(text.as_bytes()), text.as_bytes()))
    }

    #[test]
    fn splits_give_names() {
        let text = "booster[0]:\n0:[age<0.5] yes=1,no=2,missing=1\n\t1:leaf=0.1\n\t2:[site:{1,3}] yes=3\nbooster[1]:\n0:[case] yes=2,no=1\n";
        let finding = run(xgboost, text).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!(weights.feature_names, ["age", "case", "site"]);
        assert_eq!(weights.num_trees, Some(2));
    }

    #[test]
    fn other_texts_are_left() {
        for text in ["", "[]", "[1, 2]", "a booster", "[[[["] {
            assert!(run(xgboost, text).is_err(), "{text}");
            assert!(run(lightgbm, text).is_err(), "{text}");
        }
        assert!(run(lightgbm, r#"{"name": "tree", "version": "v4", "tree_info": []}"#).is_err());
    }
}
