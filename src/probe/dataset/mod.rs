//! Probes of data.

pub(super) mod columnar;
mod literal;
mod message;
pub(super) mod npy;
mod npy_header;
pub(super) mod npz;
pub(super) mod sharded;
pub(super) mod text;
