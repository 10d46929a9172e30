#![allow(clippy::arithmetic_side_effects, clippy::type_complexity)]
use super::*;
use crate::blob::Memory;

/// A database of pages of 512 bytes: the schema on the first, one table on the second.
fn forged(sql: &str, root: u8, rows: &[&[u8]]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend([2, 0, 1, 1, 0, 64, 32, 32, 0, 0, 0, 1, 0, 0, 0, 2]);
    header.resize(56, 0);
    header.extend([0, 0, 0, 1]);
    header.resize(92, 0);
    header.extend([0, 0, 0, 1, 0, 0, 0, 1]);
    let text = |text: &str| (text.len() * 2 + 13) as u16;
    let sort = text(sql);
    let record = [
        &[7, 23, 15, 15, 1, 0x80 | (sort >> 7) as u8, (sort & 0x7f) as u8][..],
        b"tabletttt".get(..5).unwrap(),
        b"t",
        b"t",
        &[root],
        sql.as_bytes(),
    ]
    .concat();
    let first = page(&header, 13, &[&[&[record.len() as u8, 1][..], &record].concat()]);
    let cells: Vec<Vec<u8>> =
        rows.iter().enumerate().map(|(n, row)| [&[row.len() as u8, n as u8 + 1][..], row].concat()).collect();
    let second = page(&[], 13, &cells.iter().map(Vec::as_slice).collect::<Vec<_>>());
    [first, second].concat()
}

fn page(front: &[u8], sort: u8, cells: &[&[u8]]) -> Vec<u8> {
    let mut page = front.to_vec();
    page.extend([sort, 0, 0, 0, cells.len() as u8, 0, 0, 0]);
    let mut at = 512;
    for cell in cells {
        at -= cell.len();
        page.extend((at as u16).to_be_bytes());
    }
    page.resize(512, 0);
    let mut end = 512;
    for cell in cells {
        page[end - cell.len()..end].copy_from_slice(cell);
        end -= cell.len();
    }
    page
}

fn read(bytes: &[u8]) -> Result<Vec<String>, SqliteError> {
    let blob = Memory::new(bytes);
    let mut database = Database::open(&blob)?;
    let mut rows = Vec::new();
    for item in database.schema()? {
        database.rows(&item, &mut |row| {
            rows.push(format!("{row:?}"));
            true
        })?;
    }
    Ok(rows)
}

const SQL: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)";
const ROWS: [&[u8]; 2] = [&[4, 0, 15, 7, b'x', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], &[3, 0, 2, 0xff, 0xfe]];

#[test]
fn rows_of_a_forged_table() {
    let rows = read(&forged(SQL, 2, &ROWS)).unwrap();
    assert_eq!(rows, ["[Integer(1), Text(\"x\"), Real(1.5)]", "[Integer(2), Integer(-2), Null]"]);
}

#[test]
fn circles_and_wrong_places_come_to_an_end() {
    assert!(matches!(read(&forged(SQL, 9, &[])), Err(SqliteError::Malformed(_))));
    let mut circle = forged(SQL, 2, &[]);
    circle[512] = 5;
    circle[512 + 8..512 + 12].copy_from_slice(&2u32.to_be_bytes());
    assert!(matches!(read(&circle), Err(SqliteError::Malformed(_))));
    // A row whose overflow leads to its own page, and says it is endless.
    let endless: &[u8] = &[0x8f, 0xff, 0xff, 0xff, 0x7f];
    let mut long = forged(SQL, 2, &[endless]);
    long[512 + 8..512 + 10].copy_from_slice(&100u16.to_be_bytes());
    long[612..617].copy_from_slice(endless);
    long[617] = 1;
    assert!(read(&long).is_err());
    assert!(matches!(read(b"SQLite format 3\0"), Err(SqliteError::Read(_))));
}

#[test]
fn no_change_of_a_byte_is_too_much() {
    let good = forged(SQL, 2, &ROWS);
    for at in 0..good.len() {
        for value in [0, 0xff, good[at] ^ 1, good[at] ^ 0x80] {
            let mut bytes = good.clone();
            bytes[at] = value;
            drop(read(&bytes));
        }
        drop(read(&good[..at]));
    }
}
