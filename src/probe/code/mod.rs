//! Source and configuration of models and their training.
//!
//! A probe says what one file is for; which files belong together, and whether they are one's own, is for `assemble/code`.

pub(crate) mod config;
pub(crate) mod notebook;
pub(crate) mod orchestration;
pub(crate) mod python;
pub(crate) mod r;
mod settings;
pub(crate) mod shell;
mod words;
pub(crate) mod workflow;
