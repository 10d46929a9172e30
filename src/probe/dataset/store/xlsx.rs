//! Workbooks of Excel since 2007: every sheet as a table.
//!
//! Follows ECMA-376 part 1, §18, as far as cells go: shared and inline texts, numbers that a style makes dates, truth
//! values. Formulas are not evaluated, their last results are read. Who wrote the workbook (`docProps/`) is somebody's
//! name and is not looked at. Shared texts are kept cut and up to a limit; cells of further ones are passed over.

use std::collections::{BTreeMap, BTreeSet};

use super::lines::{Held, Row, Sheet, held_text, moment, put};
use super::xml::{Piece, Pieces};
use crate::archive::zip::{Directory, Member};
use crate::model::{Cause, Dataset, Fact, TableFacts, keep, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};
use crate::table::{Context, Table};

/// What is said of sheets that were not read to their right end.
pub(super) const TOO_WIDE: &str = "has rows of more than 20,000 columns: values of the others were passed over";
/// Sheets that are read.
const MAX_SHEETS: usize = 500;
/// Bytes of shared texts that are kept.
const MAX_SHARED: usize = 12 << 20;
/// Bytes of one shared text that are kept.
const MAX_TEXT: usize = 1_024;
/// Styles and relations that are kept.
const MAX_LISTED: usize = 100_000;

/// Reads the list of sheets, then every sheet.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let zip = Directory::read(input.blob)?;
    let workbook = zip.members.iter().find(|member| member.name.ends_with(b"workbook.xml"));
    let Some(workbook) = workbook.filter(|_| zip.get(b"[Content_Types].xml").is_some()) else {
        return Err(if zip.get(b"xl/workbook.bin").is_some() {
            ProbeError::Unsupported("is a binary workbook, which is not read".to_owned())
        } else {
            ProbeError::NotMine
        });
    };
    let root = workbook.name.strip_suffix(b"workbook.xml").unwrap_or_default().to_vec();
    let part = |name: &str| zip.get(&[root.as_slice(), name.as_bytes()].concat());
    let (sheets, from_1904) = sheets(input, &zip, workbook)?;
    let targets = part("_rels/workbook.xml.rels").map_or(Ok(BTreeMap::new()), |rels| relations(input, &zip, rels))?;
    let dates = part("styles.xml").map_or(Ok(Vec::new()), |styles| dates(input, &zip, styles))?;
    let mut kept = Shared::default();
    let outcome = match part("sharedStrings.xml").filter(|_| !sheets.is_empty()) {
        Some(texts) => shared(input, &zip, texts, &mut kept),
        None => Ok(()),
    };
    let shared = kept;
    let mut dataset = Dataset::default();
    let mut finding = Finding::new(Fact::None {}).noting(outcome)?;
    if shared.is_cut {
        finding
            .notes
            .push((Cause::OverBudget, "has more texts than are kept; cells of the others were passed over".to_owned()));
    }
    if sheets.len() > MAX_SHEETS {
        finding.notes.push((Cause::OverBudget, format!("only {MAX_SHEETS} of its sheets were read")));
    }
    // No writer lets two sheets share a part; a bomb lets five hundred.
    let mut read = BTreeSet::new();
    for (name, id) in sheets.into_iter().take(MAX_SHEETS) {
        let target = targets.get(&id).map(String::as_str).unwrap_or_default();
        let path = match target.strip_prefix('/') {
            Some(absolute) => absolute.as_bytes().to_vec(),
            None => [root.as_slice(), target.as_bytes()].concat(),
        };
        let Some(member) = zip.get(&path).filter(|_| target.contains("sheet")) else { continue };
        if !read.insert(path) {
            finding.notes.push((Cause::Malformed, "some of its sheets are the same: it was read once".to_owned()));
            continue;
        }
        let context = Context { name: name.clone(), ..Context::default() };
        let mut sheet = Sheet::new(Table::new(input.tables, context), input.rows);
        let reading = Reading { shared: &shared, dates: &dates, from_1904 };
        let outcome = Pieces::open(input, &zip, member).and_then(|pieces| reading.rows(pieces, &mut sheet));
        let note = match outcome {
            Ok(true) => None,
            Ok(false) => Some((Cause::OverBudget, TOO_WIDE.to_owned())),
            Err(error) => Some(kit::note(error)?),
        };
        if note.is_some() {
            sheet.cut();
        }
        finding.notes.extend(note);
        keep(&mut dataset.sheets, publishable("sheet", &name), sheet.finish());
        // What there is no time for is not begun.
        if input.tables.check().is_err() {
            break;
        }
    }
    finding.notes.sort_unstable();
    finding.notes.dedup();
    dataset.table = over(&dataset.sheets);
    finding.fact = Fact::Dataset(Box::new(dataset));
    Ok(finding)
}

/// What a workbook says as a whole: its columns are those of the sheet with most rows.
pub(super) fn over(sheets: &BTreeMap<String, TableFacts>) -> TableFacts {
    let mut whole = TableFacts::joined(sheets.values());
    let largest = sheets.values().max_by_key(|sheet| (sheet.row_count, sheet.columns.len()));
    if let Some(largest) = largest {
        whole.columns.clone_from(&largest.columns);
        whole.column_count = largest.column_count;
    }
    whole
}

/// Names and ids of the sheets, and which day is the first.
fn sheets(input: &Input, zip: &Directory, member: &Member) -> Result<(Vec<(String, String)>, bool), ProbeError> {
    let mut pieces = Pieces::open(input, zip, member)?;
    let (mut sheets, mut from_1904) = (Vec::new(), false);
    loop {
        match pieces.next()? {
            Piece::Open(name) if name == "sheet" && sheets.len() < MAX_LISTED => {
                let of = |name: &str| pieces.attribute(name).unwrap_or_default().to_owned();
                sheets.push((of("name"), of("id")));
            }
            Piece::Open(name) if name == "workbookPr" => {
                from_1904 = matches!(pieces.attribute("date1904"), Some("1" | "true"));
            }
            Piece::End => return Ok((sheets, from_1904)),
            _ => {}
        }
    }
}

fn relations(input: &Input, zip: &Directory, member: &Member) -> Result<BTreeMap<String, String>, ProbeError> {
    let mut pieces = Pieces::open(input, zip, member)?;
    let mut targets = BTreeMap::new();
    loop {
        match pieces.next()? {
            Piece::Open(name) if name == "Relationship" && targets.len() < MAX_LISTED => {
                let of = |name: &str| pieces.attribute(name).unwrap_or_default().to_owned();
                targets.insert(of("Id"), of("Target"));
            }
            Piece::End => return Ok(targets),
            _ => {}
        }
    }
}

/// For each style of a cell, whether it shows a number as a date.
fn dates(input: &Input, zip: &Directory, member: &Member) -> Result<Vec<bool>, ProbeError> {
    let mut pieces = Pieces::open(input, zip, member)?;
    let mut formats: BTreeMap<u32, bool> = BTreeMap::new();
    let (mut styles, mut in_cells) = (Vec::new(), false);
    loop {
        match pieces.next()? {
            Piece::Open(name) if name == "numFmt" && formats.len() < MAX_LISTED => {
                let id = pieces.attribute("numFmtId").and_then(|id| id.parse().ok());
                if let Some(id) = id {
                    formats.insert(id, is_date(pieces.attribute("formatCode").unwrap_or_default()));
                }
            }
            Piece::Open(name) if name == "cellXfs" => in_cells = true,
            Piece::Close(name) if name == "cellXfs" => in_cells = false,
            Piece::Open(name) if name == "xf" && in_cells && styles.len() < MAX_LISTED => {
                let id = pieces.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                let built_in = matches!(id, 14..=22 | 27..=36 | 50..=58);
                styles.push(formats.get(&id).copied().unwrap_or(built_in));
            }
            Piece::End => return Ok(styles),
            _ => {}
        }
    }
}

/// Whether a format shows days: it has a year or a day outside of quotes and brackets.
fn is_date(format: &str) -> bool {
    let (mut in_quotes, mut in_brackets) = (false, false);
    let mut chars = format.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' | '_' | '*' => drop(chars.next()),
            '"' => in_quotes = !in_quotes,
            '[' if !in_quotes => in_brackets = true,
            ']' if !in_quotes => in_brackets = false,
            'y' | 'Y' | 'd' | 'D' if !in_quotes && !in_brackets => return true,
            _ => {}
        }
    }
    false
}

/// Texts that cells refer to by number: one behind the other, and where each ends.
#[derive(Default)]
struct Shared {
    texts: String,
    ends: Vec<u32>,
    is_cut: bool,
}

impl Shared {
    fn get(&self, number: usize) -> Option<&str> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let end = *self.ends.get(number)?;
        self.texts.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

fn shared(input: &Input, zip: &Directory, member: &Member, shared: &mut Shared) -> Result<(), ProbeError> {
    let mut pieces = Pieces::open(input, zip, member)?;
    let (mut text, mut in_text, mut in_phonetic) = (String::new(), false, false);
    loop {
        match pieces.next()? {
            Piece::Open(name) => match name.as_str() {
                "si" => text.clear(),
                "t" => in_text = true,
                // How a text is pronounced is no part of it.
                "rPh" => in_phonetic = true,
                _ => {}
            },
            Piece::Close(name) => match name.as_str() {
                "t" => in_text = false,
                "rPh" => in_phonetic = false,
                "si" => {
                    let cut = text.get(..text.floor_char_boundary(MAX_TEXT.min(text.len()))).unwrap_or_default();
                    let held = shared.texts.len().saturating_add(shared.ends.len().saturating_mul(4));
                    if held.saturating_add(cut.len()) > MAX_SHARED {
                        shared.is_cut = true;
                        return Ok(());
                    }
                    shared.texts.push_str(cut);
                    shared.ends.push(u32::try_from(shared.texts.len()).unwrap_or(u32::MAX));
                }
                _ => {}
            },
            Piece::Text(part) if in_text && !in_phonetic && text.len() < MAX_TEXT => text.push_str(&part),
            Piece::End => return Ok(()),
            Piece::Text(_) => {}
        }
    }
}

/// What cells refer to.
struct Reading<'r> {
    shared: &'r Shared,
    dates: &'r [bool],
    from_1904: bool,
}

impl Reading<'_> {
    /// Reads the rows of a sheet; answers false where cells were too far to the right.
    fn rows(&self, mut pieces: Pieces, sheet: &mut Sheet) -> Result<bool, ProbeError> {
        let mut row: Row = Vec::new();
        let mut is_whole = true;
        let (mut column, mut next) = (0usize, 0usize);
        let (mut sort, mut style, mut text, mut in_value) = (String::new(), 0usize, String::new(), false);
        loop {
            match pieces.next()? {
                Piece::Open(name) => match name.as_str() {
                    "row" => {
                        row.clear();
                        next = 0;
                    }
                    "c" => {
                        column = pieces.attribute("r").and_then(column_of).unwrap_or(next);
                        next = column.saturating_add(1);
                        sort = pieces.attribute("t").unwrap_or("n").to_owned();
                        style = pieces.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(0);
                        text.clear();
                    }
                    "v" | "t" => in_value = true,
                    _ => {}
                },
                Piece::Text(part) if in_value && text.len() < (64 << 10) => text.push_str(&part),
                Piece::Close(name) => match name.as_str() {
                    "v" | "t" => in_value = false,
                    "c" => {
                        if let Some(held) = self.held(&sort, style, &text) {
                            is_whole &= put(&mut row, column, held);
                        }
                    }
                    "row" => {
                        row.sort_by_key(|(column, _)| *column);
                        sheet.row(&row)?;
                        row.clear();
                    }
                    "sheetData" => return Ok(is_whole),
                    _ => {}
                },
                Piece::End => return Ok(is_whole),
                Piece::Text(_) => {}
            }
        }
    }

    fn held(&self, sort: &str, style: usize, text: &str) -> Option<Held> {
        match sort {
            _ if text.trim().is_empty() => None,
            "s" => self.shared.get(text.trim().parse().ok()?).filter(|text| !text.trim().is_empty()).map(held_text),
            "b" => Some(Held::Boolean(text.trim() == "1")),
            "e" => None,
            "n" => {
                let number: f64 = text.trim().parse().ok()?;
                let is_date = self.dates.get(style).copied().unwrap_or(false);
                let date = if is_date { moment(number, self.from_1904) } else { None };
                Some(date.map_or(Held::Number(number), Held::Moment))
            }
            _ => Some(held_text(text)),
        }
    }
}

/// The column of `AB12`, counted from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_uppercase).take(4);
    let value = |sum: usize, letter: u8| {
        sum.saturating_mul(26).saturating_add(usize::from(letter.saturating_sub(b'A'))).saturating_add(1)
    };
    letters.fold(0, value).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_formats() {
        assert_eq!(
            [column_of("A1"), column_of("Z9"), column_of("AA10"), column_of("12")],
            [Some(0), Some(25), Some(26), None]
        );
        for format in ["yyyy-mm-dd", "DD/MM/YY", "[$-409]d-mmm;@"] {
            assert!(is_date(format), "{format}");
        }
        for format in ["0.00", "General", "\"day\" 0", "[Red]0", "#,##0\\d", "h:mm"] {
            assert!(!is_date(format), "{format}");
        }
    }

    #[test]
    fn shared_texts_by_number() {
        let shared = Shared { texts: "abc".to_owned(), ends: vec![1, 1, 3], is_cut: false };
        assert_eq!(
            [shared.get(0), shared.get(1), shared.get(2), shared.get(3)],
            [Some("a"), Some(""), Some("bc"), None]
        );
    }
}
