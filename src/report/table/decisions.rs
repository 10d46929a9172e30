//! What a configuration decided: a file that lies in the scanned place may be the work of whoever hid something there,
//! so whatever it changes is said.

use std::io;

use anstyle::Style;

use super::super::human::count;
use super::{Page, QUIET, WARNING};

/// What a configuration file changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// The file.
    pub file: String,
    /// Whether it was found in the scanned place, rather than named by the user.
    pub found: bool,
    /// What it set to other than the default, one setting each.
    pub settings: Vec<String>,
}

/// The section, where there is something to say.
pub(super) fn write(page: &mut Page) -> io::Result<()> {
    let summary = page.summary;
    let decisions = summary.decisions.filter(|decisions| !decisions.settings.is_empty());
    let (allowed, findings) = (&summary.verdict.allowed, &summary.verdict.findings);
    if decisions.is_none() && allowed.is_empty() && findings.is_empty() {
        return Ok(());
    }
    let aside = summary.decisions.map(|decisions| {
        let note = if decisions.found { ", found with the scanned place; --isolated ignores it" } else { "" };
        format!("{}{note}", decisions.file)
    });
    page.heading("What the configuration decided", &aside.unwrap_or_default())?;
    for setting in decisions.iter().flat_map(|decisions| &decisions.settings) {
        page.paragraph(2, Style::new(), setting)?;
    }
    if !allowed.is_empty() {
        let text = format!("{} allowed, and no reason to fail:", count(allowed.len() as u64));
        page.paragraph(2, Style::new(), &text)?;
        for asset in page.inventory.assets.iter().filter(|asset| allowed.contains_key(&asset.id)) {
            let place = asset.files.first().map(|file| page.place(&file.locator)).unwrap_or_default();
            let reason = allowed.get(&asset.id).map_or("", String::as_str);
            page.paragraph(4, QUIET, &format!("{place} ({}): {reason}", asset.format))?;
        }
    }
    for finding in findings {
        page.paragraph(2, WARNING, &finding.what)?;
    }
    Ok(())
}
