//! What a column may hold, and so whom a table is about.
//!
//! What a class is, in every language, stands in `signatures/personal/<id>.toml`; nothing here knows one by its name
//! but [`about`], which has to say what a table is. [`score`] weighs the evidence for each column, [`about`] decides on
//! the table, and only then are columns of people given their classes: a `sex` of penguins is none.
//!
//! The rules: names by whole words, values by different ones, two kinds of evidence before anything is said of people
//! on weak names, and nothing about animals.

mod about;
mod check;
mod dictionary;
pub mod embedded;
mod index;
mod load;
mod schema;
mod score;
mod standard;
mod words;

pub(super) use dictionary::Dictionary;
pub use load::ClassError;
pub use schema::{Class, ClassKind, Example, Makes, Stored, Values};

use super::profile::{Column, Kind, Profile};
use crate::model::TableFacts;
use index::Index;
use score::Tests;

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
#[derive(Debug)]
pub struct Taxonomy {
    classes: Vec<Class>,
    tests: Vec<Tests>,
    index: Index,
    digest: String,
}

/// What a column's name asks of the pass, before its first value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// How likely its values stand for one person each: 0 no, higher is likelier.
    pub subject: u8,
    /// The class it is a quasi-identifier of.
    pub quasi: Option<&'static str>,
}

/// Classes that single people out together, as the sets of risk name them.
const QUASI: [&str; 14] = [
    "age",
    "alcohol",
    "anthropometric",
    "bmi",
    "birth_date",
    "birth_year",
    "ethnicity",
    "location",
    "profession",
    "race",
    "sex",
    "site",
    "smoking",
    "social",
];

/// Words that name columns of any table.
#[rustfmt::skip]
const USUAL: [&str; 96] = [
    "id", "ids", "no", "nr", "num", "number", "index", "key", "code", "name", "names", "label", "labels", "title", "type",
    "kind", "category", "categories", "class", "group", "status", "state", "value", "values", "unit", "units", "text", "body",
    "content", "message", "comment", "comments", "note", "notes", "description", "summary", "question", "answer", "query",
    "response", "prompt", "completion", "source", "target", "src", "dst", "input", "output", "url", "uri", "link", "path",
    "file", "filename", "image", "images", "date", "time", "datetime", "timestamp", "year", "month", "day", "start", "end",
    "from", "to", "version", "author", "language", "lang", "tag", "tags", "topic", "score", "rating", "count", "total",
    "price", "quantity", "qty", "sample", "gene", "symbol", "sequence", "species", "chromosome", "feature", "variable",
    "country", "city", "address", "email", "user", "model", "item",
];

/// Keys that the standards prescribe, the one that is unique over a whole submission first.
const KEYS: [(&str, u8); 15] = [
    ("usubjid", 100),
    ("unique subject identifier", 95),
    ("person_id", 90),
    ("subject.reference", 90),
    ("patient.reference", 90),
    ("patient_num", 90),
    ("patid", 90),
    ("eid", 85),
    ("record_id", 80),
    ("subjid", 75),
    ("subject_id", 85),
    ("patient_id", 85),
    ("participant_id", 85),
    ("identifier.value", 40),
    // In REDCap a record, elsewhere the study.
    ("study_id", 5),
];

impl Taxonomy {
    /// Every class, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Class> {
        self.classes.iter()
    }

    /// The class of that id.
    pub fn get(&self, id: &str) -> Option<&Class> {
        self.classes.iter().find(|class| class.id == id)
    }

    /// SHA-256 over the texts of all classes, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether a text is known as the name of a column: all of it or its end is a class's name, all of its words are such
    /// as name columns, or it asks something.
    pub fn knows_column(&self, name: &str) -> bool {
        let all = words::words(name);
        let is_usual = |word: &String| USUAL.contains(&word.as_str()) || word.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = |word: &String| word.chars().any(char::is_alphabetic);
        let hits = self.index.hits(&all, &self.classes);
        let is_standard = |variable: &String| match variable.strip_prefix("--") {
            Some(end) => name.len() == end.len() + 2 && name.ends_with(end),
            None => variable.eq_ignore_ascii_case(name),
        };
        self.classes.iter().flat_map(|class| class.standard.values().flatten()).any(is_standard)
            || dictionary::is_header(name)
            || hits.iter().any(|hit| !(0.35..0.55).contains(&hit.weight))
            || (all.iter().any(is_word) && all.iter().all(is_usual))
            || (name.trim_end().ends_with(['?', '？']) && all.len() > 1)
    }

    /// What a column asks of the pass.
    pub fn ask(&self, column: &Column) -> Asked {
        let profile = Profile::new(column.clone(), 1);
        let scores = score::scores(self, &profile, None);
        let best = scores.iter().find(|score| score.sure >= 0.25);
        let class = best.and_then(|score| self.classes.get(score.class).map(|class| (class, score.sure)));
        Asked {
            subject: self.rank(column, &scores),
            quasi: class.and_then(|(class, _)| QUASI.into_iter().find(|id| *id == class.id)),
        }
    }

    /// How likely a column's values stand for one person each.
    fn rank(&self, column: &Column, scores: &[score::Score]) -> u8 {
        if matches!(column.kind, Kind::Boolean | Kind::Date | Kind::Other) {
            return 0;
        }
        let name = column.name.to_lowercase();
        if let Some((_, rank)) = KEYS.iter().find(|(key, _)| *key == name) {
            return *rank;
        }
        let of = |scores: &[score::Score], kind: fn(&Class) -> bool, most: f64| {
            let sure = |score: &&score::Score| self.classes.get(score.class).is_some_and(kind);
            scores.iter().find(sure).map_or(0, |score| (score.sure.min(1.0) * most).round() as u8)
        };
        let subject = of(scores, |class| class.kind == ClassKind::SubjectKey, 80.0);
        let number = of(scores, |class| matches!(class.id.as_str(), "mrn" | "national_id"), 60.0);
        let other = of(scores, |class| matches!(class.id.as_str(), "identifier" | "professional_id"), 30.0);
        subject.max(number).max(other)
    }

    /// What the columns hold, and so whom the table is about.
    pub fn classify(&self, profiles: &[Profile], context: &Context) -> TableFacts {
        about::facts(self, profiles, context)
    }
}
