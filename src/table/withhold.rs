//! Names of columns, tables and paths that are values: somebody who keeps a column per patient names it after the
//! patient. What is plausibly a person goes out as a number.
//!
//! A name alone is judged strictly (a mail address, a national number, a given name beside a surname). Where several
//! names of a table are people's, all are withheld that are not known to be anything else.

use std::collections::{BTreeMap, BTreeSet};

use super::class::Taxonomy;
use super::value;
use crate::model::{Dataset, TableFacts};

/// What stands for a part of a path.
const WITHHELD: &str = "[withheld]";
/// Names of people that make all names of a table doubtful.
const SEVERAL: usize = 3;
/// Most names that are looked at.
const MAX_NAMES: usize = 20_000;
/// Given names that are words of column names, too.
const AMBIGUOUS: [&str; 24] = [
    "max",
    "line",
    "mark",
    "per",
    "peer",
    "bill",
    "august",
    "rose",
    "else",
    "pascal",
    "christian",
    "lone",
    "saga",
    "luna",
    "ada",
    "sam",
    "stella",
    "victor",
    "stig",
    "august",
    "frank",
    "grant",
    "aurora",
    "iris",
];
/// Tests of whole names.
const TELLING: [&str; 13] = [
    "email",
    "hetu",
    "codice-fiscale",
    "fodselsnummer",
    "personnummer",
    "pesel",
    "nir",
    "mbi",
    "nino",
    "cn-id",
    "cpr",
    "dni",
    "iban",
];

/// Withholds the names in a dataset that are people.
pub fn people(taxonomy: &Taxonomy, dataset: &mut Dataset) {
    columns(taxonomy, &mut dataset.table);
    for (tables, word) in [(&mut dataset.tables, "table"), (&mut dataset.sheets, "sheet")] {
        tables.values_mut().for_each(|table| columns(taxonomy, table));
        *tables = renamed(taxonomy, std::mem::take(tables), word);
    }
    dataset.arrays = renamed(taxonomy, std::mem::take(&mut dataset.arrays), "array");
    dataset.datasets = renamed(taxonomy, std::mem::take(&mut dataset.datasets), "dataset");
    let views = judge(taxonomy, &dataset.views);
    for (number, view) in dataset.views.iter_mut().enumerate().filter(|(_, view)| views.contains(view.as_str())) {
        *view = format!("view_{}", number + 1);
    }
    let keys = judge(taxonomy, &dataset.keys);
    for (number, key) in dataset.keys.iter_mut().enumerate().filter(|(_, key)| keys.contains(key.as_str())) {
        *key = format!("key_{}", number + 1);
    }
}

/// Withholds the names of columns of one table.
fn columns(taxonomy: &Taxonomy, facts: &mut TableFacts) {
    let doubtful = judge(taxonomy, &facts.columns);
    let mut numbers: BTreeMap<String, String> = BTreeMap::new();
    for (number, name) in facts.columns.iter_mut().enumerate() {
        if doubtful.contains(name.as_str()) {
            let new = format!("column_{}", number + 1);
            numbers.insert(std::mem::replace(name, new.clone()), new);
        }
    }
    // What is said of a column is said under its number; of a path, with the parts that are people left out.
    let rename = |name: &str| -> String {
        if let Some(number) = numbers.get(name) {
            return number.clone();
        }
        let parts = name.split('.').enumerate().map(|(at, part)| match numbers.get(part).filter(|_| at == 0) {
            Some(number) => number.clone(),
            None if is_person(taxonomy, part) => WITHHELD.to_owned(),
            None => part.to_owned(),
        });
        if is_person(taxonomy, name) { WITHHELD.to_owned() } else { parts.collect::<Vec<String>>().join(".") }
    };
    for classes in facts.column_classes.iter_mut().chain([&mut facts.sensitive_columns, &mut facts.sensitive_paths]) {
        *classes = std::mem::take(classes).into_iter().map(|(name, class)| (rename(&name), class)).collect();
    }
    for name in facts.direct_identifiers.iter_mut().chain(&mut facts.subject_column) {
        *name = rename(name);
    }
}

/// The same under names that are no people's.
fn renamed<T>(taxonomy: &Taxonomy, named: BTreeMap<String, T>, word: &str) -> BTreeMap<String, T> {
    let names: Vec<String> = named.keys().cloned().collect();
    let doubtful = judge(taxonomy, &names);
    let rename = |number: usize, name: String| match doubtful.contains(name.as_str()) {
        true => format!("{word}_{}", number + 1),
        false => name
            .split('/')
            .map(|part| if is_person(taxonomy, part) { WITHHELD } else { part })
            .collect::<Vec<_>>()
            .join("/"),
    };
    let mut out = BTreeMap::new();
    for (number, (name, value)) in named.into_iter().enumerate() {
        let mut name = rename(number, name);
        if out.contains_key(&name) {
            name = format!("{name} ({})", number + 1);
        }
        out.insert(name, value);
    }
    out
}

/// Those of a table's names that are people, or may be beside them.
fn judge(taxonomy: &Taxonomy, names: &[String]) -> BTreeSet<String> {
    let looked_at = names.get(..MAX_NAMES.min(names.len())).unwrap_or_default();
    let loose = looked_at.iter().filter(|name| is_person(taxonomy, name) || may_be_person(taxonomy, name)).count();
    let are_people = loose >= SEVERAL && loose * 2 >= looked_at.len();
    let is_doubtful = |name: &&String| match are_people {
        true => !taxonomy.knows_column(name),
        false => is_person(taxonomy, name),
    };
    names.iter().filter(is_doubtful).cloned().collect()
}

/// Whether a name by itself is plausibly a person.
fn is_person(taxonomy: &Taxonomy, name: &str) -> bool {
    let name = name.trim();
    if TELLING.iter().filter_map(|test| value::test(test)).any(|test| test(name)) || is_number_of_somebody(name) {
        return true;
    }
    let words: Vec<&str> = name.split([' ', ',', '^']).filter(|word| !word.is_empty()).collect();
    let is_name = |word: &&str| {
        let mut chars = word.chars();
        chars.next().is_some_and(char::is_uppercase)
            && chars.all(|char| char.is_alphanumeric() || "'’-.".contains(char))
    };
    let given = words.iter().filter(|word| is_given(word)).count();
    (2..=4).contains(&words.len()) && given > 0 && words.iter().all(is_name) && !taxonomy.knows_column(name)
}

/// Whether a name may be a person's among others that are.
fn may_be_person(taxonomy: &Taxonomy, name: &str) -> bool {
    let mut words = name.split([' ', ',', '^', '_', '-', '.']).filter(|word| !word.is_empty());
    (words.any(is_given) || value::is_chinese_name(name)) && !taxonomy.knows_column(name)
}

fn is_given(word: &str) -> bool {
    let lower = word.to_lowercase();
    !AMBIGUOUS.contains(&lower.as_str()) && value::is_given_name(&lower)
}

/// A number too long to count anything: of a patient, a state, a telephone. Days are none.
fn is_number_of_somebody(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let is_bare = name.bytes().all(|byte| byte.is_ascii_digit() || b"-+ ()/".contains(&byte));
    digits >= 9 && is_bare && !value::is_date(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[&str]) -> Vec<String> {
        let mut facts =
            TableFacts { columns: names.iter().map(|&name| name.to_owned()).collect(), ..TableFacts::default() };
        facts.sensitive_columns = facts.columns.iter().map(|name| (name.clone(), "age".to_owned())).collect();
        columns(&Taxonomy::default(), &mut facts);
        let all: BTreeSet<String> = facts.columns.iter().cloned().collect();
        assert_eq!(all, facts.sensitive_columns.into_keys().collect());
        facts.columns
    }

    #[test]
    fn people_go_out_as_numbers() {
        for name in ["Anna Holm", "HOLM, Anna", "anna@x.org", "010190-1234", "12345678901", "Dr. Hans Moe"] {
            assert_eq!(said(&["id", name]), ["id", "column_2"], "{name}");
        }
        assert_eq!(said(&["gene", "anna", "bo_moe", "Carl"]), ["gene", "column_2", "column_3", "column_4"]);
        assert_eq!(said(&["姓名", "王小明", "李雷", "张伟"]), ["姓名", "column_2", "column_3", "column_4"]);
    }

    #[test]
    fn names_of_columns_stay() {
        let names = [
            "id",
            "First Name",
            "Max Value",
            "Peer Review",
            "Line Number",
            "2024-01-01",
            "31-0.0",
            "20116-0.0",
            "Anna",
            "mark_total",
            "Mean Arterial Pressure",
            "Patient Name",
            "白细胞",
            "高血压",
            "Given Name",
            "TCGA-A1-A0SB",
            "20240101",
            "C50.9",
        ];
        assert_eq!(said(&names), names);
    }

    #[test]
    fn tables_and_paths_too() {
        let names = ["Anna Holm", "visits"];
        let tables: BTreeMap<String, u8> = names.iter().map(|name| ((*name).to_owned(), 0)).collect();
        let renamed: Vec<String> = renamed(&Taxonomy::default(), tables, "sheet").into_keys().collect();
        assert_eq!(renamed, ["sheet_1", "visits"]);
        let facts = || TableFacts {
            sensitive_columns: [("people.Anna Holm.age".to_owned(), "age".to_owned())].into(),
            columns: vec!["people".to_owned()],
            ..TableFacts::default()
        };
        let mut facts = facts();
        columns(&Taxonomy::default(), &mut facts);
        assert!(facts.sensitive_columns.contains_key("people.[withheld].age"));
    }
}
