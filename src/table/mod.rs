//! Rows of one table → what it says about people: one streaming pass, bounded memory.
//!
//! A reader of a format ([`crate::probe`]) makes a [`Table`], names its columns, hands over its cells row by row, and
//! gets [`TableFacts`] back. Nothing here knows a format or reads a byte. No value ever leaves: what comes out are
//! names of columns, classes, counts and measures of risk.
//!
//! Where to go next: [`Table`] is the pass, [`Taxonomy`] says what a column holds, `people` counts them, `risk` says how
//! easily one is singled out. What a class is, in every language, stands in `signatures/personal/`.

mod cell;
mod class;
mod header;
mod people;
mod profile;
mod risk;
mod value;
pub mod withhold;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use cell::Cell;
use class::Dictionary;
pub use class::embedded;
pub use class::{Asked, Class, ClassError, ClassKind, Context, Example, Makes, Stored, Taxonomy, Values};
pub use header::names_columns;
pub use profile::{Column, Kind, Profile};
pub use risk::RISK_CLASSES;

use crate::blob::{Purse, ReadError};
use crate::model::{LOWEST, People, Sketch, SubjectKind, TableFacts};

/// Columns that are looked at; of further ones only the number is known.
pub const MAX_COLUMNS: usize = 4096;
/// Bytes of a column's name that are kept: questions of a survey are long, an attack is longer.
pub const MAX_NAME: usize = 1024;
/// Values kept over all columns, for their tests.
const MAX_KEPT_IN_ALL: usize = 64 << 10;
/// Values kept of one column.
const MAX_KEPT_EACH: usize = 1024;

/// Rows, and values of one row, after which the purse is asked whether there is time for more.
const ASK_EVERY: u64 = 4096;

/// How tables are looked at, and who pays for it.
#[derive(Clone, Copy)]
pub struct Means<'s> {
    /// How they are looked at.
    pub settings: &'s Settings,
    /// What that may cost: rows need no bytes where a format repeats or invents them.
    pub purse: Option<&'s dyn Purse>,
}

impl<'s> From<&'s Settings> for Means<'s> {
    fn from(settings: &'s Settings) -> Means<'s> {
        Means { settings, purse: None }
    }
}

impl Means<'_> {
    /// Asks for time to go on.
    ///
    /// # Errors
    /// What the purse answers.
    pub fn check(&self) -> Result<(), ReadError> {
        self.purse.map_or(Ok(()), |purse| purse.take(0))
    }
}

/// How tables are looked at.
#[derive(Debug, Default)]
pub struct Settings {
    /// What a column may hold.
    pub taxonomy: Taxonomy,
    /// Sets of quasi-identifiers that were asked for (`--risk-set`), by class.
    pub risk_sets: Vec<Vec<String>>,
    /// Whether names of columns are all that is read of tables: then nothing is said that only values can tell.
    pub names_only: bool,
}

/// Columns whose values may stand for one person each, and are counted while rows go by.
const MAX_KEYS: usize = 4;

/// One table, while its rows go by.
pub struct Table<'s> {
    means: Means<'s>,
    context: Context,
    profiles: Vec<Profile>,
    asked: Vec<Asked>,
    /// Columns past those that are looked at.
    further: u64,
    rows: u64,
    /// Whether rows were left out.
    cut: bool,
    /// Rows and values since the purse was asked.
    fed: u64,
    /// Digest over all rows, and over the row at hand.
    digest: u64,
    row: u64,
    /// Set up with the first row.
    watch: Option<Watch>,
    /// Cells of free text that name or number somebody, by class.
    embedded: BTreeMap<&'static str, u64>,
    dictionary: Option<Dictionary>,
    buffer: String,
}

/// What is counted while rows go by: the columns are known by then.
struct Watch {
    /// Likeliest first.
    keys: Vec<people::Count>,
    risk: Option<risk::Watch>,
    /// The person of the row at hand, and whether it is the person's first row.
    person: Option<(u64, bool)>,
    /// What else is known of the people whose hashes are lowest: of those that are kept.
    traits: BTreeMap<u64, u64>,
}

impl<'s> Table<'s> {
    /// A table of which nothing is known but where it stands.
    pub fn new(means: impl Into<Means<'s>>, context: Context) -> Table<'s> {
        Table {
            means: means.into(),
            context,
            profiles: Vec::new(),
            asked: Vec::new(),
            further: 0,
            rows: 0,
            cut: false,
            fed: 0,
            digest: 0,
            row: 0,
            watch: None,
            embedded: BTreeMap::new(),
            dictionary: None,
            buffer: String::new(),
        }
    }

    /// Adds a column; the number is what [`Table::cell`] takes. Columns may show up while rows go by; sets of
    /// quasi-identifiers are made of those that were there before the first value.
    pub fn column(&mut self, mut column: Column) -> usize {
        let number = self.profiles.len();
        if number >= MAX_COLUMNS {
            self.further += 1;
            return usize::MAX;
        }
        cut(&mut column.name);
        let kept = (MAX_KEPT_IN_ALL / (number + 1)).clamp(16, MAX_KEPT_EACH);
        self.asked.push(self.means.settings.taxonomy.ask(&column));
        self.profiles.push(Profile::new(column, kept));
        number
    }

    /// The columns so far.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &Column> {
        self.profiles.iter().map(|profile| &profile.column)
    }

    /// What its columns may hold.
    pub fn taxonomy(&self) -> &'s Taxonomy {
        &self.means.settings.taxonomy
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// One value of the row at hand. A column that holds a list gets several; one that gets none is missing.
    pub fn cell(&mut self, column: usize, cell: Cell) {
        self.fed = self.fed.saturating_add(1);
        let Some(profile) = self.profiles.get_mut(column) else { return };
        if let Cell::Text(text) = cell
            && is_free_text(text)
            && let Some(class) = embedded::look(text)
        {
            *self.embedded.entry(class).or_default() += 1;
        }
        let Some(normal) = cell::normal(cell, &mut self.buffer) else { return };
        let hash = cell::hash(normal);
        profile.count(normal, hash);
        self.row = self.row.wrapping_add(cell::mix(hash, profile.seed));
        if self.watch.is_none() {
            self.dictionary = Dictionary::of(self.profiles.iter().map(|profile| &profile.column));
        }
        if let Some(dictionary) = &mut self.dictionary {
            dictionary.cell(column, normal);
        }
        let watch = self.watch.get_or_insert_with(|| Watch::new(&self.asked, self.means.settings));
        watch.cell(column, normal, hash);
    }

    /// The row is complete.
    ///
    /// # Errors
    /// Where there is no time for more: the one place that every row of every format passes. The table knows then that
    /// it is cut, and what it holds so far stands.
    pub fn end_row(&mut self) -> Result<(), ReadError> {
        self.rows += 1;
        self.digest = self.digest.wrapping_add(cell::mix(self.row, 1));
        self.row = 0;
        if let Some(watch) = &mut self.watch {
            watch.end_row();
        }
        if let Some(dictionary) = &mut self.dictionary {
            dictionary.end_row(&self.means.settings.taxonomy);
        }
        self.fed = self.fed.saturating_add(1);
        if self.fed < ASK_EVERY {
            return Ok(());
        }
        self.fed = 0;
        self.check()
    }

    /// Asks for time to go on: for what counts much and ends no row.
    ///
    /// # Errors
    /// As [`Table::end_row`].
    pub fn check(&mut self) -> Result<(), ReadError> {
        let answer = self.means.check();
        self.cut |= answer.is_err();
        answer
    }

    /// Rows follow that were not read: nothing is then said that a part of the rows cannot tell.
    pub fn cut(&mut self) {
        self.cut = true;
    }

    /// What it says. `row_count` is the number of rows that were handed over; a reader that knows better puts it right.
    pub fn finish(mut self) -> TableFacts {
        if self.cut || self.means.settings.names_only {
            self.profiles.iter_mut().for_each(|profile| profile.unread = profile.filled == 0);
        }
        let mut facts = self.means.settings.taxonomy.classify(&self.profiles, &self.context);
        facts.declares = self.dictionary.map(Dictionary::finish).unwrap_or_default();
        facts.row_count = Some(self.rows);
        facts.row_count_estimated = self.cut;
        facts.columns = self.profiles.iter().map(|profile| profile.column.name.clone()).collect();
        facts.column_count = Some(self.profiles.len() as u64 + self.further);
        facts.further_columns = self.further;
        facts.embedded = self.embedded.into_iter().map(|(class, cells)| (class.to_owned(), cells)).collect();
        let is_whole = !self.cut && self.rows > 0 && self.further == 0;
        let mut sketch = Sketch { rows: is_whole.then_some(self.digest), people: None };
        if let Some(watch) = self.watch {
            let about = About { profiles: &self.profiles, asked: &self.asked, is_whole: !self.cut };
            sketch.people = watch.finish(&about, &mut facts);
        }
        facts.sketch = Some(Arc::new(sketch));
        facts
    }
}

/// Cuts a column's name to what is kept of it.
pub fn cut(name: &mut String) {
    if name.len() > MAX_NAME {
        name.truncate(name.floor_char_boundary(MAX_NAME));
        name.shrink_to_fit();
    }
}

/// Whether a text is sentences rather than a value: long, and of several words.
fn is_free_text(text: &str) -> bool {
    text.len() > 40 && text.bytes().filter(|&byte| byte == b' ').take(4).count() == 4
}

/// What the pass knows of the columns when it ends.
struct About<'t> {
    profiles: &'t [Profile],
    asked: &'t [Asked],
    is_whole: bool,
}

impl Watch {
    fn new(asked: &[Asked], settings: &Settings) -> Watch {
        let mut keys: Vec<(u8, usize)> = asked
            .iter()
            .enumerate()
            .filter(|(_, asked)| asked.subject > 0)
            .map(|(column, asked)| (u8::MAX - asked.subject, column))
            .collect();
        keys.sort_unstable();
        let quasi: Vec<(usize, &'static str)> =
            asked.iter().enumerate().filter_map(|(column, asked)| Some((column, asked.quasi?))).collect();
        Watch {
            keys: keys.into_iter().take(MAX_KEYS).map(|(_, column)| people::Count::new(column)).collect(),
            risk: risk::Watch::new(&quasi, &settings.risk_sets),
            person: None,
            traits: BTreeMap::new(),
        }
    }

    fn cell(&mut self, column: usize, normal: &str, hash: u64) {
        for (rank, key) in self.keys.iter_mut().enumerate().filter(|(_, key)| key.column == column) {
            let person = key.add(normal);
            if rank == 0 && self.person.is_none() {
                self.person = Some(person);
            }
        }
        if let Some(risk) = &mut self.risk {
            risk.value(column, normal, hash);
        }
    }

    fn end_row(&mut self) {
        let person = self.person.take();
        if let Some(risk) = &mut self.risk {
            if let Some((key, true)) = person
                && (self.traits.len() < LOWEST || self.traits.last_key_value().is_some_and(|(last, _)| key < *last))
                && let Some(traits) = risk.traits()
            {
                self.traits.insert(key, traits);
                if self.traits.len() > LOWEST {
                    self.traits.pop_last();
                }
            }
            risk.end_row(self.keys.is_empty() || person.is_some_and(|(_, is_new)| is_new));
        }
    }

    /// Puts counts and risk to the facts; the people, if the rows are about any.
    fn finish(self, about: &About, facts: &mut TableFacts) -> Option<People> {
        let class_of = |column: usize| {
            let name = &about.profiles.get(column)?.column.name;
            facts.column_classes.as_ref()?.get(name).map(String::as_str)
        };
        let mails =
            |(column, profile): (usize, &Profile)| (class_of(column) == Some("email")).then(|| profile.distinct());
        facts.distinct_emails = about.profiles.iter().enumerate().filter_map(mails).max();
        if facts.subject_kind == Some(SubjectKind::Animal) {
            facts.distinct_subjects = Some(0);
            return None;
        }
        let subject = facts.subject_column.clone();
        let column = about.profiles.iter().position(|profile| Some(&profile.column.name) == subject.as_ref());
        let first_key = self.keys.first().map(|key| key.column);
        if about.is_whole
            && let Some(risk) = self.risk
            && (column == first_key || first_key.is_none())
            && matches!(facts.subject_kind, None | Some(SubjectKind::Participant | SubjectKind::Unknown))
        {
            let holds = |column: usize| {
                let asked = about.asked.get(column).and_then(|asked| asked.quasi);
                asked.is_some() && class_of(column) == asked
            };
            let bands = |column: usize| about.profiles.get(column).is_some_and(Profile::is_in_words);
            facts.risk = risk.finish(if column.is_some() { "subject" } else { "row" }, holds, bands);
        }
        let column = column?;
        // Where the key was not read, nobody was counted.
        if about.profiles.get(column).is_some_and(|profile| profile.unread) {
            return None;
        }
        let Some(key) = self.keys.into_iter().find(|key| key.column == column) else {
            facts.distinct_subjects = about.profiles.get(column).map(Profile::distinct);
            return None;
        };
        let column_of_key = key.column;
        let (distinct, is_exact) = key.distinct();
        facts.distinct_subjects = Some(distinct);
        facts.distinct_subjects_error = (!is_exact).then_some(people::ERROR);
        let traits = if first_key == Some(column_of_key) { self.traits } else { BTreeMap::new() };
        Some(key.sketch(traits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(settings: &Settings, is_read: bool, rows: &[&[&str]]) -> TableFacts {
        let mut table = Table::new(settings, Context::default());
        for name in ["patient_id", "diagnosis", "last_name"] {
            table.column(Column::named(name));
        }
        for row in rows {
            row.iter().enumerate().for_each(|(number, value)| table.cell(number, Cell::Text(value)));
            table.end_row().unwrap();
        }
        if !is_read {
            table.cut();
        }
        table.finish()
    }

    #[test]
    fn what_was_not_read_is_not_denied() {
        let settings = Settings::default();
        let unread = facts(&settings, false, &[]);
        assert_eq!((unread.health_data, unread.distinct_subjects), (Some(true), None));
        assert_eq!(unread.direct_identifiers, ["last_name"]);
        // Of a row, the key was not read.
        let part = facts(&settings, false, &[&["", "E11.9"]]);
        assert_eq!((part.health_data, part.distinct_subjects), (Some(true), None));
        let names_only = Settings { names_only: true, ..Settings::default() };
        assert_eq!(facts(&names_only, true, &[]).health_data, Some(true));
        // An empty table says nothing of anybody.
        let empty = facts(&settings, true, &[]);
        assert_eq!((empty.health_data, empty.direct_identifiers.len()), (Some(false), 0));
    }

    /// A purse whose time is over.
    struct Empty;

    impl Purse for Empty {
        fn take(&self, _: u64) -> Result<(), ReadError> {
            Err(ReadError::OutOfTime)
        }
        fn allows(&self, _: u64, _: u64) -> Result<(), ReadError> {
            Ok(())
        }
    }

    #[test]
    fn rows_end_where_time_does_and_what_was_fed_stands() {
        let settings = Settings::default();
        let mut table = Table::new(Means { settings: &settings, purse: Some(&Empty) }, Context::default());
        table.column(Column::named("x"));
        let rows = (0..u64::MAX).take_while(|_| table.end_row().is_ok()).count() as u64 + 1;
        assert_eq!(rows, ASK_EVERY);
        let facts = table.finish();
        assert_eq!((facts.row_count, facts.row_count_estimated), (Some(ASK_EVERY), true));
    }

    #[test]
    fn traits_are_kept_of_the_people_that_are_kept() {
        let settings = Settings::default();
        let mut table = Table::new(&settings, Context::default());
        let columns = ["patient_id", "birth_year", "sex"].map(|name| table.column(Column::named(name)));
        for row in 0..30_000 {
            table.cell(columns[0], Cell::Text(&format!("S-{row:06}")));
            table.cell(columns[1], Cell::Integer(1930 + row % 80));
            table.cell(columns[2], Cell::Text(if row % 2 == 0 { "F" } else { "M" }));
            table.end_row().unwrap();
        }
        let watch = table.watch.as_ref().unwrap();
        assert_eq!(watch.traits.len(), LOWEST, "not one more while rows go by");
        let facts = table.finish();
        let people = facts.sketch.as_ref().unwrap().people.as_ref().unwrap();
        let keys: Vec<u64> = people.traits.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, people.lowest, "of all of them, wherever in the table they stand");
    }

    #[test]
    fn values_of_one_row_count_too() {
        let settings = Settings::default();
        let mut table = Table::new(Means { settings: &settings, purse: Some(&Empty) }, Context::default());
        let column = table.column(Column::named("x"));
        (0..ASK_EVERY).for_each(|number| table.cell(column, Cell::Integer(number as i64)));
        assert!(table.end_row().is_err());
    }
}
