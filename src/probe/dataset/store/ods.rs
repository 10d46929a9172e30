//! OpenDocument spreadsheets: every sheet as a table.
//!
//! Follows OpenDocument 1.3, part 3, §9. Cells and rows that are alike are written once with a count: of empty ones
//! that count is passed over, of others it is bounded.

use super::lines::{Held, Row, Sheet, held_text, put};
use super::xlsx::{TOO_WIDE, over};
use super::xml::{Piece, Pieces};
use crate::archive::zip::Directory;
use crate::blob::ReadError;
use crate::model::{Cause, Dataset, Fact, keep, publishable};
use crate::probe::{Finding, Input, ProbeError};
use crate::table::{Context, Table};

const MIMETYPE: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";
/// Sheets that are read.
const MAX_SHEETS: usize = 500;
/// Cells that are handed over because something is to be repeated, over all.
const MAX_REPEATED: u64 = 10_000_000;

/// Reads every sheet.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let zip = Directory::read(input.blob)?;
    let mimetype = zip.get(b"mimetype").ok_or(ProbeError::NotMine)?;
    let is_mine = zip.content(input.blob, mimetype, 128)?.starts_with(MIMETYPE);
    let Some(content) = zip.get(b"content.xml").filter(|_| is_mine) else { return Err(ProbeError::NotMine) };
    let mut dataset = Dataset::default();
    let mut notes = Vec::new();
    let outcome = Pieces::open(input, &zip, content).and_then(|pieces| sheets(input, pieces, &mut dataset, &mut notes));
    dataset.table = over(&dataset.sheets);
    let finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    Finding { notes, ..finding }.noting(outcome)
}

fn sheets(
    input: &Input,
    mut pieces: Pieces,
    dataset: &mut Dataset,
    notes: &mut Vec<(Cause, String)>,
) -> Result<(), ProbeError> {
    let mut left = MAX_REPEATED;
    loop {
        match pieces.next()? {
            Piece::Open(name) if name == "table" && dataset.sheets.len() >= MAX_SHEETS => {
                return Err(ReadError::OverBudget(format!("only {MAX_SHEETS} of its sheets were read")).into());
            }
            Piece::Open(name) if name == "table" => {
                let name = pieces.attribute("name").unwrap_or_default().to_owned();
                let context = Context { name: name.clone(), ..Context::default() };
                let mut sheet = Sheet::new(Table::new(input.tables, context), input.rows);
                let outcome = rows(&mut pieces, &mut sheet, &mut left);
                if outcome.is_err() {
                    sheet.cut();
                }
                keep(&mut dataset.sheets, publishable("sheet", &name), sheet.finish());
                if !outcome? && notes.is_empty() {
                    notes.push((Cause::OverBudget, TOO_WIDE.to_owned()));
                }
            }
            Piece::End => return Ok(()),
            _ => {}
        }
    }
}

/// Reads the rows of a sheet; answers false where cells were too far to the right.
fn rows(pieces: &mut Pieces, sheet: &mut Sheet, left: &mut u64) -> Result<bool, ProbeError> {
    let mut row: Row = Vec::new();
    let mut is_whole = true;
    let (mut column, mut width, mut repeated) = (0usize, 1usize, 1u64);
    let (mut value, mut text, mut in_text) = (None, String::new(), 0u32);
    loop {
        match pieces.next()? {
            Piece::Open(name) => match name.as_str() {
                "table-row" => {
                    row.clear();
                    column = 0;
                    repeated = number(pieces.attribute("number-rows-repeated")).max(1);
                }
                "table-cell" | "covered-table-cell" => {
                    width = usize::try_from(number(pieces.attribute("number-columns-repeated")))
                        .unwrap_or(usize::MAX)
                        .max(1);
                    value = held(pieces);
                    text.clear();
                }
                "p" => {
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    in_text = in_text.saturating_add(1);
                }
                // Remarks are no part of a cell's text.
                "annotation" => skip(pieces)?,
                _ => {}
            },
            Piece::Text(part) if in_text > 0 && text.len() < (64 << 10) => text.push_str(&part),
            Piece::Close(name) => match name.as_str() {
                "p" => in_text = in_text.saturating_sub(1),
                "table-cell" | "covered-table-cell" => {
                    let held = value.take().or_else(|| (!text.trim().is_empty()).then(|| held_text(&text)));
                    if let Some(held) = held {
                        let written = row.len();
                        for further in 0..width {
                            if !put(&mut row, column.saturating_add(further), held.clone()) {
                                is_whole = false;
                                break;
                            }
                        }
                        let repeated = row.len().saturating_sub(written).saturating_sub(1);
                        charge(left, repeated as u64)?;
                    }
                    column = column.saturating_add(width);
                }
                "table-row" if !row.is_empty() => {
                    sheet.row(&row)?;
                    for _ in 1..repeated {
                        charge(left, row.len() as u64)?;
                        sheet.row(&row)?;
                    }
                }
                "table" => return Ok(is_whole),
                _ => {}
            },
            Piece::End => return Ok(is_whole),
            Piece::Text(_) => {}
        }
    }
}

/// Takes cells that no byte was spent on.
fn charge(left: &mut u64, cells: u64) -> Result<(), ProbeError> {
    let error = || ReadError::OverBudget("repeats more cells than are read".to_owned());
    *left = left.checked_sub(cells).ok_or_else(error)?;
    Ok(())
}

/// Passes over the rest of an element.
fn skip(pieces: &mut Pieces) -> Result<(), ProbeError> {
    let mut depth = 1u64;
    while depth > 0 {
        match pieces.next()? {
            Piece::Open(_) => depth = depth.saturating_add(1),
            Piece::Close(_) => depth = depth.saturating_sub(1),
            Piece::End => return Ok(()),
            Piece::Text(_) => {}
        }
    }
    Ok(())
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The value of a cell that is no text.
fn held(pieces: &Pieces) -> Option<Held> {
    match pieces.attribute("value-type")? {
        "float" | "percentage" | "currency" => pieces.attribute("value")?.parse().ok().map(Held::Number),
        "boolean" => Some(Held::Boolean(pieces.attribute("boolean-value")? == "true")),
        "date" => pieces.attribute("date-value").map(held_text),
        _ => None,
    }
}
