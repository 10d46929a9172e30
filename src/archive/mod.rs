//! Indexes of archives: where members lie, whatever is done with them.
//!
//! Both the probes (which look into a zip for what a framework puts there) and the unpackers (which hand members to the
//! engine) read archives through here. Never here: recursion, a format of the layers above, more of a member than the caller allows.
//! Own readers rather than a crate's, since members must be addressable as ranges of the parent blob, entry counts and
//! names bounded before they are held, and a tar readable both by position and as a stream.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod chunk;
pub mod hdf5;
pub mod sevenz;
pub mod sqlite;
pub mod tar;
pub mod zip;
