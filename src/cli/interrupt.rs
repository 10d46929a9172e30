//! Ctrl-C: the first asks the scan to stop and keep what it knows, the second leaves at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Outcome, say};

/// What the first one is answered with.
pub(super) const STOPPING: &str = "stopping; Ctrl-C again leaves at once and writes nothing";

/// A flag that becomes true at the first interrupt, termination or hang-up; `told` where nobody else says so.
pub(super) fn flag(told: bool) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    // Without a handler the default holds: the scan ends at once and writes nothing, which harms nobody.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            leave();
        }
        say::note(!told, STOPPING);
    });
    stop
}

#[expect(clippy::exit, reason = "asked twice; nothing half-written stays under a name that was asked for")]
fn leave() {
    std::process::exit(i32::from(Outcome::Interrupted.code()));
}
