//! What a recognised entry says: a closed set of flat structs, one a family, whose field names are the vocabulary of
//! the inventory contract.
//!
//! Never here: a free map of facts. A new fact is a field; a field that a signature lifts is an arm of `set`.
//! Everything is optional, since a parser that stops half-way still reports what it has read.

mod code;
mod dataset;
mod infra;
mod join;
mod run;
mod table;
mod weights;

use schemars::JsonSchema;
use serde::Serialize;

pub use code::Code;
pub use dataset::{Dataset, Part, Parts, keep};
pub use infra::{Infra, Nodes};
pub use run::Run;
pub use table::{Declared, LOWEST, People, REGISTERS, Risk, Sketch, SubjectKind, TableFacts, estimate_distinct, raise};
pub use weights::Weights;

use super::Family;

/// The facts of one sighting or asset.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Fact {
    /// Of a model, or of a file that belongs to one.
    Weights(Box<Weights>),
    /// Of data.
    Dataset(Box<Dataset>),
    /// Of a training run, or of a file that belongs to one.
    Run(Box<Run>),
    /// Of source or configuration.
    Code(Box<Code>),
    /// Of a map or key of machines.
    Infra(Box<Infra>),
    /// Recognised, and nothing more is read from it.
    None {},
}

/// A signature lifts into a field the family does not have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no liftable fact '{field}' in family '{family}'")]
pub struct UnknownField {
    field: String,
    family: &'static str,
}

impl Fact {
    /// The empty facts of a family.
    pub fn empty(family: Family) -> Fact {
        match family {
            Family::Weights => Fact::Weights(Box::default()),
            Family::Dataset => Fact::Dataset(Box::default()),
            Family::Run => Fact::Run(Box::default()),
            Family::Code => Fact::Code(Box::default()),
            Family::Infra => Fact::Infra(Box::default()),
            Family::Image | Family::Container => Fact::None {},
        }
    }

    /// The family these are facts of. A framework's file may hold data where its signature expects weights.
    pub fn family(&self) -> Option<Family> {
        match self {
            Fact::Weights(_) => Some(Family::Weights),
            Fact::Dataset(_) => Some(Family::Dataset),
            Fact::Run(_) => Some(Family::Run),
            Fact::Code(_) => Some(Family::Code),
            Fact::Infra(_) => Some(Family::Infra),
            Fact::None {} => None,
        }
    }

    /// Puts lifted texts into `field`: the first one where the field holds one, all of them where it holds a list.
    ///
    /// # Errors
    /// [`UnknownField`] where the family has no such liftable field; `values` may be empty to ask only that.
    pub fn set(&mut self, field: &str, values: &[String]) -> Result<(), UnknownField> {
        let (known, family) = match self {
            Fact::Weights(weights) => (weights.set(field, values), "weights"),
            Fact::Dataset(_) => (false, "dataset"),
            Fact::Run(run) => (run.set(field, values), "run"),
            Fact::Code(code) => (code.set(field, values), "code"),
            Fact::Infra(infra) => (infra.set(field, values), "infra"),
            Fact::None {} => (false, "none"),
        };
        if known { Ok(()) } else { Err(UnknownField { field: field.to_owned(), family }) }
    }

    /// The dataset facts, if that is what they are.
    pub fn dataset(&self) -> Option<&Dataset> {
        match self {
            Fact::Dataset(dataset) => Some(dataset),
            _ => None,
        }
    }

    /// The facts of a run, if that is what they are.
    pub fn run(&self) -> Option<&Run> {
        match self {
            Fact::Run(run) => Some(run),
            _ => None,
        }
    }

    /// The facts of code, if that is what they are.
    pub fn code(&self) -> Option<&Code> {
        match self {
            Fact::Code(code) => Some(code),
            _ => None,
        }
    }

    /// The weights facts, if that is what they are.
    pub fn weights(&self) -> Option<&Weights> {
        match self {
            Fact::Weights(weights) => Some(weights),
            _ => None,
        }
    }
}

/// Puts the first value into a text field that has none yet.
fn fill_text(field: &mut Option<String>, values: &[String]) {
    if field.is_none() {
        *field = values.first().cloned();
    }
}

/// Appends the values a list does not have yet, in order.
fn fill_list(field: &mut Vec<String>, values: &[String]) {
    for value in values {
        if !field.contains(value) {
            field.push(value.clone());
        }
    }
}

fn no_list<T>(list: &[T]) -> bool {
    list.is_empty()
}
