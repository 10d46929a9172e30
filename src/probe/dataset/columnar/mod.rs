//! Tables that are stored by column.
//!
//! Libraries read their pages and batches; what hostile bytes could make a library do (allocate by a declared length,
//! recurse, inflate without end) is held against bounds here, before it sees them.

pub(in super::super) mod arrow_ipc;
mod arrow_message;
mod arrow_rows;
pub(in super::super) mod avro;
mod avro_schema;
mod codec;
pub(in super::super) mod feather;
pub(in super::super) mod orc;
pub(in super::super) mod parquet;
mod parquet_footer;
mod parquet_rows;
mod thrift;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::ProbeError;

/// Runs a library over bytes that may be broken. What it says of them is not passed on, since it may quote them; where
/// it panics, the bytes are to blame.
fn guarded<T, E>(what: &str, run: impl FnOnce() -> Result<T, E>) -> Result<T, ProbeError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        _ => Err(ProbeError::Malformed(format!("{what} cannot be decoded"))),
    }
}
