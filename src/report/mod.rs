//! An inventory → a writer, in formats whose types are their own: a change of the model does not change a contract by
//! accident.

mod jsonl;
mod table;

pub use jsonl::{SCHEMA, schema, write as write_jsonl};
pub use table::{Style, write as write_table};
