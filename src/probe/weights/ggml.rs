//! Files of ggml from before GGUF: a magic number, for some a version, then the numbers of a model's shape.
//!
//! Follows `convert-pth-to-ggml.py` and `llama.cpp` of early 2023 (`ggml`, `ggmf`, `ggjt`, adapters as `ggla`) and
//! `models/convert-pt-to-ggml.py` of whisper.cpp, which still writes the first. The numbers have no names: which model
//! they are of is told by which of them make sense.

use super::super::{Finding, Input, ProbeError};
use crate::blob::Cursor;
use crate::model::{Fact, Weights};

/// Reads the numbers at the front.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    let (container, versioned) = match &cursor.array()? {
        b"lmgg" => ("ggml", false),
        b"fmgg" => ("ggmf", true),
        b"tjgg" => ("ggjt", true),
        b"algg" => ("ggla", true),
        _ => return Err(ProbeError::NotMine),
    };
    if versioned && !(1..=3).contains(&cursor.u32()?) {
        return Err(ProbeError::NotMine);
    }
    let mut weights = Weights { container: Some(container.to_owned()), ..Weights::default() };
    if container == "ggla" {
        let (r, alpha) = (cursor.u32()?, cursor.u32()?);
        if !(1..=1 << 16).contains(&r) {
            return Err(ProbeError::NotMine);
        }
        weights.kind = Some("adapter".to_owned());
        weights.r = Some(u64::from(r));
        weights.lora_alpha = Some(f64::from(alpha));
        return Ok(Finding::new(Fact::Weights(Box::new(weights))));
    }
    let mut numbers = [0u64; 11];
    let wanted = if versioned { 7 } else { 11 };
    for number in numbers.iter_mut().take(wanted) {
        *number = u64::from(cursor.u32()?);
    }
    fill(&mut weights, &numbers, versioned)?;
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

/// Numbers of entries, layers and so on are small; bytes of something else are not.
fn fill(weights: &mut Weights, numbers: &[u64; 11], versioned: bool) -> Result<(), ProbeError> {
    let vocabulary = |number: u64| (1..1 << 24).contains(&number);
    let width = |number: u64| (1..1 << 17).contains(&number);
    let layers = |number: u64| (1..1 << 12).contains(&number);
    match *numbers {
        // Whisper: vocabulary; context, width, heads, layers of the encoder; the same of the decoder; bands, type.
        [vocab, ctx, state, heads, depth, text_ctx, text_state, text_heads, text_depth, 80 | 128, kind]
            if !versioned
                && vocabulary(vocab)
                && width(ctx)
                && width(state)
                && width(text_ctx)
                && state == text_state
                && layers(heads)
                && layers(text_heads)
                && layers(depth)
                && layers(text_depth)
                && kind < 1 << 16 =>
        {
            weights.architecture = Some("whisper".to_owned());
            weights.vocab_size = Some(vocab);
            weights.hidden_size = Some(state);
            weights.num_layers = Some(depth.saturating_add(text_depth));
        }
        // LLaMA: vocabulary, width, multiple, heads, layers, rotation, type.
        [vocab, embedding, _, heads, depth, ..]
            if vocabulary(vocab) && width(embedding) && layers(heads) && layers(depth) =>
        {
            weights.vocab_size = Some(vocab);
            weights.hidden_size = Some(embedding);
            weights.num_layers = Some(depth);
        }
        // Others put a context or an order of their own there; the vocabulary comes first in all.
        [vocab, second, ..] if vocabulary(vocab) && width(second) => weights.vocab_size = Some(vocab),
        _ => return Err(ProbeError::NotMine),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(magic: &[u8], numbers: &[u32]) -> Result<Weights, ProbeError> {
        let mut bytes = magic.to_vec();
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let finding = probe(&Input::new(&Memory::new(bytes.as_slice()), &bytes))?;
        Ok(finding.fact.weights().unwrap().clone())
    }

    #[test]
    fn models_are_told_by_their_numbers() {
        let whisper = run(b"lmgg", &[51864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1]).unwrap();
        assert_eq!((whisper.architecture.as_deref(), whisper.num_layers), (Some("whisper"), Some(8)));
        let llama = run(b"tjgg", &[3, 32000, 4096, 256, 32, 32, 128, 2]).unwrap();
        assert_eq!((llama.vocab_size, llama.hidden_size, llama.num_layers), (Some(32000), Some(4096), Some(32)));
        let adapter = run(b"algg", &[1, 16, 32]).unwrap();
        assert_eq!((adapter.kind.as_deref(), adapter.r), (Some("adapter"), Some(16)));
    }

    #[test]
    fn other_bytes_are_left() {
        assert!(run(b"GGUF", &[3, 1, 1]).is_err());
        assert!(run(b"tjgg", &[900, 32000, 4096, 256, 32, 32, 128, 2]).is_err());
        assert!(run(b"lmgg", &[0x6c6c_6c6c; 11]).is_err());
        assert!(run(b"lmgg", &[32000, 4096]).is_err());
    }
}
