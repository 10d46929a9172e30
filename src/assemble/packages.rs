//! What came with an installed package: the sample data and test models of libraries, which are everyone's.
//!
//! A package may be the owner's own, from an index of their own, so a model in one is only taken for a library's where
//! it lies among its tests; what is taken for one stays in the inventory, at the end of the list.

use crate::model::{Asset, Evidence, Impact, Kind, Level, Locator, Presence};

/// Folders that packages are installed into.
const INSTALLED: [&str; 3] = ["site-packages", "dist-packages", "node_modules"];
/// Folders that hold what tests need.
const TESTS: [&str; 7] = ["test", "tests", "testing", "testdata", "test_data", "testutils", "test_utils"];

/// Lowers the impact of what came with a package.
pub(super) fn settle(asset: &mut Asset) {
    let Some(package) = asset.files.first().and_then(|file| package_of(&file.locator, asset.kind)) else { return };
    if asset.presence != Presence::Present || asset.impact.level == Level::Low {
        return;
    }
    let why = format!("came with the installed package '{package}'");
    asset.evidence.push(Evidence { signature: "installed-package".to_owned(), why: why.clone() });
    asset.impact = Impact { level: Level::Low, because: vec![why], tier: None };
}

/// The package whose sample or test data an entry is.
fn package_of(locator: &Locator, kind: Kind) -> Option<String> {
    let path = crate::model::escape_name(locator.leaf());
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts.iter().rposition(|part| INSTALLED.contains(part))?;
    let (package, inside) = parts.get(at + 1..)?.split_first()?;
    let among_tests = inside.iter().any(|part| TESTS.contains(part));
    (among_tests || kind == Kind::Dataset).then(|| (*package).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_librarys_only_among_its_tests() {
        let of = |path: &str, kind| package_of(&Locator::path(0, path.as_bytes()), kind);
        assert_eq!(of("v/lib/site-packages/numpy/lib/tests/data/x.npy", Kind::Dataset).as_deref(), Some("numpy"));
        assert_eq!(of("v/site-packages/mpl/sample_data/goog.npz", Kind::Dataset).as_deref(), Some("mpl"));
        assert_eq!(of("v/site-packages/orbax/testing/int/_METADATA", Kind::Model).as_deref(), Some("orbax"));
        assert_eq!(of("v/site-packages/acme_models/weights/model.pt", Kind::Model), None);
        assert_eq!(of("project/tests/model.pt", Kind::Model), None);
    }
}
