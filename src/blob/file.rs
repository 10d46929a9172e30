//! Bytes on storage.

use std::fs;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use super::{Blob, Meter, ReadError};

/// A regular file, opened for reading and nothing else.
pub struct File {
    file: fs::File,
    size: u64,
    meter: Arc<Meter>,
}

impl File {
    /// Opens `path` without following a link in its last component, without waiting on a pipe, and without moving its
    /// access time where the system permits that (scratch purgers go by it). Returns the metadata of what was opened.
    ///
    /// # Errors
    /// What the system says; a link is `ELOOP`.
    pub fn open(path: &Path, meter: Arc<Meter>) -> std::io::Result<(File, fs::Metadata)> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = open_quietly(path, flags)?;
        let file = fs::File::from(fd);
        let metadata = file.metadata()?;
        Ok((File { file, size: metadata.size(), meter }, metadata))
    }

    /// An already open file of `size` bytes whose reads are not counted as storage: a spool.
    pub(super) fn from_parts(file: fs::File, size: u64, meter: Arc<Meter>) -> File {
        File { file, size, meter }
    }
}

#[cfg(target_os = "linux")]
fn open_quietly(path: &Path, flags: OFlags) -> rustix::io::Result<rustix::fd::OwnedFd> {
    match rustix::fs::open(path, flags | OFlags::NOATIME, Mode::empty()) {
        // Only the owner may ask for that; anyone may still read.
        Err(rustix::io::Errno::PERM) => rustix::fs::open(path, flags, Mode::empty()),
        other => other,
    }
}

#[cfg(not(target_os = "linux"))]
fn open_quietly(path: &Path, flags: OFlags) -> rustix::io::Result<rustix::fd::OwnedFd> {
    rustix::fs::open(path, flags, Mode::empty())
}

impl Blob for File {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        let left = self.size.saturating_sub(at);
        let len = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if len == 0 {
            return Ok(0);
        }
        self.meter.check_time()?;
        let got = self.file.read_at(&mut buf[..len], at)?;
        self.meter.count(got);
        if got == 0 {
            return Err(ReadError::Shrank);
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_shrinks_says_so() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 8192]).unwrap();
        let (blob, _) = File::open(file.path(), Arc::default()).unwrap();
        file.as_file().set_len(100).unwrap();
        let mut buf = [0; 4096];
        assert_eq!(blob.read_at(&mut buf, 0).unwrap(), 100);
        assert!(matches!(blob.read_at(&mut buf, 4096), Err(ReadError::Shrank)));
        assert_eq!(blob.read_at(&mut buf, 8192).unwrap(), 0);
    }

    #[test]
    fn links_and_pipes_are_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let (_, metadata) = File::open(&pipe, Arc::default()).unwrap();
        assert!(!metadata.is_file());
        std::os::unix::fs::symlink("pipe", dir.path().join("link")).unwrap();
        assert!(File::open(&dir.path().join("link"), Arc::default()).is_err());
    }
}
