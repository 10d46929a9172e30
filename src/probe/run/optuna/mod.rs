//! Optuna: searches for hyper-parameters, of which every trial is a run.
//!
//! A study is kept in a database (`optuna/storages/_rdb/models.py`) or in a journal of JSON lines
//! (`optuna/storages/journal/_storage.py`); releases 1 to 5.

pub(crate) mod journal;
pub(crate) mod sqlite;

use std::collections::{BTreeMap, BTreeSet};

use super::settings;
use crate::model::{Run, publishable};

/// Trials by their key, and the names of their studies.
#[derive(Default)]
struct Trials {
    studies: BTreeMap<String, String>,
    trials: BTreeMap<i64, Trial>,
    /// Keys of studies that were deleted and are still there.
    deleted: BTreeSet<String>,
}

struct Trial {
    study: String,
    number: Option<i64>,
    run: Run,
}

impl Trials {
    /// All trials, each at `trials/<study>/<number>`.
    fn finish(self) -> Vec<(String, Run)> {
        let mut next: BTreeMap<String, i64> = BTreeMap::new();
        let mut runs = Vec::with_capacity(self.trials.len());
        for Trial { study, number, mut run } in self.trials.into_values() {
            let name = self.studies.get(&study).cloned().unwrap_or_else(|| publishable("study", &study));
            run.deleted = self.deleted.contains(&study).then_some(true);
            let counted = next.entry(study).or_default();
            // Before numbers were written down, they were the order of the trials in their study.
            let number = number.unwrap_or(*counted);
            *counted = counted.saturating_add(1);
            let key = format!("{name}/{number}");
            run.trial = Some(true);
            run.studies = vec![name];
            run.params.sort();
            run.params.dedup();
            run.metrics.sort();
            run.metrics.dedup();
            runs.push((format!("trials/{key}"), Run { run_id: Some(key), ..run }));
        }
        runs
    }
}

/// What an attribute that a user set says: nothing but what it names.
fn attribute(run: &mut Run, key: &str, json: &str) {
    if let Ok(serde_json::Value::String(text)) = serde_json::from_str(json) {
        settings::note(run, key, &text);
    }
}

/// Whether a trial ended in an error, by its state.
fn set_state(run: &mut Run, state: &str) {
    run.failed = Some(state == "FAIL");
    run.status = Some(publishable("state", state));
}
