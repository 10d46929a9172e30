//! Whom a table is about, and what it says of them.

use std::collections::{BTreeMap, BTreeSet};

use super::dictionary;
use super::schema::{Class, ClassKind, Makes};
use super::score::{Score, scores, together};
use super::standard::{self, Columns, Standard};
use super::words::words;
use super::{Context, Taxonomy};
use crate::model::{SubjectKind, TableFacts, publishable};
use crate::table::profile::Profile;
use crate::table::value;

/// How sure a column must be to be given its class.
const SURE: f64 = 0.5;
/// How sure a column must be to make a table one about people.
const MAKES: f64 = 0.6;
/// What it adds to a weak name that the table is about people.
const AMONG_PEOPLE: f64 = 0.35;
/// Most studies that a table names.
const MAX_STUDIES: usize = 64;
/// The oldest age that Safe Harbor lets stand.
const OLDEST: f64 = 89.0;

/// Names of columns that rows about animals have.
const OF_ANIMALS: [&str; 16] = [
    "species",
    "breed",
    "strain",
    "substrain",
    "genus",
    "subspecies",
    "animal",
    "animal id",
    "animal no",
    "litter",
    "cage",
    "mouse id",
    "rat id",
    "mouse",
    "pet",
    "sire",
];
/// Values of such a column that are people.
const HUMAN: [&str; 6] = ["human", "homo sapiens", "h. sapiens", "homo_sapiens", "9606", "ncbitaxon:9606"];
/// Words of names of tables and columns that are about professionals.
const OF_PROFESSIONALS: [&str; 20] = [
    "hcp",
    "hcps",
    "physician",
    "physicians",
    "investigator",
    "investigators",
    "practitioner",
    "practitionerrole",
    "provider",
    "doctor",
    "doctors",
    "clinician",
    "clinicians",
    "prescriber",
    "npi",
    "laege",
    "laeger",
    "arzt",
    "medecin",
    "医生",
];
/// Words of names of tables and columns that are about people who work there.
const OF_STAFF: [&str; 18] = [
    "employee",
    "employees",
    "staff",
    "payroll",
    "hr",
    "personnel",
    "medarbejder",
    "medarbejdere",
    "mitarbeiter",
    "salarie",
    "salary",
    "empleado",
    "hire",
    "manager",
    "operator",
    "operators",
    "badge",
    "workforce",
];
/// Words of names of tables whose people were made up.
const MADE_UP: [&str; 6] = ["synthetic", "synthea", "dummy", "mock", "fake", "faker"];

/// A column and the class it is likeliest of.
struct Candidate<'t> {
    profile: &'t Profile,
    class: &'t Class,
    score: Score,
}

/// What the columns say, and so whom the table is about.
pub(super) fn facts(taxonomy: &Taxonomy, profiles: &[Profile], context: &Context) -> TableFacts {
    if dictionary::is_dictionary(profiles.iter().map(|profile| &profile.column)) {
        return TableFacts {
            kind: Some("data_dictionary".to_owned()),
            column_classes: Some(BTreeMap::new()),
            distinct_subjects: Some(0),
            health_data: Some(false),
            ..TableFacts::default()
        };
    }
    let columns = Columns::new(profiles);
    let standard = standard::of(&columns, context);
    let mut facts = TableFacts {
        standard: standard.as_ref().map(|standard| standard.id.clone()),
        domain: standard
            .as_ref()
            .and_then(|standard| standard.domain.clone())
            .map(|domain| publishable("domain", &domain)),
        ..TableFacts::default()
    };
    let mut all = candidates(taxonomy, profiles, &columns, standard.as_ref());
    if standard.is_none() && is_matrix(profiles) {
        all.retain(|candidate| !is_of_numbers(candidate.profile));
    }
    facts.studies = studies(&all, profiles, standard.as_ref());

    let animal = standard.as_ref().is_some_and(|standard| standard.animal) || is_about_animals(profiles, &all);
    let people = !animal && is_about_people(&all, standard.as_ref());
    let has_values = profiles.iter().any(|profile| profile.filled > 0);
    // Of a table that was read, a column without a value names nobody, and a form's word for a file is no file.
    let is_hollow = |candidate: &&Candidate| {
        let profile = candidate.profile;
        let is_read = has_values && !profile.unread;
        candidate.class.kind == ClassKind::Direct && is_read && profile.values().all(|value| value == "[document]")
    };
    let kept: Vec<&Candidate> =
        all.iter().filter(|candidate| is_kept(candidate, people) && !is_hollow(candidate)).collect();
    let classes: BTreeMap<String, String> =
        kept.iter().map(|kept| (kept.profile.column.name.clone(), kept.class.id.clone())).collect();
    if !classes.is_empty() {
        facts.column_classes = Some(classes);
    }
    if animal {
        facts.subject_kind = Some(SubjectKind::Animal);
        facts.distinct_subjects = Some(0);
    }
    if !people {
        return facts;
    }
    let personal = || kept.iter().filter(|kept| kept.class.personal);
    facts.sensitive_columns =
        personal().map(|kept| (kept.profile.column.name.clone(), kept.class.id.clone())).collect();
    facts.health_data = Some(personal().any(|kept| kept.class.health && kept.profile.may_hold()));
    facts.gdpr_article_9 = personal().filter_map(|kept| kept.class.gdpr_article_9.clone()).collect();
    facts.safe_harbor = personal().filter_map(|kept| safe_harbor(kept)).map(String::from).collect();
    let kind = kind(&kept, profiles, context, standard.as_ref());
    facts.kind = sort(&kept, kind, standard.as_ref()).map(str::to_owned);
    facts.subject_kind = Some(kind);
    facts.subject_column = subject(taxonomy, &kept, kind);
    facts.key_file = is_key_file(&kept, kind, context);
    let stands_for_people = matches!(kind, SubjectKind::Participant | SubjectKind::Unknown);
    let direct = kept.iter().filter(|kept| kept.class.kind == ClassKind::Direct && kept.class.personal);
    facts.direct_identifiers =
        direct.filter(|kept| kept.profile.may_hold()).map(|kept| kept.profile.column.name.clone()).collect();
    let is_named = !facts.direct_identifiers.is_empty();
    facts.pseudonymised = (stands_for_people && (is_named || facts.subject_column.is_some())).then_some(!is_named);
    facts.unblinded = facts.subject_column.is_some() && kept.iter().any(|kept| is_unblinded(kept));
    facts
}

/// Whether the columns are measured things of one sort, a gene or a sensor each: hundreds of numbers under bare codes, of
/// which `GPS1` or `NIP7` are nobody's place and number.
fn is_matrix(profiles: &[Profile]) -> bool {
    const FEWEST: usize = 1000;
    let is_code = |profile: &&Profile| {
        let name = &profile.column.name;
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) && name.len() <= 20
    };
    let most = |count: usize, share: usize| count.saturating_mul(100) >= profiles.len().saturating_mul(share);
    profiles.len() >= FEWEST
        && most(profiles.iter().filter(is_code).count(), 90)
        && most(profiles.iter().filter(|profile| is_of_numbers(profile)).count(), 98)
}

fn is_of_numbers(profile: &Profile) -> bool {
    profile.filled > 0 && profile.values().take(8).all(|value| value.parse::<f64>().is_ok())
}

/// Each column's likeliest class.
fn candidates<'t>(
    taxonomy: &'t Taxonomy,
    profiles: &'t [Profile],
    columns: &Columns,
    standard: Option<&Standard>,
) -> Vec<Candidate<'t>> {
    let mut candidates = Vec::new();
    for (number, profile) in profiles.iter().enumerate() {
        // The first column of a REDCap export is its record, whatever it is called.
        let is_record = number == 0 && standard.is_some_and(|standard| standard.id == "redcap");
        let record =
            is_record.then(|| taxonomy.classes.iter().position(|class| class.id == "subject_identifier")).flatten();
        if let Some(class) = record.and_then(|class| taxonomy.classes.get(class).map(|found| (class, found))) {
            let score = Score { class: class.0, sure: 0.95, passed: true, telling: true };
            candidates.push(Candidate { profile, class: class.1, score });
            continue;
        }
        // REDCap puts the state of every form behind it, under the form's name.
        let is_state =
            standard.is_some_and(|standard| standard.id == "redcap") && profile.column.name.ends_with("_complete");
        if is_state {
            continue;
        }
        let found = scores(taxonomy, profile, standard).into_iter().find_map(|score| {
            let class = taxonomy.classes.get(score.class)?;
            let is_other = class.not_beside.iter().any(|name| columns.has(&name.to_uppercase()));
            (!is_other).then_some(Candidate { profile, class, score })
        });
        candidates.extend(found);
    }
    candidates
}

/// Whether a column is given its class.
fn is_kept(candidate: &Candidate, people: bool) -> bool {
    match people {
        true => together(&[candidate.score.sure, AMONG_PEOPLE]) >= SURE,
        false => !candidate.class.personal && candidate.score.sure >= SURE,
    }
}

/// Two columns of different classes that are usual for people, or one that nothing else has, or a standard of medicine.
fn is_about_people(candidates: &[Candidate], standard: Option<&Standard>) -> bool {
    if let Some(standard) = standard {
        return standard.about_people;
    }
    let makes = |makes: Makes| {
        let sure = candidates
            .iter()
            .filter(move |found| found.class.people == makes && found.score.sure >= MAKES && found.score.telling);
        sure.map(|found| found.class.id.as_str()).collect::<BTreeSet<&str>>()
    };
    // The values of at least one of two must look like it: headers alone are soon alike.
    let passed = candidates.iter().any(|found| found.class.people == Makes::Together && found.score.passed);
    !makes(Makes::Alone).is_empty() || (makes(Makes::Together).len() >= 2 && passed)
}

/// Rows of animals have a species or a strain, and no names or numbers of people.
fn is_about_animals(profiles: &[Profile], candidates: &[Candidate]) -> bool {
    let of_animals = |profile: &Profile| {
        let is_named = OF_ANIMALS.contains(&words(&profile.column.name).join(" ").as_str());
        let is_human =
            profile.filled > 0 && profile.values().all(|value| HUMAN.contains(&value.to_lowercase().as_str()));
        is_named && !is_human
    };
    // Pets have names, too: a bare `name` is nobody's surname.
    let is_direct =
        |found: &&Candidate| found.class.kind == ClassKind::Direct && found.score.sure >= MAKES && found.score.telling;
    profiles.iter().any(of_animals) && !candidates.iter().any(|found| is_direct(&found))
}

/// Whether the words of the table's or a column's name have one of these.
fn has_word(list: &[&str], profiles: &[Profile], context: &Context) -> bool {
    let names = profiles.iter().map(|profile| profile.column.name.as_str()).chain([context.name.as_str()]);
    names.flat_map(words).any(|word| list.contains(&word.as_str()))
}

fn kind(kept: &[&Candidate], profiles: &[Profile], context: &Context, standard: Option<&Standard>) -> SubjectKind {
    let is_named_so = words(&context.name).iter().any(|word| MADE_UP.contains(&word.as_str()));
    let generated = |kept: &&&Candidate| {
        let values = kept.profile.values();
        let (all, made) = (values.len(), values.filter(|value| value::is_generated_name(value)).count());
        kept.class.id == "person_name" && all >= 5 && made * 10 >= all * 8
    };
    if context.synthetic || is_named_so || kept.iter().any(|candidate| generated(&candidate)) {
        return SubjectKind::Synthetic;
    }
    let domain = standard.and_then(|standard| standard.domain.as_deref()).unwrap_or(&context.name);
    let is_provider = words(domain).iter().any(|word| OF_PROFESSIONALS.contains(&word.as_str()));
    let has_key = kept.iter().any(|kept| kept.class.kind == ClassKind::SubjectKey && kept.score.sure >= MAKES);
    if (standard.is_some() || has_key) && !is_provider {
        return SubjectKind::Participant;
    }
    let is_professional = kept.iter().any(|kept| kept.class.kind == ClassKind::Professional);
    if is_provider || is_professional || has_word(&OF_PROFESSIONALS, profiles, context) {
        return SubjectKind::Professional;
    }
    if has_word(&OF_STAFF, profiles, context) {
        return SubjectKind::Staff;
    }
    let is_patient = kept.iter().any(|kept| kept.class.health && kept.score.sure >= MAKES);
    if is_patient { SubjectKind::Participant } else { SubjectKind::Unknown }
}

/// What sort of table it is, where there is a word for it.
fn sort(kept: &[&Candidate], kind: SubjectKind, standard: Option<&Standard>) -> Option<&'static str> {
    let is_contact = kept.iter().any(|kept| matches!(kept.class.id.as_str(), "email" | "phone"));
    match kind {
        _ if standard.is_some_and(|standard| standard.id == "redcap") => Some("redcap_export"),
        SubjectKind::Professional if is_contact => Some("hcp_contact_list"),
        _ => None,
    }
}

/// The column whose values stand for one person each.
fn subject(taxonomy: &Taxonomy, kept: &[&Candidate], kind: SubjectKind) -> Option<String> {
    let is_key = |candidate: &&&Candidate| match candidate.class.kind {
        ClassKind::SubjectKey => true,
        _ => match candidate.class.id.as_str() {
            "mrn" | "national_id" => true,
            "identifier" | "professional_id" => {
                matches!(
                    kind,
                    SubjectKind::Professional | SubjectKind::Staff | SubjectKind::Unknown | SubjectKind::Synthetic
                )
            }
            _ => false,
        },
    };
    let rank = |candidate: &Candidate| {
        let rank = taxonomy.rank(&candidate.profile.column, std::slice::from_ref(&candidate.score));
        // Where a column was told by its place or its values alone, its name has no rank.
        rank.max(if candidate.class.kind == ClassKind::SubjectKey { 50 } else { 1 })
    };
    let best = kept
        .iter()
        .filter(is_key)
        .max_by(|a, b| rank(a).cmp(&rank(b)).then(b.profile.column.name.cmp(&a.profile.column.name)));
    best.map(|candidate| candidate.profile.column.name.clone())
}

/// The letter of Safe Harbor, where the values are as fine as it means.
fn safe_harbor(kept: &Candidate) -> Option<char> {
    let name = words(&kept.profile.column.name).join(" ");
    let is_coarse = kept.class.coarse.iter().any(|coarse| words(coarse).join(" ") == name);
    // Ages up to 89 and years of birth are no identifiers.
    let is_old = || kept.profile.values().any(|value| value.parse().is_ok_and(|age: f64| age > OLDEST && age < 130.0));
    match kept.class.id.as_str() {
        "age" => is_old().then_some('C'),
        _ => kept.class.safe_harbor.filter(|_| !is_coarse && kept.profile.may_hold()),
    }
}

/// A subject key together with what names the person, or with another key in a table that says that it is a list of
/// keys: the additional information of GDPR Art. 4(5).
fn is_key_file(kept: &[&Candidate], kind: SubjectKind, context: &Context) -> bool {
    const LISTS: [&str; 10] =
        ["mapping", "map", "crosswalk", "key", "keys", "linkage", "lookup", "link", "enrolment", "pseudonyms"];
    if !matches!(kind, SubjectKind::Participant | SubjectKind::Synthetic | SubjectKind::Unknown) {
        return false;
    }
    let filled = |kept: &&&Candidate| kept.profile.may_hold();
    let keys = kept.iter().filter(filled).filter(|kept| kept.class.kind == ClassKind::SubjectKey).count();
    let direct = kept.iter().filter(filled).any(|kept| kept.class.kind == ClassKind::Direct);
    let is_list = words(&context.name).iter().any(|word| LISTS.contains(&word.as_str()));
    (keys > 0 && direct) || (keys > 1 && is_list)
}

/// Whether it says who got which treatment: more than one arm, and none of them called blinded.
fn is_unblinded(kept: &Candidate) -> bool {
    let is_hidden = |value: &str| {
        let lower = value.to_lowercase();
        ["blind", "mask", "redact", "not assigned", "screen failure"].iter().any(|word| lower.contains(word))
    };
    kept.class.id == "treatment_arm" && kept.profile.values().filter(|value| !is_hidden(value)).take(2).count() > 1
}

/// Studies: identifiers of registries wherever a column holds nothing else, and those of a study column of CDISC.
fn studies(candidates: &[Candidate], profiles: &[Profile], standard: Option<&Standard>) -> BTreeSet<String> {
    let mut studies = BTreeSet::new();
    let few = |profile: &&Profile| (1..=MAX_STUDIES).contains(&profile.values().len());
    for profile in profiles.iter().filter(few) {
        if profile.values().all(value::is_trial) {
            studies.extend(profile.values().map(str::to_owned));
        }
    }
    let is_cdisc = standard.is_some_and(|standard| standard.family == "cdisc");
    for found in candidates.iter().filter(|found| is_cdisc && found.class.id == "study_id") {
        if found.profile.column.name.eq_ignore_ascii_case("STUDYID") && few(&found.profile) {
            studies.extend(found.profile.values().map(|value| publishable("study", value)));
        }
    }
    studies.into_iter().take(MAX_STUDIES).collect()
}
