//! What was not looked at: gaps by cause, and files whose names say they are something ordinary.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

use super::super::human::{bytes, count, pad, shorten};
use super::{Page, QUIET, WARNING, plural};
use crate::model::{Cause, Gap, NOT_LOOKED_FOR, TallyKey};

/// Reasons shown of one cause, and examples of one reason, unless all are asked for.
const REASONS: usize = 3;
const EXAMPLES: usize = 2;
/// Kinds of ordinary names shown.
const NAMES: usize = 8;
/// Where the reasons begin: behind the cause and the count.
const INDENT: usize = 23;

/// The section.
pub(super) fn write(page: &mut Page) -> io::Result<()> {
    let inventory = page.inventory;
    let mut by_cause: BTreeMap<Cause, Vec<&Gap>> = BTreeMap::new();
    for gap in &inventory.gaps {
        by_cause.entry(gap.cause).or_default().push(gap);
    }
    let aside = if by_cause.is_empty() { String::new() } else { plural(inventory.gaps.len() as u64, "gap") };
    page.heading("What was not looked at", &aside)?;
    for (cause, gaps) in by_cause {
        write_cause(page, cause, &gaps)?;
    }
    if let Some(unknown) = tallied(page, TallyKey::Extension) {
        let text = format!("looked into, and of no kind this version knows{}: {}", unknown.size, unknown.endings);
        row(page, "unrecognised", unknown.files, &text)?;
    }
    if let Some(ordinary) = tallied(page, TallyKey::Unopened) {
        let (names, them) = if ordinary.files == 1 { ("its name", "it") } else { ("their names", "them") };
        let text = format!(
            "not opened: no signature asks for {names}{}: {}; --sniff all opens {them}",
            ordinary.size, ordinary.endings
        );
        row(page, "by its name", ordinary.files, &text)?;
    }
    // Silence is never "nothing there": what this version cannot see is said every time.
    let scope = format!("This version does not look for {}.", NOT_LOOKED_FOR.join(", "));
    page.paragraph(2, anstyle::Style::new(), &scope)
}

fn row(page: &mut Page, word: &str, files: u64, text: &str) -> io::Result<()> {
    write!(page.out, "  {}{:>6}  ", pad(word, 13), count(files))?;
    first_line(page, text)
}

fn write_cause(page: &mut Page, cause: Cause, gaps: &[&Gap]) -> io::Result<()> {
    let mut by_detail: BTreeMap<&str, Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        by_detail.entry(&gap.detail).or_default().push(gap);
    }
    let mut details: Vec<(&str, Vec<&Gap>)> = by_detail.into_iter().collect();
    details.sort_by_key(|(detail, gaps)| (Reverse(gaps.len()), *detail));
    let (reasons, examples) = if page.summary.verbose { (usize::MAX, usize::MAX) } else { (REASONS, EXAMPLES) };
    // A limit that was hit, or a defect of this program, is worth a second look.
    let style = if matches!(cause, Cause::OverBudget | Cause::Panicked) { WARNING } else { anstyle::Style::new() };
    let total = count(gaps.len() as u64);
    write!(page.out, "  {style}{}{style:#}{total:>6}  ", pad(cause.word(), 13))?;
    let shown = details.len().min(reasons);
    for (index, (detail, gaps)) in details.iter().take(shown).enumerate() {
        let times = if details.len() > 1 && gaps.len() > 1 {
            format!("{} × ", count(gaps.len() as u64))
        } else {
            String::new()
        };
        let detail = format!("{times}{detail}");
        if index == 0 {
            first_line(page, &detail)?
        } else {
            page.paragraph(INDENT, anstyle::Style::new(), &detail)?
        }
        for gap in gaps.iter().take(examples) {
            let place = shorten(&page.place(&gap.locator), page.width().saturating_sub(INDENT + 2));
            writeln!(page.out, "{:INDENT$}  {QUIET}{place}{QUIET:#}", "")?;
        }
        if gaps.len() > examples {
            let rest = count((gaps.len() - examples) as u64);
            writeln!(page.out, "{:INDENT$}  {QUIET}and {rest} more{QUIET:#}", "")?;
        }
    }
    if details.len() > shown {
        let rest: usize = details.iter().skip(shown).map(|(_, gaps)| gaps.len()).sum();
        let text = format!("and {} for other reasons; -v lists them", count(rest as u64));
        page.paragraph(INDENT, QUIET, &text)?;
    }
    Ok(())
}

/// A paragraph whose first line is begun already.
fn first_line(page: &mut Page, text: &str) -> io::Result<()> {
    page.begun(INDENT, text)
}

/// A sum over files that were only counted.
struct Tallied {
    files: u64,
    /// Their bytes in brackets, where they were asked for.
    size: String,
    /// Their commonest endings.
    endings: String,
}

fn tallied(page: &Page, wanted: TallyKey) -> Option<Tallied> {
    let mut by_key: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for ((_, what, key), tally) in &page.inventory.tallies {
        if *what == wanted {
            let sum = by_key.entry(key).or_default();
            *sum = (sum.0 + tally.files, sum.1 + tally.bytes);
        }
    }
    let files: u64 = by_key.values().map(|sum| sum.0).sum();
    let size: u64 = by_key.values().map(|sum| sum.1).sum();
    let mut keys: Vec<(&str, u64)> = by_key.into_iter().map(|(key, sum)| (key, sum.0)).collect();
    keys.sort_by_key(|(key, files)| (Reverse(*files), *key));
    let ending = |key: &str| match key {
        "(none)" => "no ending".to_owned(),
        "(other)" => "unusual endings".to_owned(),
        key => key.to_owned(),
    };
    let mut names: Vec<String> =
        keys.iter().take(NAMES).map(|(key, files)| format!("{} {}", ending(key), count(*files))).collect();
    if keys.len() > NAMES {
        names.push(format!("and {} other endings", keys.len() - NAMES));
    }
    let size = if size == 0 { String::new() } else { format!(" ({})", bytes(size)) };
    (files > 0).then(|| Tallied { files, size, endings: names.join(", ") })
}
