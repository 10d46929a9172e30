//! Weights & Biases: `wandb/run-<time>-<id>/` and, without a server, `wandb/offline-run-<time>-<id>/`.
//!
//! A directory is a run, or one more part of a run that was resumed. `run-<id>.wandb` is the log of everything that was
//! sent or waits for it, and of an offline run the only place that names host, program and settings; beside it are
//! `files/` (what the server shows as files) and `logs/`. Follows the writer, releases 0.12 to 0.31.

mod files;
mod log;
mod record;

use std::io::Read;

pub(crate) use files::{config, file, metadata, summary};

use super::settings;
use crate::blob::ReadError;
use crate::model::{Cause, Fact, Run, publishable};
use crate::probe::{Finding, Input, ProbeError};
use log::Log;
use record::Told;

/// `run-<id>.wandb`.
pub(crate) fn probe(input: &Input, reader: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(log::HEADER) {
        return Err(ProbeError::NotMine);
    }
    let mut log = Log::new(reader)?;
    let mut told = Told::default();
    let (mut record, mut unread) = (Vec::new(), 0u64);
    let outcome = loop {
        match log.next(&mut record) {
            Ok(true) => unread = unread.saturating_add(u64::from(told.add(&record).is_err())),
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let mut notes = Vec::new();
    if log.damaged > 0 {
        let detail = format!("{} blocks of its log are damaged, and were read as far as that", log.damaged);
        notes.push((Cause::Malformed, detail));
    }
    if log.is_cut {
        notes.push((Cause::Truncated, format!("ends inside of a record; {} were read before it", told.records)));
    }
    if unread > 0 {
        notes.push((Cause::Malformed, format!("{unread} of its records could be read in part only")));
    }
    let mut run = told.finish();
    let format = place(input.name);
    if run.run_id.is_none() {
        run.run_id = id_of(input.name);
    }
    let is_offline = run.offline == Some(true);
    let format = format.unwrap_or(if is_offline { "wandb-offline" } else { "wandb" });
    run.offline = Some(is_offline || format == "wandb-offline");
    let mut finding = Finding::new(Fact::Run(Box::new(run))).ended_by(outcome);
    finding.format = Some(format);
    finding.notes.extend(notes);
    Ok(finding)
}

/// The format of what lies in the directory of a run, by the name of that.
fn place(path: &[u8]) -> Option<&'static str> {
    path.split(|&byte| byte == b'/').rev().skip(1).find_map(|part| match part {
        _ if part.starts_with(b"offline-run-") => Some("wandb-offline"),
        _ if part.starts_with(b"run-") => Some("wandb"),
        _ => None,
    })
}

/// The key of a run, by the name of its log (`run-<id>.wandb`) or of its directory (`run-<day>_<time>-<id>`).
fn id_of(path: &[u8]) -> Option<String> {
    let of = |id: &[u8]| (!id.is_empty()).then(|| publishable("run_id", &String::from_utf8_lossy(id)));
    let base = path.rsplit(|&byte| byte == b'/').next()?;
    if let Some(id) = base.strip_prefix(b"run-").and_then(|rest| rest.strip_suffix(b".wandb")) {
        return of(id);
    }
    path.split(|&byte| byte == b'/').rev().skip(1).find_map(|part| {
        let rest = part.strip_prefix(b"offline-").unwrap_or(part).strip_prefix(b"run-")?;
        let dash = rest.iter().position(|&byte| byte == b'-')?;
        of(rest.get(dash.saturating_add(1)..)?)
    })
}

/// Whether a file that a run keeps is source.
fn is_source(path: &str) -> bool {
    path == "diff.patch" || path.starts_with("diff_") && path.ends_with(".patch") || path.starts_with("code/")
}

/// A variable of Slurm that the run was started with: the name in small letters, without `SLURM_`.
fn slurm(run: &mut Run, key: &str, value: &str) {
    let field = match key.to_ascii_lowercase().trim_start_matches("slurm_") {
        "job_id" | "jobid" => &mut run.job_id,
        "job_name" => &mut run.job_name,
        "job_partition" => &mut run.partition,
        "job_account" => &mut run.account,
        _ => return,
    };
    if let Some(value) = settings::text("job", Some(value)) {
        *field = Some(value);
    }
}

/// A file's own error where it is of this format, [`ProbeError::NotMine`] otherwise.
fn claimed(path: &[u8], error: ProbeError) -> ProbeError {
    match (error, place(path)) {
        (ProbeError::Read(error @ (ReadError::NeedMore { .. } | ReadError::OutOfTime)), _) => error.into(),
        (error, Some(_)) => error,
        (_, None) => ProbeError::NotMine,
    }
}

#[cfg(test)]
mod tests;
