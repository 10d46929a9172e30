//! What `torch.save` wrote before PyTorch 1.6, and still does when asked: five pickles, then the storages.
//!
//! Follows `_legacy_save` in `torch/serialization.py` of PyTorch 2.15: a magic number, the protocol's version, the
//! writer's byte order and type sizes, the object, the keys of the storages in their order; each storage is its number
//! of elements and its elements. Only the pickles are read.

use super::super::{Finding, Input, ProbeError};
use super::{pickle, torch};
use crate::blob::Cursor;
use crate::model::Cause;

/// The pickle of the magic number, without the two bytes that name the pickle protocol.
const MAGIC: &[u8; 13] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
/// The only version there has been.
const PROTOCOL_VERSION: u64 = 1001;
/// Bytes in front of each storage: how many elements it has.
const STORAGE_HEADER: u64 = 8;

/// Reads the pickles.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let magic = input.head.strip_prefix(b"\x80").and_then(|head| head.get(1..));
    if !magic.is_some_and(|magic| magic.starts_with(MAGIC)) {
        return Err(ProbeError::NotMine);
    }
    let mut cursor = Cursor::new(input.blob, 15);
    let version = whole(pickle::walk(&mut cursor))?;
    if version.tree.unsigned(version.root) != Some(PROTOCOL_VERSION) {
        return Err(ProbeError::Unsupported("its protocol version is not 1001".to_owned()));
    }
    whole(pickle::walk(&mut cursor))?;
    let object = pickle::usable(pickle::walk(&mut cursor))?;
    let mut finding = torch::describe(&object, "legacy")?;
    if object.stopped.is_some() {
        return Ok(finding);
    }
    let keys = pickle::walk(&mut cursor);
    if let Some(error) = &keys.stopped {
        finding.notes.push((error.cause(), format!("{error}: the list of its storages")));
        return Ok(finding);
    }
    let wanted = storages_end(&object, &keys);
    if let Some(wanted) = wanted.filter(|&wanted| wanted > input.blob.size()) {
        let detail = format!("its storages end at byte {wanted}, the file has {}", input.blob.size());
        finding.notes.push((Cause::Truncated, detail));
    }
    Ok(finding)
}

/// The pickle, if it was read to its end.
fn whole(pickle: pickle::Pickle) -> Result<pickle::Pickle, ProbeError> {
    match pickle.stopped {
        Some(error) => Err(error.into()),
        None => Ok(pickle),
    }
}

/// Where the last storage ends, if the sizes of all are known.
fn storages_end(object: &pickle::Pickle, keys: &pickle::Pickle) -> Option<u64> {
    let storages = torch::storages(&object.tree);
    keys.tree.items(keys.root)?.iter().try_fold(keys.end, |end, &key| {
        let key = keys.tree.text(key)?;
        let found = storages.binary_search_by_key(&key, |storage| storage.key).ok()?;
        let bytes = storages.get(found)?.bytes()?;
        end.checked_add(STORAGE_HEADER)?.checked_add(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{Memory, ReadError};

    const HEAD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03.\x80\x02}.";
    const OBJECT: &[u8] =
        b"\x80\x02}X\x03\0\0\0a.wctorch._utils\n_rebuild_tensor\n((X\x07\0\0\0storagectorch\nFloatStorage\n\
        X\x03\0\0\0keyX\x03\0\0\0cpuK\x06NtQK\0(K\x02K\x03t(K\x03K\x01ttRs.";
    const KEYS: &[u8] = b"\x80\x02]X\x03\0\0\0keya.";

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn the_pickles_are_described_and_the_storages_counted() {
        let whole = [HEAD, OBJECT, KEYS, &[0; 8], &[0; 24]].concat();
        let finding = run(&whole).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert!(finding.notes.is_empty(), "{:?}", finding.notes);
        assert_eq!((weights.parameter_count, weights.container.as_deref()), (Some(6), Some("legacy")));
        let cut = run(&whole[..whole.len() - 1]).unwrap();
        assert_eq!(cut.notes.len(), 1);
        assert_eq!(cut.notes[0].0, Cause::Truncated);
    }

    #[test]
    fn what_is_cut_in_its_pickles_is_an_error_or_told() {
        assert!(matches!(run(&HEAD[..20]), Err(ProbeError::Read(ReadError::Ended { .. }))));
        assert!(matches!(run(&[HEAD, &OBJECT[..3]].concat()), Err(ProbeError::Read(ReadError::Ended { .. }))));
        assert_eq!(run(&[HEAD, OBJECT, &KEYS[..4]].concat()).unwrap().notes.len(), 1);
        assert!(matches!(run(b"\x80\x02}."), Err(ProbeError::NotMine)));
    }
}
