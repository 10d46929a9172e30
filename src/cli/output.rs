//! Inventory files: a map for a thief, so readable by their owner alone, and whole or not there at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use tempfile::NamedTempFile;

use super::say::reason;

/// Suffixes of formats that can be written.
const SUPPORTED: &str = ".jsonl";

/// Whether `file` can be written once the scan is done; gives its path as the system resolves it.
pub(super) fn check(file: &Path) -> anyhow::Result<PathBuf> {
    let name = file.display();
    let suffix = file.extension().map(|suffix| suffix.to_ascii_lowercase());
    if file.as_os_str() == "-" {
        bail!("-o -: -o names a file; for standard output use --format jsonl");
    }
    if suffix.is_none_or(|suffix| suffix != "jsonl") {
        bail!("-o {name}: not a format this version writes; name a file that ends in {SUPPORTED}");
    }
    if file.is_dir() {
        bail!("-o {name}: is a directory; name a file");
    }
    let folder = folder(file);
    let real = folder.canonicalize().map_err(|error| {
        anyhow!("-o {name}: the directory '{}': {}; name one that exists", folder.display(), reason(&error))
    })?;
    // The only sure way to know is to try; better now than after a long walk.
    drop(temporary(file)?);
    Ok(file.file_name().map_or(real.clone(), |base| real.join(base)))
}

/// Writes `file` under a temporary name beside it, with mode 0600, and renames it when it is safely stored.
pub(super) fn write(file: &Path, content: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let store = |temporary: NamedTempFile| {
        let mut out = BufWriter::new(temporary);
        content(&mut out)?;
        let temporary = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        temporary.as_file().sync_all()?;
        temporary.persist(file).map_err(|error| error.error)
    };
    store(temporary(file)?).map_err(|error| {
        let reason = reason(&error);
        anyhow!("-o {}: cannot be written: {reason}; make room or name another file", file.display())
    })?;
    // The name is stored with the directory; a file system that cannot do that is nobody's failure.
    let _ = File::open(folder(file)).and_then(|folder| folder.sync_all());
    Ok(())
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removed again when it is dropped.
fn temporary(file: &Path) -> anyhow::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix(".blastmap-")
        .suffix(".tmp")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder(file))
        .map_err(|error| {
            let kind = error.kind();
            anyhow!("-o {}: nothing can be written to its directory: {kind}; name another file", file.display())
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.jsonl");
        let text = |bytes: &'static [u8]| move |out: &mut dyn Write| out.write_all(bytes);
        write(&file, &text(b"old")).unwrap();
        let failed = write(&file, &|out| {
            out.write_all(&[b'x'; 100_000])?;
            Err(std::io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::metadata(&file).unwrap().len(), 3);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write(&file, &text(b"newer")).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), 5);
    }

    #[test]
    fn what_cannot_be_written_is_told_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| check(&folder.path().join(name));
        assert!(at("x.jsonl").unwrap().ends_with("x.jsonl"));
        assert!(at("x.html").unwrap_err().to_string().contains("ends in .jsonl"));
        assert!(at("none/x.jsonl").unwrap_err().to_string().contains("name one that exists"));
        fs::create_dir(folder.path().join("d.jsonl")).unwrap();
        assert!(at("d.jsonl").unwrap_err().to_string().contains("is a directory"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the trial leaves nothing");
    }
}
