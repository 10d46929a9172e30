//! Raw constants, and the graph beside them that they belong to: the one of the same stem, or the one that lists them.

use super::{Draft, companions};
use crate::model::{Locator, Sighting};

/// Formats that are nothing but a part of the file with the same stem, and the formats of that file.
const PAIRS: [(&str, &[&str]); 3] =
    [("raw-weights", &["openvino-ir", "ncnn"]), ("paddle-params", &["paddle"]), ("mxnet-symbol", &["mxnet"])];

/// Whether a sighting is a part of a file with its stem, and of no other.
pub(super) fn is_part(sighting: &Sighting) -> bool {
    PAIRS.iter().any(|(part, _)| *part == sighting.format)
}

/// Puts parts to the models of their stem. A part without one is nothing.
pub(super) fn attach<'s>(drafts: &mut [Draft<'s>], parts: &[&'s Sighting]) {
    for part in parts {
        let wanted = PAIRS.iter().find(|(format, _)| *format == part.format).map_or(&[][..], |(_, models)| models);
        for draft in drafts.iter_mut() {
            let name = part.locator.base_name();
            let is_listed = draft.weights.external_data.iter().any(|listed| listed.as_bytes() == name);
            let is_of_stem =
                wanted.contains(&draft.primary.format.as_str()) && stem(&draft.primary.locator) == stem(&part.locator);
            if is_listed || is_of_stem {
                draft.others.push(part);
                if let Some(weights) = part.fact.weights() {
                    companions::take(&mut draft.weights, part, weights);
                }
            }
        }
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
