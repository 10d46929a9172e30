//! Names of TensorFlow's element types by their numbers.

/// The contract's name of a `DataType` of `types.proto`, reference types included.
pub(super) fn dtype(number: u64) -> &'static str {
    match if number > 100 { number.saturating_sub(100) } else { number } {
        1 => "float32",
        2 => "float64",
        3 => "int32",
        4 => "uint8",
        5 => "int16",
        6 => "int8",
        7 => "string",
        8 => "complex64",
        9 => "int64",
        10 => "bool",
        11 => "qint8",
        12 => "quint8",
        13 => "qint32",
        14 => "bfloat16",
        15 => "qint16",
        16 => "quint16",
        17 => "uint16",
        18 => "complex128",
        19 => "float16",
        20 => "resource",
        21 => "variant",
        22 => "uint32",
        23 => "uint64",
        24 => "float8_e5m2",
        25 => "float8_e4m3fn",
        29 => "int4",
        30 => "uint4",
        _ => "unknown",
    }
}

/// Whether values of that type are something a model learned rather than a text or a handle.
pub(super) fn is_numeric(dtype: &str) -> bool {
    !matches!(dtype, "string" | "resource" | "variant" | "unknown")
}

/// Whether it is an integer type that counts rather than one that quantises.
pub(super) fn is_integer(dtype: &str) -> bool {
    matches!(dtype, "int32" | "int64" | "uint32" | "uint64" | "int16" | "uint16" | "bool")
}
