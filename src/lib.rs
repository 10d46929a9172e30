//! blastmap
pub mod archive;
pub mod blob;
pub mod model;
pub mod probe;
pub mod signature;
