//! sig
/// Bytes of an entry's beginning.
pub const HEAD: usize = 4096;
