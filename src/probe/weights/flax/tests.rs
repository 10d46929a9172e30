use super::*;
use crate::blob::Memory;

fn read(bytes: &[u8]) -> Result<Finding, ProbeError> {
    let blob = Memory::new(bytes);
    probe(&Input::new(&blob, bytes))
}

fn text(text: &str) -> Vec<u8> {
    [&[0xa0 | text.len() as u8], text.as_bytes()].concat()
}

fn array(dtype: &str, shape: &[u8]) -> Vec<u8> {
    let body = [&[0x93, 0x90 | shape.len() as u8], shape, &text(dtype), &[0xc4, 4, 0, 0, 0, 0]].concat();
    [&[0xc7, body.len() as u8, 1], body.as_slice()].concat()
}

fn dictionary(rows: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let content: Vec<u8> = rows.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [[0x80 | rows.len() as u8].as_slice(), &content].concat()
}

#[test]
fn a_training_is_told_from_weights() {
    let params = dictionary(&[("w", array("float32", &[2, 3])), ("b", array("bfloat16", &[3]))]);
    let found = read(&params).unwrap();
    let weights = found.fact.weights().unwrap();
    assert_eq!((weights.parameter_count, weights.kind.as_deref()), (Some(9), None));
    let moments = dictionary(&[("mu", array("float32", &[2, 3]))]);
    let state = dictionary(&[("params", params), ("opt_state", moments), ("step", vec![0xcd, 1, 2])]);
    let found = read(&state).unwrap();
    let weights = found.fact.weights().unwrap();
    assert_eq!((weights.parameter_count, weights.global_step), (Some(9), Some(258)));
    assert_eq!((weights.has_optimizer, weights.state_elements), (Some(true), Some(6)));
}

#[test]
fn arrays_in_chunks_and_in_files_of_their_own() {
    let shape = dictionary(&[("0", vec![8]), ("1", vec![5])]);
    let chunks = dictionary(&[("0", array("float32", &[20])), ("1", array("float32", &[20]))]);
    let chunked = dictionary(&[("__msgpack_chunked_array__", vec![0xc3]), ("shape", shape), ("chunks", chunks)]);
    let found = read(&dictionary(&[("w", chunked)])).unwrap();
    assert_eq!(found.fact.weights().unwrap().parameter_count, Some(40));
    let metadata = dictionary(&[("dtype", text("<f4")), ("shape", vec![0x92, 7, 3])]);
    let spec = dictionary(&[("driver", text("zarr")), ("kvstore", vec![0x80]), ("metadata", metadata)]);
    let target = dictionary(&[("target", dictionary(&[("w", spec)]))]);
    let found = read(&dictionary(&[("optimizer", target)])).unwrap();
    assert_eq!(found.fact.weights().unwrap().parameter_count, Some(21));
}

#[test]
fn what_holds_no_array_is_left_alone() {
    for bytes in
        [&dictionary(&[("a", vec![1])])[..], b"\x81", b"\x81\xa1a\x81\xa1a", b"\xdf\xff\xff\xff\xff\xc1", b"text"]
    {
        assert!(matches!(read(bytes), Err(ProbeError::NotMine)), "{bytes:?}");
    }
    let deep = b"\x81\xa1a".repeat(100_000);
    assert!(matches!(read(&deep), Err(ProbeError::NotMine)));
    let endless = [b"\x82\xa1w".as_slice(), &array("float32", &[2]), b"\xa1x\xdd\xff\xff\xff\xff"].concat();
    assert!(!read(&endless).unwrap().notes.is_empty());
}

#[test]
fn a_cut_file_says_so() {
    let good = dictionary(&[("w", array("float32", &[2])), ("v", array("float32", &[2]))]);
    for end in 0..good.len() {
        if let Ok(found) = read(&good[..end]) {
            assert!(!found.notes.is_empty(), "{end}");
        }
    }
}
