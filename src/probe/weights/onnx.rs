//! ONNX: one protocol buffer message, `ModelProto`, without magic or header.
//!
//! Follows `onnx.proto` of onnx 1.23 (IR version 14). What tells it from any other message is the set of its outermost
//! fields and their types; the graph and the operator sets must both be there. Tensor bytes are passed over by their
//! declared length, and files that hold them elsewhere are named, never opened.

use super::super::{Finding, Input, ProbeError};
use super::onnx_graph::Graph;
use crate::blob::ReadError;
use crate::model::{Cause, Fact, Weights, publishable};
use crate::probe::kit;
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// 14 is current; one is added a year.
const MAX_IR_VERSION: u64 = 32;
/// Longest producer, version or domain.
const MAX_WORD: u64 = 4096;
/// Read of a free text. Less than a hundredth of it is published.
const MAX_TEXT: u64 = 64 << 10;
/// Key-value pairs that are kept.
const MAX_PROPERTIES: usize = 512;

/// What stands around the graph.
#[derive(Default)]
struct Model {
    ir_version: Option<u64>,
    producer: String,
    producer_version: String,
    domain: String,
    has_graph: bool,
    has_opset: bool,
    weights: Weights,
}

/// Reads the model around the tensor bytes.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut wire = Wire::new(input.blob);
    let mut model = Model::default();
    if let Err(error) = model.outermost(&mut wire) {
        return Err(match error {
            // Structure is the only sign of the format, so what does not parse is another's. A file that was
            // recognised and then ends in the middle of its graph is a cut one.
            ProbeError::Read(ReadError::Ended { .. }) if !model.is_begun() => ProbeError::NotMine,
            ProbeError::Malformed(_) => ProbeError::NotMine,
            other => other,
        });
    }
    if model.ir_version.is_none() || !model.has_graph || !model.has_opset {
        return Err(ProbeError::NotMine);
    }

    let mut graph = Graph::new(wire);
    let walked = graph.model();
    let mut notes = Vec::new();
    let mut weights = model.facts();
    if graph.leaves_directory() {
        notes.push((Cause::Malformed, "names external data that points outside its directory".to_owned()));
    }
    graph.fill(&mut weights, walked.is_ok());
    if let Err(error) = walked {
        notes.push(kit::note(error)?);
    }
    Ok(Finding { notes, ..Finding::new(Fact::Weights(Box::new(weights))) })
}

impl Model {
    /// Reads all fields but the graph, the functions and training information, which are checked for their kind only.
    fn outermost(&mut self, wire: &mut Wire) -> Result<(), ProbeError> {
        let mut root = wire.root();
        while let Some(Field { number, value }) = wire.next(&mut root)? {
            match (number, value) {
                (1, Value::Varint(version)) if (1..=MAX_IR_VERSION).contains(&version) => {
                    self.ir_version = Some(version);
                }
                (2, Value::Bytes(text)) => self.producer = word(wire, text)?,
                (3, Value::Bytes(text)) => self.producer_version = word(wire, text)?,
                (4, Value::Bytes(text)) => self.domain = word(wire, text)?,
                (5, Value::Varint(version)) => {
                    if version > 0 {
                        self.keep("model_version", &version.cast_signed().to_string());
                    }
                }
                (6, Value::Bytes(text)) => {
                    let text = wire.text(text, MAX_TEXT)?;
                    self.keep("doc_string", &text);
                }
                (7, Value::Bytes(graph)) => {
                    is_graph(wire, graph)?;
                    self.has_graph = true;
                }
                (8, Value::Bytes(opset)) => self.opset(wire, opset)?,
                (14, Value::Bytes(property)) => {
                    let (key, text) = pair(wire, property)?;
                    self.keep(&key, &text);
                }
                // Training information, functions, device configurations, and what later versions may add.
                (20 | 25..=64, Value::Bytes(_)) => {}
                _ => return Err(ProbeError::NotMine),
            }
        }
        Ok(())
    }

    /// Whether enough was read to call the file an ONNX model though its end is missing.
    fn is_begun(&self) -> bool {
        self.ir_version.is_some() && !self.producer.is_empty()
    }

    fn opset(&mut self, wire: &mut Wire, mut opset: Span) -> Result<(), ProbeError> {
        let (mut domain, mut version) = (String::new(), None);
        while let Some(Field { number, value }) = wire.next(&mut opset)? {
            match (number, value) {
                (1, Value::Bytes(text)) => domain = word(wire, text)?,
                (2, Value::Varint(number)) => version = Some(number),
                _ => return Err(ProbeError::NotMine),
            }
        }
        self.has_opset = true;
        // The default domain may be spelled out.
        if domain.is_empty() || domain == "ai.onnx" {
            self.weights.opset = version;
        }
        Ok(())
    }

    fn keep(&mut self, key: &str, text: &str) {
        if !text.is_empty() && self.weights.metadata.len() < MAX_PROPERTIES {
            self.weights.metadata.insert(publishable("", key), publishable(key, text));
        }
    }

    fn facts(mut self) -> Weights {
        let domain = std::mem::take(&mut self.domain);
        self.keep("domain", &domain);
        let producer = format!("{} {}", self.producer, self.producer_version);
        let producer = producer.trim();
        self.weights.producer = (!producer.is_empty()).then(|| publishable("producer", producer));
        self.weights
    }
}

/// A short text without control characters but those of lines: a message in its place would have some. CatBoost writes
/// its whole build information as the producer's version.
fn word(wire: &mut Wire, text: Span) -> Result<String, ProbeError> {
    if text.len() > MAX_WORD {
        return Err(ProbeError::NotMine);
    }
    match String::from_utf8(wire.bytes(text, MAX_WORD)?) {
        Ok(text) if !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => Ok(text),
        _ => Err(ProbeError::NotMine),
    }
}

/// Refuses a message whose first field no graph has.
fn is_graph(wire: &mut Wire, mut graph: Span) -> Result<(), ProbeError> {
    match wire.next(&mut graph)? {
        Some(Field { number: 1 | 2 | 5 | 10..=16, value: Value::Bytes(_) }) => Ok(()),
        _ => Err(ProbeError::NotMine),
    }
}

/// A `StringStringEntryProto`.
pub(super) fn pair(wire: &mut Wire, mut entry: Span) -> Result<(String, String), ProbeError> {
    let (mut key, mut text) = (String::new(), String::new());
    while let Some(Field { number, value }) = wire.next(&mut entry)? {
        match (number, value) {
            (1, Value::Bytes(name)) => key = wire.text(name, MAX_WORD)?,
            (2, Value::Bytes(value)) => text = wire.text(value, MAX_TEXT)?,
            _ => {}
        }
    }
    Ok((key, text))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)] // of forged sizes
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::blob::{Blob, Memory};

    fn varint(mut value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
            value >>= 7;
        }
        out.push(u8::try_from(value).unwrap());
        out
    }

    fn number(field: u64, value: u64) -> Vec<u8> {
        [varint(field << 3), varint(value)].concat()
    }

    fn bytes(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
        let content = content.as_ref();
        [&varint(field << 3 | 2), &varint(content.len() as u64), content].concat()
    }

    fn model(graph: impl AsRef<[u8]>) -> Vec<u8> {
        [number(1, 9), bytes(2, "acme"), bytes(7, graph), bytes(8, number(2, 17))].concat()
    }

    fn tensor(name: &str, dims: &[u64], kind: u64) -> Vec<u8> {
        let dims: Vec<u8> = dims.iter().flat_map(|&extent| number(1, extent)).collect();
        [dims, number(2, kind), bytes(8, name)].concat()
    }

    fn run(content: &[u8]) -> Result<(Weights, Vec<(Cause, String)>), ProbeError> {
        let blob = Memory::new(content);
        let finding = probe(&Input::new(&blob, content))?;
        Ok((finding.fact.weights().unwrap().clone(), finding.notes))
    }

    #[test]
    fn other_messages_are_left_to_others() {
        let graph = bytes(2, "g");
        let opset = bytes(8, number(2, 17));
        for other in [
            Vec::new(),
            b"just a text".to_vec(),
            b"\x08\x01".to_vec(),
            [number(1, 1), bytes(2, bytes(1, number(1, 2)))].concat(), // a saved model: field 2 is a message
            [number(1, 9), bytes(7, &graph)].concat(),                 // no operator set
            [number(1, 9), opset.clone()].concat(),                    // no graph
            [bytes(7, &graph), opset.clone()].concat(),                // no IR version
            [number(1, 900), bytes(7, &graph), opset.clone()].concat(),
            [number(1, 9), bytes(7, number(1, 5)), opset.clone()].concat(), // a graph of something else
            [number(1, 9), bytes(2, "a\0b"), bytes(7, &graph), opset.clone()].concat(),
            [number(1, 9), bytes(7, &graph), opset.clone(), bytes(9, "")].concat(),
        ] {
            assert!(matches!(run(&other), Err(ProbeError::NotMine)), "{other:?}");
        }
        assert!(run(&model(&graph)).is_ok());
        let lines = [number(1, 9), bytes(2, "acme"), bytes(3, "built:\n\tby us\r\n"), bytes(7, &graph), opset].concat();
        assert_eq!(run(&lines).unwrap().0.producer.as_deref().map(|text| text.starts_with("acme")), Some(true));
    }

    #[test]
    fn a_cut_model_is_told_from_another_file() {
        let whole = model([bytes(2, "g"), bytes(5, tensor("w", &[2], 1))].concat());
        for size in 0..whole.len() {
            match run(&whole[..size]) {
                Err(ProbeError::NotMine) => {}
                Err(ProbeError::Read(ReadError::Ended { .. })) => assert!(size > 8, "{size}"),
                other => panic!("{size} {other:?}"),
            }
        }
    }

    #[test]
    fn inputs_that_are_initializers_are_none() {
        let graph = [
            bytes(11, bytes(1, "x")),
            bytes(11, bytes(1, "w")),
            bytes(12, bytes(1, "y")),
            bytes(5, tensor("w", &[2, 3], 1)),
            bytes(5, [bytes(1, [2, 2]), number(2, 77)].concat()),
        ];
        let (weights, notes) = run(&model(graph.concat())).unwrap();
        assert_eq!((weights.inputs, weights.outputs), (vec!["x".to_owned()], vec!["y".to_owned()]));
        assert_eq!((weights.parameter_count, weights.tensor_count), (Some(10), Some(2)));
        assert_eq!(weights.dtypes.keys().collect::<Vec<_>>(), ["float32", "onnx-type-77"]);
        assert_eq!((weights.opset, weights.producer.as_deref()), (Some(17), Some("acme")));
        assert!(notes.is_empty());
    }

    #[test]
    fn a_hostile_graph_is_noted_beside_the_model() {
        let deep = (0..60).fold(bytes(2, "leaf"), |inner, _| bytes(1, bytes(5, bytes(6, inner))));
        for graph in [
            bytes(5, tensor("w", &[u64::MAX], 1)),
            bytes(5, tensor("w", &[1 << 40, 1 << 40], 1)),
            bytes(5, tensor("w", &[1; 65], 1)),
            bytes(5, bytes(1, [0xff; 12])),
            bytes(5, [0x42, 0x7f, 0]),
            deep,
        ] {
            let (weights, notes) = run(&model(&graph)).unwrap();
            assert!(matches!(notes[..], [(Cause::Malformed, _)]), "{notes:?}");
            assert_eq!((weights.producer.as_deref(), weights.tensor_count), (Some("acme"), None));
        }
    }

    #[test]
    fn data_outside_the_directory_is_listed_and_noted() {
        let external = |path: &str| {
            let entry = [bytes(1, "location"), bytes(2, path)].concat();
            bytes(5, [tensor("w", &[2], 1), bytes(13, entry), number(14, 1)].concat())
        };
        let (weights, notes) = run(&model([external("w.bin"), external("w.bin")].concat())).unwrap();
        assert_eq!((weights.external_data, notes.len()), (vec!["w.bin".to_owned()], 0));
        let (weights, notes) = run(&model(external("../w.bin"))).unwrap();
        assert_eq!((weights.external_data, notes.len()), (vec!["../w.bin".to_owned()], 1));
        assert!(!notes[0].1.contains("w.bin"));
    }

    /// Bytes around a stretch of zeros of which there are none in memory.
    struct Hollow {
        before: Vec<u8>,
        zeros: u64,
        after: Vec<u8>,
        reads: AtomicU64,
        read_bytes: AtomicU64,
    }

    impl Blob for Hollow {
        fn size(&self) -> u64 {
            (self.before.len() + self.after.len()) as u64 + self.zeros
        }
        fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
            let after_at = self.before.len() as u64 + self.zeros;
            let len = usize::try_from(self.size().saturating_sub(at)).unwrap_or(usize::MAX).min(buf.len());
            for (slot, at) in buf[..len].iter_mut().zip(at..) {
                let index = |at: u64| usize::try_from(at).unwrap();
                *slot = match at {
                    at if at >= after_at => self.after[index(at - after_at)],
                    at => self.before.get(index(at)).copied().unwrap_or(0),
                };
            }
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.read_bytes.fetch_add(len as u64, Ordering::Relaxed);
            Ok(len)
        }
    }

    #[test]
    fn ten_gigabytes_of_tensor_cost_a_few_short_reads() {
        let zeros = 10 << 30;
        let description = tensor("w", &[1 << 20, 2560], 1);
        // The lengths of the three messages around the raw data, from the inside out.
        let raw = [varint(9 << 3 | 2), varint(zeros)].concat();
        let tensor_len = zeros + (description.len() + raw.len()) as u64;
        let head = [varint(5 << 3 | 2), varint(tensor_len), description, raw].concat();
        let tail = bytes(12, bytes(1, "y"));
        let graph_len = zeros + (head.len() + tail.len()) as u64;
        let before = [number(1, 9), bytes(2, "acme"), varint(7 << 3 | 2), varint(graph_len), head].concat();
        let after = [tail, bytes(8, number(2, 17))].concat();
        let blob = Hollow { before, zeros, after, reads: AtomicU64::new(0), read_bytes: AtomicU64::new(0) };
        let finding = probe(&Input::new(&blob, &[])).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.parameter_count, weights.outputs.len()), (Some(2560 << 20), 1));
        let (reads, read_bytes) = (blob.reads.into_inner(), blob.read_bytes.into_inner());
        assert!(reads < 24 && read_bytes < 64 << 10, "{reads} reads of {read_bytes} bytes");
    }
}
