//! ncnn: a text with one layer a line, beside a raw file of the same stem with the weights.
//!
//! Follows ncnn's wiki, "param and model file structure": a magic number, the numbers of layers and blobs, then type,
//! name and counts of each layer. The binary form of the same table is not told from other numbers.

use super::super::{Finding, Input, ProbeError};
use crate::blob::{Cursor, ReadError};
use crate::model::{Cause, Fact, Weights, publishable};

/// The first line of every version of the format.
const MAGIC: &[u8] = b"7767517";
/// Longest line: an input of a large network lists its blobs.
const MAX_LINE: usize = 64 << 10;
/// Most layers that are looked at.
const MAX_LAYERS: u64 = 1 << 20;
const MAX_LIST: usize = 512;

/// Reads the table of layers.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut cursor = Cursor::new(input.blob, 0);
    if line(&mut cursor)?.as_deref().map(str::trim).map(str::as_bytes) != Some(MAGIC) {
        return Err(ProbeError::NotMine);
    }
    let counts = line(&mut cursor)?.ok_or(ReadError::Ended { at: input.blob.size() })?;
    let mut counts = counts.split_ascii_whitespace().map(str::parse::<u64>);
    let (Some(Ok(layers)), Some(Ok(_))) = (counts.next(), counts.next()) else {
        return Err(ProbeError::Malformed("its second line is not the numbers of layers and blobs".to_owned()));
    };
    let mut weights = Weights { layer_count: Some(layers), ..Weights::default() };
    let (mut seen, mut last_outputs) = (0u64, Vec::new());
    let mut types = std::collections::BTreeSet::new();
    while seen < layers.min(MAX_LAYERS) {
        let Some(text) = line(&mut cursor)? else { break };
        let mut words = text.split_ascii_whitespace();
        let Some(kind) = words.next() else { continue };
        seen = seen.saturating_add(1);
        if types.len() < MAX_LIST {
            types.insert(publishable("type", kind));
        }
        let name = words.next().unwrap_or_default();
        let mut count = || words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
        let (bottoms, tops) = (count(), count());
        let blobs: Vec<&str> = words.by_ref().skip(bottoms).take(tops.min(MAX_LIST)).collect();
        if kind == "Input" && weights.inputs.len() < MAX_LIST {
            weights.inputs.push(publishable("input", name));
        }
        last_outputs = blobs.into_iter().map(|blob| publishable("output", blob)).collect();
    }
    weights.outputs = last_outputs;
    weights.node_types = types.into_iter().collect();
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    if seen < layers {
        finding.notes.push((Cause::Truncated, format!("it has {seen} of the {layers} layers it says")));
    }
    Ok(finding)
}

/// The next line; `None` at the end.
fn line(cursor: &mut Cursor) -> Result<Option<String>, ProbeError> {
    let (start, left) = (cursor.position(), cursor.remaining());
    let bytes = match cursor.until(b'\n', MAX_LINE) {
        // A last line without an end.
        Err(ReadError::Ended { .. }) if left > 0 => {
            cursor.seek(start);
            cursor.vec(left.min(MAX_LINE as u64), MAX_LINE as u64)?
        }
        Err(ReadError::Ended { .. }) => return Ok(None),
        other => other?,
    };
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(text.as_bytes()), text.as_bytes()))
    }

    #[test]
    fn layers_are_listed() {
        let text = "7767517\n3 3\nInput in0 0 1 in0 0=4\nInnerProduct fc 1 1 in0 1 0=2\nSoftmax s 1 1 1 out0\n";
        let finding = run(text).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.layer_count, weights.inputs.as_slice()), (Some(3), &["in0".to_owned()][..]));
        assert_eq!((weights.outputs.as_slice(), finding.notes.len()), (&["out0".to_owned()][..], 0));
        assert_eq!(run(&text[..40]).unwrap().notes.len(), 1);
    }

    #[test]
    fn other_texts_and_hostile_counts() {
        for text in ["", "7767518\n", "77675170\n1 1\n"] {
            assert!(matches!(run(text), Err(ProbeError::NotMine)));
        }
        assert!(matches!(run("7767517\nx y\n"), Err(ProbeError::Malformed(_))));
        assert!(run(&format!("7767517\n{} 1\n", u64::MAX)).unwrap().notes.len() == 1);
        assert!(run("7767517\n1 1\na b 18446744073709551615 18446744073709551615 c").is_ok());
    }
}
