//! Pickles, protocols 0 to 5, read as structure: an arena of nodes that says what a pickle would build.
//!
//! Never here: a Python object, an import, a call. A global is two names, a call is a callable and its arguments, and
//! nothing is looked up. Follows `pickletools.py` of CPython 3.13 for the opcodes and `_pickle.c` for what each does to
//! the stack.
//!
//! A pickle is a program: it may share, nest and refer to itself. The arena is therefore flat (nothing recurses to free
//! it), its size is capped, and whoever walks it as a tree must bring a budget ([`Visits`]).

mod joblib;
mod machine;
mod scalar;
#[cfg(test)]
mod tests;

pub(super) use machine::walk;

use crate::blob::ReadError;
use crate::model::Cause;
use crate::probe::ProbeError;

/// Most nodes kept: a checkpoint has about twelve a tensor, so this is 160,000 tensors; 32 bytes each make 64 MiB.
const MAX_NODES: usize = 2 << 20;
/// Most references kept in tuples, lists, sets and dictionaries together: 32 MiB of them.
const MAX_EDGES: usize = 8 << 20;
/// Highest memo index: writers number from 0 and memoize less than they build.
const MAX_MEMO: usize = 4 << 20;
/// Most values on the stack: writers append in batches of 1000, only a long tuple needs more.
const MAX_STACK: usize = 1 << 20;
/// Deepest open marks: CPython's own recursion limit stops a pickler near 1000.
const MAX_MARKS: usize = 10_000;
/// Bytes of a text that are kept; the rest is passed over. No tensor name or argument that matters is longer.
const MAX_TEXT: u64 = 4096;
/// Longest line of the text opcodes of protocol 0.
const MAX_LINE: usize = 1 << 20;
/// Most bytes that are read, passed-over ones aside: the largest known `data.pkl` have a few MiB.
pub(super) const MAX_READ: u64 = 64 << 20;

/// The texts of a small pickle, in the order they stand in it; none where it is no pickle.
pub(in crate::probe) fn texts(bytes: &[u8]) -> Vec<String> {
    let blob = crate::blob::Memory::new(bytes);
    let pickle = walk(&mut crate::blob::Cursor::new(&blob, 0));
    let text = |node: &Node| match node {
        Node::Str(text) => Some(text.to_string()),
        _ => None,
    };
    pickle.tree.nodes().filter_map(text).collect()
}

/// The texts that are keys of the outermost dictionary of a small pickle; none where it is something else.
pub(in crate::probe) fn keys(bytes: &[u8]) -> Vec<String> {
    let blob = crate::blob::Memory::new(bytes);
    let pickle = walk(&mut crate::blob::Cursor::new(&blob, 0));
    let entries = pickle.tree.entries(pickle.root).unwrap_or_default();
    entries.iter().filter_map(|(key, _)| pickle.tree.text(*key)).map(str::to_owned).collect()
}

/// A place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

/// What a pickle names and a loader would import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Global {
    /// Its module.
    pub(super) module: String,
    /// Its qualified name there.
    pub(super) name: String,
}

impl Global {
    /// Whether it is that one.
    pub(super) fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }

    /// Both names, dotted.
    pub(super) fn dotted(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }
}

/// What a callable would have been called with, and what would then have been put into the result.
#[derive(Debug)]
pub(super) struct Object {
    /// The callable or class.
    pub(super) callable: Id,
    /// Its arguments: a tuple, where the pickle is honest.
    pub(super) args: Id,
    /// What was set by key.
    pub(super) entries: Vec<(Id, Id)>,
    /// What was appended.
    pub(super) items: Vec<Id>,
    /// The state it was given.
    pub(super) state: Option<Id>,
}

/// One value of a pickle.
#[derive(Debug)]
pub(super) enum Node {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of at most 64 bits; larger ones are opaque.
    Int(i64),
    /// A float.
    Float(f64),
    /// A text, cut to [`MAX_TEXT`] bytes.
    Str(Box<str>),
    /// Bytes: how many, and the first eight, which is all of a numpy scalar.
    Bytes { len: u64, head: [u8; 8] },
    /// A tuple.
    Tuple(Box<[Id]>),
    /// A list.
    List(Vec<Id>),
    /// A set.
    Set(Vec<Id>),
    /// A dictionary.
    Dict(Vec<(Id, Id)>),
    /// A name that would be imported.
    Global(Box<Global>),
    /// The result of a call.
    Object(Box<Object>),
    /// Something the writer keeps elsewhere, by its id.
    Persistent(Id),
    /// Anything that says nothing here.
    Opaque,
}

/// The values of a pickle.
pub(super) struct Tree {
    nodes: Vec<Node>,
}

const NONE: Id = Id(0);
const TRUE: Id = Id(1);
const FALSE: Id = Id(2);
const EMPTY_TUPLE: Id = Id(3);
const OPAQUE: Id = Id(4);
/// Integers 0 to 255 follow: they are half of what a tensor's row is made of.
const SMALL_INTS: u32 = 5;

/// A pickle, as far as it was read.
pub(super) struct Pickle {
    /// Its values.
    pub(super) tree: Tree,
    /// The outermost one.
    pub(super) root: Id,
    /// Position behind its last byte.
    pub(super) end: u64,
    /// Why it was not read to its end: then `root` is what was built by then.
    pub(super) stopped: Option<PickleError>,
}

/// Why a pickle was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum PickleError {
    /// It does what no pickler does.
    #[error("its pickle does not hold: {0}")]
    Malformed(&'static str),
    /// It is larger than what is kept of a pickle.
    #[error("its pickle has more {0} than are read")]
    TooLarge(&'static str),
    /// The bytes could not be had.
    #[error("its pickle {0}")]
    Read(ReadError),
}

impl PickleError {
    /// What kind of gap it leaves.
    pub(super) fn cause(&self) -> Cause {
        match self {
            PickleError::Malformed(_) => Cause::Malformed,
            PickleError::TooLarge(_) | PickleError::Read(ReadError::TooLong { .. }) => Cause::OverBudget,
            PickleError::Read(_) => Cause::Truncated,
        }
    }

    /// Whether the bytes failed rather than what they say: then there is nothing to make the best of.
    pub(super) fn is_storage(&self) -> bool {
        matches!(self, PickleError::Read(error) if !matches!(error, ReadError::Ended { .. } | ReadError::TooLong { .. }))
    }
}

/// The pickle, unless the bytes themselves could not be had, or nothing was built of them.
///
/// # Errors
/// Why it was not read to its end.
pub(super) fn usable(pickle: Pickle) -> Result<Pickle, ProbeError> {
    let (tree, root) = (&pickle.tree, pickle.root);
    let nothing = tree.entries(root).is_none_or(<[_]>::is_empty) && tree.attributes(root).is_none();
    match pickle.stopped {
        Some(error) if error.is_storage() || nothing => Err(error.into()),
        _ => Ok(pickle),
    }
}

impl From<ReadError> for PickleError {
    fn from(error: ReadError) -> PickleError {
        PickleError::Read(error)
    }
}

impl From<PickleError> for ProbeError {
    fn from(error: PickleError) -> ProbeError {
        match error {
            PickleError::Read(error) => ProbeError::Read(error),
            other => ProbeError::Malformed(other.to_string()),
        }
    }
}

impl Tree {
    fn new() -> Tree {
        let mut nodes =
            vec![Node::None, Node::Bool(true), Node::Bool(false), Node::Tuple(Box::default()), Node::Opaque];
        nodes.extend((0..=255).map(Node::Int));
        Tree { nodes }
    }

    fn push(&mut self, node: Node) -> Result<Id, PickleError> {
        let id = u32::try_from(self.nodes.len()).ok().filter(|_| self.nodes.len() < MAX_NODES);
        let id = id.ok_or(PickleError::TooLarge("values"))?;
        self.nodes.push(node);
        Ok(Id(id))
    }

    /// The value there.
    pub(super) fn node(&self, id: Id) -> &Node {
        usize::try_from(id.0).ok().and_then(|index| self.nodes.get(index)).unwrap_or(&Node::Opaque)
    }

    fn node_mut(&mut self, id: Id) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id.0).ok()?)
    }

    /// All values, in the order they were built.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// Whether it is `None`.
    pub(super) fn is_none(&self, id: Id) -> bool {
        matches!(self.node(id), Node::None)
    }

    /// The text, if it is one.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one that is not negative.
    pub(super) fn unsigned(&self, id: Id) -> Option<u64> {
        match self.node(id) {
            Node::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The members of a tuple, list or set.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Tuple(items) => Some(items),
            Node::List(items) | Node::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The members of a set, also where it is written as a call of `set` (protocols below 4).
    pub(super) fn set_items(&self, id: Id) -> Option<&[Id]> {
        if let Some(object) = self.object(id)
            && self.global(object.callable).is_some_and(|class| matches!(class.name.as_str(), "set" | "frozenset"))
        {
            return self.items(*self.items(object.args)?.first()?);
        }
        self.items(id)
    }

    /// The name, if it is one that would be imported.
    pub(super) fn global(&self, id: Id) -> Option<&Global> {
        match self.node(id) {
            Node::Global(global) => Some(global),
            _ => None,
        }
    }

    /// The call, if it is one.
    pub(super) fn object(&self, id: Id) -> Option<&Object> {
        match self.node(id) {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The callable of a call, where it is a name.
    ///
    /// Legacy files of PyTorch name the classes of modules by a persistent id, `('module', class, file, source)`.
    pub(super) fn class(&self, id: Id) -> Option<&Global> {
        let callable = self.object(id)?.callable;
        let Node::Persistent(named) = self.node(callable) else { return self.global(callable) };
        match self.items(*named)? {
            [tag, class, ..] if self.text(*tag) == Some("module") => self.global(*class),
            _ => None,
        }
    }

    /// The arguments of a call.
    pub(super) fn args(&self, id: Id) -> &[Id] {
        self.object(id).and_then(|object| self.items(object.args)).unwrap_or_default()
    }

    /// The rows of a dictionary, or of an object that is one.
    pub(super) fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.node(id) {
            Node::Dict(entries) => Some(entries),
            Node::Object(object) => {
                let a_dict = |class: &Global| matches!(class.name.as_str(), "OrderedDict" | "defaultdict" | "dict");
                let mapping = !object.entries.is_empty() || self.global(object.callable).is_some_and(a_dict);
                mapping.then_some(object.entries.as_slice())
            }
            _ => None,
        }
    }

    /// The attributes an object was given: its state, or the first half of a (state, slots) pair.
    pub(super) fn attributes(&self, id: Id) -> Option<&[(Id, Id)]> {
        let state = self.object(id)?.state?;
        match self.node(state) {
            Node::Dict(entries) => Some(entries),
            Node::Tuple(halves) => match halves.as_ref() {
                [dict, slots] => match (self.entries(*dict), self.entries(*slots)) {
                    (Some(entries), _) => Some(entries),
                    (None, slots) => slots,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

/// What a walk over a tree may still cost: every value it looks at takes one.
///
/// The bound on time for pickles whose lists share lists, which are small as bytes and endless as trees.
pub(super) struct Visits {
    left: u32,
    /// Whether something was left out.
    pub(super) spent: bool,
}

impl Visits {
    /// A budget of that many values.
    pub(super) fn new(left: u32) -> Visits {
        Visits { left, spent: false }
    }

    /// Takes one; false when none is left.
    pub(super) fn take(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => self.spent = true,
        }
        !self.spent
    }
}
