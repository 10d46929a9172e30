//! Files of statistics programs: SAS, SPSS, Stata and R. Their readers are our own: what there is in the registries
//! reads whole files, or allocates what a header declares, and none streams rows.

pub(in crate::probe) mod dta;
mod dta_types;
pub(in crate::probe) mod r_data;
mod r_object;
mod r_source;
pub(in crate::probe) mod sas7bdat;
mod sas7bdat_meta;
mod sas7bdat_rows;
mod sas_format;
pub(in crate::probe) mod sav;
mod sav_cases;
mod text;
pub(in crate::probe) mod xpt;
