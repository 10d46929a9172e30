//! The live line of a running scan: on standard error, on a terminal, and gone when the scan is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use blastmap::model::Family;
use blastmap::report::{human_bytes, human_count};
use blastmap::scan::{Progress, Snapshot};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{interrupt, terminal};

/// Between two drawings.
const PAUSE: Duration = Duration::from_millis(100);
/// Drawings over which a rate is taken.
const WINDOW: usize = 20;

/// Columns of spinner and time, and some to spare.
const BESIDE: usize = 16;

/// Runs `work` while a line tells what `progress` counts.
pub(super) fn during<T>(shown: bool, progress: &Progress, stop: &AtomicBool, work: impl FnOnce() -> T) -> T {
    if !shown {
        return work();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let teller = scope.spawn(|| tell(progress, stop, &done));
        // Also when the work panics: the scope waits for the teller.
        let _end = SetOnDrop(&done, teller.thread().clone());
        work()
    })
}

struct SetOnDrop<'d>(&'d AtomicBool, thread::Thread);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.unpark();
    }
}

fn tell(progress: &Progress, stop: &AtomicBool, done: &AtomicBool) {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    let mut past: Vec<(Instant, Snapshot)> = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let now = progress.snapshot();
        if past.len() >= WINDOW {
            past.remove(0);
        }
        past.push((Instant::now(), now.clone()));
        let since = past.first().map(|(at, then)| (at.elapsed().as_secs_f64(), then));
        let text = match since {
            _ if stop.load(Ordering::Relaxed) => interrupt::STOPPING.to_owned(),
            Some((seconds, then)) => line(&now, then, seconds),
            None => String::new(),
        };
        // What the terminal echoes, a ^C, must find room behind it: else the line is not the last and stays.
        let room = terminal::width_of(&std::io::stderr()).saturating_sub(BESIDE);
        bar.set_message(text.chars().take(room).collect::<String>());
        bar.tick();
        thread::park_timeout(PAUSE);
    }
    bar.finish_and_clear();
}

/// The most telling first: a narrow terminal cuts the end.
fn line(now: &Snapshot, then: &Snapshot, seconds: f64) -> String {
    let mut parts = vec![format!("{} files", human_count(now.files))];
    let found = Family::ALL.iter().zip(now.found).filter(|(_, count)| *count > 0);
    parts.extend(found.filter_map(|(family, count)| Some(format!("{} {}", human_count(count), family.kind()?.word()))));
    if now.gaps > 0 {
        parts.push(format!("{} gap{}", human_count(now.gaps), if now.gaps == 1 { "" } else { "s" }));
    }
    if seconds >= 0.5 {
        parts.push(format!("{} files/s", human_count(rate(now.files, then.files, seconds))));
        parts.push(format!("{}/s", human_bytes(rate(now.bytes_read, then.bytes_read, seconds))));
    }
    parts.push(format!("{} read", human_bytes(now.bytes_read)));
    parts.join(" · ")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "for the eye")]
fn rate(now: u64, then: u64, seconds: f64) -> u64 {
    (now.saturating_sub(then) as f64 / seconds) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_is_known() {
        let then = Snapshot { files: 1000, bytes_read: 0, ..Snapshot::default() };
        let mut now = Snapshot { files: 3000, bytes_read: 4096, gaps: 1, ..Snapshot::default() };
        now.found[0] = 12;
        now.found[6] = 5;
        assert_eq!(line(&now, &then, 2.0), "3,000 files · 12 model · 1 gap · 1,000 files/s · 2.0 KiB/s · 4.0 KiB read");
        assert_eq!(line(&then, &then, 0.0), "1,000 files · 0 B read");
    }

    #[test]
    fn a_panic_of_the_work_is_not_waited_for() {
        let outcome = std::panic::catch_unwind(|| {
            during(true, &Progress::default(), &AtomicBool::new(false), || panic!("expected"))
        });
        assert!(outcome.is_err());
    }
}
