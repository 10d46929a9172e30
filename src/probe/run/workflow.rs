//! Histories of workflow managers: `.nextflow/history`, a line for each run, and the log that Snakemake keeps of each.
//!
//! Follows `nextflow/util/HistoryFile.groovy` (seven columns between tabs) and `snakemake/logging.py`. Both say what was
//! started when; Nextflow's command line names data and accounts of the cloud.

use super::{paths, settings};
use crate::blob::ReadError;
use crate::model::{Cause, Fact, Run, publishable};
use crate::probe::{Finding, Input, Member, ProbeError, kit};

/// Longest history; a run has about 200 bytes.
const MAX_HISTORY: u64 = 16 << 20;
/// Most runs of one history.
const MAX_RUNS: usize = 50_000;
/// Bytes of a log that are read.
const MAX_LOG: u64 = 4 << 20;

/// `.nextflow/history`.
pub(crate) fn nextflow(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_HISTORY)?;
    let text = String::from_utf8_lossy(&text);
    let mut finding = Finding::new(Fact::None {});
    let mut broken = 0usize;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match execution(line).filter(|_| finding.members.len() < MAX_RUNS) {
            Some(run) => {
                let path = format!("runs/{}", finding.members.len().saturating_add(1));
                finding.members.push(Member { path, format: None, fact: Fact::Run(Box::new(run)) });
            }
            None => broken = broken.saturating_add(1),
        }
    }
    if finding.members.is_empty() {
        return Err(ProbeError::NotMine);
    }
    if broken > 0 {
        finding.notes.push((Cause::Malformed, format!("{broken} of its lines are no runs")));
    }
    Ok(finding)
}

/// Time, duration, name, status, revision, session, command.
fn execution(line: &str) -> Option<Run> {
    let columns: Vec<&str> = line.splitn(7, '\t').collect();
    let [time, _, name, status, revision, session, command] = columns.as_slice() else { return None };
    let is_key = session.len() == 36 && session.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_key || !command.trim_start().starts_with("nextflow") && !command.contains("nextflow ") {
        return None;
    }
    // A run that was resumed has the session of the first one, and a name of its own.
    let words = || command.split_whitespace();
    let mut run = Run {
        run_id: Some(publishable("run_id", name)).filter(|name| !matches!(name.as_str(), "" | "-")),
        group: Some((*session).to_owned()),
        status: Some(publishable("status", status)).filter(|status| status != "-"),
        failed: Some(*status == "ERR"),
        git_commit: Some(publishable("commit", revision)).filter(|commit| !matches!(commit.as_str(), "" | "-")),
        program: words().skip_while(|word| *word != "run").nth(1).map(|program| publishable("program", program)),
        command: settings::command(words()),
        started: settings::instant(time),
        ..Run::default()
    };
    paths::fill_arguments(&mut run, words());
    Some(run)
}

/// `.snakemake/log/<time>.snakemake.log`.
pub(crate) fn snakemake(input: &Input) -> Result<Finding, ProbeError> {
    let text = match kit::whole(input.blob, MAX_LOG) {
        Err(ReadError::TooLong { .. }) => input.head.to_vec(),
        other => other?,
    };
    let text = String::from_utf8_lossy(&text);
    let has = |sign: &str| text.contains(sign);
    let signs = ["Building DAG of jobs...", "Job stats:", "Job counts:", "Complete log", "rule "];
    if signs.iter().filter(|sign| has(sign)).count() < 2 {
        return Err(ProbeError::NotMine);
    }
    let name = String::from_utf8_lossy(input.name).into_owned();
    let base = name.rsplit('/').next().unwrap_or_default();
    let behind = |word: &str| text.lines().find_map(|line| line.trim().strip_prefix(word)).map(str::trim);
    let failed = has("Error in rule ") || has("WorkflowError") || has("Exiting because a job execution failed");
    let run = Run {
        run_id: base.strip_suffix(".snakemake.log").map(|id| publishable("run_id", id)),
        hostname: behind("host:").map(|host| publishable("hostname", host)),
        failed: Some(failed),
        ..Run::default()
    };
    Ok(Finding::new(Fact::Run(Box::new(run))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn every_line_of_a_history_is_a_run() {
        let text = "2024-06-01 10:00:00\t1m 2s\tsharp_turing\tOK\t0b5c41b7a2\t6f1c2b0e-1111-4222-8333-123456789abc\t\
            nextflow run nf-core/rnaseq --input /data/cohort/samples.csv --api_key canary7Qx\n\
            2024-06-02 10:00:00\t-\tmad_curie\tERR\t-\t6f1c2b0e-1111-4222-8333-123456789abc\tnextflow run main.nf -resume\nbroken\n";
        let blob = Memory::new(text.as_bytes());
        let finding = nextflow(&Input::new(&blob, text.as_bytes())).unwrap();
        let runs: Vec<&Run> = finding.members.iter().filter_map(|member| member.fact.run()).collect();
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0].run_id.as_deref(), Some("sharp_turing"));
        assert_eq!(runs[0].dataset_path.as_deref(), Some("/data/cohort/samples.csv"));
        assert_eq!((runs[1].failed, runs[1].program.as_deref()), (Some(true), Some("main.nf")));
        assert_eq!(finding.notes.len(), 1);
        assert!(!format!("{finding:?}").contains("canary"));
        let other = Memory::new(*b"cd /tmp\nls\n");
        assert!(matches!(nextflow(&Input::new(&other, b"cd /tmp\nls\n")), Err(ProbeError::NotMine)));
    }

    #[test]
    fn a_log_of_snakemake() {
        let text = "host: login1\nBuilding DAG of jobs...\nUsing shell: /bin/bash\nJob stats:\njob count\nall 1\nError in rule train:\n";
        let blob = Memory::new(text.as_bytes());
        let input = Input {
            name: b"p/.snakemake/log/2024-06-01T100000.123.snakemake.log",
            ..Input::new(&blob, text.as_bytes())
        };
        let run = snakemake(&input).unwrap().fact.run().unwrap().clone();
        assert_eq!((run.run_id.as_deref(), run.hostname.as_deref()), (Some("2024-06-01T100000.123"), Some("login1")));
        assert_eq!(run.failed, Some(true));
    }
}
