//! Groups: the names in them, and the tree of all.

use std::collections::BTreeSet;

use super::message::{LINK, LINK_INFO, SYMBOL_TABLE};
use super::{Bytes, File, Hdf5Error, Link, Object};

/// Most names of one group.
const MAX_LINKS: usize = 100_000;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 64;
/// Longest path.
const MAX_PATH: usize = 4096;

impl File<'_> {
    /// Every object that can be reached from the outermost group, under its first path (`/` in between, none in
    /// front), the group itself first with an empty one; and why there are no more, where the walk was stopped.
    pub fn tree(&mut self) -> (Vec<(String, Object)>, Option<Hdf5Error>) {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![(String::new(), self.root, 0usize)];
        let mut stopped = None;
        while let Some((path, address, depth)) = open.pop() {
            if !seen.insert(address) {
                continue;
            }
            let object = match self.object(address) {
                Ok(object) => object,
                Err(error) => {
                    stopped = stopped.or(Some(error));
                    continue;
                }
            };
            if matches!(object, Object::Group { .. }) && depth >= MAX_DEPTH {
                stopped.get_or_insert(Hdf5Error::TooLarge("levels of groups"));
            } else if matches!(object, Object::Group { .. }) {
                let links = self.links(address).unwrap_or_else(|error| {
                    stopped.get_or_insert(error);
                    Vec::new()
                });
                for link in links.into_iter().rev() {
                    if link.is_external {
                        stopped.get_or_insert(Hdf5Error::Unsupported("a link to another file"));
                    }
                    // What a symbolic link leads to has a name of its own.
                    let Some(target) = link.target else { continue };
                    let child = if path.is_empty() { link.name } else { format!("{path}/{}", link.name) };
                    if child.len() <= MAX_PATH {
                        open.push((child, target, depth.saturating_add(1)));
                    } else {
                        stopped.get_or_insert(Hdf5Error::TooLarge("bytes of a path"));
                    }
                }
            }
            found.push((path, object));
        }
        (found, stopped)
    }

    /// The names in the group at `address`, in the order they are stored.
    ///
    /// # Errors
    /// [`Hdf5Error`].
    pub fn links(&mut self, address: u64) -> Result<Vec<Link>, Hdf5Error> {
        let mut links = Vec::new();
        for message in self.messages(address)? {
            match message.kind {
                LINK => links.push(self.link(&message.body)?),
                LINK_INFO => {
                    let mut bytes = Bytes::new(&message.body);
                    bytes.skip(1)?;
                    let flags = bytes.u8()?;
                    if flags & 1 != 0 {
                        bytes.skip(8)?;
                    }
                    let (heap, index) = (bytes.number(self.offset_size)?, bytes.number(self.offset_size)?);
                    for body in self.heap_objects(heap, index)? {
                        links.push(self.link(&body)?);
                    }
                }
                SYMBOL_TABLE => {
                    let mut bytes = Bytes::new(&message.body);
                    let (tree, heap) = (bytes.number(self.offset_size)?, bytes.number(self.offset_size)?);
                    self.symbols(tree, heap, &mut links)?;
                }
                _ => {}
            }
            if links.len() > MAX_LINKS {
                return Err(Hdf5Error::TooLarge("names in a group"));
            }
        }
        Ok(links)
    }

    fn link(&self, body: &[u8]) -> Result<Link, Hdf5Error> {
        let mut bytes = Bytes::new(body);
        if bytes.u8()? != 1 {
            return Err(Hdf5Error::Unsupported("a newer link"));
        }
        let flags = bytes.u8()?;
        let kind = if flags & 0x08 != 0 { bytes.u8()? } else { 0 };
        if flags & 0x04 != 0 {
            bytes.skip(8)?;
        }
        if flags & 0x10 != 0 {
            bytes.skip(1)?;
        }
        let length = bytes.length(1usize << (flags & 3))?;
        let name = String::from_utf8_lossy(bytes.take(length)?).into_owned();
        let target = if kind == 0 { Some(bytes.number(self.offset_size)?) } else { None };
        Ok(Link { name, target, is_external: kind > 1 })
    }

    /// The names of a group of the first kind: a tree of nodes whose names lie in a heap of their own.
    fn symbols(&mut self, tree: u64, heap: u64, links: &mut Vec<Link>) -> Result<(), Hdf5Error> {
        let names = self.local_heap(heap)?;
        let mut seen = BTreeSet::new();
        let mut open = vec![tree];
        while let Some(address) = open.pop() {
            if !seen.insert(address) {
                return Err(Hdf5Error::Malformed("the tree of a group runs in a circle"));
            }
            let start = self.bytes_up_to(address, 8)?;
            let mut bytes = Bytes::new(&start);
            if bytes.take(4)? == b"SNOD" {
                bytes.skip(2)?;
                let count = bytes.u16()?;
                self.symbol_node(address, count, &names, links)?;
                continue;
            }
            if !start.starts_with(b"TREE") || bytes.u8()? != 0 {
                return Err(Hdf5Error::Malformed("the tree of a group is none"));
            }
            bytes.skip(1)?;
            let count = usize::from(bytes.u16()?);
            let (key, pointer) = (self.length_size, self.offset_size);
            let length = count.saturating_mul(key.saturating_add(pointer)).saturating_add(pointer.saturating_mul(2));
            let node = self.bytes(address.saturating_add(8), length as u64)?;
            let mut node = Bytes::new(&node);
            node.skip(pointer.saturating_mul(2))?;
            let mut children = Vec::new();
            for _ in 0..count {
                node.skip(key)?;
                children.push(node.number(pointer)?);
            }
            open.extend(children.into_iter().rev());
        }
        Ok(())
    }

    fn symbol_node(&mut self, address: u64, count: u16, names: &[u8], links: &mut Vec<Link>) -> Result<(), Hdf5Error> {
        let row = self.offset_size.saturating_mul(2).saturating_add(24);
        let length = row.saturating_mul(usize::from(count)) as u64;
        let rows = self.bytes(address.saturating_add(8), length)?;
        let mut rows = Bytes::new(&rows);
        for _ in 0..count {
            let name = rows.length(self.offset_size)?;
            let target = rows.number(self.offset_size)?;
            let is_symbolic = rows.u32()? == 2;
            rows.skip(20)?;
            let name = names.get(name..).ok_or(Hdf5Error::Malformed("a name lies outside of its heap"))?;
            let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
            let name = name.get(..name.len().min(MAX_PATH)).unwrap_or_default();
            links.push(Link {
                name: String::from_utf8_lossy(name).into_owned(),
                target: if is_symbolic { None } else { Some(target) },
                is_external: false,
            });
            if links.len() > MAX_LINKS {
                return Err(Hdf5Error::TooLarge("names in a group"));
            }
        }
        Ok(())
    }
}
