//! Every parser on files that are cut anywhere or have a byte turned over: none panics, none hangs, none brings a buffer
//! larger than the file, none reads a file over and over.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod forge;

use std::fs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use blastmap::model::Cause;
use blastmap::probe::{self, Input, Probe};
use blastmap::signature::{HEAD, View};
use forge::checked::Checked;
use forge::place::{gaps, inventory, plan, signatures};
use forge::{codec, safetensors, sevenz, tar, zip};

/// A file of the public corpus that is larger is a case for its own tests.
const LARGEST: u64 = 64 << 10;
/// What one parse may take, unoptimised and beside others.
const TIME: Duration = Duration::from_secs(1);
/// The window of the house's cursor: a parser may bring that much for a small file.
const WINDOW: u64 = 256 << 10;

/// What is done to a file: cut to a length, or a byte turned over.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Cut(usize),
    Flip(usize),
}

/// At most `most` numbers below `end`, evenly spread, all of them where there are few.
fn spread(end: usize, all_up_to: usize, most: usize) -> impl Iterator<Item = usize> {
    let step = if end <= all_up_to { 1 } else { end.div_ceil(most) };
    (0..end).step_by(step)
}

fn harmed(bytes: &[u8], harm: Harm) -> Vec<u8> {
    match harm {
        Harm::Cut(at) => bytes[..at].to_vec(),
        Harm::Flip(at) => {
            let mut bytes = bytes.to_vec();
            bytes[at] ^= [0x01, 0x80, 0xff, 0x20][at % 4];
            bytes
        }
    }
}

/// Inputs of fixtures and small files of the corpus.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from("fixtures")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file() && metadata.len() <= LARGEST && !path.ends_with("facts.json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The probes that a scan would try on the file, and the others.
fn probes(path: &Path, bytes: &[u8]) -> (Vec<&'static Probe>, Vec<&'static Probe>) {
    let more = |at: u64, len: usize| {
        let rest = bytes.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        rest[..len.min(rest.len())].to_vec()
    };
    let head = &bytes[..bytes.len().min(HEAD)];
    let name = path.to_str().unwrap().as_bytes();
    let matches = signatures().identify(&View::new(name, bytes.len() as u64, head, &more));
    // The folder of a fixture says what its input is, whatever that is called.
    let is_asked = |probe: &Probe| {
        let named = matches.iter().any(|found| found.signature.probe.as_deref() == Some(probe.id));
        named || path.iter().any(|part| part == probe.id)
    };
    probe::PROBES.iter().partition(|probe| is_asked(probe))
}

/// Runs a probe on harmed bytes; says what was wrong with how it ran.
fn try_on(probe: &Probe, bytes: &[u8], harm: Harm) -> Option<String> {
    let bytes = harmed(bytes, harm);
    let blob = Checked::new(&bytes);
    let head = &bytes[..bytes.len().min(HEAD)];
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| probe.look(&Input::new(&blob, head))));
    let size = bytes.len() as u64;
    let fault = match outcome {
        Err(_) => "panicked".to_owned(),
        Ok(_) if start.elapsed() > TIME => format!("took {:?}", start.elapsed()),
        Ok(_) if blob.largest() > size.max(WINDOW) => format!("brought a buffer of {} bytes", blob.largest()),
        Ok(_) if blob.bytes() > 64 * size + WINDOW => format!("read {} bytes of {size}", blob.bytes()),
        Ok(_) => return None,
    };
    Some(format!("{} {harm:?}: {fault}", probe.id))
}

/// Every probe on every file: the ones that know it with every harm, the others with a few.
fn sweep(kind: fn(usize) -> Harm, all_up_to: usize, most: usize) {
    let mut faults = Vec::new();
    let mut runs = 0;
    for path in files() {
        let bytes = fs::read(&path).unwrap();
        let (knowing, others) = probes(&path, &bytes);
        let sets = [(knowing, all_up_to, most), (others, 4, 4)];
        for (probes, all_up_to, most) in sets {
            for probe in probes {
                for at in spread(bytes.len(), all_up_to, most) {
                    runs += 1;
                    faults.extend(try_on(probe, &bytes, kind(at)).map(|fault| format!("{}: {fault}", path.display())));
                }
            }
        }
    }
    assert!(runs > 1000, "there is something to sweep");
    assert!(
        faults.is_empty(),
        "{} faults in {runs} runs:\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
}

#[test]
fn cut_anywhere_no_parser_panics_or_hangs() {
    sweep(Harm::Cut, 2 << 10, 200);
}

#[test]
fn with_any_byte_turned_over_no_parser_panics_or_hangs() {
    sweep(Harm::Flip, 4 << 10, 400);
}

#[test]
fn harmed_containers_are_gaps_and_never_panics() {
    let model = safetensors::small();
    let members: [(&str, &[u8]); 3] = [("a.safetensors", &model), ("b.txt", &[b'b'; 900]), ("c.bin", &[1; 600])];
    let tar = tar::archive(&members);
    let mut kinds = vec![
        ("tar", tar.clone()),
        ("zip-stored", zip::stored(&members)),
        ("zip-deflated", zip::deflated(&members)),
        ("7z", sevenz::archive(&members)),
    ];
    kinds.extend(codec::CODECS.map(|(ending, pack)| (ending, pack(&tar))));
    for (kind, bytes) in kinds {
        let directory = tempfile::tempdir().unwrap();
        let cuts = spread(bytes.len(), 400, 150).map(Harm::Cut);
        for harm in cuts.chain(spread(bytes.len(), 1000, 500).map(Harm::Flip)) {
            fs::write(directory.path().join(format!("{harm:?}")), harmed(&bytes, harm)).unwrap();
        }
        let start = Instant::now();
        let inventory = inventory(&plan(directory.path()));
        assert!(start.elapsed() < Duration::from_secs(30), "{kind}: {:?}", start.elapsed());
        assert!(inventory.gaps.iter().all(|gap| gap.cause != Cause::Panicked), "{kind}:{}", gaps(&inventory));
        assert!(!inventory.gaps.is_empty(), "{kind}: a harmed container is a gap");
        let whole = inventory.assets.iter().filter(|asset| asset.name == "a.safetensors").count();
        assert!(whole > 0, "{kind}: a harm elsewhere leaves the model");
    }
}

#[test]
fn unpackers_called_directly_stop_when_they_are_told() {
    let members: [(&str, &[u8]); 3] = [("a", &[1; 900]), ("b", &[2; 900]), ("c", &[3; 900])];
    for (id, bytes) in
        [("tar", tar::archive(&members)), ("zip", zip::deflated(&members)), ("7z", sevenz::archive(&members))]
    {
        let unpacker = blastmap::unpack::of(id).unwrap();
        let blastmap::unpack::Open::Archive { blob, .. } = &unpacker.open else { panic!("{id} is an archive") };
        let bytes: std::sync::Arc<dyn blastmap::blob::Blob> = std::sync::Arc::new(blastmap::blob::Memory::new(bytes));
        let mut seen = 0;
        let outcome = blob(&bytes, &mut |_| {
            seen += 1;
            ControlFlow::Break(())
        });
        assert!(outcome.is_ok() && seen == 1, "{id}: {seen} members after being told to stop");
    }
}
