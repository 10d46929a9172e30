//! Datasets that are spread over files, and the logs and indexes that list them.

pub(in super::super) mod delta;
mod example;
pub(in super::super) mod hf;
pub(in super::super) mod iceberg;
pub(in super::super) mod lance;
pub(in super::super) mod mds;
pub(in super::super) mod megatron;
pub(in super::super) mod raw_tokens;
pub(in super::super) mod tfrecord;
pub(in super::super) mod webdataset;
