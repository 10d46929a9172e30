//! Probes of data.

pub(super) mod columnar;
mod literal;
pub(super) mod npy;
mod npy_header;
pub(super) mod npz;
pub(super) mod text;
