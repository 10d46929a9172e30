//! Maps and keys of machines and services, one sort of file a file.

pub(super) mod job_script;
pub(super) mod recipe;
