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
    /// Functions it defines at the top level.
    #[serde(skip_serializing_if = "no_list")]
    pub functions: Vec<String>,
    /// What it writes: `checkpoint`, `tensorboard`, `wandb`, …
    #[serde(skip_serializing_if = "no_list")]
    pub writes: Vec<String>,
    /// Formats of data it reads.
    #[serde(skip_serializing_if = "no_list")]
    pub reads_formats: Vec<String>,
    /// Columns of tables it names (`frame["age"]`).
    #[serde(skip_serializing_if = "no_list")]
    pub columns: Vec<String>,
    /// Paths of data, models and outputs it names.
    #[serde(skip_serializing_if = "no_list")]
    pub paths: Vec<String>,
    /// Name of the run a configuration is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_name: Option<String>,
    /// The framework whose configuration, orchestration or code it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework: Option<String>,
    /// Model it begins from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_model: Option<String>,
    /// Machines it names.
    #[serde(skip_serializing_if = "no_list")]
    pub hosts: Vec<String>,
    /// Steps, tasks or rules of an orchestration.
    #[serde(skip_serializing_if = "no_list")]
    pub steps: Vec<String>,
    /// Cells of a notebook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<u64>,
    /// Those of them that keep an output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells_with_output: Option<u64>,
    /// Tables among the outputs of a notebook: data that left with the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables_in_output: Option<u64>,
    /// Lines of code, comments and blank lines left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// Whether it is someone else's, and why: `vendored`, `generated`, `tutorial`, `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_own: Option<String>,
    /// The model type it registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// How many directories up the relative imports of a source lead: what is there is one package with it. Not told, as it
    /// says nothing that its place does not.
    #[serde(skip)]
    pub levels_up: usize,
}

impl Code {
    /// See [`super::Fact::set`].
    pub(super) fn set(&mut self, field: &str, values: &[String]) -> bool {
        match field {
            "kind" => fill_text(&mut self.kind, values),
            "imports" => fill_list(&mut self.imports, values),
            "model_type" => fill_text(&mut self.model_type, values),
            "functions" => fill_list(&mut self.functions, values),
            "writes" => fill_list(&mut self.writes, values),
            "reads_formats" => fill_list(&mut self.reads_formats, values),
            "paths" => fill_list(&mut self.paths, values),
            "run_name" => fill_text(&mut self.run_name, values),
            "framework" => fill_text(&mut self.framework, values),
            "base_model" => fill_text(&mut self.base_model, values),
            "hosts" => fill_list(&mut self.hosts, values),
            "steps" => fill_list(&mut self.steps, values),
            "classes" => fill_list(&mut self.classes, values),
            _ => return false,
        }
        true
    }

    /// Adds another file of the same asset: lists become the union, counts the sum, and what this one says of itself stands.
    pub fn add(&mut self, other: &Code) {
        macro_rules! first { ($($field:ident),*) => { $(
            if self.$field.is_none() { self.$field.clone_from(&other.$field); }
        )* } }
        macro_rules! union { ($($field:ident),*) => { $( fill_list(&mut self.$field, &other.$field); )* } }
        macro_rules! sum { ($($field:ident),*) => { $(
            if let Some(more) = other.$field {
                self.$field = Some(self.$field.unwrap_or_default().saturating_add(more));
            }
        )* } }
        first!(kind, run_name, framework, base_model, not_own, model_type);
        union!(classes, imports, functions, writes, reads_formats, paths, hosts, steps);
        sum!(cells, cells_with_output, tables_in_output, lines);
    }
}
