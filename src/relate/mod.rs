//! Lines between assets: from identities they share, and from what one of them states of the other. Never from names that
//! resemble each other.

mod defined_by;
mod derived_from;
mod edge;
mod exported;
mod home;
mod lineage;
mod people;
mod places;
mod processed;
mod projects;
mod same_content;
mod same_rows;
mod same_run;

pub use people::populations;
pub use projects::projects;

use crate::model::{Asset, Relation};

/// Every relation between the assets of a survey, in order.
pub fn relations(assets: &[Asset]) -> Vec<Relation> {
    let mut relations = same_content::relations(assets);
    relations.extend(same_rows::relations(assets, &relations));
    relations.extend(derived_from::relations(assets));
    relations.extend(same_run::relations(assets));
    relations.extend(lineage::relations(assets));
    relations.extend(exported::relations(assets, &relations));
    relations.extend(defined_by::relations(assets));
    relations.extend(processed::relations(assets));
    // Two reasons for one edge: the surer stays.
    relations.sort_by(|a, b| {
        let ends = (&a.from, &a.to, a.kind).cmp(&(&b.from, &b.to, b.kind));
        ends.then(b.confidence.cmp(&a.confidence)).then_with(|| a.evidence.cmp(&b.evidence))
    });
    relations.dedup_by(|next, kept| (&next.from, &next.to, next.kind) == (&kept.from, &kept.to, kept.kind));
    relations
}

#[cfg(test)]
mod tests {
    use crate::model::{
        Asset, AssetFile, Code, Confidence, Fact, Impact, Kind, Level, Locator, Presence, Run, Weights,
    };

    /// An asset with one file, whose path is its id.
    pub(super) fn of(path: &str, kind: Kind, format: &str, fact: Fact) -> Asset {
        let locator = Locator::parse(0, path).unwrap();
        Asset {
            id: path.to_owned(),
            kind,
            format: format.to_owned(),
            name: path.to_owned(),
            files: vec![AssetFile { locator, size: 100, content: None, link: None }],
            size: 100,
            presence: Presence::Present,
            confidence: Confidence::Certain,
            origin: None,
            impact: Impact { level: Level::Low, because: Vec::new(), tier: None },
            fact,
            access: None,
            identities: Vec::new(),
            evidence: Vec::new(),
        }
    }

    pub(super) fn asset(path: &str) -> Asset {
        of(path, Kind::Model, "safetensors", Fact::Weights(Box::<Weights>::default()))
    }

    pub(super) fn code(path: &str) -> Asset {
        of(path, Kind::Code, "python", Fact::Code(Box::<Code>::default()))
    }

    pub(super) fn run(path: &str, format: &str, run: Run) -> Asset {
        of(path, Kind::Run, format, Fact::Run(Box::new(run)))
    }
}
