//! Tables kept as text: delimited fields, JSON records.

mod charset;
pub(in crate::probe) mod delimited;
mod dialect;
pub(in crate::probe) mod document;
mod flatten;
pub(in crate::probe) mod json;
mod layout;
mod sort;
