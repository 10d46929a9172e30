//! The text header that SAM, BAM and CRAM share: tab-separated fields behind two-letter words.

use super::super::super::Input;
use super::samples::dataset;
use crate::model::{Dataset, publishable};

const MAX_REFERENCES: usize = 200;
const MAX_SAMPLES: usize = 1 << 20;

/// What it says.
#[derive(Default)]
pub(super) struct SamHeader {
    samples: Vec<String>,
    /// Reference sequences, in order, as far as they are named.
    pub(super) references: Vec<String>,
    program: Option<String>,
}

impl SamHeader {
    /// One line of it.
    pub(super) fn line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let mut fields = line.trim_end().split('\t');
        let word = fields.next().unwrap_or_default();
        let field = |key: &str| fields.clone().find_map(|field| field.strip_prefix(key)).map(str::to_owned);
        match word {
            "@RG" if self.samples.len() < MAX_SAMPLES => {
                let sample = field("SM:").filter(|sample| !sample.is_empty());
                self.samples.extend(sample.filter(|sample| self.samples.last() != Some(sample)));
            }
            "@SQ" => self.reference(&field("SN:").unwrap_or_default()),
            "@PG" if self.program.is_none() => {
                self.program = field("PN:").or_else(|| field("ID:")).map(|name| publishable("program", &name));
            }
            _ => {}
        }
    }

    /// A reference sequence.
    pub(super) fn reference(&mut self, name: &str) {
        if self.references.len() < MAX_REFERENCES && !name.is_empty() {
            self.references.push(publishable("reference", name));
        }
    }

    /// Every line of a text.
    pub(super) fn text(&mut self, text: &[u8]) {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        text.get(..end).unwrap_or_default().split(|&byte| byte == b'\n').for_each(|line| self.line(line));
    }

    /// Facts of a file with this header and so many records.
    pub(super) fn facts(self, input: &Input, rows: Option<u64>, cut: bool) -> Dataset {
        let mut samples = self.samples;
        samples.sort_unstable();
        samples.dedup();
        Dataset {
            references: self.references,
            created_by: self.program,
            genotype_data: Some(!samples.is_empty()),
            ..dataset(input, &samples, rows, cut)
        }
    }
}
