//! Lines between assets: from identities they share, and from what one of them states of the other. Never from names that
//! resemble each other.

mod derived_from;
mod same_content;

use crate::model::{Asset, Relation};

/// Every relation between the assets of a survey, in order.
pub fn relations(assets: &[Asset]) -> Vec<Relation> {
    let mut relations = same_content::relations(assets);
    relations.extend(derived_from::relations(assets));
    relations.sort();
    relations
}
