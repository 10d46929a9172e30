//! Arrays that joblib writes into the stream, right behind the object that describes them.
//!
//! Follows `joblib/numpy_pickle.py` of joblib 1.5, and of 0.10 which had no padding: once a `NumpyArrayWrapper` has its
//! state, a byte of padding length and the padding follow where the state has an alignment, then the array's bytes, or
//! a whole pickle of its own where its elements are objects. The bytes are passed over, the pickle is walked.

use super::machine::Machine;
use super::{Id, Node, PickleError, Tree};

/// Deepest pickles within pickles: joblib itself has one level.
const MAX_NESTED: u8 = 3;
/// Attributes of a wrapper that are looked at: it has seven.
const MAX_ATTRIBUTES: usize = 16;
const BROKEN: PickleError = PickleError::Malformed("an array in it does not say how long it is");

/// What lies behind a wrapper.
enum Behind {
    /// A pickle of its own.
    Pickle,
    /// That many bytes, after padding or not.
    Bytes { len: u64, padded: bool },
}

impl Machine<'_, '_> {
    /// Reads over what lies behind `id`, if that is such a wrapper that was just given its state.
    pub(super) fn array_behind(&mut self, id: Id) -> Result<(), PickleError> {
        if !is_wrapper(&self.tree, id) {
            return Ok(());
        }
        match behind(&self.tree, id).ok_or(BROKEN)? {
            Behind::Bytes { len, padded } => {
                let padding = if padded { u64::from(self.cursor.u8()?) } else { 0 };
                self.pass_over(padding)?;
                self.pass_over(len)
            }
            Behind::Pickle => {
                if self.nested >= MAX_NESTED {
                    return Err(PickleError::TooLarge("pickles within pickles"));
                }
                let root = self.nested_pickle()?;
                match self.tree.node_mut(id) {
                    Some(Node::Object(wrapper)) => wrapper.items.push(root),
                    _ => return Err(BROKEN),
                }
                Ok(())
            }
        }
    }
}

/// Whether it is joblib's stand-in for an array.
fn is_wrapper(tree: &Tree, id: Id) -> bool {
    tree.class(id)
        .is_some_and(|class| class.name == "NumpyArrayWrapper" && class.module.ends_with("joblib.numpy_pickle"))
}

fn behind(tree: &Tree, id: Id) -> Option<Behind> {
    let dtype = attribute(tree, id, "dtype")?;
    let code = tree.text(*tree.args(dtype).first()?)?;
    if code.starts_with('O') || has_objects(tree, dtype) {
        return Some(Behind::Pickle);
    }
    let shape = tree.items(attribute(tree, id, "shape")?)?;
    let elements = shape.iter().try_fold(1u64, |product, &extent| product.checked_mul(tree.unsigned(extent)?))?;
    let padded = attribute(tree, id, "numpy_array_alignment_bytes").is_some_and(|alignment| !tree.is_none(alignment));
    Some(Behind::Bytes { len: elements.checked_mul(item_size(code)?)?, padded })
}

/// Bytes of an element, from a type code (`f8`, `b1`, `U12`, `V24`).
fn item_size(code: &str) -> Option<u64> {
    let digits = code.trim_start_matches(|c: char| !c.is_ascii_digit());
    let size: u64 = digits.split('[').next()?.parse().ok()?;
    if code.starts_with('U') { size.checked_mul(4) } else { Some(size) }
}

/// Whether a structured type has a field of objects: the first of numpy's type flags.
fn has_objects(tree: &Tree, dtype: Id) -> bool {
    let state = tree.object(dtype).and_then(|dtype| dtype.state).and_then(|state| tree.items(state));
    let flags = state.and_then(|state| state.get(7)).and_then(|&flags| tree.unsigned(flags));
    flags.is_some_and(|flags| flags & 1 != 0)
}

fn attribute(tree: &Tree, id: Id, name: &str) -> Option<Id> {
    let mut attributes = tree.attributes(id)?.iter().take(MAX_ATTRIBUTES);
    attributes.find(|(key, _)| tree.text(*key) == Some(name)).map(|(_, value)| *value)
}
