//! The report that LSF puts around what a job printed.
//!
//! Follows the job report of IBM Spectrum LSF ("bsub -o"): a mail that went to a file.

use crate::model::{Run, publishable};
use crate::probe::run::nodelist;

/// Longest report; what a job printed is behind it or in front of it.
const MAX_LINES: usize = 400;

/// What a report says; nothing where there is none.
pub(super) fn report(text: &str) -> Option<Run> {
    let start = text.find("Sender: LSF System")?;
    let lines: Vec<&str> = text.get(start..)?.lines().take(MAX_LINES).collect();
    let mut run = Run { failed: Some(false), ..Run::default() };
    for line in &lines {
        self::line(&mut run, line.trim());
    }
    let input = lines.iter().position(|line| line.starts_with("# LSBATCH: User input"));
    let script = lines.iter().skip(input.map_or(usize::MAX, |at| at.saturating_add(1)));
    for line in script.take_while(|line| !line.starts_with("----")) {
        if let Some(command) = super::command::of(&format!("+ {line}")) {
            super::command::fill(&mut run, command);
        }
    }
    run.run_id.is_some().then_some(run)
}

fn line(run: &mut Run, line: &str) {
    let between = |text: &str, from: &str, to: &str| -> Option<String> {
        let rest = text.split_once(from)?.1;
        let found = if to.is_empty() { rest } else { rest.split_once(to)?.0 };
        (!found.is_empty()).then(|| found.to_owned())
    };
    let publish = |key: &str, text: Option<String>| text.map(|text| publishable(key, &text));
    if line.starts_with("Subject: Job ") {
        run.run_id = publish("run_id", between(line, "Job ", ":"));
        run.job_name = publish("job_name", between(line, ": <", ">"));
        if line.ends_with(" Exited") {
            run.failed = Some(true);
        }
    } else if line.contains(" was submitted from host <") {
        run.user = publish("account", between(line, "by user <", ">"));
    } else if line.starts_with("Job was executed on host(s) <") || line.starts_with('<') && line.contains("in queue") {
        let hosts = between(line, "<", ">").unwrap_or_default();
        hosts_of(run, &hosts);
        run.partition = publish("partition", between(line, "in queue <", ">")).or(run.partition.take());
    } else if line.starts_with('<') && line.ends_with('>') && !run.nodes.is_empty() {
        hosts_of(run, line.trim_matches(['<', '>']));
    } else if line.contains("was used as the working directory") {
        run.working_directory = publish("working_directory", between(line, "<", ">"));
    } else if line.starts_with("Exited with ") || line.starts_with("TERM_") {
        run.failed = Some(true);
        if let Some(word) = line.strip_prefix("TERM_").and_then(|rest| rest.split(':').next()) {
            run.status = Some(publishable("status", &format!("TERM_{word}")));
        }
    }
}

/// `8*node1`: so many slots of a host.
fn hosts_of(run: &mut Run, text: &str) {
    let host = text.rsplit('*').next().unwrap_or_default();
    for host in nodelist::expand(host) {
        run.nodes.push(publishable("nodes", &host));
    }
}
