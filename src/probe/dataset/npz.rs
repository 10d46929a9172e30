//! NumPy archives: a zip of nothing but `.npy` files, stored by `savez`, deflated by `savez_compressed`.
//!
//! Follows `numpy/lib/_npyio_impl.py` of NumPy 2.4. The directory at the end and the first bytes of each member are
//! read, never an array: what a member is comes from its own header.

use super::super::{Finding, Input, ProbeError, kit};
use super::npy_header::{Header, MAX_HEADER};
use crate::archive::zip::{Directory, Member, Method, ZipError};
use crate::blob::{Blob, Cursor, Memory, ReadError};
use crate::model::{Cause, Dataset, Fact, keep, publishable};

/// Arrays that are described. Each costs two reads, and its name and shape stay.
const MAX_ARRAYS: usize = 1 << 16;
/// Bytes of a deflated member that are inflated at first: nearly every header has 118.
const FIRST: u64 = 4096;
/// Bytes that hold any header that is read, with the magic, version and length before it.
const LONGEST: u64 = MAX_HEADER + 12;
const ENDING: &[u8] = b".npy";

/// Reads the directory and the header of each member.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    // Before the directory is read, or where it is lost: an archive of arrays begins with one.
    if !first_name(input.head).is_some_and(|name| name.ends_with(ENDING)) {
        return Err(ProbeError::NotMine);
    }
    let directory = Directory::read(input.blob).map_err(|error| match error {
        ZipError::NoDirectory => ProbeError::Read(ReadError::Ended { at: input.blob.size() }),
        other => other.into(),
    })?;
    let members = &directory.members;
    if members.is_empty() || !members.iter().all(|member| member.name.ends_with(ENDING)) {
        return Err(ProbeError::NotMine);
    }

    let mut sum = Sum::default();
    for member in members.iter().take(MAX_ARRAYS) {
        match array(input.blob, &directory, member) {
            Ok(array) => sum.add(member, array)?,
            Err(error) => sum.failures.push(kit::note(error)?),
        }
    }
    let mut finding = sum.finding(members.len())?;
    finding.identities.push(directory.identity());
    Ok(finding)
}

/// Name of the member whose local header stands at the beginning.
fn first_name(head: &[u8]) -> Option<&[u8]> {
    let fields = head.strip_prefix(b"PK\x03\x04")?;
    let length = u16::from_le_bytes(*fields.get(22..)?.first_chunk()?);
    fields.get(26..)?.get(..usize::from(length))
}

/// Reads the header of one member.
fn array(blob: &dyn Blob, directory: &Directory, member: &Member) -> Result<Header, ProbeError> {
    match member.method {
        _ if member.encrypted => Err(ProbeError::Encrypted),
        Method::Stored => {
            let at = directory.data_offset(blob, member)?;
            Header::read(&mut Cursor::new(blob, at).ending_at(at.saturating_add(member.size)))
        }
        Method::Deflate => {
            let inflated =
                |allowed| directory.content(blob, member, allowed).map_err(|error| kit::of_member(error, "it"));
            let first = inflated(FIRST)?;
            let is_cut = first.len() as u64 == FIRST;
            match read(first) {
                Err(ProbeError::Read(ReadError::Ended { .. })) if is_cut => read(inflated(LONGEST)?),
                other => other,
            }
        }
        _ => Err(ProbeError::Unsupported("it is compressed in a way that NumPy does not use".to_owned())),
    }
}

fn read(header: Vec<u8>) -> Result<Header, ProbeError> {
    Header::read(&mut Cursor::new(&Memory::new(header), 0))
}

/// What the arrays come to.
#[derive(Default)]
struct Sum {
    dataset: Dataset,
    elements: u64,
    /// Arrays that are longer than their members.
    short: usize,
    /// Arrays of a type that is none of NumPy's.
    unknown: usize,
    /// Why members could not be read.
    failures: Vec<(Cause, String)>,
}

impl Sum {
    fn add(&mut self, member: &Member, array: Header) -> Result<(), ProbeError> {
        let too_many = || ProbeError::Malformed("its arrays have more elements than 64 bits count".to_owned());
        let (end, dtypes) = match (array.end(), array.dtypes()) {
            (Ok(end), Ok(dtypes)) => (end, dtypes),
            (Err(error), _) | (_, Err(error)) => {
                self.failures.push(kit::note(error)?);
                return Ok(());
            }
        };
        self.elements = self.elements.checked_add(array.elements).ok_or_else(too_many)?;
        for (dtype, count) in dtypes {
            let sum = self.dataset.dtypes.entry(dtype).or_default();
            *sum = sum.checked_add(count).ok_or_else(too_many)?;
        }
        self.short = self.short.saturating_add(usize::from(end.is_some_and(|end| end > member.size)));
        self.unknown = self.unknown.saturating_add(usize::from(array.element.is_unknown));
        if array.element.is_pickled {
            self.dataset.contains_pickle = Some(true);
        }
        let name = String::from_utf8_lossy(member.name.strip_suffix(ENDING).unwrap_or(&member.name));
        keep(&mut self.dataset.arrays, publishable("", &name), array.shape);
        Ok(())
    }

    fn finding(mut self, of: usize) -> Result<Finding, ProbeError> {
        let mut notes = Vec::new();
        if let Some((cause, first)) = self.failures.first() {
            let detail = format!("{} of its {of} arrays cannot be read; the first: {first}", self.failures.len());
            if self.dataset.arrays.is_empty() {
                return Err(ProbeError::Malformed(detail));
            }
            notes.push((*cause, detail));
        }
        for (count, cause, what) in [
            (self.short, Cause::Truncated, "are longer than the members they lie in"),
            (self.unknown, Cause::Unsupported, "have elements of a type that NumPy does not know"),
            (of.saturating_sub(MAX_ARRAYS), Cause::OverBudget, "were not looked at: that many are too many"),
        ] {
            if count > 0 {
                notes.push((cause, format!("{count} of its {of} arrays {what}")));
            }
        }
        self.dataset.element_count = Some(self.elements);
        Ok(Finding { notes, ..Finding::new(Fact::Dataset(Box::new(self.dataset))) })
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "offsets of a few forged bytes")]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A member: its name, what its rows say of method and flags, and what lies in the archive.
    struct Forged {
        name: &'static str,
        method: u8,
        flags: u8,
        packed: Vec<u8>,
        size: u64,
    }

    fn stored(name: &'static str, content: Vec<u8>) -> Forged {
        Forged { name, method: 0, flags: 0, size: content.len() as u64, packed: content }
    }

    fn deflated(name: &'static str, content: &[u8]) -> Forged {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        Forged { name, method: 8, flags: 0, size: content.len() as u64, packed: encoder.finish().unwrap() }
    }

    fn npy(descr: &str, shape: &str, data: usize) -> Vec<u8> {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        [b"\x93NUMPY\x02\0", length.as_slice(), header.as_bytes(), &vec![0; data]].concat()
    }

    fn zip(members: &[Forged]) -> Vec<u8> {
        let (mut bytes, mut rows) = (Vec::new(), Vec::new());
        for Forged { name, method, flags, packed, size } in members {
            let u32 = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
            let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
            let start = u32(bytes.len());
            let common: [&[u8]; 6] = [
                &[20, 0, *flags, 0, *method, 0],
                &[0; 8],
                &u32(packed.len()),
                &u32(usize::try_from(*size).unwrap()),
                &name_len,
                &[0; 2],
            ];
            let common = common.concat();
            bytes.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), packed].concat());
            rows.extend([b"PK\x01\x02\0\0", common.as_slice(), &[0; 10], &start, name.as_bytes()].concat());
        }
        let count = u16::try_from(members.len()).unwrap().to_le_bytes();
        let (at, len) = (u32::try_from(bytes.len()).unwrap(), u32::try_from(rows.len()).unwrap());
        bytes.extend(rows);
        bytes.extend(
            [b"PK\x05\x06\0\0\0\0", &count[..], &count, &len.to_le_bytes(), &at.to_le_bytes(), &[0; 2]].concat(),
        );
        bytes
    }

    fn run(bytes: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        look(&Memory::new(bytes))
    }

    fn look(blob: &dyn Blob) -> Result<(Dataset, Vec<Cause>), ProbeError> {
        let mut head = vec![0; 4096];
        let got = crate::blob::read_full(blob, &mut head, 0).unwrap();
        let finding = probe(&Input::new(blob, &head[..got]))?;
        assert_eq!(finding.identities.len(), 1);
        let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
        Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    #[test]
    fn members_are_described_from_their_headers() {
        let wide = format!("[{}]", (0..900).map(|field| format!("('f{field}', '<f4'), ")).collect::<String>());
        let (dataset, notes) = run(&zip(&[
            stored("x.npy", npy("'<f4'", "(7, 3)", 84)),
            deflated("split/y.npy", &npy("'<i8'", "(7,)", 56)),
            deflated("wide.npy", &npy(&wide, "(2,)", 7200)),
            stored("names.npy", npy("'|O'", "(5,)", 20)),
        ]))
        .unwrap();
        let names = |name: &str, shape: &[u64]| (name.to_owned(), shape.to_vec());
        let arrays = [names("x", &[7, 3]), names("split/y", &[7]), names("wide", &[2]), names("names", &[5])];
        assert_eq!(dataset.arrays, arrays.into());
        assert_eq!((dataset.element_count, dataset.contains_pickle), (Some(35), Some(true)));
        let types = [("float32", 1821), ("int64", 7), ("object", 5)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!((dataset.dtypes, notes), (types.into(), vec![]));
    }

    #[test]
    fn arrays_are_not_read() {
        struct Counted(Memory, AtomicU64);
        impl Blob for Counted {
            fn size(&self) -> u64 {
                self.0.size()
            }
            fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
                let got = self.0.read_at(buf, at)?;
                self.1.fetch_add(got as u64, Ordering::Relaxed);
                Ok(got)
            }
        }
        let big = npy("'<f8'", "(1024, 1024)", 8 << 20);
        let members = [stored("a.npy", big.clone()), deflated("b.npy", &big), stored("c.npy", big)];
        let blob = Counted(Memory::new(zip(&members)), AtomicU64::new(0));
        assert_eq!(look(&blob).unwrap().0.element_count, Some(3 << 20));
        assert!(blob.1.load(Ordering::Relaxed) < 64 << 10, "{:?}", blob.1);
    }

    #[test]
    fn other_archives_are_not_mine() {
        let array = || stored("a.npy", npy("'<f4'", "()", 4));
        for members in [
            vec![],
            vec![array(), stored("schema.json", b"{}".to_vec())],
            vec![stored("schema.json", b"{}".to_vec()), array()],
            vec![array(), stored("folder/", vec![])],
            vec![array(), stored("b.npy", b"not an array".to_vec())],
            vec![array(), stored("b.npy", vec![0; 64])],
        ] {
            assert!(matches!(run(&zip(&members)), Err(ProbeError::NotMine)));
        }
        assert!(matches!(run(b"PK\x03\x04"), Err(ProbeError::NotMine)));
        assert!(matches!(run(b"\x93NUMPY\x01\0"), Err(ProbeError::NotMine)));
    }

    #[test]
    fn what_cannot_be_read_is_told_beside_the_rest() {
        let array = || stored("a.npy", npy("'<f4'", "()", 4));
        let broken = Forged { method: 8, ..stored("b.npy", vec![0xff; 40]) };
        let by_other_means = Forged { method: 93, ..stored("b.npy", vec![0; 40]) };
        let cut_header = stored("b.npy", npy("'<f4'", "(9,)", 0)[..20].to_vec());
        let too_long = stored("b.npy", [b"\x93NUMPY\x02\0".as_slice(), &u32::MAX.to_le_bytes()].concat());
        let too_many = stored("b.npy", npy("'<f8'", &format!("({},)", u64::MAX), 8));
        for (member, cause) in [
            (stored("b.npy", npy("'<f4'", "(9,)", 35)), Cause::Truncated),
            (stored("b.npy", npy("'<x4'", "(9,)", 36)), Cause::Unsupported),
            (cut_header, Cause::Truncated),
            (broken, Cause::Malformed),
            (by_other_means, Cause::Unsupported),
            (too_long, Cause::Malformed),
            (too_many, Cause::Malformed),
        ] {
            let (dataset, notes) = run(&zip(&[array(), member])).unwrap();
            assert!(dataset.arrays.contains_key("a") && dataset.element_count.is_some());
            assert_eq!(notes, [cause]);
        }
        let only = run(&zip(&[stored("a.npy", npy("{}", "()", 4))]));
        assert!(matches!(only, Err(ProbeError::Malformed(_))), "{only:?}");
        let locked = Forged { flags: 1, ..array() };
        assert!(matches!(run(&zip(&[array(), locked])), Err(ProbeError::Encrypted)));
        let sum = [stored("a.npy", npy("'|V0'", &format!("({},)", u64::MAX), 0)), array()];
        assert!(matches!(run(&zip(&sum)), Err(ProbeError::Malformed(_))));
    }

    #[test]
    fn a_cut_archive_is_one() {
        let whole = zip(&[stored("a.npy", npy("'<f4'", "(99,)", 396)), deflated("b.npy", &npy("'<f4'", "(9,)", 36))]);
        for size in 0..whole.len() {
            match run(&whole[..size]) {
                Err(ProbeError::NotMine) => assert!(size < 35, "{size}"),
                Err(ProbeError::Read(ReadError::Ended { .. })) => assert!(size >= 35, "{size}"),
                other => panic!("{size}: {other:?}"),
            }
        }
    }

    #[test]
    fn names_are_published_as_they_may_be() {
        let array = |name| stored(name, npy("'<f4'", "(2,)", 8));
        let (dataset, _) = run(&zip(&[array("mean.npy"), array("alice@clinic.example.npy")])).unwrap();
        assert_eq!(dataset.arrays.keys().collect::<Vec<_>>(), ["mean", "…@clinic.example"]);
    }
}
