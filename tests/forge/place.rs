//! A directory to scan, and what a test asks of the inventory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use blastmap::model::{Asset, Cause, Inventory, Presence, Stage};
use blastmap::report;
use blastmap::scan::{self, Limits, Plan, Sniff};
use blastmap::signature::Signatures;

/// A model beside whatever is hostile: it must be found all the same.
pub const SOUND: &str = "sound.safetensors";

/// The embedded signatures, compiled once.
pub fn signatures() -> &'static Signatures {
    static SIGNATURES: OnceLock<Signatures> = OnceLock::new();
    SIGNATURES.get_or_init(|| Signatures::embedded().unwrap())
}

/// The inventory of `places`.
pub fn inventory(plan: &Plan) -> Inventory {
    let survey = scan::survey(plan, signatures(), &Default::default(), &Default::default()).unwrap();
    blastmap::inventory(survey)
}

/// A plan for one place.
pub fn plan(root: &Path) -> Plan {
    Plan { places: vec![scan::Place::Path(root.to_owned())], ..Plan::default() }
}

/// The inventory as it is written.
pub fn jsonl(inventory: &Inventory) -> Vec<u8> {
    let mut out = Vec::new();
    report::write_jsonl(inventory, &mut out).unwrap();
    out
}

/// A temporary directory with a sound model in it.
pub struct Place {
    directory: tempfile::TempDir,
    pub limits: Limits,
    pub sniff: Sniff,
    pub within: Duration,
}

impl Place {
    pub fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(SOUND), super::safetensors::small()).unwrap();
        Place { directory, limits: Limits::default(), sniff: Sniff::default(), within: Duration::from_secs(5) }
    }

    /// The same, with one file more.
    pub fn with(name: &str, bytes: &[u8]) -> Place {
        let place = Place::new();
        place.write(name, bytes);
        place
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Scans, and holds against the place what holds for every place: it ends in time, the sound model is found, and
    /// nothing panicked.
    pub fn scan(&self) -> Inventory {
        let start = Instant::now();
        let plan = Plan { limits: self.limits.clone(), sniff: self.sniff, ..plan(self.root()) };
        let inventory = inventory(&plan);
        assert!(start.elapsed() < self.within, "took {:?}, {:?} allowed", start.elapsed(), self.within);
        assert_sound(&inventory, SOUND);
        assert!(inventory.gaps.iter().all(|gap| gap.cause != Cause::Panicked), "{}", gaps(&inventory));
        inventory
    }

    /// Scans, and expects this gap.
    pub fn expect(&self, locator: &str, stage: Stage, cause: Cause, words: &str) -> Inventory {
        let inventory = self.scan();
        assert_gap(&inventory, locator, stage, cause, words);
        inventory
    }
}

/// The model at `locator` is there and described.
pub fn assert_sound(inventory: &Inventory, locator: &str) {
    let asset = asset(inventory, locator).unwrap_or_else(|| {
        panic!("{locator} was not found:{}", gaps(inventory));
    });
    assert_eq!(asset.presence, Presence::Present, "{locator}");
    let weights = asset.fact.weights().unwrap();
    assert_eq!(weights.parameter_count, Some(super::safetensors::SMALL_ELEMENTS), "{locator}");
}

/// The asset with a file at `locator`.
pub fn asset<'a>(inventory: &'a Inventory, locator: &str) -> Option<&'a Asset> {
    let is_there = |asset: &&Asset| asset.files.iter().any(|file| file.locator.to_string() == locator);
    inventory.assets.iter().find(is_there)
}

/// A gap of that kind stands at `locator`, and says `words`.
pub fn assert_gap(inventory: &Inventory, locator: &str, stage: Stage, cause: Cause, words: &str) {
    let fits = inventory.gaps.iter().any(|gap| {
        gap.locator.to_string() == locator && gap.stage == stage && gap.cause == cause && gap.detail.contains(words)
    });
    assert!(fits, "no gap {locator}: {stage:?} {cause:?} '{words}' in{}", gaps(inventory));
}

/// The gaps, one a line.
pub fn gaps(inventory: &Inventory) -> String {
    let lines =
        inventory.gaps.iter().map(|gap| format!("\n{}: {:?} {:?} {}", gap.locator, gap.stage, gap.cause, gap.detail));
    lines.collect()
}

/// What a scan in a process of its own came to.
pub struct Outcome {
    /// The inventory as it was written.
    pub jsonl: String,
    /// The most memory it ever held, in KiB.
    pub peak_kib: u64,
    pub took: Duration,
}

const PLACE: &str = "BLASTMAP_TEST_PLACE";

/// Scans `root` in a process of its own, started with `prefix` (`setpriv …`) if there is one. The test binary calls
/// itself, so a test that uses this has a test `in_its_own_process` that calls [`scan_in_this_process`].
pub fn scan_in_a_process(root: &Path, prefix: &[&str]) -> Option<Outcome> {
    let this = std::env::current_exe().unwrap();
    let mut words: Vec<&std::ffi::OsStr> = prefix.iter().map(std::ffi::OsStr::new).collect();
    words.push(this.as_os_str());
    let start = Instant::now();
    let output = Command::new(words[0])
        .args(&words[1..])
        .args(["--ignored", "--exact", "--nocapture", "in_its_own_process"])
        .env(PLACE, root)
        .output()
        .ok()?;
    let took = start.elapsed();
    let text = String::from_utf8(output.stdout).ok()?;
    let peak = text.lines().find_map(|line| line.strip_prefix("peak "))?;
    let jsonl = text.lines().filter(|line| line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    Some(Outcome { jsonl, peak_kib: peak.trim().parse().ok()?, took })
}

/// The other end of [`scan_in_a_process`].
pub fn scan_in_this_process() {
    // Called for by its name, without a place: somebody runs all ignored tests.
    let Some(root) = std::env::var_os(PLACE) else { return };
    let inventory = inventory(&plan(Path::new(&root)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    println!("\n{}", String::from_utf8(jsonl(&inventory)).unwrap());
    println!("peak {}", peak.trim().trim_end_matches(" kB"));
}
