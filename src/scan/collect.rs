//! From what the workers gathered to one survey in one order.

use std::collections::BTreeMap;

use crate::model::{Coverage, Gap, MAX_EXTENSION, Sighting, Survey, Tally, TallyKey, extension_key};

/// What one worker gathered. Rare things are kept, common ones summed, so memory follows what was recognised.
#[derive(Default)]
pub(super) struct Tray {
    pub(super) sightings: Vec<Sighting>,
    pub(super) gaps: Vec<Gap>,
    tallies: BTreeMap<(u16, TallyKey), BTreeMap<String, Tally>>,
    pub(super) coverage: Coverage,
}

impl Tray {
    pub(super) fn tally(&mut self, source: u16, what: TallyKey, key: &str, bytes: u64) {
        let sums = self.tallies.entry((source, what)).or_default();
        let one = Tally { files: 1, bytes };
        // A key is only copied where it is new: most files come past here.
        match sums.get_mut(key) {
            Some(sum) => sum.add(one),
            None => drop(sums.insert(key.to_owned(), one)),
        }
    }

    /// Counts a file by its extension.
    pub(super) fn tally_extension(&mut self, source: u16, what: TallyKey, path: &[u8], bytes: u64) {
        let mut lower = [0; MAX_EXTENSION];
        self.tally(source, what, extension_key(path, &mut lower), bytes);
    }
}

/// Adds what a source's workers gathered.
pub(super) fn merge(survey: &mut Survey, trays: Vec<Tray>) {
    for tray in trays {
        survey.sightings.extend(tray.sightings);
        survey.gaps.extend(tray.gaps);
        for ((source, what), sums) in tray.tallies {
            for (key, sum) in sums {
                survey.tallies.entry((source, what, key)).or_default().add(sum);
            }
        }
        survey.coverage.add(tray.coverage);
    }
}

/// The one sort: whatever the threads did, what follows sees one order.
pub(super) fn finish(survey: &mut Survey) {
    survey.sightings.sort_by(|a, b| (&a.locator, &a.format).cmp(&(&b.locator, &b.format)));
    survey.gaps.sort();
    survey.gaps.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_share_a_row() {
        for (path, key) in [
            (b"a/b.JPG".as_slice(), "jpg"),
            (b"a.b/c", "(none)"),
            (b".bashrc", "(none)"),
            (b"x.0001", "(other)"),
            (b"x.\xff", "(other)"),
            (b"x.averyverylongone", "(other)"),
        ] {
            assert_eq!(extension_key(path, &mut [0; MAX_EXTENSION]), key);
        }
    }

    #[test]
    fn tallies_add_up() {
        let mut tray = Tray::default();
        tray.tally(0, TallyKey::Extension, "jpg", 5);
        tray.tally(0, TallyKey::Extension, "jpg", 7);
        tray.tally(1, TallyKey::Extension, "jpg", 1);
        let sums: Vec<u64> = tray.tallies.values().flat_map(BTreeMap::values).map(|tally| tally.bytes).collect();
        assert_eq!(sums, [12, 1]);
    }
}
