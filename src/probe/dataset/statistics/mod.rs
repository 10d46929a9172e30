//! Files of statistics programs: SAS, SPSS, Stata and R. Their readers are our own: what there is in the registries
//! reads whole files, or allocates what a header declares, and none streams rows.

mod sas_format;
mod text;
pub(in crate::probe) mod xpt;
