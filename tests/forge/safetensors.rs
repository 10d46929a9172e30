//! safetensors: eight bytes of length, a JSON header padded to eight, the tensors back to back.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Name, element type as the format writes it, shape.
pub type Tensor = (String, &'static str, Vec<u64>);

/// A model of 16.7 GB: 249 matrices of 4096 x 8192 in half precision.
pub fn big_model() -> Vec<Tensor> {
    (0..249).map(|layer| (format!("layers.{layer}.weight"), "F16", vec![4096, 8192])).collect()
}

/// Elements of [`big_model`].
pub const BIG_ELEMENTS: u64 = 249 * 4096 * 8192;

fn width(dtype: &str) -> u64 {
    match dtype {
        "F64" | "I64" => 8,
        "F32" | "I32" => 4,
        "F16" | "BF16" => 2,
        _ => 1,
    }
}

/// Length, header and padding, and the bytes of data that must follow.
pub fn header(tensors: &[Tensor]) -> (Vec<u8>, u64) {
    let mut end = 0;
    let mut rows = vec![r#""__metadata__":{"format":"pt"}"#.to_owned()];
    for (name, dtype, shape) in tensors {
        let start = end;
        end += shape.iter().product::<u64>() * width(dtype);
        rows.push(format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#));
    }
    (framed(&format!("{{{}}}", rows.join(","))), end)
}

/// A header text behind its length.
pub fn framed(text: &str) -> Vec<u8> {
    let text = format!("{text}{}", " ".repeat(text.len().wrapping_neg() % 8));
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// A whole file of six elements: two tensors, 24 bytes of data.
pub fn small() -> Vec<u8> {
    let (mut bytes, data) = header(&[("a".to_owned(), "F32", vec![2, 2]), ("b".to_owned(), "F32", vec![2])]);
    bytes.extend((0..data).map(|n| n as u8));
    bytes
}

/// Elements of [`small`].
pub const SMALL_ELEMENTS: u64 = 6;

/// A file with the header of `tensors` and a hole for their data.
pub fn sparse(path: &Path, tensors: &[Tensor]) {
    let (header, data) = header(tensors);
    let mut file = File::create(path).unwrap();
    file.write_all(&header).unwrap();
    file.set_len(header.len() as u64 + data).unwrap();
}
