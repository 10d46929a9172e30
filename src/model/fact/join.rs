//! Several tables as one: what a dataset says over all of its tables.

use super::TableFacts;

impl TableFacts {
    /// The sum of the rows and the union of what is said about people. Columns, subjects and risk are those of one table
    /// and are not joined: people of several tables are counted where their keys can be compared.
    pub fn over<'t>(tables: impl Iterator<Item = &'t TableFacts>) -> TableFacts {
        let mut whole = TableFacts::default();
        for table in tables {
            if let Some(rows) = table.row_count {
                whole.row_count = Some(whole.row_count.unwrap_or(0).saturating_add(rows));
            }
            whole.row_count_estimated |= table.row_count_estimated;
            for (column, class) in &table.sensitive_columns {
                whole.sensitive_columns.entry(column.clone()).or_insert_with(|| class.clone());
            }
            for (path, class) in &table.sensitive_paths {
                whole.sensitive_paths.entry(path.clone()).or_insert_with(|| class.clone());
            }
            whole.health_data = match (whole.health_data, table.health_data) {
                (Some(one), Some(other)) => Some(one || other),
                (one, other) => one.or(other),
            };
            whole.safe_harbor.extend(table.safe_harbor.iter().cloned());
            whole.gdpr_article_9.extend(table.gdpr_article_9.iter().cloned());
            whole.studies.extend(table.studies.iter().cloned());
            whole.key_file |= table.key_file;
            whole.unblinded |= table.unblinded;
            for (class, cells) in &table.embedded {
                let sum = whole.embedded.entry(class.clone()).or_default();
                *sum = sum.saturating_add(*cells);
            }
        }
        whole
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
