//! GGUF: magic, version, two counts, key-value pairs, tensor descriptions, then the tensors' aligned bytes.
//!
//! Follows `docs/gguf.md` of ggml, and for block sizes the `gguf` package (0.19, `GGML_QUANT_SIZES`). Versions 1 to 3
//! in either byte order; the order shows in the version, since the magic reads the same in both. Tensor bytes are never
//! read: their descriptions say where they end, which shows whether the file is whole.

use super::super::{Finding, Input, ProbeError};
use super::gguf_keys::{Keys, Reader};
use super::tensors::Tensors;
use crate::blob::{Cursor, Endian, ReadError};
use crate::model::{Cause, Fact, Weights};
use crate::probe::kit;

/// Pairs of a header. Real ones have below one hundred.
const MAX_PAIRS: u64 = 1 << 16;
/// Tensors of a file. A mixture of experts with one tensor an expert has tens of thousands.
const MAX_TENSORS: u64 = 1 << 18;
/// ggml itself knows four.
const MAX_DIMS: u32 = 8;

/// Reads the header.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if cursor.array()? != *b"GGUF" {
        return Err(ProbeError::NotMine);
    }
    let (version, endian) = version(cursor.array()?)?;
    let mut reader = Reader::new(cursor.with_endian(endian), version > 1);
    let tensor_count = reader.count()?;
    let pair_count = reader.count()?;
    if pair_count > MAX_PAIRS || tensor_count > MAX_TENSORS {
        return Err(ProbeError::Malformed(format!("declares {pair_count} keys and {tensor_count} tensors")));
    }

    let mut weights = Weights { gguf_version: Some(u64::from(version)), ..Weights::default() };
    let mut keys = Keys::default();
    let described = describe(&mut reader, &mut keys, pair_count, tensor_count);
    if keys.read == 0 && pair_count > 0 {
        // Not one pair could be read: then nothing is known but the magic.
        described?;
        return Err(ProbeError::Malformed("has no readable key".to_owned()));
    }
    keys.fill(&mut weights);
    let notes = match described {
        Ok(Described { without_data: Some(detail), .. }) => return Err(ProbeError::Malformed(detail)),
        Ok(described) => {
            weights.kind = weights.kind.take().or_else(|| described.kind(&weights));
            described.sum.fill(&mut weights);
            described.note.into_iter().collect()
        }
        Err(error) => vec![kit::note(error)?],
    };
    Ok(Finding { notes, ..Finding::new(Fact::Weights(Box::new(weights))) })
}

/// What the tensors' descriptions say.
#[derive(Default)]
struct Described {
    sum: Tensors,
    /// Those of them that are halves of a low-rank adapter's pair.
    halves: u64,
    /// Where the file ends before its tensors do.
    note: Option<(Cause, String)>,
    /// The same where not one byte of them is there.
    without_data: Option<String>,
}

impl Described {
    /// What the file is, where the header does not say it: split models may have a first part without tensors.
    fn kind(&self, weights: &Weights) -> Option<String> {
        let kind = match self.sum.count() {
            0 if weights.vocab_size.is_some() && weights.shards.is_none() => "tokenizer",
            count if count > 0 && count == self.halves => "adapter",
            _ => return None,
        };
        Some(kind.to_owned())
    }
}

/// The version, and the byte order in which it is one.
fn version(bytes: [u8; 4]) -> Result<(u32, Endian), ProbeError> {
    let (little, big) = (u32::from_le_bytes(bytes), u32::from_be_bytes(bytes));
    match (little, big) {
        (1..=3, _) => Ok((little, Endian::Little)),
        (_, 1..=3) => Ok((big, Endian::Big)),
        (4..=32, _) | (_, 4..=32) => Err(ProbeError::Unsupported(format!("GGUF version {}", little.min(big)))),
        _ => Err(ProbeError::NotMine),
    }
}

/// Reads pairs and tensor descriptions; a note where the tensors do not fit the file.
fn describe(reader: &mut Reader, keys: &mut Keys, pairs: u64, tensors: u64) -> Result<Described, ProbeError> {
    for _ in 0..pairs {
        keys.pair(reader)?;
    }
    let mut described = Described::default();
    let mut data_size = 0u64;
    for _ in 0..tensors {
        let end = tensor(reader, &mut described)?;
        data_size = data_size.max(end);
    }
    missing(reader, keys.alignment()?, data_size, &mut described)?;
    Ok(described)
}

/// Adds one tensor; where its bytes end, from the beginning of the data.
fn tensor(reader: &mut Reader, described: &mut Described) -> Result<u64, ProbeError> {
    let name = reader.text()?;
    if name.ends_with(".lora_a") || name.ends_with(".lora_b") {
        described.halves = described.halves.saturating_add(1);
    }
    let sum = &mut described.sum;
    let dims = reader.cursor.u32()?;
    if dims > MAX_DIMS {
        return Err(ProbeError::Malformed(format!("has a tensor of {dims} dimensions")));
    }
    let shape = (0..dims).map(|_| reader.count()).collect::<Result<Vec<_>, _>>()?;
    let (kind, offset) = (reader.cursor.u32()?, reader.cursor.u64()?);
    let elements = match element(kind) {
        Some((dtype, ..)) => sum.add(&name, dtype, &shape)?,
        None => sum.add(&name, &format!("ggml-type-{kind}"), &shape)?,
    };
    // Of a type that is not known, only the offset can be checked.
    let size = element(kind).map_or(Some(0), |(_, block, bytes)| elements.div_ceil(block).checked_mul(bytes));
    size.and_then(|size| offset.checked_add(size))
        .ok_or_else(|| ProbeError::Malformed("has a tensor that ends past what 64 bits address".to_owned()))
}

/// Notes where the file ends before its tensors do.
fn missing(reader: &mut Reader, alignment: u64, data_size: u64, described: &mut Described) -> Result<(), ProbeError> {
    let at = reader.cursor.position();
    if data_size == 0 {
        return Ok(());
    }
    let begin = at.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    let needed = begin.saturating_sub(at).saturating_add(data_size);
    match reader.cursor.skip(needed) {
        // A stream that does not know its length is not unpacked only to learn it.
        Ok(()) | Err(ReadError::NeedMore { .. }) => Ok(()),
        Err(ReadError::Ended { at: size }) => {
            let whole = at.saturating_add(needed);
            let detail = format!("its header describes {whole} bytes, the file has {size}");
            if size <= begin {
                described.without_data = Some(detail);
            } else {
                described.note = Some((Cause::Truncated, detail));
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Name of an element type, elements of a block, bytes of a block.
#[rustfmt::skip]
fn element(kind: u32) -> Option<(&'static str, u64, u64)> {
    Some(match kind {
        0 => ("F32", 1, 4), 1 => ("F16", 1, 2), 2 => ("Q4_0", 32, 18), 3 => ("Q4_1", 32, 20),
        6 => ("Q5_0", 32, 22), 7 => ("Q5_1", 32, 24), 8 => ("Q8_0", 32, 34), 9 => ("Q8_1", 32, 40),
        10 => ("Q2_K", 256, 84), 11 => ("Q3_K", 256, 110), 12 => ("Q4_K", 256, 144), 13 => ("Q5_K", 256, 176),
        14 => ("Q6_K", 256, 210), 15 => ("Q8_K", 256, 292), 16 => ("IQ2_XXS", 256, 66), 17 => ("IQ2_XS", 256, 74),
        18 => ("IQ3_XXS", 256, 98), 19 => ("IQ1_S", 256, 50), 20 => ("IQ4_NL", 32, 18), 21 => ("IQ3_S", 256, 110),
        22 => ("IQ2_S", 256, 82), 23 => ("IQ4_XS", 256, 136), 24 => ("I8", 1, 1), 25 => ("I16", 1, 2),
        26 => ("I32", 1, 4), 27 => ("I64", 1, 8), 28 => ("F64", 1, 8), 29 => ("IQ1_M", 256, 56),
        30 => ("BF16", 1, 2),
        // Repacked layouts that were written for a few months of 2024 and then removed.
        31 => ("Q4_0_4_4", 32, 18), 32 => ("Q4_0_4_8", 32, 18), 33 => ("Q4_0_8_8", 32, 18),
        34 => ("TQ1_0", 256, 54), 35 => ("TQ2_0", 256, 66),
        39 => ("MXFP4", 32, 17), 40 => ("NVFP4", 64, 36), 41 => ("Q1_0", 128, 18),
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)] // of forged sizes
mod tests {
    use super::*;
    use crate::blob::{Memory, Prefix};

    /// Writes the numbers of one version in one byte order.
    struct Forge {
        bytes: Vec<u8>,
        version: u32,
        big: bool,
    }

    impl Forge {
        fn new(version: u32, big: bool, tensors: u64, pairs: u64) -> Forge {
            let forge = Forge { bytes: b"GGUF".to_vec(), version, big };
            forge.u32(version).count(tensors).count(pairs)
        }
        fn u32(mut self, value: u32) -> Forge {
            self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
            self
        }
        fn u64(mut self, value: u64) -> Forge {
            self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
            self
        }
        fn count(self, value: u64) -> Forge {
            if self.version == 1 { self.u32(u32::try_from(value).unwrap()) } else { self.u64(value) }
        }
        fn text(self, text: &str) -> Forge {
            let mut forge = self.count(text.len() as u64);
            forge.bytes.extend(text.bytes());
            forge
        }
        fn pair(self, key: &str, value: &str) -> Forge {
            self.text(key).u32(8).text(value)
        }
        fn tensor(self, name: &str, shape: &[u64], kind: u32, offset: u64) -> Forge {
            let forge = self.text(name).u32(u32::try_from(shape.len()).unwrap());
            shape.iter().fold(forge, |forge, &extent| forge.count(extent)).u32(kind).u64(offset)
        }
        fn data(mut self, bytes: usize) -> Vec<u8> {
            let begin = self.bytes.len().next_multiple_of(32);
            self.bytes.resize(begin + bytes, 0);
            self.bytes
        }
    }

    fn run(bytes: &[u8]) -> Result<(Weights, Vec<(Cause, String)>), ProbeError> {
        let blob = Memory::new(bytes);
        let finding = probe(&Input::new(&blob, bytes))?;
        Ok((finding.fact.weights().unwrap().clone(), finding.notes))
    }

    fn small(version: u32, big: bool) -> Vec<u8> {
        Forge::new(version, big, 2, 4)
            .pair("general.architecture", "llama")
            .text("llama.block_count")
            .u32(4)
            .u32(7)
            .text("tokenizer.ggml.tokens")
            .u32(9)
            .u32(8)
            .count(3)
            .text("a")
            .text("b")
            .text("")
            .text("tokenizer.ggml.scores")
            .u32(9)
            .u32(6)
            .count(3)
            .u64(0)
            .u32(0)
            .tensor("a", &[32, 2], 8, 0)
            .tensor("b", &[3], 999, 96)
            .data(128)
    }

    #[test]
    fn every_version_in_both_byte_orders_says_the_same() {
        for version in 1..=3 {
            for big in [false, true] {
                let (weights, notes) = run(&small(version, big)).unwrap();
                assert_eq!(weights.gguf_version, Some(u64::from(version)));
                assert_eq!((weights.num_layers, weights.vocab_size), (Some(7), Some(3)));
                assert_eq!((weights.parameter_count, weights.tensor_count), (Some(67), Some(2)));
                assert_eq!(weights.dtypes.keys().collect::<Vec<_>>(), ["Q8_0", "ggml-type-999"]);
                assert!(notes.is_empty(), "{notes:?}");
            }
        }
    }

    #[test]
    fn a_cut_file_keeps_what_was_read_of_it() {
        let whole = small(3, false);
        let header = whole.len() - 128;
        for size in 0..whole.len() {
            match run(&whole[..size]) {
                Ok((weights, notes)) => {
                    assert_eq!(weights.architecture.as_deref(), Some("llama"), "{size}");
                    // The last tensor is of an unknown type, so only the first one's bytes can be missing.
                    assert_eq!(notes.is_empty(), size >= header + 96, "{size} {notes:?}");
                    assert!(notes.iter().all(|(cause, _)| *cause == Cause::Truncated), "{size} {notes:?}");
                }
                Err(ProbeError::Malformed(_)) => assert!(size <= header, "{size}"),
                Err(error) => assert!(size < 80 && matches!(error, ProbeError::Read(_)), "{size} {error}"),
            }
        }
    }

    #[test]
    fn declared_counts_are_bounded_before_they_are_believed() {
        let hostile = [
            Forge::new(3, false, 0, u64::MAX).data(64),
            Forge::new(3, false, u64::MAX, 0).data(64),
            Forge::new(3, false, 0, 1).count(u64::MAX).data(64),
            Forge::new(3, false, 0, 1).text("general.name").u32(8).count(u64::MAX).data(64),
            Forge::new(3, false, 0, 1).text("k").u32(9).u32(8).count(u64::MAX).data(64),
            Forge::new(3, false, 0, 1).text("k").u32(9).u32(10).count(u64::MAX).data(64),
            Forge::new(3, false, 0, 1).text("k").u32(9).u32(9).count(u64::MAX).data(64),
            Forge::new(3, false, 0, 1).text("k").u32(13).data(64),
            Forge::new(3, true, 0, 1).text("k").u32(9).u32(77).count(1).data(64),
        ];
        for bytes in hostile {
            assert!(run(&bytes).is_err());
        }
        let nested = (0..50).fold(Forge::new(3, false, 0, 1).text("k").u32(9), |forge, _| forge.u32(9).count(1));
        assert!(matches!(run(&nested.data(0)), Err(ProbeError::Malformed(_))));
    }

    #[test]
    fn hostile_tensors_are_noted_beside_the_keys() {
        let forge = || Forge::new(3, false, 1, 1).pair("general.architecture", "llama");
        for bytes in [
            forge().tensor("a", &[u64::MAX, u64::MAX], 0, 0).data(64),
            forge().tensor("a", &[u64::MAX], 0, 0).data(64),
            forge().tensor("a", &[1], 0, u64::MAX).data(64),
            forge().tensor("a", &[1; 9], 0, 0).data(64),
            forge().text("a").u32(u32::MAX).data(64),
        ] {
            let (weights, notes) = run(&bytes).unwrap();
            assert_eq!((weights.architecture.as_deref(), weights.tensor_count), (Some("llama"), None));
            assert!(matches!(notes[..], [(Cause::Malformed, _)]), "{notes:?}");
        }
        let far = forge().tensor("a", &[1], 0, 1 << 60).data(64);
        assert!(matches!(run(&far).unwrap().1[..], [(Cause::Truncated, _)]));
        let crooked = Forge::new(3, false, 0, 1).text("general.alignment").u32(4).u32(7).data(0);
        assert!(matches!(run(&crooked).unwrap().1[..], [(Cause::Malformed, _)]));
    }

    #[test]
    fn vocabularies_and_adapters_are_no_whole_models() {
        let tokens = |tensors| Forge::new(3, false, tensors, 1).text("tokenizer.ggml.tokens").u32(9).u32(4).count(0);
        assert_eq!(run(&tokens(0).data(0)).unwrap().0.kind.as_deref(), Some("tokenizer"));
        let pair = |last: &str| tokens(2).tensor("q.lora_a", &[1], 0, 0).tensor(last, &[1], 0, 32).data(36);
        assert_eq!(run(&pair("q.lora_b")).unwrap().0.kind.as_deref(), Some("adapter"));
        assert_eq!(run(&pair("q.weight")).unwrap().0.kind, None);
    }

    #[test]
    fn other_files_with_the_same_first_letters() {
        assert!(matches!(run(b"GGUF is a format of weights"), Err(ProbeError::NotMine)));
        assert!(matches!(run(b"GGUF\x04\0\0\0"), Err(ProbeError::Unsupported(_))));
        assert!(matches!(run(b"GGML\x03\0\0\0"), Err(ProbeError::NotMine)));
        assert!(matches!(run(b"GGUF\x03"), Err(ProbeError::Read(ReadError::Ended { .. }))));
    }

    #[test]
    fn secrets_in_the_header_stay_in_it() {
        let token = format!("hf_{}", "aB3dE".repeat(7));
        let bytes = Forge::new(3, false, 0, 2)
            .pair("general.repo_url", &format!("https://me:{token}@hub.example/x"))
            .pair("general.auth_token", "swordfish")
            .data(0);
        let (weights, _) = run(&bytes).unwrap();
        let text = serde_json::to_string(&weights).unwrap();
        assert!(!text.contains(&token) && !text.contains("swordfish"), "{text}");
    }

    #[test]
    fn a_stream_is_asked_for_its_header_and_not_for_its_tensors() {
        let bytes = small(3, false);
        let header = bytes.len() - 128;
        let stream = Prefix::new(&bytes[..header], None);
        let finding = probe(&Input::new(&stream, &[])).unwrap();
        assert!(finding.notes.is_empty());
        let short = Prefix::new(&bytes[..header / 2], None);
        let answer = probe(&Input::new(&short, &[]));
        assert!(matches!(answer, Err(ProbeError::Read(ReadError::NeedMore { .. }))));
    }
}
