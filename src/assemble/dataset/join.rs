//! Tables of one schema that are one table: rows are summed, columns and what they hold are united.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Sketch, TableFacts};

/// Adds a table's rows and columns to another's. People are a union and never a sum: where the sets themselves are not
/// known, the largest number of one part is what is known to be there.
pub(super) fn join(facts: &mut TableFacts, other: &TableFacts) {
    facts.add(other);
    let unnamed = |facts: &TableFacts| facts.column_count.unwrap_or(0).saturating_sub(facts.columns.len() as u64);
    let further = unnamed(facts).max(unnamed(other));
    add_new(&mut facts.columns, &other.columns);
    if facts.column_count.is_some() || other.column_count.is_some() {
        facts.column_count = Some((facts.columns.len() as u64).saturating_add(further));
    }
    if let Some(classes) = &other.column_classes {
        let all = facts.column_classes.get_or_insert_default();
        for (column, class) in classes {
            all.entry(column.clone()).or_insert_with(|| class.clone());
        }
    }
    add_new(&mut facts.direct_identifiers, &other.direct_identifiers);
    facts.pseudonymised = match (facts.pseudonymised, other.pseudonymised) {
        (Some(a), Some(b)) => Some(a && b),
        (a, b) => a.or(b),
    };
    if facts.subject_column.is_none() {
        facts.subject_column.clone_from(&other.subject_column);
        facts.subject_kind = facts.subject_kind.or(other.subject_kind);
    }
    if other.distinct_subjects > facts.distinct_subjects {
        facts.distinct_subjects = other.distinct_subjects;
        facts.distinct_subjects_error = other.distinct_subjects_error;
    }
    facts.distinct_emails = facts.distinct_emails.max(other.distinct_emails);
    facts.domain = facts.domain.take().or_else(|| other.domain.clone());
    facts.standard = facts.standard.take().or_else(|| other.standard.clone());
    // A risk is of the records it was counted over.
    facts.risk.clear();
    facts.sketch = sketch(facts, other);
    if let Some(people) = facts.sketch.as_ref().and_then(|sketch| sketch.people.as_ref()) {
        let (count, exact) = people.count();
        facts.distinct_subjects = Some(count);
        facts.distinct_subjects_error = (!exact).then_some(0.008_125);
    }
}

/// The sketches of both as one: digests of rows add up, people are united.
fn sketch(facts: &TableFacts, other: &TableFacts) -> Option<Arc<Sketch>> {
    let (own, theirs) = (facts.sketch.as_ref()?, other.sketch.as_ref()?);
    let people = match (&own.people, &theirs.people) {
        (Some(own), Some(theirs)) => {
            let mut all = own.clone();
            all.unite(theirs);
            Some(all)
        }
        _ => None,
    };
    let rows = own.rows.zip(theirs.rows).map(|(a, b)| a.wrapping_add(b));
    Some(Arc::new(Sketch { rows, people }))
}

/// Appends the names a list does not have yet, in order.
fn add_new(list: &mut Vec<String>, more: &[String]) {
    let known: BTreeSet<&String> = list.iter().collect();
    let mut new: Vec<String> = more.iter().filter(|name| !known.contains(name)).cloned().collect();
    list.append(&mut new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u64, columns: &[&str], people: u64) -> TableFacts {
        TableFacts {
            row_count: Some(rows),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            column_count: Some(columns.len() as u64),
            sensitive_columns: [(columns[0].to_owned(), "subject_identifier".to_owned())].into(),
            distinct_subjects: Some(people),
            ..TableFacts::default()
        }
    }

    #[test]
    fn rows_are_summed_and_people_are_not() {
        let mut sum = TableFacts { sketch: Some(std::sync::Arc::default()), ..table(3, &["id", "age"], 2) };
        join(&mut sum, &table(4, &["id", "sex"], 3));
        assert_eq!((sum.row_count, sum.column_count, sum.distinct_subjects), (Some(7), Some(3), Some(3)));
        assert_eq!(sum.columns, ["id", "age", "sex"]);
        assert_eq!(sum.sensitive_columns.len(), 1);
    }
}
