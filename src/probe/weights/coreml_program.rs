//! The program of a Core ML model: functions of blocks of operations, the weights among their constants.
//!
//! Follows `MIL.proto` of coremltools 9.0. A constant is counted by the type it declares; one that a `constexpr_`
//! operation unpacks (a quantised weight, its scale) is counted as what it is unpacked to.

use std::collections::BTreeMap;

use super::super::{ProbeError, kit};
use super::tensors::Tensors;
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// Longest name that is held.
const MAX_NAME: u64 = 4096;
/// Most dimensions of a tensor.
const MAX_DIMS: usize = 64;
/// Constants that are held until all operations were seen.
const MAX_CONSTANTS: usize = 1 << 18;
/// Deepest block within a block.
const MAX_NESTING: u32 = 32;

/// A tensor type.
struct Type {
    dtype: &'static str,
    shape: Vec<u64>,
}

/// An operation, as far as it is looked at.
#[derive(Default)]
struct Operation {
    kind: String,
    output: Option<(String, Option<Type>)>,
    inputs: Vec<String>,
    /// Whether one of its own values lies in the file of weights.
    stored: bool,
    /// Whether a value is written out in it.
    immediate: bool,
}

/// Sums over a program.
pub(super) struct Program<'p, 'a> {
    wire: &'p mut Wire<'a>,
    sum: &'p mut Tensors,
    constants: BTreeMap<String, Type>,
    /// Operations that are no constants.
    pub(super) operations: u64,
}

impl<'p, 'a> Program<'p, 'a> {
    pub(super) fn new(wire: &'p mut Wire<'a>, sum: &'p mut Tensors) -> Program<'p, 'a> {
        Program { wire, sum, constants: BTreeMap::new(), operations: 0 }
    }

    /// Walks every function and adds its weights.
    pub(super) fn read(&mut self, mut program: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut program)? {
            if let (2, Value::Bytes(entry)) = (number, value)
                && let Some(function) = self.value_of(entry)?
            {
                self.function(function)?;
            }
        }
        Ok(())
    }

    /// The value of a map's entry.
    fn value_of(&mut self, mut entry: Span) -> Result<Option<Span>, ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut entry)? {
            if let (2, Value::Bytes(span)) = (number, value) {
                return Ok(Some(span));
            }
        }
        Ok(None)
    }

    fn function(&mut self, mut function: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut function)? {
            if let (3, Value::Bytes(entry)) = (number, value)
                && let Some(block) = self.value_of(entry)?
            {
                self.block(block, 0)?;
            }
        }
        for (name, constant) in std::mem::take(&mut self.constants) {
            self.sum.add(&name, constant.dtype, &constant.shape)?;
        }
        Ok(())
    }

    fn block(&mut self, mut block: Span, nesting: u32) -> Result<(), ProbeError> {
        if nesting > MAX_NESTING {
            return Err(ProbeError::Malformed(format!("nests blocks deeper than {MAX_NESTING} levels")));
        }
        while let Some(Field { number, value }) = self.wire.next(&mut block)? {
            if let (3, Value::Bytes(operation)) = (number, value) {
                let operation = self.operation(operation, nesting)?;
                self.take(operation);
            }
        }
        Ok(())
    }

    fn take(&mut self, operation: Operation) {
        let unpacks = operation.kind.starts_with("constexpr_");
        if !unpacks && operation.kind != "const" {
            self.operations = self.operations.saturating_add(1);
            return;
        }
        if unpacks {
            for name in &operation.inputs {
                self.constants.remove(name);
            }
        }
        let Some((name, Some(of))) = operation.output else { return };
        // Flags, axes and shapes are constants too: a weight is stored, or written out as numbers of some extent.
        let written_out = operation.immediate && !of.shape.is_empty() && of.dtype.contains("float");
        if (unpacks || operation.stored || written_out) && self.constants.len() < MAX_CONSTANTS {
            self.constants.insert(name, of);
        }
    }

    fn operation(&mut self, mut operation: Span, nesting: u32) -> Result<Operation, ProbeError> {
        let mut found = Operation::default();
        while let Some(Field { number, value }) = self.wire.next(&mut operation)? {
            let Value::Bytes(span) = value else { continue };
            match number {
                1 => found.kind = self.wire.text(span, MAX_NAME)?,
                2 if found.kind.starts_with("constexpr_") => self.argument(span, &mut found.inputs)?,
                3 if found.output.is_none() => found.output = Some(self.output(span)?),
                4 => self.block(span, nesting.saturating_add(1))?,
                5 => {
                    let Some(mut value) = self.value_of(span)? else { continue };
                    while let Some(Field { number, .. }) = self.wire.next(&mut value)? {
                        found.immediate |= number == 3;
                        found.stored |= number == 5;
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Names of the values that an operation is given under one name.
    fn argument(&mut self, entry: Span, names: &mut Vec<String>) -> Result<(), ProbeError> {
        let Some(mut argument) = self.value_of(entry)? else { return Ok(()) };
        while let Some(Field { number, value }) = self.wire.next(&mut argument)? {
            let (1, Value::Bytes(mut binding)) = (number, value) else { continue };
            if let Some(Field { number: 1, value: Value::Bytes(name) }) = self.wire.next(&mut binding)?
                && names.len() < MAX_DIMS
            {
                names.push(self.wire.text(name, MAX_NAME)?);
            }
        }
        Ok(())
    }

    /// Name and type of an output.
    fn output(&mut self, mut named: Span) -> Result<(String, Option<Type>), ProbeError> {
        let (mut name, mut of) = (String::new(), None);
        while let Some(Field { number, value }) = self.wire.next(&mut named)? {
            match (number, value) {
                (1, Value::Bytes(text)) => name = self.wire.text(text, MAX_NAME)?,
                (2, Value::Bytes(mut value_type)) => {
                    if let Some(Field { number: 1, value: Value::Bytes(tensor) }) = self.wire.next(&mut value_type)? {
                        of = self.tensor_type(tensor)?;
                    }
                }
                _ => {}
            }
        }
        Ok((name, of))
    }

    /// A tensor type whose every extent is known.
    fn tensor_type(&mut self, mut tensor: Span) -> Result<Option<Type>, ProbeError> {
        let (mut dtype, mut shape, mut known) = ("", Vec::new(), true);
        while let Some(Field { number, value }) = self.wire.next(&mut tensor)? {
            match (number, value) {
                (1, Value::Varint(number)) => dtype = self::dtype(number),
                (3, Value::Bytes(mut dimension)) => match self.wire.next(&mut dimension)? {
                    Some(Field { number: 1, value: Value::Bytes(mut constant) }) if shape.len() < MAX_DIMS => {
                        match self.wire.next(&mut constant)? {
                            Some(Field { number: 1, value: Value::Varint(extent) }) => shape.push(extent),
                            _ => shape.push(0),
                        }
                    }
                    _ => known = false,
                },
                _ => {}
            }
        }
        kit::elements(&shape)?;
        Ok(known.then_some(Type { dtype, shape }))
    }
}

/// The contract's name of a data type.
fn dtype(number: u64) -> &'static str {
    match number {
        1 => "bool",
        2 => "string",
        10 => "float16",
        11 => "float32",
        12 => "float64",
        13 => "bfloat16",
        21 => "int8",
        22 => "int16",
        23 => "int32",
        24 => "int64",
        25 => "int4",
        31 => "uint8",
        32 => "uint16",
        33 => "uint32",
        34 => "uint64",
        35 => "uint4",
        36 => "uint2",
        37 => "uint1",
        38 => "uint6",
        39 => "uint3",
        40 => "float8_e4m3fn",
        41 => "float8_e5m2",
        _ => "other",
    }
}
