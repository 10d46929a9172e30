//! `blastmap.toml`: what it may hold, where it is looked for, and how it is written back.
//!
//! A configuration found in a scanned place may be a stranger's. It can make a scan see less, never silently: what it
//! changed is kept in [`Found::decisions`] and shown. It is never read from a home directory, and it cannot name
//! signature files outside its own directory.

mod keys;
mod read;

use std::path::{Path, PathBuf};

pub(super) use keys::{Config, LimitKeys};
pub(super) use read::{MAX_FILE, read_bounded};

/// The name that is looked for.
const NAME: &str = "blastmap.toml";

/// A configuration file and what it says.
pub(super) struct Found {
    /// The file, as it should be named to the user.
    pub(super) file: PathBuf,
    /// What it says; its signature directories are absolute.
    pub(super) config: Config,
    /// Whether it was looked for, rather than named.
    pub(super) looked_for: bool,
}

/// Reads the file the user named.
pub(super) fn named(file: &Path) -> anyhow::Result<Found> {
    let mut config = read::parse(file)?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    config.signatures.rebase(&folder);
    Ok(Found { file: file.to_owned(), config, looked_for: false })
}

/// Looks for a file in `root` and, within a repository, in the directories above it.
pub(super) fn look_for(root: &Path) -> anyhow::Result<Option<Found>> {
    let Ok(real) = root.canonicalize() else { return Ok(None) };
    let start = if real.is_dir() { real.as_path() } else { real.parent().unwrap_or(&real) };
    let is_repository = |folder: &&Path| folder.join(".git").exists();
    let top = start.ancestors().find(is_repository).unwrap_or(start);
    let folders = start.ancestors().take_while(|folder| folder.starts_with(top));
    // A link could lead to any file of the user's, and the error would speak of what is in it.
    let is_file = |file: &PathBuf| file.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let Some(file) = folders.map(|folder| folder.join(NAME)).find(is_file) else { return Ok(None) };
    let mut config = read::parse(&file)?;
    let folder = file.parent().unwrap_or(start);
    config.signatures.rebase(folder);
    for dir in &config.signatures.dirs {
        if !dir.canonicalize().is_ok_and(|dir| dir.starts_with(folder)) {
            anyhow::bail!(
                "{}: signatures.dirs names '{}', which is not a directory below the file's own; name it with --signatures, \
                 or the file with --config",
                file.display(),
                dir.display()
            );
        }
    }
    let file = shortest(&file);
    Ok(Some(Found { file, config, looked_for: true }))
}

/// The path from the current directory, where it lies below.
fn shortest(file: &Path) -> PathBuf {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    here.ok().and_then(|here| file.strip_prefix(here).ok()).unwrap_or(file).to_owned()
}

impl Found {
    /// What the file changes, one setting each: whatever differs from the default and is not overruled by a flag.
    pub(super) fn decisions(&self, flags: &Config) -> Vec<String> {
        let table = |config: &Config| toml::Table::try_from(config).unwrap_or_default();
        let (own, flags, defaults) = (table(&self.config), table(flags), table(&Config::defaults()));
        let of = |table: &toml::Table, section: &str, key: &str| table.get(section)?.get(key).cloned();
        let mut decisions = Vec::new();
        for (section, keys) in &own {
            let toml::Value::Table(keys) = keys else { continue };
            for (key, value) in keys {
                let overruled = !value.is_array() && of(&flags, section, key).is_some();
                let default = of(&defaults, section, key);
                if overruled || default.as_ref() == Some(value) {
                    continue;
                }
                let instead = default.filter(|value| !value.is_array()).map(|value| format!(" (otherwise {value})"));
                decisions.push(format!("{section}.{key} = {value}{}", instead.unwrap_or_default()));
            }
        }
        decisions
    }
}
