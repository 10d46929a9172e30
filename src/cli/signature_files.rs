//! Signature files of the user's: read, bounded, in order of path.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use blastmap::signature::{LoadError, Signatures};
use blastmap::table::Taxonomy;

use super::config::{MAX_FILE, read_bounded};
use super::say::reason;
use super::suggest;

/// Files of one directory.
const MAX_FILES: usize = 10_000;
/// What a directory of signatures keeps for its examples.
pub(super) const FIXTURES: &str = "fixtures";

/// Path and text of every `DIR/*.toml` and `DIR/*/*.toml`.
pub(super) fn read(dirs: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for dir in dirs {
        if !dir.is_dir() {
            bail!("{}: there is no such directory of signatures; check the path", dir.display());
        }
        let mut found = Vec::new();
        list(dir, true, &mut found)?;
        found.sort();
        for file in found {
            let bytes = read_bounded(&file, MAX_FILE)?;
            let text = String::from_utf8(bytes)
                .ok()
                .with_context(|| format!("signature file {}: not UTF-8; save it as such", file.display()))?;
            files.push((file.display().to_string(), text));
        }
    }
    Ok(files)
}

fn list(dir: &Path, nested: bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let fail =
        |error: std::io::Error| anyhow!("{}: cannot be listed: {}; check its mode", dir.display(), reason(&error));
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if nested && path.is_dir() && path.file_name().is_none_or(|name| name != FIXTURES) {
            list(&path, false, found)?;
        } else if path.extension().is_some_and(|suffix| suffix == "toml") && path.is_file() {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            bail!("{}: more than {MAX_FILES} signature files; name a smaller directory", dir.display());
        }
    }
    Ok(())
}

/// The built-in set, with what the user adds and leaves out.
pub(super) fn load(dirs: &[PathBuf], disabled: &[String]) -> anyhow::Result<Signatures> {
    let files = read(dirs)?;
    Signatures::with(&files, disabled).map_err(|error| match error {
        LoadError::UnknownId(id) => match Signatures::with(&files, &[]).ok().and_then(|all| meant(&all, &id)) {
            Some(near) => anyhow!("--disable {id}: there is no such signature; did you mean '{near}'?"),
            None => anyhow!("--disable {id}: there is no such signature; see 'blastmap signatures list'"),
        },
        error => error.into(),
    })
}

/// The built-in classes of what a column may hold, with what the user adds.
pub(super) fn classes(dirs: &[PathBuf]) -> anyhow::Result<Taxonomy> {
    Ok(Taxonomy::with(&read(dirs)?)?)
}

fn meant(signatures: &Signatures, id: &str) -> Option<String> {
    suggest::nearest(id, signatures.iter().map(|signature| signature.id.as_str())).map(str::to_owned)
}
