//! Forged files, in the layout that R 4 and pyreadr write. R itself was not at hand to write them.

use super::*;
use crate::blob::Memory;
use crate::probe::ProbeError;

fn int(number: i32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn chars(text: &str) -> Vec<u8> {
    [int(0x0004_0009), int(text.len() as i32), text.as_bytes().to_vec()].concat()
}

fn symbol(name: &str) -> Vec<u8> {
    [int(1), chars(name)].concat()
}

fn strings(texts: &[&str]) -> Vec<u8> {
    let all: Vec<u8> = texts.iter().flat_map(|text| chars(text)).collect();
    [int(16), int(texts.len() as i32), all].concat()
}

fn integers(flags: i32, numbers: &[i32]) -> Vec<u8> {
    let all: Vec<u8> = numbers.iter().flat_map(|&number| int(number)).collect();
    [int(13 | flags), int(numbers.len() as i32), all].concat()
}

/// A list of pairs: what attributes are, and the objects of a file of several.
fn pairs(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let all: Vec<u8> =
        items.iter().flat_map(|(name, value)| [int(0x402), symbol(name), value.clone()].concat()).collect();
    [all, int(254)].concat()
}

const START: [u8; 14] = [b'X', b'\n', 0, 0, 0, 2, 0, 4, 3, 1, 0, 2, 3, 0];

fn frame() -> Vec<u8> {
    let sex = [
        integers(0x300, &[1, 2, i32::MIN]),
        pairs(&[("levels", strings(&["F", "M"])), ("class", strings(&["factor"]))]),
    ];
    // A range of numbers, as R keeps them since 3.5.
    let state = [int(14), int(3), [3f64, 61.0, 1.0].iter().flat_map(|number| number.to_be_bytes()).collect()].concat();
    let info =
        [int(2), symbol("compact_intseq"), int(2), symbol("base"), int(2), integers(0, &[13]), int(254)].concat();
    let age = [int(238), info, state, int(254)].concat();
    let columns = [strings(&["P-1", "P-2", "P-3"]), sex.concat(), age].concat();
    let attributes = pairs(&[
        ("names", strings(&["patient_id", "sex", "age"])),
        ("class", strings(&["tbl_df", "data.frame"])),
        ("row.names", integers(0, &[i32::MIN, -3])),
    ]);
    [int(0x313), int(3), columns, attributes].concat()
}

fn run(bytes: &[u8]) -> Result<(Dataset, usize), ProbeError> {
    let blob = Memory::new(bytes);
    let mut source = bytes;
    let input = Input::new(&blob, bytes);
    let finding = if bytes.starts_with(b"RD") { rda(&input, &mut source)? } else { rds(&input, &mut source)? };
    Ok((finding.fact.dataset().cloned().unwrap(), finding.notes.len()))
}

#[test]
fn frames_of_one_and_of_several() {
    let one = [&START[..], &frame()].concat();
    let (dataset, notes) = run(&one).unwrap();
    assert_eq!((dataset.table.row_count, notes), (Some(3), 0));
    assert_eq!(dataset.table.columns, ["patient_id", "sex", "age"]);
    assert!(dataset.table.sketch.as_ref().unwrap().rows.is_some(), "every row was fed");

    let inner = [int(0x213), int(1), frame(), pairs(&[("names", strings(&["site"]))])].concat();
    let several =
        [&b"RDX2\n"[..], &START, &pairs(&[("dm", frame()), ("all", inner), ("note", strings(&["x"]))])].concat();
    let (dataset, _) = run(&several).unwrap();
    assert_eq!(dataset.tables.keys().collect::<Vec<_>>(), ["all.site", "dm"]);
    assert_eq!(dataset.table.row_count, Some(6));
}

#[test]
fn matrices_and_what_is_no_data() {
    let names = [int(19), int(2), int(254), strings(&["age", "dose"])].concat();
    let matrix = [integers(0x200, &[61, 62, 5, 6]), pairs(&[("dim", integers(0, &[2, 2])), ("dimnames", names)])];
    let (dataset, notes) = run(&[&START[..], &matrix.concat()].concat()).unwrap();
    assert_eq!((dataset.shape, dataset.table.row_count, notes), (Some(vec![2, 2]), Some(2), 0));
    assert_eq!(dataset.table.columns, ["age", "dose"]);
    let (dataset, _) = run(&[&START[..], &strings(&["a value"])].concat()).unwrap();
    assert_eq!((dataset.kind.as_deref(), dataset.table.row_count), (Some("r_object"), None));
}

#[test]
fn text_is_read_too() {
    let text = b"A\n2\n262913\n131840\n531\n1\n16\n2\n262153\n3\nP-1\n262153\n4\n\\040a\\n\\\"\n1026\n1\n262153\n5\nnames\n16\n1\n\
        262153\n2\nid\n1026\n1\n262153\n5\nclass\n16\n1\n262153\n10\ndata.frame\n254\n";
    let (dataset, notes) = run(text).unwrap();
    assert_eq!((dataset.table.row_count, notes), (Some(2), 0));
    assert_eq!(dataset.table.columns, ["id"]);
}

#[test]
fn hostile_objects() {
    let start = |rest: &[Vec<u8>]| run(&[&START[..], &rest.concat()].concat());
    assert!(start(&vec![[int(19), int(1)].concat(); 100_000]).is_err(), "nesting is bounded");
    for sort in [10, 13, 14, 15, 16, 19, 20, 24] {
        assert!(start(&[int(sort), int(-1), int(i32::MAX), int(-1)]).is_err(), "{sort}");
        assert!(start(&[int(sort), int(i32::MAX)]).is_err());
        assert!(start(&[int(sort), int(-2)]).is_err());
    }
    assert!(start(&[int(0x1ff)]).is_err(), "a reference to nothing");
    let many = pairs(&[("class", strings(&["data.frame"])), ("row.names", integers(0, &[i32::MIN, i32::MIN]))]);
    let (dataset, _) = start(&[int(0x313), int(0), many]).unwrap();
    assert_eq!(dataset.table.row_count, Some(1 << 31), "rows without columns are counted and not fed");
    assert!(matches!(run(b"XML"), Err(ProbeError::NotMine)));
}

#[test]
fn cut_or_flipped_anywhere_it_fails_or_answers() {
    let whole = [&START[..], &frame()].concat();
    for size in 0..whole.len() {
        assert!(run(&whole[..size]).is_err(), "{size}");
    }
    for at in 2..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let _ = run(&bytes);
        }
    }
}
