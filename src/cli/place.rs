//! Places as they are typed.

use std::path::{Path, PathBuf};

use anyhow::bail;
use blastmap::scan::Place;

use super::suggest;

/// Kinds of places that are addresses rather than paths.
const ADDRESSES: [&str; 2] = ["git:", "oci:"];
/// Names of a directory that are looked through for what was meant.
const NEIGHBOURS: usize = 10_000;

/// The places of a scan: `.` where none is named.
pub(super) fn all(words: &[PathBuf]) -> anyhow::Result<Vec<Place>> {
    if words.is_empty() {
        return Ok(vec![Place::Path(".".into())]);
    }
    let mut places = Vec::new();
    for word in words {
        let place = one(word)?;
        if place == Place::StandardInput && places.contains(&place) {
            bail!("-: standard input can be read once; name it once");
        }
        places.push(place);
    }
    Ok(places)
}

fn one(word: &Path) -> anyhow::Result<Place> {
    if word.as_os_str() == "-" {
        return Ok(Place::StandardInput);
    }
    if word.symlink_metadata().is_ok() {
        return Ok(Place::Path(word.to_owned()));
    }
    let text = word.to_string_lossy();
    let is_address = ADDRESSES.iter().any(|scheme| text.starts_with(scheme)) || is_url(&text);
    if is_address {
        let scheme = text.split(':').next().unwrap_or_default();
        bail!(
            "{text}: places of the kind '{scheme}:' are not read by this version; copy it to a directory and name that"
        );
    }
    match word.canonicalize() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            bail!("{text}: may not be looked at by this user; run as one who may")
        }
        _ => match meant(word) {
            Some(name) => bail!("{text}: there is no such file or directory; did you mean '{name}'?"),
            None => bail!("{text}: there is no such file or directory; check the path"),
        },
    }
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    })
}

/// A neighbour whose name is near.
fn meant(word: &Path) -> Option<String> {
    let name = word.file_name()?.to_str()?;
    let parent = word.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = std::fs::read_dir(parent)
        .ok()?
        .take(NEIGHBOURS)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = suggest::nearest(name, names.iter().map(String::as_str))?;
    Some(word.with_file_name(near).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_from_paths() {
        for word in ["git:repo", "oci:image", "s3://bucket/x", "gs://b", "az://b", "https://example.org/x"] {
            let error = one(Path::new(word)).unwrap_err().to_string();
            assert!(error.contains("not read by this version"), "{error}");
        }
        assert!(one(Path::new("no:such")).unwrap_err().to_string().contains("no such file"));
        assert_eq!(one(Path::new("-")).unwrap(), Place::StandardInput);
        assert!(all(&["-".into(), "-".into()]).is_err());
    }

    #[test]
    fn a_file_of_that_name_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("git:repo");
        std::fs::write(&file, "").unwrap();
        assert_eq!(one(&file).unwrap(), Place::Path(file));
        let error = one(&folder.path().join("git:rep")).unwrap_err().to_string();
        assert!(error.ends_with("git:repo'?"), "{error}");
    }
}
