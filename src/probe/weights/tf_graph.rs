//! TensorFlow graphs: `saved_model.pb` and frozen `GraphDef` files.
//!
//! Follows `saved_model.proto`, `meta_graph.proto`, `graph.proto`, `node_def.proto` and `tensor.proto` of TensorFlow
//! 2.21. Neither has a magic number: the messages must hold, and the graph must have nodes with operators. Constants
//! are measured by their shapes, their bytes are passed over; what a graph computes is never run.

use std::collections::BTreeSet;

use super::super::{Finding, Input, ProbeError};
use super::tensors::Tensors;
use super::tf_checkpoint::shape;
use super::tf_types::{dtype, is_integer, is_numeric};
use crate::model::{Fact, Weights, publishable};
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// Longest name of a node, an operator or an entry point.
const MAX_NAME: u64 = 1024;
/// Most distinct operators and entry points that are listed.
const MAX_LISTED: usize = 200;
/// Operators one of which every graph has that computes anything.
const KNOWN: [&str; 8] =
    ["Const", "Placeholder", "Identity", "NoOp", "VarHandleOp", "VariableV2", "MatMul", "StatefulPartitionedCall"];

/// What was seen of a graph.
#[derive(Default)]
struct Graph {
    nodes: u64,
    operators: BTreeSet<String>,
    constants: Tensors,
    inputs: Vec<String>,
    has_variables: bool,
    has_known: bool,
}

/// Reads a `SavedModel`.
pub(crate) fn saved_model(input: &Input) -> Result<Finding, ProbeError> {
    let mut wire = Wire::new(input.blob);
    let mut root = wire.root();
    let mut version = None;
    let mut weights = Weights { producer: Some("tensorflow".to_owned()), ..Weights::default() };
    let mut graph = Graph::default();
    while let Some(field) = wire.next(&mut root)? {
        match field {
            Field { number: 1, value: Value::Varint(number) } if number <= 100 => version = Some(number),
            Field { number: 2, value: Value::Bytes(meta) } if version.is_some() => {
                meta_graph(&mut wire, meta, &mut weights, &mut graph)?;
            }
            _ => return Err(ProbeError::NotMine),
        }
    }
    if graph.nodes == 0 {
        return Err(ProbeError::NotMine);
    }
    weights.signatures.sort();
    weights.signatures.dedup();
    weights.node_count = Some(graph.nodes);
    weights.node_types = listed(graph.operators);
    // Variables lie in a checkpoint beside it; a graph without any keeps its weights as constants.
    if !graph.has_variables {
        graph.constants.fill(&mut weights);
    }
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn meta_graph(wire: &mut Wire, mut message: Span, weights: &mut Weights, graph: &mut Graph) -> Result<(), ProbeError> {
    while let Some(field) = wire.next(&mut message)? {
        let Field { number, value: Value::Bytes(span) } = field else { continue };
        match number {
            1 => meta_info(wire, span, weights)?,
            2 => graph_def(wire, span, graph)?,
            5 if weights.signatures.len() < MAX_LISTED => {
                let name = text_field(wire, span, 1)?.unwrap_or_default();
                // Initialisation is an entry point of the loader, not of the model.
                if !name.is_empty() && !name.starts_with("__saved_model") {
                    weights.signatures.push(publishable("signature_name", &name));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn meta_info(wire: &mut Wire, message: Span, weights: &mut Weights) -> Result<(), ProbeError> {
    if let Some(version) = text_field(wire, message, 5)? {
        weights.framework_version = Some(publishable("version", &version));
    }
    Ok(())
}

/// The text of a field of a message.
fn text_field(wire: &mut Wire, mut message: Span, wanted: u32) -> Result<Option<String>, ProbeError> {
    while let Some(field) = wire.next(&mut message)? {
        if let Field { number, value: Value::Bytes(span) } = field
            && number == wanted
        {
            return Ok(Some(wire.text(span, MAX_NAME)?));
        }
    }
    Ok(None)
}

/// Reads a frozen graph.
pub(crate) fn frozen(input: &Input) -> Result<Finding, ProbeError> {
    let mut wire = Wire::new(input.blob);
    let mut graph = Graph::default();
    let root = wire.root();
    match graph_def(&mut wire, root, &mut graph) {
        // Without magic, only operators tell a broken graph from any other bytes.
        Err(ProbeError::Malformed(_) | ProbeError::Read(crate::blob::ReadError::Ended { .. })) if !graph.has_known => {
            return Err(ProbeError::NotMine);
        }
        other => other?,
    }
    if !graph.has_known {
        return Err(ProbeError::NotMine);
    }
    let mut weights = Weights {
        producer: Some("tensorflow".to_owned()),
        node_count: Some(graph.nodes),
        node_types: listed(graph.operators),
        inputs: graph.inputs,
        ..Weights::default()
    };
    graph.constants.fill(&mut weights);
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

fn listed(operators: BTreeSet<String>) -> Vec<String> {
    operators.into_iter().take(MAX_LISTED).collect()
}

fn graph_def(wire: &mut Wire, mut message: Span, graph: &mut Graph) -> Result<(), ProbeError> {
    while let Some(field) = wire.next(&mut message)? {
        match field {
            Field { number: 1, value: Value::Bytes(span) } => node(wire, span, graph)?,
            Field { number: 2, value: Value::Bytes(span) } => library(wire, span, graph)?,
            Field { number: 3, value: Value::Varint(_) } | Field { number: 4 | 5, value: Value::Bytes(_) } => {}
            _ => return Err(ProbeError::NotMine),
        }
    }
    Ok(())
}

/// The nodes of a graph's functions.
fn library(wire: &mut Wire, mut message: Span, graph: &mut Graph) -> Result<(), ProbeError> {
    while let Some(field) = wire.next(&mut message)? {
        let Field { number: 1, value: Value::Bytes(mut function) } = field else { continue };
        while let Some(field) = wire.next(&mut function)? {
            if let Field { number: 3, value: Value::Bytes(span) } = field {
                node(wire, span, graph)?;
            }
        }
    }
    Ok(())
}

fn node(wire: &mut Wire, mut message: Span, graph: &mut Graph) -> Result<(), ProbeError> {
    let (mut name, mut operator, mut constant) = (None, String::new(), None);
    while let Some(field) = wire.next(&mut message)? {
        let Field { number, value: Value::Bytes(span) } = field else { continue };
        match number {
            1 => name = Some(wire.text(span, MAX_NAME)?),
            2 => operator = wire.text(span, MAX_NAME)?,
            5 if operator == "Const" && constant.is_none() => constant = tensor_attribute(wire, span)?,
            _ => {}
        }
    }
    let name = name.filter(|name| !name.is_empty() && is_operator(&operator)).ok_or(ProbeError::NotMine)?;
    graph.nodes = graph.nodes.saturating_add(1);
    graph.has_known |= KNOWN.contains(&operator.as_str());
    graph.has_variables |= matches!(operator.as_str(), "VarHandleOp" | "VariableV2" | "Variable");
    if operator.starts_with("Placeholder") && graph.inputs.len() < MAX_LISTED {
        graph.inputs.push(publishable("input", &name));
    }
    if let Some((dtype, shape)) = constant
        // Integers and single numbers are shapes, axes and settings of the graph.
        && !shape.is_empty() && is_numeric(dtype) && !is_integer(dtype)
    {
        graph.constants.add(&name, dtype, &shape)?;
    }
    if graph.operators.len() < MAX_LISTED {
        graph.operators.insert(operator);
    }
    Ok(())
}

/// Operators are named like types; one of another package has it in front (`Acme>Scale`).
fn is_operator(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_>.-/".contains(&byte))
}

/// Type and shape of the tensor in the attribute `value`.
fn tensor_attribute(wire: &mut Wire, mut entry: Span) -> Result<Option<(&'static str, Vec<u64>)>, ProbeError> {
    let (mut is_value, mut found) = (false, None);
    while let Some(field) = wire.next(&mut entry)? {
        match field {
            Field { number: 1, value: Value::Bytes(span) } => is_value = wire.text(span, 16)? == "value",
            Field { number: 2, value: Value::Bytes(mut attribute) } if is_value => {
                while let Some(field) = wire.next(&mut attribute)? {
                    if let Field { number: 8, value: Value::Bytes(span) } = field {
                        found = Some(tensor(wire, span)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn tensor(wire: &mut Wire, mut message: Span) -> Result<(&'static str, Vec<u64>), ProbeError> {
    let (mut kind, mut extents) = ("unknown", Vec::new());
    while let Some(field) = wire.next(&mut message)? {
        match field {
            Field { number: 1, value: Value::Varint(number) } => kind = dtype(number),
            Field { number: 2, value: Value::Bytes(span) } => extents = shape(wire, span)?,
            _ => {}
        }
    }
    Ok((kind, extents))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn node_of(name: &str, operator: &str, attributes: &[u8]) -> Vec<u8> {
        field(1, &[field(1, name.as_bytes()), field(2, operator.as_bytes()), attributes.to_vec()].concat())
    }

    fn constant(name: &str, dtype: u8, shape: &[u8]) -> Vec<u8> {
        let dims: Vec<u8> = shape.iter().flat_map(|extent| [0x12, 2, 8, *extent]).collect();
        let tensor = [vec![8, dtype], field(2, &dims)].concat();
        node_of(name, "Const", &field(5, &[field(1, b"value"), field(2, &field(8, &tensor))].concat()))
    }

    fn read(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Weights, ProbeError> {
        let blob = Memory::new(bytes);
        Ok(probe(&Input::new(&blob, bytes))?.fact.weights().unwrap().clone())
    }

    #[test]
    fn constants_of_a_frozen_graph_are_its_weights() {
        let graph = [
            node_of("x", "Placeholder", b""),
            constant("w", 1, &[3, 5]),
            constant("axis", 3, &[2]),
            constant("eps", 1, &[]),
            node_of("y", "MatMul", b""),
        ]
        .concat();
        let found = read(frozen, &graph).unwrap();
        assert_eq!((found.parameter_count, found.tensor_count, found.node_count), (Some(15), Some(1), Some(5)));
        assert_eq!(found.inputs, ["x"]);
        assert!(read(frozen, &graph[..graph.len() - 3]).is_err());
    }

    #[test]
    fn other_messages_are_left_alone() {
        for bytes in
            [&field(1, b"hello")[..], &field(1, &[field(1, b"a"), field(2, b"not an op!")].concat()), b"\x0a", b"text"]
        {
            assert!(matches!(read(frozen, bytes), Err(ProbeError::NotMine)), "{bytes:?}");
        }
        assert!(matches!(read(saved_model, b"\x08\x01\x12\x00"), Err(ProbeError::NotMine)));
        assert!(matches!(read(saved_model, b"\x12\x00"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn entry_points_and_version_of_a_saved_model() {
        let variables = node_of("v", "VarHandleOp", b"");
        let meta = |graph: &[u8]| {
            [
                field(1, &field(5, b"2.21.0")),
                field(2, graph),
                field(5, &[field(1, b"serve"), field(2, b"")].concat()),
                field(5, &field(1, b"__saved_model_init_op")),
            ]
            .concat()
        };
        let found = read(saved_model, &[b"\x08\x01".to_vec(), field(2, &meta(&variables))].concat()).unwrap();
        assert_eq!(found.signatures, ["serve"]);
        assert_eq!((found.framework_version.as_deref(), found.parameter_count), (Some("2.21.0"), None));
        let found = read(saved_model, &[b"\x08\x01".to_vec(), field(2, &meta(&constant("w", 1, &[7])))].concat());
        assert_eq!(found.unwrap().parameter_count, Some(7));
    }
}
