//! Databases, key-value stores and workbooks that are one file.

pub(in super::super) mod duckdb;
mod lines;
pub(in super::super) mod lmdb;
pub(in super::super) mod ods;
pub(in super::super) mod sqlite;
pub(in super::super) mod sqlite_log;
pub(in super::super) mod xls;
pub(in super::super) mod xlsx;
pub(in super::super) mod xml;
