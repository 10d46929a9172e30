//! The summary a scan ends with: what is there, what would hurt most, what was not looked at, what to type next.
//!
//! For a reader, never for a program: its form may change at any time. It prints no byte of a file, no name that is not
//! escaped, and nothing that only claims to be an asset among those that are.

mod decisions;
mod found;
mod lineage;
mod people;
mod runs;
mod unseen;
mod worst;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

pub use decisions::Decisions;

use super::human::{bytes, count, pad, printable, wrap};
use crate::model::{Asset, Inventory, Level, Locator, Presence, Verdict};

/// Headings.
pub const HEADING: Style = Style::new().bold();
/// What is only there to explain.
pub const QUIET: Style = Style::new().dimmed();
/// What should not be overlooked.
const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// What the summary says beyond the inventory, and how.
pub struct Summary<'a> {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether everything is listed that is otherwise counted.
    pub verbose: bool,
    /// What came of the owner's rules.
    pub verdict: &'a Verdict,
    /// What the configuration decided.
    pub decisions: Option<&'a Decisions>,
    /// Commands that follow, each with what it is good for.
    pub next: &'a [(String, String)],
}

/// The colour of a level; the word always stands beside it.
pub fn level_style(level: Level) -> Style {
    match level {
        Level::High => AnsiColor::Red.on_default().bold(),
        Level::Moderate => AnsiColor::Yellow.on_default(),
        Level::Low => Style::new(),
    }
}

/// Writes the summary.
///
/// # Errors
/// What the writer answers.
pub fn write(inventory: &Inventory, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { inventory, summary, out };
    page.coverage()?;
    found::write(&mut page)?;
    runs::write(&mut page)?;
    people::write(&mut page)?;
    worst::write(&mut page)?;
    found::write_unverified(&mut page)?;
    decisions::write(&mut page)?;
    unseen::write(&mut page)?;
    page.next()
}

/// What is being written, and where.
struct Page<'p> {
    inventory: &'p Inventory,
    summary: &'p Summary<'p>,
    out: &'p mut dyn Write,
}

impl<'p> Page<'p> {
    /// Columns a line may take.
    fn width(&self) -> usize {
        self.summary.width.max(40)
    }

    /// Assets that are really there.
    fn assets(&self) -> impl Iterator<Item = &'p Asset> + use<'p> {
        let inventory = self.inventory;
        inventory.assets.iter().filter(|asset| asset.presence != Presence::Unverified)
    }

    fn heading(&mut self, text: &str, aside: &str) -> io::Result<()> {
        if aside.is_empty() {
            return writeln!(self.out, "\n{HEADING}{text}{HEADING:#}");
        }
        if super::columns(text) + 2 + super::columns(aside) > self.width() {
            writeln!(self.out, "\n{HEADING}{text}{HEADING:#}")?;
            return self.paragraph(2, QUIET, aside);
        }
        let aside = printable(aside);
        writeln!(self.out, "\n{HEADING}{text}{HEADING:#}  {QUIET}{aside}{QUIET:#}")
    }

    /// A paragraph whose lines all begin at column `indent`.
    fn paragraph(&mut self, indent: usize, style: Style, text: &str) -> io::Result<()> {
        for line in wrap(text, self.width().saturating_sub(indent)) {
            writeln!(self.out, "{:indent$}{style}{line}{style:#}", "")?;
        }
        Ok(())
    }

    /// A paragraph whose first line is begun already, at column `indent`.
    fn begun(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for (index, line) in wrap(text, self.width().saturating_sub(indent)).iter().enumerate() {
            let indent = if index == 0 { 0 } else { indent };
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    /// Where something is, with its source's label where there are several sources.
    fn place(&self, locator: &Locator) -> String {
        match self.inventory.sources.get(usize::from(locator.source())) {
            Some(source) if self.inventory.sources.len() > 1 => format!("{}: {locator}", source.label),
            _ => locator.to_string(),
        }
    }

    fn coverage(&mut self) -> io::Result<()> {
        let coverage = &self.inventory.coverage;
        let labels: Vec<&str> = self.inventory.sources.iter().map(|source| source.label.as_str()).collect();
        let members = match coverage.members {
            0 => String::new(),
            members => format!(", {} in containers", plural(members, "member")),
        };
        let files = plural(coverage.files, "file");
        let walked = format!("{files}{members}: {}, {} read", bytes(coverage.bytes_seen), bytes(coverage.bytes_read));
        if self.assets().next().is_none() {
            let until = if coverage.interrupted { ", as far as it was looked into" } else { "" };
            let text = format!("No asset of a known kind in {}{until}.", labels.join(", "));
            self.paragraph(0, HEADING, &text)?;
            self.paragraph(0, Style::new(), &format!("Looked into {walked}."))?;
        } else {
            let text = format!("What a breach of {} would expose", labels.join(", "));
            self.paragraph(0, HEADING, &text)?;
            self.paragraph(0, QUIET, &walked)?;
        }
        if coverage.interrupted {
            self.paragraph(0, WARNING, "Interrupted: this is what was known by then, not all there is.")?;
        }
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        let commands = self.summary.next;
        if commands.is_empty() {
            return Ok(());
        }
        self.heading("Next", "")?;
        let widest = commands.iter().map(|(command, _)| super::columns(command)).max().unwrap_or(0);
        let beside = commands.iter().all(|(_, what)| widest + super::columns(what) + 4 <= self.width());
        for (command, what) in commands {
            let command = printable(command);
            if beside {
                writeln!(self.out, "  {}  {QUIET}{what}{QUIET:#}", pad(&command, widest))?;
            } else {
                writeln!(self.out, "  {command}")?;
                self.paragraph(6, QUIET, what)?;
            }
        }
        Ok(())
    }
}

/// `1 file`, `2 files`.
fn plural(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}
