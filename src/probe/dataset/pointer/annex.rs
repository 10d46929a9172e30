//! git-annex pointer files: one line that ends in a key, which holds size and hash. A locked file is a symbolic link to
//! the same instead; of one that leads nowhere the walk hands over what it says.
//!
//! After "pointer file" and "key format" of git-annex's internals: `BACKEND[-sSIZE][-mMTIME][-SCHUNK-CCHUNK]--NAME`.

use super::super::super::{Finding, Input, ProbeError, kit};
use super::lfs::is_hash;
use crate::model::{Dataset, Fact};

const MAX_POINTER: u64 = 32 << 10;
const LINKED: &[u8] = b".git/annex/objects/";

/// Reads the pointer.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    // A link names the way to the store as well, an unlocked file does not.
    let is_link = input
        .head
        .get(..input.head.len().min(4096))
        .is_some_and(|head| head.windows(LINKED.len()).any(|part| part == LINKED) && !head.contains(&b'\n'));
    if !(is_link || input.head.starts_with(b"/annex/objects/")) || input.blob.size() > MAX_POINTER {
        return Err(ProbeError::NotMine);
    }
    let bytes = kit::whole(input.blob, MAX_POINTER)?;
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| ProbeError::NotMine)?;
    let key = line.rsplit('/').next().unwrap_or_default();
    let (fields, name) = key.split_once("--").ok_or(ProbeError::NotMine)?;
    let mut fields = fields.split('-');
    let backend = fields
        .next()
        .filter(|name| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .ok_or(ProbeError::NotMine)?;
    let size = fields.find_map(|field| field.strip_prefix('s')).and_then(|size| size.parse().ok());
    // Backends that end in E keep the file's ending behind the hash.
    let hash = name.split('.').next().unwrap_or_default();
    let of = |prefix: &str, digits: usize| {
        (backend.trim_end_matches('E') == prefix && is_hash(hash, digits)).then(|| hash.to_owned())
    };
    let dataset =
        Dataset { oid: of("SHA256", 64), md5: of("MD5", 32), size, content_present: Some(false), ..Dataset::default() };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Dataset, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        Ok(probe(&Input::new(&blob, text.as_bytes()))?.fact.dataset().cloned().unwrap())
    }

    #[test]
    fn keys_say_size_and_hash() {
        let hash = "0a".repeat(32);
        let dataset = run(&format!("/annex/objects/SHA256E-s31390--{hash}.tar.gz\n")).unwrap();
        assert_eq!((dataset.oid, dataset.size), (Some(hash), Some(31_390)));
        let dataset = run("/annex/objects/WORM-s5-m12345--notes").unwrap();
        assert_eq!((dataset.oid, dataset.size), (None, Some(5)));
        let link = "../.git/annex/objects/xx/yy/MD5E-s55--".to_owned() + &"ab".repeat(16) + ".csv/MD5E-s55--";
        let dataset = run(&(link + &"ab".repeat(16) + ".csv")).unwrap();
        assert_eq!((dataset.md5, dataset.size), (Some("ab".repeat(16)), Some(55)));
        assert!(matches!(run("/annex/objects/ is where they lie"), Err(ProbeError::NotMine)));
    }
}
