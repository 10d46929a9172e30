//! One asset a model, however it lies in a directory or an archive: what only several files together show.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod forge;

use std::fs;
use std::path::Path;

use blastmap::model::{Asset, Inventory, Kind, Presence, RelationKind};
use forge::place::{asset, inventory, plan};
use forge::{Body, safetensors, tar};

const ADAPTER: &str = r#"{"peft_type": "LORA", "base_model_name_or_path": "/srv/models/pert-base", "r": 8}"#;
const CONFIG: &str = r#"{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 4, "vocab_size": 9}"#;

/// A directory of these files, and what a scan of it says.
fn scan(files: &[(&str, &[u8])]) -> Inventory {
    let place = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    inventory(&plan(place.path()))
}

fn models(inventory: &Inventory) -> Vec<&Asset> {
    let is_model = |asset: &&Asset| asset.kind == Kind::Model && asset.presence == Presence::Present;
    inventory.assets.iter().filter(is_model).collect()
}

fn only(inventory: &Inventory) -> &Asset {
    let models = models(inventory);
    let places: Vec<String> = models.iter().map(|asset| asset.files[0].locator.to_string()).collect();
    assert_eq!(models.len(), 1, "{places:?}");
    models[0]
}

fn names(asset: &Asset) -> Vec<String> {
    asset.files.iter().map(|file| file.locator.to_string()).collect()
}

fn capture(path: &str) -> Vec<u8> {
    fs::read(Path::new("fixtures/weights").join(path)).unwrap()
}

#[test]
fn an_archive_of_nemo_is_one_model_with_what_is_in_it() {
    let found = scan(&[("speech/ward.nemo", &capture("nemo/asr/input.nemo"))]);
    let model = only(&found);
    assert_eq!((model.format.as_str(), model.name.as_str()), ("nemo", "ward.nemo"));
    assert_eq!(model.fact.weights().unwrap().parameter_count, Some(805));
    assert!(names(model).iter().any(|name| name.ends_with("ward.nemo!/./model_weights.ckpt")), "{:?}", names(model));
}

#[test]
fn a_checkpoint_of_nemo_2_is_one_model() {
    let io = br#"{"objects": {"m": {"type": {"type": "pyref", "module": "nemo.collections.llm.gpt.model.llama", "name": "LlamaModel"}}}}"#;
    let dcp = fs::read("fixtures/corpus/models/torch/dcp/step_200/.metadata").unwrap();
    let found = scan(&[
        ("run/step=200-last/context/io.json", io),
        ("run/step=200-last/context/model.yaml", b"_target_: nemo.collections.llm.gpt.model.llama.LlamaModel\n"),
        ("run/step=200-last/weights/.metadata", &dcp),
        ("run/step=200-last/weights/metadata.json", br#"{"sharded_backend": "torch_dist", "common_backend": "torch"}"#),
    ]);
    let model = only(&found);
    assert_eq!((model.format.as_str(), model.files.len()), ("nemo-checkpoint", 4));
    let weights = model.fact.weights().unwrap();
    assert_eq!(weights.architecture.as_deref(), Some("LlamaModel"));
    assert!(weights.parameter_count.is_some_and(|count| count > 0));
}

#[test]
fn versions_in_another_precision_belong_to_the_model() {
    let whole = safetensors::small();
    let found = scan(&[
        ("unet/diffusion_pytorch_model.safetensors", &whole),
        ("unet/diffusion_pytorch_model.fp16.safetensors", &whole),
        ("unet/diffusion_pytorch_model.non_ema.safetensors", &whole),
        ("unet/config.json", CONFIG.as_bytes()),
    ]);
    let model = only(&found);
    let weights = model.fact.weights().unwrap();
    assert_eq!(weights.variants, ["fp16", "non_ema"]);
    assert_eq!(weights.parameter_count, Some(safetensors::SMALL_ELEMENTS));
    assert_eq!(model.files.len(), 4);
    let alone = scan(&[("m/model.fp16.safetensors", &whole), ("m/classifier.safetensors", &whole)]);
    assert_eq!(models(&alone).len(), 2);
}

#[test]
fn shards_in_a_folder_and_without_an_ending_are_found() {
    let index = br#"{"metadata": {}, "weight_map": {"a": "shards/one", "b": "shards/two", "c": "three.safetensors"}}"#;
    let whole = safetensors::small();
    let files: [(&str, &[u8]); 3] =
        [("m/model.safetensors.index.json", index), ("m/shards/one", &whole), ("m/shards/two", &whole)];
    let found = scan(&files);
    let weights = only(&found).fact.weights().unwrap();
    assert_eq!((weights.shards, weights.shards_present), (Some(3), Some(2)));
    assert_eq!(weights.parameter_count, Some(2 * safetensors::SMALL_ELEMENTS));
}

#[test]
fn names_without_a_byte_of_weights_are_no_model() {
    let (header, _) = safetensors::header(&[("a".to_owned(), "F32", vec![2, 2])]);
    let found = scan(&[("model.safetensors", &header)]);
    assert!(models(&found).is_empty());
    assert_eq!(found.gaps.len(), 1);
    assert_eq!(asset(&found, "model.safetensors").unwrap().presence, Presence::Unverified);
}

#[test]
fn an_adapter_was_made_from_its_base() {
    let whole = safetensors::small();
    let found = scan(&[
        ("models/pert-base/model.safetensors", &whole),
        ("models/pert-base/config.json", CONFIG.as_bytes()),
        ("lora/adapter_model.safetensors", &whole),
        ("lora/adapter_config.json", ADAPTER.as_bytes()),
        ("lora/README.md", b"---\nbase_model: /srv/models/pert-base\ndatasets:\n- acme/wards\nlicense: other\n---\n"),
    ]);
    let edge = found.relations.iter().find(|edge| edge.kind == RelationKind::DerivedFrom).unwrap();
    let (adapter, base) =
        (asset(&found, "lora/adapter_model.safetensors"), asset(&found, "models/pert-base/config.json"));
    assert_eq!((&edge.from, &edge.to), (&adapter.unwrap().id, &base.unwrap().id));
    let weights = adapter.unwrap().fact.weights().unwrap();
    assert_eq!(
        (weights.datasets.as_slice(), weights.license.as_deref()),
        (&["acme/wards".to_owned()][..], Some("other"))
    );
}

#[test]
fn arrays_beside_an_old_pickle_of_joblib_are_parts_of_it() {
    let array = |code: &str| {
        let header = format!("{{'descr': '{code}', 'fortran_order': False, 'shape': (3,), }}");
        let header = format!("{header}{}\n", " ".repeat(63 - (header.len() + 10) % 64));
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &[0; 24]].concat()
    };
    let pickle = capture("pickle/joblib-0.9/input.pkl");
    let found = scan(&[
        ("m/model.pkl", &pickle),
        ("m/model.pkl_01.npy", &array("<f8")),
        ("m/model.pkl_02.npy", &array("<f8")),
        ("m/other.npy", &array("<f8")),
    ]);
    let weights = only(&found).fact.weights().unwrap();
    assert_eq!((weights.shards, weights.shards_present), (Some(4), Some(2)));
    assert_eq!(only(&found).files.len(), 3);
    assert_eq!(asset(&found, "m/other.npy").unwrap().kind, Kind::Dataset);
}

/// A hub cache as `tar` packs it: blobs, then links to them.
fn packed_cache(links_first: bool) -> Vec<u8> {
    let (blob, config) = ("f".repeat(64), "0".repeat(40));
    let root = "hub/models--acme--pert";
    let link = |name: &str, to: &str| {
        let mut block = tar::header(format!("{root}/snapshots/{}/{name}", "c".repeat(40)).as_bytes(), b'2', 0);
        let target = format!("../../blobs/{to}");
        block[157..157 + target.len()].copy_from_slice(target.as_bytes());
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    };
    let links = [link("model.safetensors", &blob), link("config.json", &config)].concat();
    let mut out = tar::Tar::in_memory();
    if links_first {
        out.raw(&links);
    }
    out.file(format!("{root}/blobs/{blob}").as_bytes(), Body::Bytes(&safetensors::small()));
    out.file(format!("{root}/blobs/{config}").as_bytes(), Body::Bytes(CONFIG.as_bytes()));
    if !links_first {
        out.raw(&links);
    }
    out.end().into_inner()
}

#[test]
fn a_packed_cache_keeps_its_names() {
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut out, bytes).unwrap();
        out.finish().unwrap()
    };
    for links_first in [false, true] {
        let packed = packed_cache(links_first);
        for (name, bytes) in [("cache.tar", packed.clone()), ("cache.tar.gz", gzip(&packed))] {
            let found = scan(&[(name, &bytes)]);
            let model = only(&found);
            let weights = model.fact.weights().unwrap();
            assert_eq!((model.format.as_str(), weights.repo_id.as_deref()), ("hf-cache", Some("acme/pert")), "{name}");
            assert_eq!(weights.architecture.as_deref(), Some("BertModel"), "{name} {links_first}");
            assert!(names(model).iter().any(|file| file.ends_with("/config.json")));
            assert_eq!(model.size, (safetensors::small().len() + CONFIG.len()) as u64);
        }
    }
}

#[test]
fn marks_of_the_newest_checkpoint_belong_to_it() {
    let state = capture("torch-zip/deepspeed/input.pt");
    let found = scan(&[
        ("out/latest", b"global_step200"),
        ("out/zero_to_fp32.py", b"def get_fp32_state_dict_from_zero_checkpoint(checkpoint_dir): ..."),
        ("out/global_step200/mp_rank_00_model_states.pt", &state),
        (
            "out/global_step200/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
            &capture("torch-zip/deepspeed-optimizer/input.pt"),
        ),
    ]);
    let model = only(&found);
    assert_eq!((model.format.as_str(), model.files.len()), ("deepspeed-zero", 4));
}
