//! Identities of content, strongest first.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// What a content is recognised by when it turns up again elsewhere.
///
/// The order is the order of strength: an asset is named by the first one it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentId {
    /// SHA-256 over all bytes.
    Sha256([u8; 32]),
    /// SHA-256 over the sorted (name, CRC-32, size) of every member of a zip archive: equal weights in a file whose
    /// weights were not read, whatever the archive is called.
    ZipCrcs([u8; 32]),
    /// SHA-256 over size, head, tail and evenly spaced blocks between: equal unless only bytes between them differ.
    Sampled([u8; 32]),
}

impl ContentId {
    /// Whether equality proves equal content, rather than making it likely.
    pub fn is_proof(&self) -> bool {
        matches!(self, ContentId::Sha256(_))
    }

    /// The digest, without its kind.
    pub fn digest(&self) -> &[u8; 32] {
        match self {
            ContentId::Sha256(digest) | ContentId::ZipCrcs(digest) | ContentId::Sampled(digest) => digest,
        }
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            ContentId::Sha256(_) => "sha256",
            ContentId::ZipCrcs(_) => "zip-crcs",
            ContentId::Sampled(_) => "sampled",
        };
        write!(f, "{kind}:{}", hex(self.digest()))
    }
}

impl Serialize for ContentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ContentId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ContentId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(sha256|zip-crcs|sampled):[0-9a-f]{64}$",
        })
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Whether a name is a digest and nothing else, its kind aside (`sha256-…`).
pub fn is_digest(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"sha256-").unwrap_or(name);
    name.len() >= 32 && name.iter().all(u8::is_ascii_hexdigit)
}
