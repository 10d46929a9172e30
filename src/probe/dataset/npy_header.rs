//! The header of one NumPy array: of a file of its own, or of a member of an archive.
//!
//! Follows `numpy/lib/_format_impl.py` of NumPy 2.4 and its document NEP 1. Versions 1.0 to 3.0 differ in how long a
//! header may be and in the encoding of field names, of which nothing is kept.

use std::collections::BTreeMap;

use super::super::{ProbeError, kit, numpy};
use super::literal::Literal;
use crate::blob::Cursor;

/// First bytes of every version.
const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is read. NumPy itself refuses more than 10,000 characters unless told to trust the file.
pub(super) const MAX_HEADER: u64 = 1 << 20;
/// NumPy's own limit.
const MAX_DIMS: usize = 64;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    /// Extents; none for a single value.
    pub(super) shape: Vec<u64>,
    /// Their product.
    pub(super) elements: u64,
    /// Whether the first index varies fastest.
    pub(super) fortran_order: bool,
    /// What the elements are made of.
    pub(super) element: Element,
    /// Position behind the header, from its first byte.
    begin: u64,
}

/// What one element is made of: one value, or the fields of a record.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// How many of each type.
    parts: BTreeMap<String, u64>,
    /// Its bytes.
    size: u64,
    /// Whether its bytes are a pickle, of any length.
    pub(super) is_pickled: bool,
    /// Whether a type is none of NumPy's, and its length not known.
    pub(super) is_unknown: bool,
}

impl Header {
    /// Reads the header that begins here.
    pub(super) fn read(cursor: &mut Cursor) -> Result<Header, ProbeError> {
        let start = cursor.position();
        if cursor.array()? != *MAGIC {
            return Err(ProbeError::NotMine);
        }
        let length = match cursor.array()? {
            [1, 0] => u64::from(cursor.u16()?),
            [2 | 3, 0] => u64::from(cursor.u32()?),
            [major, minor] => return Err(ProbeError::Unsupported(format!("npy version {major}.{minor}"))),
        };
        let text = cursor.vec(length, MAX_HEADER)?;
        let begin = cursor.position().saturating_sub(start);
        Header::parse(&text, begin)
    }

    fn parse(text: &[u8], begin: u64) -> Result<Header, ProbeError> {
        let header = Literal::read(text).ok_or_else(|| malformed("its header is not a Python literal"))?;
        let shape = header.get("shape").and_then(Literal::numbers);
        let shape = shape.ok_or_else(|| malformed("its header has no shape"))?;
        if shape.len() > MAX_DIMS {
            return Err(ProbeError::Malformed(format!("declares {} dimensions", shape.len())));
        }
        let Some(Literal::Truth(fortran_order)) = header.get("fortran_order") else {
            return Err(malformed("its header does not say in which order its elements lie"));
        };
        let mut element = Element::default();
        element.add(header.get("descr").ok_or_else(|| malformed("its header has no element type"))?, 1)?;
        let elements = kit::elements(&shape)?;
        Ok(Header { elements, fortran_order: *fortran_order, element, begin, shape })
    }

    /// Elements by type. Each field of a record counts for itself.
    pub(super) fn dtypes(&self) -> Result<BTreeMap<String, u64>, ProbeError> {
        let counted = |(name, count): (&String, &u64)| Some((name.clone(), count.checked_mul(self.elements)?));
        self.element.parts.iter().map(counted).collect::<Option<_>>().ok_or_else(too_many)
    }

    /// Where the array ends, from the header's first byte; nothing where only reading it would tell.
    pub(super) fn end(&self) -> Result<Option<u64>, ProbeError> {
        if self.element.is_pickled || self.element.is_unknown {
            return Ok(None);
        }
        let size = self.elements.checked_mul(self.element.size);
        size.and_then(|size| size.checked_add(self.begin)).map(Some).ok_or_else(too_many)
    }
}

impl Element {
    /// Adds a type, as often as it is there: its code, a type with extents, or a list of fields.
    fn add(&mut self, descr: &Literal, times: u64) -> Result<(), ProbeError> {
        match descr {
            Literal::Text(code) => self.add_code(code, times),
            Literal::Tuple(parts) => match parts.as_slice() {
                [base, extents] => self.add(base, repeated(times, extents)?),
                _ => Err(malformed("an element type has too many parts")),
            },
            Literal::List(fields) => fields.iter().try_for_each(|field| self.add_field(field, times)),
            _ => Err(malformed("an element type is not one")),
        }
    }

    fn add_field(&mut self, field: &Literal, times: u64) -> Result<(), ProbeError> {
        let parts = if let Literal::Tuple(parts) = field { parts.as_slice() } else { &[] };
        let (name, descr, times) = match parts {
            [name, descr] => (name, descr, times),
            [name, descr, extents] => (name, descr, repeated(times, extents)?),
            _ => return Err(malformed("a field is not a name and a type")),
        };
        // Bytes without a name are there for alignment.
        if *name == Literal::Text(b"")
            && let Literal::Text(code) = descr
            && let Some((kind, size)) = numpy::element(code)
            && kind == "void"
        {
            return self.grow(size, times);
        }
        self.add(descr, times)
    }

    fn add_code(&mut self, code: &[u8], times: u64) -> Result<(), ProbeError> {
        let Some((name, size)) = numpy::element(code) else {
            self.is_unknown = true;
            return Ok(());
        };
        self.is_pickled |= name == "object";
        let count = self.parts.entry(name).or_default();
        *count = count.checked_add(times).ok_or_else(too_many)?;
        self.grow(size, times)
    }

    fn grow(&mut self, size: u64, times: u64) -> Result<(), ProbeError> {
        let grown = size.checked_mul(times).and_then(|bytes| self.size.checked_add(bytes));
        self.size = grown.ok_or_else(too_many)?;
        Ok(())
    }
}

/// How often a part is there that has extents of its own, a number or several.
fn repeated(times: u64, extents: &Literal) -> Result<u64, ProbeError> {
    let inner = match extents {
        Literal::Number(extent) => *extent,
        other => {
            let extents = other.numbers().ok_or_else(|| malformed("the extents of a field are not numbers"))?;
            kit::elements(&extents)?
        }
    };
    times.checked_mul(inner).ok_or_else(too_many)
}

fn malformed(what: &str) -> ProbeError {
    ProbeError::Malformed(what.to_owned())
}

fn too_many() -> ProbeError {
    malformed("declares more elements or bytes than 64 bits count")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(descr: &str, shape: &str) -> Result<Header, ProbeError> {
        Header::parse(format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n").as_bytes(), 128)
    }

    /// Types with their counts, and the bytes of the array where they are known.
    fn element(descr: &str) -> (Vec<(String, u64)>, Option<u64>) {
        let header = parse(descr, "(10,)").unwrap();
        let size = header.end().unwrap().and_then(|end| end.checked_sub(128));
        (header.dtypes().unwrap().into_iter().collect(), size)
    }

    fn is(descr: &str, types: &[(&str, u64)], size: Option<u64>) {
        let types = types.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(element(descr), (types, size), "{descr}");
    }

    #[test]
    fn codes_of_types() {
        for (code, name, size) in [
            ("<f2", "float16", 2),
            (">f4", "float32", 4),
            ("=f8", "float64", 8),
            ("<f16", "float128", 16),
            ("<c8", "complex64", 8),
            ("<c32", "complex256", 32),
            ("|i1", "int8", 1),
            (">i8", "int64", 8),
            ("|u1", "uint8", 1),
            ("u2", "uint16", 2),
            ("|b1", "bool", 1),
            ("<M8[ns]", "datetime64", 8),
            (">M8[25s]", "datetime64", 8),
            ("<m8", "timedelta64", 8),
            ("|V7", "void", 7),
            ("|S5", "bytes", 5),
            ("|a5", "bytes", 5),
            ("|S0", "bytes", 0),
            ("<U10", "str", 40),
        ] {
            is(&format!("'{code}'"), &[(name, 10)], Some(10 * size));
        }
        for code in ["|O", "|O8", "O4"] {
            is(&format!("'{code}'"), &[("object", 10)], None);
        }
        for code in ["", "<", "|O9", "<f3", "<f", "<U", "<U-1", "<U99999999999", "<f4[ns]", "<M8[ns", "|T16", "é4", "x"]
        {
            is(&format!("'{code}'"), &[], None);
            assert!(parse(&format!("'{code}'"), "()").unwrap().element.is_unknown, "{code}");
        }
    }

    #[test]
    fn records_count_by_field() {
        is("[('a', '<f4'), ('b', '>i8'), ('c', '<f4')]", &[("float32", 20), ("int64", 10)], Some(160));
        is("[('a', '|u1'), ('', '|V7'), ('b', '<f8')]", &[("float64", 10), ("uint8", 10)], Some(160));
        is("[(('title', 'a'), '<U2'), ('b', '|S3', (2, 3))]", &[("bytes", 60), ("str", 10)], Some(260));
        is("[('p', [('x', '<f4'), ('y', '<f4', 3)], (2,)), ('o', '|V2')]", &[("float32", 80), ("void", 10)], Some(340));
        is("[('p', ('<f4', (5,)))]", &[("float32", 50)], Some(200));
        is("[('id', '<i4'), ('what', '|O')]", &[("int32", 10), ("object", 10)], None);
        is("[]", &[], Some(0));
        assert!(parse("[('a', [('b', '|O')])]", "(1,)").unwrap().element.is_pickled);
    }

    #[test]
    fn shapes() {
        let scalar = parse("'<f8'", "()").unwrap();
        assert_eq!((scalar.shape.len(), scalar.elements, scalar.end().unwrap()), (0, 1, Some(136)));
        let empty = parse("'<f8'", "(0, 3)").unwrap();
        assert_eq!((empty.elements, empty.end().unwrap()), (0, Some(128)));
        assert_eq!(parse("'<f8'", "(2L, 3L)").unwrap().shape, [2, 3]);
        for shape in ["3", "(3)", "[3]", "(-1,)", "('3',)", "(3.0,)", "None", "((3,),)"] {
            assert!(matches!(parse("'<f8'", shape), Err(ProbeError::Malformed(_))), "{shape}");
        }
    }

    #[test]
    fn hostile_extents() {
        let huge = u64::MAX;
        for (descr, shape) in [
            ("'<f8'", format!("({huge}, 2)")),
            ("'<f8'", format!("({huge}0,)")),
            ("'<f8'", format!("({})", "1, ".repeat(65))),
            (&format!("[('a', '|u1', ({huge}, 2))]"), "()".to_owned()),
            (&format!("[('a', '|u1', {huge}), ('b', '|u1', {huge})]"), "()".to_owned()),
            (&format!("[('a', '|V8', {huge})]"), "()".to_owned()),
            (&format!("[('', '|V8', {huge})]"), "()".to_owned()),
            (&format!("[('a', [('b', '|u1', {huge})], 2)]"), "()".to_owned()),
        ] {
            assert!(matches!(parse(descr, &shape), Err(ProbeError::Malformed(_))), "{descr} {shape}");
        }
        // Each fits by itself, and their product does not.
        let header = parse(&format!("[('a', '|u1', {huge})]"), "(2,)").unwrap();
        assert!(header.dtypes().is_err() && header.end().is_err());
        assert!(parse("'<f8'", &format!("({huge},)")).unwrap().end().is_err());
    }

    #[test]
    fn types_that_are_none() {
        for descr in ["None", "1", "{}", "()", "('<f4',)", "[1]", "['<f4']", "[()]", "[('a',)]", "[('a', '<f4', 'x')]"]
        {
            assert!(matches!(parse(descr, "()"), Err(ProbeError::Malformed(_))), "{descr}");
        }
        let deep = format!("{}'<f4'{}", "[('a', ".repeat(5000), ")]".repeat(5000));
        assert!(matches!(parse(&deep, "()"), Err(ProbeError::Malformed(_))));
        for text in
            ["{}", "{'descr': '<f4', 'shape': ()}", "{'fortran_order': 1, 'shape': (), 'descr': '<f4'}", "1", ""]
        {
            assert!(matches!(Header::parse(text.as_bytes(), 10), Err(ProbeError::Malformed(_))), "{text}");
        }
    }
}
