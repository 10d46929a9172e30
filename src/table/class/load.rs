//! From files to classes: the embedded ones, and those of the user's that add to them or replace them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Taxonomy;
use super::index::Index;
use super::schema::Class;
use super::score::Tests;
use crate::model::hex;

/// The embedded files: path below `signatures/`, text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/personal.rs"));

/// The folder that class files lie in.
const FOLDER: &str = "personal";

/// Why a set of classes cannot be used. A configuration can always fail a scan.
#[derive(Debug, thiserror::Error)]
#[error("signature file {file}: {reason}")]
pub struct ClassError {
    /// The file.
    pub file: String,
    /// What is wrong, and where.
    pub reason: String,
}

impl Default for Taxonomy {
    /// The embedded classes. A build whose files are broken has none: the self-check keeps that from shipping.
    fn default() -> Taxonomy {
        Taxonomy::with(&[]).unwrap_or_else(|_| Taxonomy {
            classes: Vec::new(),
            tests: Vec::new(),
            index: Index::default(),
            digest: String::new(),
        })
    }
}

impl Taxonomy {
    /// Whether a file of signatures is one of classes: it lies in a folder `personal`.
    pub fn is_class_file(path: &str) -> bool {
        path.rsplit(['/', '\\']).nth(1) == Some(FOLDER)
    }

    /// The embedded classes with those of `extra` files (path, text) added: the same id replaces whole. Files of `extra`
    /// that are no class files are passed over.
    ///
    /// # Errors
    /// [`ClassError`] naming the file.
    pub fn with(extra: &[(String, String)]) -> Result<Taxonomy, ClassError> {
        let mut chosen: BTreeMap<String, (Class, &str)> = BTreeMap::new();
        let added = extra.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        for (path, text) in EMBEDDED.iter().copied().chain(added.filter(|(path, _)| Taxonomy::is_class_file(path))) {
            let class = parse(path, text)?;
            chosen.insert(class.id.clone(), (class, text));
        }
        let mut hash = Sha256::new();
        for (id, (_, text)) in &chosen {
            for part in [id.as_str(), text] {
                hash.update([0]);
                hash.update(part);
            }
        }
        let classes: Vec<Class> = chosen.into_values().map(|(class, _)| class).collect();
        let tests = classes.iter().map(|class| Tests::new(class.values.as_ref()).unwrap_or_default()).collect();
        Ok(Taxonomy { index: Index::new(&classes), tests, classes, digest: hex(&hash.finalize()) })
    }
}

fn parse(path: &str, text: &str) -> Result<Class, ClassError> {
    let fail = |reason: String| ClassError { file: path.to_owned(), reason };
    let class: Class = toml::from_str(text).map_err(|error| fail(one_line(text, &error)))?;
    let stem = path.rsplit(['/', '\\']).next().and_then(|name| name.strip_suffix(".toml"));
    if stem != Some(class.id.as_str()) {
        return Err(fail(format!("its id is '{}': name the file {}.toml", class.id, class.id)));
    }
    if class.safe_harbor.is_some_and(|letter| !('A'..='R').contains(&letter)) {
        return Err(fail("safe_harbor is a letter from A to R".to_owned()));
    }
    Tests::new(class.values.as_ref()).map_err(fail)?;
    Ok(class)
}

/// A parser's error without the picture of the place.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message())
}
