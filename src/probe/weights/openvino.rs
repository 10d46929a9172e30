//! OpenVINO IR: an XML file with the graph, beside a raw file of the same stem with the constants.
//!
//! Follows `xml_serialize_util.cpp` of OpenVINO 2026.4 (IR versions 10 and 11) and the `blobs` of versions up to 7. A
//! pull reader goes through the text once; a document type is refused, and entities that it would define are not known.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::{Finding, Input, ProbeError};
use super::tensors::Tensors;
use crate::model::{Cause, Fact, Weights, publishable};
use crate::probe::kit;

/// Longest text: some 600 bytes an operation, so one hundred thousand of them.
const MAX_TEXT: u64 = 64 << 20;
/// Deepest nesting: bodies of loops nest by five.
const MAX_DEPTH: usize = 128;
/// Inputs, outputs and properties that are kept.
const MAX_LIST: usize = 512;
const MAX_DIMS: usize = 64;

/// Reads the graph.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.windows(4).any(|word| word == b"<net") {
        return Err(ProbeError::NotMine);
    }
    let text = kit::whole(input.blob, MAX_TEXT)?;
    let mut net = Net::default();
    let mut reader = Reader::from_reader(text.as_slice());
    let mut notes = Vec::new();
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(_) if net.path.is_empty() => return Err(ProbeError::NotMine),
            Err(_) => {
                // The error's own text may quote the content.
                notes.push((Cause::Malformed, format!("its XML does not hold at byte {}", reader.error_position())));
                break;
            }
        };
        match event {
            Event::Start(element) => {
                net.element(&element)?;
                net.path.push(element.name().as_ref().into());
                if net.path.len() > MAX_DEPTH {
                    return Err(ProbeError::Malformed(format!("nests deeper than {MAX_DEPTH} levels")));
                }
            }
            Event::Empty(element) => net.element(&element)?,
            Event::End(_) => {
                net.path.pop();
            }
            Event::DocType(_) => return Err(ProbeError::NotMine),
            Event::Eof => {
                if !net.path.is_empty() {
                    notes.push((Cause::Truncated, "its XML ends before its graph does".to_owned()));
                }
                break;
            }
            _ => {}
        }
    }
    if !net.has_layers {
        return Err(ProbeError::NotMine);
    }
    Ok(Finding { notes, ..Finding::new(Fact::Weights(Box::new(net.facts()))) })
}

/// What was seen of the graph.
#[derive(Default)]
struct Net {
    /// Names of the elements that are open.
    path: Vec<Box<str>>,
    weights: Weights,
    sum: Tensors,
    has_layers: bool,
    constants: u64,
    elements: u64,
    bin_end: u64,
    /// Name, type and precision of the layer that is open.
    layer: (String, String, String),
}

impl Net {
    fn element(&mut self, element: &BytesStart) -> Result<(), ProbeError> {
        let name = element.name();
        let name = name.as_ref();
        match (self.path.len(), name) {
            (0, "net") => {
                if attribute(element, "version").is_none() {
                    return Err(ProbeError::NotMine);
                }
                self.weights.graph_name = attribute(element, "name").map(|name| publishable("graph_name", &name));
                self.weights.spec_version = attribute(element, "version").and_then(|version| version.parse().ok());
            }
            (0, _) => return Err(ProbeError::NotMine),
            (1, "layers") => self.has_layers = true,
            (_, "layer") => self.layer(element),
            (_, "data") if self.layer.1 == "Const" && self.is_inside("layer") => self.constant(element)?,
            (_, "weights" | "biases") if self.is_inside("layer") || self.is_inside("blobs") => {
                self.blob(element, name)?;
            }
            (2.., _) if self.path.get(1).is_some_and(|top| &**top == "rt_info") => self.property(element, name),
            _ => {}
        }
        Ok(())
    }

    fn is_inside(&self, parent: &str) -> bool {
        self.path.last().is_some_and(|last| &**last == parent)
    }

    /// Whether the layer that is open is one of the graph itself, not of the body of a loop.
    fn is_outermost(&self) -> bool {
        self.path.len() <= 4
    }

    fn layer(&mut self, element: &BytesStart) {
        let text = |key| attribute(element, key).unwrap_or_default();
        self.layer = (text("name"), text("type"), text("precision"));
        if !self.is_outermost() {
            return;
        }
        self.weights.layer_count = Some(self.weights.layer_count.unwrap_or(0).saturating_add(1));
        let (name, ports) = match self.layer.1.as_str() {
            "Parameter" | "Input" => (self.layer.0.as_str(), &mut self.weights.inputs),
            "Result" => {
                let name = self.layer.0.split("/sink_port_").next().unwrap_or_default();
                (name, &mut self.weights.outputs)
            }
            _ => return,
        };
        if ports.len() < MAX_LIST {
            ports.push(publishable("port", name));
        }
    }

    /// A constant of version 10 and later.
    fn constant(&mut self, element: &BytesStart) -> Result<(), ProbeError> {
        let number = |key| attribute(element, key).and_then(|text| text.trim().parse::<u64>().ok());
        let dtype = attribute(element, "element_type").unwrap_or_default();
        let mut shape = Vec::new();
        for extent in attribute(element, "shape").unwrap_or_default().split(',').map(str::trim) {
            match extent.parse() {
                Ok(extent) if shape.len() < MAX_DIMS => shape.push(extent),
                _ if extent.is_empty() => {}
                _ => return Err(ProbeError::Malformed("a constant has a shape no tensor has".to_owned())),
            }
        }
        self.add(&dtype, &shape, number("offset"), number("size"))
    }

    /// Weights of a layer up to version 7, by their bytes.
    fn blob(&mut self, element: &BytesStart, name: &str) -> Result<(), ProbeError> {
        let number = |key| attribute(element, key).and_then(|text| text.trim().parse::<u64>().ok());
        let Some(size) = number("size") else { return Ok(()) };
        let dtype = attribute(element, "precision").unwrap_or_else(|| self.layer.2.clone()).to_ascii_lowercase();
        let width = if dtype.ends_with("16") {
            2
        } else if dtype.ends_with('8') {
            1
        } else {
            4
        };
        let layer = self.layer.0.clone();
        self.layer.0 = format!("{layer}.{}", name);
        self.add(&dtype, &[size.checked_div(width).unwrap_or(0)], number("offset"), Some(size))?;
        self.layer.0 = layer;
        Ok(())
    }

    fn add(&mut self, dtype: &str, shape: &[u64], at: Option<u64>, size: Option<u64>) -> Result<(), ProbeError> {
        let elements = kit::elements(shape)?;
        if self.is_outermost() {
            self.constants = self.constants.saturating_add(1);
            self.elements = self.elements.saturating_add(elements);
        }
        let end = at.zip(size).map(|(at, size)| at.saturating_add(size));
        self.bin_end = self.bin_end.max(end.unwrap_or(0));
        // Axes and shapes are constants of 32 or 64 bits; weights are floats, or integers of few bits.
        if !matches!(dtype, "i64" | "i32" | "u64" | "u32" | "boolean" | "string") {
            self.sum.add(&self.layer.0, self::dtype(dtype), shape)?;
        }
        Ok(())
    }

    /// What converter and user noted: `<trained_on value="…"/>`, `<info name="…" value="…"/>`.
    fn property(&mut self, element: &BytesStart, name: &str) {
        let Some(value) = attribute(element, "value") else { return };
        let key = attribute(element, "name").unwrap_or_else(|| name.to_owned());
        if matches!(key.as_str(), "OpenVINO Runtime" | "Runtime_version") {
            self.weights.producer = Some(publishable("producer", &format!("OpenVINO {value}")));
        }
        if self.weights.metadata.len() < MAX_LIST {
            self.weights.metadata.insert(publishable("", &key), publishable(&key, &value));
        }
    }

    fn facts(self) -> Weights {
        let mut weights = self.weights;
        self.sum.fill(&mut weights);
        weights.constant_count = Some(self.constants);
        weights.constant_elements = Some(self.elements);
        weights.bin_bytes = Some(self.bin_end);
        weights
    }
}

/// The attribute of that name, the five entities of XML resolved.
fn attribute(element: &BytesStart, key: &str) -> Option<String> {
    let found = element.try_get_attribute(key).ok()??;
    quick_xml::escape::unescape(&found.value).ok().map(std::borrow::Cow::into_owned)
}

/// The contract's name of an element type.
fn dtype(name: &str) -> &str {
    match name {
        "f64" | "fp64" => "float64",
        "f32" | "fp32" => "float32",
        "f16" | "fp16" => "float16",
        "bf16" => "bfloat16",
        "f8e4m3" => "float8_e4m3fn",
        "f8e5m2" => "float8_e5m2",
        "i16" => "int16",
        "i8" => "int8",
        "i4" => "int4",
        "u16" => "uint16",
        "u8" => "uint8",
        "u4" => "uint4",
        "u2" => "uint2",
        "u1" => "uint1",
        "nf4" => "nf4",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(text: &str) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(text.as_bytes()), text.as_bytes()))
    }

    fn with_layers(layers: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<net name=\"n\" version=\"11\"><layers>{layers}</layers></net>")
    }

    #[test]
    fn xml_of_others_is_left() {
        for text in [
            "<network/>",
            "<net/>",
            "<net version=\"1\"/>",
            "<a><net version=\"1\"><layers/></net></a>",
            "<!DOCTYPE net [<!ENTITY a \"b\">]><net version=\"1\"><layers/></net>",
            "<net",
            "",
        ] {
            assert!(matches!(run(text), Err(ProbeError::NotMine)), "{text}");
        }
    }

    #[test]
    fn hostile_constants_are_refused() {
        for shape in [format!("{},2", u64::MAX), "1,".repeat(100), "-1".to_owned()] {
            let text =
                with_layers(&format!("<layer type=\"Const\"><data element_type=\"f32\" shape=\"{shape}\"/></layer>"));
            assert!(matches!(run(&text), Err(ProbeError::Malformed(_))), "{shape}");
        }
        assert!(matches!(run(&with_layers(&"<a>".repeat(100_000))), Err(ProbeError::Malformed(_))));
    }

    #[test]
    fn a_cut_graph_keeps_what_was_read() {
        let layer = "<layer id=\"0\" name=\"w\" type=\"Const\"><data element_type=\"i8\" shape=\"2, 3\" offset=\"4\" size=\"6\"/></layer>";
        let text = with_layers(&layer.repeat(2));
        let whole = run(&text).unwrap();
        assert!(whole.notes.is_empty());
        assert_eq!(whole.fact.weights().unwrap().constant_elements, Some(12));
        let cut = run(&text[..text.len() - layer.len()]).unwrap();
        assert_eq!(cut.notes.len(), 1);
        assert_eq!(cut.fact.weights().unwrap().bin_bytes, Some(10));
        for size in 0..text.len() {
            let _ = run(&text[..size]);
        }
    }

    #[test]
    fn weights_of_early_versions_are_counted_by_their_bytes() {
        let text = "<net batch=\"1\" name=\"old\" version=\"6\"><layers><layer id=\"0\" name=\"x\" type=\"Input\"/>\
            <layer id=\"1\" name=\"fc\" precision=\"FP16\" type=\"FullyConnected\"><blobs><weights offset=\"0\" \
            size=\"24\"/><biases offset=\"24\" size=\"4\"/></blobs></layer></layers></net>";
        let finding = run(text).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.constant_elements, weights.bin_bytes), (Some(14), Some(28)));
        assert_eq!((weights.parameter_count, weights.inputs.len()), (Some(14), 1));
    }
}
