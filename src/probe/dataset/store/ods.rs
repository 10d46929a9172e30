//! OpenDocument spreadsheets: every sheet as a table.
//!
//! Follows OpenDocument 1.3, part 3, §9. Cells and rows that are alike are written once with a count: of empty ones
//! that count is passed over, of others it is bounded.

use super::lines::{Held, Row, Sheet, held_text};
use super::xlsx::over;
use super::xml::{Piece, Pieces};
use crate::archive::zip::Directory;
use crate::model::{Dataset, Fact, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};
use crate::table::{Context, Table};

const MIMETYPE: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";
/// Sheets that are read.
const MAX_SHEETS: usize = 500;
/// Most columns of a sheet.
const MAX_COLUMNS: usize = 20_000;
/// How often rows that hold something are repeated at most, over all.
const MAX_REPEATED: u64 = 2_000_000;

/// Reads every sheet.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let zip = Directory::read(input.blob)?;
    let mimetype = zip.get(b"mimetype").ok_or(ProbeError::NotMine)?;
    let is_mine = zip.content(input.blob, mimetype, 128)?.starts_with(MIMETYPE);
    let Some(content) = zip.get(b"content.xml").filter(|_| is_mine) else { return Err(ProbeError::NotMine) };
    let mut dataset = Dataset::default();
    let outcome = Pieces::open(input.blob, &zip, content).and_then(|pieces| sheets(input, pieces, &mut dataset));
    dataset.table = over(&dataset.sheets);
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if let Err(error) = outcome {
        finding.notes.push(kit::note(error)?);
    }
    Ok(finding)
}

fn sheets(input: &Input, mut pieces: Pieces, dataset: &mut Dataset) -> Result<(), ProbeError> {
    let mut left = MAX_REPEATED;
    loop {
        match pieces.next()? {
            Piece::Open(name) if name == "table" => {
                let name = pieces.attribute("name").unwrap_or_default().to_owned();
                let context = Context { name: name.clone(), ..Context::default() };
                let mut sheet = Sheet::new(Table::new(input.tables, context), input.rows);
                let outcome = rows(&mut pieces, &mut sheet, &mut left);
                if outcome.is_err() {
                    sheet.cut();
                }
                if dataset.sheets.len() < MAX_SHEETS {
                    dataset.sheets.insert(publishable("sheet", &name), sheet.finish());
                }
                outcome?;
            }
            Piece::End => return Ok(()),
            _ => {}
        }
    }
}

fn rows(pieces: &mut Pieces, sheet: &mut Sheet, left: &mut u64) -> Result<(), ProbeError> {
    let mut row: Row = Vec::new();
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
                        for column in (column..MAX_COLUMNS).take(width) {
                            row.push((column, held.clone()));
                        }
                    }
                    column = column.saturating_add(width);
                }
                "table-row" if !row.is_empty() => {
                    *left = left
                        .checked_sub(repeated)
                        .ok_or_else(|| ProbeError::Unsupported("repeats rows more often than is read".to_owned()))?;
                    for _ in 1..repeated {
                        sheet.row(row.clone());
                    }
                    sheet.row(std::mem::take(&mut row));
                }
                "table" => return Ok(()),
                _ => {}
            },
            Piece::End => return Ok(()),
            Piece::Text(_) => {}
        }
    }
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
