//! The self-check of the embedded signatures, the one that `blastmap signatures check` runs, and what only the code can
//! say: that nothing it can read is without a signature.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod forge;

use std::path::Path;

use blastmap::{probe, unpack};
use forge::place::signatures;

#[test]
fn every_example_holds_and_none_is_taken_for_another() {
    let fixture = |path: &str| {
        let path = Path::new("fixtures").join(path);
        Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    };
    let parsers = |id: &str| probe::of(id).is_some() || unpack::of(id).is_some();
    let problems = signatures().check(&fixture, &parsers);
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.id, problem.what)).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn every_parser_is_named_by_a_signature() {
    for probe in probe::PROBES {
        let named = signatures().iter().any(|signature| signature.probe.as_deref() == Some(probe.id));
        assert!(named, "no signature leads to the probe '{}'", probe.id);
    }
    for unpacker in unpack::UNPACKERS {
        let named = signatures().iter().any(|signature| signature.unpack.as_deref() == Some(unpacker.id));
        assert!(named, "no signature leads to the unpacker '{}'", unpacker.id);
    }
}
