//! SQLite databases: which tables there are, and their rows, one after the other.
//!
//! Follows "Database File Format" of sqlite.org. Own reader rather than the library: that is C, takes locks, replays
//! journals and reads the schema into a program that it runs; here nothing is written, locked or evaluated. Read are the
//! schema table, tables with and without row ids, overflow pages and all three encodings of text. What a write-ahead log
//! beside the file holds is not in it, and free pages (where deleted rows live on) are counted, not searched.
//!
//! Pages point at pages: a hostile file may let them run in circles or through one another. Every walk visits no more
//! pages than the file has, all walks together no more than a multiple of that; of one row a bounded part is held.

mod btree;
mod record;
mod schema;
#[cfg(test)]
mod tests;

pub use record::Value;
pub use schema::{Column, Item, Sort};

use crate::blob::{Blob, ReadError, read_vec};

const SIGNATURE: &[u8; 16] = b"SQLite format 3\0";
/// How often all walks together may visit every page.
const MAX_VISITS: u64 = 4;

/// Why a database could not be read further.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// Its header is no database's.
    #[error("is no SQLite database")]
    NotSqlite,
    /// A structure does not hold.
    #[error("its SQLite structure does not hold: {0}")]
    Malformed(&'static str),
    /// It is built in a way that is not read.
    #[error("its SQLite structure has {0}, which is not read")]
    Unsupported(&'static str),
    /// It has more of something than is read.
    #[error("its SQLite structure has more {0} than are read")]
    TooLarge(&'static str),
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// How texts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, least significant byte first.
    Utf16Le,
    /// UTF-16, most significant byte first.
    Utf16Be,
}

/// An open database.
pub struct Database<'b> {
    blob: &'b dyn Blob,
    page_size: u32,
    /// Bytes of a page that are used: extensions keep some at the end of each.
    usable: u32,
    /// Pages of the file.
    pub pages: u32,
    /// Pages that hold nothing any more, and often what was deleted.
    pub free_pages: u32,
    /// Whether changes go to a log beside the file first.
    pub has_log: bool,
    /// Number of the program it belongs to.
    pub application: u32,
    /// How texts are written.
    pub encoding: Encoding,
    visits_left: u64,
}

impl<'b> Database<'b> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`SqliteError`].
    pub fn open(blob: &'b dyn Blob) -> Result<Database<'b>, SqliteError> {
        let header = read_vec(blob, 0, 100, 100)?;
        if !header.starts_with(SIGNATURE) {
            return Err(SqliteError::NotSqlite);
        }
        let page_size = match number(&header, 16, 2) {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => size,
            _ => return Err(SqliteError::Malformed("a page of an impossible size")),
        };
        let reserved = number(&header, 20, 1);
        // The fractions that overflow goes by are fixed; the least usable size is as well.
        let usable = page_size.checked_sub(reserved).filter(|&usable| usable >= 480);
        let usable = usable.ok_or(SqliteError::Malformed("a page with no room"))?;
        if (number(&header, 21, 1), number(&header, 22, 1), number(&header, 23, 1)) != (64, 32, 32) {
            return Err(SqliteError::Malformed("its fractions"));
        }
        let encoding = match number(&header, 56, 4) {
            0 | 1 => Encoding::Utf8,
            2 => Encoding::Utf16Le,
            3 => Encoding::Utf16Be,
            _ => return Err(SqliteError::Malformed("an unknown encoding")),
        };
        let here = blob.size().checked_div(u64::from(page_size)).unwrap_or(0);
        // A count of pages that is not of the last writer's is not believed; that of the file always is.
        let stated = number(&header, 28, 4);
        let is_current = stated > 0 && number(&header, 24, 4) == number(&header, 92, 4);
        let here = u32::try_from(here).unwrap_or(u32::MAX);
        let pages = if is_current { stated } else { here };
        Ok(Database {
            blob,
            page_size,
            usable,
            pages,
            free_pages: number(&header, 36, 4),
            has_log: number(&header, 19, 1) == 2,
            application: number(&header, 68, 4),
            encoding,
            visits_left: u64::from(pages.min(here)).saturating_add(16).saturating_mul(MAX_VISITS),
        })
    }

    /// Whether the file ends before its last page.
    pub fn is_cut(&self) -> bool {
        !self.blob.is_open_ended() && u64::from(self.pages).saturating_mul(u64::from(self.page_size)) > self.blob.size()
    }

    /// The bytes of a page, counted from 1, without what is reserved.
    fn page(&mut self, page: u32) -> Result<Vec<u8>, SqliteError> {
        if page == 0 || page > self.pages {
            return Err(SqliteError::Malformed("a page outside of the file"));
        }
        self.visits_left = self.visits_left.checked_sub(1).ok_or(SqliteError::TooLarge("pages"))?;
        let at = u64::from(page.saturating_sub(1)).saturating_mul(u64::from(self.page_size));
        Ok(read_vec(self.blob, at, u64::from(self.usable), 65_536)?)
    }
}

/// The number at a place of a header; zero where there is none.
fn number(bytes: &[u8], at: usize, len: usize) -> u32 {
    let end = at.saturating_add(len);
    bytes.get(at..end).unwrap_or_default().iter().fold(0, |value, &byte| (value << 8) | u32::from(byte))
}
