//! Trees of trackers that were stopped in the middle, are at work, or are broken: what is readable is told, the rest is a
//! gap, and no file is changed or made.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod forge;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use blastmap::model::{Asset, Cause, Inventory, Kind, Presence, Stage};
use forge::place::{Place, assert_gap, gaps};

fn capture(path: &str) -> Vec<u8> {
    fs::read(Path::new("fixtures").join(path)).unwrap()
}

/// A place with these files.
fn place(files: &[(&str, Vec<u8>)]) -> Place {
    let place = Place::new();
    for (name, bytes) in files {
        fs::create_dir_all(place.path(name).parent().unwrap()).unwrap();
        place.write(name, bytes);
    }
    place
}

/// Every file below a place: its bytes and when it was last changed.
fn state(root: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::metadata(&path).unwrap();
            let bytes = if meta.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            if meta.is_dir() {
                open.push(path.clone());
            }
            found.insert(path, (bytes, meta.modified().unwrap()));
        }
    }
    found
}

fn runs<'a>(inventory: &'a Inventory, format: &str) -> Vec<&'a Asset> {
    let is = |asset: &&Asset| asset.kind == Kind::Run && asset.format == format && asset.presence == Presence::Present;
    inventory.assets.iter().filter(is).collect()
}

/// A database that is in WAL mode, by the two versions in its header.
fn in_wal_mode(mut database: Vec<u8>) -> Vec<u8> {
    database[18..20].copy_from_slice(&[2, 2]);
    database
}

fn damaged(mut bytes: Vec<u8>, from: usize) -> Vec<u8> {
    bytes[from..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    bytes
}

#[test]
fn nothing_of_a_tracker_is_changed_and_what_is_readable_is_told() {
    let optuna = capture("run/optuna-sqlite/v5/input.db");
    let mlflow = capture("run/mlflow-sqlite/v3/input.db");
    let wandb = capture("run/wandb/v31/input.wandb");
    let log = capture("dataset/sqlite-wal/committed/input.db-wal");
    let half = mlflow.len() / 2;
    let place = place(&[
        ("wal/study.db", in_wal_mode(optuna.clone())),
        ("wal/study.db-wal", log),
        ("locked/study.db", optuna.clone()),
        ("locked/study.db-journal", [&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7][..], &[0; 504]].concat()),
        ("cut/mlflow.db", mlflow[..half].to_vec()),
        ("corrupt/study.db", damaged(optuna, 12_000)),
        ("whole/mlflow.db", mlflow),
        ("wandb/offline-run-20240101_100000-8oayt89a/run-8oayt89a.wandb", wandb[..1500].to_vec()),
        ("wandb/offline-run-20240101_110000-9oayt89a/run-9oayt89a.wandb", damaged(wandb, 2000)),
    ]);
    let locked = fs::File::open(place.path("locked/study.db")).unwrap();
    locked.lock().unwrap();
    let before = state(place.root());
    let found = place.scan();
    locked.unlock().unwrap();
    assert_eq!(before, state(place.root()), "a scan changes nothing, and makes nothing");

    let trials = |folder: &str| {
        let is_in = |asset: &&&Asset| asset.files[0].locator.to_string().starts_with(folder);
        runs(&found, "optuna-sqlite").iter().filter(is_in).count()
    };
    assert_eq!((trials("wal/"), trials("locked/")), (2, 2), "{}", gaps(&found));
    assert_eq!(runs(&found, "mlflow-sqlite").len(), 2);
    assert_eq!(runs(&found, "wandb-offline").len(), 2);
    assert_gap(&found, "wal/study.db-wal", Stage::Probe, Cause::Unsupported, "wal_checkpoint");
    assert_gap(&found, "locked/study.db-journal", Stage::Probe, Cause::Unsupported, "not finished");
    let run = "wandb/offline-run-20240101_100000-8oayt89a/run-8oayt89a.wandb";
    assert_gap(&found, run, Stage::Probe, Cause::Truncated, "inside of a record");
    let run = "wandb/offline-run-20240101_110000-9oayt89a/run-9oayt89a.wandb";
    assert_gap(&found, run, Stage::Probe, Cause::Malformed, "damaged");
    for broken in ["cut/mlflow.db", "corrupt/study.db"] {
        assert!(found.gaps.iter().any(|gap| gap.locator.to_string() == broken), "{broken}:{}", gaps(&found));
    }
}

#[test]
fn tables_that_are_not_the_trackers_are_data() {
    // Optuna's tables in the database of a study of people, by the name of one of them.
    let mut database = capture("run/optuna-sqlite/v5/input.db");
    let name = b"trial_intermediate_values";
    let places: Vec<usize> = (0..database.len() - name.len()).filter(|&at| database[at..].starts_with(name)).collect();
    for at in places {
        database[at..at + name.len()].copy_from_slice(b"patient_laboratory_values");
    }
    let found = place(&[("study.db", database)]).scan();
    assert_eq!(runs(&found, "optuna-sqlite").len(), 2);
    let data: Vec<&Asset> = found.assets.iter().filter(|asset| asset.kind == Kind::Dataset).collect();
    let names: Vec<&str> = data.iter().map(|asset| asset.format.as_str()).collect();
    assert_eq!(names, ["sqlite"]);
    let tables: Vec<&String> = data[0].fact.dataset().unwrap().tables.keys().collect();
    assert_eq!(tables, ["patient_laboratory_values"]);
}
