//! Data files → datasets: one asset a dataset, whatever it is split over.
//!
//! A directory that a manifest describes as a whole is one dataset with everything recognised below it; elsewhere,
//! partitions and numbered shards are joined; every other file stands by itself.

use super::Group;
use super::plain;
use crate::model::Sighting;

/// The datasets of a survey.
pub(super) fn groups<'s>(sightings: Vec<&'s Sighting>) -> Vec<Group<'s>> {
    plain::groups(sightings.into_iter())
}
