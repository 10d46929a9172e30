//! The stack machine: opcodes to nodes.

use super::{
    EMPTY_TUPLE, FALSE, Global, Id, MAX_EDGES, MAX_MARKS, MAX_MEMO, MAX_READ, MAX_STACK, NONE, Node, OPAQUE, Object,
    Pickle, PickleError, TRUE, Tree,
};
use crate::blob::Cursor;

/// Reads one pickle from where the cursor stands; the cursor then stands behind it.
pub(in super::super) fn walk(cursor: &mut Cursor) -> Pickle {
    let start = cursor.position();
    let mut machine = Machine {
        cursor,
        start,
        passed_over: 0,
        tree: Tree::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        memoized: 0,
        edges: 0,
        memo_grown: 0,
        nested: 0,
    };
    let (root, stopped) = match machine.run() {
        Ok(root) => (root, None),
        Err(error) => (machine.salvage(), Some(error)),
    };
    let end = machine.cursor.position();
    Pickle { tree: machine.tree, root, end, stopped }
}

pub(super) struct Machine<'c, 'b> {
    pub(super) cursor: &'c mut Cursor<'b>,
    start: u64,
    /// Bytes of long texts and byte strings that were not looked at.
    pub(super) passed_over: u64,
    pub(super) tree: Tree,
    stack: Vec<Id>,
    /// Heights of the stack at each open mark.
    marks: Vec<usize>,
    /// Value by memo index; [`UNSET`] where there is none.
    memo: Vec<Id>,
    memoized: usize,
    edges: usize,
    /// Slots the memos of this pickle and of those in it were grown by: each may be as large as one is allowed to.
    memo_grown: usize,
    /// Pickles around the one that is read.
    pub(super) nested: u8,
}

const UNSET: Id = Id(u32::MAX);
const UNDERFLOW: PickleError = PickleError::Malformed("it takes more from its stack than there is");

impl Machine<'_, '_> {
    fn run(&mut self) -> Result<Id, PickleError> {
        loop {
            let read = self.cursor.position().saturating_sub(self.start).saturating_sub(self.passed_over);
            if read > MAX_READ {
                return Err(PickleError::TooLarge("bytes"));
            }
            let opcode = self.cursor.u8()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), PickleError> {
        match opcode {
            b'(' => self.mark(),
            b'0' => self.pop_or_mark(),
            b'1' => self.pop_mark().map(drop),
            b'2' => self.top().and_then(|id| self.push(id)),
            b'N' => self.push(NONE),
            0x88 => self.push(TRUE),
            0x89 => self.push(FALSE),
            b')' => self.push(EMPTY_TUPLE),
            0x80 => Ok(self.cursor.skip(1)?),
            0x95 => Ok(self.cursor.skip(8)?),
            b'I' | b'L' | b'J' | b'K' | b'M' | 0x8a | 0x8b => self.integer(opcode),
            b'F' | b'G' => self.float(opcode),
            b'S' | b'V' | b'T' | b'U' | b'X' | 0x8c | 0x8d => self.string(opcode),
            b'B' | b'C' | 0x8e | 0x96 => self.bytes(opcode),
            b']' => self.push_new(Node::List(Vec::new())),
            b'}' => self.push_new(Node::Dict(Vec::new())),
            0x8f => self.push_new(Node::Set(Vec::new())),
            b'l' | b't' | b'd' | 0x91 | 0x85 | 0x86 | 0x87 => self.collect(opcode),
            b'a' | b'e' | 0x90 => self.append(opcode),
            b's' | b'u' => self.set_items(opcode),
            b'c' | 0x93 => self.global(opcode),
            b'R' | 0x81 | 0x92 | b'o' | b'i' => self.call(opcode),
            b'b' => self.build(),
            b'P' | b'Q' => self.persistent(opcode),
            b'p' | b'q' | b'r' | 0x94 => self.put(opcode),
            b'g' | b'h' | b'j' => self.get(opcode),
            // Values of a registry or of buffers beside the pickle: nothing of them is in it.
            0x82 => self.opaque(1),
            0x83 => self.opaque(2),
            0x84 => self.opaque(4),
            0x97 => self.opaque(0),
            0x98 => Ok(()),
            _ => Err(PickleError::Malformed("it has an unknown opcode")),
        }
    }

    pub(super) fn push(&mut self, id: Id) -> Result<(), PickleError> {
        if self.stack.len() >= MAX_STACK {
            return Err(PickleError::TooLarge("values on its stack"));
        }
        self.stack.push(id);
        Ok(())
    }

    pub(super) fn push_new(&mut self, node: Node) -> Result<(), PickleError> {
        let id = self.tree.push(node)?;
        self.push(id)
    }

    fn opaque(&mut self, operand: u64) -> Result<(), PickleError> {
        self.cursor.skip(operand)?;
        self.push(OPAQUE)
    }

    /// What is below the innermost mark is not to be had before the mark is closed.
    fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, PickleError> {
        self.stack.last().copied().filter(|_| self.stack.len() > self.fence()).ok_or(UNDERFLOW)
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_or_mark(&mut self) -> Result<(), PickleError> {
        if self.stack.len() > self.fence() {
            return self.pop().map(drop);
        }
        self.marks.pop().map(drop).ok_or(UNDERFLOW)
    }

    fn mark(&mut self) -> Result<(), PickleError> {
        if self.marks.len() >= MAX_MARKS {
            return Err(PickleError::TooLarge("open marks"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    /// What was pushed since the innermost mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let height = self.marks.pop().ok_or(PickleError::Malformed("it closes a mark that is not open"))?;
        Ok(self.stack.split_off(height.min(self.stack.len())))
    }

    /// Counts references before they are kept.
    fn charge(&mut self, references: usize) -> Result<(), PickleError> {
        self.edges = self.edges.saturating_add(references);
        if self.edges > MAX_EDGES { Err(PickleError::TooLarge("references")) } else { Ok(()) }
    }

    /// Makes a container of what was pushed since the mark, or of the topmost one to three.
    fn collect(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = match opcode {
            0x85..=0x87 => {
                let count = usize::from(opcode.saturating_sub(0x84));
                let height = self.stack.len().checked_sub(count).filter(|&height| height >= self.fence());
                self.stack.split_off(height.ok_or(UNDERFLOW)?)
            }
            _ => self.pop_mark()?,
        };
        self.charge(items.len())?;
        let node = match opcode {
            b'l' => Node::List(items),
            b'd' => Node::Dict(pairs(&items)),
            0x91 => Node::Set(items),
            _ if items.is_empty() => return self.push(EMPTY_TUPLE),
            _ => Node::Tuple(items.into_boxed_slice()),
        };
        self.push_new(node)
    }

    fn append(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = if opcode == b'a' { vec![self.pop()?] } else { self.pop_mark()? };
        let target = self.top()?;
        self.extend(target, &items)
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), PickleError> {
        let items = if opcode == b's' {
            let value = self.pop()?;
            vec![self.pop()?, value]
        } else {
            self.pop_mark()?
        };
        let target = self.top()?;
        self.insert(target, &items)
    }

    fn extend(&mut self, target: Id, items: &[Id]) -> Result<(), PickleError> {
        self.charge(items.len())?;
        match self.tree.node_mut(target) {
            Some(Node::List(list) | Node::Set(list)) => list.extend_from_slice(items),
            Some(Node::Object(object)) => object.items.extend_from_slice(items),
            _ => {}
        }
        Ok(())
    }

    fn insert(&mut self, target: Id, items: &[Id]) -> Result<(), PickleError> {
        self.charge(items.len())?;
        match self.tree.node_mut(target) {
            Some(Node::Dict(entries)) => entries.append(&mut pairs(items)),
            Some(Node::Object(object)) => object.entries.append(&mut pairs(items)),
            _ => {}
        }
        Ok(())
    }

    fn global(&mut self, opcode: u8) -> Result<(), PickleError> {
        let (module, name) = if opcode == b'c' {
            (self.line()?, self.line()?)
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.tree.text(module), self.tree.text(name)) {
                (Some(module), Some(name)) => (module.to_owned(), name.to_owned()),
                _ => return self.push(OPAQUE),
            }
        };
        self.push_new(Node::Global(Box::new(Global { module, name })))
    }

    fn call(&mut self, opcode: u8) -> Result<(), PickleError> {
        let (callable, args) = match opcode {
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let class = self.tree.push(Node::Global(Box::new(Global { module, name })))?;
                let args = self.pop_mark()?;
                (class, self.tuple(args)?)
            }
            b'o' => {
                let mut args = self.pop_mark()?;
                if args.is_empty() {
                    return Err(UNDERFLOW);
                }
                let class = args.remove(0);
                (class, self.tuple(args)?)
            }
            _ => {
                if opcode == 0x92 {
                    self.pop()?;
                }
                let args = self.pop()?;
                (self.pop()?, args)
            }
        };
        let entries = self.entries_of_args(callable, args);
        self.charge(entries.len().saturating_mul(2))?;
        let object = Object { callable, args, entries, items: Vec::new(), state: None };
        self.push_new(Node::Object(Box::new(object)))
    }

    fn tuple(&mut self, items: Vec<Id>) -> Result<Id, PickleError> {
        self.charge(items.len())?;
        self.tree.push(Node::Tuple(items.into_boxed_slice()))
    }

    /// Python 2 writes an ordered dictionary as a call with a list of pairs.
    fn entries_of_args(&self, callable: Id, args: Id) -> Vec<(Id, Id)> {
        let ordered = self.tree.global(callable).is_some_and(|class| class.name == "OrderedDict");
        let list = self.tree.items(args).and_then(<[Id]>::first).filter(|_| ordered);
        let Some(pairs) = list.and_then(|&list| self.tree.items(list)) else { return Vec::new() };
        // Asked before the copy: the same list may be called with again and again.
        if self.edges.saturating_add(pairs.len()) > MAX_EDGES {
            return Vec::new();
        }
        let pair = |&id| match self.tree.items(id) {
            Some([key, value]) => Some((*key, *value)),
            _ => None,
        };
        pairs.iter().filter_map(pair).collect()
    }

    fn build(&mut self) -> Result<(), PickleError> {
        let state = self.pop()?;
        let target = self.top()?;
        if let Some(Node::Object(object)) = self.tree.node_mut(target) {
            object.state = Some(state);
        }
        self.array_behind(target)
    }

    /// Reads a pickle that stands in the middle of this one, with a stack and a memo of its own.
    pub(super) fn nested_pickle(&mut self) -> Result<Id, PickleError> {
        let stack = std::mem::take(&mut self.stack);
        let marks = std::mem::take(&mut self.marks);
        let memo = std::mem::take(&mut self.memo);
        let memoized = std::mem::take(&mut self.memoized);
        self.nested = self.nested.saturating_add(1);
        let root = self.run();
        self.nested = self.nested.saturating_sub(1);
        (self.stack, self.marks, self.memo, self.memoized) = (stack, marks, memo, memoized);
        root
    }

    fn persistent(&mut self, opcode: u8) -> Result<(), PickleError> {
        let id = if opcode == b'Q' {
            self.pop()?
        } else {
            let line = self.line()?;
            self.tree.push(Node::Str(line.into_boxed_str()))?
        };
        self.push_new(Node::Persistent(id))
    }

    fn memo_index(&mut self, opcode: u8) -> Result<usize, PickleError> {
        let index = match opcode {
            b'q' | b'h' => usize::from(self.cursor.u8()?),
            b'r' | b'j' => usize::try_from(self.cursor.u32()?).unwrap_or(usize::MAX),
            0x94 => self.memoized,
            _ => self.line()?.parse().map_err(|_| PickleError::Malformed("a memo index is no number"))?,
        };
        if index < MAX_MEMO { Ok(index) } else { Err(PickleError::TooLarge("memoized values")) }
    }

    fn put(&mut self, opcode: u8) -> Result<(), PickleError> {
        let index = self.memo_index(opcode)?;
        let id = self.top()?;
        if index >= self.memo.len() {
            let more = index.saturating_add(1).saturating_sub(self.memo.len());
            self.memo_grown = self.memo_grown.saturating_add(more);
            if self.memo_grown > MAX_MEMO.saturating_mul(2) {
                return Err(PickleError::TooLarge("memoized values"));
            }
            self.memo.resize(index.saturating_add(1), UNSET);
        }
        if let Some(slot) = self.memo.get_mut(index) {
            self.memoized = self.memoized.saturating_add(usize::from(*slot == UNSET));
            *slot = id;
        }
        Ok(())
    }

    fn get(&mut self, opcode: u8) -> Result<(), PickleError> {
        let index = self.memo_index(opcode)?;
        let id = self.memo.get(index).copied().filter(|&id| id != UNSET);
        self.push(id.ok_or(PickleError::Malformed("it refers to a memo index that was not set"))?)
    }

    /// The outermost value of a pickle that broke off: what was pushed for an open container is put into it, so that a
    /// checkpoint cut in its last tensor still says all the others.
    fn salvage(&mut self) -> Id {
        while !self.marks.is_empty() {
            let Ok(items) = self.pop_mark() else { break };
            let Some(&target) = self.stack.last() else { continue };
            let kept = match self.tree.node(target) {
                Node::Dict(_) | Node::Object(_) => self.insert(target, &items),
                Node::List(_) | Node::Set(_) => self.extend(target, &items),
                _ => Ok(()),
            };
            if kept.is_err() {
                break;
            }
        }
        let root = self.stack.first().copied().unwrap_or(OPAQUE);
        let rest = self.stack.get(1..).unwrap_or_default().to_vec();
        let state = rest.first().copied().filter(|&first| matches!(self.tree.node(first), Node::Dict(_)));
        match (self.tree.node_mut(root), state) {
            // An object that was cut in its attributes has those before the cut.
            (Some(Node::Object(object)), Some(state)) if object.state.is_none() && object.entries.is_empty() => {
                object.state = Some(state);
            }
            // A failure here is the budget's, and there is nothing left to build.
            _ => self.insert(root, &rest).unwrap_or_default(),
        }
        root
    }
}

/// Keys and values in turn; a last key without a value is dropped.
fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks().0.iter().map(|&[key, value]| (key, value)).collect()
}
