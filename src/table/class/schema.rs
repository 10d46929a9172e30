//! One class file, as it is written: `signatures/personal/<id>.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::table::profile::Kind;

/// What a column may hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Snake-case, equal to the file's name.
    pub id: String,
    /// What it does to a person's anonymity.
    pub kind: ClassKind,
    /// What it is, in a few words.
    pub title: String,
    /// What a reader gains if it leaks, in one line.
    pub exposes: String,
    /// What it is, how it is told, why it matters.
    pub explain: String,
    /// What to do when it is exposed.
    pub remedy: String,
    /// Documents that define it.
    #[serde(default)]
    pub references: Vec<String>,
    /// Whether it is data about a person where the table is about people.
    pub personal: bool,
    /// Whether it says something about somebody's health.
    #[serde(default)]
    pub health: bool,
    /// The Safe Harbor identifier it is: the letter of 45 CFR 164.514(b)(2)(i).
    pub safe_harbor: Option<char>,
    /// Names that are too coarse for that: a country is no Safe Harbor identifier, a town is.
    #[serde(default)]
    pub coarse: Vec<String>,
    /// The special category of GDPR Art. 9 it belongs to.
    pub gdpr_article_9: Option<String>,
    /// Whether such a column makes a table one about people.
    #[serde(default)]
    pub people: Makes,
    /// Names that tell it by themselves, by language, as words: `date of birth` is also `date_of_birth`, `dateOfBirth`
    /// and `dateofbirth`.
    #[serde(default)]
    pub names: BTreeMap<String, Vec<String>>,
    /// Names that mean it only among other data about people, and only as the whole name.
    #[serde(default)]
    pub hints: BTreeMap<String, Vec<String>>,
    /// Words that turn the name into another's: the `image` of `image_age`.
    #[serde(default)]
    pub not: Vec<String>,
    /// Names of columns beside which it is not meant.
    #[serde(default)]
    pub not_beside: Vec<String>,
    /// Its variables in the standards: `cdisc`, `omop`, `fhir`, `dicom`, `redcap`, `hl7v2`, `i2b2`. They count only in a
    /// table of that standard. `--DTC` stands for any domain's.
    #[serde(default)]
    pub standard: BTreeMap<String, Vec<String>>,
    /// What its values look like.
    pub values: Option<Values>,
    /// What is taken for it, and what is not.
    #[serde(default)]
    pub example: Vec<Example>,
}

/// What a class does to a person's anonymity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassKind {
    /// Names a person.
    Direct,
    /// Stands for one person.
    SubjectKey,
    /// Singles a person out together with others.
    Quasi,
    /// Is nobody's business.
    Sensitive,
    /// Names a person in their profession.
    Professional,
    /// Is about no person, and valuable.
    Confidential,
    /// Says something about the rows.
    Other,
}

impl ClassKind {
    /// The word of the class files.
    pub fn word(self) -> &'static str {
        match self {
            ClassKind::Direct => "direct",
            ClassKind::SubjectKey => "subject-key",
            ClassKind::Quasi => "quasi",
            ClassKind::Sensitive => "sensitive",
            ClassKind::Professional => "professional",
            ClassKind::Confidential => "confidential",
            ClassKind::Other => "other",
        }
    }
}

/// Whether a column of the class makes its table one about people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Makes {
    /// By itself: a surname, a subject key.
    Alone,
    /// Together with another such class: an age and a sex.
    Together,
    /// Never: a town.
    #[default]
    Never,
}

/// What values look like. Tests run on different values, never on rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// Tests of `table::value`; one of them must hold for the share.
    #[serde(default)]
    pub tests: Vec<String>,
    /// Share of the different values that must pass.
    #[serde(default = "usual_share")]
    pub share: f64,
    /// Whether a column whose values fail is of another class whatever its name.
    #[serde(default)]
    pub required: bool,
    /// Tests that are enough without a name, where twenty different values or more pass at nine in ten.
    #[serde(default)]
    pub alone: Vec<String>,
    /// Fewest different values.
    #[serde(default)]
    pub min_distinct: u64,
    /// Most different values.
    pub max_distinct: Option<u64>,
    /// How it may be stored; anything where empty.
    #[serde(default)]
    pub stored: Vec<Stored>,
}

fn usual_share() -> f64 {
    0.8
}

/// [`Kind`] as a class file writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stored {
    /// Text, or not known.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Yes or no.
    Boolean,
    /// Days or moments.
    Date,
    /// Bytes, lists, records.
    Other,
}

impl Stored {
    /// Whether a column is stored so.
    pub(super) fn is(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Stored::Text, Kind::Text)
                | (Stored::Integer, Kind::Integer)
                | (Stored::Number, Kind::Number)
                | (Stored::Boolean, Kind::Boolean)
                | (Stored::Date, Kind::Date)
                | (Stored::Other, Kind::Other)
        )
    }
}

/// A column, what is in it and what stands beside it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its name.
    pub column: String,
    /// What the format says of it in words.
    pub label: Option<String>,
    /// Its values.
    #[serde(default)]
    pub values: Vec<String>,
    /// Names of other columns of the table, which are empty.
    #[serde(default)]
    pub beside: Vec<String>,
    /// The id of the class, or `none`.
    pub expect: String,
}
