//! How many training runs there are, by project, in the three ways a claim may count them.

use std::io;

use super::super::human::{count, pad};
use super::{Page, QUIET, plural};
use crate::model::Project;

/// Projects shown unless all are asked for.
const SHOWN: usize = 8;
/// Where the text of a project begins: behind its number of runs.
const INDENT: usize = 24;

/// One paragraph a project, those with most runs first; nothing where there are no runs.
pub(super) fn write(page: &mut Page) -> io::Result<()> {
    let mut projects: Vec<&Project> = page.inventory.projects.iter().collect();
    if projects.is_empty() {
        return Ok(());
    }
    let distinct: u64 = projects.iter().map(|project| project.distinct.len() as u64).sum();
    let trials: u64 = projects.iter().map(|project| project.trials).sum();
    let mut aside = format!("{} distinct", count(distinct));
    if trials > 0 {
        aside = format!("{aside}, and {}", plural(trials, "trial"));
    }
    page.heading("Training runs", &format!("{aside}; what several trackers logged of one run counts once"))?;
    projects.sort_by_key(|project| std::cmp::Reverse((project.distinct.len(), project.trials)));
    let shown = if page.summary.verbose { usize::MAX } else { SHOWN };
    for project in projects.iter().take(shown) {
        one(page, project)?;
    }
    if projects.len() > shown {
        let rest = plural((projects.len() - shown) as u64, "more project");
        writeln!(page.out, "  {QUIET}and {rest}; -v lists them{QUIET:#}")?;
    }
    Ok(())
}

fn one(page: &mut Page, project: &Project) -> io::Result<()> {
    let runs = match (project.distinct.len() as u64, project.trials) {
        (0, trials) => plural(trials, "trial"),
        (runs, _) => plural(runs, "run"),
    };
    write!(page.out, "  {}", pad(&runs, INDENT - 2))?;
    let place = page.place(&project.root);
    let mut text = if place.is_empty() { ".".to_owned() } else { place };
    let trackers: Vec<String> =
        project.tracker_runs.iter().map(|(format, runs)| format!("{format} {}", count(*runs))).collect();
    if !trackers.is_empty() {
        text = format!("{text}: {}", trackers.join(", "));
    }
    if project.trials > 0 && !project.distinct.is_empty() {
        text = format!("{text}; {}", plural(project.trials, "trial"));
    }
    if project.deleted > 0 {
        text = format!("{text}; {} deleted and still on disk", count(project.deleted));
    }
    page.begun(INDENT, &text)
}
