//! Whom tables are about, over tables that nobody here wrote and over the public corpus: through [`Table`] itself.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;

use blastmap::model::TableFacts;
use blastmap::table::{Cell, Column, Context, Settings, Table};

/// A table of comma-separated values, quoted or not.
fn table(path: &str) -> TableFacts {
    let text = std::fs::read_to_string(Path::new("fixtures").join(path)).unwrap();
    let name = Path::new(path).file_stem().unwrap().to_string_lossy().into_owned();
    let settings = Settings::default();
    let mut table = Table::new(&settings, Context { name, ..Context::default() });
    let mut rows = rows(&text).into_iter();
    for name in rows.next().unwrap() {
        table.column(Column::named(name));
    }
    for row in rows {
        for (number, value) in row.iter().enumerate() {
            table.cell(number, Cell::Text(value));
        }
        table.end_row();
    }
    table.finish()
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for char in text.trim_start_matches('\u{feff}').chars() {
        match char {
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field).trim_end_matches('\r').to_owned());
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(char),
        }
    }
    if !field.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

/// Holds what a table says against a row of the corpus' truth.
fn against_truth(facts: &TableFacts, truth: &serde_json::Value) -> Vec<String> {
    let said = serde_json::to_value(facts).unwrap();
    let mut wrong = Vec::new();
    for key in ["column_classes", "sensitive_columns", "subject_column", "distinct_subjects", "health_data", "domain"] {
        let Some(want) = truth.get(key) else { continue };
        let got = said.get(key).cloned().unwrap_or_default();
        let holds = match want.as_object() {
            Some(want) => want.iter().all(|(name, class)| got.get(name) == Some(class)),
            None => *want == got,
        };
        if !holds {
            wrong.push(format!("{key}: {got} is not {want}"));
        }
    }
    wrong
}

#[test]
fn tables_of_the_corpus_are_what_its_truth_says() {
    let truth = std::fs::read_to_string("fixtures/corpus/truth.jsonl").unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for line in truth.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let path = row["primary"].as_str().unwrap();
        let is_table = path.ends_with(".csv")
            && !path.contains("Dictionary")
            && !path.contains("contacts_export")
            && !path.contains(".dvc");
        if !is_table || !matches!(row["family"].as_str(), Some("clinical" | "dataset")) {
            continue;
        }
        if !Path::new("fixtures/corpus").join(path).is_file() {
            continue;
        }
        seen += 1;
        let facts = table(&format!("corpus/{path}"));
        wrong.extend(against_truth(&facts, &row["facts"]).into_iter().map(|what| format!("{path}: {what}")));
    }
    assert!(seen >= 10, "{seen}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn tables_about_nobody_say_so() {
    for path in
        ["data_public/penguins.csv", "data_public/flowers.csv", "data_public/temperature.csv", "shop/bmi_fares.csv"]
    {
        let facts = table(&format!("corpus/negatives/{path}"));
        assert_eq!(facts.health_data, None, "{path}");
        assert!(facts.distinct_subjects.is_none_or(|people| people == 0), "{path}");
        assert!(facts.sensitive_columns.is_empty(), "{path}: {:?}", facts.sensitive_columns);
    }
}
