//! An inventory → a writer, in formats whose types are their own: a change of the model does not change a contract by
//! accident.

mod human;
mod json;
mod jsonl;
mod table;

pub use human::{bytes as human_bytes, columns, count as human_count, pad, printable, shorten, wrap};
pub use json::write as write_json;
pub use jsonl::{SCHEMA, schema, write as write_jsonl};
pub use table::{Decisions, HEADING, QUIET, Summary, level_style, write as write_table};
