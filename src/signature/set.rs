//! The compiled set, and the match of an entry against it.
//!
//! A name decides most files at once: one pass over a glob set gives the signatures it may be, and only those, and the
//! few that go by content alone, look at bytes.

use std::collections::HashMap;

use super::LIFT;
use super::lift::CompiledLift;
use super::load::LoadError;
use super::matcher::{Compiled, View, looks_like_text};
use super::names::{MAX_EXTENSION, Names, extension, folder_of};
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

impl Entry {
    /// Compiles every pattern now.
    fn settle(&self) -> Result<(), String> {
        [&self.all, &self.any, &self.not].into_iter().try_for_each(Compiled::settle)?;
        self.lifts.iter().try_for_each(CompiledLift::settle)
    }
}

/// A compiled set of signatures.
pub struct Signatures {
    entries: Vec<Entry>,
    names: Names<(usize, List)>,
    /// Signatures that must be asked whatever the name.
    nameless: Vec<usize>,
    ordinary: HashMap<String, String>,
    digest: String,
}

impl Signatures {
    /// `bool` says whether a signature was shipped: those patterns are compiled when they are first asked.
    pub(super) fn compile(
        signatures: Vec<(Signature, bool)>,
        ordinary: HashMap<String, String>,
        digest: String,
    ) -> Result<Signatures, LoadError> {
        let mut entries = Vec::with_capacity(signatures.len());
        for (signature, built_in) in signatures {
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
            let file = format!("{}.toml", signature.id);
            let entry = Entry { all, any, not, lifts, signature };
            if !built_in {
                entry.settle().map_err(|reason| LoadError::File { file, reason })?;
            }
            entries.push(entry);
        }
        let names = names(&entries)?;
        let nameless = (0..entries.len()).filter(|&index| !entries[index].all.has_names).collect();
        Ok(Signatures { entries, names, nameless, ordinary, digest })
    }

    /// The signatures with a pattern that is none, and why: compiles what otherwise waits for its first use.
    pub(super) fn broken(&self) -> impl Iterator<Item = (&Signature, String)> {
        self.entries.iter().filter_map(|entry| Some((&entry.signature, entry.settle().err()?)))
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
        self.want_in(path, self.names.is_in_folders(path))
    }

    /// The same for a walk, which meets the files of a folder one after the other.
    pub fn walk(&self) -> Walk<'_> {
        Walk { signatures: self, folder: Vec::new(), in_folders: self.names.is_in_folders(b"") }
    }

    fn want_in(&self, path: &[u8], in_folders: bool) -> Want<'_> {
        let mut named = false;
        self.names.each(path, in_folders, |(_, list)| {
            named |= list != List::Not;
            !named
        });
        if named {
            return Want::Named;
        }
        match self.ordinary(path) {
            Some(what) => Want::Ordinary(what),
            None => Want::Unknown,
        }
    }

    /// What a file's extension says it is, if that is something ordinary. A name that begins with its only dot has none.
    fn ordinary(&self, path: &[u8]) -> Option<&str> {
        let base = path.rsplit(|&byte| byte == b'/').next()?;
        let mut lower = [0; MAX_EXTENSION];
        let extension = extension(base, &mut lower).filter(|extension| extension.len() + 1 < base.len())?;
        std::str::from_utf8(extension).ok().and_then(|extension| self.ordinary.get(extension)).map(String::as_str)
    }

    /// The lists that a path is on.
    fn hits(&self, path: &[u8]) -> Vec<(usize, List)> {
        let mut hits = Vec::new();
        self.names.each(path, self.names.is_in_folders(path), |hit| {
            hits.push(hit);
            true
        });
        hits
    }

    /// The signatures that hold for an entry, best first: by confidence, then by how much they look at, then by id.
    pub fn identify<'a>(&'a self, view: &View) -> Vec<Match<'a>> {
        let hits = self.hits(view.path);
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
            // Candidates come by index, and entries lie by id: the sort is stable.
            (std::cmp::Reverse(entry.signature.confidence), std::cmp::Reverse(weight))
        });
        matches
    }

    /// The signature whose format a name claims so clearly that other bytes under it are worth a word. A text is never
    /// worth one: `help.pt` is Portuguese.
    pub fn claimed(&self, view: &View) -> Option<&Signature> {
        if looks_like_text(view.head) && !view.head.is_empty() {
            return None;
        }
        // AppleDouble: what macOS puts beside every file, under the file's own name with `._` in front.
        if view.head.starts_with(&[0, 5, 0x16, 7]) {
            return None;
        }
        // IDL saves its variables under the ending of SPSS.
        if view.head.starts_with(b"SR\0\x04") || view.head.starts_with(b"SR\0\x06") {
            return None;
        }
        let mut hits = self.hits(view.path);
        hits.sort_unstable_by_key(|(index, _)| *index);
        let claim = hits.iter().find(|(_, list)| *list == List::Claims)?;
        self.entries.get(claim.0).map(|entry| &entry.signature)
    }
}

/// Asks for name after name, and remembers what the folder of the last one said.
pub struct Walk<'a> {
    signatures: &'a Signatures,
    folder: Vec<u8>,
    in_folders: bool,
}

impl<'a> Walk<'a> {
    /// [`Signatures::want`].
    pub fn want(&mut self, path: &[u8]) -> Want<'a> {
        let folder = folder_of(path);
        if self.folder != folder {
            self.folder.clear();
            self.folder.extend_from_slice(folder);
            self.in_folders = self.signatures.names.is_in_folders(path);
        }
        self.signatures.want_in(path, self.in_folders)
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

/// Every glob of every signature, with the list it is on.
fn names(entries: &[Entry]) -> Result<Names<(usize, List)>, LoadError> {
    let globs = entries.iter().enumerate().flat_map(|(index, entry)| {
        let signature = &entry.signature;
        let lists = [
            (&signature.all.name, List::All),
            (&signature.any.name, List::Any),
            (&signature.not.name, List::Not),
            (&signature.claims, List::Claims),
        ];
        lists.into_iter().flat_map(move |(globs, list)| globs.iter().map(move |glob| (glob.as_str(), (index, list))))
    });
    Names::new(globs).map_err(|((index, _), error)| {
        let id = entries.get(index).map_or("", |entry| entry.signature.id.as_str());
        LoadError::File { file: format!("{id}.toml"), reason: error.to_string() }
    })
}
