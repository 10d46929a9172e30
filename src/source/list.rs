//! Files named one by one, as `find -print0` or a responder's list gives them.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Found, Source, Visit};
use crate::model::{Cause, Stage};

/// Paths on a mounted file system, each looked at by itself.
pub struct List(Vec<PathBuf>);

impl List {
    /// Takes the paths over.
    pub fn new(paths: Vec<PathBuf>) -> List {
        List(paths)
    }

    /// Splits NUL- or newline-separated names: NUL where there is one.
    pub fn split(text: &[u8]) -> List {
        let delimiter = if text.contains(&0) { 0 } else { b'\n' };
        // A list made on Windows ends its lines with a carriage return too.
        let end: &[u8] = if delimiter == b'\n' { b"\r" } else { b"" };
        let names = text.split(|&byte| byte == delimiter).map(|name| name.strip_suffix(end).unwrap_or(name));
        let mut seen = std::collections::BTreeSet::new();
        let names = names.filter(|name| !name.is_empty() && seen.insert(name.strip_prefix(b"./").unwrap_or(name)));
        List(names.map(|name| Path::new(std::ffi::OsStr::from_bytes(name)).to_owned()).collect())
    }
}

impl Source for List {
    fn kind(&self) -> &'static str {
        "list"
    }

    fn label(&self) -> String {
        "list".to_owned()
    }

    fn walk(&self, visit: Visit) {
        for full in &self.0 {
            let bytes = full.as_os_str().as_bytes();
            let path = bytes.strip_prefix(b"./").unwrap_or(bytes);
            let path = path.strip_prefix(b"/").unwrap_or(path);
            let gap = |cause, detail: &str| Found::Gap { path, stage: Stage::Open, cause, detail: detail.to_owned() };
            let told = match fs::metadata(full) {
                Ok(metadata) if metadata.is_file() => visit(Found::File { path, full, explicit: true }),
                Ok(metadata) if metadata.is_dir() => {
                    visit(gap(Cause::Skipped, "a directory in a list of files; name it as a PLACE to scan it"))
                }
                Ok(_) => visit(gap(Cause::Skipped, "not a regular file")),
                Err(error) if error.kind() == ErrorKind::NotFound => visit(gap(Cause::Truncated, "is not there")),
                Err(error) => visit(gap(Cause::Denied, &format!("cannot be looked at: {}", error.kind()))),
            };
            if told.is_break() {
                return;
            }
        }
    }
}
