//! Code that is somebody else's, by where it was put: copies of libraries, tutorials, and what tests need.
//!
//! Only places that people agree on are known: `external` and `examples` are as often one's own.

use crate::model::Locator;

/// Folders that others' projects are copied into, each to a folder of its own.
const VENDORED: &[&str] = &[
    "3rdparty",
    "3rd_party",
    "third_party",
    "thirdparty",
    "third-party",
    "vendor",
    "vendored",
    "_vendor",
    "extern",
    "submodules",
    "site-packages",
    "dist-packages",
    "node_modules",
];
const TUTORIALS: &[&str] = &["tutorial", "tutorials", "homework", "exercises", "course", "courses"];
const TESTS: &[&str] = &["test", "tests", "unittests", "unit_tests", "testing"];
/// Packages of libraries, by a name and one of the folders that lie below it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("transformers", &["models", "generation", "pipelines", "integrations"]),
    ("diffusers", &["models", "pipelines", "schedulers", "loaders"]),
    ("pytorch_lightning", &["trainer", "callbacks", "strategies", "core", "loops"]),
    ("timm", &["models", "layers", "optim", "data", "loss", "scheduler", "utils"]),
    ("torchvision", &["models", "datasets", "transforms", "ops"]),
    ("torchaudio", &["models", "datasets", "transforms", "pipelines"]),
    ("sklearn", &["ensemble", "linear_model", "neural_network", "datasets", "svm"]),
    ("detectron2", &["modeling", "engine", "data", "layers"]),
    ("mmdet", &["models", "datasets", "apis"]),
    ("mmcv", &["cnn", "ops", "runner"]),
    ("torch_geometric", &["nn", "datasets", "data", "loader"]),
    ("sentence_transformers", &["models", "losses", "evaluation"]),
    ("monai", &["networks", "losses", "data", "apps", "engines"]),
    ("xformers", &["ops", "components", "benchmarks"]),
];

/// Why a source is not its owner's, and the place of all that came with it.
pub(super) fn of(locator: &Locator) -> Option<(&'static str, Locator)> {
    if let Some(archive) = cached(locator) {
        return Some(("vendored", archive));
    }
    let leaf = locator.leaf();
    let parts: Vec<&[u8]> = leaf.split(|&byte| byte == b'/').collect();
    // The last part is the file.
    let folders = parts.split_last().map(|(_, folders)| folders).unwrap_or_default();
    let is = |part: &[u8], names: &[&str]| names.iter().any(|name| part.eq_ignore_ascii_case(name.as_bytes()));
    // The place up to and with the folder of that number.
    let place = |last: usize| {
        let up = parts.len().saturating_sub(last.saturating_add(1));
        (0..up).fold(locator.clone(), |place, _| place.parent())
    };
    for (at, folder) in folders.iter().enumerate() {
        if is(folder, VENDORED) {
            let own = at.saturating_add(1).min(folders.len().saturating_sub(1));
            return Some(("vendored", place(own)));
        }
        let below = folders.get(at.saturating_add(1)).copied().unwrap_or_default();
        if LIBRARIES.iter().any(|(name, inner)| *folder == name.as_bytes() && is(below, inner)) {
            return Some(("vendored", place(at)));
        }
        if is(folder, TUTORIALS) {
            return Some(("tutorial", place(at)));
        }
        if is(folder, TESTS) {
            return Some(("test", place(at)));
        }
    }
    None
}

/// The archive in the cache of a package manager that an entry is in.
fn cached(locator: &Locator) -> Option<Locator> {
    const CACHES: [&[u8]; 4] = [b".cache/pip/", b".cache/uv/", b".cache/pypoetry/", b"pip/cache/"];
    if locator.depth() == 0 {
        return None;
    }
    let mut place = locator.clone();
    while place.depth() > 0 {
        place = place.around()?;
    }
    let path = place.leaf();
    let is_in = |cache: &[u8]| path.windows(cache.len()).any(|part| part == cache);
    CACHES.iter().any(|cache| is_in(cache)).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_file_is_by_its_place() {
        let found = |path: &str| of(&Locator::path(0, path.as_bytes())).map(|(whose, root)| (whose, root.to_string()));
        let other = |whose: &'static str, root: &str| Some((whose, root.to_owned()));
        assert_eq!(found("p/third_party/fairseq/models/x.py"), other("vendored", "p/third_party/fairseq"));
        assert_eq!(found("p/vendor/x.py"), other("vendored", "p/vendor"));
        assert_eq!(found("src/transformers/models/bert/modeling_bert.py"), other("vendored", "src/transformers"));
        assert_eq!(found("p/tests/a/net.py"), other("test", "p/tests"));
        assert_eq!(found("p/tutorials/01.ipynb"), other("tutorial", "p/tutorials"));
        for own in
            ["p/models/transformers/net.py", "p/src/acme/external/x.py", "test.py", "p/examples/train.py", "vendor.py"]
        {
            assert_eq!(found(own), None, "{own}");
        }
    }
}
