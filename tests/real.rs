//! Public clinical data that nobody here wrote, unchanged: every figure of `fixtures/real/README.md`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod forge;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use blastmap::model::{Asset, Inventory, Population, RelationKind, Risk, SubjectKind, TableFacts};
use blastmap::scan::Plan;
use blastmap::table::Settings;
use forge::place::{inventory, plan};

/// The sets whose risk the README states.
const SETS: [&str; 6] = [
    "age,sex",
    "age,sex,race",
    "age,sex,race,ethnicity",
    "age,sex,race,ethnicity,site",
    "sex,birth_year",
    "sex,birth_date",
];

fn real() -> &'static Inventory {
    static REAL: OnceLock<Inventory> = OnceLock::new();
    REAL.get_or_init(|| {
        let risk_sets = SETS.iter().map(|set| set.split(',').map(str::to_owned).collect()).collect();
        let tables = Arc::new(Settings { risk_sets, ..Settings::default() });
        inventory(&Plan { tables, ..plan(Path::new("fixtures/real")) })
    })
}

fn asset(path: &str) -> &'static Asset {
    let found = real().assets.iter().find(|asset| asset.files.iter().any(|file| file.locator.to_string() == path));
    found.unwrap_or_else(|| panic!("{path} is not in the inventory"))
}

fn table(path: &str) -> &'static TableFacts {
    &asset(path).fact.dataset().unwrap_or_else(|| panic!("{path} is no dataset")).table
}

/// The people that a dataset is about.
fn population(path: &str) -> &'static Population {
    let id = &asset(path).id;
    real()
        .populations
        .iter()
        .find(|population| population.datasets.contains(id))
        .unwrap_or_else(|| panic!("{path}: {:?}", table(path)))
}

fn risk<'t>(table: &'t TableFacts, set: &str) -> &'t Risk {
    let wanted: BTreeSet<&str> = set.split(',').collect();
    let has = |risk: &&Risk| risk.quasi_identifiers.iter().map(String::as_str).collect::<BTreeSet<_>>() == wanted;
    table.risk.iter().find(has).unwrap_or_else(|| panic!("no risk over {set}: {:?}", table.risk))
}

#[test]
fn the_risk_of_a_trial_is_that_of_other_tools_to_the_last_digit() {
    let dm = table("pharmaversesdtm/dm.csv");
    assert_eq!(
        (dm.row_count, dm.distinct_subjects, dm.subject_column.as_deref()),
        (Some(306), Some(306), Some("USUBJID"))
    );
    for (set, classes, unique, average, at_risk) in [
        (SETS[0], 66, 7, 0.215_686, 0.326_797),
        (SETS[1], 92, 32, 0.300_654, 0.401_961),
        (SETS[2], 106, 52, 0.346_405, 0.431_373),
        (SETS[3], 251, 202, 0.820_261, 1.0),
        (SETS[4], 67, 11, 0.218_954, 0.287_582),
        (SETS[5], 302, 298, 0.986_928, 1.0),
    ] {
        let risk = risk(dm, set);
        assert_eq!((risk.records, risk.unit.as_str(), risk.estimated), (306, "subject", false), "{set}");
        assert_eq!((risk.classes, risk.unique_records), (classes, unique), "{set}");
        assert_eq!((risk.average_risk, risk.at_risk), (average, at_risk), "{set}");
    }
}

#[test]
fn people_of_a_study_are_a_union_and_not_a_sum() {
    let study = population("pharmaversesdtm/dm.csv");
    assert_eq!((study.distinct, study.estimated, study.kind), (306, false, SubjectKind::Participant));
    for other in ["ae", "mh", "is_ada"] {
        assert_eq!(population(&format!("pharmaversesdtm/{other}.csv")), study, "{other}");
    }
    let children = population("pharmaversesdtm/dm_peds.csv");
    assert_ne!(children, study);
    let ada = table("pharmaversesdtm/is_ada.csv");
    assert_eq!((ada.domain.as_deref(), ada.health_data), (Some("IS"), Some(true)));
    assert!(ada.sensitive_columns.values().any(|class| class == "anti_drug_antibody"), "{:?}", ada.sensitive_columns);
}

#[test]
fn four_formats_of_a_table_are_the_same_people_and_the_same_rows() {
    for (domain, people) in [("dm", Some(18)), ("ae", None)] {
        let paths = ["xpt", "json", "ndjson", "dsjc"].map(|ending| format!("dataset-json/{domain}.{ending}"));
        let ids: BTreeSet<&str> = paths.iter().map(|path| asset(path).id.as_str()).collect();
        assert_eq!(ids.len(), 4);
        for path in &paths {
            assert_eq!(population(path), population("dataset-json/dm.xpt"), "{path}");
            if people.is_some() {
                assert_eq!(table(path).distinct_subjects, people, "{path}");
            }
        }
        let edges = real().relations.iter().filter(|edge| {
            let kinds = [RelationKind::SameContent, RelationKind::DerivedFrom];
            kinds.contains(&edge.kind) && ids.contains(edge.from.as_str()) && ids.contains(edge.to.as_str())
        });
        assert_eq!(edges.count(), 6, "every two of {domain}");
    }
    assert_eq!(population("dataset-json/dm.xpt").distinct, 18);
}

#[test]
fn identifiers_of_redcap_exports_are_those_their_dictionaries_declare() {
    /// What the projects do not mark, and what is an identifier all the same: a mail address, a photograph, and names,
    /// addresses and telephones of next of kin.
    const UNMARKED: [&str; 6] = [
        "clinical-trial-1/email",
        "longitudinal/ec_phone",
        "longitudinal/next_of_kin_contact_address",
        "longitudinal/next_of_kin_contact_name",
        "longitudinal/next_of_kin_contact_phone",
        "simple/mugshot",
    ];
    let (mut missed, mut more) = (Vec::new(), Vec::new());
    for name in ["clinical-trial-1", "longitudinal", "simple"] {
        let project = Path::new("fixtures/real/redcapr").join(name);
        let identifiers = identifiers(&std::fs::read_to_string(project.join("dictionary.csv")).unwrap());
        let data = table(&format!("redcapr/{name}/data.csv"));
        let is_direct = |column: &String| data.direct_identifiers.contains(column);
        let declared = identifiers.iter().filter(|column| data.columns.contains(column));
        missed.extend(declared.filter(|column| !is_direct(column)).map(|column| format!("{name}/{column}")));
        let others = data.direct_identifiers.iter().filter(|column| !identifiers.contains(*column));
        more.extend(others.map(|column| format!("{name}/{column}")));
        assert_ne!(data.subject_column, None, "{name}");
    }
    assert!(missed.is_empty(), "{missed:?}");
    more.sort();
    assert_eq!(more, UNMARKED);
    assert_eq!(table("redcapr/longitudinal/data.csv").subject_column.as_deref(), Some("study_id"));
}

/// The fields of a REDCap dictionary that it calls identifiers.
fn identifiers(dictionary: &str) -> BTreeSet<String> {
    let mut records = csv_records(dictionary);
    let header = records.remove(0);
    let column = header.iter().position(|name| name.to_lowercase().starts_with("identifier")).unwrap();
    let is_identifier =
        |record: &&Vec<String>| record.get(column).is_some_and(|flag| flag.trim().eq_ignore_ascii_case("y"));
    records.iter().filter(is_identifier).map(|record| record[0].clone()).collect()
}

fn csv_records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for char in text.trim_start_matches('\u{feff}').chars().chain(['\n']) {
        match char {
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field).trim_end().to_owned());
                records.push(std::mem::take(&mut record));
            }
            char => field.push(char),
        }
    }
    records
}

#[test]
fn made_up_people_are_listed_and_told_apart() {
    for path in ["fhir-synthea/Patient.000.ndjson", "fhir-synthea/Immunization.000.ndjson"] {
        assert_eq!(table(path).subject_kind, Some(SubjectKind::Synthetic), "{path}");
    }
    assert_eq!(table("fhir-synthea/Patient.000.ndjson").row_count, Some(13));
    let practitioners = table("fhir-synthea/Practitioner.000.ndjson");
    assert_eq!(practitioners.row_count, Some(43));
    let synthetic: Vec<&Population> =
        real().populations.iter().filter(|population| population.kind == SubjectKind::Synthetic).collect();
    let omop: Vec<&&Population> = synthetic
        .iter()
        .filter(|population| {
            let places = real().assets.iter().filter(|asset| population.datasets.contains(&asset.id));
            places.flat_map(|asset| &asset.files).any(|file| file.locator.to_string().starts_with("omop-synthea/"))
        })
        .collect();
    assert_eq!(omop.len(), 1, "{omop:?}");
    assert_eq!((omop[0].distinct, omop[0].estimated), (28, false));
    let dictionary = table("omop-synthea/OMOP_CDMv5.4_Field_Level.csv");
    assert!(dictionary.distinct_subjects.unwrap_or(0) == 0, "a dictionary is about nobody");
}
