//! Archives forged around a pickle: sparse ones of any size, cut ones, and what only looks like one.
#![allow(clippy::arithmetic_side_effects, reason = "offsets of a few forged bytes")]

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A blob of islands in a sea of zeros, and how many bytes were read of it.
struct Sparse {
    islands: Vec<(u64, Vec<u8>)>,
    size: u64,
    read: AtomicU64,
}

impl Blob for Sparse {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> Result<usize, ReadError> {
        let len = usize::try_from(self.size.saturating_sub(at)).unwrap().min(buf.len());
        self.read.fetch_add(len as u64, Ordering::Relaxed);
        buf[..len].fill(0);
        for (start, bytes) in &self.islands {
            for (index, byte) in bytes.iter().enumerate() {
                let place = (start + index as u64).checked_sub(at).and_then(|place| usize::try_from(place).ok());
                if let Some(slot) = place.filter(|&place| place < len).and_then(|place| buf.get_mut(place)) {
                    *slot = *byte;
                }
            }
        }
        Ok(len)
    }
}

/// Members with their content, or with nothing but a size.
fn forge(members: &[(&str, Result<&[u8], u64>)]) -> Sparse {
    let (mut islands, mut at, mut rows) = (Vec::new(), 0u64, Vec::new());
    for (name, content) in members {
        let size = content.map_or_else(|size| size, |bytes| bytes.len() as u64);
        let name_len = u16::try_from(name.len()).unwrap().to_le_bytes();
        let mut local = [LOCAL_HEADER.as_slice(), &[0; 22], &name_len, &[0; 2], name.as_bytes()].concat();
        local.extend(content.unwrap_or_default());
        let extra = [&[1, 0, 24, 0], size.to_le_bytes().as_slice(), &size.to_le_bytes(), &at.to_le_bytes()].concat();
        let row: [&[u8]; 9] =
            [b"PK\x01\x02", &[0; 16], &[0xff; 8], &name_len, &[28, 0], &[0; 10], &[0xff; 4], name.as_bytes(), &extra];
        rows.extend(row.concat());
        at += 30 + name.len() as u64 + size;
        islands.push((at - size - 30 - name.len() as u64, local));
    }
    let (offset, len, count) = (at.to_le_bytes(), (rows.len() as u64).to_le_bytes(), members.len() as u64);
    let record_at = at + rows.len() as u64;
    rows.extend([b"PK\x06\x06".as_slice(), &[0; 28], &count.to_le_bytes(), &len, &offset].concat());
    rows.extend([b"PK\x06\x07".as_slice(), &[0; 4], &record_at.to_le_bytes(), &[1, 0, 0, 0]].concat());
    rows.extend([b"PK\x05\x06".as_slice(), &[0xff; 16], &[0; 2]].concat());
    let size = at + rows.len() as u64;
    islands.push((at, rows));
    Sparse { islands, size, read: AtomicU64::new(0) }
}

/// `{"model": {"a<i>.weight": float32[rows, 1024], …}}`, a storage each.
fn checkpoint(tensors: u32, rows: u32) -> Vec<u8> {
    let text =
        |text: &str| [b"X".as_slice(), &u32::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat();
    let int = |value: u32| [b"J".as_slice(), &value.to_le_bytes()].concat();
    let mut pickle = [b"\x80\x02}(".as_slice(), &text("model"), b"}("].concat();
    for index in 0..tensors {
        pickle.extend(text(&format!("a{index}.weight")));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        pickle.extend(
            [text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text(&index.to_string()), text("cpu")].concat(),
        );
        pickle.extend([int(rows * 1024), b"tQK\0(".to_vec(), int(rows), int(1024), b"t)\x89NtR".to_vec()].concat());
    }
    pickle.extend(b"uu.");
    pickle
}

fn run(blob: &dyn Blob) -> Result<Finding, ProbeError> {
    let mut head = vec![0; 4096];
    let len = crate::blob::read_full(blob, &mut head, 0).unwrap();
    probe(&Input::new(blob, &head[..len]))
}

#[test]
fn sixteen_gigabytes_cost_less_than_one_mebibyte() {
    let (tensors, rows) = (400, 10_200);
    let pickle = checkpoint(tensors, rows);
    let names: Vec<String> = (0..tensors).map(|index| format!("big/data/{index}")).collect();
    let mut members: Vec<(&str, Result<&[u8], u64>)> = vec![("big/data.pkl", Ok(&pickle)), ("big/version", Ok(b"3\n"))];
    members.extend(names.iter().map(|name| (name.as_str(), Err(u64::from(rows) * 4096))));
    let blob = forge(&members);
    assert!(blob.size > 16_700_000_000, "{}", blob.size);
    let finding = run(&blob).unwrap();
    assert!(blob.read.load(Ordering::Relaxed) < 1 << 20, "{:?}", blob.read);
    assert!(finding.notes.is_empty(), "{:?}", finding.notes);
    assert_eq!(finding.identities.len(), 1);
    let weights = finding.fact.weights().unwrap();
    assert_eq!(weights.parameter_count, Some(u64::from(tensors) * u64::from(rows) * 1024));
    assert_eq!(weights.tensor_count, Some(u64::from(tensors)));
}

#[test]
fn storages_that_are_missing_or_short_are_told() {
    let pickle = checkpoint(3, 1);
    let blob = forge(&[("a/data.pkl", Ok(&pickle)), ("a/data/0", Err(4096)), ("a/data/1", Err(4095))]);
    let finding = run(&blob).unwrap();
    assert_eq!(finding.notes.len(), 1);
    assert_eq!(finding.notes[0].0, Cause::Truncated);
    assert!(finding.notes[0].1.starts_with("2 of the 3 storages"), "{}", finding.notes[0].1);
}

#[test]
fn a_file_cut_anywhere_is_described_as_far_as_it_goes() {
    let pickle = checkpoint(40, 1);
    let whole = forge(&[("a/data.pkl", Ok(&pickle)), ("a/data/0", Err(1 << 20))]);
    let cut = |size| Sparse { islands: whole.islands.clone(), size, read: AtomicU64::new(0) };
    let counted = |size| {
        let finding = run(&cut(size)).unwrap();
        assert!(finding.notes.iter().any(|(cause, _)| *cause == Cause::Truncated));
        finding.fact.weights().unwrap().tensor_count.unwrap()
    };
    assert_eq!(counted(600_000), 40);
    assert_eq!(counted(pickle.len() as u64 / 2), 19);
    for size in [0, 3, 29, 41, 50, 60] {
        assert!(run(&cut(size)).is_err(), "{size}");
    }
}

#[test]
fn other_archives_are_not_mine() {
    let not_mine = |members: &[(&str, Result<&[u8], u64>)]| matches!(run(&forge(members)), Err(ProbeError::NotMine));
    assert!(not_mine(&[("a/data.pkl.py", Ok(b"x=1")), ("a/version", Ok(b"3"))]));
    assert!(not_mine(&[("a/data.pkl", Ok(b"\x80\x02}.")), ("b/version", Ok(b"3"))]));
    assert!(not_mine(&[("a/b/data.pkl", Ok(b"\x80\x02}.")), ("a/b/version", Ok(b"3"))]));
    assert!(not_mine(&[("word/document.xml", Ok(b"<a/>"))]));
    assert!(not_mine(&[("a/archive_format", Ok(b"zip"))]));
    assert!(matches!(probe(&Input::new(&Memory::new(*b"GIF89a"), b"GIF89a")), Err(ProbeError::NotMine)));
}

#[test]
fn scripts_and_exported_programs_are_told_apart() {
    let script = b"\x80\x02c__torch__.nets\nScorer\n)\x81}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQK\0(K\x02K\x03t(K\x03K\x01t\x88NtRsb.";
    let members: [(&str, Result<&[u8], u64>); 4] = [
        ("s/data/0", Err(24)),
        ("s/data.pkl", Ok(script)),
        ("s/code/__torch__/nets.py", Ok(b"")),
        ("s/constants.pkl", Ok(b"")),
    ];
    let finding = run(&forge(&members)).unwrap();
    let weights = finding.fact.weights().unwrap();
    assert_eq!(finding.format, Some("torchscript"));
    assert_eq!((weights.parameter_count, weights.architecture.as_deref()), (Some(6), Some("Scorer")));
    assert_eq!((weights.classes.as_slice(), weights.custom_code.len()), (&["nets.Scorer".to_owned()][..], 1));

    let config = br#"{"config": {"w": {"tensor_meta": {"dtype": 13, "sizes": [{"as_int": 4}, {"as_int": 5}]}}, "x": {"tensor_meta": null}}}"#;
    let members: [(&str, Result<&[u8], u64>); 3] = [
        ("p/archive_format", Ok(b"pt2")),
        ("p/models/model.json", Ok(b"{}")),
        ("p/data/weights/model_weights_config.json", Ok(config)),
    ];
    let finding = run(&forge(&members)).unwrap();
    let weights = finding.fact.weights().unwrap();
    assert_eq!(finding.format, Some("torch-export"));
    assert_eq!(weights.dtypes.get("bfloat16"), Some(&20));
    assert!(matches!(finding.fact, Fact::Weights(_)));
}
