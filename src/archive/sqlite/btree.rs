//! Trees of pages: the rows of a table in their order.

use super::{Database, SqliteError, number};

/// Deepest tree; the library's own limit.
const MAX_DEPTH: usize = 20;
/// Bytes of a row that are held.
const MAX_PAYLOAD: usize = 1 << 20;

const INNER_INDEX: u8 = 2;
const INNER_TABLE: u8 = 5;
const LEAF_INDEX: u8 = 10;
const LEAF_TABLE: u8 = 13;

const OUTSIDE: SqliteError = SqliteError::Malformed("a cell lies outside of its page");

/// One row as it is stored.
pub struct Stored<'r> {
    /// Its number; zero where the table has none.
    pub rowid: i64,
    /// Its record, or the beginning of it.
    pub payload: &'r [u8],
}

/// A page that is being walked.
struct Node {
    page: Vec<u8>,
    sort: u8,
    /// Position of its header: behind that of the file on the first page.
    header: usize,
    cells: usize,
    next: usize,
    /// Whether the child in front of cell `next` was walked.
    is_left_done: bool,
}

impl Database<'_> {
    /// Every row of the tree at `root`, in order, as long as `each` says so; returns how many there were.
    ///
    /// # Errors
    /// [`SqliteError`]; the rows before it were handed over.
    pub(super) fn walk(
        &mut self,
        root: u32,
        each: &mut dyn FnMut(Stored) -> Result<bool, SqliteError>,
    ) -> Result<(), SqliteError> {
        let mut visited = 1u32;
        let mut open = vec![self.node(root)?];
        let mut payload = Vec::new();
        while let Some(node) = open.last_mut() {
            if !node.is_left_done && node.is_inner() {
                node.is_left_done = true;
                let child = node.child()?;
                visited = visited.saturating_add(1);
                if open.len() >= MAX_DEPTH || visited > self.pages {
                    return Err(SqliteError::Malformed("a tree of pages that has no end"));
                }
                open.push(self.node(child)?);
                continue;
            }
            if node.next >= node.cells {
                open.pop();
                continue;
            }
            let (sort, at) = (node.sort, node.next);
            node.next = at.saturating_add(1);
            node.is_left_done = false;
            let cell = node.cell(at)?;
            let mut rest = match sort {
                INNER_TABLE => continue,
                INNER_INDEX => cell.get(4..).ok_or(OUTSIDE)?,
                _ => cell,
            };
            let length = varint(&mut rest).ok_or(OUTSIDE)?;
            let rowid = if sort == LEAF_TABLE { varint(&mut rest).ok_or(OUTSIDE)? } else { 0 };
            let local = self.local(length, sort == LEAF_TABLE);
            let (front, rest) = rest.split_at_checked(local).ok_or(OUTSIDE)?;
            payload.clear();
            payload.extend_from_slice(front);
            let wanted = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_PAYLOAD);
            if payload.len() < wanted {
                let page = number(rest, 0, 4);
                self.overflow(page, wanted, &mut payload)?;
            }
            if !each(Stored { rowid: rowid.cast_signed(), payload: &payload })? {
                break;
            }
        }
        Ok(())
    }

    fn node(&mut self, number_of: u32) -> Result<Node, SqliteError> {
        let page = self.page(number_of)?;
        let header = if number_of == 1 { 100 } else { 0 };
        let sort = page.get(header).copied().unwrap_or(0);
        if !matches!(sort, INNER_INDEX | INNER_TABLE | LEAF_INDEX | LEAF_TABLE) {
            return Err(SqliteError::Malformed("a page of a tree is none"));
        }
        let cells = number(&page, header.saturating_add(3), 2);
        let cells = usize::try_from(cells).unwrap_or(0);
        Ok(Node { page, sort, header, cells, next: 0, is_left_done: false })
    }

    /// Bytes of a record that lie in its cell; the others lie in overflow pages.
    fn local(&self, length: u64, is_table: bool) -> usize {
        let usable = u64::from(self.usable);
        let share = |of: u64| (usable.saturating_sub(12).saturating_mul(of) / 255).saturating_sub(23);
        let most = if is_table { usable.saturating_sub(35) } else { share(64) };
        let least = share(32);
        let local = if length <= most {
            length
        } else {
            let step = usable.saturating_sub(4).max(1);
            let fitting = least.saturating_add(length.saturating_sub(least).checked_rem(step).unwrap_or(0));
            if fitting <= most { fitting } else { least }
        };
        usize::try_from(local).unwrap_or(usize::MAX)
    }

    fn overflow(&mut self, mut page: u32, wanted: usize, payload: &mut Vec<u8>) -> Result<(), SqliteError> {
        while payload.len() < wanted {
            let bytes = self.page(page)?;
            page = number(&bytes, 0, 4);
            let part = bytes.get(4..).unwrap_or_default();
            let part = part.get(..part.len().min(wanted.saturating_sub(payload.len()))).unwrap_or_default();
            payload.extend_from_slice(part);
        }
        Ok(())
    }
}

impl Node {
    fn is_inner(&self) -> bool {
        matches!(self.sort, INNER_INDEX | INNER_TABLE)
    }

    /// The page in front of the next cell, or behind the last.
    fn child(&self) -> Result<u32, SqliteError> {
        let pointer = match self.next < self.cells {
            true => self.cell(self.next)?,
            false => self.page.get(self.header.saturating_add(8)..).unwrap_or_default(),
        };
        Ok(number(pointer.get(..4).ok_or(OUTSIDE)?, 0, 4))
    }

    /// A cell, and what follows it on the page.
    fn cell(&self, number_of: usize) -> Result<&[u8], SqliteError> {
        let header = if self.is_inner() { 12usize } else { 8 };
        let at = number_of.saturating_mul(2).saturating_add(header).saturating_add(self.header);
        let pointer = self.page.get(at..at.saturating_add(2)).ok_or(OUTSIDE)?;
        self.page.get(usize::try_from(number(pointer, 0, 2)).unwrap_or(usize::MAX)..).ok_or(OUTSIDE)
    }
}

/// A number of one to nine bytes, seven bits each, eight in the ninth; most significant first.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if place == 8 {
            return Some((value << 8) | u64::from(byte));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}
