//! Panics: a defect, never a way to learn what a file holds. The payload of a panic may quote content and is not shown;
//! where it happened is enough for a report.

use std::panic;
use std::sync::Mutex;
use std::thread;

/// Where the main thread panicked.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// Silences every panic. Those of workers become gaps of the inventory; one of the main thread is told by [`report`].
pub(super) fn keep_quiet() {
    let main = thread::current().id();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != main {
            return;
        }
        let place = info.location().map(|location| {
            // A dependency's path is one of the machine that built this: its end tells enough.
            let file = location.file();
            let file = file.rsplit_once("/src/").map_or(file, |(_, end)| end).trim_start_matches("src/");
            format!(" at {file}:{}", location.line())
        });
        if let Ok(mut slot) = PLACE.lock() {
            *slot = place;
        }
    }));
}

/// The one line for a panic of the main thread.
pub(super) fn report() -> String {
    let place = PLACE.lock().ok().and_then(|mut place| place.take()).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "internal error{place} in version {version}; nothing was written; please report this with the command you ran"
    )
}
