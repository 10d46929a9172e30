//! What a loss would cost, with its reasons. Levels after FIPS 199; no number is invented.

use crate::model::{Asset, Code, Dataset, Fact, Impact, Kind, Level, Origin, Presence, Run, SubjectKind, TableFacts};

/// The impact of losing an asset as far as its own facts tell.
pub(super) fn of(asset: &Asset) -> Impact {
    if asset.presence == Presence::Unverified {
        return Impact { level: Level::Low, because: vec!["its structure does not hold".to_owned()], tier: None };
    }
    if asset.presence == Presence::Pointer {
        let because = vec!["a pointer: the data itself is elsewhere".to_owned()];
        return Impact { level: Level::Low, because, tier: None };
    }
    let (level, because) = match (asset.kind, &asset.fact) {
        (Kind::Model, Fact::Weights(weights)) => model(asset, weights),
        (Kind::Model, _) => (Level::Moderate, vec!["a model".to_owned()]),
        (Kind::Infra, _) => (Level::Moderate, vec!["names machines, accounts or ways between them".to_owned()]),
        (Kind::Dataset, Fact::Dataset(dataset)) => data(dataset),
        (Kind::Dataset, _) => (Level::Moderate, vec!["data whose content is not known to be harmless".to_owned()]),
        (Kind::Code, Fact::Code(code)) => source(code),
        (Kind::Code, _) => (Level::Moderate, vec!["source of a model or its training".to_owned()]),
        (Kind::Run, Fact::Run(run)) => logged(run),
        (Kind::Run | Kind::Image, _) => (Level::Moderate, vec!["says how and where something was made".to_owned()]),
    };
    Impact { level, because, tier: None }
}

fn source(code: &Code) -> (Level, Vec<String>) {
    match code.not_own.as_deref() {
        Some("vendored") => return (Level::Low, vec!["a copy of somebody else's source".to_owned()]),
        Some("generated") => return (Level::Low, vec!["written by a program".to_owned()]),
        Some("tutorial") => return (Level::Low, vec!["from a tutorial".to_owned()]),
        Some(_) => return (Level::Low, vec!["source of tests".to_owned()]),
        None => {}
    }
    let (level, what) = match code.kind.as_deref() {
        Some("model_definition") => (Level::High, "the architecture of a model: what explains its weights"),
        Some("training_script") => (Level::Moderate, "how a model is trained"),
        Some("data_pipeline") => (Level::Moderate, "how data is made into what a model learns from"),
        Some("evaluation") => (Level::Moderate, "how a model is measured"),
        Some("inference") => (Level::Moderate, "how a model is run"),
        Some("training_config") => (Level::Moderate, "settings of a training"),
        Some("orchestration") => (Level::Moderate, "the steps from data to model"),
        Some("notebook") => (Level::Moderate, "how data was looked at and models were tried"),
        _ => (Level::Moderate, "source of a model or its training"),
    };
    let mut because = vec![what.to_owned()];
    because.extend(code.model_type.as_ref().map(|_| "registers a type of model of its own".to_owned()));
    because.extend(code.tables_in_output.map(|tables| match tables {
        1 => "its outputs show a table of data".to_owned(),
        _ => format!("its outputs show {tables} tables of data"),
    }));
    because.extend((!code.hosts.is_empty()).then(|| "names machines".to_owned()));
    (level, because)
}

fn model(asset: &Asset, weights: &crate::model::Weights) -> (Level, Vec<String>) {
    if asset.origin == Some(Origin::PublicCopy) {
        return (Level::Low, vec!["a copy of a model that is public".to_owned()]);
    }
    if weights.kind.as_deref() == Some("tokenizer") {
        return (Level::Low, vec!["a tokenizer without weights".to_owned()]);
    }
    if weights.shards_present == Some(0) {
        return (Level::Low, vec!["an index of weights that are not here".to_owned()]);
    }
    let mut because = Vec::new();
    if weights.kind.as_deref() == Some("optimizer_state") {
        because.push("optimizer state: with the weights, training can be resumed".to_owned());
    }
    if weights.has_optimizer == Some(true) {
        because.push("holds optimizer state: training can be resumed from it".to_owned());
    }
    if !weights.custom_code.is_empty() || !weights.auto_map.is_empty() {
        because.push("has an architecture of its own".to_owned());
    }
    if weights.kind.as_deref() == Some("adapter") {
        because.push("an adapter: what was learnt here, in a small file".to_owned());
    }
    if !because.is_empty() {
        return (Level::High, because);
    }
    (Level::Moderate, vec!["weights that run as they are".to_owned()])
}

fn logged(run: &Run) -> (Level, Vec<String>) {
    let mut because = Vec::new();
    if !run.environment_leaks.is_empty() {
        let shown: Vec<&str> = run.environment_leaks.iter().take(3).map(String::as_str).collect();
        let more = if run.environment_leaks.len() > shown.len() { ", …" } else { "" };
        because.push(format!("its settings hold secrets ({}{more})", shown.join(", ")));
    }
    if run.holds_source == Some(true) {
        because.push("keeps source that may be nowhere else".to_owned());
    }
    match (because.is_empty(), run.trial) {
        (true, Some(true)) => (Level::Low, vec!["one trial of a search for hyper-parameters".to_owned()]),
        (true, _) => (Level::Moderate, vec!["says how and where something was made".to_owned()]),
        _ if run.environment_leaks.is_empty() => (Level::Moderate, because),
        _ => (Level::High, because),
    }
}

fn data(dataset: &Dataset) -> (Level, Vec<String>) {
    let table = &dataset.table;
    match (table.subject_kind, dataset.kind.as_deref()) {
        (Some(SubjectKind::Animal), _) => {
            return (Level::Moderate, vec!["measurements of animals: nobody's, and valuable".to_owned()]);
        }
        (Some(SubjectKind::Synthetic), _) => return (Level::Low, vec!["people that a generator made up".to_owned()]),
        (_, Some("data_dictionary")) => {
            return (Level::Low, vec!["describes columns, and holds no rows about anybody".to_owned()]);
        }
        (_, Some("training_metrics")) => return (Level::Low, vec!["measurements of a training".to_owned()]),
        _ => {}
    }
    let people = |what: &str| match table.distinct_subjects {
        Some(1) => format!("{what} of 1 person"),
        Some(count @ 2..) => format!("{what} of {count} people"),
        _ => format!("{what} of people"),
    };
    let mut high = Vec::new();
    high.extend(table.key_file.then(|| "a key file: it leads from the keys of other data to people".to_owned()));
    high.extend((dataset.genotype_data == Some(true)).then(|| people("genotypes")));
    high.extend((table.health_data == Some(true)).then(|| people("health data")));
    high.extend(table.unblinded.then(|| "says who gets which treatment".to_owned()));
    let mut moderate = Vec::new();
    moderate.extend((table.pseudonymised == Some(false)).then(|| "names people directly".to_owned()));
    moderate.extend(singled_out(table));
    moderate.extend((!table.embedded.is_empty()).then(|| "free text that names or numbers people".to_owned()));
    moderate.extend((dataset.contains_pickle == Some(true)).then(|| "whoever loads it runs what it says".to_owned()));
    if high.is_empty() && moderate.is_empty() {
        let has_personal = !table.sensitive_columns.is_empty() || !table.sensitive_paths.is_empty();
        let has_people = has_personal || table.distinct_subjects.is_some_and(|count| count > 0);
        let is_known = !table.columns.is_empty() && table.column_classes.is_some();
        let why = match (has_people, is_known) {
            (true, _) => people("records"),
            (_, true) => "no column that is about people".to_owned(),
            _ => "data whose content is not known to be harmless".to_owned(),
        };
        return (Level::Moderate, vec![why]);
    }
    let level = if high.is_empty() { Level::Moderate } else { Level::High };
    high.extend(moderate);
    (level, high)
}

/// How many of a table's people are alone with their quasi-identifiers, by the set that tells most.
fn singled_out(table: &TableFacts) -> Option<String> {
    let worst = table.risk.iter().max_by(|a, b| a.average_risk.total_cmp(&b.average_risk))?;
    let by = worst.quasi_identifiers.join(", ");
    Some(format!("{} of {} are alone with their {by}", worst.unique_records, worst.records))
}
