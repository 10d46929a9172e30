//! A study in a database: a row of `trials` for every trial.

use super::{Trial, Trials, attribute, set_state};
use crate::archive::sqlite::Value;
use crate::model::{Cause, Run, publishable};
use crate::probe::run::settings;
use crate::probe::run::tables::{MAX_RUNS, Tables, key};
use crate::probe::{Finding, Input, ProbeError};

/// Tables that describe studies and trials.
const OWN: [&str; 13] = [
    "alembic_version",
    "studies",
    "study_directions",
    "study_system_attributes",
    "study_user_attributes",
    "trial_heartbeats",
    "trial_intermediate_values",
    "trial_params",
    "trial_system_attributes",
    "trial_user_attributes",
    "trial_values",
    "trials",
    "version_info",
];

/// A run for every trial.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut tables = Tables::open(input)?;
    let is_optuna = tables.has("studies", &["study_id", "study_name"])
        && tables.has("trials", &["trial_id", "study_id", "state"])
        && tables.has("trial_params", &["trial_id", "param_name"]);
    if !is_optuna {
        return Err(ProbeError::NotMine);
    }
    let mut found = Trials::default();
    tables.each("studies", ["study_id", "study_name"], &mut |[id, name]| {
        if let (Some(id), Some(name)) = (key(id), name.text()) {
            found.studies.insert(id, publishable("study", name));
        }
        found.studies.len() < MAX_RUNS
    })?;
    let mut version = None;
    tables.each("version_info", ["library_version"], &mut |[text]| {
        version = settings::text("version", text.text());
        false
    })?;
    trials(&mut tables, &mut found, version.as_deref())?;
    details(&mut tables, &mut found)?;
    tables.finish(input, &OWN, "optuna-sqlite", found.finish())
}

fn trials(tables: &mut Tables, found: &mut Trials, version: Option<&str>) -> Result<(), ProbeError> {
    let columns = ["trial_id", "study_id", "number", "state", "datetime_start", "datetime_complete"];
    tables.each("trials", columns, &mut |[id, study, number, state, started, ended]| {
        let Some(id) = id.integer() else { return true };
        let mut run = Run {
            started: started.text().and_then(settings::instant),
            ended: ended.text().and_then(settings::instant),
            framework_version: version.map(str::to_owned),
            ..Run::default()
        };
        state.text().into_iter().for_each(|state| set_state(&mut run, state));
        let study = key(study).unwrap_or_default();
        found.trials.insert(id, Trial { study, number: number.integer(), run });
        found.trials.len() < MAX_RUNS
    })?;
    if found.trials.len() >= MAX_RUNS {
        tables.note((Cause::OverBudget, format!("only {MAX_RUNS} of its trials were read")));
    }
    Ok(())
}

fn details(tables: &mut Tables, found: &mut Trials) -> Result<(), ProbeError> {
    let trials = &mut found.trials;
    let mut run_of = |id: &Value, each: &mut dyn FnMut(&mut Run)| {
        id.integer().and_then(|id| trials.get_mut(&id)).into_iter().for_each(|trial| each(&mut trial.run));
        true
    };
    // The number stands for a choice, whose text is in the distribution.
    tables.each("trial_params", ["trial_id", "param_name"], &mut |[id, name]| {
        run_of(id, &mut |run| settings::param(run, name.text().unwrap_or_default(), ""))
    })?;
    tables.each("trial_user_attributes", ["trial_id", "key", "value_json"], &mut |[id, name, json]| {
        let (Some(name), Some(json)) = (name.text(), json.text()) else { return true };
        run_of(id, &mut |run| attribute(run, name, json))
    })?;
    tables.each("trial_intermediate_values", ["trial_id", "step"], &mut |[id, step]| {
        let step = step.integer().and_then(|step| u64::try_from(step).ok());
        run_of(id, &mut |run| run.last_step = run.last_step.max(step))
    })
}
