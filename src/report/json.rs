//! The inventory as one JSON document, of the same parts as the lines of `blastmap.inventory/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::jsonl::{AssetLine, CoverageLine, GapLine, Header, PeopleLine, RelationLine, RunsLine, TallyLine};
use super::jsonl::{asset_line, coverage_line, gap_line, header, people_line, relation_line, runs_line, tally_line};
use crate::model::Inventory;

#[derive(Serialize)]
struct Document<'a> {
    header: Header<'a>,
    assets: Vec<AssetLine<'a>>,
    relations: Vec<RelationLine<'a>>,
    runs: Vec<RunsLine<'a>>,
    people: Vec<PeopleLine<'a>>,
    gaps: Vec<GapLine<'a>>,
    tallies: Vec<TallyLine<'a>>,
    coverage: CoverageLine,
}

/// Writes the inventory.
///
/// # Errors
/// What the writer answers.
pub fn write(inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        header: header(inventory),
        assets: inventory.assets.iter().map(asset_line).collect(),
        relations: inventory.relations.iter().map(relation_line).collect(),
        runs: inventory.projects.iter().map(runs_line).collect(),
        people: inventory.populations.iter().map(people_line).collect(),
        gaps: inventory.gaps.iter().map(gap_line).collect(),
        tallies: inventory.tallies.iter().map(tally_line).collect(),
        coverage: coverage_line(inventory),
    };
    serde_json::to_writer(&mut *out, &document)?;
    out.write_all(b"\n")
}
