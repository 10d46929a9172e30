//! The globs of all signatures, asked at once. Every file of a walk is asked for, so a name costs two look-ups: the
//! globs that end in its extension, and those that begin with its first byte. A regular expression runs only where the
//! literal parts of a glob fit, and not at all for a plain name or `*.ext`.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use globset::{GlobBuilder, GlobMatcher};
use regex::bytes::{Regex, RegexBuilder};

/// Longest extension that is looked up; a longer one is nobody's.
pub(super) const MAX_EXTENSION: usize = 32;

/// Globs by what a name must have to fit them; each leads to a `T`. ASCII case is ignored.
pub(super) struct Names<T> {
    /// Globs whose literal end holds the extension.
    by_extension: HashMap<Box<[u8]>, Vec<Rule<T>>>,
    /// Others, by the byte their literal beginning starts with, in lower case.
    by_first: HashMap<u8, Vec<Rule<T>>>,
    /// Others that only fit in certain folders, and an expression that those folders match.
    in_folders: Vec<Rule<T>>,
    folders: Option<Regex>,
    /// Those that may fit anything.
    open: Vec<Rule<T>>,
}

/// One glob.
struct Rule<T> {
    target: T,
    shape: Shape,
    fit: Fit,
}

/// What the base name must have, whatever the rest of the glob says.
#[derive(Default)]
struct Shape {
    prefix: Box<[u8]>,
    suffix: Box<[u8]>,
    /// The longest literal between the two.
    middle: Box<[u8]>,
    /// Fewest bytes.
    least: usize,
}

/// What else must hold once the shape does.
enum Fit {
    /// Nothing: the glob has one `*`.
    Ends,
    /// The name is all of the beginning.
    Whole,
    /// The base name must match.
    Base(GlobMatcher),
    /// The path must match.
    Path(GlobMatcher),
}

impl<T: Copy> Names<T> {
    /// Compiles globs: on the base name, or on the end of the path where they hold a slash.
    ///
    /// # Errors
    /// What is wrong with a glob, and what that one leads to.
    pub(super) fn new<'g>(globs: impl Iterator<Item = (&'g str, T)>) -> Result<Names<T>, (T, globset::Error)> {
        let mut names = Names {
            by_extension: HashMap::new(),
            by_first: HashMap::new(),
            in_folders: Vec::new(),
            folders: None,
            open: Vec::new(),
        };
        let mut folders = Vec::new();
        for (glob, target) in globs {
            let glob = glob.to_ascii_lowercase();
            let rule = Rule::new(&glob, target).map_err(|error| (target, error))?;
            let suffix = &rule.shape.suffix;
            let dot = suffix.iter().rposition(|&byte| byte == b'.');
            if let Some(extension) = dot.and_then(|dot| suffix.get(dot + 1..)) {
                names.by_extension.entry(extension.into()).or_default().push(rule);
            } else if let Some(first) = rule.shape.prefix.first() {
                names.by_first.entry(*first).or_default().push(rule);
            } else if let Some(folder) = folder(&glob) {
                folders.push(folder);
                names.in_folders.push(rule);
            } else {
                names.open.push(rule);
            }
        }
        if !folders.is_empty() {
            // Escaped literals are always an expression.
            let text = format!("(?:^|/)(?:{})", folders.join("|"));
            names.folders = RegexBuilder::new(&text).unicode(false).case_insensitive(true).build().ok();
        }
        Ok(names)
    }

    /// Whether some glob only fits in folders like that of `path`: the same for every file of a folder.
    pub(super) fn is_in_folders(&self, path: &[u8]) -> bool {
        self.folders.as_ref().is_some_and(|folders| folders.is_match(folder_of(path)))
    }

    /// Calls `hit` with what every glob that fits `path` leads to, until that says stop by `false`. `in_folders` is
    /// what [`Names::is_in_folders`] says.
    pub(super) fn each(&self, path: &[u8], in_folders: bool, mut hit: impl FnMut(T) -> bool) {
        let base = path.get(folder_of(path).len()..).unwrap_or_default();
        let mut ask = |rules: &[Rule<T>]| rules.iter().all(|rule| !rule.fits(base, path) || hit(rule.target));
        let mut lower = [0; MAX_EXTENSION];
        let by_extension = extension(base, &mut lower).and_then(|extension| self.by_extension.get(extension));
        let first = base.first().map(u8::to_ascii_lowercase);
        let by_first = first.and_then(|first| self.by_first.get(&first));
        let _ = ask(by_extension.map_or(&[], Vec::as_slice))
            && ask(by_first.map_or(&[], Vec::as_slice))
            && ask(if in_folders { &self.in_folders } else { &[] })
            && ask(&self.open);
    }
}

/// A path up to its last slash, that included.
pub(super) fn folder_of(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    slash.and_then(|slash| path.get(..=slash)).unwrap_or_default()
}

/// What follows the last dot of a base name, in lower case.
pub(super) fn extension<'b>(base: &[u8], lower: &'b mut [u8; MAX_EXTENSION]) -> Option<&'b [u8]> {
    let dot = base.iter().rposition(|&byte| byte == b'.')?;
    let extension = base.get(dot + 1..)?;
    let lower = lower.get_mut(..extension.len())?;
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// What a glob may hold that is not literal.
const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

impl<T> Rule<T> {
    fn new(glob: &str, target: T) -> Result<Rule<T>, globset::Error> {
        let nested = glob.contains('/');
        let last = glob.rsplit('/').next().unwrap_or(glob);
        let text = if nested { format!("**/{glob}") } else { glob.to_owned() };
        let matcher = || {
            let glob = GlobBuilder::new(&text).literal_separator(true).case_insensitive(true).build();
            glob.map(|glob| glob.compile_matcher())
        };
        let fit = if nested {
            Fit::Path(matcher()?)
        } else if !last.contains(SPECIAL) {
            Fit::Whole
        } else if last.matches(SPECIAL).eq(["*"]) {
            Fit::Ends
        } else {
            Fit::Base(matcher()?)
        };
        Ok(Rule { target, shape: Shape::of(last), fit })
    }

    fn fits(&self, base: &[u8], path: &[u8]) -> bool {
        match &self.fit {
            // Most globs are plain names, and most names are of another length.
            Fit::Whole => base.len() == self.shape.least && self.shape.holds(base),
            fit => self.shape.holds(base) && fit.holds(base, path),
        }
    }
}

impl Fit {
    fn holds(&self, base: &[u8], path: &[u8]) -> bool {
        match self {
            Fit::Ends | Fit::Whole => true,
            Fit::Base(glob) => glob.is_match(OsStr::from_bytes(base)),
            Fit::Path(glob) => glob.is_match(OsStr::from_bytes(path)),
        }
    }
}

impl Shape {
    /// The shape of a glob without slashes. Alternatives are taken for anything, which they nearly are.
    fn of(glob: &str) -> Shape {
        let mut literals = vec![String::new()];
        let mut least = 0;
        let mut rest = glob.chars();
        while let Some(c) = rest.next() {
            match c {
                '*' => literals.push(String::new()),
                '?' | '[' | '\\' => {
                    least += 1;
                    literals.push(String::new());
                    match c {
                        // A class ends at a bracket that is not its first member.
                        '[' => drop(rest.by_ref().skip(1).find(|&c| c == ']')),
                        '\\' => drop(rest.next()),
                        _ => {}
                    }
                }
                '{' | '}' => return Shape::around(glob),
                c => {
                    least += c.len_utf8();
                    literals.last_mut().unwrap_or(&mut String::new()).push(c);
                }
            }
        }
        let bytes = |text: Option<&String>| text.map_or(Box::default(), |text| text.as_bytes().into());
        let inner = literals.get(1..literals.len().saturating_sub(1)).unwrap_or_default();
        Shape {
            prefix: bytes(literals.first()),
            suffix: bytes(literals.last()),
            middle: bytes(inner.iter().max_by_key(|text| text.len())),
            least,
        }
    }

    /// Only what stands before and behind everything special.
    fn around(glob: &str) -> Shape {
        let prefix = glob.split(SPECIAL).next().unwrap_or_default();
        let suffix = glob.rsplit(SPECIAL).next().unwrap_or_default();
        let least = prefix.len() + suffix.len();
        Shape { prefix: prefix.as_bytes().into(), suffix: suffix.as_bytes().into(), least, ..Shape::default() }
    }

    fn holds(&self, base: &[u8]) -> bool {
        let begins = base.get(..self.prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(&self.prefix));
        let end = base.len().checked_sub(self.suffix.len()).and_then(|at| base.get(at..));
        base.len() >= self.least
            && begins
            && end.is_some_and(|end| end.eq_ignore_ascii_case(&self.suffix))
            && (self.middle.is_empty() || contains(base, &self.middle))
    }
}

/// Whether `text` holds `part`, which is in lower case and not empty.
fn contains(text: &[u8], part: &[u8]) -> bool {
    let Some((first, tail)) = part.split_first() else { return true };
    let follows = |at: usize| text.get(at + 1..at + part.len()).is_some_and(|next| next.eq_ignore_ascii_case(tail));
    text.iter().enumerate().any(|(at, byte)| byte.to_ascii_lowercase() == *first && follows(at))
}

/// An expression for what the folder of a path must hold from the beginning of a component on, if the glob says.
fn folder(glob: &str) -> Option<String> {
    let (folders, _) = glob.rsplit_once('/')?;
    let literal = |component: &str| {
        let prefix = component.split(SPECIAL).next().unwrap_or_default().to_owned();
        let end = if prefix.len() == component.len() { "/" } else { "" };
        (prefix, end)
    };
    let (prefix, end) = folders.split('/').map(literal).max_by_key(|(prefix, _)| prefix.len())?;
    (!prefix.is_empty()).then(|| regex::escape(&prefix) + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBS: [&str; 18] = [
        "*.pt",
        "*.tar.gz",
        "config.json",
        "Dockerfile",
        "Dockerfile.*",
        "events.out.tfevents.*",
        "pytorch_model*.bin",
        "*.{yml,yaml}",
        "run-[0-9]*",
        ".env",
        "models--*/blobs/*",
        "snapshots/*/**",
        ".aws/config",
        "*secret*",
        "*.data-?????-of-?????",
        "*.pkl[0-9]",
        "d/[0-9a-f][0-9a-f]??",
        "*.{a,b}-*/x",
    ];

    fn fitting(path: &[u8]) -> Vec<&'static str> {
        let names = Names::new(GLOBS.iter().map(|glob| (*glob, *glob))).unwrap();
        let mut hits = Vec::new();
        names.each(path, names.is_in_folders(path), |glob| {
            hits.push(glob);
            true
        });
        hits.sort_unstable();
        hits
    }

    #[test]
    fn names_fit_their_globs_and_no_others() {
        for (path, globs) in [
            ("a/B.PT", &["*.pt"][..]),
            (".pt", &["*.pt"]),
            ("pt", &[]),
            ("x.tar.gz", &["*.tar.gz"]),
            ("x.gz", &[]),
            ("d/Config.json", &["config.json"]),
            ("xconfig.json", &[]),
            ("DOCKERFILE", &["Dockerfile"]),
            ("dockerfile.dev", &["Dockerfile.*"]),
            ("events.out.tfevents.123.host", &["events.out.tfevents.*"]),
            ("pytorch_model-00001-of-2.bin", &["pytorch_model*.bin"]),
            ("pytorch_mode.bin", &[]),
            ("ci.YAML", &["*.{yml,yaml}"]),
            ("run-7x", &["run-[0-9]*"]),
            ("run-x", &[]),
            (".env", &[".env"]),
            ("models--a--b/blobs/0f", &["models--*/blobs/*"]),
            ("hub/models--a--b/blobs/0f", &["models--*/blobs/*"]),
            ("hub/models--a--b/blobs/0f/x", &[]),
            ("h/Snapshots/r/a/b", &["snapshots/*/**"]),
            ("home/.aws/config", &[".aws/config"]),
            ("home/aws/config", &[]),
            ("my-secret-notes", &["*secret*"]),
            ("My-SECRET", &["*secret*"]),
            ("w.data-00000-of-00001", &["*.data-?????-of-?????"]),
            ("w.data-0000-of-00001", &[]),
            ("m.pkl7", &["*.pkl[0-9]"]),
            ("d/0fab", &["d/[0-9a-f][0-9a-f]??"]),
            ("x/d/0fabc", &[]),
            ("xd/0fab", &[]),
            ("m.b-1/x", &["*.{a,b}-*/x"]),
        ] {
            assert_eq!(fitting(path.as_bytes()), globs, "{path}");
        }
        assert_eq!(fitting(b"\xff\xfe.pt"), ["*.pt"]);
        assert_eq!(fitting(b""), [""; 0]);
    }

    #[test]
    fn overlapping_ends_are_not_a_match() {
        let names = Names::new([("aba*aba", ()), ("ab*ba", ())].into_iter()).unwrap();
        let mut hits = 0;
        names.each(b"abaaba", false, |()| {
            hits += 1;
            true
        });
        names.each(b"aba", false, |()| panic!("the ends of a glob may not share bytes"));
        assert_eq!(hits, 2);
    }
}
