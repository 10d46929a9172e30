//! The heart: one entry, from its first bytes to facts.
//!
//! (1) Read the head once. (2) Ask the signatures what it may be, best first. (3) Let the probe of each have a try;
//! one that answers that it is another's lets the next one. (4) If it is a container, descend. (5) Otherwise count it.
//! Whatever goes wrong on the way is a gap, and the scan goes on.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::budget::Budget;
use super::collect::Tray;
use super::descend::{Descent, descend};
use super::entry::{Bytes, Entry, Rights};
use super::{Context, Depth, identity};
use crate::blob::{Blob, Memory, Prefix, ReadError, Spool, read_full};
use crate::model::{Cause, Confidence, ContentId, Evidence, Fact, Gap, Presence, Role, Sighting, Stage, TallyKey};
use crate::probe::{self, Finding, ProbeError, Run};
use crate::signature::{HEAD, Match, Signature, View};
use crate::table::{Means, withhold};
use crate::unpack;

/// Bytes kept of the beginning of a stream.
const STREAM_HEAD: usize = 64 << 10;
/// A recognised stream of at most this size is kept whole, for its identity's sake: that much stays in memory.
const KEEP: u64 = 8 << 20;

/// Examines an entry whose bytes can be read anywhere.
pub(super) fn examine(cx: &Context, entry: &Entry, blob: Arc<dyn Blob>, budget: &Budget, tray: &mut Tray) {
    Examination { cx, entry, budget, tray }.run(Bytes::Whole(blob));
}

/// Examines an entry whose bytes come once and in order; `size` is what its container declares. Says whether it was
/// recognised.
///
/// # Errors
/// Where not even its beginning can be had.
pub(super) fn examine_stream(
    cx: &Context,
    entry: &Entry,
    size: Option<u64>,
    reader: &mut dyn Read,
    budget: &Budget,
    tray: &mut Tray,
) -> Result<bool, ReadError> {
    let mut head = vec![0; STREAM_HEAD.min(size.and_then(|size| usize::try_from(size).ok()).unwrap_or(STREAM_HEAD))];
    let (got, failure) = fill(reader, &mut head);
    let mut at_end = got < head.len();
    head.truncate(got);
    let mut size = size;
    if !at_end && failure.is_none() && size == Some(got as u64) {
        // A container may declare less than it holds: one byte more tells.
        let mut more = [0];
        at_end = !matches!(reader.read(&mut more), Ok(1..));
        if !at_end {
            head.extend(more);
            size = None;
            let detail = "holds more than its container declares";
            cx.progress.gap();
            tray.gaps.push(Gap::new(entry.locator.clone(), Stage::Unpack, Cause::Malformed, detail));
        }
    }
    let mut examination = Examination { cx, entry, budget, tray };
    match failure {
        None if at_end => Ok(examination.run(Bytes::Whole(Arc::new(Memory::new(head))))),
        None => Ok(examination.run(Bytes::Stream { head: head.into(), size, rest: reader })),
        Some(error) if head.is_empty() => Err(error),
        // What came out before the stream broke is as much worth as the beginning of a whole one.
        Some(error) => {
            let mut broken = Broken(Some(error));
            let recognised = examination.run(Bytes::Stream { head: head.into(), size, rest: &mut broken });
            // Unless whoever read on has said it already.
            broken.0.map_or(Ok(recognised), Err)
        }
    }
}

/// Fills `buf` as far as the stream goes, and says what ended it if that was not its end.
fn fill(reader: &mut dyn Read, buf: &mut [u8]) -> (usize, Option<ReadError>) {
    let mut filled = 0;
    while filled < buf.len() {
        match reader.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(ReadError::from_io(error))),
        }
    }
    (filled, None)
}

/// The rest of a stream that broke: its error, once.
struct Broken(Option<ReadError>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(self.0.take().unwrap_or(ReadError::Cut).into())
    }
}

/// The rest of a stream, and whether anybody read of it.
struct Noticed<'r> {
    rest: &'r mut dyn Read,
    is_read: &'r mut bool,
}

impl Read for Noticed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        *self.is_read = true;
        self.rest.read(buf)
    }
}

fn run_of(signature: &Signature) -> Option<Run> {
    signature.probe.as_deref().and_then(probe::of).map(|probe| probe.run)
}

/// What came of a look.
#[derive(PartialEq)]
enum Outcome {
    /// Recognised, or descended into.
    Done,
    /// Counted, and a gap where something claimed it.
    Unrecognised,
    /// The bytes past the head are needed.
    NeedMore,
    /// The head suffices; the rest would give it an identity.
    WorthKeeping,
}

struct Examination<'e, 'b, 'c> {
    cx: &'e Context<'c>,
    entry: &'e Entry,
    budget: &'e Budget<'b>,
    tray: &'e mut Tray,
}

impl Examination<'_, '_, '_> {
    /// Says whether the entry was recognised.
    fn run(&mut self, bytes: Bytes) -> bool {
        let (head, size, rest) = match bytes {
            Bytes::Whole(blob) => return self.look(&blob, None) != Outcome::Unrecognised,
            Bytes::Stream { head, size, rest } => (head, size, rest),
        };
        let prefix: Arc<dyn Blob> = Arc::new(Prefix::new(Arc::clone(&head), size));
        match self.look(&prefix, Some((Arc::clone(&head), rest))) {
            Outcome::Done => true,
            Outcome::Unrecognised => false,
            outcome => {
                match self.spool(&head, rest) {
                    Ok(blob) => {
                        let recognised = self.look(&blob, None) != Outcome::Unrecognised;
                        self.budget.return_spool(blob.size());
                        return recognised;
                    }
                    Err(error) => self.read_failed(Stage::Unpack, &error),
                }
                // A stream that breaks further on is still what its head says.
                if outcome == Outcome::WorthKeeping {
                    self.look(&prefix, None);
                }
                true
            }
        }
    }

    /// Keeps a stream whole.
    fn spool(&mut self, head: &[u8], rest: &mut dyn Read) -> Result<Arc<dyn Blob>, ReadError> {
        let mut spool = Spool::default();
        match self.fill_spool(&mut spool, head, rest) {
            Ok(()) => Ok(spool.finish(Some(self.budget.deadline()))),
            Err(error) => {
                self.budget.return_spool(spool.size());
                Err(error)
            }
        }
    }

    fn fill_spool(&self, spool: &mut Spool, head: &[u8], rest: &mut dyn Read) -> Result<(), ReadError> {
        let mut chunk = head.to_vec();
        loop {
            self.budget.take_spool(chunk.len() as u64).map_err(ReadError::OverBudget)?;
            spool.push(&chunk)?;
            chunk.resize(STREAM_HEAD, 0);
            let (got, failure) = fill(rest, &mut chunk);
            if let Some(error) = failure {
                return Err(error);
            }
            if got == 0 {
                return Ok(());
            }
            chunk.truncate(got);
        }
    }

    /// One look at what is at hand: all of it, or the beginning of a stream whose rest is `stream`.
    fn look(&mut self, blob: &Arc<dyn Blob>, mut stream: Option<(Arc<[u8]>, &mut dyn Read)>) -> Outcome {
        let mut head = vec![0; HEAD.min(usize::try_from(blob.size()).unwrap_or(HEAD))];
        match read_full(blob.as_ref(), &mut head, 0) {
            Ok(got) => head.truncate(got),
            Err(error) => {
                self.read_failed(Stage::Open, &error);
                return Outcome::Done;
            }
        }
        let more = |at: u64, len: usize| {
            let mut bytes = vec![0; len.min(usize::try_from(blob.size().saturating_sub(at)).unwrap_or(len))];
            let got = read_full(blob.as_ref(), &mut bytes, at).unwrap_or(0);
            bytes.truncate(got);
            bytes
        };
        let view = View::new(&self.entry.name, blob.size(), &head, &more);
        let matches = self.cx.signatures.identify(&view);

        let mut failure: Option<(&Signature, ProbeError)> = None;
        let mut descend_too = false;
        for found in matches.iter().filter(|found| found.signature.unpack.is_none()) {
            let streams = stream.is_some() && matches!(run_of(found.signature), Some(Run::Through(_)));
            if streams && self.is_small(blob.as_ref()) {
                return Outcome::WorthKeeping;
            }
            let (answer, is_read) = self.probe(found, blob, &view, stream.as_mut());
            if is_read {
                // Whatever it was, nobody else can have the stream again.
                stream = None;
            }
            match answer {
                Ok(finding) => {
                    // A small stream is worth keeping whole: then it has an identity like any file.
                    if !streams && stream.is_some() && self.is_worth_keeping(blob.as_ref(), found.signature) {
                        return Outcome::WorthKeeping;
                    }
                    descend_too = finding.descend;
                    self.recognised(found, finding, blob.as_ref());
                    if descend_too {
                        break;
                    }
                    return Outcome::Done;
                }
                Err(ProbeError::NotMine) => {}
                Err(ProbeError::Read(ReadError::NeedMore { .. })) if stream.is_some() => return Outcome::NeedMore,
                Err(error) => failure = failure.or(Some((found.signature, error))),
            }
        }
        for found in matches.iter() {
            let Some(unpacker) = found.signature.unpack.as_deref().and_then(unpack::of) else { continue };
            let bytes = match &mut stream {
                None => Bytes::Whole(Arc::clone(blob)),
                Some((head, rest)) => Bytes::Stream { head: Arc::clone(head), size: None, rest: *rest },
            };
            match descend(self.cx, self.entry, bytes, unpacker, self.budget, self.tray) {
                Descent::Done => {
                    // It opens, and is not what its name claims all the same.
                    if failure.is_some() && self.cx.signatures.claimed(&view).is_some() {
                        self.unrecognised(&view, failure);
                    }
                    return Outcome::Done;
                }
                Descent::NeedMore => return Outcome::NeedMore,
                Descent::NotMine(error) => {
                    let known = failure.as_ref().map(|(signature, _)| signature.confidence);
                    if found.signature.confidence >= Confidence::High && known < Some(Confidence::High) {
                        failure = Some((found.signature, error));
                    }
                }
            }
        }
        if descend_too {
            return Outcome::Done;
        }
        self.unrecognised(&view, failure);
        Outcome::Unrecognised
    }

    /// Whether a recognised stream should be spooled although its head sufficed.
    fn is_worth_keeping(&self, blob: &dyn Blob, signature: &Signature) -> bool {
        signature.role != Role::Companion && (self.cx.plan.depth == Depth::Full || self.is_small(blob))
    }

    /// Whether a stream says that there is little of it.
    fn is_small(&self, blob: &dyn Blob) -> bool {
        !blob.is_open_ended() && blob.size() <= KEEP
    }

    /// Lets the signature's probe try, or lifts what the signature itself can. Says too whether more of the stream was
    /// read than its head.
    fn probe(
        &mut self,
        found: &Match,
        blob: &Arc<dyn Blob>,
        view: &View,
        stream: Option<&mut (Arc<[u8]>, &mut dyn Read)>,
    ) -> (Result<Finding, ProbeError>, bool) {
        let signature = found.signature;
        let Some(probe) = signature.probe.as_deref().and_then(probe::of) else {
            let mut fact = Fact::empty(signature.family);
            let cut = found.lift(view, &mut fact);
            let mut finding = Finding::new(fact);
            if cut {
                let detail = "only the first 1 MiB of it was read for facts".to_owned();
                finding.notes.push((Cause::OverBudget, detail));
            }
            return (Ok(finding), false);
        };
        let input = probe::Input {
            blob: blob.as_ref(),
            shared: Some(blob),
            head: view.head,
            name: &self.entry.name,
            tables: Means { settings: &self.cx.plan.tables, purse: Some(self.budget) },
            rows: self.cx.plan.depth >= Depth::Content,
        };
        let mut is_read = false;
        let answer = match (probe.run, stream) {
            (Run::Through(run), Some((head, rest))) => {
                let mut rest = Noticed { rest: *rest, is_read: &mut is_read };
                let mut reader = head.as_ref().chain(&mut rest);
                catch_unwind(AssertUnwindSafe(|| run(&input, &mut reader)))
            }
            _ => catch_unwind(AssertUnwindSafe(|| probe.look(&input))),
        };
        let answer = answer.unwrap_or_else(|_| {
            let detail = format!("the parser '{}' panicked; please report this", probe.id);
            self.gap(Stage::Probe, Cause::Panicked, detail);
            Err(ProbeError::NotMine)
        });
        (answer.map(Finding::settled), is_read)
    }

    fn recognised(&mut self, found: &Match, mut finding: Finding, blob: &dyn Blob) {
        // What somebody named after people is a value, wherever it stands.
        if let Fact::Dataset(dataset) = &mut finding.fact {
            withhold::people(&self.cx.plan.tables.taxonomy, dataset);
        }
        let signature = found.signature;
        let family = finding.fact.family().unwrap_or(signature.family);
        self.cx.progress.found(family);
        for (cause, detail) in finding.notes {
            self.gap(Stage::Probe, cause, detail);
        }
        let format = signature.format_of(finding.format, self.entry.packed);
        let evidence = || vec![Evidence { signature: signature.id.clone(), why: found.why.clone() }];
        let holds_others = !finding.members.is_empty();
        for member in finding.members {
            self.tray.sightings.push(Sighting {
                locator: self.entry.locator.member(member.path.as_bytes()),
                link: None,
                size: 0,
                format: member.format.map_or_else(|| format.clone(), str::to_owned),
                family: member.fact.family().unwrap_or(signature.family),
                role: Role::Primary,
                confidence: Confidence::Certain,
                presence: Presence::Present,
                identities: Vec::new(),
                access: self.entry.rights.map(Rights::access),
                fact: member.fact,
                evidence: evidence(),
            });
        }
        if holds_others && finding.fact == (Fact::None {}) {
            let size = self.entry.stored.unwrap_or_else(|| blob.size());
            self.tray.tally(self.entry.locator.source(), TallyKey::Container, &format, size);
            return;
        }
        let mut identities = finding.identities;
        identities.extend(self.identity(blob, signature, &identities));
        identities.sort_unstable();
        self.tray.sightings.push(Sighting {
            locator: self.entry.locator.clone(),
            link: self.entry.link.clone(),
            size: self.entry.stored.unwrap_or_else(|| blob.size()),
            format,
            family,
            role: signature.role,
            confidence: if signature.probe.is_some() { Confidence::Certain } else { signature.confidence },
            presence: Presence::Present,
            identities,
            access: self.entry.rights.map(Rights::access),
            fact: finding.fact,
            evidence: evidence(),
        });
    }

    fn identity(&mut self, blob: &dyn Blob, signature: &Signature, known: &[ContentId]) -> Option<ContentId> {
        let spare = self.cx.plan.depth == Depth::Headers && !known.is_empty();
        if signature.role == Role::Companion || spare {
            return None;
        }
        match identity::of(self.cx, blob) {
            Ok(id) => id,
            Err(error) => {
                self.read_failed(Stage::Open, &error);
                None
            }
        }
    }

    /// Nothing fits: a gap where something claimed to, and a count in any case.
    fn unrecognised(&mut self, view: &View, failure: Option<(&Signature, ProbeError)>) {
        let claimed = self.cx.signatures.claimed(view);
        let failure = match (failure, claimed) {
            // A weak hint that led nowhere is not worth a word, unless the name says the same or a parser knows it: what
            // is a variant, or too much to be told.
            (Some((signature, error)), None)
                if signature.confidence < Confidence::High
                    && !matches!(error, ProbeError::Unsupported(_) | ProbeError::Read(ReadError::OverBudget(_))) =>
            {
                None
            }
            (Some((signature, error)), _) => Some((signature, error.cause(), error.to_string())),
            // Nothing is hidden in an empty file, whatever it is called.
            (None, Some(_)) if view.head.is_empty() => None,
            (None, Some(signature)) => {
                Some((signature, Cause::Malformed, format!("is named like {} and has other bytes", signature.title)))
            }
            (None, None) => None,
        };
        if self.entry.link.is_some() {
            // Its bytes are counted, and complained of, where they lie.
            return;
        }
        let Some((signature, cause, reason)) = failure else {
            let what = if self.entry.ordinary { TallyKey::Unopened } else { TallyKey::Extension };
            self.tray.tally_extension(self.entry.locator.source(), what, &self.entry.name, view.size);
            return;
        };
        let stage = if signature.unpack.is_some() { Stage::Unpack } else { Stage::Probe };
        let stage = if claimed.is_some() && cause == Cause::Malformed { Stage::Identify } else { stage };
        self.gap(stage, cause, reason.clone());
        if signature.unpack.is_some() {
            self.tray.tally_extension(self.entry.locator.source(), TallyKey::Extension, &self.entry.name, view.size);
            return;
        }
        self.tray.sightings.push(Sighting {
            locator: self.entry.locator.clone(),
            link: self.entry.link.clone(),
            size: view.size,
            format: signature.format().to_owned(),
            family: signature.family,
            role: signature.role,
            confidence: Confidence::Low,
            presence: Presence::Unverified,
            identities: Vec::new(),
            access: self.entry.rights.map(Rights::access),
            fact: Fact::empty(signature.family),
            evidence: vec![Evidence { signature: signature.id.clone(), why: format!("it claims to be, and {reason}") }],
        });
    }

    fn read_failed(&mut self, stage: Stage, error: &ReadError) {
        let stage =
            if matches!(error, ReadError::OverBudget(_) | ReadError::OutOfTime) { Stage::Budget } else { stage };
        self.gap(stage, error.cause(), error.to_string());
    }

    fn gap(&mut self, stage: Stage, cause: Cause, detail: impl Into<String>) {
        let gap = Gap::new(self.entry.locator.clone(), stage, cause, detail);
        // What ended the reading ends the next one too: said once.
        let is_same = |other: &&Gap| other.cause == cause && other.detail == gap.detail && other.locator == gap.locator;
        if self.tray.gaps.iter().rev().take(8).any(|other| is_same(&other)) {
            return;
        }
        self.cx.progress.gap();
        self.tray.gaps.push(gap);
    }
}
