//! Sequences, alignments and variants. Names of samples are keys of people: counted, never told.

pub(in crate::probe) mod alignment;
mod cram;
pub(in crate::probe) mod genotypes;
pub(in crate::probe) mod plink;
mod sam_header;
mod samples;
pub(in crate::probe) mod sequence;
pub(in crate::probe) mod variants;
