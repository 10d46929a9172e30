//! `tokenizer.json` of the tokenizers library: one JSON document with the vocabulary of a model.
//!
//! Follows tokenizers 0.22 (`Tokenizer::to_string`). The vocabulary is counted while it is parsed and not held: its
//! words are the training data's, and there are hundreds of thousands.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Cause, Fact, Weights, publishable};

/// The largest published ones have 33 MB.
const MAX_SIZE: u64 = 64 << 20;
const SIGN: &str = "\"added_tokens\"";

#[derive(Deserialize)]
struct Tokenizer {
    added_tokens: Option<Vec<Added>>,
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Added {
    content: Word,
}

#[derive(Deserialize)]
struct Model {
    r#type: Option<String>,
    vocab: Option<Vocab>,
}

/// A hash of a word, which is all that is needed to tell whether it is already counted.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word(u64);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Word;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a word")
            }

            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                Ok(Word(hasher.finish()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The words of a vocabulary: a map to their numbers, or for unigram models a list of pairs with their scores.
struct Vocab(Vec<Word>);

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Vocab, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Vocab;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
                let mut words = Vec::new();
                while let Some((word, _)) = map.next_entry::<Word, IgnoredAny>()? {
                    words.push(word);
                }
                Ok(Vocab(words))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vocab, A::Error> {
                let mut words = Vec::new();
                while let Some((word, _)) = seq.next_element::<(Word, IgnoredAny)>()? {
                    words.push(word);
                }
                Ok(Vocab(words))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// Counts the vocabulary.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut weights = Weights { kind: Some("tokenizer".to_owned()), has_tokenizer: Some(true), ..Weights::default() };
    let size = input.blob.size();
    if size > MAX_SIZE && input.head.windows(SIGN.len()).any(|part| part == SIGN.as_bytes()) {
        let detail = format!("has {size} bytes; a tokenizer of at most {MAX_SIZE} is read");
        let fact = Fact::Weights(Box::new(weights));
        return Ok(Finding { notes: vec![(Cause::Unsupported, detail)], ..Finding::new(fact) });
    }
    let tokenizer: Tokenizer = kit::json_file(input, MAX_SIZE, &[SIGN], "the tokenizer")?;
    let Some(Model { r#type, vocab: Some(Vocab(mut words)) }) = tokenizer.model else {
        return Err(ProbeError::NotMine);
    };
    words.sort_unstable();
    words.dedup();
    let added: BTreeSet<Word> = tokenizer.added_tokens.into_iter().flatten().map(|token| token.content).collect();
    let outside = added.iter().filter(|word| words.binary_search(word).is_err()).count();
    weights.vocab_size = Some(words.len().saturating_add(outside) as u64);
    if let Some(model) = r#type {
        weights.metadata.insert("model.type".to_owned(), publishable("model.type", &model));
    }
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn vocab_size(text: &str) -> Result<Option<u64>, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let finding = probe(&Input::new(&blob, text.as_bytes()))?;
        Ok(finding.fact.weights().unwrap().vocab_size)
    }

    #[test]
    fn added_tokens_count_where_the_vocabulary_does_not_have_them() {
        let map = r#"{"added_tokens": [{"id": 0, "content": "<s>"}, {"id": 9, "content": "<x>"}],
            "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "\u0062": 2}, "merges": ["a b"]}}"#;
        assert_eq!(vocab_size(map).unwrap(), Some(4));
        let list = r#"{"model": {"type": "Unigram", "vocab": [["<s>", 0.0], ["a", -1.5]]}, "added_tokens": null}"#;
        assert_eq!(vocab_size(list).unwrap(), Some(2));
    }

    #[test]
    fn other_documents_are_left() {
        for text in [r#"{"model": "x"}"#, r#"{"model": {"type": "x"}}"#, "{}", "x"] {
            assert!(matches!(vocab_size(text), Err(ProbeError::NotMine)), "{text}");
        }
        assert!(matches!(vocab_size(r#"{"added_tokens": [{"con"#), Err(ProbeError::Malformed(_))));
    }
}
