//! The samples a header names, as the people a table is about.

use super::super::super::Input;
use crate::model::{Dataset, TableFacts};
use crate::table::{Cell, Column, Context, Table};

/// Facts of a file about these samples, of so many records.
pub(super) fn dataset(input: &Input, samples: &[String], rows: Option<u64>, cut: bool) -> Dataset {
    let context = Context { name: "samples".to_owned(), ..Context::default() };
    let mut table = Table::new(input.tables, context);
    let column = Column { declared: Some("subject_identifier".to_owned()), ..Column::named("sample_id") };
    let column = table.column(column);
    for sample in samples {
        table.cell(column, Cell::Text(sample));
        if table.end_row().is_err() {
            break;
        }
    }
    let people = table.finish();
    let mut different: Vec<&String> = samples.iter().collect();
    different.sort_unstable();
    different.dedup();
    let table = TableFacts {
        row_count: rows,
        row_count_estimated: rows.is_some() && cut,
        distinct_subjects: (!samples.is_empty()).then_some(different.len() as u64),
        subject_kind: people.subject_kind,
        // The digest of rows is one of names alone: what joins is the people.
        sketch: people.sketch.filter(|sketch| sketch.people.is_some()).map(|sketch| {
            let mut sketch = (*sketch).clone();
            sketch.rows = None;
            sketch.into()
        }),
        ..TableFacts::default()
    };
    Dataset { table, sample_count: Some(samples.len() as u64), ..Dataset::default() }
}
