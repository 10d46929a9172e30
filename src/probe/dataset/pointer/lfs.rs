//! Git LFS pointers: a few lines of keys and values, at most 1,024 bytes, after the specification of git-lfs (v1).

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Dataset, Fact, publishable};

const MAX_POINTER: u64 = 1024;

/// Reads the pointer.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(b"version https://") || input.blob.size() >= MAX_POINTER {
        return Err(ProbeError::NotMine);
    }
    let bytes = kit::whole(input.blob, MAX_POINTER)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ProbeError::NotMine)?;
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key).and_then(|rest| rest.strip_prefix(' '))).map(str::trim)
    };
    let version = value("version").unwrap_or_default();
    if !version.ends_with("git-lfs.github.com/spec/v1") && !version.ends_with("hawser.github.com/spec/v1") {
        return Err(ProbeError::NotMine);
    }
    let malformed = |what: &str| ProbeError::Malformed(format!("a pointer without {what}"));
    let oid = value("oid").and_then(|oid| oid.strip_prefix("sha256:")).filter(|oid| is_hash(oid, 64));
    let oid = oid.ok_or_else(|| malformed("a SHA-256"))?;
    let size = value("size").and_then(|size| size.parse().ok()).ok_or_else(|| malformed("a size"))?;
    let name = input.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let dataset = Dataset {
        oid: Some(oid.to_owned()),
        size: Some(size),
        points_to: Some(publishable("points_to", &String::from_utf8_lossy(name))),
        content_present: Some(false),
        ..Dataset::default()
    };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

/// Whether a text is a hash of so many lower-case digits.
pub(super) fn is_hash(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Dataset, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let input = Input { name: b"models/m.safetensors", ..Input::new(&blob, text.as_bytes()) };
        Ok(probe(&input)?.fact.dataset().cloned().unwrap())
    }

    #[test]
    fn size_and_hash_are_what_is_known() {
        let oid = "ab".repeat(32);
        let text =
            format!("version https://git-lfs.github.com/spec/v1\next-0-x sha256:00\noid sha256:{oid}\nsize 12\n");
        let dataset = run(&text).unwrap();
        assert_eq!((dataset.oid, dataset.size, dataset.content_present), (Some(oid), Some(12), Some(false)));
        assert_eq!(dataset.points_to.as_deref(), Some("m.safetensors"));
        for size in 0..text.len() - 1 {
            assert!(run(&text[..size]).is_err() || size > text.len() - 3, "{size}");
        }
        assert!(matches!(run("version https://other.example/v1\noid sha256:x\n"), Err(ProbeError::NotMine)));
    }
}
