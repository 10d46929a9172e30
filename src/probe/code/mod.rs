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

use crate::model::publishable;

/// Most names, paths and steps kept of a file, each.
const MAX_KEPT: usize = 200;

/// Puts a value into a list that does not have it, as it may be published under `key`.
fn keep(list: &mut Vec<String>, key: &str, value: &str) {
    if list.len() >= MAX_KEPT || value.is_empty() || list.iter().any(|kept| kept == value) {
        return;
    }
    let published = publishable(key, value);
    if !list.contains(&published) {
        list.push(published);
    }
}
