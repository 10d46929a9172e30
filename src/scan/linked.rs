//! Links inside one archive: further names of members, of which each is looked at under every name that tells something.
//!
//! A hub cache that was packed keeps its bytes under digests and their names as links. In an archive members come once
//! and in order, and a link may stand before or behind what it leads to; so what could be looked at again is kept:
//! where a member lies, or its bytes where they come as a stream and are few. Of everything else, what was recognised
//! under the first name holds under the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Context;
use super::budget::Budget;
use super::collect::Tray;
use super::entry::Entry;
use super::examine::examine;
use crate::blob::{Blob, Memory, Range};
use crate::model::{Locator, Sighting, TallyKey, is_digest};
use crate::signature::Want;
use crate::unpack::plain_name;

/// Most links of an archive that are followed, and most members that are kept for them.
const MAX_LINKS: usize = 100_000;
/// Longest member of a stream whose bytes are kept, and most bytes of all of them.
pub(super) const MAX_KEPT: u64 = 64 << 10;
const MAX_ALL_KEPT: usize = 16 << 20;

/// What a link may lead to.
enum Kept {
    Range(u64, u64),
    Bytes(Arc<[u8]>),
}

/// The links of one archive.
#[derive(Default)]
pub(super) struct Links {
    links: Vec<(Vec<u8>, Vec<u8>)>,
    kept: BTreeMap<Vec<u8>, (Vec<u8>, Kept)>,
    bytes: usize,
}

/// Whether a member of that name is one that links lead to: its own tells nothing.
pub(super) fn is_stored(name: &[u8]) -> bool {
    is_digest(name.rsplit(|&byte| byte == b'/').next().unwrap_or(name))
}

impl Links {
    pub(super) fn link(&mut self, name: Vec<u8>, target: Vec<u8>) {
        if self.links.len() < MAX_LINKS {
            self.links.push((name, target));
        }
    }

    /// Remembers where a member lies.
    pub(super) fn range(&mut self, name: &[u8], offset: u64, size: u64) {
        if is_stored(name) && self.kept.len() < MAX_LINKS {
            self.kept.insert(plain_name(name), (name.to_vec(), Kept::Range(offset, size)));
        }
    }

    /// Keeps the bytes of a member.
    pub(super) fn bytes(&mut self, name: &[u8], bytes: &[u8]) {
        let sum = self.bytes.saturating_add(bytes.len());
        if sum <= MAX_ALL_KEPT && self.kept.len() < MAX_LINKS {
            self.bytes = sum;
            self.kept.insert(plain_name(name), (name.to_vec(), Kept::Bytes(bytes.into())));
        }
    }

    /// Looks at every link, now that all members were met. `met` sightings of the tray were there before.
    pub(super) fn follow(
        self,
        cx: &Context,
        archive: &Entry,
        blob: Option<&Arc<dyn Blob>>,
        met: usize,
        budget: &Budget,
        tray: &mut Tray,
    ) {
        if self.links.is_empty() {
            return;
        }
        let recognised = by_name(&archive.locator, tray.sightings.get(met..).unwrap_or_default());
        for (name, target) in self.links {
            if budget.is_exhausted() || cx.is_stopped() {
                return;
            }
            if cx.signatures.want(&name) != Want::Named || budget.take_member().is_err() {
                tray.tally(archive.locator.source(), TallyKey::Other, "link in an archive", 0);
                continue;
            }
            let locator = archive.locator.member(&name);
            let bytes: Option<(&[u8], Arc<dyn Blob>)> = match (self.kept.get(&target), blob) {
                (Some((stored, Kept::Bytes(bytes))), _) => Some((stored, Arc::new(Memory::new(bytes.to_vec())))),
                (Some((stored, Kept::Range(offset, size))), Some(blob)) => {
                    Some((stored, Arc::new(Range::new(Arc::clone(blob), *offset, *size))))
                }
                _ => None,
            };
            if let Some((stored, bytes)) = bytes {
                let inner = Entry {
                    name: locator.leaf().into(),
                    locator,
                    rights: archive.rights,
                    link: Some(archive.locator.member(stored)),
                    depth: archive.depth + 1,
                    ordinary: false,
                    packed: None,
                    stored: None,
                };
                examine(cx, &inner, bytes, budget, tray);
                continue;
            }
            for sighting in recognised.get(&target).into_iter().flatten() {
                let link = Some(sighting.locator.clone());
                tray.sightings.push(Sighting { locator: locator.clone(), link, ..sighting.clone() });
            }
        }
    }
}

/// What was recognised of an archive's own members, by plain name.
fn by_name(archive: &Locator, sightings: &[Sighting]) -> BTreeMap<Vec<u8>, Vec<Sighting>> {
    let mut found: BTreeMap<Vec<u8>, Vec<Sighting>> = BTreeMap::new();
    let depth = archive.depth().saturating_add(1);
    let own = sightings.iter().filter(|sighting| sighting.locator.depth() == depth && sighting.link.is_none());
    for sighting in own {
        found.entry(plain_name(sighting.locator.leaf())).or_default().push(sighting.clone());
    }
    found
}
