//! Bytes that came out of a decompressor and must be readable at any position: in memory while they are few, then in a
//! temporary file that has no name.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use super::{Blob, File, Memory, Meter, ReadError};

/// Bytes kept in memory before a file takes over.
const IN_MEMORY: usize = 8 << 20;

/// Collects bytes, then becomes a blob.
#[derive(Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<fs::File>,
    size: u64,
}

impl Spool {
    /// Appends.
    ///
    /// # Errors
    /// [`ReadError::Io`] where the temporary file cannot be made or written.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.file.is_none() && self.memory.len().saturating_add(bytes.len()) > IN_MEMORY {
            // `tempfile()` unlinks at once: nothing is left behind, whatever happens to us.
            let mut file = tempfile::tempfile()?;
            file.write_all(&self.memory)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes)?,
            None => self.memory.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes, readable; the meter lends its clock, its counters are left alone.
    pub fn finish(self, deadline: Option<std::time::Instant>) -> Arc<dyn Blob> {
        match self.file {
            Some(file) => {
                let meter = deadline.map_or_else(Meter::default, Meter::until);
                Arc::new(File::from_parts(file, self.size, Arc::new(meter)))
            }
            None => Arc::new(Memory::new(self.memory)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_spools_read_alike() {
        for chunks in [3, 40] {
            let mut spool = Spool::default();
            for n in 0..chunks {
                spool.push(&vec![n; 1 << 18]).unwrap();
            }
            let blob = spool.finish(None);
            assert_eq!(blob.size(), u64::from(chunks) << 18);
            let mut byte = [0];
            blob.read_at(&mut byte, (u64::from(chunks) << 18) - 1).unwrap();
            assert_eq!(byte[0], chunks - 1);
        }
    }
}
