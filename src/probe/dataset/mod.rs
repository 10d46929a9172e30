//! Probes of data.

pub(super) mod array;
pub(super) mod clinical;
pub(super) mod columnar;
pub(super) mod genomic;
mod json_rows;
mod literal;
pub(super) mod npy;
mod npy_header;
pub(super) mod npz;
pub(super) mod pointer;
pub(super) mod sharded;
pub(super) mod statistics;
pub(super) mod store;
pub(super) mod text;
