//! Tables kept as text: delimited fields, JSON records.

mod charset;
pub(in crate::probe) mod delimited;
mod dialect;
mod flatten;
pub(in crate::probe) mod json;
mod sort;
