//! Probes of data.

pub(super) mod clinical;
pub(super) mod genomic;
mod json_rows;
mod literal;
pub(super) mod npy;
mod npy_header;
pub(super) mod npz;
pub(super) mod statistics;
pub(super) mod text;
