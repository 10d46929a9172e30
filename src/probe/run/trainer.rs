//! What the trainer of transformers writes into its output directory when it has ended: `train_results.json`,
//! `eval_results.json`, `all_results.json`.
//!
//! Follows `Trainer.save_metrics`: one flat object of numbers. The trainer's own state, which makes the directory a run,
//! is read with the weights (`probe/weights/hf_config.rs`), and joined in `assemble/run`.

use serde_json::{Map, Value};

use crate::model::{Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Largest such file.
const MAX_FILE: u64 = 1 << 20;

/// Names of the measures; no value.
pub(crate) fn results(input: &Input) -> Result<Finding, ProbeError> {
    let signs = ["_runtime\"", "_loss\""];
    let results: Map<String, Value> = kit::json_file(input, MAX_FILE, &signs, "the results")?;
    let is_measure = |key: &String| ["_runtime", "_samples_per_second", "_loss"].iter().any(|end| key.ends_with(end));
    if !results.keys().any(is_measure) {
        return Err(ProbeError::NotMine);
    }
    let metrics = results.keys().filter(|key| *key != "epoch").map(|key| publishable("", key)).collect();
    let epochs = results.get("epoch").and_then(Value::as_f64);
    Ok(Finding::new(Fact::Run(Box::new(Run { metrics, epochs, ..Run::default() }))))
}
