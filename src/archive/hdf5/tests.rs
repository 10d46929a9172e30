use super::*;
use crate::blob::Memory;

/// Superblock 0, a group with one symbol table node, a data set of two by three `float32`.
fn forged() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(SIGNATURE);
    bytes.extend([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]);
    for address in [0u64, u64::MAX, 1000, u64::MAX] {
        bytes.extend(address.to_le_bytes());
    }
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(96u64.to_le_bytes());
    bytes.resize(96, 0);
    // 96: the group's header: one message of kind 0x11.
    bytes.extend([1, 0, 1, 0, 1, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([0x11, 0, 16, 0, 0, 0, 0, 0]);
    bytes.extend([200u64.to_le_bytes(), 300u64.to_le_bytes()].concat());
    bytes.resize(200, 0);
    bytes.extend(b"TREE\0\0\x01\0");
    for number in [u64::MAX, u64::MAX, 0, 400, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(300, 0);
    bytes.extend(b"HEAP\0\0\0\0");
    for number in [16u64, 0, 340] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.resize(340, 0);
    bytes.extend(b"\0\0\0\0\0\0\0\0kernel\0\0");
    bytes.resize(400, 0);
    bytes.extend(b"SNOD\x01\0\x01\0");
    bytes.extend([8u64.to_le_bytes(), 500u64.to_le_bytes()].concat());
    bytes.resize(500, 0);
    // 500: the data set's header.
    let float = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0, 0, 0, 0, 0];
    let space = [[1, 2, 0, 0, 0, 0, 0, 0], 2u64.to_le_bytes(), 3u64.to_le_bytes()].concat();
    let layout = [&[3, 1][..], &600u64.to_le_bytes(), &24u64.to_le_bytes(), &[0; 6]].concat();
    let mut messages = Vec::new();
    for (kind, body) in [(3u8, &float[..]), (1, &space), (8, &layout)] {
        messages.extend([kind, 0, body.len() as u8, 0, 0, 0, 0, 0]);
        messages.extend(body);
    }
    bytes.extend([1, 0, 3, 0, 1, 0, 0, 0, messages.len() as u8, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(messages);
    bytes.resize(1000, 0);
    bytes
}

type Walked = (Vec<(String, Object)>, Option<Hdf5Error>);

fn walk(bytes: &[u8]) -> Result<Walked, Hdf5Error> {
    Ok(File::open(&Memory::new(bytes))?.tree())
}

#[test]
fn a_data_set_behind_a_user_block() {
    for front in [0, 512, 2048] {
        let bytes = [vec![0; front], forged()].concat();
        let (tree, stopped) = walk(&bytes).unwrap();
        assert!(stopped.is_none(), "{stopped:?}");
        let [(root, Object::Group { .. }), (path, Object::Dataset(dataset))] = tree.as_slice() else {
            panic!("{tree:?}")
        };
        assert_eq!((root.as_str(), path.as_str()), ("", "kernel"));
        assert_eq!((dataset.shape.as_slice(), dataset.datatype.number_name()), (&[2, 3][..], Some("float32")));
        assert_eq!(dataset.layout, Layout::Contiguous { at: Some(600 + front as u64), size: 24 });
    }
    assert!(matches!(walk(b"text"), Err(Hdf5Error::NotHdf5)));
}

#[test]
fn circles_and_impossible_lengths_come_to_an_end() {
    let started = std::time::Instant::now();
    let mut circle = forged();
    circle[232..240].copy_from_slice(&200u64.to_le_bytes());
    assert!(walk(&circle).unwrap().1.is_some());
    let mut own_child = forged();
    own_child[416..424].copy_from_slice(&96u64.to_le_bytes());
    assert_eq!(walk(&own_child).unwrap().0.len(), 1);
    let good = forged();
    for at in 0..good.len() {
        for value in [0, 0xff, good[at] ^ 1, good[at] ^ 0x80] {
            let mut bytes = good.clone();
            bytes[at] = value;
            drop(walk(&bytes));
        }
        drop(walk(&good[..at]));
    }
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn types_within_types_are_bounded() {
    let deep = [0x19, 0, 0, 0, 1, 0, 0, 0].repeat(1000);
    assert!(matches!(Datatype::parse(&mut Bytes::new(&deep)), Err(Hdf5Error::TooLarge(_))));
    let many = [0x38, 0xff, 0xff, 0, 4, 0, 0, 0];
    assert!(Datatype::parse(&mut Bytes::new(&many)).is_err());
}

#[test]
fn rows_of_a_fractal_heap_double() {
    assert_eq!([0, 1, 255, 256, 65_535, 65_536].map(heap::encoded_size), [1, 1, 1, 2, 2, 3]);
}
