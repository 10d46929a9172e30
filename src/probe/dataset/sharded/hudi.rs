//! The properties of a Hudi table: the directory around `.hoodie` is one. Which of its files are the newest stands in
//! their names.
//!
//! After the technical specification of Apache Hudi (hudi.apache.org/tech-specs), versions 5 to 8 of the table format.

use super::super::super::{Finding, Input, ProbeError, kit};
use crate::model::{Dataset, Fact, publishable};

const MAX_FILE: u64 = 1 << 20;

/// Reads the properties.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_FILE).map_err(|_| ProbeError::NotMine)?;
    let text = String::from_utf8_lossy(&text);
    let value = |key: &str| {
        let of = |line: &str| Some(line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim().to_owned());
        text.lines().find_map(of).filter(|value| !value.is_empty())
    };
    let name = value("hoodie.table.name").ok_or(ProbeError::NotMine)?;
    let description = value("hoodie.table.type").map(|kind| publishable("table_type", &kind));
    let dataset = Dataset { schema_name: Some(publishable("table", &name)), description, ..Dataset::default() };
    Ok(Finding::new(Fact::Dataset(Box::new(dataset))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    #[test]
    fn properties_name_the_table() {
        let look = |text: &str| {
            let blob = Memory::new(text.as_bytes());
            probe(&Input::new(&blob, text.as_bytes())).map(|finding| finding.fact.dataset().cloned().unwrap())
        };
        let dataset = look("#written\nhoodie.table.type=MERGE_ON_READ\nhoodie.table.name = visits\n").unwrap();
        assert_eq!(dataset.schema_name.as_deref(), Some("visits"));
        assert_eq!(dataset.description.as_deref(), Some("MERGE_ON_READ"));
        assert!(look("hoodie.table.name=\n").is_err() && look("").is_err() && look("\u{0}\u{1}=").is_err());
    }
}
