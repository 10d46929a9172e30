//! The graph of an ONNX model: nodes, initializers, and the graphs inside of control-flow nodes.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::{ProbeError, kit};
use super::onnx::pair;
use super::tensors::Tensors;
use crate::model::{Weights, publishable};
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// Longest name that is held.
const MAX_NAME: u64 = 64 << 10;
/// numpy, which most writers go through, allows 64.
const MAX_DIMS: usize = 64;
/// Inputs and outputs that are published: a decoder with its cache has two for each layer.
const MAX_PORTS: usize = 1024;
/// Inputs that are held: models before IR version 4 list every initializer among them.
const MAX_INPUTS: usize = 1 << 17;
/// Distinct operators that are published. The standard domains have fewer than three hundred.
const MAX_OPERATORS: usize = 1024;
/// Distinct sidecar files. The exporter of torch writes one a tensor.
const MAX_SIDECARS: usize = 1 << 16;

/// Sums over a model's graph, its functions and their nested graphs.
pub(super) struct Graph<'a> {
    wire: Wire<'a>,
    name: String,
    nodes: u64,
    operators: BTreeSet<String>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// Hashes of initializer names: only asked whether an input is one.
    initialized: BTreeSet<u64>,
    initializers: Tensors,
    constants: Tensors,
    external: BTreeSet<String>,
    leaves_directory: bool,
}

/// Where a tensor was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Initializer,
    Attribute,
    /// Inside of another tensor's description: not counted.
    Indices,
}

impl<'a> Graph<'a> {
    pub(super) fn new(wire: Wire<'a>) -> Graph<'a> {
        Graph {
            wire,
            name: String::new(),
            nodes: 0,
            operators: BTreeSet::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            initialized: BTreeSet::new(),
            initializers: Tensors::default(),
            constants: Tensors::default(),
            external: BTreeSet::new(),
            leaves_directory: false,
        }
    }

    /// Whether a tensor's bytes are said to lie where only a path out of the directory leads.
    pub(super) fn leaves_directory(&self) -> bool {
        self.leaves_directory
    }

    /// Walks the graph and the functions of the model.
    pub(super) fn model(&mut self) -> Result<(), ProbeError> {
        let mut root = self.wire.root();
        while let Some(Field { number, value }) = self.wire.next(&mut root)? {
            match (number, value) {
                (7, Value::Bytes(graph)) => self.graph(graph, true)?,
                (25, Value::Bytes(function)) => self.function(function)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes what was found into the facts; sums only of a graph that was walked to its end.
    pub(super) fn fill(self, weights: &mut Weights, is_whole: bool) {
        if is_whole {
            // Some converters keep all weights in `Constant` nodes and have no initializer at all.
            let sum = if self.initializers.count() == 0 { self.constants } else { self.initializers };
            sum.fill(weights);
            weights.node_count = Some(self.nodes);
        }
        weights.graph_name = (!self.name.is_empty()).then(|| publishable("graph_name", &self.name));
        weights.node_types = self.operators.iter().map(|name| publishable("op_type", name)).collect();
        let initialized = self.initialized;
        let inputs = self.inputs.iter().filter(|name| !initialized.contains(&hash(name)));
        weights.inputs = inputs.take(MAX_PORTS).map(|name| publishable("input", name)).collect();
        weights.outputs = self.outputs.iter().map(|name| publishable("output", name)).collect();
        weights.external_data = self.external.iter().map(|path| publishable("location", path)).collect();
    }

    /// `outermost` for the model's own graph, whose nodes and ports are the facts.
    fn graph(&mut self, mut graph: Span, outermost: bool) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut graph)? {
            let Value::Bytes(span) = value else { continue };
            match number {
                1 => {
                    self.nodes = self.nodes.saturating_add(u64::from(outermost));
                    self.node(span)?;
                }
                2 if outermost => self.name = self.wire.text(span, MAX_NAME)?,
                5 => self.tensor(span, Place::Initializer)?,
                15 => self.sparse(span, Place::Initializer)?,
                11 if outermost && self.inputs.len() < MAX_INPUTS => {
                    let name = self.port(span)?;
                    self.inputs.push(name);
                }
                12 if outermost && self.outputs.len() < MAX_PORTS => {
                    let name = self.port(span)?;
                    self.outputs.push(name);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&mut self, mut function: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut function)? {
            match (number, value) {
                (7, Value::Bytes(node)) => self.node(node)?,
                (11, Value::Bytes(attribute)) => self.attribute(attribute)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Name of a `ValueInfoProto`, its first field.
    fn port(&mut self, mut value_info: Span) -> Result<String, ProbeError> {
        match self.wire.next(&mut value_info)? {
            Some(Field { number: 1, value: Value::Bytes(name) }) => self.wire.text(name, MAX_NAME),
            _ => Ok(String::new()),
        }
    }

    fn node(&mut self, mut node: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut node)? {
            match (number, value) {
                (4, Value::Bytes(name)) => {
                    let name = self.wire.text(name, MAX_NAME)?;
                    if self.operators.len() < MAX_OPERATORS {
                        self.operators.insert(name);
                    }
                }
                (5, Value::Bytes(attribute)) => self.attribute(attribute)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn attribute(&mut self, mut attribute: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut attribute)? {
            match (number, value) {
                (5 | 10, Value::Bytes(tensor)) => self.tensor(tensor, Place::Attribute)?,
                (6 | 11, Value::Bytes(graph)) => self.graph(graph, false)?,
                (22 | 23, Value::Bytes(sparse)) => self.sparse(sparse, Place::Attribute)?,
                // One kind of value an attribute, and lists of numbers are not packed: the millions of thresholds of a
                // tree ensemble are passed over at once.
                (7..=9, _) => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// A `SparseTensorProto`: counted is what is stored, not what it stands for.
    fn sparse(&mut self, mut sparse: Span, place: Place) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut sparse)? {
            match (number, value) {
                (1, Value::Bytes(values)) => self.tensor(values, place)?,
                (2, Value::Bytes(indices)) => self.tensor(indices, Place::Indices)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn tensor(&mut self, mut tensor: Span, place: Place) -> Result<(), ProbeError> {
        let (mut name, mut kind, mut shape) = (String::new(), 0, Vec::new());
        while let Some(Field { number, value }) = self.wire.next(&mut tensor)? {
            match (number, value) {
                (1, Value::Varint(extent)) => push(&mut shape, extent)?,
                (1, Value::Bytes(mut packed)) => {
                    while let Some(extent) = self.wire.packed_varint(&mut packed)? {
                        push(&mut shape, extent)?;
                    }
                }
                (2, Value::Varint(number)) => kind = number,
                (8, Value::Bytes(text)) => name = self.wire.text(text, MAX_NAME)?,
                (13, Value::Bytes(entry)) => {
                    let (key, text) = pair(&mut self.wire, entry)?;
                    if key == "location" {
                        self.sidecar(text);
                    }
                }
                _ => {}
            }
        }
        let sum = match place {
            Place::Initializer => {
                self.initialized.insert(hash(&name));
                &mut self.initializers
            }
            Place::Attribute => &mut self.constants,
            Place::Indices => return Ok(()),
        };
        match dtype(kind) {
            Some(dtype) => sum.add(&name, dtype, &shape)?,
            None => sum.add(&name, &format!("onnx-type-{kind}"), &shape)?,
        };
        Ok(())
    }

    fn sidecar(&mut self, path: String) {
        self.leaves_directory |= kit::leaves_directory(&path);
        if self.external.len() < MAX_SIDECARS {
            self.external.insert(path);
        }
    }
}

fn push(shape: &mut Vec<u64>, extent: u64) -> Result<(), ProbeError> {
    if extent > i64::MAX.cast_unsigned() || shape.len() >= MAX_DIMS {
        return Err(ProbeError::Malformed("has a tensor of a shape no tensor has".to_owned()));
    }
    shape.push(extent);
    Ok(())
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The contract's name of a `TensorProto.DataType`.
fn dtype(kind: u64) -> Option<&'static str> {
    Some(match kind {
        1 => "float32",
        2 => "uint8",
        3 => "int8",
        4 => "uint16",
        5 => "int16",
        6 => "int32",
        7 => "int64",
        8 => "string",
        9 => "bool",
        10 => "float16",
        11 => "float64",
        12 => "uint32",
        13 => "uint64",
        14 => "complex64",
        15 => "complex128",
        16 => "bfloat16",
        17 => "float8_e4m3fn",
        18 => "float8_e4m3fnuz",
        19 => "float8_e5m2",
        20 => "float8_e5m2fnuz",
        21 => "uint4",
        22 => "int4",
        23 => "float4_e2m1fn",
        24 => "float8_e8m0fnu",
        25 => "uint2",
        26 => "int2",
        27 => "float6_e2m3fn",
        28 => "float6_e3m2fn",
        _ => return None,
    })
}
