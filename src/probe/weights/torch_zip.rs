//! PyTorch's zip files: `<root>/data.pkl` beside `<root>/data/<storage>`, every member stored.
//!
//! Follows `torch/serialization.py` and `caffe2/serialize/inline_container.cc` of PyTorch 2.15 and what 1.4 wrote. Only
//! the directory at the end and `data.pkl` are read, never a storage: a file of any size costs some hundred KiB.
//! TorchScript archives (`constants.pkl` and `code/`) and exported programs are the same container.

use std::collections::HashMap;

use super::super::{Finding, Input, ProbeError, kit};
use super::pickle::{self, MAX_READ};
use super::{torch, torch_export};
use crate::archive::zip::{Directory, Member, Method, ZipError};
use crate::blob::{Blob, Cursor, Memory, ReadError};
use crate::model::{Cause, Fact, publishable};

const LOCAL_HEADER: &[u8; 4] = b"PK\x03\x04";
/// Longest name of a first member that is looked at where the directory is lost.
const MAX_ROOT: u64 = 4096;
/// Most source files of a script that are listed.
const MAX_CODE: usize = 200;

/// Reads the directory and the pickle.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(LOCAL_HEADER) {
        return Err(ProbeError::NotMine);
    }
    archive(input.blob)
}

/// Describes the archive in a blob: also one that is a member of another.
pub(super) fn archive(blob: &dyn Blob) -> Result<Finding, ProbeError> {
    let directory = match Directory::read(blob) {
        Ok(directory) => directory,
        Err(ZipError::Read(error)) if !matches!(error, ReadError::Ended { .. }) => return Err(error.into()),
        Err(ZipError::NoDirectory) => return without_directory(blob, Cause::Truncated),
        Err(_) => return without_directory(blob, Cause::Malformed),
    };
    let members = Members::of(&directory);
    let mut finding = match members.root_with_pickle() {
        Some((root, member)) => with_pickle(blob, &directory, &members, root, member)?,
        None => torch_export::describe(blob, &directory)?,
    };
    finding.identities.push(directory.identity());
    Ok(finding)
}

/// Members by name: a checkpoint has as many storages as members, and each is looked up.
struct Members<'d> {
    by_name: HashMap<&'d [u8], &'d Member>,
    directory: &'d Directory,
}

impl<'d> Members<'d> {
    fn of(directory: &'d Directory) -> Members<'d> {
        let by_name = directory.members.iter().map(|member| (member.name.as_slice(), member)).collect();
        Members { by_name, directory }
    }

    fn get(&self, root: &[u8], name: &[u8]) -> Option<&'d Member> {
        self.by_name.get([root, name].concat().as_slice()).copied()
    }

    /// The outermost folder, slash included, that holds a pickle and what PyTorch puts beside one.
    fn root_with_pickle(&self) -> Option<(&'d [u8], &'d Member)> {
        self.directory.members.iter().find_map(|member| {
            let root = member.name.strip_suffix(b"data.pkl".as_slice())?;
            let outermost = root.iter().position(|&b| b == b'/')?.checked_add(1)? == root.len();
            let beside = self.get(root, b"version").is_some() || self.any_under(root, b"data/");
            (outermost && beside).then_some((root, member))
        })
    }

    fn any_under(&self, root: &[u8], folder: &[u8]) -> bool {
        let within = |name: &[u8]| name.strip_prefix(root).is_some_and(|rest| rest.starts_with(folder));
        self.directory.members.iter().any(|member| within(&member.name))
    }
}

fn with_pickle(
    blob: &dyn Blob,
    directory: &Directory,
    members: &Members,
    root: &[u8],
    member: &Member,
) -> Result<Finding, ProbeError> {
    let pickle = if member.method == Method::Stored && !member.encrypted {
        let at = directory.data_offset(blob, member)?;
        pickle::walk(&mut Cursor::new(blob, at).ending_at(at.saturating_add(member.size)))
    } else {
        // No writer of PyTorch deflates it, but a file that was unpacked and packed again may be.
        let content = directory.content(blob, member, MAX_READ);
        let inflated = Memory::new(content.map_err(|error| kit::of_member(error, "its data.pkl"))?);
        pickle::walk(&mut Cursor::new(&inflated, 0))
    };
    let pickle = pickle::usable(pickle)?;
    let script = members.get(root, b"constants.pkl").is_some() && members.any_under(root, b"code/");
    let mut finding = if script { torch::describe_script(&pickle)? } else { torch::describe(&pickle, "zip")? };
    if let (true, Fact::Weights(weights)) = (script, &mut finding.fact) {
        weights.custom_code = own_code(directory, root);
    }
    finding.notes.extend(missing_storages(&pickle, members, root));
    Ok(finding)
}

/// The source files of a script that are of no library everyone has.
fn own_code(directory: &Directory, root: &[u8]) -> Vec<String> {
    let code = |member: &'_ Member| {
        let name = member.name.strip_prefix(root)?;
        let module = name.strip_prefix(b"code/__torch__".as_slice())?.strip_suffix(b".py".as_slice())?;
        let module = String::from_utf8_lossy(module).trim_start_matches('/').replace('/', ".");
        // `__torch__.py` is what was defined in the program itself.
        (module.is_empty() || torch::is_own(&module)).then(|| publishable("", &String::from_utf8_lossy(name)))
    };
    directory.members.iter().filter_map(code).take(MAX_CODE).collect()
}

/// One note on the storages that the pickle counts on and the archive does not have in that length.
fn missing_storages(pickle: &pickle::Pickle, members: &Members, root: &[u8]) -> Option<(Cause, String)> {
    let storages = torch::storages(&pickle.tree);
    let there = |storage: &&torch::Storage| {
        let member = members.get(root, &[b"data/", storage.key.as_bytes()].concat());
        member.is_some_and(|member| storage.bytes().is_none_or(|bytes| member.size >= bytes))
    };
    let missing = storages.len().saturating_sub(storages.iter().filter(there).count());
    let detail = format!("{missing} of the {} storages its pickle names are missing or short", storages.len());
    (missing > 0).then_some((Cause::Truncated, detail))
}

/// A file that was cut while it was copied: writers put the pickle first, so what the model was can still be told.
fn without_directory(blob: &dyn Blob, cause: Cause) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(blob, 0);
    let pickle_at = first_member(&mut cursor)?.ok_or(ProbeError::NotMine)?;
    let pickle = pickle::usable(pickle::walk(&mut Cursor::new(blob, pickle_at)))?;
    let mut finding = torch::describe(&pickle, "zip")?;
    if !torch::says_something(&finding.fact) {
        return Err(ReadError::Ended { at: blob.size() }.into());
    }
    let detail = format!("its zip directory is missing or broken; the file has {} bytes", blob.size());
    finding.notes.push((cause, detail));
    Ok(finding)
}

/// Where the content of the first member begins, if that is a stored `<root>/data.pkl`.
fn first_member(cursor: &mut Cursor) -> Result<Option<u64>, ProbeError> {
    if cursor.array()? != *LOCAL_HEADER {
        return Ok(None);
    }
    cursor.skip(4)?;
    let method = cursor.u16()?;
    cursor.skip(16)?;
    let (name, extra) = (u64::from(cursor.u16()?), u64::from(cursor.u16()?));
    if method != 0 || name > MAX_ROOT {
        return Ok(None);
    }
    let name = cursor.vec(name, MAX_ROOT)?;
    cursor.skip(extra)?;
    Ok(name.ends_with(b"/data.pkl").then(|| cursor.position()))
}

#[cfg(test)]
mod tests;
