//! One walker, many workers, and a bounded queue between them.
//!
//! Only the walker puts work in; what a worker finds inside a container it examines itself, depth first. So the queue
//! cannot fill itself up, and memory follows the depth of nesting, not the width of a tree.

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::budget::Budget;
use super::collect::Tray;
use super::entry::{Entry, Rights};
use super::examine::examine;
use super::{Context, Depth, Sniff};
use crate::blob::{File, Memory, Meter};
use crate::model::{Cause, Gap, Locator, Stage, TallyKey};
use crate::signature::Want;
use crate::source::{Found, Source, locate};

/// Files waiting for a worker.
const WAITING: usize = 1024;
/// Workers where none are asked for.
const MOST_WORKERS: usize = 16;
/// A file of this size that occupies no block at all has its bytes elsewhere; smaller ones may lie in the directory.
const INLINE: u64 = 64 << 10;

/// A file to look into.
struct Job {
    path: Box<[u8]>,
    full: PathBuf,
    explicit: bool,
    /// Why its name alone would leave it closed.
    ordinary: bool,
    /// What it leads to, where it is a link; `full` reaches that.
    link: Option<Locator>,
}

/// Walks `source` and returns what the walker and every worker gathered.
pub(super) fn run(cx: &Context, source: &dyn Source) -> Vec<Tray> {
    let workers = match cx.plan.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS),
        threads => threads,
    };
    let (sender, receiver) = bounded::<Job>(WAITING);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|_| {
                let receiver = receiver.clone();
                scope.spawn(move || work(cx, &receiver))
            })
            .collect();
        drop(receiver);
        let mut trays = vec![walk(cx, source, sender)];
        for handle in handles {
            // A worker catches the panics of probes; one of its own is a defect that must not pass for a clean scan.
            trays.push(handle.join().unwrap_or_else(|_| lost_worker(cx)));
        }
        trays
    })
}

fn lost_worker(cx: &Context) -> Tray {
    let mut tray = Tray::default();
    let detail = "a worker was lost with everything it had found; please report this";
    tray.gaps.push(Gap::new(locate(cx.source, b""), Stage::Open, Cause::Panicked, detail));
    tray
}

fn walk(cx: &Context, source: &dyn Source, queue: Sender<Job>) -> Tray {
    let mut tray = Tray::default();
    let mut names = cx.signatures.walk();
    source.walk(&mut |found| {
        if cx.is_stopped() {
            return ControlFlow::Break(());
        }
        match found {
            Found::File { path, full, explicit } => {
                let want = names.want(path);
                return file(cx, &queue, &mut tray, want, path, full, explicit);
            }
            Found::Directory => {
                tray.coverage.directories += 1;
                cx.progress.directory();
            }
            // Its bytes are met where they lie; what a link adds is a name, and only a telling one is worth a look.
            Found::Link { path, target, full } => {
                if names.want(path) == Want::Named {
                    let link = Some(locate(cx.source, target));
                    let job = Job { path: path.into(), full: full.to_owned(), explicit: false, ordinary: false, link };
                    return put(&queue, job);
                }
            }
            Found::Stand { path, text } => look_at(cx, path, text, &mut tray),
            Found::Counted(what) => tray.tally(cx.source, TallyKey::Other, what, 0),
            Found::Gap { path, stage, cause, detail } => {
                cx.progress.gap();
                tray.gaps.push(Gap::new(locate(cx.source, path), stage, cause, detail));
            }
        }
        ControlFlow::Continue(())
    });
    if cx.is_stopped() {
        let detail = "the scan was interrupted: what the walk had not reached by then is not in this inventory";
        tray.gaps.push(Gap::new(locate(cx.source, b""), Stage::Open, Cause::Skipped, detail));
    }
    tray
}

/// Counts a file by its name, or hands it to a worker.
fn file(
    cx: &Context,
    queue: &Sender<Job>,
    tray: &mut Tray,
    want: Want,
    path: &[u8],
    full: &Path,
    explicit: bool,
) -> ControlFlow<()> {
    if is_output(cx, full) {
        return ControlFlow::Continue(());
    }
    tray.coverage.files += 1;
    cx.progress.file();
    let closed = !explicit
        && match (want, cx.plan.sniff) {
            (Want::Named, _) | (_, Sniff::All) => false,
            (Want::Unknown, sniff) => sniff == Sniff::Named,
            (Want::Ordinary(_), _) => true,
        };
    if closed {
        // At the shallowest depth a name that nobody asks for costs nothing, not even its size.
        let size = if cx.plan.depth == Depth::Headers { None } else { fs::symlink_metadata(full).ok() };
        let size = size.map_or(0, |metadata| metadata.len());
        tray.coverage.bytes_seen += size;
        if size < cx.plan.limits.ordinary_size {
            tray.tally_extension(cx.source, TallyKey::Unopened, path, size);
            return ControlFlow::Continue(());
        }
        tray.coverage.bytes_seen -= size;
    }
    put(queue, Job { path: path.into(), full: full.to_owned(), explicit, ordinary: closed, link: None })
}

fn put(queue: &Sender<Job>, job: Job) -> ControlFlow<()> {
    // Every worker is gone only if every one panicked: then there is nobody left to look.
    if queue.send(job).is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Whether the caller is going to replace this very file.
fn is_output(cx: &Context, full: &Path) -> bool {
    // The name first: the system is asked only about files that are called so.
    cx.plan.outputs.iter().any(|output| {
        output.file_name() == full.file_name() && fs::canonicalize(full).is_ok_and(|full| full == *output)
    })
}

fn work(cx: &Context, queue: &Receiver<Job>) -> Tray {
    let mut tray = Tray::default();
    for job in queue {
        if cx.is_stopped() {
            let detail = "the scan was interrupted";
            let locator = locate(cx.source, &job.path);
            tray.gaps.push(Gap::new(locator, Stage::Open, Cause::Skipped, detail));
            continue;
        }
        look_into(cx, &job, &mut tray);
        cx.progress.opened();
    }
    tray
}

/// Looks at what a link says, as at the file it stands for.
fn look_at(cx: &Context, path: &[u8], text: Vec<u8>, tray: &mut Tray) {
    let budget = Budget::new(&cx.plan.limits, text.len() as u64, cx.stop);
    let entry = Entry {
        locator: locate(cx.source, path),
        name: path.into(),
        rights: None,
        link: None,
        depth: 0,
        ordinary: false,
        packed: None,
        stored: None,
    };
    examine(cx, &entry, Arc::new(Memory::new(text)), &budget, tray);
}

fn look_into(cx: &Context, job: &Job, tray: &mut Tray) {
    let locator = locate(cx.source, &job.path);
    let meter = Arc::new(Meter::until(Budget::deadline_of(&cx.plan.limits)));
    // What was named itself is meant, even if it is a link.
    let full =
        if job.explicit { fs::canonicalize(&job.full).unwrap_or_else(|_| job.full.clone()) } else { job.full.clone() };
    let mut gap = |cause, detail: &str| {
        cx.progress.gap();
        tray.gaps.push(Gap::new(locator.clone(), Stage::Open, cause, detail));
    };
    let (blob, metadata) = match File::open(&full, Arc::clone(&meter)) {
        Ok(opened) => opened,
        Err(error) => {
            return match error.kind() {
                ErrorKind::PermissionDenied => gap(Cause::Denied, "may not be read; run as a user who may"),
                ErrorKind::NotFound => gap(Cause::Truncated, "vanished during the scan"),
                kind => gap(Cause::Denied, &format!("cannot be opened: {kind}")),
            };
        }
    };
    if !metadata.is_file() {
        return gap(Cause::Skipped, "no longer a regular file");
    }
    if is_offline(&metadata) && !cx.plan.recall {
        return gap(Cause::Offline, "its bytes are not on this storage; --recall reads them all the same");
    }
    if job.link.is_none() {
        tray.coverage.bytes_seen += metadata.len();
    }
    let budget = Budget::new(&cx.plan.limits, metadata.len(), cx.stop);
    let entry = Entry {
        locator,
        name: job.path.clone(),
        rights: Some(rights(&metadata)),
        link: job.link.clone(),
        depth: 0,
        ordinary: job.ordinary,
        packed: None,
        stored: None,
    };
    examine(cx, &entry, Arc::new(blob), &budget, tray);
    tray.coverage.bytes_read += meter.bytes();
    tray.coverage.bytes_inflated += budget.inflated();
    tray.coverage.members += budget.members();
    cx.progress.read(meter.bytes());
}

fn is_offline(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.len() > INLINE && metadata.blocks() == 0
}

fn rights(metadata: &fs::Metadata) -> Rights {
    use std::os::unix::fs::MetadataExt;
    Rights { uid: metadata.uid(), gid: metadata.gid(), mode: metadata.mode() }
}
