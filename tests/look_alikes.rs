//! Files that talk of models and trainings and are no code of either: no probe of the family takes one.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod forge;

use std::fs;

use blastmap::blob::Memory;
use blastmap::model::Family;
use blastmap::probe::{self, Input, ProbeError};
use blastmap::signature::{HEAD, View};
use forge::place::signatures;

#[test]
fn nothing_that_only_talks_of_models_is_code_of_one() {
    let mut taken = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir("fixtures/code/look-alikes").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        let head = bytes.get(..HEAD).unwrap_or(&bytes);
        let more = |at: u64, len: usize| bytes.iter().skip(at as usize).take(len).copied().collect();
        let view = View::new(name.as_bytes(), bytes.len() as u64, head, &more);
        let blob = Memory::new(bytes.clone());
        let mut input = Input::new(&blob, head);
        input.name = name.as_bytes();
        for found in signatures().identify(&view).iter().filter(|found| found.signature.family == Family::Code) {
            let probe = found.signature.probe.as_deref().and_then(probe::of).unwrap();
            match probe.look(&input) {
                Err(ProbeError::NotMine) => {}
                other => taken.push(format!("{name} by {}: {other:?}", probe.id)),
            }
        }
        files += 1;
    }
    assert!(files > 10 && taken.is_empty(), "\n{}", taken.join("\n"));
}
