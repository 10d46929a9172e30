//! The filesets of PLINK: genotypes as bits (`.bed`, `.pgen`) or as letters (`.ped`), their samples (`.fam`, `.psam`) and
//! their variants (`.bim`, `.map`, `.pvar`).
//!
//! After the file formats of PLINK 1.9 and 2.0 (cog-genomics.org/plink). Only what the files say of their extent is read:
//! no genotype is looked at. Names of samples are keys of people: counted, never told.

use std::collections::BTreeSet;
use std::io::Read;

use super::super::super::stream::{Line, Stream};
use super::super::super::{Finding, Input, ProbeError};
use super::samples::dataset;
use crate::blob::Cursor;
use crate::model::{Dataset, Fact};

/// Bytes of a line that are kept: its leading fields.
const MAX_KEPT: usize = 4 << 10;
/// Samples whose names are looked at.
const MAX_SAMPLES: usize = 1 << 20;

/// Genotypes of PLINK 1 as bits: nothing but a mark before them.
pub(crate) fn bed(input: &Input) -> Result<Finding, ProbeError> {
    match input.head {
        [0x6c, 0x1b, 0 | 1, ..] => Ok(found(Dataset { genotype_data: Some(true), ..Dataset::default() })),
        _ => Err(ProbeError::NotMine),
    }
}

/// Genotypes of PLINK 2: the mark is followed by how many variants and samples there are.
pub(crate) fn pgen(input: &Input) -> Result<Finding, ProbeError> {
    let [0x6c, 0x1b, 2..=4 | 0x10 | 0x11 | 0x20 | 0x21, ..] = input.head else { return Err(ProbeError::NotMine) };
    let mut dataset = Dataset { genotype_data: Some(true), ..Dataset::default() };
    let mut cursor = Cursor::new(input.blob, 3);
    let (variants, samples) = (u64::from(cursor.u32()?), u64::from(cursor.u32()?));
    // Where the counts are kept in the index, these are all ones or nothing.
    if variants > 0 && variants < u64::from(u32::MAX >> 1) {
        dataset.table.row_count = Some(variants);
    }
    if samples > 0 && samples < u64::from(u32::MAX >> 1) {
        dataset.sample_count = Some(samples);
        dataset.table.distinct_subjects = Some(samples);
    }
    Ok(found(dataset))
}

/// Genotypes as letters, one sample a line.
pub(crate) fn ped(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !is_ped(input.head) {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    let mut samples = Samples::default();
    let outcome = each(&mut stream, |fields, _| samples.add(fields.first(), fields.get(1)));
    let mut facts = samples.facts(input, None, outcome.is_err());
    facts.genotype_data = Some(true);
    Ok(found(facts).ended_by(outcome))
}

/// Whether a beginning is of samples: a matrix of small numbers has the same shape, and neither names that are nobody else's
/// nor letters.
fn is_ped(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut names = BTreeSet::new();
    let mut has_letters = false;
    for line in text.lines().take(20) {
        let mut fields = line.split_whitespace();
        let (Some(family), Some(own)) = (fields.next(), fields.next()) else { continue };
        // No sample is called 0: that is how a parent who is not known is written.
        if own == "0" || !names.insert((family, own)) {
            return false;
        }
        has_letters |= fields.skip(4).any(|allele| matches!(allele, "A" | "C" | "G" | "T" | "a" | "c" | "g" | "t"));
    }
    has_letters || names.len() > 2
}

/// The samples of a fileset, one a line; those of PLINK 2 have a line that names the fields.
pub(crate) fn samples(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let mut stream = Stream::new(source);
    let mut samples = Samples::default();
    // Family and sample, where nothing names them.
    let (mut family, mut own) = (Some(0), 1);
    let outcome = each(&mut stream, |fields, line| {
        if let Some(header) = line.strip_prefix('#') {
            let names: Vec<&str> = header.split_whitespace().collect();
            let place = |name: &str| names.iter().position(|field| field.eq_ignore_ascii_case(name));
            if let Some(at) = place("IID") {
                (family, own) = (place("FID"), at);
            }
            return;
        }
        samples.add(family.and_then(|at| fields.get(at)), fields.get(own));
    });
    let facts = samples.facts(input, Some(samples.rows), outcome.is_err());
    Ok(found(facts).ended_by(outcome))
}

/// The variants of a fileset, one a line.
pub(crate) fn variants(_input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let mut stream = Stream::new(source);
    let mut rows = 0u64;
    let outcome = each(&mut stream, |_, line| rows = rows.saturating_add(u64::from(!line.starts_with('#'))));
    let mut facts = Dataset::default();
    facts.table.row_count = Some(rows);
    facts.table.row_count_estimated = outcome.is_err();
    Ok(found(facts).ended_by(outcome))
}

fn found(dataset: Dataset) -> Finding {
    Finding::new(Fact::Dataset(Box::new(dataset)))
}

/// The lines that hold something, with their leading fields.
fn each(stream: &mut Stream, mut line_of: impl FnMut(&[&str], &str)) -> Result<(), ProbeError> {
    let mut line = Vec::new();
    while stream.line(&mut line, MAX_KEPT)? != Line::End {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.is_empty() {
            let fields: Vec<&str> = text.split_whitespace().take(8).collect();
            line_of(&fields, text);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Samples {
    names: Vec<(String, String)>,
    rows: u64,
}

impl Samples {
    fn add(&mut self, family: Option<&&str>, own: Option<&&str>) {
        self.rows = self.rows.saturating_add(1);
        if let Some(own) = own.filter(|_| self.names.len() < MAX_SAMPLES) {
            self.names.push((family.map_or(String::new(), |&family| family.to_owned()), (*own).to_owned()));
        }
    }

    fn facts(&self, input: &Input, rows: Option<u64>, cut: bool) -> Dataset {
        // Members of a family may be numbered within it.
        let own: BTreeSet<&str> = self.names.iter().map(|(_, own)| own.as_str()).collect();
        let is_unique = own.len() == self.names.len();
        let names: Vec<String> = self
            .names
            .iter()
            .map(|(family, own)| if is_unique { own.clone() } else { format!("{family} {own}") })
            .collect();
        let mut facts = dataset(input, &names, rows, cut);
        facts.sample_count = Some(self.rows);
        if self.rows > names.len() as u64 {
            facts.table.distinct_subjects = Some(self.rows);
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn through(run: fn(&Input, &mut dyn Read) -> Result<Finding, ProbeError>, text: &str) -> Dataset {
        let blob = Memory::new(text.as_bytes());
        let finding = run(&Input::new(&blob, text.as_bytes()), &mut text.as_bytes()).unwrap();
        finding.fact.dataset().cloned().unwrap()
    }

    #[test]
    fn samples_are_people() {
        for (text, rows, people) in [
            ("F0 I0 0 0 2 -9\nF1 I1 0 0 2 -9\n\n", 2, 2),
            ("F0 1 0 0 2 -9\nF1 1 0 0 2 -9\nF1 2 1 0 2 -9\n", 3, 3),
            ("#IID\tSEX\nA\t1\nB\t2\n", 2, 2),
            ("##note\n#FID\tIID\tSEX\nA\tB\t1\n", 1, 1),
        ] {
            let dataset = through(samples, text);
            assert_eq!(
                (dataset.table.row_count, dataset.table.distinct_subjects),
                (Some(rows), Some(people)),
                "{text}"
            );
            assert!(!format!("{dataset:?}").contains("I0"));
        }
        let matrix = "0 1 0 0 1 1 0 1 1 0\n1 0 0 0 1 1 0 1 1 0\n";
        assert!(
            !is_ped(matrix.as_bytes()) && is_ped(b"1 1 0 0 1 1 1 2 2 2\n1 2 0 0 1 1 1 2 2 2\n1 3 0 0 1 1 1 2 2 2\n")
        );
        let dataset = through(ped, "F A 0 0 1 -9 A A C T\nF B 0 0 1 -9 A A C T\n");
        assert_eq!((dataset.sample_count, dataset.genotype_data), (Some(2), Some(true)));
        assert_eq!(through(variants, "##x\n#CHROM\tPOS\n1\t2\n1\t3\n").table.row_count, Some(2));
    }

    #[test]
    fn genotypes_are_told_by_their_mark() {
        let at = |run: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]| {
            let blob = Memory::new(bytes);
            run(&Input::new(&blob, bytes)).map(|finding| finding.fact.dataset().cloned().unwrap())
        };
        assert_eq!(at(bed, &[0x6c, 0x1b, 1, 0]).unwrap().genotype_data, Some(true));
        assert!(at(bed, &[0x6c, 0x1b, 9, 0]).is_err() && at(bed, &[]).is_err());
        let counted = at(pgen, &[0x6c, 0x1b, 0x10, 5, 0, 0, 0, 3, 0, 0, 0, 0x40]).unwrap();
        assert_eq!((counted.table.row_count, counted.sample_count), (Some(5), Some(3)));
        assert!(at(pgen, &[0x6c, 0x1b, 0x10, 5]).is_err());
    }
}
