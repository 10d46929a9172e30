//! Lines between assets: from identities they share, and from what one of them states of the other. Never from names that
//! resemble each other.

mod derived_from;
mod people;
mod same_content;
mod same_rows;

pub use people::populations;

use crate::model::{Asset, Relation};

/// Every relation between the assets of a survey, in order.
pub fn relations(assets: &[Asset]) -> Vec<Relation> {
    let mut relations = same_content::relations(assets);
    relations.extend(same_rows::relations(assets, &relations));
    relations.extend(derived_from::relations(assets));
    relations.sort();
    relations
}
