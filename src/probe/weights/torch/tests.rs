//! Trees of pickles written by hand: what a file is taken for, and what hostile ones may cost.
#![allow(clippy::arithmetic_side_effects, reason = "offsets of a few forged bytes")]

use std::time::{Duration, Instant};

use super::super::pickle::walk;
use super::*;
use crate::blob::{Cursor, Memory};
use crate::model::Dataset;

/// A value of a pickle in its bytes.
type Bytes = Vec<u8>;

fn text(value: &str) -> Bytes {
    [b"X".as_slice(), &u32::try_from(value.len()).unwrap().to_le_bytes(), value.as_bytes()].concat()
}

fn int(value: u32) -> Bytes {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

fn tuple(items: &[Bytes]) -> Bytes {
    [b"(".as_slice(), &items.concat(), b"t"].concat()
}

fn list(items: &[Bytes]) -> Bytes {
    [b"](".as_slice(), &items.concat(), b"e"].concat()
}

fn dict(rows: &[(&str, Bytes)]) -> Bytes {
    let rows: Vec<Bytes> = rows.iter().map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [b"}(".as_slice(), &rows.concat(), b"u"].concat()
}

fn global(module: &str, name: &str) -> Bytes {
    format!("c{module}\n{name}\n").into_bytes()
}

fn call(module: &str, name: &str, args: &[Bytes]) -> Bytes {
    [global(module, name), tuple(args), b"R".to_vec()].concat()
}

/// An instance with attributes.
fn instance(module: &str, name: &str, state: &Bytes) -> Bytes {
    [global(module, name), b")\x81".to_vec(), state.clone(), b"b".to_vec()].concat()
}

fn shape(extents: &[u32]) -> Bytes {
    tuple(&extents.iter().map(|&extent| int(extent)).collect::<Vec<_>>())
}

/// A tensor in a storage of its own class and key.
fn tensor(class: &str, key: &str, extents: &[u32]) -> Bytes {
    let id = tuple(&[text("storage"), global("torch", class), text(key), text("cpu"), int(extents.iter().product())]);
    let storage = [id, b"Q".to_vec()].concat();
    call("torch._utils", "_rebuild_tensor_v2", &[storage, int(0), shape(extents), shape(&[]), b"\x89".to_vec()])
}

fn floats(key: &str, extents: &[u32]) -> Bytes {
    tensor("FloatStorage", key, extents)
}

/// Four elements under two names.
fn state() -> Bytes {
    dict(&[("fc.weight", floats("0", &[1, 3])), ("fc.bias", floats("1", &[1]))])
}

fn optimizer() -> Bytes {
    let moments = dict(&[("exp_avg", floats("2", &[5])), ("step", int(1))]);
    dict(&[("state", [b"}K\0".to_vec(), moments, b"s".to_vec()].concat()), ("param_groups", list(&[dict(&[])]))])
}

fn found(pickle: &[u8]) -> Finding {
    let bytes = [b"\x80\x02".as_slice(), pickle, b"."].concat();
    describe(&walk(&mut Cursor::new(&Memory::new(bytes), 0)), "zip").unwrap()
}

fn weights_of(pickle: &[u8]) -> Weights {
    match found(pickle).fact {
        Fact::Weights(weights) => *weights,
        other => panic!("{other:?}"),
    }
}

fn data_of(pickle: &[u8]) -> Option<Dataset> {
    match found(pickle).fact {
        Fact::Dataset(dataset) => Some(*dataset),
        _ => None,
    }
}

#[test]
fn what_a_dictionary_is_taken_for() {
    let nested = dict(&[("language_model", state())]);
    let args = instance("argparse", "Namespace", &dict(&[("data", text("/data/a"))]));
    // Kind, path to the model, parameters, whether there is an optimizer.
    type Expected<'a> = (&'a str, Option<&'a str>, Option<u64>, Option<bool>);
    let cases: Vec<(Bytes, Expected)> = vec![
        (state(), ("state_dict", None, Some(4), None)),
        (dict(&[("G", state()), ("D", state())]), ("state_dict", None, Some(8), None)),
        (
            dict(&[("netG", state()), ("netD", state()), ("g_ema", state()), ("iter", int(3))]),
            ("training_checkpoint", None, Some(8), Some(false)),
        ),
        (dict(&[("params_ema", state())]), ("state_dict", Some("params_ema"), Some(4), None)),
        (dict(&[("params", state()), ("params_ema", state())]), ("state_dict", Some("params"), Some(4), None)),
        (
            dict(&[("model", state()), ("optimizer", optimizer())]),
            ("training_checkpoint", Some("model"), Some(4), Some(true)),
        ),
        (
            dict(&[("model", state()), ("optimizer", b"N".to_vec())]),
            ("training_checkpoint", Some("model"), Some(4), Some(false)),
        ),
        (
            dict(&[("model", nested), ("args", args.clone())]),
            ("training_checkpoint", Some("model.language_model"), Some(4), Some(false)),
        ),
        (
            dict(&[("state_dict", state()), ("best", floats("9", &[1]))]),
            ("training_checkpoint", Some("state_dict"), Some(4), Some(false)),
        ),
        (
            dict(&[("models", list(&[state(), state()])), ("optim", list(&[optimizer()]))]),
            ("training_checkpoint", Some("models"), Some(8), Some(true)),
        ),
        (
            dict(&[("nets", tuple(&[state(), state()])), ("fold", int(1))]),
            ("training_checkpoint", Some("nets"), Some(8), Some(false)),
        ),
        (tuple(&[state(), dict(&[("d", int(1))])]), ("training_checkpoint", Some("0"), Some(4), Some(false))),
        (list(&[floats("0", &[2]), floats("1", &[3])]), ("tensors", None, Some(5), None)),
        (optimizer(), ("optimizer_state", None, Some(0), None)),
        (
            dict(&[("optimizer_state_dict", optimizer()), ("ds_version", text("0.14"))]),
            ("optimizer_state", None, None, None),
        ),
        (dict(&[("base_lrs", list(&[])), ("last_epoch", int(8))]), ("scheduler_state", None, None, None)),
        (
            dict(&[("python", tuple(&[])), ("cpu", tensor("ByteStorage", "0", &[5056]))]),
            ("rng_state", None, None, None),
        ),
        (tensor("ByteStorage", "0", &[5056]), ("rng_state", None, None, None)),
        (floats("0", &[]), ("tensor", None, Some(1), None)),
        (args, ("training_args", None, None, None)),
        (dict(&[("loss", list(&[int(1)]))]), ("other", None, None, None)),
    ];
    for (index, (pickle, expected)) in cases.iter().enumerate() {
        let weights = weights_of(pickle);
        let is = (
            weights.kind.as_deref().unwrap(),
            weights.model_key.as_deref(),
            weights.parameter_count,
            weights.has_optimizer,
        );
        assert_eq!(&is, expected, "case {index}");
    }
}

#[test]
fn data_is_told_from_weights_by_structure() {
    let strings = |count: usize| list(&vec![text("S"); count]);
    let column = |rows: u32| floats("0", &[rows, 6]);
    let many: Vec<(String, Bytes)> = (0..20).map(|i| (format!("P{i}"), floats("0", &[8]))).collect();
    let many = |prefix: &str| -> Bytes {
        dict(
            &many
                .iter()
                .map(|(key, value)| (Box::leak(format!("{prefix}{key}").into_boxed_str()) as &str, value.clone()))
                .collect::<Vec<_>>(),
        )
    };
    let data: Vec<(Bytes, Option<u64>)> = vec![
        (dict(&[("x", column(50)), ("y", floats("1", &[50])), ("subject", strings(50))]), Some(50)),
        (dict(&[("m", column(9)), ("donor", strings(9))]), Some(9)),
        (dict(&[("X_train", column(8)), ("X_test", column(2))]), None),
        (
            dict(&[
                ("train", dict(&[("x", column(8)), ("y", floats("1", &[8]))])),
                ("test", dict(&[("x", column(2)), ("y", floats("1", &[2]))])),
            ]),
            Some(10),
        ),
        (tuple(&[column(7), floats("1", &[7])]), Some(7)),
        (column(100), Some(100)),
        (many(""), Some(20)),
    ];
    for (index, (pickle, rows)) in data.iter().enumerate() {
        let dataset = data_of(pickle).unwrap_or_else(|| panic!("case {index}"));
        assert_eq!((dataset.kind.as_deref(), dataset.table.row_count), (Some("tensor_data"), *rows), "case {index}");
    }
    assert!(data_of(&many("")).unwrap().keys.is_empty(), "items may be people");
    let weights = [
        state(),
        dict(&[("W", floats("0", &[10, 5])), ("b", floats("1", &[10]))]),
        dict(&[("weight", floats("0", &[10, 5])), ("bias", floats("1", &[10]))]),
        dict(&[("mean", floats("0", &[3])), ("std", floats("1", &[3]))]),
        dict(&[("prompt_embeddings", floats("0", &[20, 64]))]),
        dict(&[("x", state()), ("y", state())]),
        many("layer_"),
    ];
    for (index, pickle) in weights.iter().enumerate() {
        assert!(data_of(pickle).is_none(), "case {index}");
    }
}

#[test]
fn modules_are_named_as_their_state_is() {
    let hidden = call("__builtin__", "set", &[list(&[text("cache")])]);
    let leaf = instance(
        "torch.nn",
        "Linear",
        &dict(&[
            ("_parameters", dict(&[("weight", floats("0", &[2, 3]))])),
            ("_buffers", dict(&[])),
            ("_modules", dict(&[])),
        ]),
    );
    let root = instance(
        "acme.nets",
        "Net",
        &dict(&[
            ("_parameters", dict(&[("scale", floats("1", &[4])), ("none", b"N".to_vec())])),
            ("_buffers", dict(&[("mean", floats("2", &[5])), ("cache", floats("3", &[100]))])),
            ("_non_persistent_buffers_set", hidden),
            ("_modules", dict(&[("fc", leaf)])),
        ]),
    );
    let module = weights_of(&root);
    assert_eq!(
        (module.kind.as_deref(), module.parameter_count, module.tensor_count),
        (Some("pickled_module"), Some(15), Some(3))
    );
    assert_eq!(module.pickle_root_class.as_deref(), Some("acme.nets.Net"));
    let named = weights_of(&dict(&[
        ("fc.weight", floats("0", &[2, 3])),
        ("scale", floats("1", &[4])),
        ("mean", floats("2", &[5])),
    ]));
    assert_eq!(module.structure, named.structure);
    let checkpoint = weights_of(&dict(&[("model", b"N".to_vec()), ("ema", root), ("epoch", int(3))]));
    assert_eq!(
        (checkpoint.model_key.as_deref(), checkpoint.epoch, checkpoint.parameter_count),
        (Some("ema"), Some(3), Some(15))
    );
}

#[test]
fn classes_of_legacy_files_are_named_beside_their_source() {
    let id = tuple(&[text("module"), global("acme.nets", "Net"), text("/src/nets.py"), text("class Net: ...")]);
    let state = dict(&[("_parameters", dict(&[("w", floats("0", &[2]))])), ("_modules", dict(&[]))]);
    let module = weights_of(&[id, b"Q)\x81".to_vec(), state, b"b".to_vec()].concat());
    assert_eq!((module.pickle_root_class.as_deref(), module.parameter_count), (Some("acme.nets.Net"), Some(2)));
}

#[test]
fn tensors_in_every_wrapping() {
    let plain = floats("0", &[2, 3]);
    let storage = |class: &str| {
        let id = tuple(&[text("storage"), global("torch.storage", class), text("1"), text("cpu"), int(6)]);
        [id, b"Q".to_vec()].concat()
    };
    let size = || shape(&[2, 3]);
    let v3 = [
        storage("UntypedStorage"),
        int(0),
        size(),
        size(),
        b"\x89".to_vec(),
        b"N".to_vec(),
        global("torch", "float8_e4m3fn"),
    ];
    let old = [storage("HalfStorage"), int(0), size(), size()];
    let wrapped = [global("acme", "Quantized"), global("torch", "bfloat16"), size(), size()];
    let cases = [
        (call("torch._utils", "_rebuild_parameter", &[plain.clone(), b"\x88".to_vec(), b"N".to_vec()]), "float32"),
        (call("torch._utils", "_rebuild_tensor_v3", &v3), "float8_e4m3fn"),
        (call("torch._utils", "_rebuild_tensor", &old), "float16"),
        (
            call("torch._utils", "_rebuild_qtensor", &[storage("QInt8Storage"), int(0), size(), size(), tuple(&[])]),
            "qint8",
        ),
        (call("torch._utils", "_rebuild_wrapper_subclass", &wrapped), "bfloat16"),
        (
            call(
                "torch._utils",
                "_rebuild_sparse_tensor",
                &[global("torch", "sparse_coo"), tuple(&[floats("3", &[2, 1]), floats("4", &[1]), size()])],
            ),
            "float32",
        ),
        (
            call(
                "torch._tensor",
                "_rebuild_from_type_v2",
                &[global("torch._utils", "_rebuild_tensor"), global("acme", "T"), tuple(&old), b"N".to_vec()],
            ),
            "float16",
        ),
    ];
    for (index, (tensor, dtype)) in cases.into_iter().enumerate() {
        let weights = weights_of(&dict(&[("a.weight", tensor)]));
        assert_eq!(weights.dtypes.into_iter().collect::<Vec<_>>(), [(dtype.to_owned(), 6)], "case {index}");
    }
    // Calls that only look like one.
    for tensor in [
        call("torch._utils", "_rebuild_tensor_v2", &[]),
        call("acme", "_rebuild_tensor_v2", &old),
        call("torch._utils", "_rebuild_parameter", &[int(1)]),
    ] {
        assert_eq!(weights_of(&dict(&[("a.weight", tensor)])).kind.as_deref(), Some("other"));
    }
}

#[test]
fn counts_written_as_numpy_scalars() {
    let dtype = [call("numpy", "dtype", &[text("i8"), b"\x89".to_vec(), b"\x88".to_vec()])].concat();
    let bytes = call("_codecs", "encode", &[text("\u{4d}\0\0\0\0\0\0\0"), text("latin1")]);
    let scalar = call("numpy._core.multiarray", "scalar", &[dtype.clone(), bytes]);
    let negative = call("numpy.core.multiarray", "scalar", &[dtype, b"C\x08\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()]);
    let weights = weights_of(&dict(&[("state_dict", state()), ("epoch", scalar), ("step", negative)]));
    assert_eq!((weights.epoch, weights.global_step), (Some(77), None));
}

#[test]
fn epochs_and_steps_under_the_names_of_frameworks() {
    let scheduler = || dict(&[("last_epoch", int(9))]);
    for (key, value, expected) in [
        ("meta", dict(&[("epoch", int(3)), ("iter", int(7))]), (Some(3), Some(7))),
        ("trainer", dict(&[("Epoch", int(3)), ("global_step", int(7))]), (Some(3), Some(7))),
        ("Epoch", int(3), (Some(3), None)),
        ("epoch_idx", int(3), (Some(3), None)),
        ("last_epoch", int(3), (Some(3), None)),
        ("Step", int(7), (None, Some(7))),
        ("extra_state", dict(&[("train_iterator", dict(&[("epoch", int(3))]))]), (Some(3), None)),
        ("config", dict(&[("epoch", int(3)), ("steps", int(7))]), (None, None)),
    ] {
        let weights = weights_of(&dict(&[("model", state()), ("lr_scheduler", scheduler()), (key, value)]));
        assert_eq!((weights.epoch, weights.global_step), expected, "{key}");
    }
}

#[test]
fn no_secret_leaves() {
    let token = format!("hf_{}", "aB3dE".repeat(7));
    let inner = dict(&[("db_password", text("hunter2")), ("note", text(&token))]);
    let fields = [
        ("hub_token", text("anything")),
        ("out", text("/srv/out")),
        ("inner", inner),
        ("mail", text("alice@acme.example")),
    ];
    let namespace = instance("argparse", "Namespace", &dict(&fields));
    for pickle in [
        namespace.clone(),
        dict(&[("model", state()), ("args", namespace.clone()), ("config", namespace), (&token, int(1))]),
    ] {
        let published = serde_json::to_string(&weights_of(&pickle)).unwrap();
        assert!(published.contains("/srv/out"));
        for secret in ["anything", "hunter2", "alice", &token] {
            assert!(!published.contains(secret), "{published}");
        }
    }
}

#[test]
fn arguments_of_omegaconf_and_enumerations() {
    let leaf = instance("omegaconf.nodes", "AnyNode", &dict(&[("_val", text("/data/b"))]));
    let config = instance(
        "omegaconf.dictconfig",
        "DictConfig",
        &dict(&[("_metadata", b"N".to_vec()), ("_content", dict(&[("path", leaf)]))]),
    );
    let path = call("pathlib", "PosixPath", &[text("/"), text("srv"), text("out")]);
    let strategy = call("acme", "Strategy", &[text("steps")]);
    let config = weights_of(&dict(&[
        ("model", state()),
        ("cfg", dict(&[("data", config), ("out", path), ("every", strategy)])),
    ]));
    let expected = serde_json::json!({"data": {"path": "/data/b"}, "out": "/srv/out", "every": "steps"});
    assert_eq!(serde_json::to_value(config.args).unwrap(), expected);
}

#[test]
fn partitioned_checkpoints_are_counted_by_their_shapes() {
    let module = dict(&[("fc.weight", tensor("HalfStorage", "0", &[0]))]);
    let size = call("torch", "Size", &[shape(&[1000, 1000])]);
    let weights = weights_of(&dict(&[
        ("module", module),
        ("param_shapes", list(&[dict(&[("fc.weight", size)])])),
        ("ds_version", text("0.14.2")),
    ]));
    assert_eq!((weights.parameter_count, weights.tensor_count), (Some(1_000_000), Some(1)));
    assert_eq!(weights.producer.as_deref(), Some("deepspeed 0.14.2"));
}

/// A dictionary of two names for a dictionary of two names for …, `levels` deep.
fn laughs(leaf: &[u8], levels: u32) -> Bytes {
    let mut bytes = [leaf, b"r\x01\0\0\0"].concat();
    for level in 1..=levels {
        bytes.push(b'0');
        let get = [b"j".as_slice(), &level.to_le_bytes()].concat();
        bytes.extend(dict(&[("a", get.clone()), ("b", get)]));
        bytes.extend([b"r".as_slice(), &(level + 1).to_le_bytes()].concat());
    }
    bytes
}

#[test]
fn sharing_and_cycles_are_bounded() {
    let started = Instant::now();
    let around = |pickle: Bytes| {
        [
            dict(&[("model", pickle.clone())]),
            dict(&[("optimizer", pickle.clone())]),
            dict(&[("model", state()), ("args", pickle.clone()), ("rng", pickle.clone())]),
            pickle,
        ]
    };
    for pickle in around(laughs(&floats("0", &[3]), 60)).into_iter().chain(around(laughs(b"K\x01", 60))) {
        found(&pickle);
    }
    let deep = dict(&[("w", floats("1", &[2])), ("deep", laughs(&floats("0", &[3]), 40))]);
    let counted = found(&dict(&[("model", deep)]));
    assert!(counted.notes.iter().any(|(cause, _)| *cause == Cause::OverBudget));
    // A dictionary that holds itself, a module that is its own module, a parameter of itself.
    let [_, _] = [b"}q\0X\x01\0\0\0ah\0s".as_slice(), b"}q\0X\x05\0\0\0modelh\0s"].map(found);
    found(b"cm\nM\n)\x81q\0}(X\x0b\0\0\0_parameters}X\x08\0\0\0_modules}X\x01\0\0\0ah\0sub");
    found(
        b"}X\x01\0\0\0actorch._utils\n_rebuild_parameter\n](N\x88NtR0ctorch._utils\n_rebuild_parameter\n]q\0h\0a\x85Rs",
    );
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn sums_that_overflow_are_an_error() {
    let huge =
        call("torch._utils", "_rebuild_meta_tensor_no_storage", &[global("torch", "int8"), shape(&[0x7fff_ffff; 3])]);
    let bytes = [b"\x80\x02".as_slice(), &dict(&[("a.weight", huge)]), b"."].concat();
    assert!(describe(&walk(&mut Cursor::new(&Memory::new(bytes), 0)), "zip").is_err());
}
