//! From files to signatures: the embedded set, and a directory of the user's that adds to it or replaces parts of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::schema::Signature;
use super::set::Signatures;
use crate::model::hex;

/// The embedded files: path below `signatures/`, text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/signatures.rs"));

/// The list of ordinary extensions lies beside the families under this name.
const ORDINARY: &str = "ordinary.toml";

/// The folder of files that are no signatures: what a column of a table may hold.
const PERSONAL: &str = "personal";

/// Why a set of signatures cannot be used. A configuration can always fail a scan.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file is not what a signature file is.
    #[error("signature file {file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A signature is disabled that does not exist.
    #[error("there is no signature '{0}' to disable; `blastmap signatures list` shows them all")]
    UnknownId(String),
}

/// Names of extensions that say a file is something else.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdinaryFile {
    ordinary: Vec<Ordinary>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordinary {
    what: String,
    extensions: Vec<String>,
}

impl Signatures {
    /// The embedded set.
    ///
    /// # Errors
    /// [`LoadError`], where a file of the build is broken: the self-check keeps that from shipping.
    pub fn embedded() -> Result<Signatures, LoadError> {
        Signatures::with(&[], &[])
    }

    /// The embedded set with `extra` files (path, text) added: the same id replaces whole, and `disabled` ids left out.
    ///
    /// # Errors
    /// [`LoadError`] naming the file, or the unknown id.
    pub fn with(extra: &[(String, String)], disabled: &[String]) -> Result<Signatures, LoadError> {
        let mut chosen: BTreeMap<String, (Signature, bool, String)> = BTreeMap::new();
        let mut ordinary = OrdinaryFile::default();
        let mut ordinary_text = String::new();
        let embedded = EMBEDDED.iter().map(|(path, text)| (*path, *text, true));
        let added = extra.iter().map(|(path, text)| (path.as_str(), text.as_str(), false));
        for (path, text, built_in) in embedded.chain(added) {
            // Classes of personal data are the tables' business.
            if path.rsplit(['/', '\\']).nth(1) == Some(PERSONAL) {
                continue;
            }
            let fail = |reason: String| LoadError::File { file: path.to_owned(), reason };
            if path.rsplit('/').next() == Some(ORDINARY) {
                ordinary = toml::from_str(text).map_err(|error| fail(one_line(text, &error)))?;
                text.clone_into(&mut ordinary_text);
                continue;
            }
            let signature: Signature = toml::from_str(text).map_err(|error| fail(one_line(text, &error)))?;
            let stem = path.rsplit('/').next().and_then(|name| name.strip_suffix(".toml"));
            if stem != Some(signature.id.as_str()) {
                return Err(fail(format!("its id is '{}': name the file {}.toml", signature.id, signature.id)));
            }
            if built_in && path.split('/').next() != Some(signature.family.folder()) {
                return Err(fail(format!("its family is '{}': that is another folder", signature.family.folder())));
            }
            chosen.insert(signature.id.clone(), (signature, built_in, text.to_owned()));
        }
        for id in disabled {
            chosen.remove(id).ok_or_else(|| LoadError::UnknownId(id.clone()))?;
        }
        let digest = digest(&ordinary_text, &chosen);
        let extensions = ordinary
            .ordinary
            .into_iter()
            .flat_map(|row| row.extensions.into_iter().map(move |extension| (extension, row.what.clone())))
            .collect();
        let signatures = chosen.into_values().map(|(signature, built_in, _)| (signature, built_in));
        Signatures::compile(signatures.collect(), extensions, digest)
    }
}

/// A parser's error without the picture of the place.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start);
    let line = text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message())
}

/// The digest that every inventory's header carries: over the texts, by id.
fn digest(ordinary: &str, chosen: &BTreeMap<String, (Signature, bool, String)>) -> String {
    let mut hash = Sha256::new();
    hash.update(ordinary.as_bytes());
    for (id, (_, _, text)) in chosen {
        hash.update([0]);
        hash.update(id.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
    }
    hex(&hash.finalize())
}
