//! The only recursion of the house: from a container to its members, under a budget that is asked first.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::budget::{Budget, Counting, Metered, Packed};
use super::collect::Tray;
use super::entry::{Bytes, Entry};
use super::examine::{examine, examine_stream};
use super::linked::{Links, MAX_KEPT, is_stored};
use super::{Context, Depth, Sniff};
use crate::blob::{Blob, Range, ReadError, Reader};
use crate::model::{Cause, Gap, Stage, TallyKey};
use crate::probe::ProbeError;
use crate::signature::Want;
use crate::source::HISTORY;
use crate::unpack::{Member, Open, UnpackError, Unpacker};

/// Bytes read of an unrecognised stream behind what was kept of its beginning.
const DRAIN: u64 = 64 << 20;

/// What came of opening a container.
pub(super) enum Descent {
    /// It was opened, as far as it went; what went wrong are gaps.
    Done,
    /// It is not such a container after all, and what says so.
    NotMine(ProbeError),
    /// It is one that cannot be read as a stream.
    NeedMore,
}

/// Opens `bytes` with `unpacker` and examines every member.
pub(super) fn descend(
    cx: &Context,
    entry: &Entry,
    bytes: Bytes,
    unpacker: &Unpacker,
    budget: &Budget,
    tray: &mut Tray,
) -> Descent {
    if matches!((&unpacker.open, &bytes), (Open::Archive { stream: None, .. }, Bytes::Stream { .. })) {
        return Descent::NeedMore;
    }
    let size = match &bytes {
        Bytes::Whole(blob) => blob.size(),
        Bytes::Stream { head, .. } => head.len() as u64,
    };
    if let Err(detail) = budget.descend(entry.depth) {
        cx.progress.gap();
        tray.gaps.push(Gap::new(entry.locator.clone(), Stage::Budget, Cause::OverBudget, detail));
        return Descent::Done;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let met = tray.sightings.len();
        let archive = match &bytes {
            Bytes::Whole(blob) => Some(Arc::clone(blob)),
            Bytes::Stream { .. } => None,
        };
        let mut visitor = Visitor { cx, entry, budget, tray, links: Links::default() };
        let outcome = match (&unpacker.open, bytes) {
            (Open::Codec { decode, endings }, bytes) => visitor.codec(bytes, *decode, endings),
            (Open::Archive { blob: open, .. }, Bytes::Whole(blob)) => {
                let mut stopped = false;
                open(&blob, &mut |member| visitor.member(member, Some(&blob), &mut stopped))
            }
            (Open::Archive { stream, .. }, Bytes::Stream { head, rest, .. }) => {
                let Some(open) = stream else { return Ok(()) };
                let mut stopped = false;
                let mut reader = head.as_ref().chain(rest);
                open(&mut reader, &mut |member| visitor.member(member, None, &mut stopped))
            }
        };
        let Visitor { links, tray, .. } = visitor;
        links.follow(cx, entry, archive.as_ref(), met, budget, tray);
        outcome
    }));
    let mut gap = |stage, cause, detail: String| {
        cx.progress.gap();
        tray.gaps.push(Gap::new(entry.locator.clone(), stage, cause, detail));
    };
    match outcome {
        Ok(Err(error @ UnpackError::NotMine)) => return Descent::NotMine(ProbeError::Malformed(error.to_string())),
        Ok(Err(UnpackError::Barren)) => return Descent::NotMine(ProbeError::Read(ReadError::Cut)),
        Ok(Ok(())) => {}
        // After a limit of the whole was reached, everything below fails alike: said once, where it was reached.
        Ok(Err(_)) if budget.is_exhausted() && entry.depth > 0 => {}
        Ok(Err(UnpackError::Malformed(detail))) => gap(Stage::Unpack, Cause::Malformed, detail),
        Ok(Err(UnpackError::Truncated(detail))) => gap(Stage::Unpack, Cause::Truncated, detail),
        Ok(Err(UnpackError::Unsupported(detail))) => gap(Stage::Unpack, Cause::Unsupported, detail),
        Ok(Err(error @ UnpackError::Encrypted)) => gap(Stage::Unpack, Cause::Encrypted, error.to_string()),
        Ok(Err(UnpackError::Read(error))) => gap(stage_of(&error), error.cause(), error.to_string()),
        Err(_) => {
            let detail = format!("the unpacker '{}' panicked; please report this", unpacker.id);
            gap(Stage::Unpack, Cause::Panicked, detail);
        }
    }
    tray.tally(entry.locator.source(), TallyKey::Container, unpacker.id, size);
    Descent::Done
}

fn stage_of(error: &ReadError) -> Stage {
    if matches!(error, ReadError::OverBudget(_) | ReadError::OutOfTime) { Stage::Budget } else { Stage::Unpack }
}

struct Visitor<'v, 'b, 'c> {
    cx: &'v Context<'c>,
    entry: &'v Entry,
    budget: &'v Budget<'b>,
    tray: &'v mut Tray,
    links: Links,
}

/// A decoder, and the endings of names that say no more than its compression.
type Decode = for<'r> fn(Box<dyn Read + 'r>) -> io::Result<Box<dyn Read + 'r>>;

impl Visitor<'_, '_, '_> {
    /// One content under the same locator.
    fn codec(
        &mut self,
        bytes: Bytes,
        decode: Decode,
        endings: &[(&'static str, &'static str)],
    ) -> Result<(), UnpackError> {
        let packed = Packed::default();
        let stored = match &bytes {
            Bytes::Whole(blob) => Some(blob.size()),
            Bytes::Stream { size, .. } => *size,
        };
        let blob;
        let source: Box<dyn Read + '_> = match bytes {
            Bytes::Whole(whole) => {
                blob = whole;
                Box::new(io::BufReader::with_capacity(64 << 10, Reader::new(blob.as_ref(), 0, u64::MAX)))
            }
            Bytes::Stream { head, rest, .. } => Box::new(io::Cursor::new(head).chain(rest)),
        };
        let decoder = decode(Box::new(Counting::new(source, packed.clone()))).map_err(broken)?;
        let mut reader = Metered::new(decoder, self.budget, Some(packed.clone()));
        let inner = Entry {
            locator: self.entry.locator.clone(),
            name: without_ending(&self.entry.name, endings),
            rights: self.entry.rights,
            link: self.entry.link.clone(),
            depth: self.entry.depth + 1,
            ordinary: false,
            packed: endings.first().map(|(ending, _)| *ending),
            stored: self.entry.stored.or(stored),
        };
        let recognised =
            examine_stream(self.cx, &inner, None, &mut reader, self.budget, self.tray).map_err(|error| {
                // Nothing came out at all: the magic was a coincidence, or little more than the magic is left.
                match error {
                    error if reader.given() > 0 => UnpackError::Read(error),
                    ReadError::OverBudget(_) | ReadError::OutOfTime => UnpackError::Read(error),
                    ReadError::Cut => UnpackError::Barren,
                    _ => UnpackError::NotMine,
                }
            })?;
        if !recognised && self.cx.plan.depth >= Depth::Content {
            // What a stream of unknown content hides (a cut, a bomb) only shows when it is read.
            io::copy(&mut reader.take(DRAIN), &mut io::sink()).map_err(broken)?;
        }
        Ok(())
    }

    /// One member of an archive.
    fn member(&mut self, member: Member, parent: Option<&Arc<dyn Blob>>, stopped: &mut bool) -> ControlFlow<()> {
        if *stopped || self.budget.is_exhausted() || self.cx.is_stopped() {
            return ControlFlow::Break(());
        }
        if let Err(detail) = self.budget.take_member() {
            *stopped = true;
            self.gap_at(None, Stage::Budget, Cause::OverBudget, detail);
            return ControlFlow::Break(());
        }
        match member {
            Member::Counted(what) => self.tray.tally(self.entry.locator.source(), TallyKey::Other, what, 0),
            Member::Link { name, target } => self.links.link(name, target),
            Member::Closed { name, cause, detail } => self.gap_at(Some(&name), Stage::Unpack, cause, detail),
            Member::Range { name, offset, size } => {
                self.links.range(&name, offset, size);
                if let (true, Some(parent)) = (self.is_wanted(&name, size), parent) {
                    let blob: Arc<dyn Blob> = Arc::new(Range::new(Arc::clone(parent), offset, size));
                    examine(self.cx, &self.inner(&name), blob, self.budget, self.tray);
                }
            }
            Member::Stream { name, size, packed, solid, reader } => {
                self.stream(&name, size, packed, solid, reader);
            }
        }
        if self.budget.is_exhausted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn stream(&mut self, name: &[u8], size: Option<u64>, packed: Option<u64>, solid: bool, reader: &mut dyn Read) {
        if let (Some(packed), Some(size)) = (packed, size)
            && let Err(detail) = self.budget.allows_ratio(packed, size)
        {
            return self.gap_at(Some(name), Stage::Budget, Cause::OverBudget, detail);
        }
        // A member of a streamed tar comes out of a decoder that is metered already.
        let mut reader: Box<dyn Read + '_> = match (packed, solid) {
            (None, false) => Box::new(reader),
            (packed, _) => Box::new(Metered::new(reader, self.budget, packed.map(Packed::declared))),
        };
        let is_few = size.is_some_and(|size| size <= MAX_KEPT);
        let outcome = if is_few && packed.is_none() && !solid && is_stored(name) && self.is_wanted(name, 0) {
            // A link may lead here under a name that tells what it is.
            let mut bytes = Vec::new();
            io::copy(&mut reader.by_ref().take(MAX_KEPT), &mut bytes).map_err(ReadError::from_io).and_then(|_| {
                self.links.bytes(name, &bytes);
                let inner = self.inner(name);
                examine_stream(self.cx, &inner, size, &mut bytes.as_slice(), self.budget, self.tray).map(|_| ())
            })
        } else if self.is_wanted(name, size.unwrap_or(0)) {
            let inner = self.inner(name);
            examine_stream(self.cx, &inner, size, reader.as_mut(), self.budget, self.tray).map(|_| ())
        } else {
            Ok(())
        };
        let outcome = match outcome {
            Ok(()) if solid => io::copy(&mut reader, &mut io::sink()).map(|_| ()).map_err(ReadError::from_io),
            other => other,
        };
        if let Err(error) = outcome {
            self.gap_at(Some(name), stage_of(&error), error.cause(), error.to_string());
        }
    }

    /// Whether a member is worth opening by its name; one that is not is counted.
    fn is_wanted(&mut self, name: &[u8], size: u64) -> bool {
        if let Some(store) = object_store(name) {
            let gap = Gap::new(self.entry.locator.member(store), Stage::Open, Cause::Unsupported, HISTORY);
            // One gap a repository, not one an object: its objects lie next to each other.
            if self.tray.gaps.last() != Some(&gap) {
                self.cx.progress.gap();
                self.tray.gaps.push(gap);
            }
            return false;
        }
        let wanted = match (self.cx.signatures.want(name), self.cx.plan.sniff) {
            (Want::Named, _) | (_, Sniff::All) => true,
            (Want::Unknown, sniff) => sniff != Sniff::Named,
            (Want::Ordinary(_), _) => size >= self.cx.plan.limits.ordinary_size,
        };
        if !wanted {
            self.tray.tally_extension(self.entry.locator.source(), TallyKey::Unopened, name, size);
        }
        wanted
    }

    fn inner(&self, name: &[u8]) -> Entry {
        let locator = self.entry.locator.member(name);
        Entry {
            name: locator.leaf().into(),
            locator,
            rights: self.entry.rights,
            link: None,
            depth: self.entry.depth + 1,
            ordinary: false,
            packed: None,
            stored: None,
        }
    }

    fn gap_at(&mut self, name: Option<&[u8]>, stage: Stage, cause: Cause, detail: String) {
        let locator = &self.entry.locator;
        let locator = name.map_or_else(|| locator.clone(), |name| locator.member(name));
        self.cx.progress.gap();
        self.tray.gaps.push(Gap::new(locator, stage, cause, detail));
    }
}

fn broken(error: io::Error) -> UnpackError {
    UnpackError::Read(ReadError::from_io(error))
}

/// The object store of a repository that a member lies in.
fn object_store(name: &[u8]) -> Option<&[u8]> {
    const STORE: &[u8] = b".git/objects/";
    let at = name.windows(STORE.len()).position(|window| window == STORE)?;
    name.get(..at + STORE.len() - 1)
}

/// `name` less the ending of a compression: `a.tar.gz` is `a.tar`, and so is `a.tgz`.
fn without_ending(name: &[u8], endings: &[(&'static str, &'static str)]) -> Box<[u8]> {
    for (ending, instead) in endings {
        let Some(at) = name.len().checked_sub(ending.len()) else { continue };
        let (stem, tail) = name.split_at(at);
        if !tail.eq_ignore_ascii_case(ending.as_bytes()) {
            continue;
        }
        match stem.split_last() {
            Some((b'.', stem)) if instead.is_empty() => return stem.into(),
            Some((b'.', _)) => return [stem, instead.as_bytes()].concat().into(),
            _ => {}
        }
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_of_compressions_come_off() {
        let endings = &[("gz", ""), ("tgz", "tar")];
        for (name, want) in [("a.tar.gz", "a.tar"), ("a.tgz", "a.tar"), ("A.GZ", "A"), ("plain", "plain"), ("gz", "gz")]
        {
            assert_eq!(without_ending(name.as_bytes(), endings).as_ref(), want.as_bytes());
        }
    }
}
