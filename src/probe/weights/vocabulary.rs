//! Tokenizers on their own: SentencePiece models and tiktoken's ranks.
//!
//! Follows `sentencepiece_model.proto` of SentencePiece 0.2 and `tiktoken/load.py` of tiktoken 0.14 (a line of base64
//! and a rank for each token). They hold words of the text they were made from, and a SentencePiece model the paths of
//! that text.

use super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Fact, Weights, publishable};
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// Largest tiktoken file: those of 200,000 tokens have four megabytes.
const MAX_RANKS: u64 = 64 << 20;
/// Fewest tokens: every byte is one.
const MIN_RANKS: u64 = 256;
const MAX_PATHS: usize = 1000;
const MAX_TEXT: u64 = 4096;
/// Pieces among which the one for unknown text is.
const FIRST_PIECES: u64 = 8;
/// The type of that piece.
const UNKNOWN: u64 = 2;

/// `ModelProto`: pieces, the trainer's specification, the normalizer's.
pub(crate) fn sentencepiece(input: &Input) -> Result<Finding, ProbeError> {
    let mut wire = Wire::new(input.blob);
    let mut root = wire.root();
    let mut weights = tokenizer();
    let (mut pieces, mut known) = (0u64, false);
    let outcome = loop {
        match wire.next(&mut root) {
            Ok(Some(Field { number: 1, value: Value::Bytes(piece) })) => {
                pieces = pieces.saturating_add(1);
                if pieces <= FIRST_PIECES {
                    known |= is_unknown_piece(&mut wire, piece)?;
                } else if !known {
                    return Err(ProbeError::NotMine);
                }
            }
            Ok(Some(Field { number: 2, value: Value::Bytes(trainer) })) => {
                specification(&mut wire, trainer, &mut weights)?
            }
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        if pieces == 0 {
            return Err(ProbeError::NotMine);
        }
    };
    if !known {
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    weights.vocab_size = Some(pieces);
    Finding::new(Fact::Weights(Box::new(weights))).noting(outcome)
}

fn tokenizer() -> Weights {
    Weights { kind: Some("tokenizer".to_owned()), parameter_count: Some(0), ..Weights::default() }
}

fn is_unknown_piece(wire: &mut Wire, mut piece: Span) -> Result<bool, ProbeError> {
    let mut unknown = false;
    while let Some(field) = wire.next(&mut piece)? {
        match field {
            Field { number: 1, value: Value::Bytes(text) } => unknown |= wire.text(text, 16)? == "<unk>",
            Field { number: 3, value: Value::Varint(kind) } => unknown |= kind == UNKNOWN,
            Field { number: 2, value: Value::Fixed32(_) } => {}
            _ => return Err(ProbeError::NotMine),
        }
    }
    Ok(unknown)
}

fn specification(wire: &mut Wire, mut trainer: Span, weights: &mut Weights) -> Result<(), ProbeError> {
    while let Some(field) = wire.next(&mut trainer)? {
        match field {
            Field { number: 1 | 2, value: Value::Bytes(path) } if weights.paths.len() < MAX_PATHS => {
                let path = wire.text(path, MAX_TEXT)?;
                if !path.is_empty() {
                    weights.paths.push(publishable("", &path));
                }
            }
            Field { number: 3, value: Value::Varint(kind) } => {
                let kind = usize::try_from(kind)
                    .ok()
                    .and_then(|kind| ["unigram", "bpe", "word", "char"].get(kind.checked_sub(1)?));
                weights.model_type = kind.map(|kind| (*kind).to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// A token in base64 and its rank on every line.
pub(crate) fn tiktoken(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_RANKS)?;
    let mut count = 0u64;
    let mut last = None;
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end).filter(|line| !line.is_empty()) {
        let rank = rank(line).ok_or(ProbeError::NotMine)?;
        if last.is_some_and(|last| rank <= last) {
            return Err(ProbeError::NotMine);
        }
        last = Some(rank);
        count = count.saturating_add(1);
    }
    // Ranks are consecutive but for the few that are kept for special tokens.
    if count < MIN_RANKS || last.is_none_or(|last| last > count.saturating_mul(2)) {
        return Err(ProbeError::NotMine);
    }
    Ok(Finding::new(Fact::Weights(Box::new(Weights { vocab_size: Some(count), ..tokenizer() }))))
}

fn rank(line: &[u8]) -> Option<u64> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let (token, rank) = line.split_at_checked(space)?;
    let base64 = token.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
    if token.is_empty() || token.len() % 4 != 0 || !base64 {
        return None;
    }
    std::str::from_utf8(rank.get(1..)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn a_sentencepiece_model_names_its_text() {
        let mut bytes = b"\x0a\x0e\x0a\x05<unk>\x15\0\0\0\0\x18\x02\x0a\x08\x0a\x01a\x15\0\0\0\0".to_vec();
        bytes.extend(b"\x12\x16\x0a\x10/srv/notes/a.txt\x18\x02\x20\x09");
        let finding = run(sentencepiece, &bytes).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.vocab_size, weights.model_type.as_deref()), (Some(2), Some("bpe")));
        assert_eq!(weights.paths, ["/srv/notes/a.txt"]);
        for other in [&b"\x0a\x08\x0a\x01a\x15\0\0\0\0"[..], b"\x08\x01", b"", b"\x0a\x03abc"] {
            assert!(run(sentencepiece, other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn ranks_go_up_from_line_to_line() {
        let lines: String = (0..300).map(|rank| format!("YWI= {rank}\n")).collect();
        assert_eq!(run(tiktoken, lines.as_bytes()).unwrap().fact.weights().unwrap().vocab_size, Some(300));
        let few: String = (0..20).map(|rank| format!("YWI= {rank}\n")).collect();
        let counts: String = (0..300).map(|count| format!("word {}\n", 900 - count)).collect();
        for text in [few, counts, "a b\n".to_owned(), String::new(), "word0\nword1\n".to_owned()] {
            assert!(run(tiktoken, text.as_bytes()).is_err());
        }
    }
}
