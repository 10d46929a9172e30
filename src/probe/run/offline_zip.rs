//! Archives of runs that were logged without a server: what members they have, read whole and bounded.

use crate::archive::zip::{Directory, ZipError};
use crate::blob::{Blob, ReadError};
use crate::model::Cause;
use crate::probe::{Input, ProbeError, kit};

/// An open archive, and what could not be read of it.
pub(super) struct Archive<'b> {
    blob: &'b dyn Blob,
    directory: Directory,
    pub(super) notes: Vec<(Cause, String)>,
}

impl<'b> Archive<'b> {
    /// Reads the list of members.
    ///
    /// # Errors
    /// [`ProbeError::NotMine`] where it is no archive that holds all of `members`: a broken one may be anyone's.
    pub(super) fn open(input: &Input<'b>, members: &[&str]) -> Result<Archive<'b>, ProbeError> {
        let directory = match Directory::read(input.blob) {
            Ok(directory) => directory,
            Err(ZipError::Read(error)) if !matches!(error, ReadError::Ended { .. }) => return Err(error.into()),
            Err(_) => return Err(ProbeError::NotMine),
        };
        if !members.iter().all(|member| directory.get(member.as_bytes()).is_some()) {
            return Err(ProbeError::NotMine);
        }
        Ok(Archive { blob: input.blob, directory, notes: Vec::new() })
    }

    /// The identity of what is in it.
    pub(super) fn identity(&self) -> crate::model::ContentId {
        self.directory.identity()
    }

    /// Whether it holds more than these.
    pub(super) fn has_more_than(&self, members: &[&str]) -> bool {
        self.directory
            .members
            .iter()
            .any(|member| !members.iter().any(|name| name.as_bytes() == member.name.as_slice()))
    }

    /// The bytes of a member; of one that cannot be read, or is too long, nothing and a note.
    ///
    /// # Errors
    /// Where the archive's own bytes could not be had.
    pub(super) fn member(&mut self, name: &str, allowed: u64) -> Result<Vec<u8>, ProbeError> {
        let Some(member) = self.directory.get(name.as_bytes()) else { return Ok(Vec::new()) };
        let content = match member.size > allowed {
            true => Err(ReadError::TooLong { wanted: member.size, allowed }.into()),
            false => self.directory.content(self.blob, member, allowed).map_err(|error| kit::of_member(error, name)),
        };
        match content {
            Ok(content) => Ok(content),
            Err(ProbeError::Encrypted) => {
                self.notes.push((Cause::Encrypted, format!("its member {name} is encrypted")));
                Ok(Vec::new())
            }
            Err(error) => {
                self.notes.push(kit::note(error)?);
                Ok(Vec::new())
            }
        }
    }
}
