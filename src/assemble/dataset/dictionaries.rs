//! Data dictionaries → what the tables beside them hold.
//!
//! A dictionary says what columns of other tables are, and one that lies in the same directory as a table with most of
//! its columns is about that table. What it declares goes before what was read from names and values: whoever wrote
//! `Identifier? y` knew.

use std::collections::BTreeMap;

use super::{Group, impact};
use crate::model::{Declared, Fact, Locator, SubjectKind, TableFacts};

/// Fewest columns that have to be there by name.
const FEWEST: usize = 2;

/// Applies every dictionary to the tables of its directory.
pub(super) fn apply(groups: &mut [Group]) {
    let mut dictionaries: BTreeMap<Locator, Vec<BTreeMap<String, Declared>>> = BTreeMap::new();
    for group in groups.iter() {
        let Some(dataset) = group.draft.fact.dataset() else { continue };
        // One dictionary may describe several tables, each by itself.
        let tables = std::iter::once(&dataset.table).chain(dataset.tables.values());
        for table in tables.filter(|table| !table.declares.is_empty()) {
            dictionaries.entry(group.primary.locator.parent()).or_default().push(table.declares.clone());
        }
    }
    if dictionaries.is_empty() {
        return;
    }
    for group in groups.iter_mut() {
        let Some(beside) = dictionaries.get(&group.primary.locator.parent()) else { continue };
        let Fact::Dataset(dataset) = &mut group.draft.fact else { continue };
        let tables =
            std::iter::once(&mut dataset.table).chain(dataset.tables.values_mut()).chain(dataset.sheets.values_mut());
        let mut changed = false;
        for table in tables {
            for declared in beside {
                changed |= declare(table, declared);
            }
        }
        if changed {
            group.draft.impact = impact::of(&group.draft);
        }
    }
}

/// Puts what is declared to a table that has most of the columns; says whether it did.
fn declare(table: &mut TableFacts, declared: &BTreeMap<String, Declared>) -> bool {
    let is_other = !table.declares.is_empty()
        || matches!(table.subject_kind, Some(SubjectKind::Animal))
        || table.kind.as_deref() == Some("data_dictionary");
    // A checkbox of REDCap is a column for each box: `race___1`.
    let of = |column: &str| declared.get(column).or_else(|| declared.get(column.split("___").next()?));
    let found: Vec<(String, Declared)> =
        table.columns.iter().filter_map(|column| Some((column.clone(), of(column)?.clone()))).collect();
    let fields =
        declared.keys().filter(|field| table.columns.iter().any(|column| column.split("___").next() == Some(field)));
    let fields = fields.count();
    if is_other || fields < FEWEST || fields * 2 < declared.len() {
        return false;
    }
    for (column, declared) in found {
        take_back(table, &column);
        put(table, column, declared);
    }
    true
}

/// What was read from the column's name and values no longer counts.
fn take_back(table: &mut TableFacts, column: &str) {
    table.sensitive_columns.remove(column);
    table.direct_identifiers.retain(|direct| direct != column);
}

fn put(table: &mut TableFacts, column: String, declared: Declared) {
    table.column_classes.get_or_insert_default().insert(column.clone(), declared.class.clone());
    if !declared.personal {
        return;
    }
    table.sensitive_columns.insert(column.clone(), declared.class);
    table.subject_kind.get_or_insert(SubjectKind::Unknown);
    table.health_data = Some(table.health_data == Some(true) || declared.health);
    table.safe_harbor.extend(declared.safe_harbor.map(String::from));
    table.gdpr_article_9.extend(declared.gdpr_article_9);
    if declared.direct {
        table.direct_identifiers.push(column);
        table.direct_identifiers.sort();
        table.pseudonymised = Some(false);
        table.key_file |= table.subject_column.is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(class: &str) -> Declared {
        Declared { class: class.to_owned(), personal: true, direct: true, ..Declared::default() }
    }

    #[test]
    fn tables_with_the_columns_are_told() {
        let declared = BTreeMap::from([("q1".to_owned(), direct("person_name")), ("race".to_owned(), direct("race"))]);
        let columns = ["id", "q1", "race___1", "race___2"].map(str::to_owned).to_vec();
        let mut table = TableFacts { columns, subject_column: Some("id".to_owned()), ..TableFacts::default() };
        assert!(declare(&mut table, &declared));
        assert_eq!(table.sensitive_columns.len(), 3);
        assert!(table.key_file && table.pseudonymised == Some(false));

        let mut other = TableFacts { columns: vec!["q1".to_owned(), "x".to_owned()], ..TableFacts::default() };
        assert!(!declare(&mut other, &declared));
        assert_eq!(other.column_classes, None);
    }
}
