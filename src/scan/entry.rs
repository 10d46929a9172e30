//! What is examined: an entry's address and circumstances, and its bytes.

use std::io::Read;
use std::sync::Arc;

use crate::blob::Blob;
use crate::model::{Access, Locator};

/// An entry's address and circumstances, without its bytes.
pub(super) struct Entry {
    pub(super) locator: Locator,
    /// Path within the source or the innermost container, less the endings of compressions that were taken off.
    pub(super) name: Box<[u8]>,
    pub(super) rights: Option<Rights>,
    /// What it leads to, where it is a link.
    pub(super) link: Option<Locator>,
    /// Containers around it.
    pub(super) depth: usize,
    /// Whether its name says that it is something ordinary.
    pub(super) ordinary: bool,
    /// The compression that was taken off, by its usual ending.
    pub(super) packed: Option<&'static str>,
    /// Its size where it is stored, if that is not the size of its bytes: a compression was taken off.
    pub(super) stored: Option<u64>,
}

/// Who may read an entry, as the system keeps it: spelled out only for what is recognised.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

impl Rights {
    pub(super) fn access(self) -> Access {
        let mode = self.mode & 0o7777;
        let readers = match mode {
            mode if mode & 0o004 != 0 => "everyone",
            mode if mode & 0o040 != 0 => "group",
            _ => "owner",
        };
        Access {
            owner: format!("uid:{}", self.uid),
            group: format!("gid:{}", self.gid),
            mode: format!("{mode:04o}"),
            readers: readers.to_owned(),
        }
    }
}

/// An entry's bytes: all at hand, or the beginning of a stream and the rest of it.
pub(super) enum Bytes<'r> {
    Whole(Arc<dyn Blob>),
    Stream { head: Arc<[u8]>, size: Option<u64>, rest: &'r mut dyn Read },
}
