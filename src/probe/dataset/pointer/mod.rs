//! Small files that stand for large ones which lie elsewhere: their size and hash are what is known of the data.

pub(in crate::probe) mod annex;
pub(in crate::probe) mod dvc;
pub(in crate::probe) mod lfs;
