//! Probes of data.

pub(super) mod clinical;
mod json_rows;
mod literal;
pub(super) mod npy;
mod npy_header;
pub(super) mod npz;
pub(super) mod statistics;
