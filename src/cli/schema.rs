//! `blastmap schema`: the JSON Schema of an inventory line.

use blastmap::report;

use super::{Outcome, terminal};

/// Prints the schema.
pub(super) fn run() -> anyhow::Result<Outcome> {
    let mut text = serde_json::to_string_pretty(&report::schema())?;
    text.push('\n');
    terminal::write_all(text.as_bytes())?;
    Ok(Outcome::Clean)
}
