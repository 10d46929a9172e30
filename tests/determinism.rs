//! The same tree gives the same bytes, however many threads look at it and in whatever order its directories list it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod forge;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use blastmap::scan::{Depth, Plan, Sniff};
use forge::place::{inventory, jsonl, plan};
use forge::{codec, safetensors, tar, zip};

/// Something of everything: models, copies, containers, gaps, ordinary files.
fn files() -> Vec<(String, Vec<u8>)> {
    let model = safetensors::small();
    let mut files = Vec::new();
    for n in 0..40 {
        let folder = format!("d{}/e{}", n % 5, n % 3);
        files.push((format!("{folder}/copy-{n}.safetensors"), model.clone()));
        files.push((format!("{folder}/{n}.jpg"), vec![n; 100]));
        files.push((format!("{folder}/{n}.dat"), vec![n; 5000]));
        files.push((format!("{folder}/cut-{n}.safetensors"), model[..30 + usize::from(n)].to_vec()));
        let inner = tar::archive(&[("a/in.safetensors", &model), ("b.gz", &codec::gzip(&model)), ("c", &[n; 700])]);
        files.push((format!("{folder}/{n}.tar"), inner.clone()));
        files.push((format!("{folder}/{n}.zip"), zip::deflated(&[("x.tar", &inner), ("y.bin", &[n; 3000])])));
        files.push((format!("{folder}/{n}.tar.zst"), codec::zstd(&inner[..inner.len() / 2])));
    }
    files
}

fn build(root: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    symlink("d0/e0/copy-0.safetensors", root.join("alias.safetensors")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
}

/// A fixed shuffle: steps that visit every index once.
fn shuffled<T: Clone>(list: &[T], step: usize) -> Vec<T> {
    assert!((2..=step).all(|n| step % n != 0 || list.len() % n != 0), "the step must miss none");
    (0..list.len()).map(|n| list[n * step % list.len()].clone()).collect()
}

#[test]
fn threads_and_order_of_creation_do_not_show() {
    let files = files();
    let orders = [files.clone(), files.iter().rev().cloned().collect(), shuffled(&files, 97)];
    let mut outputs = Vec::new();
    for order in &orders {
        let directory = tempfile::tempdir().unwrap();
        // The last component is the source's label.
        let root = directory.path().join("tree");
        build(&root, order);
        for threads in [1, 8, 8, 3] {
            for (depth, sniff) in [(Depth::Headers, Sniff::Unknown), (Depth::Full, Sniff::All)] {
                let plan = Plan { threads, depth, sniff, ..plan(&root) };
                outputs.push((depth, threads, jsonl(&inventory(&plan))));
            }
        }
    }
    for (depth, threads, output) in &outputs {
        let (.., first) = outputs.iter().find(|(first, ..)| first == depth).unwrap();
        assert!(first == output, "{threads} threads at {depth:?}: {}", difference(first, output));
    }
    let text = String::from_utf8(outputs[1].2.clone()).unwrap();
    for kind in ["header", "asset", "relation", "gap", "tally", "coverage"] {
        assert!(text.contains(&format!(r#"{{"type":"{kind}""#)), "the tree has something of every kind: {kind}");
    }
}

#[test]
fn two_places_keep_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let places = ["one", "two"].map(|name| directory.path().join(name));
    for place in &places {
        build(place, &files()[..20]);
    }
    let scan = |threads| {
        let places = places.iter().cloned().map(blastmap::scan::Place::Path).collect();
        jsonl(&inventory(&Plan { threads, places, ..plan(directory.path()) }))
    };
    assert!(scan(1) == scan(8));
}

/// The first line that differs.
fn difference(a: &[u8], b: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (lines(a), lines(b));
    let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    format!("line {}:\n{:?}\n{:?}", at + 1, a.get(at), b.get(at))
}
