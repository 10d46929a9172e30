//! DICOM instances of one directory: one dataset. A series is written as a directory of images; where several patients
//! lie in one, it is them that are counted.

use std::collections::BTreeMap;

use super::{Group, Made, finish, together};
use crate::model::{Locator, Sighting};

/// The instances by their directory, and the rest.
pub(super) fn split(sightings: Vec<&Sighting>) -> (Vec<Group<'_>>, Vec<&Sighting>) {
    let (instances, rest): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.into_iter().partition(|sighting| sighting.format == "dicom");
    let mut directories: BTreeMap<Locator, Vec<&Sighting>> = BTreeMap::new();
    for sighting in instances {
        directories.entry(sighting.locator.parent()).or_default().push(sighting);
    }
    let mut groups = Vec::new();
    for (directory, mut instances) in directories {
        // A table of contents does not stand for what it lists.
        instances.sort_by_key(|sighting| (is_contents(sighting), &sighting.locator));
        if let Some(group) = group(&directory, &instances) {
            groups.push(group);
        }
    }
    (groups, rest)
}

fn is_contents(sighting: &Sighting) -> bool {
    sighting.fact.dataset().is_some_and(|dataset| dataset.kind.as_deref() == Some("dicomdir"))
}

fn group<'s>(directory: &Locator, instances: &[&'s Sighting]) -> Option<Group<'s>> {
    let (&primary, others) = instances.split_first()?;
    let images = instances.iter().copied().filter(|sighting| !is_contents(sighting) || is_contents(primary));
    let mut dataset = together(images);
    for part in instances.iter().filter_map(|sighting| sighting.fact.dataset()) {
        for (tag, class) in &part.sensitive_tags {
            dataset.sensitive_tags.entry(tag.clone()).or_insert_with(|| class.clone());
        }
        // Of the whole, it is only true if it is true of each.
        dataset.identity_removed = dataset.identity_removed.zip(part.identity_removed).map(|(all, one)| all && one);
        dataset.burned_in_annotation =
            dataset.burned_in_annotation.into_iter().chain(part.burned_in_annotation).reduce(|any, one| any || one);
    }
    let name = (!others.is_empty()).then(|| crate::model::escape_name(directory.base_name()));
    Some(finish(Made {
        primary,
        others: others.to_vec(),
        format: primary.format.clone(),
        name,
        dataset,
        because: format!("instances of one directory: {}", instances.len()),
    }))
}
