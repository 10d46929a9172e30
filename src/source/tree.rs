//! A directory tree, or one file.
//!
//! Links are not followed: what lies in the tree is met where it lies, and what lies outside was not asked for. File
//! types come from the directory listing; nothing is asked of a file by itself.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;
use walkdir::{DirEntry, WalkDir};

use super::{Found, HISTORY, Source, Visit};
use crate::model::{Cause, Stage};

/// A directory tree on a mounted file system.
pub struct Tree {
    /// What is walked: the root as it was named, or where it leads if that is a link.
    root: PathBuf,
    root_is_directory: bool,
    /// The root as the system resolves it: links are held against it.
    real_root: PathBuf,
    /// The file system of the root.
    device: u64,
    one_file_system: bool,
    exclude: Gitignore,
}

impl Tree {
    /// The tree below `root`, or the file `root`.
    ///
    /// # Errors
    /// What the system says of the root: a place that cannot be looked at fails the scan.
    pub fn open(root: &Path, one_file_system: bool, exclude: Gitignore) -> std::io::Result<Tree> {
        let real_root = fs::canonicalize(root)?;
        // Asked once: every entry of the walk is held against the answers.
        let metadata = fs::metadata(&real_root)?;
        let (root_is_directory, device) = (metadata.is_dir(), metadata.dev());
        let root = if root.is_symlink() { real_root.clone() } else { root.to_owned() };
        Ok(Tree { root, root_is_directory, real_root, device, one_file_system, exclude })
    }

    /// Path of an entry below the root. A root that is a file is its own name.
    fn below<'a>(&self, path: &'a Path) -> &'a [u8] {
        let (path, root) = (path.as_os_str().as_bytes(), self.root.as_os_str().as_bytes());
        match path.get(root.len()..) {
            Some([]) if !self.root_is_directory => path.rsplit(|&byte| byte == b'/').next().unwrap_or(path),
            Some([b'/', rest @ ..]) => rest,
            Some(rest) => rest,
            None => path,
        }
    }

    fn is_excluded(&self, path: &Path, is_directory: bool) -> bool {
        !self.exclude.is_empty() && self.exclude.matched(path, is_directory).is_ignore()
    }

    /// Whether a directory belongs to a file system that the walk does not enter.
    fn is_mount(&self, entry: &DirEntry) -> bool {
        entry.file_type().is_dir() && self.is_elsewhere(entry.path())
    }

    fn is_elsewhere(&self, path: &Path) -> bool {
        self.one_file_system && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.dev() != self.device)
    }

    fn visit_entry(&self, entry: &DirEntry, visit: Visit) -> ControlFlow<()> {
        let path = self.below(entry.path());
        let kind = entry.file_type();
        if kind.is_file() {
            visit(Found::File { path, full: entry.path(), explicit: entry.depth() == 0 })
        } else if kind.is_dir() {
            visit(Found::Directory)
        } else if kind.is_symlink() {
            self.visit_link(path, entry.path(), visit)
        } else {
            let what = if kind.is_fifo() {
                "a named pipe"
            } else if kind.is_socket() {
                "a socket"
            } else {
                "a device"
            };
            let detail = format!("{what}, not a regular file");
            visit(Found::Gap { path, stage: Stage::Open, cause: Cause::Skipped, detail })
        }
    }

    fn visit_link(&self, path: &[u8], full: &Path, visit: Visit) -> ControlFlow<()> {
        let gap = |cause, detail: &str| Found::Gap { path, stage: Stage::Open, cause, detail: detail.to_owned() };
        match fs::canonicalize(full) {
            Ok(target) => match target.strip_prefix(&self.real_root) {
                // What was left out is not let in by another name.
                Ok(_) if self.is_excluded(&target, false) || self.is_elsewhere(&target) => {
                    visit(gap(Cause::Skipped, "a link to what was left out"))
                }
                Ok(inside) if target.is_file() => {
                    visit(Found::Link { path, target: inside.as_os_str().as_bytes(), full: &target })
                }
                // A directory of the tree is met where it lies.
                Ok(_) => ControlFlow::Continue(()),
                Err(_) => visit(gap(
                    Cause::Skipped,
                    "a link that leads out of the scanned place; name its target as a PLACE to scan it too",
                )),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(full) {
                Ok(target) if is_key(target.as_os_str().as_bytes()) => {
                    visit(Found::Stand { path, text: target.into_os_string().into_encoded_bytes() })
                }
                _ => visit(Found::Counted("dangling link")),
            },
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                visit(gap(Cause::Denied, "a link whose target may not be looked at"))
            }
            Err(_) => visit(gap(Cause::Malformed, "a link that leads back to itself")),
        }
    }
}

/// Whether a link leads to where a repository keeps a large file by its key: the key is all there is of it here.
fn is_key(target: &[u8]) -> bool {
    const STORE: &[u8] = b".git/annex/objects/";
    let in_store = target.windows(STORE.len()).any(|part| part == STORE);
    in_store && target.rsplit(|&byte| byte == b'/').next().is_some_and(|key| key.windows(2).any(|part| part == b"--"))
}

/// The object store of a repository, bare or not.
fn is_git_objects(entry: &DirEntry) -> bool {
    entry.file_type().is_dir()
        && entry.file_name() == OsStr::new("objects")
        && entry.path().parent().is_some_and(|parent| parent.join("HEAD").is_file() && parent.join("refs").is_dir())
}

impl Source for Tree {
    fn kind(&self) -> &'static str {
        "tree"
    }

    fn label(&self) -> String {
        let name = self.real_root.file_name().unwrap_or(OsStr::new("/"));
        crate::model::escape_name(name.as_bytes())
    }

    fn walk(&self, visit: Visit) {
        let mut entries = WalkDir::new(&self.root)
            .follow_links(false)
            .follow_root_links(true)
            .same_file_system(self.one_file_system)
            .into_iter();
        while let Some(entry) = entries.next() {
            let told = match entry {
                Ok(entry) if self.is_excluded(entry.path(), entry.file_type().is_dir()) => {
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                        let path = self.below(entry.path());
                        let detail = "left out by an exclude pattern".to_owned();
                        visit(Found::Gap { path, stage: Stage::Open, cause: Cause::Skipped, detail })
                    } else {
                        visit(Found::Counted("left out by an exclude pattern"))
                    }
                }
                Ok(entry) if self.is_mount(&entry) => visit(Found::Gap {
                    path: self.below(entry.path()),
                    stage: Stage::Open,
                    cause: Cause::Skipped,
                    detail: "another file system is mounted here; --cross-file-systems follows it".to_owned(),
                }),
                Ok(entry) if is_git_objects(&entry) => {
                    entries.skip_current_dir();
                    visit(Found::Gap {
                        path: self.below(entry.path()),
                        stage: Stage::Open,
                        cause: Cause::Unsupported,
                        detail: HISTORY.to_owned(),
                    })
                }
                Ok(entry) => self.visit_entry(&entry, visit),
                Err(error) => {
                    let path = error.path().map(|path| self.below(path)).unwrap_or_default();
                    let (cause, detail) = failure(&error);
                    visit(Found::Gap { path, stage: Stage::Open, cause, detail })
                }
            };
            if told.is_break() {
                return;
            }
        }
    }
}

fn failure(error: &walkdir::Error) -> (Cause, String) {
    match error.io_error().map(std::io::Error::kind) {
        Some(ErrorKind::PermissionDenied) => {
            (Cause::Denied, "may not be listed; run as a user who may read it".to_owned())
        }
        Some(ErrorKind::NotFound) => (Cause::Truncated, "vanished during the scan".to_owned()),
        Some(kind) => (Cause::Denied, format!("cannot be listed: {kind}")),
        None => (Cause::Malformed, "a directory that leads back to itself".to_owned()),
    }
}
