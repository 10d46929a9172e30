//! Forged files of every byte order, word length and packing. SAS itself was not at hand to write them.
#![allow(clippy::arithmetic_side_effects, clippy::type_complexity)]

use super::*;
use crate::blob::Memory;
use crate::model::Cause;

const PAGE: usize = 4096;

/// What a forged file looks like.
#[derive(Clone, Copy)]
struct Make {
    wide: bool,
    big: bool,
    packed: bool,
    rows: u64,
}

impl Make {
    fn number(self, value: u64, len: usize) -> Vec<u8> {
        let bytes = value.to_le_bytes();
        let mut bytes = bytes[..len].to_vec();
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    fn word(self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    fn put(self, bytes: &mut [u8], at: usize, value: u64, len: usize) {
        bytes[at..at + len].copy_from_slice(&self.number(value, len));
    }

    fn header(self) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[..32].copy_from_slice(&MAGIC);
        bytes[32] = if self.wide { b'3' } else { b'"' };
        bytes[35] = b'3';
        bytes[37] = u8::from(!self.big);
        bytes[70] = 62;
        bytes[92..94].copy_from_slice(b"DM");
        self.put(&mut bytes, 200, 1024, 4);
        self.put(&mut bytes, 204, PAGE as u64, 4);
        self.put(&mut bytes, 208, 1, self.word());
        let release = 208 + self.word() + 8;
        bytes[release..release + 8].copy_from_slice(b"9.0401M6");
        bytes
    }

    fn signature(self, low: u32) -> Vec<u8> {
        let high = if low < 0xf800_0000 { 0 } else { 0xffff_ffff_0000_0000 };
        self.number(u64::from(low) | high, self.word())
    }

    /// The place of a text in the only block, which begins behind the signature.
    fn place(self, text: &[u8], part: &[u8]) -> Vec<u8> {
        let at = (0..text.len()).position(|at| text[at..].starts_with(part)).unwrap() as u64;
        [self.number(0, 2), self.number(at, 2), self.number(part.len() as u64, 2)].concat()
    }

    fn subheaders(self) -> Vec<Vec<u8>> {
        let word = self.word();
        let mut text = b"........SUBJIDSubjectBIRTHDTDATEThe label".to_vec();
        if self.packed {
            text.extend(b"SASYZCRL");
        }
        let mut size = vec![0; if self.wide { 808 } else { 480 }];
        size[..word].copy_from_slice(&self.signature(0xf7f7_f7f7));
        for (nth, value) in [(5, 16), (6, self.rows), (15, 3)] {
            self.put(&mut size, nth * word, value, word);
        }
        let end = size.len();
        size[end - 130..end - 124].copy_from_slice(&self.place(&text, b"The label"));
        if self.packed {
            size[end - 118..end - 112].copy_from_slice(&self.place(&text, b"SASYZCRL"));
        }
        let count = [self.signature(0xf6f6_f6f6), self.number(2, word)].concat();
        let filling = vec![0; word + 4];
        let mut names = [self.signature(0xffff_ffff), vec![0; 8]].concat();
        let mut attributes = [self.signature(0xffff_fffc), vec![0; 8]].concat();
        for (name, at, width, kind) in [(&b"SUBJID"[..], 8, 8, 2), (b"BIRTHDT", 0, 8, 1)] {
            names.extend([self.place(&text, name), vec![0; 2]].concat());
            attributes.extend([self.number(at, word), self.number(width, 4), vec![0, 0, kind, 0]].concat());
        }
        names.extend(&filling);
        attributes.extend(&filling);
        let format = |format: &[u8], label: &[u8]| {
            let mut bytes = self.signature(0xffff_fbfe);
            bytes.resize(if self.wide { 46 } else { 34 }, 0);
            bytes.extend([self.place(&text, format), self.place(&text, label)].concat());
            bytes.resize(64, 0);
            bytes
        };
        let formats = [format(b"", b"Subject"), format(b"DATE", b"")];
        let block = [self.signature(0xffff_fffd), text.clone()].concat();
        let mut all = vec![size, count, block, names, attributes];
        all.extend(formats);
        all
    }

    fn row(self, number: u64) -> Vec<u8> {
        let day = self.number((number as f64).to_bits(), 8);
        [day, format!("S-{number:<6}").into_bytes()].concat()
    }

    fn file(self) -> Vec<u8> {
        let word = self.word();
        let mut page = vec![0; PAGE];
        let (base, step) = if self.wide { (40, 24) } else { (24, 12) };
        let mut parts: Vec<(Vec<u8>, u8, u8)> = self.subheaders().into_iter().map(|bytes| (bytes, 0, 0)).collect();
        if self.packed {
            for number in 0..3 {
                parts.push(([&[0x8f][..], &self.row(number)].concat(), PACKED, 1));
            }
        }
        self.put(&mut page, base - 8, if self.packed { 0 } else { u64::from(MIX) }, 2);
        self.put(&mut page, base - 4, parts.len() as u64, 2);
        let mut end = PAGE;
        for (nth, (bytes, how, sort)) in parts.iter().enumerate() {
            end -= bytes.len();
            page[end..end + bytes.len()].copy_from_slice(bytes);
            let at = base + nth * step;
            self.put(&mut page, at, end as u64, word);
            self.put(&mut page, at + word, bytes.len() as u64, word);
            page[at + 2 * word] = *how;
            page[at + 2 * word + 1] = *sort;
        }
        if !self.packed {
            let from = (base + parts.len() * step).next_multiple_of(8);
            let rows: Vec<u8> = (0..3).flat_map(|number| self.row(number)).collect();
            page[from..from + rows.len()].copy_from_slice(&rows);
        }
        [self.header(), page].concat()
    }
}

fn every() -> impl Iterator<Item = Make> {
    (0..8).map(|bits| Make { wide: bits & 1 > 0, big: bits & 2 > 0, packed: bits & 4 > 0, rows: 3 })
}

fn run(bytes: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
    let blob = Memory::new(bytes);
    let finding = probe(&Input::new(&blob, bytes))?;
    let notes = finding.notes.iter().map(|(cause, _)| *cause).collect();
    Ok((finding.fact.dataset().cloned().unwrap(), notes))
}

#[test]
fn every_machine_says_the_same() {
    let mut sketches = Vec::new();
    for make in every() {
        let (dataset, notes) = run(&make.file()).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(3), vec![]));
        assert_eq!(dataset.table.columns, ["SUBJID", "BIRTHDT"]);
        assert_eq!(dataset.created_by.as_deref(), Some("SAS 9.0401M6"));
        assert_eq!(dataset.encoding.as_deref(), Some("windows-1252"));
        assert_eq!(dataset.compression.is_some(), make.packed);
        sketches.push(dataset.table.sketch.unwrap().rows.unwrap());
    }
    sketches.dedup();
    assert_eq!(sketches.len(), 1, "the same rows, whoever wrote them");
}

#[test]
fn headers_alone_feed_no_row() {
    let bytes = Make { wide: true, big: false, packed: false, rows: 3 }.file();
    let blob = Memory::new(&bytes[..]);
    let finding = probe(&Input { rows: false, ..Input::new(&blob, &bytes) }).unwrap();
    let table = &finding.fact.dataset().unwrap().table;
    assert_eq!((table.row_count, table.columns.len(), finding.notes.len()), (Some(3), 2, 0));
}

#[test]
fn rows_that_are_not_there_are_told() {
    for make in every() {
        let (dataset, notes) = run(&Make { rows: u64::from(u32::MAX), ..make }.file()).unwrap();
        assert_eq!((dataset.table.row_count, notes), (Some(u64::from(u32::MAX)), vec![Cause::Malformed]));
    }
}

#[test]
fn cut_or_flipped_anywhere_it_fails_or_answers() {
    for make in every() {
        let whole = make.file();
        for size in (0..whole.len()).step_by(7) {
            assert!(run(&whole[..size]).is_err(), "{size}");
        }
        for at in (32..whole.len()).filter(|&at| whole[at] != 0) {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let _ = run(&bytes);
            }
        }
    }
}

#[test]
fn others() {
    assert!(matches!(run(b"SAS"), Err(ProbeError::NotMine)));
    assert!(run(&[&MAGIC[..], &[0xff; 2000]].concat()).is_err());
}
