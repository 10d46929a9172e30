//! blastmap
pub mod archive;
pub mod assemble;
pub mod blob;
pub mod model;
pub mod probe;
pub mod relate;
pub mod report;
pub mod scan;
pub mod signature;
pub mod source;
pub mod unpack;

/// inventory
pub fn inventory(survey: model::Survey) -> model::Inventory {
    let assets = assemble::assets(&survey);
    let relations = relate::relations(&assets);
    model::Inventory {
        sources: survey.sources,
        assets,
        relations,
        gaps: survey.gaps,
        tallies: survey.tallies.into_iter().collect(),
        coverage: survey.coverage,
    }
}
