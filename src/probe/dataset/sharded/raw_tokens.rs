//! The description of a file of tokens that has no header of its own: the type of its elements, and how many there are.

use serde::Deserialize;

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Dataset, Fact};

const MAX_FILE: u64 = 1 << 20;

#[derive(Deserialize)]
struct Description {
    dtype: String,
    #[serde(alias = "num_tokens", alias = "token_count", alias = "total_tokens", alias = "tokens")]
    n_tokens: Option<u64>,
    vocab_size: Option<u64>,
}

/// Reads the description.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let said: Description = kit::json_file(input, MAX_FILE, &[], "the description of a file of tokens")?;
    let dtype = said.dtype.trim_start_matches("np.").trim_start_matches("numpy.").trim_start_matches(['<', '>', '|']);
    let dtype = match dtype {
        "u1" => "uint8",
        "u2" => "uint16",
        "u4" => "uint32",
        "i4" => "int32",
        "i8" => "int64",
        known @ ("uint8" | "uint16" | "uint32" | "uint64" | "int16" | "int32" | "int64") => known,
        _ => return Err(ProbeError::NotMine),
    };
    if said.n_tokens.is_none() && said.vocab_size.is_none() {
        return Err(ProbeError::NotMine);
    }
    let dataset = Dataset {
        dtypes: [(dtype.to_owned(), said.n_tokens.unwrap_or(0))].into(),
        token_count: said.n_tokens,
        ..Dataset::default()
    };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

/// Reads the vocabulary that nanoGPT and what was made of it leave beside `train.bin` and `val.bin`: a pickled dictionary
/// of three members. It is looked at as bytes and never unpickled. Their tokens are of 16 bits, whatever the vocabulary.
pub(crate) fn pickled(input: &Input) -> Result<Finding, ProbeError> {
    let has = |name: &[u8]| input.head.windows(name.len()).any(|window| window == name);
    let is_vocabulary = input.head.first() == Some(&0x80) && has(b"vocab_size") && has(b"stoi") && has(b"itos");
    if !is_vocabulary {
        return Err(ProbeError::NotMine);
    }
    let dataset = Dataset { dtypes: [("uint16".to_owned(), 0)].into(), ..Dataset::default() };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn a_vocabulary_is_told_by_its_members() {
        let look = |bytes: &[u8]| pickled(&Input::new(&Memory::new(bytes), bytes)).is_ok();
        assert!(look(b"\x80\x04}(\x8c\x0avocab_size\x94KA\x8c\x04itos\x94}\x8c\x04stoi\x94}u."));
        assert!(!look(b"\x80\x04}(\x8c\x0avocab_size\x94KAu.") && !look(b"vocab_size stoi itos") && !look(b""));
    }
}
