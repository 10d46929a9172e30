//! Source and configuration of models and their training.

pub(crate) mod python;
