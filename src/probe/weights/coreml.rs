//! Core ML: one protocol buffer message, `Model`, without magic; inside of a package its weights lie beside it.
//!
//! Follows `Model.proto`, `FeatureTypes.proto` and `NeuralNetwork.proto` of coremltools 9.0 (specification version 10).
//! What tells it from any other message is the set of its outermost fields: a version, a description and one kind of
//! model. Weights are counted by the length of their fields, never read; pipelines are summed.

use super::super::{Finding, Input, ProbeError};
use super::coreml_program::Program;
use super::onnx::pair;
use super::tensors::Tensors;
use crate::blob::ReadError;
use crate::model::{Fact, Weights, publishable};
use crate::probe::kit;
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// 10 is current; one is added a year.
const MAX_VERSION: u64 = 64;
/// Longest name or free text that is read.
const MAX_TEXT: u64 = 64 << 10;
/// Inputs and outputs that are published.
const MAX_PORTS: usize = 1024;
/// Key-value pairs that are kept.
const MAX_PROPERTIES: usize = 512;
/// Deepest pipeline within a pipeline, or branch within a branch.
const MAX_NESTING: u32 = 16;

/// Reads the model around its weights.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut model = CoreMl { wire: Wire::new(input.blob), sum: Tensors::default(), weights: Weights::default() };
    let outer = match model.outermost() {
        // Structure is the only sign of the format, so what does not parse is another's.
        Err(ProbeError::Malformed(_) | ProbeError::Read(ReadError::Ended { .. })) => return Err(ProbeError::NotMine),
        other => other?,
    };
    model.weights.spec_version = Some(outer.version);
    model.weights.model_type = Some(outer.kind.1.to_owned());
    let mut notes = Vec::new();
    if let Err(error) = model.description(outer.description) {
        notes.push(kit::note(error)?);
    }
    match model.kind(outer.kind.0, outer.body, 0) {
        Ok(()) if model.sum.count() > 0 => model.sum.fill(&mut model.weights),
        Ok(()) => {}
        Err(error) => notes.push(kit::note(error)?),
    }
    Ok(Finding { notes, ..Finding::new(Fact::Weights(Box::new(model.weights))) })
}

/// The outermost fields.
struct Outer {
    version: u64,
    description: Span,
    kind: (u32, &'static str),
    body: Span,
}

struct CoreMl<'a> {
    wire: Wire<'a>,
    sum: Tensors,
    weights: Weights,
}

impl CoreMl<'_> {
    fn outermost(&mut self) -> Result<Outer, ProbeError> {
        let (mut version, mut description, mut body) = (None, None, None);
        let mut root = self.wire.root();
        while let Some(Field { number, value }) = self.wire.next(&mut root)? {
            match (number, value) {
                (1, Value::Varint(number)) if (1..=MAX_VERSION).contains(&number) => version = Some(number),
                (2, Value::Bytes(message)) if description.is_none() => description = Some(message),
                (10, Value::Varint(0 | 1)) => {}
                (200..=3000, Value::Bytes(message)) if body.is_none() => {
                    body = Some((number, kind_name(number).ok_or(ProbeError::NotMine)?, message));
                }
                _ => return Err(ProbeError::NotMine),
            }
        }
        match (version, description, body) {
            (Some(version), Some(description), Some((number, name, body))) => {
                self.is_description(description)?;
                Ok(Outer { version, description, kind: (number, name), body })
            }
            _ => Err(ProbeError::NotMine),
        }
    }

    /// Refuses a message whose fields no description has.
    fn is_description(&mut self, mut description: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut description)? {
            if !matches!((number, value), (1 | 10..=13 | 20..=21 | 50 | 100, Value::Bytes(_))) {
                return Err(ProbeError::NotMine);
            }
        }
        Ok(())
    }

    fn description(&mut self, mut description: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut description)? {
            let Value::Bytes(span) = value else { continue };
            match number {
                1 | 10 => self.port(number, span)?,
                // A function of a model with several: ports are those of all.
                20 => self.function(span)?,
                100 => self.metadata(span)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&mut self, mut function: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut function)? {
            match (number, value) {
                (2, Value::Bytes(port)) => self.port(1, port)?,
                (3, Value::Bytes(port)) => self.port(10, port)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The name of a feature, its first field.
    fn port(&mut self, number: u32, mut feature: Span) -> Result<(), ProbeError> {
        let Some(Field { number: 1, value: Value::Bytes(name) }) = self.wire.next(&mut feature)? else { return Ok(()) };
        let name = publishable("port", &self.wire.text(name, MAX_TEXT)?);
        let ports = if number == 1 { &mut self.weights.inputs } else { &mut self.weights.outputs };
        if ports.len() < MAX_PORTS && !ports.contains(&name) {
            ports.push(name);
        }
        Ok(())
    }

    fn metadata(&mut self, mut metadata: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut metadata)? {
            let Value::Bytes(span) = value else { continue };
            if number == 100 {
                let (key, text) = pair(&mut self.wire, span)?;
                self.keep(&key, &text);
                continue;
            }
            let text = self.wire.text(span, MAX_TEXT)?;
            if text.is_empty() {
                continue;
            }
            match number {
                1 => self.keep("description", &text),
                2 => self.keep("version", &text),
                3 => self.weights.author = Some(publishable("author", &text)),
                4 => self.weights.license = Some(publishable("license", &text)),
                _ => {}
            }
        }
        let version = self.weights.metadata.get("com.github.apple.coremltools.version");
        self.weights.producer = version.map(|version| format!("coremltools {version}"));
        Ok(())
    }

    fn keep(&mut self, key: &str, text: &str) {
        if !text.is_empty() && self.weights.metadata.len() < MAX_PROPERTIES {
            self.weights.metadata.insert(publishable("", key), publishable(key, text));
        }
    }

    /// Counts the weights of one kind of model.
    fn kind(&mut self, number: u32, body: Span, nesting: u32) -> Result<(), ProbeError> {
        match number {
            200 | 201 => self.each(body, 1, |model, pipeline| model.pipeline(pipeline, nesting)),
            202 => self.pipeline(body, nesting),
            303 | 403 | 500 => self.network(body, nesting),
            300 | 400 => self.linear(body),
            502 => {
                let mut program = Program::new(&mut self.wire, &mut self.sum);
                program.read(body)?;
                let layers = program.operations;
                self.add_layers(layers);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn pipeline(&mut self, pipeline: Span, nesting: u32) -> Result<(), ProbeError> {
        let nesting = deeper(nesting)?;
        self.each(pipeline, 1, |this, mut model| {
            while let Some(Field { number, value }) = this.wire.next(&mut model)? {
                if let Value::Bytes(body) = value {
                    this.kind(number, body, nesting)?;
                }
            }
            Ok(())
        })
    }

    /// Does something with every message in one field of another.
    fn each(
        &mut self,
        mut message: Span,
        wanted: u32,
        mut act: impl FnMut(&mut Self, Span) -> Result<(), ProbeError>,
    ) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut message)? {
            if let Value::Bytes(span) = value
                && number == wanted
            {
                act(self, span)?;
            }
        }
        Ok(())
    }

    fn add_layers(&mut self, more: u64) {
        self.weights.layer_count = Some(self.weights.layer_count.unwrap_or(0).saturating_add(more));
    }

    fn network(&mut self, network: Span, nesting: u32) -> Result<(), ProbeError> {
        self.add_layers(0);
        let nesting = deeper(nesting)?;
        self.each(network, 1, |this, layer| {
            this.add_layers(1);
            this.layer(layer, nesting)
        })
    }

    fn layer(&mut self, mut layer: Span, nesting: u32) -> Result<(), ProbeError> {
        let mut name = String::new();
        while let Some(Field { number, value }) = self.wire.next(&mut layer)? {
            let Value::Bytes(params) = value else { continue };
            match number {
                1 => name = self.wire.text(params, MAX_TEXT)?,
                // Branches and loops hold networks.
                605 => {
                    self.each(params, 1, |this, network| this.network(network, nesting))?;
                    self.each(params, 2, |this, network| this.network(network, nesting))?;
                }
                615 => {
                    self.each(params, 2, |this, network| this.network(network, nesting))?;
                    self.each(params, 3, |this, network| this.network(network, nesting))?;
                }
                420 | 430 => self.each(params, 20, |this, gates| this.tensors(gates, 420, &name))?,
                _ => self.tensors(params, number, &name)?,
            }
        }
        Ok(())
    }

    /// The weights among a layer's parameters.
    fn tensors(&mut self, mut params: Span, layer: u32, name: &str) -> Result<(), ProbeError> {
        let fields = weight_fields(layer);
        if fields.is_empty() {
            return Ok(());
        }
        while let Some(Field { number, value }) = self.wire.next(&mut params)? {
            if let Value::Bytes(weight) = value
                && fields.contains(&number)
            {
                self.weight(weight, &format!("{name}.{number}"))?;
            }
        }
        Ok(())
    }

    /// A `WeightParams`: numbers in one of four widths.
    fn weight(&mut self, mut weight: Span, name: &str) -> Result<(), ProbeError> {
        let (mut floats, mut raw, mut bits) = ((0, "float32"), 0u64, None);
        while let Some(Field { number, value }) = self.wire.next(&mut weight)? {
            match (number, value) {
                (1, Value::Bytes(packed)) => floats = (packed.len() / 4, "float32"),
                (1, Value::Fixed32(_)) => floats.0 = floats.0.saturating_add(1),
                (2, Value::Bytes(halves)) if halves.len() > 0 => floats = (halves.len() / 2, "float16"),
                (31, Value::Bytes(bytes)) if bytes.len() > 0 => floats = (bytes.len(), "int8"),
                (30, Value::Bytes(bytes)) => raw = bytes.len(),
                (40, Value::Bytes(mut quantization)) => {
                    if let Some(Field { number: 1, value: Value::Varint(width @ 1..=8) }) =
                        self.wire.next(&mut quantization)?
                    {
                        bits = Some(width);
                    }
                }
                _ => {}
            }
        }
        if raw > 0 {
            let bits = bits.unwrap_or(8);
            let elements = raw.saturating_mul(8).checked_div(bits).unwrap_or(0);
            self.sum.add(name, &format!("uint{bits}"), &[elements])?;
        } else if floats.0 > 0 {
            self.sum.add(name, floats.1, &[floats.0])?;
        }
        Ok(())
    }

    /// A linear model: rows of coefficients, and an offset a row.
    fn linear(&mut self, mut model: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut model)? {
            match (number, value) {
                (1, Value::Bytes(mut row)) => {
                    if let Some(Field { number: 1, value: Value::Bytes(packed) }) = self.wire.next(&mut row)? {
                        self.sum.add("weights", "float64", &[packed.len() / 8])?;
                    }
                }
                (2, Value::Bytes(packed)) => drop(self.sum.add("offset", "float64", &[packed.len() / 8])?),
                _ => {}
            }
        }
        Ok(())
    }
}

fn deeper(nesting: u32) -> Result<u32, ProbeError> {
    if nesting < MAX_NESTING {
        return Ok(nesting.saturating_add(1));
    }
    Err(ProbeError::Malformed(format!("nests models deeper than {MAX_NESTING} levels")))
}

/// Fields of a layer's parameters that are weights, by the layer's own field.
fn weight_fields(layer: u32) -> &'static [u32] {
    match layer {
        100 => &[90, 91],
        140 | 150 | 1040 => &[20, 21],
        160 => &[15, 16, 17, 18],
        245 => &[2, 5],
        250 | 290 | 1070 => &[2],
        400 => &[30, 31, 32],
        410 => &[30, 31, 32, 50, 51, 52, 70, 71, 72],
        // The gates of a long short-term memory.
        420 => &[1, 2, 3, 4, 20, 21, 22, 23, 40, 41, 42, 43, 60, 61, 62],
        500 => &[20],
        1045 => &[8, 9],
        1350 => &[3, 4],
        1471 => &[60, 61],
        _ => &[],
    }
}

/// Name of a kind of model, by its field.
fn kind_name(number: u32) -> Option<&'static str> {
    Some(match number {
        200 => "pipelineClassifier",
        201 => "pipelineRegressor",
        202 => "pipeline",
        300 => "glmRegressor",
        301 => "supportVectorRegressor",
        302 => "treeEnsembleRegressor",
        303 => "neuralNetworkRegressor",
        304 => "bayesianProbitRegressor",
        400 => "glmClassifier",
        401 => "supportVectorClassifier",
        402 => "treeEnsembleClassifier",
        403 => "neuralNetworkClassifier",
        404 => "kNearestNeighborsClassifier",
        500 => "neuralNetwork",
        501 => "itemSimilarityRecommender",
        502 => "mlProgram",
        555 => "customModel",
        556 => "linkedModel",
        560 => "classConfidenceThresholding",
        600 => "oneHotEncoder",
        601 => "imputer",
        602 => "featureVectorizer",
        603 => "dictVectorizer",
        604 => "scaler",
        606 => "categoricalMapping",
        607 => "normalizer",
        609 => "arrayFeatureExtractor",
        610 => "nonMaximumSuppression",
        900 => "identity",
        2000 => "textClassifier",
        2001 => "wordTagger",
        2002 => "visionFeaturePrint",
        2003 => "soundAnalysisPreprocessing",
        2004 => "gazetteer",
        2005 => "wordEmbedding",
        2006 => "audioFeaturePrint",
        3000 => "serializedModel",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn bytes(field: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
        let content = content.as_ref();
        let (tag, len) = (u16::from(field) << 3 | 2, u8::try_from(content.len()).unwrap());
        assert!(len < 128);
        match tag {
            0..128 => [&[tag as u8, len], content].concat(),
            _ => [&[(tag & 127) as u8 | 128, (tag >> 7) as u8, len], content].concat(),
        }
    }

    /// A kind of model: all their tags have two bytes.
    fn body(field: u16, content: impl AsRef<[u8]>) -> Vec<u8> {
        let content = content.as_ref();
        let tag = field << 3 | 2;
        [&[(tag & 127) as u8 | 128, (tag >> 7) as u8, content.len() as u8], content].concat()
    }

    fn run(content: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(content), content))
    }

    fn model(kind: &[u8]) -> Vec<u8> {
        [b"\x08\x01".as_slice(), &bytes(2, bytes(1, bytes(1, "x"))), kind].concat()
    }

    #[test]
    fn other_messages_are_left_to_others() {
        for other in [
            Vec::new(),
            b"text".to_vec(),
            b"\x08\x01".to_vec(),
            model(b""),
            model(&body(700, "")),
            model(&[body(500, ""), body(502, "")].concat()),
            model(&[body(500, ""), bytes(7, "")].concat()),
            [b"\x08\x01".as_slice(), &bytes(2, "pytorch"), &body(500, "")].concat(),
            [b"\x08\x7f".as_slice(), &bytes(2, ""), &body(500, "")].concat(),
        ] {
            assert!(matches!(run(&other), Err(ProbeError::NotMine)), "{other:?}");
        }
        assert!(run(&model(&body(500, ""))).unwrap().notes.is_empty());
    }

    #[test]
    fn what_is_broken_inside_is_noted_beside_the_rest() {
        let deep = (0..20).fold(Vec::new(), |inner, _| bytes(1, body(202, inner)));
        for inner in [body(202, deep), body(500, [0xff; 12]), body(502, bytes(2, bytes(2, [0x0f, 0xff])))] {
            let finding = run(&model(&inner)).unwrap();
            assert_eq!(finding.notes.len(), 1, "{inner:?}");
            assert_eq!(finding.fact.weights().unwrap().inputs, ["x"]);
        }
    }

    #[test]
    fn a_cut_model_is_no_panic() {
        let weight = bytes(1, [0; 8]);
        let layer = [bytes(1, "fc"), body(250, bytes(2, weight))].concat();
        let whole = model(&body(500, bytes(1, layer)));
        let finding = run(&whole).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.parameter_count, weights.layer_count), (Some(2), Some(1)));
        for size in 0..whole.len() {
            assert!(run(&whole[..size]).is_err(), "{size}");
        }
    }
}
