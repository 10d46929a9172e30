//! Sequences: FASTQ with qualities, FASTA without. Reads are counted by a walk over the lines; no base is kept.
//!
//! FASTQ after Cock et al., Nucleic Acids Research 38 (2010): four lines a read, as every sequencer has written it since
//! (the older wrapped form is not told apart from a broken file). FASTA as NCBI describes it.

use std::io::Read;

use super::super::super::stream::{Line, Stream};
use super::super::super::{Finding, Input, ProbeError};
use crate::model::{Dataset, Fact, TableFacts};

/// Bytes of a line that are looked at.
const MAX_LINE: usize = 1024;

fn found(input: &Input, rows: u64, outcome: Result<(), ProbeError>) -> Finding {
    let table = TableFacts {
        row_count: input.rows.then_some(rows),
        row_count_estimated: outcome.is_err(),
        ..TableFacts::default()
    };
    Finding::new(Fact::Dataset(Box::new(Dataset { table, ..Dataset::default() }))).ended_by(outcome)
}

fn is_sequence(line: &[u8]) -> bool {
    !line.is_empty() && line.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'.' | b'*' | b'-'))
}

/// Counts the reads of a FASTQ file.
pub(crate) fn fastq(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let mut lines = input.head.split(|&byte| byte == b'\n').map(|line| line.trim_ascii_end());
    let (name, bases, plus) = (lines.next(), lines.next(), lines.next());
    let is_name = |line: &[u8]| line.len() > 1 && line.starts_with(b"@");
    if !name.is_some_and(is_name) || !bases.is_some_and(is_sequence) || plus.is_some_and(|line| !line.starts_with(b"+"))
    {
        return Err(ProbeError::NotMine);
    }
    if !input.rows {
        return Ok(found(input, 0, Ok(())));
    }
    let mut rows = 0;
    let outcome = reads(&mut Stream::new(source), &mut rows);
    Ok(found(input, rows, outcome))
}

fn reads(stream: &mut Stream, rows: &mut u64) -> Result<(), ProbeError> {
    let mut line = Vec::new();
    loop {
        match stream.line(&mut line, MAX_LINE)? {
            Line::End => return Ok(()),
            _ if line.is_empty() => continue,
            _ if line.first() != Some(&b'@') => {
                return Err(ProbeError::Malformed("a read does not begin where one should".to_owned()));
            }
            _ => {}
        }
        for _ in 0..3 {
            if stream.line(&mut line, MAX_LINE)? == Line::End {
                return Err(ProbeError::Malformed("ends in the middle of a read".to_owned()));
            }
        }
        *rows = rows.saturating_add(1);
    }
}

/// Counts the sequences of a FASTA file.
pub(crate) fn fasta(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let mut lines = input.head.split(|&byte| byte == b'\n').map(|line| line.trim_ascii_end());
    if !lines.next().is_some_and(|line| line.len() > 1 && line.starts_with(b">"))
        || !lines.next().is_some_and(is_sequence)
    {
        return Err(ProbeError::NotMine);
    }
    if !input.rows {
        return Ok(found(input, 0, Ok(())));
    }
    let (mut stream, mut line, mut rows) = (Stream::new(source), Vec::new(), 0u64);
    let outcome = loop {
        match stream.line(&mut line, MAX_LINE) {
            Err(error) => break Err(error.into()),
            Ok(Line::End) => break Ok(()),
            Ok(_) => rows = rows.saturating_add(u64::from(line.first() == Some(&b'>'))),
        }
    };
    Ok(found(input, rows, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(
        look: fn(&Input, &mut dyn Read) -> Result<Finding, ProbeError>,
        text: &str,
    ) -> Result<(Option<u64>, usize), ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let mut source = text.as_bytes();
        let finding = look(&Input::new(&blob, text.as_bytes()), &mut source)?;
        Ok((finding.fact.dataset().unwrap().table.row_count, finding.notes.len()))
    }

    #[test]
    fn reads_are_counted() {
        assert_eq!(run(fastq, "@r1\nACGT\n+\n@@@@\n@r2 x\r\nAC\r\n+r2\r\n!!\r\n").unwrap(), (Some(2), 0));
        assert_eq!(run(fastq, "@r1\nACGT\n+\n@@@@\n@r2\nAC").unwrap(), (Some(1), 1));
        assert_eq!(run(fasta, ">a b\nACGT\nAC\n>b\nMKV*\n").unwrap(), (Some(2), 0));
        for text in ["", "@", "@user hello\nhow are you?\n", "@r\nACGT\n-\n!!!!\n"] {
            assert!(matches!(run(fastq, text), Err(ProbeError::NotMine)), "{text}");
        }
        for text in ["", ">", "> quoted\n> mail\n", ">a\n\n"] {
            assert!(matches!(run(fasta, text), Err(ProbeError::NotMine)), "{text}");
        }
    }
}
