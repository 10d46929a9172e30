//! Which clinical standard a table follows, by the names of its columns: CDISC SDTM, SEND and ADaM, OMOP, REDCap, i2b2,
//! PCORnet, MIMIC and UK Biobank. Others (FHIR, HL7 v2, DICOM, Dataset-JSON) the format itself prescribes.

use std::collections::BTreeMap;

use super::Context;
use crate::table::profile::Profile;

/// A standard, and the table's place in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standard {
    /// Its id: `cdisc-sdtm`.
    pub id: String,
    /// The key under which class files list its variables: `cdisc`.
    pub family: &'static str,
    /// Domain or table.
    pub domain: Option<String>,
    /// Whether its subjects are animals.
    pub animal: bool,
    /// Whether a table of it is about people by itself: a vocabulary of OMOP is not.
    pub about_people: bool,
}

/// Tables of OMOP CDM 5.4 and the column that each is recognised by, and whether it is about people.
const OMOP: &[(&str, &str, bool)] = &[
    ("person", "gender_concept_id", true),
    ("observation_period", "observation_period_start_date", true),
    ("visit_occurrence", "visit_concept_id", true),
    ("visit_detail", "visit_detail_concept_id", true),
    ("condition_occurrence", "condition_concept_id", true),
    ("drug_exposure", "drug_concept_id", true),
    ("procedure_occurrence", "procedure_concept_id", true),
    ("device_exposure", "device_concept_id", true),
    ("measurement", "measurement_concept_id", true),
    ("observation", "observation_concept_id", true),
    ("death", "death_date", true),
    ("note", "note_text", true),
    ("note_nlp", "note_nlp_concept_id", false),
    ("specimen", "specimen_concept_id", true),
    ("location", "location_source_value", false),
    ("care_site", "care_site_source_value", false),
    ("provider", "provider_source_value", true),
    ("payer_plan_period", "payer_plan_period_start_date", true),
    ("cost", "cost_event_id", false),
    ("drug_era", "drug_era_start_date", true),
    ("dose_era", "dose_era_start_date", true),
    ("condition_era", "condition_era_start_date", true),
    ("episode", "episode_concept_id", true),
    ("episode_event", "episode_event_field_concept_id", false),
    ("cohort", "cohort_definition_id", true),
    ("concept", "standard_concept", false),
    ("vocabulary", "vocabulary_concept_id", false),
    ("domain", "domain_concept_id", false),
    ("concept_class", "concept_class_concept_id", false),
    ("concept_relationship", "concept_id_1", false),
    ("relationship", "relationship_concept_id", false),
    ("concept_synonym", "concept_synonym_name", false),
    ("concept_ancestor", "ancestor_concept_id", false),
    ("source_to_concept_map", "source_code_description", false),
    ("drug_strength", "ingredient_concept_id", false),
    ("cohort_definition", "cohort_definition_name", false),
    ("fact_relationship", "domain_concept_id_1", false),
    ("metadata", "metadata_concept_id", false),
    ("cdm_source", "cdm_source_name", false),
];

/// Columns of a table, by upper-case name.
pub(super) struct Columns<'p> {
    by_name: BTreeMap<String, &'p Profile>,
}

impl<'p> Columns<'p> {
    pub(super) fn new(profiles: &'p [Profile]) -> Columns<'p> {
        Columns { by_name: profiles.iter().map(|profile| (profile.column.name.to_uppercase(), profile)).collect() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'p Profile> {
        self.by_name.get(name).copied()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// The standard a table follows.
pub(super) fn of(columns: &Columns, context: &Context) -> Option<Standard> {
    prescribed(context)
        .or_else(|| cdisc(columns, context))
        .or_else(|| omop(columns, context))
        .or_else(|| redcap(columns))
        .or_else(|| others(columns))
}

/// What the format itself prescribes.
fn prescribed(context: &Context) -> Option<Standard> {
    let id = context.standard.as_deref()?;
    let family = match id {
        "dataset-json" | "cdisc" | "cdisc-sdtm" | "cdisc-adam" | "cdisc-send" => return None,
        "hl7v2" => "hl7v2",
        "dicom" => "dicom",
        _ if id.starts_with("fhir") => "fhir",
        _ => return None,
    };
    // Resources that are about people; a terminology is not.
    const PEOPLE: [&str; 30] = [
        "patient",
        "observation",
        "condition",
        "encounter",
        "procedure",
        "immunization",
        "medicationrequest",
        "medicationadministration",
        "medicationstatement",
        "allergyintolerance",
        "diagnosticreport",
        "careplan",
        "claim",
        "explanationofbenefit",
        "documentreference",
        "practitioner",
        "practitionerrole",
        "person",
        "relatedperson",
        "researchsubject",
        "familymemberhistory",
        "servicerequest",
        "specimen",
        "coverage",
        "careteam",
        "device",
        "questionnaireresponse",
        "consent",
        "imagingstudy",
        "adverseevent",
    ];
    let name = context.name.split('.').next().unwrap_or_default().to_lowercase();
    let about_people = family != "fhir" || PEOPLE.contains(&name.as_str());
    Some(Standard { id: id.to_owned(), family, domain: None, animal: false, about_people })
}

fn cdisc(columns: &Columns, context: &Context) -> Option<Standard> {
    let has_subject = columns.any(&["USUBJID", "SUBJID"]);
    let is_study = columns.has("STUDYID");
    let prefix = columns.names().find_map(|name| name.strip_suffix("SEQ").filter(|prefix| prefix.len() == 2));
    let declared = context.standard.as_deref().is_some_and(|id| id.starts_with("cdisc") || id == "dataset-json");
    let sdtm = is_study && (columns.has("DOMAIN") || columns.has("RDOMAIN") || (has_subject && prefix.is_some()));
    let adam = columns.has("USUBJID")
        && (columns
            .any(&["PARAMCD", "TRT01P", "TRT01A", "TRTP", "TRTA", "SAFFL", "ITTFL", "TRTSDT", "TRTEMFL", "AVAL"])
            || (is_study && context.name.to_uppercase().starts_with("AD")));
    if !(sdtm || adam || declared && is_study) {
        return None;
    }
    let animal = is_animal(columns, context);
    let name = context.name.to_uppercase();
    let is_domain = |name: &str| (2..=8).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let domain = ["DOMAIN", "RDOMAIN"]
        .into_iter()
        .filter_map(|column| columns.get(column))
        .find_map(|profile| {
            (profile.values().len() == 1).then(|| profile.values().next().map(str::to_uppercase)).flatten()
        })
        .filter(|domain| is_domain(domain) && !columns.has("RDOMAIN"))
        .or_else(|| {
            Some(name).filter(|name| is_domain(name) && (adam || declared || columns.has("RDOMAIN") || name.len() == 2))
        })
        .or_else(|| prefix.map(str::to_owned));
    let id = match (animal, adam && !columns.has("DOMAIN")) {
        (true, _) => "cdisc-send",
        (false, true) => "cdisc-adam",
        (false, false) => "cdisc-sdtm",
    };
    let about_people = has_subject && !animal;
    Some(Standard { id: id.to_owned(), family: "cdisc", domain, animal, about_people })
}

/// The marks of SEND: animals have a species, a strain, a set; people have a race and a country.
fn is_animal(columns: &Columns, context: &Context) -> bool {
    let of_people = columns.any(&["RACE", "ETHNIC", "COUNTRY"]);
    let of_animals =
        columns.any(&["SPECIES", "STRAIN", "SBSTRAIN"]) || (columns.any(&["SETCD", "AGETXT"]) && !of_people);
    let parameters =
        columns.get("TSPARMCD").map(|profile| profile.values().any(|value| matches!(value, "SSTYP" | "SNDIGVER")));
    of_animals || parameters == Some(true) || context.standard.as_deref() == Some("cdisc-send")
}

fn omop(columns: &Columns, context: &Context) -> Option<Standard> {
    let name = context.name.to_lowercase();
    let standard = |domain: &str, about_people: bool| {
        Some(Standard {
            id: "omop".to_owned(),
            family: "omop",
            domain: Some(domain.to_owned()),
            animal: false,
            about_people,
        })
    };
    for (table, telling, about_people) in OMOP {
        let is_there = columns.has(&telling.to_uppercase());
        let is_key = columns.has("PERSON_ID") || columns.has(&format!("{table}_id").to_uppercase());
        if is_there && (name == *table || (is_key && *table != "death")) {
            return standard(table, *about_people);
        }
    }
    (columns.has("PERSON_ID") && columns.names().any(|name| name.ends_with("_CONCEPT_ID")))
        .then(|| standard(name.as_str(), true))
        .flatten()
}

fn redcap(columns: &Columns) -> Option<Standard> {
    let marks = [
        "REDCAP_EVENT_NAME",
        "REDCAP_REPEAT_INSTRUMENT",
        "REDCAP_REPEAT_INSTANCE",
        "REDCAP_SURVEY_IDENTIFIER",
        "REDCAP_DATA_ACCESS_GROUP",
    ];
    let is_status =
        |profile: &Profile| profile.filled > 0 && profile.values().all(|value| matches!(value, "0" | "1" | "2"));
    let statuses = columns.by_name.iter().filter(|(name, profile)| name.ends_with("_COMPLETE") && is_status(profile));
    let has_record = columns.any(&["RECORD_ID", "STUDY_ID", "PARTICIPANT_ID", "SUBJECT_ID", "PATIENT_ID", "PID"]);
    let fits = columns.any(&marks) || (has_record && statuses.count() > 0);
    fits.then(|| Standard {
        id: "redcap".to_owned(),
        family: "redcap",
        domain: None,
        animal: false,
        about_people: true,
    })
}

fn others(columns: &Columns) -> Option<Standard> {
    let standard = |id: &str, family: &'static str| {
        Some(Standard { id: id.to_owned(), family, domain: None, animal: false, about_people: true })
    };
    if columns.has("PATIENT_NUM")
        && columns.any(&["ENCOUNTER_NUM", "CONCEPT_CD", "VITAL_STATUS_CD", "PATIENT_IDE", "SEX_CD"])
    {
        return standard("i2b2", "i2b2");
    }
    if columns.has("PATID") && columns.any(&["ENCOUNTERID", "BIRTH_DATE", "ENR_START_DATE", "DX_TYPE"]) {
        return standard("pcornet", "i2b2");
    }
    if columns.has("SUBJECT_ID") && columns.any(&["HADM_ID", "STAY_ID", "ICUSTAY_ID"]) {
        return standard("mimic", "i2b2");
    }
    let biobank = |name: &str| {
        let field = name.strip_prefix("F.").unwrap_or(name);
        let parts: Vec<&str> = field.split(['.', '-', '_']).collect();
        parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let fields = columns.names().filter(|name| biobank(name)).count();
    (columns.any(&["EID", "F.EID"]) && fields > 0).then(|| standard("uk-biobank", "i2b2")).flatten()
}

/// Whether `variable` of a class file is the column: `--DTC` fits `LBDTC` in domain LB, `person.year_of_birth` the column
/// in table `person`, `birthDate` the end of a path.
pub(super) fn is_variable(variable: &str, column: &str, standard: &Standard) -> bool {
    let domain = standard.domain.as_deref().unwrap_or_default();
    match standard.family {
        "cdisc" => match variable.strip_prefix("--") {
            Some(rest) => {
                let prefix = column.get(..2).unwrap_or_default();
                let fits = domain.eq_ignore_ascii_case(prefix) || domain.len() != 2;
                fits && column.get(2..).is_some_and(|end| end.eq_ignore_ascii_case(rest))
            }
            None => variable.eq_ignore_ascii_case(column),
        },
        "omop" => match variable.split_once('.') {
            Some((table, variable)) => domain == table && variable.eq_ignore_ascii_case(column),
            None => variable.eq_ignore_ascii_case(column),
        },
        "fhir" => column == variable || column.strip_suffix(variable).is_some_and(|path| path.ends_with('.')),
        _ => variable.eq_ignore_ascii_case(column),
    }
}
