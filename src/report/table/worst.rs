//! What would hurt most: ten things, each with where it is and why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::super::human::{bytes, count, pad, shorten};
use super::found::{exposure, readers};
use super::lineage::Lineage;
use super::{Page, QUIET, level_style, plural};
use crate::model::{Asset, RelationKind};

/// Things shown unless all are asked for.
const SHOWN: usize = 10;
/// Where the text of a thing begins: behind its number and its level.
const INDENT: usize = 15;

/// The list; copies of one content are one thing.
pub(super) fn write(page: &mut Page) -> io::Result<()> {
    let inventory = page.inventory;
    let mut assets: Vec<&Asset> =
        inventory.assets.iter().filter(|asset| asset.presence != crate::model::Presence::Unverified).collect();
    assets.sort_by_key(|asset| (Reverse(asset.impact.tier.is_some()), Reverse(exposure(asset)), &asset.files));
    let copies = copies(page);
    let mut told = BTreeSet::new();
    let things: Vec<(&Asset, usize)> = assets
        .into_iter()
        .filter_map(|asset| {
            let twins = copies.get(asset.id.as_str());
            let first = told.insert(asset.id.as_str());
            told.extend(twins.into_iter().flatten());
            first.then(|| (asset, twins.map_or(0, BTreeSet::len)))
        })
        .collect();
    if things.is_empty() {
        return Ok(());
    }
    let shown = if page.summary.verbose { usize::MAX } else { SHOWN };
    page.heading("What would hurt most", "")?;
    let lineage = Lineage::new(page);
    for (number, (asset, copies)) in (1_u64..).zip(things.iter().take(shown)) {
        thing(page, number, asset, *copies)?;
        if let Some(sentence) = lineage.of(page, asset) {
            page.paragraph(INDENT, QUIET, &sentence)?;
        }
    }
    if things.len() > shown {
        let rest = count((things.len() - shown) as u64);
        writeln!(page.out, "  {QUIET}and {rest} more; -v lists them, -o FILE.jsonl keeps them{QUIET:#}")?;
    }
    Ok(())
}

/// Every asset's copies, by id.
fn copies<'p>(page: &Page<'p>) -> BTreeMap<&'p str, BTreeSet<&'p str>> {
    let mut copies: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let same = page.inventory.relations.iter().filter(|relation| relation.kind == RelationKind::SameContent);
    for relation in same {
        copies.entry(&relation.from).or_default().insert(&relation.to);
        copies.entry(&relation.to).or_default().insert(&relation.from);
    }
    copies
}

fn thing(page: &mut Page, number: u64, asset: &Asset, copies: usize) -> io::Result<()> {
    let Some(file) = asset.files.first() else { return Ok(()) };
    let level = asset.impact.level;
    let style = level_style(level);
    let place = shorten(&page.place(&file.locator), page.width().saturating_sub(INDENT));
    writeln!(page.out, "  {number:>2} {style}{}{style:#} {place}", pad(level.word(), 9))?;
    let name = escaped_base(asset).filter(|base| *base != asset.name).map(|_| asset.name.clone());
    let more_files = asset.files.iter().filter(|file| file.link.is_none()).count().saturating_sub(1) as u64;
    let mut parts = vec![asset.impact.because.join("; ")];
    parts.extend(name);
    parts.push(asset.format.clone());
    parts.push(bytes(asset.size));
    parts.extend((more_files > 0).then(|| plural(more_files + 1, "file")));
    match copies {
        0 => {}
        1 => parts.push("1 copy elsewhere".to_owned()),
        more => parts.push(format!("{} copies elsewhere", count(more as u64))),
    }
    parts.extend(readers(asset).map(str::to_owned));
    parts.extend(asset.impact.tier.as_ref().map(|tier| format!("tier {tier}")));
    parts.extend(page.summary.verdict.allowed.get(&asset.id).map(|reason| format!("allowed: {reason}")));
    page.paragraph(INDENT, QUIET, &parts.join(" · "))
}

fn escaped_base(asset: &Asset) -> Option<String> {
    asset.files.first().map(|file| crate::model::escape_name(file.locator.base_name()))
}
