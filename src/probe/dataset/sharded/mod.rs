//! Datasets that are spread over files, and the logs and indexes that list them.

pub(in super::super) mod delta;
mod example;
pub(in super::super) mod hf;
pub(in super::super) mod hudi;
pub(in super::super) mod iceberg;
pub(in super::super) mod lance;
pub(in super::super) mod mds;
pub(in super::super) mod megatron;
pub(in super::super) mod raw_tokens;
pub(in super::super) mod tfrecord;
pub(in super::super) mod webdataset;

use super::super::Input;
use crate::model::TableFacts;
use crate::table::Column;

/// The facts of a table of which only the names of the columns are known.
fn by_name(input: &Input, columns: Vec<String>) -> TableFacts {
    let mut table = input.table();
    for column in columns {
        table.column(Column::named(column));
    }
    table.cut();
    TableFacts { row_count: None, row_count_estimated: false, ..table.finish() }
}
