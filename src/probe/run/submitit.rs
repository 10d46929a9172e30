//! The pickles of submitit: what a job was to do, and what it gave back.
//!
//! Follows `submitit/core/{utils,submission}.py`: a `DelayedSubmission`, and a pair of `success` or `error` and the value.
//! Nothing is unpickled; the class and the first word tell.

use crate::model::{Fact, Run};
use crate::probe::{Finding, Input, ProbeError};

/// Recognises either.
pub(crate) fn pickle(input: &Input) -> Result<Finding, ProbeError> {
    let beginning = input.head.get(..64).unwrap_or(input.head);
    let has = |sign: &[u8]| beginning.windows(sign.len()).any(|part| part == sign);
    if !beginning.starts_with(&[0x80]) || !(has(b"submitit.core") || has(b"\x8c\x07success") || has(b"\x8c\x05error")) {
        return Err(ProbeError::NotMine);
    }
    let failed = has(b"\x8c\x05error").then_some(true);
    Ok(Finding::new(Fact::Run(Box::new(Run { contains_pickle: Some(true), failed, ..Run::default() }))))
}
