//! Training runs, one tracker a file.
//!
//! A probe gives what one file says as [`crate::model::Run`]; which files are one run is for `assemble/run`. Values of
//! parameters, metrics and environments stay here: their names are published, and paths, hosts, accounts and commands as
//! [`crate::model::publishable`] gives them.

pub(super) mod aim;
mod arguments;
pub(super) mod catboost;
pub(super) mod clearml;
pub(super) mod comet;
pub(super) mod dvclive;
pub(super) mod guild;
pub(super) mod hydra;
pub(super) mod keras_tuner;
pub(super) mod lightning;
pub(super) mod log;
pub(super) mod mlflow;
pub(super) mod mlflow_sqlite;
pub(super) mod neptune;
mod nodelist;
mod offline_zip;
pub(super) mod optuna;
pub(super) mod paths;
pub(super) mod ray;
pub(super) mod sacred;
mod settings;
pub(super) mod submitit;
mod tables;
pub(super) mod tfevents;
pub(super) mod trainer;
pub(super) mod wandb;
pub(super) mod workflow;
