//! Files and stores of arrays.

mod anndata;
mod frame;
pub(in super::super) mod hdf5;
mod hdf5_tree;
mod pytables;
