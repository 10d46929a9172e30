//! Talk: one line each, on standard error. A closed standard error is nobody's failure.

use std::io::Write;

use blastmap::report::printable;

/// An error.
pub(super) fn error(text: &str) {
    line(&format!("error: {text}"));
}

/// A note, unless nobody wants any.
pub(super) fn note(quiet: bool, text: &str) {
    if !quiet {
        line(text);
    }
}

/// The reason of a failed call, without the number of the system's error.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn line(text: &str) {
    let text: Vec<&str> = text.lines().map(str::trim).collect();
    let text = text.join(" ");
    // What is quoted may come from a file name or a stranger's configuration.
    let _ = writeln!(std::io::stderr(), "blastmap: {}", printable(&text));
}
