//! Whom the data is about: how many, where, and how easily one of them is singled out.

use std::io;

use super::super::human::{count, pad};
use super::{Page, QUIET, plural};
use crate::model::{Asset, Population, Presence, Risk, SubjectKind};

/// Populations shown unless all are asked for.
const SHOWN: usize = 6;
/// Where the text of a population begins: behind its kind and its number.
const INDENT: usize = 32;
/// Average risk over which EMA and Health Canada ask for more than they were given.
const THRESHOLD: f64 = 0.09;

/// One paragraph a population; nothing where no data is about people.
pub(super) fn write(page: &mut Page) -> io::Result<()> {
    let inventory = page.inventory;
    if inventory.populations.is_empty() {
        return Ok(());
    }
    page.heading("People", "each counted once over all tables that share their keys")?;
    let shown = if page.summary.verbose { usize::MAX } else { SHOWN };
    for population in inventory.populations.iter().take(shown) {
        one(page, population)?;
    }
    if inventory.populations.len() > shown {
        let rest = plural((inventory.populations.len() - shown) as u64, "more group");
        writeln!(page.out, "  {QUIET}and {rest}; -v lists them{QUIET:#}")?;
    }
    Ok(())
}

fn one(page: &mut Page, population: &Population) -> io::Result<()> {
    let about = if population.estimated { "≈ " } else { "" };
    let number = format!("{about}{}", count(population.distinct));
    write!(page.out, "  {} {number:>12}  ", pad(words(population.kind), 16))?;
    let assets: Vec<&Asset> = page
        .inventory
        .assets
        .iter()
        .filter(|asset| asset.presence != Presence::Unverified && population.datasets.contains(&asset.id))
        .collect();
    let mut text =
        format!("in {}, {}", plural(population.datasets.len() as u64, "dataset"), plural(population.rows, "row"));
    if let Some(first) = assets.first().and_then(|asset| asset.files.first()) {
        text = format!("{text}: {}", page.place(&first.locator));
    }
    if !population.studies.is_empty() {
        let studies: Vec<&str> = population.studies.iter().map(String::as_str).take(5).collect();
        text = format!("{text}; study {}", studies.join(", "));
    }
    if matches!(population.kind, SubjectKind::Participant | SubjectKind::Unknown) {
        text = format!("{text}; {}", protection(population, &assets));
    }
    page.begun(INDENT, &text)
}

/// How far keys and coarse values protect them.
fn protection(population: &Population, assets: &[&Asset]) -> String {
    if !population.identified_by.is_empty() {
        return "not pseudonymised: named, or resolved by a key file beside".to_owned();
    }
    let risks = assets.iter().filter_map(|asset| asset.fact.dataset()).flat_map(|dataset| &dataset.table.risk);
    let worst = risks.max_by(|a, b| a.average_risk.total_cmp(&b.average_risk));
    worst.map_or_else(|| "under keys; no set of quasi-identifiers in one table".to_owned(), singled_out)
}

fn singled_out(risk: &Risk) -> String {
    let share = risk.unique_records as f64 * 100.0 / (risk.records.max(1)) as f64;
    let over = if risk.average_risk > THRESHOLD { ", over the 0.09 of EMA and Health Canada" } else { "" };
    format!(
        "{share:.1} % are the only one with their {}; average risk {:.2}{over}",
        risk.quasi_identifiers.join(", "),
        risk.average_risk
    )
}

fn words(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Participant => "participants",
        SubjectKind::Professional => "professionals",
        SubjectKind::Staff => "staff",
        SubjectKind::Animal => "animals",
        SubjectKind::Synthetic => "synthetic people",
        SubjectKind::Unknown => "people",
    }
}
