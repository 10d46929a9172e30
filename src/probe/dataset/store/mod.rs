//! Databases and key-value stores that are one file.

pub(in super::super) mod sqlite;
