//! Identities of content, at the price the depth allows.

use sha2::{Digest, Sha256};

use super::{Context, Depth};
use crate::blob::{Blob, ReadError, read_full, read_vec};
use crate::model::ContentId;

/// A content of at most this size is hashed whole at every depth: it costs no more than its samples.
const WHOLE: u64 = 256 << 10;
/// Bytes of one sample.
const SAMPLE: u64 = 4 << 10;
/// Samples between head and tail.
const SAMPLES: u64 = 16;

/// The identity of a blob's bytes: SHA-256 where it is small or the depth asks for it, samples of it otherwise.
/// Nothing for the beginning of a stream, whose other bytes are not at hand.
///
/// # Errors
/// What the blob answers.
pub(super) fn of(cx: &Context, blob: &dyn Blob) -> Result<Option<ContentId>, ReadError> {
    let size = blob.size();
    if blob.is_open_ended() {
        return Ok(None);
    }
    let whole = size <= WHOLE || cx.plan.depth == Depth::Full;
    let id = if whole { sha256(cx, blob) } else { sampled(blob, size).map(Some) };
    match id {
        // The rest of a compressed stream was not kept: its identity is not worth inflating it again.
        Err(ReadError::NeedMore { .. }) => Ok(None),
        other => other,
    }
}

fn sha256(cx: &Context, blob: &dyn Blob) -> Result<Option<ContentId>, ReadError> {
    const CHUNK: usize = 256 << 10;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK.min(usize::try_from(blob.size()).unwrap_or(CHUNK))];
    let mut at = 0;
    while at < blob.size() {
        if cx.is_stopped() {
            return Ok(None);
        }
        let got = read_full(blob, &mut chunk, at)?;
        if got == 0 {
            return Err(ReadError::Ended { at });
        }
        hash.update(&chunk[..got]);
        at += got as u64;
    }
    Ok(Some(ContentId::Sha256(hash.finalize().into())))
}

/// Size, head, tail and evenly spaced blocks.
fn sampled(blob: &dyn Blob, size: u64) -> Result<ContentId, ReadError> {
    let mut hash = Sha256::new();
    hash.update(size.to_le_bytes());
    let last = size.saturating_sub(SAMPLE);
    for index in 0..=SAMPLES + 1 {
        let at = u128::from(last) * u128::from(index) / u128::from(SAMPLES + 1);
        hash.update(read_vec(blob, u64::try_from(at).unwrap_or(last), SAMPLE, SAMPLE)?);
    }
    Ok(ContentId::Sampled(hash.finalize().into()))
}
