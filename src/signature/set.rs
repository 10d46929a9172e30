//! The compiled set, and the match of an entry against it.
//!
//! A name decides most files at once: one pass over a glob set gives the signatures it may be, and only those, and the
//! few that go by content alone, look at bytes.

use std::collections::HashMap;

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

use super::LIFT;
use super::lift::CompiledLift;
use super::load::LoadError;
use super::matcher::{Compiled, View, looks_like_text};
use super::schema::Signature;
use crate::model::{Confidence, Fact};

/// What a name says of a file that was not opened yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want<'a> {
    /// A signature goes by that name.
    Named,
    /// The name says nothing.
    Unknown,
    /// The name says it is something else: an image, a font, a source file.
    Ordinary(&'a str),
}

/// A signature that holds for an entry.
pub struct Match<'a> {
    /// The signature.
    pub signature: &'a Signature,
    /// What held, in words.
    pub why: String,
    entry: &'a Entry,
}

/// Where a glob leads: which signature, and which of its lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    All,
    Any,
    Not,
    Claims,
}

struct Entry {
    signature: Signature,
    all: Compiled,
    any: Compiled,
    not: Compiled,
    lifts: Vec<CompiledLift>,
}

#[derive(Default)]
struct Globs {
    base: GlobSet,
    base_of: Vec<(usize, List)>,
    path: GlobSet,
    path_of: Vec<(usize, List)>,
}

/// A compiled set of signatures.
pub struct Signatures {
    entries: Vec<Entry>,
    globs: Globs,
    /// Signatures that must be asked whatever the name.
    nameless: Vec<usize>,
    ordinary: HashMap<String, String>,
    digest: String,
}

impl Signatures {
    pub(super) fn compile(
        signatures: Vec<Signature>,
        ordinary: HashMap<String, String>,
        digest: String,
    ) -> Result<Signatures, LoadError> {
        let mut entries = Vec::with_capacity(signatures.len());
        for signature in signatures {
            let fail = |reason: String| LoadError::File { file: format!("{}.toml", signature.id), reason };
            let compiled = (
                Compiled::new(&signature.all).map_err(fail)?,
                Compiled::new(&signature.any).map_err(fail)?,
                Compiled::new(&signature.not).map_err(fail)?,
            );
            let lifts = signature
                .lift
                .iter()
                .map(|lift| CompiledLift::new(lift, signature.family))
                .collect::<Result<_, _>>()
                .map_err(fail)?;
            let (all, any, not) = compiled;
            if all.is_empty() && any.is_empty() {
                return Err(fail("it has neither an [all] nor an [any] to recognise by".to_owned()));
            }
            if signature.confidence == Confidence::Certain {
                return Err(fail("only a probe may be certain".to_owned()));
            }
            entries.push(Entry { all, any, not, lifts, signature });
        }
        let globs = Globs::new(&entries)?;
        let nameless = (0..entries.len()).filter(|&index| !entries[index].all.has_names).collect();
        Ok(Signatures { entries, globs, nameless, ordinary, digest })
    }

    /// Every signature, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.entries.iter().map(|entry| &entry.signature)
    }

    /// The signature of that id.
    pub fn get(&self, id: &str) -> Option<&Signature> {
        self.iter().find(|signature| signature.id == id)
    }

    /// SHA-256 over the set, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the name alone says.
    pub fn want(&self, path: &[u8]) -> Want<'_> {
        let name = path.to_ascii_lowercase();
        let mut hits = Vec::new();
        self.globs.hits(&name, &mut hits);
        if hits.iter().any(|(_, list)| *list != List::Not) {
            return Want::Named;
        }
        match extension(&name).and_then(|extension| self.ordinary.get(extension)) {
            Some(what) => Want::Ordinary(what),
            None => Want::Unknown,
        }
    }

    /// The signatures that hold for an entry, best first: by confidence, then by how much they look at, then by id.
    pub fn identify<'a>(&'a self, view: &View) -> Vec<Match<'a>> {
        let name = view.path.to_ascii_lowercase();
        let mut hits = Vec::new();
        self.globs.hits(&name, &mut hits);
        let named = |index: usize, list: List| hits.contains(&(index, list));
        let mut candidates: Vec<usize> =
            hits.iter().filter(|(_, list)| *list == List::All).map(|(index, _)| *index).collect();
        candidates.extend(&self.nameless);
        candidates.sort_unstable();
        candidates.dedup();

        let mut matches = Vec::new();
        for index in candidates {
            let Some(entry) = self.entries.get(index) else { continue };
            let all = named(index, List::All);
            let any = named(index, List::Any);
            let holds = entry.all.all_hold(view, all)
                && (entry.any.is_empty() || entry.any.any_holds(view, any))
                && !entry.not.any_holds(view, named(index, List::Not));
            if holds {
                let mut parts = entry.all.why(all);
                if !entry.any.is_empty() {
                    parts.push(if any { "its name" } else { "what it begins with" });
                }
                matches.push(Match { signature: &entry.signature, why: format!("{} fit", parts.join(" and ")), entry });
            }
        }
        matches.sort_by_key(|found| {
            let entry = found.entry;
            let weight = entry.all.specificity() + entry.any.specificity();
            (std::cmp::Reverse(entry.signature.confidence), std::cmp::Reverse(weight), entry.signature.id.clone())
        });
        matches
    }

    /// The signature whose format a name claims so clearly that other bytes under it are worth a word. A text is never
    /// worth one: `help.pt` is Portuguese.
    pub fn claimed(&self, view: &View) -> Option<&Signature> {
        if looks_like_text(view.head) && !view.head.is_empty() {
            return None;
        }
        let mut hits = Vec::new();
        self.globs.hits(&view.path.to_ascii_lowercase(), &mut hits);
        hits.sort_unstable_by_key(|(index, _)| *index);
        let claim = hits.iter().find(|(_, list)| *list == List::Claims)?;
        self.entries.get(claim.0).map(|entry| &entry.signature)
    }
}

impl Match<'_> {
    /// Puts what the entry's text gives away into `fact`; says whether there was more text than is looked at.
    pub fn lift(&self, view: &View, fact: &mut Fact) -> bool {
        if self.entry.lifts.is_empty() {
            return false;
        }
        let text = view.beginning(LIFT);
        for lift in &self.entry.lifts {
            lift.apply(&text, fact);
        }
        view.size > LIFT as u64
    }
}

impl Globs {
    fn new(entries: &[Entry]) -> Result<Globs, LoadError> {
        let (mut base, mut path) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let mut globs = Globs::default();
        for (index, entry) in entries.iter().enumerate() {
            let signature = &entry.signature;
            let lists = [
                (&signature.all.name, List::All),
                (&signature.any.name, List::Any),
                (&signature.not.name, List::Not),
                (&signature.claims, List::Claims),
            ];
            for (names, list) in lists {
                for name in names {
                    let nested = name.contains('/');
                    let text = name.to_ascii_lowercase();
                    let text = if nested { format!("**/{text}") } else { text };
                    let glob = GlobBuilder::new(&text).literal_separator(true).build().map_err(|error| {
                        LoadError::File { file: format!("{}.toml", signature.id), reason: error.to_string() }
                    })?;
                    if nested {
                        path.add(glob);
                        globs.path_of.push((index, list));
                    } else {
                        base.add(glob);
                        globs.base_of.push((index, list));
                    }
                }
            }
        }
        let fail = |error: globset::Error| LoadError::File { file: "signatures".to_owned(), reason: error.to_string() };
        globs.base = base.build().map_err(fail)?;
        globs.path = path.build().map_err(fail)?;
        Ok(globs)
    }

    /// The lists that a lower-case path is on.
    fn hits(&self, path: &[u8], hits: &mut Vec<(usize, List)>) {
        let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let mut indexes = Vec::new();
        self.base.matches_candidate_into(&candidate(base), &mut indexes);
        hits.extend(indexes.iter().filter_map(|&index| self.base_of.get(index)));
        if !self.path_of.is_empty() {
            self.path.matches_candidate_into(&candidate(path), &mut indexes);
            hits.extend(indexes.iter().filter_map(|&index| self.path_of.get(index)));
        }
    }
}

fn candidate(name: &[u8]) -> Candidate<'_> {
    use std::os::unix::ffi::OsStrExt;
    Candidate::new(std::ffi::OsStr::from_bytes(name))
}

/// The extension of a lower-case path, if it has one and it is text.
fn extension(path: &[u8]) -> Option<&str> {
    let base = path.rsplit(|&byte| byte == b'/').next()?;
    let dot = base.iter().rposition(|&byte| byte == b'.').filter(|&dot| dot > 0)?;
    std::str::from_utf8(base.get(dot + 1..)?).ok()
}
