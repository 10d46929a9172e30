//! Data dictionaries: tables whose rows describe the columns of other tables.
//!
//! They are about nobody, and they are the best evidence there is for the tables beside them. Recognised by their header:
//! REDCap's (as it is downloaded and as its interface returns it), the field-level list of the OMOP common data model,
//! and lists with a column of variables and one of labels, as CDISC specifications and most others are. What a row says
//! of a column, its name, its label, its type and whether it identifies, is weighed as a column's name would be.

use std::collections::{BTreeMap, BTreeSet};

use super::Taxonomy;
use super::schema::{Class, ClassKind};
use super::score;
use crate::model::Declared;
use crate::table::profile::{Column, Profile};

/// Rows whose declarations are kept.
const MAX_ROWS: usize = 20_000;
/// Longest text of a field that is kept.
const MAX_FIELD: usize = 256;
/// How sure a declaration must be.
const SURE: f64 = 0.5;

/// What a column of a dictionary says of the column that a row describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Table,
    Name,
    Label,
    Type,
    Validation,
    Identifier,
}

/// Headers, in lower case, and what they hold.
const HEADERS: [(&str, Part); 27] = [
    ("cdmtablename", Part::Table),
    ("variable / field name", Part::Name),
    ("field_name", Part::Name),
    ("cdmfieldname", Part::Name),
    ("variable name", Part::Name),
    ("variable_name", Part::Name),
    ("variable", Part::Name),
    ("field name", Part::Name),
    ("column name", Part::Name),
    ("column_name", Part::Name),
    ("field label", Part::Label),
    ("field_label", Part::Label),
    ("variable label", Part::Label),
    ("variable_label", Part::Label),
    ("label", Part::Label),
    ("definition", Part::Label),
    ("description", Part::Label),
    ("field type", Part::Type),
    ("field_type", Part::Type),
    ("cdmdatatype", Part::Type),
    ("data type", Part::Type),
    ("data_type", Part::Type),
    ("datatype", Part::Type),
    ("text validation type or show slider number", Part::Validation),
    ("text_validation_type_or_show_slider_number", Part::Validation),
    ("identifier?", Part::Identifier),
    ("identifier", Part::Identifier),
];

/// Reads the rows of a dictionary as they go by.
#[derive(Debug)]
pub(crate) struct Dictionary {
    parts: Vec<(usize, Part)>,
    row: BTreeMap<Part, String>,
    /// What is declared so far: column, class.
    declared: BTreeMap<String, Declared>,
    rows: usize,
}

/// Whether the columns are those of a dictionary: one of names, and two more that dictionaries have.
pub(super) fn is_dictionary<'c>(columns: impl Iterator<Item = &'c Column>) -> bool {
    let parts = parts(columns);
    let names = parts.iter().filter(|(_, part)| *part == Part::Name).count();
    let others: BTreeSet<Part> = parts.iter().map(|(_, part)| *part).filter(|part| *part != Part::Name).collect();
    names == 1 && others.len() >= 2
}

/// Whether a text is what dictionaries call one of their columns.
pub(super) fn is_header(name: &str) -> bool {
    HEADERS.iter().any(|(header, _)| header.eq_ignore_ascii_case(name.trim()))
}

fn parts<'c>(columns: impl Iterator<Item = &'c Column>) -> Vec<(usize, Part)> {
    let of = |column: &Column| {
        let name = column.name.trim().to_lowercase();
        HEADERS.iter().find(|(header, _)| *header == name).map(|(_, part)| *part)
    };
    columns.enumerate().filter_map(|(number, column)| Some((number, of(column)?))).collect()
}

impl Dictionary {
    /// A reader, if these are the columns of a dictionary.
    pub(crate) fn of<'c>(columns: impl Iterator<Item = &'c Column> + Clone) -> Option<Dictionary> {
        is_dictionary(columns.clone()).then(|| Dictionary {
            parts: parts(columns),
            row: BTreeMap::new(),
            declared: BTreeMap::new(),
            rows: 0,
        })
    }

    /// A value of the row at hand.
    pub(crate) fn cell(&mut self, column: usize, normal: &str) {
        if self.rows >= MAX_ROWS {
            return;
        }
        let Some((_, part)) = self.parts.iter().find(|(number, _)| *number == column) else { return };
        let cut = normal.floor_char_boundary(MAX_FIELD.min(normal.len()));
        self.row.insert(*part, normal.get(..cut).unwrap_or_default().to_owned());
    }

    /// The row is complete.
    pub(crate) fn end_row(&mut self, taxonomy: &Taxonomy) {
        self.rows += 1;
        let row = std::mem::take(&mut self.row);
        let Some(name) = row.get(&Part::Name).filter(|name| !name.is_empty()) else { return };
        let class = declared(taxonomy, &row, name).and_then(|id| taxonomy.get(id));
        if let Some(class) = class {
            let mut declared = class.declared();
            // What somebody marked identifies: a date of birth too, which by itself only narrows down.
            declared.direct |= is_marked(&row);
            self.declared.insert(name.clone(), declared);
        }
    }

    /// What it declares: column → class.
    pub(crate) fn finish(self) -> BTreeMap<String, Declared> {
        self.declared
    }
}

impl Class {
    /// What the thinking half has to know of a class that a dictionary declares.
    fn declared(&self) -> Declared {
        Declared {
            class: self.id.clone(),
            personal: self.personal,
            direct: self.kind == ClassKind::Direct,
            health: self.health,
            safe_harbor: self.safe_harbor,
            gdpr_article_9: self.gdpr_article_9.clone(),
        }
    }
}

/// Whether a row marks its column as an identifier.
fn is_marked(row: &BTreeMap<Part, String>) -> bool {
    let mark = row.get(&Part::Identifier).map(|mark| mark.trim().to_lowercase());
    matches!(mark.as_deref(), Some("y" | "yes" | "1" | "true"))
}

/// The class a row declares its column to be.
fn declared<'t>(taxonomy: &'t Taxonomy, row: &BTreeMap<Part, String>, name: &str) -> Option<&'t str> {
    let part = |part: Part| row.get(&part).map(String::as_str).unwrap_or_default();
    let lower = |text: &str| text.trim().to_lowercase();
    let is_identifier = is_marked(row);
    let label = row.get(&Part::Label).cloned();
    let column = Column { name: name.to_owned(), label, ..Column::default() };
    let scores = score::scores(taxonomy, &Profile::new(column, 1), None);
    let best = scores.iter().find(|score| score.sure >= SURE).and_then(|score| taxonomy.classes.get(score.class));
    // What somebody marked as an identifier is one, whatever its name says.
    let identifies = |kind: ClassKind| matches!(kind, ClassKind::Direct | ClassKind::SubjectKey);
    if let Some(class) = best {
        let is_dated = class.id == "birth_date";
        if !is_identifier || identifies(class.kind) || is_dated {
            return Some(&class.id);
        }
    }
    let by_type = match (lower(part(Part::Validation)).as_str(), lower(part(Part::Type)).as_str()) {
        ("email", _) => Some("email"),
        ("phone", _) => Some("phone"),
        ("zipcode", _) => Some("location"),
        ("ssn", _) => Some("national_id"),
        ("mrn_10d" | "mrn_generic", _) => Some("mrn"),
        (_, "file" | "signature") => Some("attachment"),
        (_, "notes") if !is_identifier => Some("free_text"),
        (date, _) if date.starts_with("date") && is_identifier => Some("date"),
        _ => None,
    };
    by_type.or_else(|| is_identifier.then(|| best.map_or("identifier", |class| class.id.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &[&str], rows: &[&[&str]]) -> Option<BTreeMap<String, Declared>> {
        let columns: Vec<Column> = header.iter().map(|name| Column::named(*name)).collect();
        let taxonomy = Taxonomy::default();
        let mut dictionary = Dictionary::of(columns.iter())?;
        for row in rows {
            for (number, value) in row.iter().enumerate() {
                dictionary.cell(number, value);
            }
            dictionary.end_row(&taxonomy);
        }
        Some(dictionary.finish())
    }

    #[test]
    fn rows_declare_columns() {
        let header = ["Variable / Field Name", "Form Name", "Field Type", "Field Label", "Identifier?"];
        let rows: [&[&str]; 5] = [
            &["record_id", "demographics", "text", "Record ID"],
            &["dob", "demographics", "text", "Date of birth", "y"],
            &["q17", "demographics", "text", "Date of birth", "y"],
            &["q18", "demographics", "radio", "Sex"],
            &["q19", "demographics", "text", "Name of your cat", "y"],
        ];
        let declared = read(&header, &rows).unwrap();
        for (column, class) in [("dob", "birth_date"), ("q17", "birth_date"), ("q18", "sex"), ("q19", "identifier")] {
            assert_eq!(declared.get(column).map(|found| found.class.as_str()), Some(class), "{column}");
        }
        assert!(read(&["cdmTableName", "cdmFieldName", "cdmDatatype", "userGuidance"], &[]).is_some());
        assert!(read(&["field_name", "form_name", "field_type", "field_label"], &[]).is_some());
        assert!(read(&["name", "description", "price"], &[]).is_none());
        assert!(read(&["label", "text"], &[]).is_none());
    }
}
