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
        table.end_row().unwrap();
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

/// What an export without its dictionary gives away, held against the dictionary: its `Identifier?` column.
#[test]
fn direct_identifiers_of_redcap_projects_are_found() {
    const DIRECT: [&str; 12] = [
        "person_name",
        "email",
        "phone",
        "postal_address",
        "precise_geo",
        "national_id",
        "mrn",
        "insurance",
        "birth_date",
        "ip_address",
        "device_id",
        "biometric",
    ];
    let (mut found, mut missed, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for project in ["clinical-trial-1", "longitudinal", "simple"] {
        let facts = table(&format!("real/redcapr/{project}/data.csv"));
        let text = std::fs::read_to_string(format!("fixtures/real/redcapr/{project}/dictionary.csv")).unwrap();
        let dictionary = rows(&text);
        let at = dictionary[0].iter().position(|name| name == "Identifier?").unwrap();
        let classes = facts.column_classes.unwrap();
        for field in &dictionary[1..] {
            let name = field[0].as_str();
            let is_direct = classes.get(name).is_some_and(|class| DIRECT.contains(&class.as_str()));
            match (field[at] == "y", is_direct) {
                (true, true) => found.push(name.to_owned()),
                (true, false) => missed.push(format!("{project}/{name}")),
                (false, true) => wrong.push(format!("{project}/{name}")),
                _ => {}
            }
        }
        assert_eq!(facts.standard.as_deref(), Some("redcap"), "{project}");
        assert_eq!(facts.health_data, Some(true), "{project}");
        assert!(facts.key_file, "{project}");
    }
    let (found, all) = (found.len(), found.len() + missed.len());
    assert!(found * 100 >= all * 95, "recall {found} of {all}: {missed:?}");
    assert!(found * 100 >= (found + wrong.len()) * 90, "{found} right, and not: {wrong:?}");
}

#[test]
fn tables_of_real_studies_are_what_they_are() {
    for (name, people, domain, health) in [
        ("dm", 306, "DM", false),
        ("dm_peds", 5, "DM", false),
        ("ae", 225, "AE", true),
        ("mh", 306, "MH", true),
        ("is_ada", 306, "IS", true),
    ] {
        let facts = table(&format!("real/pharmaversesdtm/{name}.csv"));
        println!("{name} {:?} {:?}", facts.distinct_subjects, facts.column_classes);
        assert_eq!(facts.standard.as_deref(), Some("cdisc-sdtm"), "{name}");
        assert_eq!(facts.domain.as_deref(), Some(domain), "{name}");
        assert_eq!(facts.subject_column.as_deref(), Some("USUBJID"), "{name}");
        assert_eq!(facts.health_data, Some(health), "{name}");
        assert_eq!(facts.subject_kind, Some(blastmap::model::SubjectKind::Participant), "{name}");
        assert!(facts.studies.contains("CDISCPILOT01"), "{name}: {:?}", facts.studies);
        if people > 5 {
            assert!(facts.distinct_subjects.is_some_and(|found| found <= people), "{name}");
        }
    }
    let dm = table("real/pharmaversesdtm/dm.csv");
    assert_eq!(dm.distinct_subjects, Some(306));
    assert!(dm.unblinded && !dm.key_file);
    assert!(dm.safe_harbor.contains("C") && dm.gdpr_article_9.contains("racial-or-ethnic-origin"));
    let fields = table("real/omop-synthea/OMOP_CDMv5.4_Field_Level.csv");
    assert!(fields.distinct_subjects.is_none_or(|people| people == 0) && fields.health_data != Some(true));
}

#[test]
fn genes_in_a_wide_matrix_are_no_identifiers() {
    let settings = Settings::default();
    let of = |first: &str, rest: &str| {
        let mut table = Table::new(&settings, Context { name: "counts".to_owned(), ..Context::default() });
        let named = [first, "GPS1", "NIP7", "IPP", "HLA-A", "MRN"];
        let names = named.iter().map(|name| (*name).to_owned()).chain((0..1200).map(|gene| format!("{rest}{gene}")));
        let columns = names.map(|name| table.column(Column::named(name))).count();
        for row in 0..20 {
            for column in 0..columns {
                table.cell(column, Cell::Integer(if column == 0 { 40_000 + row } else { row % 7 }));
            }
            table.end_row().unwrap();
        }
        table.finish()
    };
    let matrix = of("EID2", "GENE");
    assert!(
        matrix.sensitive_columns.is_empty() && matrix.distinct_subjects.is_none(),
        "{:?}",
        matrix.sensitive_columns
    );
    // A survey names its questions in words, and stays one about people.
    assert!(of("patient_id", "how_often_do_you_").subject_column.is_some());
}
