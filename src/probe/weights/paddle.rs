//! Paddle: pickled parameters and optimizer states, and programs of the static graph.
//!
//! Follows `framework/io.py` of Paddle 3.3 (a dictionary of numpy arrays, and of names) and `framework.proto`
//! (`ProgramDesc`: variables that persist are weights). The raw `.pdiparams` beside a program is not read.

use super::super::{Finding, Input, ProbeError};
use super::pickle::{self, Visits};
use super::tensors::Tensors;
use super::torch;
use crate::blob::{Cursor, ReadError};
use crate::model::{Fact, Weights};
use crate::probe::protobuf::{Field, Span, Value, Wire};

/// Values of a pickle that are looked at.
const MAX_VISITS: u32 = 1 << 20;
const MAX_NAME: u64 = 4096;
const MAX_DIMS: usize = 32;
/// Deepest dictionary within a dictionary.
const MAX_NESTING: u32 = 8;
/// Parts of the names under which optimizers keep their state.
const STATES: [&str; 6] = ["moment", "beta1_pow_acc", "velocity", "LR_Scheduler", "master_weights", "mean_square"];
/// Variables of a program that are no tensors.
const PLUMBING: [&str; 2] = ["feed", "fetch"];

/// `.pdparams` and `.pdopt`.
pub(crate) fn pickled(input: &Input) -> Result<Finding, ProbeError> {
    let pickle = pickle::usable(pickle::walk(&mut Cursor::new(input.blob, 0)))?;
    let mut found = Arrays { tree: &pickle.tree, visits: Visits::new(MAX_VISITS), sum: Tensors::default(), states: 0 };
    found.add(pickle.root, "", 0)?;
    if found.sum.count() == 0 && found.states == 0 {
        return Err(ProbeError::NotMine);
    }
    let mut weights = Weights { producer: Some("paddle".to_owned()), ..Weights::default() };
    if found.states > 0 {
        weights.kind = Some("optimizer_state".to_owned());
        weights.has_optimizer = Some(true);
        let mut sums = Weights::default();
        found.sum.fill(&mut sums);
        weights.state_elements = sums.parameter_count;
    } else {
        weights.kind = Some("state_dict".to_owned());
        found.sum.fill(&mut weights);
    }
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    if let Some(stopped) = &pickle.stopped {
        finding.notes.push((stopped.cause(), format!("{stopped}; what follows was not read")));
    }
    Ok(finding)
}

struct Arrays<'t> {
    tree: &'t pickle::Tree,
    visits: Visits,
    sum: Tensors,
    states: u64,
}

impl Arrays<'_> {
    fn add(&mut self, id: pickle::Id, name: &str, nesting: u32) -> Result<(), ProbeError> {
        if nesting > MAX_NESTING || !self.visits.take() {
            return Ok(());
        }
        // Parameters are arrays, or pairs of a name and an array.
        let value = self.tree.items(id).and_then(|items| items.get(1).copied()).unwrap_or(id);
        if let Some((dtype, shape)) = torch::array(self.tree, value) {
            self.sum.add(name, dtype, &shape)?;
            return Ok(());
        }
        for &(key, value) in self.tree.entries(id).unwrap_or_default() {
            let Some(key) = self.tree.text(key) else { continue };
            if STATES.iter().any(|state| key.contains(state)) {
                self.states = self.states.saturating_add(1);
            }
            self.add(value, key, nesting.saturating_add(1))?;
        }
        Ok(())
    }
}

/// `.pdmodel` and `__model__`.
pub(crate) fn program(input: &Input) -> Result<Finding, ProbeError> {
    let mut program = Program { wire: Wire::new(input.blob), sum: Tensors::default(), weights: Weights::default() };
    let mut blocks = 0u64;
    let mut root = program.wire.root();
    let outcome = loop {
        match program.wire.next(&mut root) {
            Ok(Some(Field { number: 1, value: Value::Bytes(block) })) => {
                if let Err(error) = program.block(block) {
                    break Err(error);
                }
                blocks = blocks.saturating_add(1);
            }
            // Version, and maps of versions of operators.
            Ok(Some(Field { number: 2..=8, value: Value::Bytes(_) })) => {}
            Ok(Some(_)) => return Err(ProbeError::NotMine),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if program.sum.count() == 0 && program.weights.layer_count.is_none() {
        return Err(match outcome {
            Err(error @ ProbeError::Read(_)) if !matches!(error, ProbeError::Read(ReadError::Ended { .. })) => error,
            _ => ProbeError::NotMine,
        });
    }
    let mut weights = program.weights;
    program.sum.fill(&mut weights);
    weights.producer = Some("paddle".to_owned());
    Finding::new(Fact::Weights(Box::new(weights))).noting(outcome)
}

struct Program<'a> {
    wire: Wire<'a>,
    sum: Tensors,
    weights: Weights,
}

impl Program<'_> {
    fn block(&mut self, mut block: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = self.wire.next(&mut block)? {
            match (number, value) {
                (1 | 2 | 5, Value::Varint(_)) => {}
                (3, Value::Bytes(variable)) => self.variable(variable)?,
                (4, Value::Bytes(_)) => {
                    self.weights.layer_count = Some(self.weights.layer_count.unwrap_or(0).saturating_add(1));
                }
                _ => return Err(ProbeError::NotMine),
            }
        }
        Ok(())
    }

    fn variable(&mut self, mut variable: Span) -> Result<(), ProbeError> {
        let (mut name, mut kept, mut found) = (String::new(), false, None);
        while let Some(Field { number, value }) = self.wire.next(&mut variable)? {
            match (number, value) {
                (1, Value::Bytes(text)) => name = self.wire.text(text, MAX_NAME)?,
                (2, Value::Bytes(kind)) => found = self.lod_tensor(kind)?,
                (3, Value::Varint(flag)) => kept = flag == 1,
                _ => {}
            }
        }
        if let Some((dtype, shape)) = found.filter(|_| kept && !PLUMBING.contains(&name.as_str())) {
            self.sum.add(&name, dtype, &shape)?;
        }
        Ok(())
    }

    /// Element type and shape of a `VarType` that is a tensor.
    fn lod_tensor(&mut self, mut kind: Span) -> Result<Option<(&'static str, Vec<u64>)>, ProbeError> {
        let mut found = None;
        while let Some(Field { number, value }) = self.wire.next(&mut kind)? {
            let (3, Value::Bytes(mut lod)) = (number, value) else { continue };
            if let Some(Field { number: 1, value: Value::Bytes(tensor) }) = self.wire.next(&mut lod)? {
                found = self.tensor(tensor)?;
            }
        }
        Ok(found)
    }

    fn tensor(&mut self, mut tensor: Span) -> Result<Option<(&'static str, Vec<u64>)>, ProbeError> {
        let (mut dtype, mut shape) = ("other", Vec::new());
        while let Some(Field { number, value }) = self.wire.next(&mut tensor)? {
            match (number, value) {
                (1, Value::Varint(number)) => dtype = self::dtype(number),
                (2, Value::Varint(extent)) if shape.len() < MAX_DIMS => shape.push(extent),
                (2, Value::Bytes(mut packed)) => {
                    while let Some(extent) = self.wire.packed_varint(&mut packed)? {
                        if shape.len() < MAX_DIMS {
                            shape.push(extent);
                        }
                    }
                }
                _ => {}
            }
        }
        // -1 stands for an extent that is not known.
        Ok(shape.iter().all(|&extent| extent < 1 << 48).then_some((dtype, shape)))
    }
}

/// The contract's name of a `VarType.Type`.
fn dtype(number: u64) -> &'static str {
    match number {
        0 => "bool",
        1 => "int16",
        2 => "int32",
        3 => "int64",
        4 => "float16",
        5 => "float32",
        6 => "float64",
        20 => "uint8",
        21 => "int8",
        22 => "bfloat16",
        23 => "complex64",
        24 => "complex128",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn pickles_of_others_are_left() {
        for other in [b"\x80\x02}.".as_slice(), b"\x80\x04]\x94.", b"\x80\x02N."] {
            assert!(matches!(run(pickled, other), Err(ProbeError::NotMine)), "{other:?}");
        }
        assert!(run(pickled, b"\x80\x02}U\x04").is_err());
        let scheduler = b"\x80\x02}X\x0c\0\0\0LR_Scheduler}s.";
        assert_eq!(run(pickled, scheduler).unwrap().fact.weights().unwrap().has_optimizer, Some(true));
    }

    #[test]
    fn variables_that_persist_are_weights() {
        let tensor = b"\x08\x05\x10\x02\x10\x03";
        let lod = [&[0x0a, tensor.len() as u8], tensor.as_slice()].concat();
        let kind = [&[0x08, 7, 0x1a, lod.len() as u8], lod.as_slice()].concat();
        let variable = [b"\x0a\x01w\x12", [kind.len() as u8].as_slice(), &kind, b"\x18\x01"].concat();
        let block = [b"\x08\x00\x10\x00\x1a", [variable.len() as u8].as_slice(), &variable].concat();
        let whole = [b"\x0a".as_slice(), &[block.len() as u8], &block].concat();
        assert_eq!(run(program, &whole).unwrap().fact.weights().unwrap().parameter_count, Some(6));
        for size in 0..whole.len() {
            let _ = run(program, &whole[..size]);
        }
        assert!(matches!(run(program, b"text"), Err(ProbeError::NotMine)));
    }
}
