//! blastmap maps what a breach of a place would expose: model checkpoints, datasets, runs, code, images and
//! infrastructure files, without loading or executing any of them.
//!
//! # The house is an hourglass
//!
//! The **reading half** turns places into a [`Survey`](model::Survey): what was seen, entry by entry. The **thinking
//! half** turns a survey into an [`Inventory`](model::Inventory): what it is and how it hangs together. They share only
//! [`model`]. Because the waist is plain data, each half is tested alone, and surveys of several hosts can meet.
//!
//! | floor | room | job |
//! |---|---|---|
//! | 7 | `main.rs`, `cli/` | flags and configuration → library calls → output; the only code that prints |
//! | 6 | this page | the map, and [`inventory`], the one line between the halves |
//! | 5 | [`scan`] | the engine: threads, recursion, budgets, panics. Contains no format name |
//! | 4 | [`source`] | where entries come from: a directory tree, a list |
//! | 4 | [`unpack`] | opens one container, hands out its members; knows no recursion |
//! | 4 | [`probe`] | bytes of one entry → facts, one format a file |
//! | 4 | [`report`] | inventory → a writer |
//! | 3 | [`signature`] | the declarative rules of `signatures/`: compile, match, self-check |
//! | 3 | [`table`] | rows of one table → what its columns hold, how many people, how easily singled out |
//! | 3 | [`archive`] | where the members of a zip or a tar lie, for probes and unpackers alike |
//! | 3 | [`assemble`] | facts of many entries → assets |
//! | 3 | [`relate`] | identities → lines between assets |
//! | 2 | [`blob`] | lazily readable bytes and their limits |
//! | 1 | [`model`] | plain data |
//!
//! A room imports only rooms below it, and rooms of one floor do not see each other; `tests/layers.rs` fails with the
//! line that breaks this.
//!
//! # One file's journey
//!
//! `main` → `cli::scan` → [`scan::survey`] → [`source::Source::walk`] → a queue → `scan::examine`: read the head once;
//! [`signature::Signatures::identify`] says what it may be, best first; the [`probe`] of each has a try; a container is
//! [opened](unpack) and each member examined one level deeper; what is left is counted. Then one sort, and
//! [`assemble::assets`] → [`relate::relations`] → [`report`].
//!
//! # What always holds
//!
//! - A file never fails a scan; a configuration always can. Whatever was not looked at is a [`Gap`](model::Gap).
//! - Nothing is loaded, executed, followed or written next to what is scanned.
//! - Every length is held against what is left and what is allowed before it is allocated; every limit is asked before
//!   the read it bounds.
//! - Only `scan::descend` recurses, at most [`Limits::depth`](scan::Limits) deep.
//! - Memory follows what was recognised, not how many files there are.
//! - The same tree, options and version give the same bytes, whatever the number of threads.
//! - No value of a secret or a person leaves a parser: free text of headers passes through [`model::publishable`].
//!
//! # To add a format
//!
//! Recognise only: one file in `signatures/<family>/`. With a parser: that, a file in `probe/<family>/` with its `mod` line,
//! its row in [`probe::PROBES`], and a folder of fixtures, `fixtures/<family>/<format>/<case>/{input.*, facts.json}`.
//! Nothing else lists or counts formats.

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
pub mod table;
pub mod unpack;

/// What a survey means.
pub fn inventory(mut survey: model::Survey) -> model::Inventory {
    let mut assets = assemble::assets(&survey);
    let populations = relate::populations(&mut assets);
    let relations = relate::relations(&assets);
    let projects = relate::projects(&assets, &relations);
    let mut tallies = std::mem::take(&mut survey.tallies);
    for (row, tally) in assemble::leftovers(&survey, &assets) {
        tallies.entry(row).or_default().add(tally);
    }
    model::Inventory {
        options: survey.options,
        signatures: survey.signatures,
        sources: survey.sources,
        assets,
        relations,
        projects,
        populations,
        gaps: survey.gaps,
        tallies: tallies.into_iter().collect(),
        coverage: survey.coverage,
    }
}
