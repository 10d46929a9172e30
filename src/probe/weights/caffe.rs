//! Caffe and Caffe2: networks as protocol buffer messages without magic.
//!
//! Follows `caffe.proto` of BVLC Caffe (`NetParameter`, layers of both versions) and `caffe2.proto` of PyTorch 1.13
//! (`NetDef`; the values are arguments of the operators that fill them). Numbers are counted by the shapes and lengths of
//! their fields, never read.

use super::super::{Finding, Input, ProbeError, kit};
use super::tensors::Tensors;
use crate::blob::ReadError;
use crate::model::{Fact, Weights, publishable};
use crate::probe::protobuf::{Field, Span, Value, Wire};

const MAX_NAME: u64 = 4096;
const MAX_DIMS: usize = 32;
const MAX_LIST: usize = 512;

struct Net<'a> {
    wire: Wire<'a>,
    sum: Tensors,
    weights: Weights,
    layers: u64,
}

/// A `.caffemodel`.
pub(crate) fn caffe(input: &Input) -> Result<Finding, ProbeError> {
    run(input, |net| net.caffe())
}

/// The network of Caffe2 that fills the weights of another.
pub(crate) fn caffe2(input: &Input) -> Result<Finding, ProbeError> {
    run(input, |net| net.caffe2())
}

fn run(input: &Input, read: fn(&mut Net) -> Result<(), ProbeError>) -> Result<Finding, ProbeError> {
    let wire = Wire::new(input.blob);
    let mut net = Net { wire, sum: Tensors::default(), weights: Weights::default(), layers: 0 };
    let outcome = read(&mut net);
    if net.sum.count() == 0 {
        // Structure is the only sign of the format, so what does not parse is another's.
        return Err(match outcome {
            Err(error @ ProbeError::Read(_)) if !matches!(error, ProbeError::Read(ReadError::Ended { .. })) => error,
            _ => ProbeError::NotMine,
        });
    }
    let mut notes = Vec::new();
    if let Err(error) = outcome {
        notes.push(kit::note(match error {
            ProbeError::NotMine => ProbeError::Malformed("has fields that no network has".to_owned()),
            other => other,
        })?);
    }
    net.weights.layer_count = Some(net.layers);
    net.sum.fill(&mut net.weights);
    Ok(Finding { notes, ..Finding::new(Fact::Weights(Box::new(net.weights))) })
}

impl Net<'_> {
    fn caffe(&mut self) -> Result<(), ProbeError> {
        let mut root = self.wire.root();
        while let Some(Field { number, value }) = self.wire.next(&mut root)? {
            match (number, value) {
                (1, Value::Bytes(name)) => self.weights.graph_name = self.name(name)?,
                (2, Value::Bytes(layer)) => self.layer(layer, 4, 6)?,
                (100, Value::Bytes(layer)) => self.layer(layer, 1, 7)?,
                (3, Value::Bytes(name)) => {
                    if let Some(name) = self.name(name)?.filter(|_| self.weights.inputs.len() < MAX_LIST) {
                        self.weights.inputs.push(name);
                    }
                }
                (4 | 5 | 7, Value::Varint(_)) | (4 | 6 | 8, Value::Bytes(_)) => {}
                _ => return Err(ProbeError::NotMine),
            }
        }
        Ok(())
    }

    fn name(&mut self, text: Span) -> Result<Option<String>, ProbeError> {
        let text = self.wire.text(text, MAX_NAME)?;
        Ok((!text.is_empty()).then(|| publishable("name", &text)))
    }

    /// A layer whose name and blobs have those fields.
    fn layer(&mut self, mut layer: Span, name_field: u32, blob_field: u32) -> Result<(), ProbeError> {
        self.layers = self.layers.saturating_add(1);
        let mut name = String::new();
        while let Some(Field { number, value }) = self.wire.next(&mut layer)? {
            let Value::Bytes(span) = value else { continue };
            if number == name_field {
                name = self.wire.text(span, MAX_NAME)?;
            } else if number == blob_field {
                self.blob(span, &name)?;
            }
        }
        Ok(())
    }

    /// A `BlobProto`: a shape, and packed numbers.
    fn blob(&mut self, mut blob: Span, name: &str) -> Result<(), ProbeError> {
        let (mut shape, mut dtype, mut stored) = (None, "float32", 0u64);
        while let Some(Field { number, value }) = self.wire.next(&mut blob)? {
            match (number, value) {
                (7, Value::Bytes(dims)) => shape = Some(self.shape(dims, 1)?),
                (5, Value::Bytes(packed)) => stored = packed.len() / 4,
                (5, Value::Fixed32(_)) => stored = stored.saturating_add(1),
                (8, Value::Bytes(packed)) => (stored, dtype) = (packed.len() / 8, "float64"),
                _ => {}
            }
        }
        let shape = shape.filter(|shape| kit::elements(shape).is_ok_and(|elements| elements == stored));
        self.sum.add(name, dtype, &shape.unwrap_or_else(|| vec![stored]))?;
        Ok(())
    }

    fn shape(&mut self, mut dims: Span, wanted: u32) -> Result<Vec<u64>, ProbeError> {
        let mut shape = Vec::new();
        while let Some(Field { number, value }) = self.wire.next(&mut dims)? {
            match value {
                Value::Varint(extent) if number == wanted && shape.len() < MAX_DIMS => shape.push(extent),
                Value::Bytes(mut packed) if number == wanted => {
                    while let Some(extent) = self.wire.packed_varint(&mut packed)? {
                        if shape.len() < MAX_DIMS {
                            shape.push(extent);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }

    fn caffe2(&mut self) -> Result<(), ProbeError> {
        let mut root = self.wire.root();
        while let Some(Field { number, value }) = self.wire.next(&mut root)? {
            match (number, value) {
                (1, Value::Bytes(name)) => self.weights.graph_name = self.name(name)?,
                (2, Value::Bytes(operator)) => self.operator(operator)?,
                (3 | 5..=16, Value::Bytes(_)) | (4, Value::Varint(_)) => {}
                _ => return Err(ProbeError::NotMine),
            }
        }
        Ok(())
    }

    /// An operator; one that fills a tensor with given values is a weight.
    fn operator(&mut self, mut operator: Span) -> Result<(), ProbeError> {
        self.layers = self.layers.saturating_add(1);
        let (mut output, mut kind, mut shape) = (String::new(), String::new(), Vec::new());
        while let Some(Field { number, value }) = self.wire.next(&mut operator)? {
            let Value::Bytes(span) = value else { continue };
            match number {
                2 if output.is_empty() => output = self.wire.text(span, MAX_NAME)?,
                4 => kind = self.wire.text(span, MAX_NAME)?,
                5 => {
                    if let Some(found) = self.shape_argument(span)? {
                        shape = found;
                    }
                }
                _ => {}
            }
        }
        let dtype = match kind.as_str() {
            "GivenTensorFill" => "float32",
            "GivenTensorDoubleFill" => "float64",
            "GivenTensorIntFill" => "int32",
            "GivenTensorInt64Fill" => "int64",
            "Int8GivenTensorFill" | "GivenTensorByteStringToUInt8Fill" => "uint8",
            _ => return Ok(()),
        };
        self.sum.add(&output, dtype, &shape)?;
        Ok(())
    }

    /// The numbers of the argument `shape`.
    fn shape_argument(&mut self, argument: Span) -> Result<Option<Vec<u64>>, ProbeError> {
        let mut first = argument;
        match self.wire.next(&mut first)? {
            Some(Field { number: 1, value: Value::Bytes(name) }) if self.wire.text(name, MAX_NAME)? == "shape" => {
                self.shape(argument, 6).map(Some)
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn bytes(tag: &[u8], content: impl AsRef<[u8]>) -> Vec<u8> {
        let content = content.as_ref();
        [tag, &[u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn check(probe: fn(&Input) -> Result<Finding, ProbeError>, whole: &[u8], want: u64) {
        let finding = probe(&Input::new(&Memory::new(whole), whole)).unwrap();
        assert_eq!(finding.fact.weights().unwrap().parameter_count, Some(want));
        for size in 0..whole.len() {
            let cut = &whole[..size];
            let _ = probe(&Input::new(&Memory::new(cut), cut));
        }
        for other in [b"".as_slice(), b"text of something", b"\x0a\x01n", b"\x08\x01"] {
            let found = probe(&Input::new(&Memory::new(other), other));
            assert!(matches!(found, Err(ProbeError::NotMine)), "{other:?}");
        }
    }

    #[test]
    fn layers_of_both_versions() {
        let blob = [bytes(&[0x3a], bytes(&[0x0a], [2, 3])), bytes(&[0x2a], [0; 24])].concat();
        let new = bytes(&[0xa2, 0x06], [bytes(&[0x0a], "fc"), bytes(&[0x3a], &blob)].concat());
        let old = bytes(&[0x12], [bytes(&[0x22], "fc"), bytes(&[0x32], bytes(&[0x2a], [0; 8]))].concat());
        check(caffe, &[bytes(&[0x0a], "net"), new, old].concat(), 8);
    }

    #[test]
    fn fills_of_caffe2() {
        let shape = [bytes(&[0x0a], "shape"), vec![0x30, 2, 0x30, 3]].concat();
        let fill = [bytes(&[0x12], "w"), bytes(&[0x22], "GivenTensorFill"), bytes(&[0x2a], shape)].concat();
        check(caffe2, &[bytes(&[0x0a], "init"), bytes(&[0x12], fill)].concat(), 6);
    }
}
