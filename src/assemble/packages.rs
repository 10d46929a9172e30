//! What came with an installed package: the sample data and test models of libraries, which are everyone's.
//!
//! A package may be the owner's own, from an index of their own, so a model in one is only taken for a library's where
//! it lies among its tests; what is taken for one stays in the inventory, at the end of the list. Data about nobody that
//! came with one package is one asset: its files are listed, and nobody reads a line for each.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::{Asset, Dataset, Evidence, Fact, Impact, Kind, Level, Locator, Presence};

/// Folders that packages are installed into, or kept in by those who install them.
const INSTALLED: [&str; 3] = ["site-packages", "dist-packages", "node_modules"];
/// The same by two names, one in the other; a directory for each index or version lies between.
const KEPT: [[&str; 2]; 3] = [["registry", "src"], ["registry", "cache"], ["pkg", "mod"]];
/// Folders that hold what tests need.
const TESTS: [&str; 7] = ["test", "tests", "testing", "testdata", "test_data", "testutils", "test_utils"];

/// Lowers the impact of what came with a package.
pub(super) fn settle(asset: &mut Asset) {
    let Some((_, package)) = asset.files.first().and_then(|file| package_of(&file.locator, asset.kind)) else { return };
    if asset.presence != Presence::Present || asset.impact.level == Level::Low {
        return;
    }
    let why = format!("came with the installed package '{package}'");
    asset.evidence.push(Evidence { signature: "installed-package".to_owned(), why: why.clone() });
    asset.impact = Impact { level: Level::Low, because: vec![why], tier: None };
}

/// Makes one asset of the data about nobody that came with one package.
pub(super) fn fold(assets: Vec<Asset>) -> Vec<Asset> {
    let mut packages: BTreeMap<(u16, String, String), Vec<Asset>> = BTreeMap::new();
    let mut kept = Vec::new();
    for asset in assets {
        let is_about_nobody = asset.fact.dataset().is_some_and(|data| data.table.distinct_subjects.is_none());
        let is_data = asset.kind == Kind::Dataset && asset.presence == Presence::Present && is_about_nobody;
        let first = asset.files.first().filter(|_| is_data);
        match first.and_then(|file| Some((file.locator.source(), package_of(&file.locator, asset.kind)?))) {
            Some((source, (root, package))) => packages.entry((source, root, package)).or_default().push(asset),
            None => kept.push(asset),
        }
    }
    for ((_, _, package), mut assets) in packages {
        assets.sort_by(|a, b| a.files.cmp(&b.files));
        let mut assets = assets.into_iter();
        let Some(mut one) = assets.next() else { continue };
        let others: Vec<Asset> = assets.collect();
        if !others.is_empty() {
            join(&mut one, others, &package);
        }
        kept.push(one);
    }
    kept
}

fn join(one: &mut Asset, others: Vec<Asset>, package: &str) {
    let mut hash = Sha256::new();
    hash.update(&one.id);
    for other in others {
        hash.update(&other.id);
        one.size = one.size.saturating_add(other.size);
        one.files.extend(other.files);
    }
    let why = format!("came with the installed package '{package}'");
    one.id = super::short_id(Kind::Dataset, hash);
    "package-data".clone_into(&mut one.format);
    package.clone_into(&mut one.name);
    let nfiles = Some(one.files.len() as u64);
    one.fact = Fact::Dataset(Box::new(Dataset { kind: Some("package_data".to_owned()), nfiles, ..Dataset::default() }));
    one.impact = Impact { level: Level::Low, because: vec![why.clone()], tier: None };
    one.identities.clear();
    one.evidence = vec![Evidence { signature: "installed-package".to_owned(), why }];
}

/// The package whose sample or test data an entry is, and the path up to it.
fn package_of(locator: &Locator, kind: Kind) -> Option<(String, String)> {
    let path = locator.to_string();
    let parts: Vec<&str> = path.split('/').collect();
    let below = |at: usize| {
        let (package, inside) = parts.get(at..)?.split_first()?;
        let among_tests = inside.iter().any(|part| TESTS.contains(part));
        let package = package.trim_end_matches(".crate!");
        (among_tests || kind == Kind::Dataset).then(|| (parts[..at].join("/"), package.to_owned()))
    };
    if let Some(at) = parts.iter().rposition(|part| INSTALLED.contains(part)) {
        return below(at + 1);
    }
    // `registry/src/<index>/<package>/…`
    let at = parts.windows(2).rposition(|pair| KEPT.iter().any(|kept| kept == pair))?;
    below(at + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_librarys_only_among_its_tests() {
        let of = |path: &str, kind| package_of(&Locator::path(0, path.as_bytes()), kind).map(|(_, package)| package);
        assert_eq!(of("v/lib/site-packages/numpy/lib/tests/data/x.npy", Kind::Dataset).as_deref(), Some("numpy"));
        assert_eq!(of("v/site-packages/mpl/sample_data/goog.npz", Kind::Dataset).as_deref(), Some("mpl"));
        assert_eq!(of("v/site-packages/orbax/testing/int/_METADATA", Kind::Model).as_deref(), Some("orbax"));
        assert_eq!(of("v/site-packages/acme_models/weights/model.pt", Kind::Model), None);
        assert_eq!(of("project/tests/model.pt", Kind::Model), None);
        assert_eq!(of("h/.cargo/registry/src/index-1/url-2.5/tests/x.json", Kind::Dataset).as_deref(), Some("url-2.5"));
        let packed = Locator::path(0, b"registry/cache/index-1/url-2.5.crate").member(b"url-2.5/tests/x.json");
        assert_eq!(package_of(&packed, Kind::Dataset).map(|(_, package)| package).as_deref(), Some("url-2.5"));
    }
}
