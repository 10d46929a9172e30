//! Model files → models.

use super::{Group, draft, impact};
use crate::model::{Kind, Role, Sighting};

/// placeholder until sidecars land
pub(super) fn groups(sightings: Vec<&Sighting>) -> Vec<Group<'_>> {
    sightings
        .into_iter()
        .filter(|s| s.role != Role::Companion)
        .map(|primary| {
            let mut draft = draft(primary, Kind::Model);
            draft.impact = impact::of(&draft);
            Group { primary, others: Vec::new(), draft }
        })
        .collect()
}
