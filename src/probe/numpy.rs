//! NumPy's codes of element types, and what the contract calls them.
//!
//! They stand in files of NumPy, in pickles, and in what zarr and Flax write: each allows a little more, and says so at
//! its place.

/// Name of the type that a code like `f4` means, where its elements are numbers or truth values.
pub(super) fn type_name(code: &str) -> Option<&'static str> {
    Some(match code {
        "f8" => "float64",
        "f4" => "float32",
        "f2" => "float16",
        "i8" => "int64",
        "i4" => "int32",
        "i2" => "int16",
        "i1" => "int8",
        "u8" => "uint64",
        "u4" => "uint32",
        "u2" => "uint16",
        "u1" => "uint8",
        "b1" => "bool",
        "c8" => "complex64",
        "c16" => "complex128",
        _ => return None,
    })
}

/// Name and bytes of the type that a code like `<f4` means. Byte order, length of texts and unit of times are left out:
/// what is counted is the kind of value.
pub(super) fn element(code: &[u8]) -> Option<(String, u64)> {
    let code = std::str::from_utf8(code).ok()?;
    let code = code.strip_prefix(['<', '>', '|', '=']).unwrap_or(code);
    let (kind, rest) = code.split_at_checked(1)?;
    let size = match rest.split_once('[') {
        Some((size, unit)) if matches!(kind, "M" | "m") && unit.ends_with(']') => size,
        Some(_) => return None,
        None => rest,
    };
    if kind == "O" {
        // Before 1.7 a pointer's size followed.
        return matches!(size, "" | "4" | "8").then(|| ("object".to_owned(), 0));
    }
    let size = u64::from(size.parse::<u32>().ok()?);
    let name = match (kind, size) {
        // What the processor has beyond: `long double`, by the bytes it takes.
        ("f", 12 | 16) => format!("float{}", size.saturating_mul(8)),
        ("c", 24 | 32) => format!("complex{}", size.saturating_mul(8)),
        ("f" | "c" | "i" | "u" | "b", _) => type_name(&format!("{kind}{size}"))?.to_owned(),
        ("M", 8) => "datetime64".to_owned(),
        ("m", 8) => "timedelta64".to_owned(),
        ("V", _) => "void".to_owned(),
        ("S" | "a", _) => "bytes".to_owned(),
        ("U", _) => return Some(("str".to_owned(), size.checked_mul(4)?)),
        _ => return None,
    };
    Some((name, size))
}

/// Name of an element type, from NumPy's name or zarr's code.
pub(super) fn long_name(name: &str) -> Option<&str> {
    let code = name.trim_start_matches(['<', '>', '|', '=']);
    let is_name = || {
        let known = ["float", "bfloat", "int", "uint", "bool", "complex"];
        can_be_published(code) && known.iter().any(|start| code.starts_with(start))
    };
    type_name(code).or_else(|| is_name().then_some(code))
}

/// Element types are published as they are named: only what can be the name of one is taken for it.
pub(super) fn can_be_published(name: &str) -> bool {
    name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
