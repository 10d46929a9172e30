//! Trials of Ray Tune: `result.json`, `progress.csv` and `params.json` of a trial's directory.
//!
//! Follows `ray/tune/logger/{json,csv}.py`: `result.json` has an object a line, one for each report, with the host, the
//! process and the configuration in every one; the first is read, and the last.

use std::io::Read;

use serde_json::{Map, Value};

use super::settings;
use crate::blob::{Blob, Cursor, ReadError, read_vec};
use crate::model::{Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest line: a report of a large library of reinforcement learning has about 100 KiB.
const MAX_LINE: usize = 4 << 20;
/// Bytes of the end that are looked at for the last line.
const TAIL: u64 = 4 << 20;
/// Largest configuration.
const MAX_CONFIG: u64 = 16 << 20;
/// What Ray itself puts into every report.
const OWN: [&str; 17] = [
    "timestamp",
    "checkpoint_dir_name",
    "should_checkpoint",
    "done",
    "training_iteration",
    "trial_id",
    "experiment_id",
    "date",
    "time_this_iter_s",
    "time_total_s",
    "pid",
    "hostname",
    "node_ip",
    "config",
    "time_since_restore",
    "iterations_since_restore",
    "timesteps_since_restore",
];
/// Keys of which every report has these.
const SIGNS: [&str; 2] = ["trial_id", "training_iteration"];

/// `result.json`.
pub(crate) fn result(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.trim_ascii_start().starts_with(b"{") {
        return Err(ProbeError::NotMine);
    }
    let first = match Cursor::new(input.blob, 0).until(b'\n', MAX_LINE) {
        // The only line of a trial that was killed.
        Err(ReadError::Ended { .. }) => kit::whole(input.blob, MAX_LINE as u64)?,
        other => other?,
    };
    let report: Map<String, Value> = kit::json(&first, "the first report").map_err(|_| ProbeError::NotMine)?;
    if !SIGNS.iter().all(|sign| report.contains_key(*sign)) {
        return Err(ProbeError::NotMine);
    }
    let text = |key: &str| report.get(key).and_then(Value::as_str).map(|text| publishable(key, text));
    let mut run = Run {
        run_id: text("trial_id"),
        trial: Some(true),
        hostname: text("hostname"),
        pid: report.get("pid").and_then(Value::as_u64),
        metrics: report.keys().filter(|key| is_metric(key)).map(|key| publishable("", key)).collect(),
        ..Run::default()
    };
    if let Some(config) = report.get("config") {
        settings::params(&mut run, "", config);
    }
    let outcome = last(input.blob).map(|last| run.last_step = last);
    Finding::new(Fact::Run(Box::new(run))).noting(outcome)
}

fn is_metric(key: &str) -> bool {
    !OWN.contains(&key)
}

/// The iteration of the last report that is whole.
fn last(blob: &dyn Blob) -> Result<Option<u64>, ProbeError> {
    let size = blob.size();
    let at = size.saturating_sub(TAIL);
    let tail = read_vec(blob, at, size.saturating_sub(at), TAIL)?;
    let reports = tail.rsplit(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(2);
    let iteration = |line: &[u8]| {
        let report: Map<String, Value> = kit::json(line, "the last report").ok()?;
        report.get("training_iteration")?.as_u64()
    };
    Ok(reports.into_iter().find_map(iteration))
}

/// `params.json`: a trial's own configuration.
pub(crate) fn params(input: &Input) -> Result<Finding, ProbeError> {
    let config: Value = kit::json_file(input, MAX_CONFIG, &[], "the configuration")?;
    let mut run = Run { trial: Some(true), ..Run::default() };
    settings::params(&mut run, "", &config);
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

/// `error.txt`, `error.pkl`: that the trial failed is all that is told of it.
pub(crate) fn error(input: &Input) -> Result<Finding, ProbeError> {
    if input.head.is_empty() {
        return Err(ProbeError::NotMine);
    }
    let contains_pickle = input.head.starts_with(&[0x80]).then_some(true);
    let run = Run { failed: Some(true), trial: Some(true), contains_pickle, ..Run::default() };
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

/// `progress.csv`: the same reports as a table; its header says what they measure.
pub(crate) fn progress(input: &Input, _: &mut dyn Read) -> Result<Finding, ProbeError> {
    let header = input.head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let header = String::from_utf8_lossy(header);
    let columns: Vec<&str> = header.trim_end().split(',').collect();
    if !SIGNS.iter().all(|sign| columns.contains(sign)) {
        return Err(ProbeError::NotMine);
    }
    let metrics = columns.iter().filter(|column| !column.contains('"') && !column.starts_with("config/"));
    Ok(Finding::new(Fact::Run(Box::new(Run {
        trial: Some(true),
        metrics: metrics.filter(|column| is_metric(column)).map(|column| publishable("", column)).collect(),
        ..Run::default()
    }))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const REPORT: &str = r#"{"score": 1, "done": false, "training_iteration": 1, "trial_id": "02c73_00000", "pid": 7,
        "hostname": "gpu-07", "config": {"x": 1, "data": "/data/a.parquet", "api_key": "Zx81kQ0canary77"}}"#;

    fn run(text: &str) -> Result<(Run, usize), ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let finding = result(&Input::new(&blob, text.as_bytes()))?;
        Ok((finding.fact.run().unwrap().clone(), finding.notes.len()))
    }

    #[test]
    fn the_first_report_tells_most_and_the_last_how_far_it_came() {
        let report = REPORT.replace('\n', " ");
        let text = format!("{report}\n{}\n", report.replace("iteration\": 1", "iteration\": 9"));
        let (trial, notes) = run(&text).unwrap();
        assert_eq!((trial.run_id.as_deref(), trial.hostname.as_deref()), (Some("02c73_00000"), Some("gpu-07")));
        assert_eq!((trial.last_step, trial.trial, trial.metrics), (Some(9), Some(true), vec!["score".to_owned()]));
        assert_eq!(trial.dataset_path.as_deref(), Some("/data/a.parquet"));
        assert_eq!(notes, 0);
        // A line that was cut is passed over.
        assert_eq!(run(&text[..text.len() - 30]).unwrap().0.last_step, Some(1));
        assert!(!format!("{:?}", run(&text).unwrap()).contains("canary"));
    }

    #[test]
    fn results_of_others() {
        for text in ["", "{}", "[1]", "{\"score\": 1}\n", "{\"trial_id\": \"a\"", "no json"] {
            assert!(matches!(run(text), Err(ProbeError::NotMine)), "{text}");
        }
    }
}
