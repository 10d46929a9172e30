//! The declarative rules of `signatures/`: what a thing is called, what its bytes look like, what it says and why it
//! matters.
//!
//! The split: a signature may recognise and lift; anything that needs arithmetic on offsets, a second read or a loop
//! is a probe, in Rust. Never here: reading a place (the caller hands over bytes), a condition inside a rule.
//!
//! Where to go next: [`Signature`] is one file, [`Signatures`] the compiled set, [`Signatures::identify`] the match,
//! [`Signatures::check`] the self-check that `blastmap signatures check` and the tests run.

mod check;
mod keys;
mod lift;
mod load;
mod matcher;
mod names;
mod schema;
mod set;

pub use check::Problem;
pub use load::LoadError;
pub use matcher::View;
pub use schema::{Example, Magic, Matchers, Signature};
pub use set::{Match, Signatures, Walk, Want};

/// Bytes of an entry's beginning that are read before anything is known of it.
pub const HEAD: usize = 4096;

/// Bytes of an entry's beginning that `text` and `keys` see.
pub const TEXT: usize = 64 << 10;

/// Bytes of an entry's beginning that lifts see.
pub const LIFT: usize = 1 << 20;
