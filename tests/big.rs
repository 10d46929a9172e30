//! Checkpoints of 16.7 GB, in files that are mostly holes: each is described in full, from a small part of it.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]

mod forge;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use blastmap::model::{Inventory, Presence};
use forge::place::{asset, gaps, inventory, plan};
use forge::tar::Tar;
use forge::{Body, safetensors, torch};

const GB: u64 = 1_000_000_000;
/// What a scan may take; looser without optimisation, where nobody waits for it.
const TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 3000 } else { 100 });

/// A directory whose file system keeps holes as holes, if the temporary one does.
fn holey() -> Option<tempfile::TempDir> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hole");
    let hole = File::create(&path).unwrap();
    let kept = hole.set_len(20 * GB).is_ok() && hole.metadata().unwrap().blocks() < 1 << 20;
    fs::remove_file(path).unwrap();
    if !kept {
        eprintln!("not tested: {} keeps no holes", directory.path().display());
    }
    kept.then_some(directory)
}

/// Scans twice, since the first scan compiles the signatures and warms caches; asserts reads and time of the second.
fn described(root: &Path, locator: &str, format: &str, max_read: u64) -> Inventory {
    inventory(&plan(root));
    let start = Instant::now();
    let inventory = inventory(&plan(root));
    let took = start.elapsed();
    let model = asset(&inventory, locator).unwrap_or_else(|| panic!("{locator} was not found:{}", gaps(&inventory)));
    assert_eq!((model.presence, model.format.as_str()), (Presence::Present, format), "{}", gaps(&inventory));
    let weights = model.fact.weights().unwrap();
    assert_eq!(weights.parameter_count, Some(safetensors::BIG_ELEMENTS));
    assert_eq!(weights.tensor_count, Some(249));
    assert_eq!(weights.dtypes.iter().collect::<Vec<_>>(), [(&"float16".to_owned(), &safetensors::BIG_ELEMENTS)]);
    assert!(model.size > 16_700_000_000, "{}", model.size);
    assert!(inventory.gaps.is_empty(), "{}", gaps(&inventory));
    let read = inventory.coverage.bytes_read;
    eprintln!("{locator}: {read} bytes read in {took:?}");
    assert!(read <= max_read, "{read} bytes read, {max_read} allowed");
    assert!(took < TIME, "took {took:?}, {TIME:?} allowed");
    inventory
}

#[test]
fn a_safetensors_file_is_described_by_its_header() {
    let Some(directory) = holey() else { return };
    safetensors::sparse(&directory.path().join("big.safetensors"), &safetensors::big_model());
    described(directory.path(), "big.safetensors", "safetensors", 1 << 20);
}

#[test]
fn a_torch_checkpoint_is_described_by_its_pickle_and_directory() {
    let Some(directory) = holey() else { return };
    let mut file = File::create(directory.path().join("big.pt")).unwrap();
    torch::checkpoint(&mut file, &torch::big_model());
    described(directory.path(), "big.pt", "torch-zip", 1 << 20);
}

#[test]
fn in_a_tar_in_a_tar_they_are_described_as_well() {
    let Some(directory) = holey() else { return };
    nested(&directory.path().join("outer.tar"), "big.pt", &mut |out| torch::checkpoint(out, &torch::big_model()));
    described(directory.path(), "outer.tar!/inner.tar!/big.pt", "torch-zip", 4 << 20);

    let Some(directory) = holey() else { return };
    nested(&directory.path().join("outer.tar"), "big.safetensors", &mut |out| {
        let (header, data) = safetensors::header(&safetensors::big_model());
        out.write_all(&header).unwrap();
        Body::Hole(data).write(out);
    });
    described(directory.path(), "outer.tar!/inner.tar!/big.safetensors", "safetensors", 4 << 20);
}

/// `outer.tar` with other members around `inner.tar`, and that with others around what `write` writes.
fn nested(path: &Path, name: &str, write: &mut dyn FnMut(&mut File)) {
    let noise = [7; 3000];
    let mut outer = Tar::new(File::create(path).unwrap());
    outer.file(b"before.txt", Body::Bytes(&noise));
    let start = outer.open(b"inner.tar");
    let mut inner = Tar::new(outer.inner().try_clone().unwrap());
    inner.file(b"before.txt", Body::Bytes(&noise));
    let begun = inner.open(name.as_bytes());
    write(inner.inner());
    inner.close(name.as_bytes(), begun);
    inner.file(b"after.txt", Body::Bytes(&noise));
    inner.end();
    outer.close(b"inner.tar", start);
    outer.file(b"after.txt", Body::Bytes(&noise));
    outer.end().flush().unwrap();
}

#[test]
fn the_forged_checkpoint_reads_as_it_was_meant() {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let tensors = [
        torch::Tensor { name: "w".to_owned(), storage: ("FloatStorage", 4), shape: vec![2, 3] },
        torch::Tensor { name: "b".to_owned(), storage: ("LongStorage", 8), shape: vec![] },
    ];
    torch::checkpoint(&mut bytes, &tensors);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("small.pt"), bytes.into_inner()).unwrap();
    let inventory = inventory(&plan(directory.path()));
    let facts = asset(&inventory, "small.pt").unwrap().fact.weights().unwrap();
    assert_eq!((facts.parameter_count, facts.tensor_count), (Some(7), Some(2)));
    let dtypes: Vec<(&str, u64)> = facts.dtypes.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(dtypes, [("float32", 6), ("int64", 1)]);
}
