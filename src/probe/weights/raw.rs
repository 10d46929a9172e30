//! Constants without any header: a file that only the graph beside it can tell from noise.
//!
//! Nothing is read of it. It may as well be something packed under a name that says nothing, so its members are looked
//! at too.

use super::super::{Finding, Input, ProbeError};
use crate::model::Fact;

/// Takes everything but texts and files without content.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let is_text = input.head.iter().all(|byte| (0x20..0x7f).contains(byte) || byte.is_ascii_whitespace());
    if is_text {
        return Err(ProbeError::NotMine);
    }
    Ok(Finding { descend: true, ..Finding::new(Fact::Weights(Box::default())) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn texts_are_left_and_what_may_be_packed_is_looked_into() {
        let run = |head: &[u8]| probe(&Input::new(&Memory::new(head), head));
        assert!(run(b"PK\x03\x04").unwrap().descend);
        assert!(run(b"a text\r\n").is_err() && run(b"").is_err());
    }
}
