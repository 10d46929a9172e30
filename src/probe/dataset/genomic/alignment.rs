//! Alignments of reads: SAM as text, BAM as its binary form, CRAM as its columns.
//!
//! After "Sequence Alignment/Map Format Specification" and "CRAM format specification (version 3.1)"
//! (samtools.github.io/hts-specs). BAM arrives here unpacked: BGZF is gzip. Records are counted and never decoded.

use std::io::Read;

use super::super::super::stream::{Line, Stream};
use super::super::super::{Finding, Input, ProbeError};
use super::cram;
use super::sam_header::SamHeader;
use crate::model::Fact;

/// Longest header that is read.
const MAX_HEADER: usize = 16 << 20;
const MAX_LINE: usize = 64 << 10;
/// Longest name of a reference sequence.
const MAX_NAME: usize = 4096;

type Outcome = Result<(), ProbeError>;

fn found(input: &Input, header: SamHeader, rows: u64, outcome: Outcome) -> Finding {
    let facts = header.facts(input, input.rows.then_some(rows), outcome.is_err());
    Finding::new(Fact::Dataset(Box::new(facts))).ended_by(outcome)
}

/// Reads the header of a BAM file and counts its records.
pub(crate) fn bam(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !input.head.starts_with(b"BAM\x01") {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    stream.skip(4)?;
    let length = stream.u32()?;
    let text = stream.vec(length.into(), MAX_HEADER)?;
    let mut header = SamHeader::default();
    header.text(&text);
    let mut rows = 0u64;
    let outcome = bam_records(input, &mut stream, &mut header, &mut rows);
    Ok(found(input, header, rows, outcome))
}

fn bam_records(input: &Input, stream: &mut Stream, header: &mut SamHeader, rows: &mut u64) -> Outcome {
    let references = stream.u32()?;
    let is_named = !header.references.is_empty();
    for _ in 0..references {
        let length = stream.u32()?;
        let name = stream.vec(length.into(), MAX_NAME)?;
        stream.skip(4)?;
        if !is_named {
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            header.reference(&String::from_utf8_lossy(name.get(..end).unwrap_or_default()));
        }
    }
    if !input.rows {
        return Ok(());
    }
    while !stream.is_over()? {
        let length = stream.u32()?;
        if length < 32 {
            return Err(ProbeError::Malformed("a record is shorter than its fixed part".to_owned()));
        }
        stream.skip(length.into())?;
        *rows = rows.saturating_add(1);
    }
    Ok(())
}

/// Reads the header of a SAM file and counts its lines.
pub(crate) fn sam(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let is_header = |line: &[u8]| line.starts_with(b"@") && line.get(3) == Some(&b'\t');
    if !is_header(input.head) {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    let (mut header, mut rows, mut line) = (SamHeader::default(), 0u64, Vec::new());
    let outcome = loop {
        match stream.line(&mut line, MAX_LINE) {
            Err(error) => break Err(error.into()),
            Ok(Line::End) => break Ok(()),
            Ok(_) if rows == 0 && is_header(&line) => header.line(&line),
            Ok(_) if !input.rows => break Ok(()),
            Ok(_) => rows = rows.saturating_add(u64::from(!line.is_empty())),
        }
    };
    Ok(found(input, header, rows, outcome))
}

/// Reads the header of a CRAM file, and of each container how many records it holds.
pub(crate) fn cram(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !matches!(input.head, [b'C', b'R', b'A', b'M', 1..=4, ..]) {
        return Err(ProbeError::NotMine);
    }
    let mut stream = Stream::new(source);
    let mut header = SamHeader::default();
    let mut rows = 0u64;
    let outcome = cram::read(&mut stream, input.rows, &mut |text| header.text(text), &mut rows);
    Ok(found(input, header, rows, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;
    use crate::model::Dataset;

    fn run(
        look: fn(&Input, &mut dyn Read) -> Result<Finding, ProbeError>,
        bytes: &[u8],
    ) -> Result<(Dataset, usize), ProbeError> {
        let blob = Memory::new(bytes);
        let mut source = bytes;
        let finding = look(&Input::new(&blob, bytes), &mut source)?;
        Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
    }

    const HEAD: &str = "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:9\n@RG\tID:a\tSM:ANNA\n@RG\tID:b\tSM:ANNA\n@PG\tID:x\tPN:bwa\n";

    #[test]
    fn text_and_binary_say_the_same() {
        let (text, notes) = run(sam, format!("{HEAD}r1\t0\nr2\t0\n").as_bytes()).unwrap();
        assert_eq!(notes, 0);
        let length = u32::try_from(HEAD.len()).unwrap().to_le_bytes();
        let record = [33u32.to_le_bytes().as_slice(), &[0; 33]].concat();
        let reference = b"\x01\0\0\0\x05\0\0\0chr1\0\x09\0\0\0";
        let file = [b"BAM\x01".as_slice(), &length, HEAD.as_bytes(), reference, &record, &record].concat();
        let (binary, notes) = run(bam, &file).unwrap();
        assert_eq!((binary.table.row_count, notes), (Some(2), 0));
        assert_eq!(binary, text);
        assert_eq!((text.table.distinct_subjects, text.references), (Some(1), vec!["chr1".to_owned()]));
        assert_eq!(text.created_by.as_deref(), Some("bwa"));
        for size in 0..file.len() {
            let _ = run(bam, &file[..size]);
        }
        assert_eq!(run(bam, &file[..file.len() - 1]).unwrap().1, 1);
        assert!(run(bam, &[b"BAM\x01".as_slice(), &[0xff; 40]].concat()).is_err());
    }
}
