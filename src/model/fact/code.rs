//! Facts of source and configuration.

use schemars::JsonSchema;
use serde::Serialize;

use super::{fill_list, fill_text, no_list};

/// Facts of source or configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Code {
    /// `model_definition`, `training_script`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Classes it defines.
    #[serde(skip_serializing_if = "no_list")]
    pub classes: Vec<String>,
    /// Top-level modules it imports.
    #[serde(skip_serializing_if = "no_list")]
    pub imports: Vec<String>,
    /// The model type it registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
}

impl Code {
    /// See [`super::Fact::set`].
    pub(super) fn set(&mut self, field: &str, values: &[String]) -> bool {
        match field {
            "kind" => fill_text(&mut self.kind, values),
            "imports" => fill_list(&mut self.imports, values),
            "model_type" => fill_text(&mut self.model_type, values),
            "classes" => fill_list(&mut self.classes, values),
            _ => return false,
        }
        true
    }
}
