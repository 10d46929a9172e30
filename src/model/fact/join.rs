//! Several tables as one: what a dataset says over all of its tables.

use std::collections::BTreeMap;

use super::TableFacts;

impl TableFacts {
    /// The sum of the rows and the union of what is said about people. Columns, subjects and risk are those of one table
    /// and are not joined: people of several tables are counted where their keys can be compared.
    pub fn over<'t>(tables: impl Iterator<Item = &'t TableFacts>) -> TableFacts {
        let mut whole = TableFacts::default();
        tables.for_each(|table| whole.add(table));
        whole
    }

    /// Adds another table's rows and what it says about people, as far as that is a sum or a union.
    pub fn add(&mut self, other: &TableFacts) {
        self.row_count = match (self.row_count, other.row_count) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self.row_count_estimated |= other.row_count_estimated;
        unite(&mut self.sensitive_columns, &other.sensitive_columns);
        unite(&mut self.sensitive_paths, &other.sensitive_paths);
        self.health_data = match (self.health_data, other.health_data) {
            (Some(one), Some(other)) => Some(one || other),
            (one, other) => one.or(other),
        };
        self.safe_harbor.extend(other.safe_harbor.iter().cloned());
        self.gdpr_article_9.extend(other.gdpr_article_9.iter().cloned());
        self.studies.extend(other.studies.iter().cloned());
        self.key_file |= other.key_file;
        self.unblinded |= other.unblinded;
        for (class, cells) in &other.embedded {
            let sum = self.embedded.entry(class.clone()).or_default();
            *sum = sum.saturating_add(*cells);
        }
    }

    /// [`TableFacts::over`], with the subjects of the only table that has any.
    pub fn joined<'t>(tables: impl Iterator<Item = &'t TableFacts> + Clone) -> TableFacts {
        let mut whole = TableFacts::over(tables.clone());
        let mut about = tables.filter(|table| table.distinct_subjects.is_some() || table.subject_kind.is_some());
        if let (Some(one), None) = (about.next(), about.next()) {
            whole.subject_column.clone_from(&one.subject_column);
            whole.distinct_subjects = one.distinct_subjects;
            whole.distinct_subjects_error = one.distinct_subjects_error;
            whole.subject_kind = one.subject_kind;
            whole.risk.clone_from(&one.risk);
            whole.sketch.clone_from(&one.sketch);
        }
        whole
    }
}

/// Puts the entries of one map to another that it does not have.
pub(super) fn unite(all: &mut BTreeMap<String, String>, more: &BTreeMap<String, String>) {
    for (column, class) in more {
        all.entry(column.clone()).or_insert_with(|| class.clone());
    }
}
