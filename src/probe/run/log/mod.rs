//! Logs of jobs and trainings: what a scheduler, a launcher and a training loop print, in one text.
//!
//! A log has no format. Who wrote it is told by what only schedulers print, and by names they give to files; a training
//! without a scheduler by several lines that count steps and measure something. Of a long log the beginning and the end are
//! read, since the one says where and how it was started and the other how far it came. Values are published for fields of
//! the vocabulary alone; a line never is.

mod command;
mod facts;
mod lsf;
mod patterns;
mod words;

use crate::blob::{Blob, ReadError, read_vec};
use crate::model::{Cause, Fact, Run};
use crate::probe::{Finding, Input, ProbeError, kit};
use facts::Told;

/// Bytes of the beginning that are read.
const BEGINNING: u64 = 4 << 20;
/// Bytes of the end.
const END: u64 = 1 << 20;
/// Different lines of training that make a log one without any other sign.
const MIN_TRAINING: usize = 3;

/// A log of Slurm: `slurm-<job>.out` with any sign of a job in it, or any name with what only Slurm prints.
pub(crate) fn slurm(input: &Input) -> Result<Finding, ProbeError> {
    let log = Log::read(input)?;
    let told = log.told();
    let named = slurm_name(&log.name);
    let is_named =
        named.is_some() && (told.slurm > 0 || told.job_signs > 0 || told.is_training() || told.ids_in(&log.name));
    let is_told = told.slurm > 0 && (told.names_job() || told.is_training() || told.run.command.is_some());
    if told.requests > told.training || log.is_of_daemon() || told.pbs > told.slurm || !(is_named || is_told) {
        return Err(ProbeError::NotMine);
    }
    let id = told.array_id().or(named).or_else(|| numbered(&log.name, told.job_id.as_deref()));
    log.finding("slurm-log", told, id)
}

/// `773412_4` of `job-773412_4.out`, the log of a job that calls itself `stated`. A task of an array has a number of its
/// own beside that of the array, which is the lower one and no other's.
fn numbered(name: &str, stated: Option<&str>) -> Option<String> {
    let found = patterns::NUMBERED.captures(stem(name))?;
    let job = found.get(1)?.as_str();
    let number = |text: &str| text.parse::<u64>().ok();
    // `20240603`, `2024_6`.
    let begins_as_date = job.starts_with("19") || job.starts_with("20");
    let is_month =
        |at| job.get(at..).and_then(|rest| rest.get(..2)).and_then(number).is_some_and(|n| (1..=31).contains(&n));
    let is_date = begins_as_date && (job.len() == 4 || job.len() == 8 && is_month(4) && is_month(6));
    let id = match found.get(2) {
        Some(task) => format!("{job}_{}", task.as_str()),
        None => job.to_owned(),
    };
    let is_its = match stated {
        None => !is_date,
        Some(stated) if stated == job => true,
        Some(stated) => {
            let (array, own) = (number(job)?, number(stated)?);
            found.get(2).is_some() && !is_date && array <= own && own <= array.saturating_mul(2)
        }
    };
    is_its.then_some(id)
}

/// A name without its extension.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// `slurm-481200.out`, `slurm-481200_4.out`, `name-481200.err` of a job of that name.
fn slurm_name(name: &str) -> Option<String> {
    let stem = name.strip_prefix("slurm-").or_else(|| name.strip_prefix("slurm_"))?;
    let (id, _) = stem.rsplit_once('.')?;
    let is_id = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // `%A_%a`, and `%j.%N`, `%j-%t`.
    let id = id.split(['.', '-']).next()?;
    id.split('_').all(is_id).then(|| id.to_owned())
}

/// A log of PBS or of a scheduler that names its files alike: `name.o123`, `name.e123`.
pub(crate) fn pbs(input: &Input) -> Result<Finding, ProbeError> {
    let log = Log::read(input)?;
    let told = log.told();
    let named = pbs_name(&log.name);
    let is_named = named.is_some() && (told.pbs > 0 || told.is_training());
    let is_told = told.pbs > 0 && (told.job_id.is_some() || told.is_training());
    if told.slurm > told.pbs || !(is_named || is_told) {
        return Err(ProbeError::NotMine);
    }
    let (name, id) = named.unzip();
    let mut finding = log.finding("pbs-log", told, id)?;
    if let (Fact::Run(run), Some(name)) = (&mut finding.fact, name) {
        run.job_name.get_or_insert(crate::model::publishable("job_name", &name));
    }
    Ok(finding)
}

/// Name and number of `name.o123`.
fn pbs_name(name: &str) -> Option<(String, String)> {
    let (stem, end) = name.rsplit_once('.')?;
    let id = end.strip_prefix(['o', 'e'])?;
    let is_id = id.len() >= 2 && id.starts_with(|c: char| c.is_ascii_digit());
    let is_plain = id.bytes().all(|byte| byte.is_ascii_digit() || b"-[]_".contains(&byte));
    (is_id && is_plain && !stem.is_empty()).then(|| (stem.to_owned(), id.to_owned()))
}

/// A report of LSF, with what the job printed behind it.
pub(crate) fn lsf(input: &Input) -> Result<Finding, ProbeError> {
    let log = Log::read(input)?;
    let report = lsf::report(&log.beginning).or_else(|| lsf::report(&log.end)).ok_or(ProbeError::NotMine)?;
    let mut told = log.told();
    let mut run = report;
    run.fill_from(&std::mem::take(&mut told.run));
    told.run = run;
    let id = told.run.run_id.take();
    log.finding("lsf-log", told, id)
}

/// A log of submitit: `<job>_<task>_log.out`.
pub(crate) fn submitit(input: &Input) -> Result<Finding, ProbeError> {
    let log = Log::read(input)?;
    let told = log.told();
    if told.submitit == 0 {
        return Err(ProbeError::NotMine);
    }
    let id = log.name.split_once("_log.").and_then(|(stem, _)| Some(stem.rsplit_once('_')?.0.to_owned()));
    log.finding("submitit", told, id)
}

/// A log of a training that no scheduler ran.
pub(crate) fn training(input: &Input) -> Result<Finding, ProbeError> {
    let log = Log::read(input)?;
    let told = log.told();
    let others = told.slurm > 0 && told.names_job() || told.pbs > 0 || told.submitit > 0;
    if others || told.requests > 0 || told.core == 0 || told.distinct() < MIN_TRAINING {
        return Err(ProbeError::NotMine);
    }
    log.finding("training-log", told, None)
}

/// The text of a log, as far as it is read.
struct Log {
    name: String,
    beginning: String,
    end: String,
    left_out: u64,
}

impl Log {
    fn read(input: &Input) -> Result<Log, ProbeError> {
        if !is_text(input.head) {
            return Err(ProbeError::NotMine);
        }
        let (beginning, end, left_out) = both_ends(input.blob)?;
        let base = input.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Log {
            name: String::from_utf8_lossy(base).into_owned(),
            beginning: text(beginning),
            end: text(end),
            left_out,
        })
    }

    fn told(&self) -> Told {
        let mut told = Told::default();
        self.beginning.split(['\n', '\r']).for_each(|line| told.line(line));
        // The first line of the end is a piece of one.
        self.end.split(['\n', '\r']).skip(1).for_each(|line| told.line(line));
        told
    }

    /// Logs of the scheduler's own programs name many jobs and are no job's.
    fn is_of_daemon(&self) -> bool {
        ["slurmctld", "slurmd", "slurmdbd", "slurmrestd"].iter().any(|daemon| self.name.starts_with(daemon))
    }

    fn finding(&self, format: &'static str, told: Told, id: Option<String>) -> Result<Finding, ProbeError> {
        let stem = Some(stem(&self.name)).filter(|stem| !stem.is_empty()).unwrap_or(&self.name);
        let own = (format == "training-log" && !matches!(stem, "" | "nohup" | "log" | "output" | "stdout"))
            .then(|| stem.to_owned());
        let mut run: Run = told.finish(id.or(own));
        // Else the name of the directory would be taken for it.
        if run.run_id.is_none() && !stem.is_empty() {
            run.run_id = Some(crate::model::publishable("run_id", stem));
        }
        let mut finding = Finding::new(Fact::Run(Box::new(run)));
        finding.format = Some(format);
        if self.left_out > 0 {
            let detail = format!("{} bytes in the middle of the log were not looked at", self.left_out);
            finding.notes.push((Cause::OverBudget, detail));
        }
        Ok(finding)
    }
}

fn is_text(head: &[u8]) -> bool {
    let control = head.iter().filter(|&&byte| byte < 0x20 && !b"\t\n\r\x0c\x1b\x08".contains(&byte)).count();
    !head.trim_ascii().is_empty() && !head.contains(&0) && control.saturating_mul(50) <= head.len()
}

/// The first and the last bytes, and how many lie between.
fn both_ends(blob: &dyn Blob) -> Result<(Vec<u8>, Vec<u8>, u64), ReadError> {
    let all = BEGINNING.saturating_add(END);
    match kit::whole(blob, all) {
        Ok(bytes) => Ok((bytes, Vec::new(), 0)),
        Err(ReadError::TooLong { .. }) => {
            let at = blob.size().saturating_sub(END);
            let beginning = read_vec(blob, 0, BEGINNING, BEGINNING)?;
            Ok((beginning, read_vec(blob, at, END, END)?, at.saturating_sub(BEGINNING)))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
