//! Families whose every file is an asset of its own.

use super::{Group, draft, impact};
use crate::model::{Role, Sighting};

/// One group a sighting; companions are nothing by themselves.
pub(super) fn groups<'s>(sightings: impl Iterator<Item = &'s Sighting>) -> Vec<Group<'s>> {
    sightings
        .filter(|sighting| sighting.role != Role::Companion)
        .filter_map(|primary| {
            let mut draft = draft(primary, primary.family.kind()?);
            draft.impact = impact::of(&draft);
            Some(Group { primary, others: Vec::new(), draft })
        })
        .collect()
}
