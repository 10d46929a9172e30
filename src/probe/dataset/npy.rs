//! NumPy arrays: magic, version, a Python literal that says type and shape, then the elements.
//!
//! The elements are never read, and the pickle of an array of objects is not walked: that it is there is the finding.
//! What the header says of type and shape shows whether the file is whole.

use super::super::{Finding, Input, ProbeError};
use super::npy_header::Header;
use crate::blob::Cursor;
use crate::model::{Cause, Dataset, Fact, TableFacts};

/// Reads the header.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let header = Header::read(&mut Cursor::new(input.blob, 0))?;
    let end = header.end()?;
    let dtypes = header.dtypes()?;
    let dataset = Dataset {
        table: TableFacts { row_count: header.shape.first().copied(), ..TableFacts::default() },
        shape: Some(header.shape),
        dtypes,
        element_count: Some(header.elements),
        fortran_order: header.fortran_order.then_some(true),
        contains_pickle: header.element.is_pickled.then_some(true),
        ..Dataset::default()
    };
    let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
    if header.element.is_unknown {
        finding.notes.push((Cause::Unsupported, "has elements of a type that NumPy does not know".to_owned()));
    }
    let size = input.blob.size();
    match end {
        Some(end) if end > size && !input.blob.is_open_ended() => {
            finding.notes.push((Cause::Truncated, format!("its header describes {end} bytes, the file has {size}")));
        }
        // Arrays may be saved one behind the other; NumPy reads them one by one.
        Some(end) if end < size => {
            let detail = format!("what follows its first array, from byte {end} of {size} on, was not read");
            finding.notes.push((Cause::Unsupported, detail));
        }
        _ => {}
    }
    Ok(finding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{Memory, Prefix, ReadError};

    fn forge(version: u8, header: &str, data: usize) -> Vec<u8> {
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length[..] };
        [b"\x93NUMPY", [version, 0].as_slice(), length, header.as_bytes(), &vec![0; data]].concat()
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let blob = Memory::new(bytes);
        let finding = probe(&Input::new(&blob, bytes))?;
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    const GRID: &str = "{'descr': '>i4', 'fortran_order': True, 'shape': (20, 3), }\n";

    #[test]
    fn every_version_says_the_same() {
        for version in 1..=3 {
            let (dataset, notes) = run(&forge(version, GRID, 240)).unwrap();
            assert_eq!((dataset.table.row_count, dataset.element_count), (Some(20), Some(60)));
            assert_eq!((dataset.shape, dataset.fortran_order), (Some(vec![20, 3]), Some(true)));
            assert_eq!(dataset.dtypes, [("int32".to_owned(), 60)].into());
            assert_eq!((dataset.contains_pickle, notes), (None, vec![]));
        }
        let four = run(&forge(4, GRID, 240));
        assert!(matches!(four, Err(ProbeError::Unsupported(_))), "{four:?}");
    }

    #[test]
    fn a_single_value_and_objects() {
        let (dataset, notes) = run(&forge(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8)).unwrap();
        assert_eq!((dataset.table.row_count, dataset.shape, dataset.element_count), (None, Some(vec![]), Some(1)));
        assert_eq!((dataset.fortran_order, notes), (None, vec![]));
        let (dataset, notes) = run(&forge(1, "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 99)).unwrap();
        assert_eq!((dataset.contains_pickle, notes), (Some(true), vec![]));
        assert_eq!(dataset.dtypes, [("object".to_owned(), 2)].into());
    }

    #[test]
    fn a_cut_or_longer_file_is_told() {
        let whole = forge(1, GRID, 240);
        let header = whole.len() - 240;
        for size in 0..whole.len() {
            match run(&whole[..size]) {
                Ok((dataset, notes)) => {
                    assert_eq!((dataset.element_count, notes), (Some(60), vec![Cause::Truncated]), "{size}");
                    assert!(size >= header);
                }
                Err(error) => {
                    assert!(
                        size < header && matches!(error, ProbeError::Read(ReadError::Ended { .. })),
                        "{size} {error}"
                    );
                }
            }
        }
        assert_eq!(run(&[&whole[..], &whole].concat()).unwrap().1, [Cause::Unsupported]);
    }

    #[test]
    fn the_beginning_of_a_stream_is_not_a_cut_file() {
        let whole = forge(1, GRID, 240);
        let look = |blob: Prefix| probe(&Input::new(&blob, &whole[..16]));
        assert!(look(Prefix::new(&whole[..90], None)).unwrap().notes.is_empty());
        assert!(look(Prefix::new(&whole[..90], Some(whole.len() as u64))).unwrap().notes.is_empty());
        assert_eq!(look(Prefix::new(&whole[..90], Some(200))).unwrap().notes.len(), 1);
        assert!(matches!(look(Prefix::new(&whole[..30], None)), Err(ProbeError::Read(ReadError::NeedMore { .. }))));
    }

    #[test]
    fn hostile_headers() {
        let endless = [b"\x93NUMPY\x02\0".as_slice(), &u32::MAX.to_le_bytes(), b"{}"].concat();
        assert!(matches!(run(&endless), Err(ProbeError::Read(ReadError::TooLong { .. }))));
        let past_end = [b"\x93NUMPY\x03\0".as_slice(), &[0, 0, 15, 0], b"{}"].concat();
        assert!(matches!(run(&past_end), Err(ProbeError::Read(ReadError::Ended { .. }))));
        let deep = forge(2, &"{'descr': ".repeat(100_000), 0);
        assert!(matches!(run(&deep), Err(ProbeError::Malformed(_))));
        let huge = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 1024), }}", u64::MAX);
        assert!(matches!(run(&forge(1, &huge, 64)), Err(ProbeError::Malformed(_))));
        let (dataset, notes) = run(&forge(1, "{'descr': '|u9', 'fortran_order': False, 'shape': (7,), }", 64)).unwrap();
        assert_eq!((dataset.element_count, dataset.dtypes.len(), notes), (Some(7), 0, vec![Cause::Unsupported]));
        assert!(matches!(run(b"\x93NUMPX\x01\0\0\0"), Err(ProbeError::NotMine)));
    }
}
