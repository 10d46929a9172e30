//! Probes of data.

pub(super) mod array;
mod literal;
pub(super) mod npy;
mod npy_header;
pub(super) mod npz;
pub(super) mod store;
