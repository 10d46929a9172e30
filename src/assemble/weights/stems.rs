//! Raw constants, and the graph beside them that they belong to: the one of the same stem, or the one that lists them.

use std::collections::BTreeSet;

use super::{Draft, companions};
use crate::model::{Locator, Sighting};

/// Formats that are nothing but a part of the file with the same stem, and the formats of that file.
const PAIRS: [(&str, &[&str]); 3] =
    [("raw-weights", &["openvino-ir", "ncnn"]), ("paddle-params", &["paddle"]), ("mxnet-symbol", &["mxnet"])];

/// Whether a sighting is a part of a file with its stem, and of no other.
pub(super) fn is_part(sighting: &Sighting) -> bool {
    PAIRS.iter().any(|(part, _)| *part == sighting.format)
}

/// Puts parts to the models of their stem, and to those that list them. A part without one is nothing.
pub(super) fn attach<'s>(drafts: &mut [Draft<'s>], parts: &[&'s Sighting]) {
    for draft in drafts.iter_mut() {
        let directory = draft.primary.locator.parent();
        let listed: BTreeSet<Locator> =
            draft.weights.external_data.iter().map(|name| super::listed(&directory, name)).collect();
        let (mut of_list, mut of_stem) = (0u64, false);
        for part in parts {
            let models = PAIRS.iter().find(|(format, _)| *format == part.format).map_or(&[][..], |(_, models)| models);
            let is_listed = listed.contains(&part.locator);
            let is_of_stem = models.contains(&draft.primary.format.as_str())
                && part.locator.parent() == directory
                && stem(&draft.primary.locator) == stem(&part.locator);
            if is_listed || is_of_stem {
                of_list = of_list.saturating_add(u64::from(is_listed));
                of_stem |= is_of_stem && part.size >= draft.weights.bin_bytes.unwrap_or(0);
                draft.others.push(part);
                if let Some(weights) = part.fact.weights() {
                    companions::take(&mut draft.weights, part, weights);
                }
            }
        }
        note_absent(draft, listed.len() as u64, of_list, of_stem);
    }
}

/// Says what of the files that hold a graph's weights was not found.
fn note_absent(draft: &mut Draft, listed: u64, found: u64, has_values: bool) {
    let needs_values = draft.primary.format == "openvino-ir" && draft.weights.bin_bytes.is_some_and(|bytes| bytes > 0);
    let (total, found) = if needs_values { (1, u64::from(has_values)) } else { (listed, found) };
    if found < total {
        draft.weights.shards = Some(total);
        draft.weights.shards_present = Some(found);
        draft.say("shards", format!("{found} of the {total} files that hold its weights were found whole"));
    }
}

/// The name without its last ending, and without what a framework puts between the two: `net-symbol.json` describes
/// `net-0012.params`.
fn stem(locator: &Locator) -> &[u8] {
    let name = locator.base_name();
    let dot = name.iter().rposition(|&byte| byte == b'.').unwrap_or(name.len());
    let stem = name.get(..dot).unwrap_or(name);
    let stem = stem.strip_suffix(b"-symbol").unwrap_or(stem);
    match stem.iter().rposition(|&byte| byte == b'-') {
        Some(dash) if name.ends_with(b".params") && stem.len() == dash + 5 => stem.get(..dash).unwrap_or(stem),
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_of_the_model() {
        for (path, want) in [
            ("a/scorer.xml", "scorer"),
            ("scorer.bin", "scorer"),
            ("net.ncnn.param", "net.ncnn"),
            ("resnet-symbol.json", "resnet"),
            ("resnet-0012.params", "resnet"),
            ("resnet-18.params", "resnet-18"),
            ("noending", "noending"),
        ] {
            assert_eq!(stem(&Locator::path(0, path.as_bytes())), want.as_bytes(), "{path}");
        }
    }
}
