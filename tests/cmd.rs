//! The command line as data: every `tests/cmd/NAME.toml` is a command, with what it prints and its exit code beside it;
//! `*.in/` are the trees they run in. `TRYCMD=overwrite cargo test --test cmd` writes what is printed now: read the
//! difference before you commit it. What follows the set of signatures is left open by `[..]` and `...`, by hand.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use blastmap::signature::Signatures;
use blastmap::table::Taxonomy;

#[test]
fn commands() {
    let cases = trycmd::TestCases::new();
    let own = fs::metadata("tests/cmd").unwrap();
    let digest = blastmap::scan::digest(&Signatures::embedded().unwrap(), &Taxonomy::default());
    for (name, value) in [
        ("[VERSION]", env!("CARGO_PKG_VERSION").to_owned()),
        ("[DIGEST]", digest),
        ("[OWNER]", format!("\"uid:{}\"", own.uid())),
        ("[GROUP]", format!("\"gid:{}\"", own.gid())),
    ] {
        cases.insert_var(name, value).unwrap();
    }
    for entry in fs::read_dir("tests/cmd").unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_to_everyone(&path);
        }
    }
    cases.case("tests/cmd/*.toml");
}

/// The trees say who may read them, and a checkout's modes follow its owner's umask.
fn open_to_everyone(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            open_to_everyone(&path);
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}
