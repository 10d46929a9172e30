//! The inventory contract `blastmap.inventory/1`: JSON Lines, one object a line, sorted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    Access, Asset, Cause, Confidence, ContentId, DistinctRun, Evidence, Fact, Gap, Impact, Inventory, Kind, Locator,
    NOT_LOOKED_FOR, Origin, Population, Presence, Project, Relation, RelationKind, ScanOptions, SourceInfo, Stage,
    SubjectKind, Tally, TallyKey,
};

/// The schema's id.
pub const SCHEMA: &str = "blastmap.inventory/1";

/// One line.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    Header(Header<'a>),
    Asset(Box<AssetLine<'a>>),
    Relation(RelationLine<'a>),
    Runs(RunsLine<'a>),
    People(PeopleLine<'a>),
    Gap(GapLine<'a>),
    Tally(TallyLine<'a>),
    Coverage(CoverageLine),
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Header<'a> {
    schema: &'static str,
    tool: Tool,
    signatures: &'a str,
    sources: &'a [SourceInfo],
    options: &'a ScanOptions,
}

#[derive(Serialize, JsonSchema)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct AssetLine<'a> {
    id: &'a str,
    kind: Kind,
    format: &'a str,
    name: &'a str,
    files: Vec<FileLine<'a>>,
    size: u64,
    presence: Presence,
    confidence: Confidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    impact: &'a Impact,
    facts: &'a Fact,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<&'a Access>,
    evidence: &'a [Evidence],
}

#[derive(Serialize, JsonSchema)]
struct FileLine<'a> {
    source: u16,
    locator: &'a Locator,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a ContentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a Locator>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RelationLine<'a> {
    from: &'a str,
    to: &'a str,
    kind: RelationKind,
    confidence: Confidence,
    evidence: Vec<RelationEvidenceLine<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct RelationEvidenceLine<'a> {
    source: u16,
    locator: &'a Locator,
    why: &'a str,
}

/// Training runs of one project.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunsLine<'a> {
    source: u16,
    /// The directory around its trackers.
    root: &'a Locator,
    /// Runs by the format their tracker keeps them in, trials left out.
    tracker_runs: &'a BTreeMap<String, u64>,
    /// Runs of which no two are the same, trials left out.
    distinct_runs: u64,
    /// Trials of searches for hyper-parameters.
    trials: u64,
    /// Distinct runs that a tracker has as deleted.
    deleted: u64,
    /// Each distinct run: its keys, and the assets that log it.
    runs: &'a [DistinctRun],
}

/// People that datasets are about, each counted once over all of them.
#[derive(Serialize, JsonSchema)]
pub(super) struct PeopleLine<'a> {
    subject_kind: SubjectKind,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    studies: &'a BTreeSet<String>,
    /// Different people: a union over the datasets, never a sum.
    distinct: u64,
    /// Whether that is an estimate.
    estimated: bool,
    /// Rows about them.
    rows: u64,
    /// Ids of the datasets.
    datasets: &'a [String],
    /// Ids of those that name the people, or lead from the keys of the others to them.
    identified_by: &'a [String],
}

#[derive(Serialize, JsonSchema)]
pub(super) struct GapLine<'a> {
    source: u16,
    locator: &'a Locator,
    stage: Stage,
    cause: Cause,
    detail: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct TallyLine<'a> {
    source: u16,
    what: TallyKey,
    key: &'a str,
    files: u64,
    bytes: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct CoverageLine {
    files: u64,
    directories: u64,
    members: u64,
    bytes_seen: u64,
    bytes_read: u64,
    bytes_inflated: u64,
    assets: u64,
    unverified: u64,
    gaps: u64,
    interrupted: bool,
    /// What this version has no parser for.
    not_looked_for: [&'static str; NOT_LOOKED_FOR.len()],
}

/// Writes the inventory.
///
/// # Errors
/// What the writer answers.
pub fn write(inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    line(out, &Line::Header(header(inventory)))?;
    for asset in &inventory.assets {
        line(out, &Line::Asset(Box::new(asset_line(asset))))?;
    }
    for relation in &inventory.relations {
        line(out, &Line::Relation(relation_line(relation)))?;
    }
    for project in &inventory.projects {
        line(out, &Line::Runs(runs_line(project)))?;
    }
    for population in &inventory.populations {
        line(out, &Line::People(people_line(population)))?;
    }
    for gap in &inventory.gaps {
        line(out, &Line::Gap(gap_line(gap)))?;
    }
    for tally in &inventory.tallies {
        line(out, &Line::Tally(tally_line(tally)))?;
    }
    line(out, &Line::Coverage(coverage_line(inventory)))
}

pub(super) fn header(inventory: &Inventory) -> Header<'_> {
    Header {
        schema: SCHEMA,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        signatures: &inventory.signatures,
        sources: &inventory.sources,
        options: &inventory.options,
    }
}

fn line(out: &mut dyn Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

pub(super) fn asset_line(asset: &Asset) -> AssetLine<'_> {
    AssetLine {
        id: &asset.id,
        kind: asset.kind,
        format: &asset.format,
        name: &asset.name,
        files: asset
            .files
            .iter()
            .map(|file| FileLine {
                source: file.locator.source(),
                locator: &file.locator,
                size: file.size,
                content: file.content.as_ref(),
                link: file.link.as_ref(),
            })
            .collect(),
        size: asset.size,
        presence: asset.presence,
        confidence: asset.confidence,
        origin: asset.origin,
        impact: &asset.impact,
        facts: &asset.fact,
        access: asset.access.as_ref(),
        evidence: &asset.evidence,
    }
}

pub(super) fn relation_line(relation: &Relation) -> RelationLine<'_> {
    let evidence = relation.evidence.iter().map(|seen| RelationEvidenceLine {
        source: seen.locator.source(),
        locator: &seen.locator,
        why: &seen.why,
    });
    RelationLine {
        from: &relation.from,
        to: &relation.to,
        kind: relation.kind,
        confidence: relation.confidence,
        evidence: evidence.collect(),
    }
}

pub(super) fn runs_line(project: &Project) -> RunsLine<'_> {
    RunsLine {
        source: project.root.source(),
        root: &project.root,
        tracker_runs: &project.tracker_runs,
        distinct_runs: project.distinct.len() as u64,
        trials: project.trials,
        deleted: project.deleted,
        runs: &project.distinct,
    }
}

pub(super) fn people_line(population: &Population) -> PeopleLine<'_> {
    PeopleLine {
        subject_kind: population.kind,
        studies: &population.studies,
        distinct: population.distinct,
        estimated: population.estimated,
        rows: population.rows,
        datasets: &population.datasets,
        identified_by: &population.identified_by,
    }
}

pub(super) fn gap_line(gap: &Gap) -> GapLine<'_> {
    GapLine {
        source: gap.locator.source(),
        locator: &gap.locator,
        stage: gap.stage,
        cause: gap.cause,
        detail: &gap.detail,
    }
}

pub(super) fn tally_line(tally: &((u16, TallyKey, String), Tally)) -> TallyLine<'_> {
    let ((source, what, key), Tally { files, bytes }) = tally;
    TallyLine { source: *source, what: *what, key, files: *files, bytes: *bytes }
}

pub(super) fn coverage_line(inventory: &Inventory) -> CoverageLine {
    let count = |presence| inventory.assets.iter().filter(|asset| asset.presence == presence).count() as u64;
    let coverage = &inventory.coverage;
    CoverageLine {
        files: coverage.files,
        directories: coverage.directories,
        members: coverage.members,
        bytes_seen: coverage.bytes_seen,
        bytes_read: coverage.bytes_read,
        bytes_inflated: coverage.bytes_inflated,
        assets: count(Presence::Present).saturating_add(count(Presence::Pointer)),
        unverified: count(Presence::Unverified),
        gaps: inventory.gaps.len() as u64,
        interrupted: coverage.interrupted,
        not_looked_for: NOT_LOOKED_FOR,
    }
}

/// The JSON Schema of one line, from the types that write it.
pub fn schema() -> serde_json::Value {
    let schema = schemars::schema_for!(Line<'static>);
    let mut schema = schema.to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".to_owned(), SCHEMA.into());
        object.insert("title".to_owned(), "One line of a blastmap inventory".into());
    }
    schema
}
