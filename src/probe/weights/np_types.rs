//! Names of element types as numpy and zarr write them.

/// The contract's name of an element type, from numpy's name or zarr's code.
pub(super) fn dtype_name(name: &str) -> Option<String> {
    let code = name.trim_start_matches(['<', '>', '|', '=']);
    Some(
        match code {
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
            other => {
                let plain = other.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let known = ["float", "bfloat", "int", "uint", "bool", "complex"];
                if !plain || other.len() > 24 || !known.iter().any(|start| other.starts_with(start)) {
                    return None;
                }
                other
            }
        }
        .to_owned(),
    )
}
