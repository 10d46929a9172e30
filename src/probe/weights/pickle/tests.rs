//! Pickles written by hand: what each opcode builds, and what hostile ones may cost.

use std::time::{Duration, Instant};

use super::*;
use crate::blob::{Cursor, Memory};

fn read(bytes: impl AsRef<[u8]>) -> Pickle {
    walk(&mut Cursor::new(&Memory::new(bytes.as_ref()), 0))
}

/// The value as text, to compare whole trees at a glance.
fn show(tree: &Tree, id: Id) -> String {
    let list = |ids: &[Id]| ids.iter().map(|&id| show(tree, id)).collect::<Vec<_>>().join(",");
    let rows = |rows: &[(Id, Id)]| {
        rows.iter()
            .map(|&(key, value)| format!("{}:{}", show(tree, key), show(tree, value)))
            .collect::<Vec<_>>()
            .join(",")
    };
    match tree.node(id) {
        Node::None => "None".to_owned(),
        Node::Bool(value) => value.to_string(),
        Node::Int(value) => value.to_string(),
        Node::Float(value) => format!("{value:?}"),
        Node::Str(text) => format!("'{text}'"),
        Node::Bytes { len, .. } => format!("b{len}"),
        Node::Tuple(items) => format!("({})", list(items)),
        Node::List(items) => format!("[{}]", list(items)),
        Node::Set(items) => format!("{{{}}}", list(items)),
        Node::Dict(entries) => format!("{{{}}}", rows(entries)),
        Node::Global(global) => global.dotted(),
        Node::Persistent(id) => format!("@{}", show(tree, *id)),
        Node::Opaque => "?".to_owned(),
        Node::Object(object) => {
            let state = object.state.map(|state| format!("<{}>", show(tree, state))).unwrap_or_default();
            format!("{}{}{{{}}}{state}", show(tree, object.callable), show(tree, object.args), rows(&object.entries))
        }
    }
}

fn shown(bytes: impl AsRef<[u8]>) -> String {
    let pickle = read(bytes);
    assert!(pickle.stopped.is_none(), "{:?}", pickle.stopped);
    show(&pickle.tree, pickle.root)
}

#[test]
fn every_protocol_builds_the_same() {
    let expected = "{'a':[1,2],'b':(None,true)}";
    let text: &[u8] = b"(dp0\nS'a'\np1\n(lp2\nI1\naI2\nasV\x62\np3\n(NI01\ntp4\ns.";
    let binary: &[u8] = b"\x80\x02}q\0(X\x01\0\0\0aq\x01]q\x02(K\x01K\x02eX\x01\0\0\0bq\x03N\x88\x86q\x04u.";
    let framed: &[u8] =
        b"\x80\x04\x95\x1d\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94]\x94(K\x01K\x02e\x8c\x01b\x94N\x88\x86\x94u.";
    for pickle in [text, binary, framed] {
        assert_eq!(shown(pickle), expected);
    }
}

#[test]
fn numbers() {
    assert_eq!(shown(b"J\xff\xff\xff\xff."), "-1");
    assert_eq!(shown(b"M\x39\x30."), "12345");
    assert_eq!(shown(b"\x8a\x00."), "0");
    assert_eq!(shown(b"\x8a\x01\xff."), "-1");
    assert_eq!(shown(b"\x8a\x05\0\0\0\x80\0."), "2147483648");
    assert_eq!(shown(b"L12L\n."), "12");
    assert_eq!(shown(b"L99999999999999999999L\n."), "?");
    assert_eq!(shown([b"\x8a\x09".as_slice(), &[1; 9], b"."].concat()), "?");
    assert_eq!(shown(b"G?\xf8\0\0\0\0\0\0."), "1.5");
    assert_eq!(shown(b"F1.5\n."), "1.5");
}

#[test]
fn calls_are_kept_as_calls() {
    assert_eq!(shown(b"cos\nsystem\n(S'id'\ntR."), "os.system('id'){}");
    assert_eq!(shown(b"\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."), "os.system('id'){}");
    assert_eq!(shown(b"(S'id'\nios\nsystem\n."), "os.system('id'){}");
    assert_eq!(shown(b"cm\nC\n)\x81}S'x'\nK\x01sb."), "m.C(){}<{'x':1}>");
    assert_eq!(shown(b"cm\nD\n)\x81(K\x01K\x02u."), "m.D(){1:2}");
    assert_eq!(shown(b"(cm\nC\nK\x01o."), "m.C(1){}");
    assert_eq!(shown(b"X\x03\0\0\0keyQ."), "@'key'");
    assert_eq!(shown(b"Pkey\n."), "@'key'");
}

#[test]
fn ordered_dictionaries_of_python_2_have_their_rows_in_the_call() {
    let pickle = read(b"ccollections\nOrderedDict\n((lp0\n(lS'w'\naI5\naatR.");
    assert_eq!(show(&pickle.tree, pickle.root), "collections.OrderedDict([['w',5]]){'w':5}");
    assert_eq!(pickle.tree.entries(pickle.root).map(<[_]>::len), Some(1));
}

#[test]
fn long_texts_and_bytes_are_passed_over() {
    let text = [b"X\x10\x27\0\0".as_slice(), &[b'a'; 10_000], b"."].concat();
    let pickle = read(&text);
    assert_eq!(pickle.tree.text(pickle.root).map(str::len), Some(4096));
    assert_eq!(pickle.end, text.len() as u64);
    assert_eq!(shown([b"B\x10\x27\0\0".as_slice(), &[7; 10_000], b"."].concat()), "b10000");
}

#[test]
fn concatenated_pickles_are_read_one_by_one() {
    let blob = Memory::new(*b"\x80\x02K\x01.\x80\x02K\x02.rest");
    let mut cursor = Cursor::new(&blob, 0);
    let ends = [walk(&mut cursor).end, walk(&mut cursor).end];
    assert_eq!(ends, [5, 10]);
}

#[test]
fn what_was_built_before_a_cut_is_kept() {
    let whole: &[u8] = b"}(X\x01\0\0\0aK\x01X\x01\0\0\0b](K\x02K\x03K\x04eu.";
    assert_eq!(shown(whole), "{'a':1,'b':[2,3,4]}");
    let pickle = read(&whole[..whole.len() - 5]);
    assert!(matches!(pickle.stopped, Some(PickleError::Read(ReadError::Ended { .. }))));
    assert_eq!(show(&pickle.tree, pickle.root), "{'a':1,'b':[2,3]}");
    for end in 0..whole.len() {
        assert!(read(&whole[..end]).stopped.is_some());
    }
}

#[test]
fn malformed_ones_are_errors() {
    for bytes in [
        b"0.".as_slice(),
        b".",
        b"a.",
        b"]K\x01u.",
        b"h\x05.",
        b"(.",
        b"t.",
        b"R.",
        b"g-1\n.",
        b"Fx\n.",
        b"\xff.",
        b"K\x01(\x85.",
    ] {
        assert!(matches!(read(bytes).stopped, Some(PickleError::Malformed(_))), "{bytes:?}");
    }
}

#[test]
fn declared_lengths_are_not_believed() {
    for bytes in [
        b"X\xff\xff\xff\xffab".as_slice(),
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab",
        b"B\xff\xff\xff\x7fab",
        b"\x8b\xff\xff\xff\x7fab",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\xffab",
    ] {
        let error = read(bytes).stopped.expect("an error");
        assert_eq!(error.cause(), Cause::Truncated, "{bytes:?}");
    }
}

#[test]
fn hostile_ones_stop_at_a_limit() {
    let started = Instant::now();
    let repeated = |prefix: &[u8], unit: &[u8], times: usize| [prefix, &unit.repeat(times), b"."].concat();
    let too_large: [(&str, Vec<u8>); 6] = [
        ("marks", repeated(b"", b"(", 1 << 20)),
        ("memo", b"Nr\xff\xff\xff\xff.".to_vec()),
        ("stack", repeated(b"Nq\0", b"h\0", 2 << 20)),
        ("nodes", repeated(b"", b"]0", 3 << 20)),
        (
            "edges",
            repeated(
                &[b"]q\0(".as_slice(), &[b'N'; 1 << 19], b"eq\x01"].concat(),
                &[b"(".as_slice(), &[b'N'; 1 << 19], b"e"].concat(),
                20,
            ),
        ),
        ("line", repeated(b"S", b"a", 2 << 20)),
    ];
    for (what, bytes) in too_large {
        let error = read(bytes).stopped.unwrap_or_else(|| panic!("{what}"));
        assert_eq!(error.cause(), Cause::OverBudget, "{what}");
    }
    // Nothing recurses to build or to free them.
    assert!(read(repeated(b")", b"\x85", 1 << 20)).stopped.is_none());
    assert_eq!(read(b"]q\0h\0a.").tree.items(Id(SMALL_INTS + 256)).map(<[_]>::len), Some(1));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn errors_hold_no_content() {
    for bytes in [b"S'hunter2'\nu.".as_slice(), b"Fhunter2\n.", b"ghunter2\n.", b"X\xff\0\0\0hunter2"] {
        let error = read(bytes).stopped.expect("an error");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
