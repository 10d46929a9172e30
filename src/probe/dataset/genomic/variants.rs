//! Variant calls: VCF as text, BCF as its binary form (versions 2.x). One record a line, one column a sample.
//!
//! After "The Variant Call Format Specification" (VCF v4.5 and BCF v2.2, samtools.github.io/hts-specs). A compressed file
//! arrives here unpacked: BGZF is gzip. Records are counted and never decoded; genotypes are there or not.

use std::io::Read;

use super::super::super::stream::{Line, Stream};
use super::super::super::{Finding, Input, ProbeError};
use super::samples::dataset;
use crate::model::{Dataset, Fact, publishable};

/// Longest line of a header: the one that names every sample of a biobank.
const MAX_LINE: usize = 16 << 20;
/// Bytes of a record that are kept: its fixed fields.
const MAX_KEPT: usize = 64 << 10;
/// Samples whose names are looked at.
const MAX_SAMPLES: usize = 1 << 20;
/// Reference sequences that are named.
const MAX_REFERENCES: usize = 200;

/// What a header says.
#[derive(Default)]
struct Header {
    samples: Vec<String>,
    references: Vec<String>,
    genotypes: bool,
    version: Option<String>,
    reference: Option<String>,
    has_columns: bool,
}

impl Header {
    fn line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if let Some(version) = line.strip_prefix("##fileformat=") {
            self.version = Some(publishable("fileformat", version.trim()));
        } else if let Some(reference) = line.strip_prefix("##reference=") {
            self.reference = Some(publishable("reference", reference.trim()));
        } else if let Some(contig) = line.strip_prefix("##contig=<") {
            let id = contig.split([',', '>']).find_map(|part| part.strip_prefix("ID="));
            if let Some(id) = id.filter(|_| self.references.len() < MAX_REFERENCES) {
                self.references.push(publishable("contig", id));
            }
        } else if line.starts_with("##FORMAT=<ID=GT,") {
            self.genotypes = true;
        } else if let Some(columns) = line.strip_prefix("#CHROM\t") {
            self.has_columns = true;
            let samples = columns.split('\t').skip_while(|name| *name != "FORMAT").skip(1);
            self.samples = samples.take(MAX_SAMPLES).map(|name| name.trim_end().to_owned()).collect();
        }
    }

    fn facts(self, input: &Input, rows: Option<u64>, cut: bool) -> Dataset {
        Dataset {
            genotype_data: Some(self.genotypes && !self.samples.is_empty()),
            references: self.references,
            schema_name: self.version,
            description: self.reference.map(|reference| format!("reference {reference}")),
            ..dataset(input, &self.samples, rows, cut)
        }
    }
}

/// Reads the header of a VCF file and counts its records.
pub(crate) fn vcf(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let head = input.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.head);
    if !head.starts_with(b"##fileformat=VCFv") {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    let (mut header, mut rows) = (Header::default(), 0u64);
    let outcome = lines(input, &mut stream, &mut header, &mut rows);
    let whole = input.rows && header.has_columns;
    let facts = header.facts(input, whole.then_some(rows), outcome.is_err());
    Ok(Finding::new(Fact::Dataset(Box::new(facts))).ended_by(outcome))
}

fn lines(input: &Input, stream: &mut Stream, header: &mut Header, rows: &mut u64) -> Result<(), ProbeError> {
    let mut line = Vec::new();
    loop {
        let allowed = if header.has_columns { MAX_KEPT } else { MAX_LINE };
        match stream.line(&mut line, allowed)? {
            Line::End if header.has_columns => return Ok(()),
            Line::End => return Err(ProbeError::Malformed("ends before its columns are named".to_owned())),
            _ if header.has_columns => {
                if !line.trim_ascii().is_empty() && line.first() != Some(&b'#') {
                    *rows = rows.saturating_add(1);
                }
            }
            Line::Long => return Err(ProbeError::Malformed("a line of its header is too long".to_owned())),
            Line::Whole if line.first() == Some(&b'#') || line.starts_with(b"\xef\xbb\xbf#") => header.line(&line),
            Line::Whole => return Err(ProbeError::Malformed("its header does not name its columns".to_owned())),
        }
        if header.has_columns && !input.rows {
            return Ok(());
        }
    }
}

/// Reads the header of a BCF file and counts its records.
pub(crate) fn bcf(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(b"BCF\x02") {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    stream.skip(5)?;
    let length = stream.u32()?;
    let text = stream.vec(length.into(), MAX_LINE)?;
    let mut header = Header::default();
    for line in text.split(|&byte| byte == b'\n') {
        let end = line.iter().position(|&byte| byte == 0).unwrap_or(line.len());
        header.line(line.get(..end).unwrap_or_default());
    }
    let mut rows = 0u64;
    let outcome = if input.rows { records(&mut stream, &mut rows) } else { Ok(()) };
    let facts = header.facts(input, input.rows.then_some(rows), outcome.is_err());
    Ok(Finding::new(Fact::Dataset(Box::new(facts))).ended_by(outcome))
}

fn records(stream: &mut Stream, rows: &mut u64) -> Result<(), ProbeError> {
    while !stream.is_over()? {
        let (shared, individual) = (u64::from(stream.u32()?), u64::from(stream.u32()?));
        if shared < 24 {
            return Err(ProbeError::Malformed("a record is shorter than its fixed part".to_owned()));
        }
        stream.skip(shared.saturating_add(individual))?;
        *rows = rows.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const HEAD: &str = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=9>\n##FORMAT=<ID=GT,Number=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tANNA\tBO\n";

    fn run(
        look: fn(&Input, &mut dyn Read) -> Result<Finding, ProbeError>,
        bytes: &[u8],
    ) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(bytes);
        let mut source = bytes;
        let finding = look(&Input::new(&blob, bytes), &mut source)?;
        Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
    }

    #[test]
    fn records_are_counted_and_samples_are_people() {
        let text = format!("{HEAD}chr1\t1\n\nchr1\t2");
        let (facts, notes) = run(vcf, text.as_bytes()).unwrap();
        assert_eq!((facts.table.row_count, facts.sample_count, notes), (Some(2), Some(2), 0));
        assert_eq!((facts.genotype_data, facts.table.distinct_subjects), (Some(true), Some(2)));
        assert_eq!(facts.references, ["chr1"]);
        assert!(!serde_json::to_string(&facts).unwrap().contains("ANNA"));
        let (facts, notes) = run(vcf, &HEAD.as_bytes()[..40]).unwrap();
        assert_eq!((facts.table.row_count, notes), (None, 1));
        assert!(matches!(run(vcf, b"#fileformat"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn the_binary_form() {
        let record = [24u32.to_le_bytes(), 3u32.to_le_bytes()].concat();
        let header = [HEAD.as_bytes(), b"\0"].concat();
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        let file = [b"BCF\x02\x02".as_slice(), &length, &header, &record, &[0; 27], &record, &[0; 27]].concat();
        let (facts, notes) = run(bcf, &file).unwrap();
        assert_eq!((facts.table.row_count, facts.table.distinct_subjects, notes), (Some(2), Some(2), 0));
        for size in 0..file.len() {
            let _ = run(bcf, &file[..size]);
        }
        assert_eq!(run(bcf, &file[..file.len() - 1]).unwrap().1, 1);
        let endless = [b"BCF\x02\x02".as_slice(), &[0xff; 40]].concat();
        assert!(run(bcf, &endless).is_err());
    }
}
