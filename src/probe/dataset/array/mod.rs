//! Files and stores of arrays.

mod anndata;
mod frame;
pub(in super::super) mod hdf5;
mod hdf5_tree;
pub(in super::super) mod mat;
pub(in super::super) mod nifti;
mod pytables;
pub(in super::super) mod zarr;
