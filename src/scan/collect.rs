//! From what the workers gathered to one survey in one order.

use std::collections::BTreeMap;

use crate::model::{Coverage, Gap, Sighting, Survey, Tally, TallyKey};

/// What one worker gathered. Rare things are kept, common ones summed, so memory follows what was recognised.
#[derive(Default)]
pub(super) struct Tray {
    pub(super) sightings: Vec<Sighting>,
    pub(super) gaps: Vec<Gap>,
    pub(super) tallies: BTreeMap<(u16, TallyKey, String), Tally>,
    pub(super) coverage: Coverage,
}

impl Tray {
    pub(super) fn tally(&mut self, source: u16, what: TallyKey, key: String, bytes: u64) {
        self.tallies.entry((source, what, key)).or_default().add(Tally { files: 1, bytes });
    }
}

/// The extension a file is tallied by: short, plain, lower-case; a stated word for everything else, so that a tree of
/// hostile names stays a short table.
pub(super) fn extension(path: &[u8]) -> String {
    let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let dot = base.iter().rposition(|&byte| byte == b'.').filter(|&dot| dot > 0);
    let Some(extension) = dot.and_then(|dot| base.get(dot + 1..)) else { return "(none)".to_owned() };
    let plain = extension.first().is_some_and(u8::is_ascii_alphabetic)
        && extension.len() <= 6
        && extension.iter().all(u8::is_ascii_alphanumeric);
    if plain { String::from_utf8_lossy(extension).to_ascii_lowercase() } else { "(other)".to_owned() }
}

/// Adds what a source's workers gathered.
pub(super) fn merge(survey: &mut Survey, trays: Vec<Tray>) {
    for tray in trays {
        survey.sightings.extend(tray.sightings);
        survey.gaps.extend(tray.gaps);
        for (key, sum) in tray.tallies {
            survey.tallies.entry(key).or_default().add(sum);
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
            assert_eq!(extension(path), key);
        }
    }

    #[test]
    fn tallies_add_up() {
        let mut tray = Tray::default();
        tray.tally(0, TallyKey::Extension, "jpg".to_owned(), 5);
        tray.tally(0, TallyKey::Extension, "jpg".to_owned(), 7);
        tray.tally(1, TallyKey::Extension, "jpg".to_owned(), 1);
        let sums: Vec<u64> = tray.tallies.values().map(|tally| tally.bytes).collect();
        assert_eq!(sums, [12, 1]);
    }
}
