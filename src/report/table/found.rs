//! What is there, by kind, and what only claims to be.

use std::cmp::Reverse;
use std::io;

use super::super::columns;
use super::super::human::{bytes, count, pad, shorten};
use super::{HEADING, Page, QUIET, level_style, plural};
use crate::model::{Asset, Kind, Presence};

/// Unverified entries shown unless all are asked for.
const UNVERIFIED: usize = 5;

/// How exposed an asset is: its impact, who may read it, its size.
pub(super) fn exposure(asset: &Asset) -> (crate::model::Level, u8, u64) {
    let readers = match asset.access.as_ref().map(|access| access.readers.as_str()) {
        Some("everyone") => 2,
        Some("group") => 1,
        _ => 0,
    };
    (asset.impact.level, readers, asset.size)
}

/// Who may read an asset, where that is more than its owner.
pub(super) fn readers(asset: &Asset) -> Option<&'static str> {
    match asset.access.as_ref().map(|access| access.readers.as_str()) {
        Some("everyone") => Some("readable by everyone"),
        Some("group") => Some("readable by its group"),
        _ => None,
    }
}

/// One row a kind.
pub(super) fn write(page: &mut Page) -> io::Result<()> {
    let rows: Vec<(Kind, Vec<&Asset>)> = Kind::ALL
        .into_iter()
        .map(|kind| (kind, page.assets().filter(|asset| asset.kind == kind).collect::<Vec<_>>()))
        .filter(|(_, assets)| !assets.is_empty())
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let cells: Vec<[String; 3]> = rows
        .iter()
        .map(|(kind, assets)| {
            let size = assets.iter().map(|asset| asset.size).sum();
            [kind.word().to_owned(), count(assets.len() as u64), bytes(size)]
        })
        .collect();
    let heads = ["kind", "count", "size"];
    let widths: [usize; 3] = std::array::from_fn(|column| {
        cells.iter().map(|row| columns(&row[column])).chain([heads[column].len()]).max().unwrap_or(0)
    });
    let [first, second, third] = widths;
    let left = 2 + first + 2 + second + 2 + third + 2 + 10 + 10;
    writeln!(
        page.out,
        "\n{QUIET}  {:first$}  {:>second$}  {:>third$}  {:10}{:10}most exposed{QUIET:#}",
        heads[0], heads[1], heads[2], "impact", "readers"
    )?;
    for ([kind, number, size], (_, assets)) in cells.iter().zip(&rows) {
        let most = assets.iter().max_by_key(|asset| (exposure(asset), Reverse(asset.files.first())));
        let Some((most, place)) = most.and_then(|most| Some((most, page.place(&most.files.first()?.locator)))) else {
            continue;
        };
        let level = most.impact.level;
        let style = level_style(level);
        let readers = most.access.as_ref().map_or("unknown", |access| access.readers.as_str());
        let place = shorten(&place, page.width().saturating_sub(left));
        writeln!(
            page.out,
            "  {HEADING}{kind:first$}{HEADING:#}  {number:>second$}  {size:>third$}  {style}{:10}{style:#}{readers:10}{place}",
            level.word()
        )?;
    }
    Ok(())
}

/// What its name or magic claims to be an asset, and whose structure does not hold.
pub(super) fn write_unverified(page: &mut Page) -> io::Result<()> {
    let unverified: Vec<(String, String)> = page
        .inventory
        .assets
        .iter()
        .filter(|asset| asset.presence == Presence::Unverified)
        .filter_map(|asset| {
            let why = asset.evidence.first().map(|evidence| evidence.why.clone()).unwrap_or_default();
            Some((page.place(&asset.files.first()?.locator), why))
        })
        .collect();
    if unverified.is_empty() {
        return Ok(());
    }
    let aside = "named like assets, with bytes that are not; counted nowhere above";
    page.heading(&format!("Unverified: {}", plural(unverified.len() as u64, "file")), aside)?;
    let shown = if page.summary.verbose { usize::MAX } else { UNVERIFIED };
    let widest = unverified.iter().take(shown).map(|(place, _)| columns(place)).max().unwrap_or(0);
    let half = (page.width().saturating_sub(4) / 2).min(widest);
    for (place, why) in unverified.iter().take(shown) {
        let place = pad(&shorten(place, half), half);
        let why =
            shorten(why.strip_prefix("it claims to be, and ").unwrap_or(why), page.width().saturating_sub(half + 4));
        writeln!(page.out, "  {place}  {QUIET}{why}{QUIET:#}")?;
    }
    if unverified.len() > shown {
        let rest = count((unverified.len() - shown) as u64);
        writeln!(page.out, "  {QUIET}and {rest} more; -v lists them{QUIET:#}")?;
    }
    Ok(())
}
