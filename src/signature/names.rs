//! The globs of all signatures, asked at once. Every file of a walk is asked for, so a name costs two look-ups: the
//! globs that end in its extension, and those that begin with its first byte. A regular expression runs only where the
//! literal ends of a glob fit, and not at all for a plain name or `*.ext`.

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
    /// Others that a path must hold a literal for.
    deep: Vec<Rule<T>>,
    deep_hint: Option<Regex>,
    /// Those that may fit anything.
    open: Vec<Rule<T>>,
}

/// One glob.
struct Rule<T> {
    target: T,
    /// What the base name begins with, and ends in.
    prefix: Box<[u8]>,
    suffix: Box<[u8]>,
    fit: Fit,
}

/// What else must hold once beginning and end fit.
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
            deep: Vec::new(),
            deep_hint: None,
            open: Vec::new(),
        };
        let mut hints = Vec::new();
        for (glob, target) in globs {
            let glob = glob.to_ascii_lowercase();
            let rule = Rule::new(&glob, target).map_err(|error| (target, error))?;
            let dot = rule.suffix.iter().rposition(|&byte| byte == b'.');
            if let Some(extension) = dot.and_then(|dot| rule.suffix.get(dot + 1..)) {
                names.by_extension.entry(extension.into()).or_default().push(rule);
            } else if let Some(first) = rule.prefix.first() {
                names.by_first.entry(*first).or_default().push(rule);
            } else if let Some(literal) = longest_literal(&glob).filter(|_| matches!(rule.fit, Fit::Path(_))) {
                hints.push(regex::escape(literal));
                names.deep.push(rule);
            } else {
                names.open.push(rule);
            }
        }
        if !hints.is_empty() {
            // Escaped literals are always an expression.
            names.deep_hint = RegexBuilder::new(&hints.join("|")).unicode(false).case_insensitive(true).build().ok();
        }
        Ok(names)
    }

    /// Calls `hit` with what every glob that fits `path` leads to, until that says stop by `false`.
    pub(super) fn each(&self, path: &[u8], mut hit: impl FnMut(T) -> bool) {
        let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let mut ask = |rules: &[Rule<T>]| rules.iter().all(|rule| !rule.fits(base, path) || hit(rule.target));
        let mut lower = [0; MAX_EXTENSION];
        let by_extension = extension(base, &mut lower).and_then(|extension| self.by_extension.get(extension));
        let first = base.first().map(u8::to_ascii_lowercase);
        let by_first = first.and_then(|first| self.by_first.get(&first));
        let is_deep = self.deep_hint.as_ref().is_some_and(|hint| hint.is_match(path));
        let _ = ask(by_extension.map_or(&[], Vec::as_slice))
            && ask(by_first.map_or(&[], Vec::as_slice))
            && ask(if is_deep { &self.deep } else { &[] })
            && ask(&self.open);
    }
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

impl<T> Rule<T> {
    fn new(glob: &str, target: T) -> Result<Rule<T>, globset::Error> {
        const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];
        let nested = glob.contains('/');
        let last = glob.rsplit('/').next().unwrap_or(glob);
        let begin = last.find(SPECIAL).unwrap_or(last.len());
        let end = last.rfind(SPECIAL).map_or(0, |at| at + 1);
        let text = if nested { format!("**/{glob}") } else { glob.to_owned() };
        let matcher = || {
            let glob = GlobBuilder::new(&text).literal_separator(true).case_insensitive(true).build();
            glob.map(|glob| glob.compile_matcher())
        };
        let fit = match (nested, last.get(begin..end).unwrap_or_default()) {
            (true, _) => Fit::Path(matcher()?),
            (false, _) if begin == last.len() => Fit::Whole,
            (false, "*") => Fit::Ends,
            (false, _) => Fit::Base(matcher()?),
        };
        let bytes = last.as_bytes();
        let (prefix, suffix) = (bytes[..begin].into(), bytes[end..].into());
        Ok(Rule { target, prefix, suffix, fit })
    }

    fn fits(&self, base: &[u8], path: &[u8]) -> bool {
        let begins = base.get(..self.prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(&self.prefix));
        let end = base.len().checked_sub(self.suffix.len()).and_then(|at| base.get(at..));
        if !begins || !end.is_some_and(|end| end.eq_ignore_ascii_case(&self.suffix)) {
            return false;
        }
        match &self.fit {
            Fit::Ends => base.len() >= self.prefix.len() + self.suffix.len(),
            Fit::Whole => base.len() == self.prefix.len(),
            Fit::Base(glob) => glob.is_match(OsStr::from_bytes(base)),
            Fit::Path(glob) => glob.is_match(OsStr::from_bytes(path)),
        }
    }
}

/// The longest part of a path glob that must stand in the path as it is.
fn longest_literal(glob: &str) -> Option<&str> {
    // Alternatives need not stand there at all.
    if glob.contains(['{', '[', '\\']) {
        return None;
    }
    glob.split(['*', '?'])
        .map(|part| part.trim_matches('/'))
        .filter(|part| !part.is_empty())
        .max_by_key(|part| part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLOBS: [&str; 14] = [
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
    ];

    fn fitting(path: &[u8]) -> Vec<&'static str> {
        let names = Names::new(GLOBS.iter().map(|glob| (*glob, *glob))).unwrap();
        let mut hits = Vec::new();
        names.each(path, |glob| {
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
        names.each(b"abaaba", |()| {
            hits += 1;
            true
        });
        names.each(b"aba", |()| panic!("the ends of a glob may not share bytes"));
        assert_eq!(hits, 2);
    }
}
