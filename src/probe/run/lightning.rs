//! Lightning's log directories: `version_N/hparams.yaml` and `version_N/metrics.csv`.
//!
//! Layout after `lightning/pytorch/loggers/{csv_logs,tensorboard}.py` and `core/saving.py`: both loggers write the
//! arguments of the module's constructor, whatever they are, and the first one a row for each logged step. Which file
//! makes a directory a run is for `assemble/run`.

use std::collections::BTreeSet;
use std::io::Read;

use super::settings;
use crate::model::{Cause, Fact, Run, publishable};
use crate::probe::stream::{Line, Stream};
use crate::probe::{Finding, Input, ProbeError, kit, yaml};

/// Longest line of a table of metrics.
const MAX_LINE: usize = 1 << 20;
/// Most columns.
const MAX_COLUMNS: usize = 10_000;
/// Most steps told apart.
const MAX_STEPS: usize = 1 << 20;

/// `hparams.yaml`: the parameters; nothing in it where a module saved none.
pub(crate) fn hparams(input: &Input) -> Result<Finding, ProbeError> {
    let mut run = Run::default();
    let ended_by = match yaml::file(input) {
        Ok((tree, ended_by)) => {
            settings::of_yaml(&mut run, &tree);
            ended_by
        }
        Err(ProbeError::NotMine) if is_without_keys(input)? => None,
        Err(error) => return Err(error),
    };
    Ok(Finding::new(Fact::Run(Box::new(run))).ended_by(ended_by.map_or(Ok(()), Err)))
}

fn is_without_keys(input: &Input) -> Result<bool, ProbeError> {
    let text = kit::whole(input.blob, yaml::MAX_TEXT)?;
    Ok(matches!(text.trim_ascii(), b"" | b"{}"))
}

/// `metrics.csv`: a column for each metric, and which step a row is of.
pub(crate) fn metrics(input: &Input, stream: &mut dyn Read) -> Result<Finding, ProbeError> {
    let head = input.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.head);
    let first = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if first.len() >= head.len() || step_of(first).is_none() {
        return Err(ProbeError::NotMine);
    }
    let mut run = Run::default();
    let mut steps = BTreeSet::new();
    let outcome = rows(&mut Stream::new(stream), &mut run, &mut steps);
    run.steps_logged = Some(steps.len() as u64);
    run.last_step = steps.last().copied();
    let mut finding = Finding::new(Fact::Run(Box::new(run))).ended_by(outcome);
    if steps.len() >= MAX_STEPS {
        let detail = format!("logs more than {MAX_STEPS} different steps; those after them are not counted");
        finding.notes.push((Cause::OverBudget, detail));
    }
    Ok(finding)
}

/// Which column is the step.
fn step_of(header: &[u8]) -> Option<usize> {
    columns(header).position(|column| column == b"step")
}

fn columns(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').take(MAX_COLUMNS).map(|cell| cell.trim_ascii())
}

fn rows(stream: &mut Stream, run: &mut Run, steps: &mut BTreeSet<u64>) -> Result<(), ProbeError> {
    let mut line = Vec::new();
    stream.line(&mut line, MAX_LINE)?;
    let header = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
    let at = step_of(header).ok_or(ProbeError::NotMine)?;
    let names = columns(header).filter(|column| !column.is_empty() && *column != b"step");
    run.metrics = names.map(|column| publishable("", &String::from_utf8_lossy(column))).collect();
    loop {
        match stream.line(&mut line, MAX_LINE)? {
            Line::End => return Ok(()),
            Line::Long => continue,
            Line::Whole => {}
        }
        let step = columns(&line).nth(at).and_then(|cell| std::str::from_utf8(cell).ok()?.parse().ok());
        if let Some(step) = step
            && steps.len() < MAX_STEPS
        {
            steps.insert(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn table(text: &str) -> Result<Run, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let finding = metrics(&Input::new(&blob, text.as_bytes()), &mut text.as_bytes())?;
        Ok(finding.fact.run().unwrap().clone())
    }

    fn parameters(text: &str) -> Result<Run, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        Ok(hparams(&Input::new(&blob, text.as_bytes()))?.fact.run().unwrap().clone())
    }

    #[test]
    fn steps_and_metrics_of_a_table() {
        let run = table("epoch,step,train_loss,val_loss\n0,49,0.5,\n0,49,,0.4\n1,99,0.3,\nbroken\n1,x,\n").unwrap();
        assert_eq!(run.metrics, ["epoch", "train_loss", "val_loss"]);
        assert_eq!((run.steps_logged, run.last_step), (Some(2), Some(99)));
        assert!(matches!(table("name,age\nA,1\n"), Err(ProbeError::NotMine)));
        assert!(matches!(table("step"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn parameters_may_be_none_and_objects() {
        assert_eq!(parameters("{}\n").unwrap(), Run::default());
        assert_eq!(parameters("").unwrap(), Run::default());
        let run = parameters("lr: 0.1\ndata_dir: /data/cohort_b\nopt: !!python/object:a.B\n  wd: 1\n").unwrap();
        assert_eq!(run.params, ["lr", "data_dir", "opt.wd"]);
        assert_eq!(run.dataset_path.as_deref(), Some("/data/cohort_b"));
        assert!(matches!(parameters("a recipe"), Err(ProbeError::NotMine)));
    }
}
