//! What `torch.save` wrote before PyTorch 0.1.10: a tar archive of `sys_info`, `pickle`, `storages` and `tensors`.
//!
//! Follows `legacy_load` in `torch/serialization.py` of PyTorch 2.15, which still reads it. The pickle holds the object
//! with a number in the place of each tensor; `tensors` holds their types and shapes. Storages are passed over.

use std::collections::BTreeMap;

use super::super::{Finding, Input, ProbeError};
use super::pickle::{self, Id, Node, Tree, Visits};
use super::tensors::Tensors;
use crate::archive::tar::{self, Blocks, Feed, TarError};
use crate::blob::{Blob, Cursor, ReadError};
use crate::model::{Cause, Fact, Weights, publishable};

/// Most members: the writer made four.
const MAX_MEMBERS: usize = 64;
const MAX_TENSORS: u64 = 1 << 16;
const MAX_DIMS: u32 = 64;
/// Values of the pickle that are looked at for names.
const MAX_VISITS: u32 = 1 << 18;
const MAX_NESTING: u32 = 8;

/// Reads the pickle and the list of tensors.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(b"sys_info\0") || !tar::is_header(input.head) {
        return Err(ProbeError::NotMine);
    }
    let members = members(input.blob)?;
    let part = |name: &[u8]| members.get(name).map(|&(at, end)| Cursor::new(input.blob, at).ending_at(end));
    let mut object = part(b"pickle").ok_or(ProbeError::NotMine)?;
    let mut list = part(b"tensors").ok_or(ReadError::Ended { at: input.blob.size() })?;
    let object = pickle::usable(pickle::walk(&mut object))?;
    let mut names = Names { tree: &object.tree, visits: Visits::new(MAX_VISITS), by_key: BTreeMap::new() };
    names.add(object.root, "", 0);
    let mut sum = Tensors::default();
    let outcome = tensors(&mut list, &names.by_key, &mut sum);
    let mut weights = Weights { container: Some("tar".to_owned()), ..Weights::default() };
    let is_module = names.by_key.is_empty();
    weights.kind = Some(if is_module { "pickled_module" } else { "state_dict" }.to_owned());
    let class = object.tree.class(object.root).filter(|_| is_module);
    weights.pickle_root_class = class.map(|class| publishable("", &class.dotted()));
    let mut finding = Finding::new(Fact::Weights(Box::default()));
    match outcome {
        Ok(()) => sum.fill(&mut weights),
        Err(error) => finding.notes.push(crate::probe::kit::note(error)?),
    }
    if let Some(stopped) = &object.stopped {
        finding.notes.push((stopped.cause(), format!("{stopped}; what follows was not read")));
    }
    if members.values().any(|&(_, end)| end > input.blob.size()) {
        finding.notes.push((Cause::Truncated, "its last member goes on past its end".to_owned()));
    }
    finding.fact = Fact::Weights(Box::new(weights));
    Ok(finding)
}

/// Where the members begin and end, by name.
fn members(blob: &dyn Blob) -> Result<BTreeMap<Vec<u8>, (u64, u64)>, ProbeError> {
    let mut blocks = Blocks(Cursor::new(blob, 0));
    let mut found = BTreeMap::new();
    while found.len() < MAX_MEMBERS {
        let member = match tar::next(&mut blocks) {
            Ok(Some(member)) => member,
            Ok(None) | Err(TarError::NotHeader | TarError::Malformed(_) | TarError::Read(ReadError::Ended { .. })) => {
                break;
            }
            Err(TarError::Read(error)) => return Err(error.into()),
        };
        let at = blocks.0.position();
        let end = at.saturating_add(member.size);
        found.insert(member.name, (at, end));
        blocks.skip(member.size.saturating_add(tar::padding(member.size)))?;
    }
    Ok(found)
}

/// Names of tensors, by the number that stands for each.
struct Names<'t> {
    tree: &'t Tree,
    visits: Visits,
    by_key: BTreeMap<String, String>,
}

impl Names<'_> {
    fn add(&mut self, id: Id, name: &str, nesting: u32) {
        if nesting > MAX_NESTING || !self.visits.take() {
            return;
        }
        if let Node::Persistent(key) = self.tree.node(id) {
            let number = self.tree.unsigned(*key).map(|number| number.to_string());
            if let Some(key) = self.tree.text(*key).map(str::to_owned).or(number) {
                self.by_key.insert(key, name.to_owned());
            }
            return;
        }
        for &(key, value) in self.tree.entries(id).unwrap_or_default() {
            if let Some(key) = self.tree.text(key) {
                self.add(value, key, nesting.saturating_add(1));
            }
        }
    }
}

/// Sums the list of tensors: key, storage and type of each as a pickle, then its numbers.
fn tensors(list: &mut Cursor, names: &BTreeMap<String, String>, sum: &mut Tensors) -> Result<(), ProbeError> {
    let count = whole(list)?;
    let count = count.tree.unsigned(count.root).filter(|&count| count <= MAX_TENSORS);
    for _ in 0..count.ok_or_else(|| malformed("its list of tensors has no length"))? {
        let row = whole(list)?;
        let Some(&[key, _, class]) = row.tree.items(row.root) else { return Err(malformed("a tensor has no type")) };
        let number = row.tree.unsigned(key).map(|number| number.to_string());
        let key = row.tree.text(key).map(str::to_owned).or(number).unwrap_or_default();
        let dims = list.u32()?;
        list.skip(4)?;
        if dims > MAX_DIMS {
            return Err(malformed("a tensor has more dimensions than any"));
        }
        let mut shape = Vec::new();
        for _ in 0..dims {
            shape.push(list.u64()?);
        }
        list.skip(u64::from(dims).saturating_mul(8).saturating_add(8))?; // strides, and where it begins
        let class = row.tree.global(class).map_or("", |class| class.name.as_str());
        sum.add(names.get(&key).unwrap_or(&key), dtype(class), &shape)?;
    }
    Ok(())
}

fn whole(cursor: &mut Cursor) -> Result<pickle::Pickle, ProbeError> {
    let pickle = pickle::walk(cursor);
    match pickle.stopped {
        Some(error) => Err(error.into()),
        None => Ok(pickle),
    }
}

fn malformed(what: &str) -> ProbeError {
    ProbeError::Malformed(what.to_owned())
}

/// The contract's name of the elements of a class of tensors.
fn dtype(class: &str) -> &'static str {
    match class {
        "FloatTensor" => "float32",
        "DoubleTensor" => "float64",
        "HalfTensor" => "float16",
        "LongTensor" => "int64",
        "IntTensor" => "int32",
        "ShortTensor" => "int16",
        "CharTensor" => "int8",
        "ByteTensor" => "uint8",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const CAPTURE: &[u8] = include_bytes!("../../../fixtures/weights/torch-tar/state-dict/input.pt");

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), &bytes[..bytes.len().min(4096)]))
    }

    #[test]
    fn tensors_are_named_and_counted() {
        let finding = run(CAPTURE).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.parameter_count, weights.tensor_count), (Some(10), Some(2)));
        assert_eq!(weights.dtypes.keys().collect::<Vec<_>>(), ["float32", "int64"]);
        assert!(finding.notes.is_empty());
    }

    #[test]
    fn cut_and_bent_archives_are_no_panic() {
        for size in (0..CAPTURE.len()).step_by(37) {
            let _ = run(&CAPTURE[..size]);
        }
        for at in (512..CAPTURE.len()).step_by(5) {
            let mut bent = CAPTURE.to_vec();
            bent[at] ^= 0x81;
            let _ = run(&bent);
        }
        assert!(matches!(run(b"sys_info\0"), Err(ProbeError::NotMine)));
    }
}
