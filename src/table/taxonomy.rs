//! What a column may hold.

use super::profile::{Column, Profile};
use crate::model::TableFacts;

/// Where a table stands: what is known about it beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Its own name: of a sheet, a table, a domain; of the file where it has no other, without endings.
    pub name: String,
    /// What the format or its dictionary says of it in words.
    pub label: Option<String>,
    /// The standard the format itself prescribes: `fhir`, `dicom`, `hl7v2`, `dataset-json`.
    pub standard: Option<String>,
    /// Whether the file says that its people were made up.
    pub synthetic: bool,
}

/// The classes of personal data, and how each is told.
#[derive(Debug, Default)]
pub struct Taxonomy {}

/// What a column's name asks of the pass, before its first value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// How likely its values stand for one person each: 0 no, higher is likelier.
    pub subject: u8,
    /// The class it is a quasi-identifier of.
    pub quasi: Option<&'static str>,
}

impl Taxonomy {
    /// What a column asks of the pass.
    pub fn ask(&self, _column: &Column) -> Asked {
        Asked::default()
    }

    /// What the columns hold, and so whom the table is about.
    pub fn classify(&self, _profiles: &[Profile], _context: &Context) -> TableFacts {
        TableFacts::default()
    }
}
