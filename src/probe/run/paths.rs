//! Which settings of a run name its data, its checkpoints, its output and the model it began from.
//!
//! Trackers keep settings as free names and values. A name is taken apart into words (`data.train-file`, `trainFile`,
//! `datadir`), and the words decide together with the shape of the value: `data=/srv/a.h5ad` and `dataset=squad` name
//! data, `data.seed=1` and `train=true` do not. In doubt nothing is said: a wrong path sends an investigator astray.

use crate::model::{Run, publishable};

/// What a setting names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::probe) enum PathSort {
    /// Data that was read.
    Data,
    /// Checkpoints that were written.
    Checkpoint,
    /// Where results went.
    Output,
    /// A model it began from.
    Base,
}

/// Longest value that is a path.
const MAX_VALUE: usize = 1024;
/// Most paths of a sort that are kept of one run.
const MAX_PATHS: usize = 256;

/// Words that name data by themselves.
const DATA: &str = "data dataset datasets corpus corpora manifest manifests cohort h5ad adata csv parquet jsonl";
/// Words that name data beside a word for a place.
const PART: &str = "train training val valid validation dev test eval evaluation input inputs in image images annotation \
    annotations shards samples reference";
/// Words for a place.
const PLACE: &str = "path paths dir dirs directory directories file files filepath filepaths filename filenames folder folders \
    root uri uris url urls location csv parquet jsonl h5ad dirpath";
/// Words beside those of data that change nothing.
const FILLER: &str = "name names id raw processed source src set sets args ds base";
const CHECKPOINT: &str = "checkpoint checkpoints ckpt ckpts chkpt snapshot snapshots checkpointing";
const MODEL: &str = "model models weights pretrained backbone adapter";
/// Words of a beginning, beside a model or a checkpoint.
const BEGIN: &str =
    "resume resumed from load init initial restore pretrained base start finetune foundation warm warmstart";
const OUTPUT: &str = "output outputs out save saved log logs logging result results work working exp artifact artifacts \
    tensorboard";
/// Endings of file names that trainers read and write.
const ENDINGS: &str = ".csv .tsv .parquet .json .jsonl .h5ad .h5 .hdf5 .npy .npz .arrow .txt .gz .zst .zip .tar .zarr .lmdb .db \
    .sqlite .tfrecord .bin .yaml .yml .pt .pth .ckpt .safetensors .pkl .onnx .gguf .h5mu .loom .feather";

/// What a setting of this name and value names, if that is plain.
pub(in crate::probe) fn sort(key: &str, value: &str) -> Option<PathSort> {
    let value = value.trim();
    if !is_name(value) {
        return None;
    }
    let words = words(key);
    let has = |list: &str| words.iter().any(|word| holds(list, word));
    let is_at_place = words.last().is_some_and(|word| holds(PLACE, word));
    let is_path = looks_like_path(value);
    let (checkpoint, model, begin) = (has(CHECKPOINT), has(MODEL), has(BEGIN));
    if begin && (checkpoint || model) || words.iter().any(|word| word.starts_with("resume")) && is_path {
        // `init_weights=xavier` is a way, and no model; `base_model=bert` is one.
        let names_model = words.iter().any(|word| matches!(word.as_str(), "base" | "pretrained" | "foundation"));
        return (is_path || names_model).then_some(PathSort::Base);
    }
    if checkpoint {
        return (is_path || is_at_place).then_some(PathSort::Checkpoint);
    }
    if has(OUTPUT) {
        let all_known = words.iter().all(|word| {
            let word = word.as_str();
            holds(OUTPUT, word) || holds(PLACE, word) || holds(MODEL, word) || holds(DATA, word)
        });
        let is_file = words.last().is_some_and(|word| word.starts_with("file"));
        return ((is_at_place && !is_file || all_known && is_path && !has("log logging")) && (is_path || all_known))
            .then_some(PathSort::Output);
    }
    if model {
        let is_only = words
            .iter()
            .all(|word| holds(MODEL, word) || matches!(word.as_str(), "name" | "or" | "path" | "id" | "file" | "uri"));
        return (is_only && is_path).then_some(PathSort::Base);
    }
    let all_known = words.iter().all(|word| {
        let word = word.as_str();
        holds(DATA, word) || holds(PART, word) || holds(PLACE, word) || holds(FILLER, word)
    });
    let is_data = match (has(DATA), has(PART)) {
        (true, _) => all_known || is_at_place && is_path,
        (false, true) => is_path && (is_at_place || words.len() == 1),
        (false, false) => false,
    };
    is_data.then_some(PathSort::Data)
}

/// Puts what a setting names where it belongs.
pub(in crate::probe) fn fill(run: &mut Run, key: &str, value: &str) {
    let Some(sort) = sort(key, value) else { return };
    let value = publishable(key, value.trim());
    let list = match sort {
        PathSort::Data => {
            run.dataset_path.get_or_insert_with(|| value.clone());
            &mut run.dataset_paths
        }
        PathSort::Checkpoint => {
            run.checkpoint_path.get_or_insert_with(|| value.clone());
            &mut run.checkpoint_paths
        }
        PathSort::Output => {
            run.output_dir.get_or_insert(value);
            return;
        }
        PathSort::Base => {
            run.base_model.get_or_insert(value);
            return;
        }
    };
    if list.len() < MAX_PATHS && !list.contains(&value) {
        list.push(value);
    }
}

/// The same for the arguments of a command: `--data x`, `--data=x`, `data.path=x`.
pub(in crate::probe) fn fill_arguments<'a>(run: &mut Run, arguments: impl Iterator<Item = &'a str>) {
    let mut flag: Option<&str> = None;
    for argument in arguments {
        let bare = argument.trim_start_matches('-');
        let is_flag = bare.len() < argument.len();
        match (bare.split_once('='), flag.take()) {
            (Some((key, value)), _) if is_flag || !key.contains('/') => fill(run, key, value),
            (_, _) if is_flag => flag = Some(bare),
            (_, Some(key)) => fill(run, key, argument),
            _ => {}
        }
    }
}

/// The words of the last part of a name; of the part before too, where the last says no more than `path` or `name`.
fn words(key: &str) -> Vec<String> {
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = key.rsplit(['.', '/', ':']).filter(|part| !is_number(part));
    let mut words = split(parts.next().unwrap_or_default());
    let says = |words: &[String]| {
        words.iter().any(|word| {
            let word = word.as_str();
            !(holds(PLACE, word) || holds(PART, word) || holds(FILLER, word) || word == "or" || word == "save")
        })
    };
    if !says(&words)
        && let Some(before) = parts.next()
    {
        words.splice(0..0, split(before));
    }
    words
}

/// Whether a word is one of a list.
fn holds(list: &str, word: &str) -> bool {
    list.split(' ').any(|other| other == word)
}

/// `trainFile`, `train-file`, `train_file` and `trainfile` are two words.
fn split(part: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for char in part.chars().take(128) {
        let breaks = !char.is_alphanumeric() || char.is_uppercase() && was_lower;
        if breaks {
            words.push(String::new());
        }
        was_lower = char.is_lowercase() || char.is_numeric();
        if let Some(word) = words.last_mut().filter(|_| char.is_alphanumeric()) {
            word.extend(char.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words.into_iter().flat_map(|word| unjoin(&word)).collect()
}

/// `datadir` is `data` and `dir`.
fn unjoin(word: &str) -> Vec<String> {
    for place in PLACE.split(' ') {
        if let Some(front) = word.strip_suffix(place)
            && [DATA, PART, CHECKPOINT, MODEL, OUTPUT].iter().any(|list| holds(list, front))
        {
            return vec![front.to_owned(), place.to_owned()];
        }
    }
    vec![word.to_owned()]
}

/// Whether a value can be a path or the name of something: no number, no truth value, no structure, no sentence.
fn is_name(value: &str) -> bool {
    const NOTHING: &str = "true false yes no none null nan auto default";
    !value.is_empty()
        && value.len() <= MAX_VALUE
        && !NOTHING.split(' ').any(|word| value.eq_ignore_ascii_case(word))
        && value.parse::<f64>().is_err()
        && !value.starts_with(['{', '[', '<', '('])
        && !value.contains(['\n', '\r', '\0'])
        && (!value.contains(' ') || looks_like_path(value))
        && value.chars().any(char::is_alphanumeric)
}

fn looks_like_path(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.contains(['/', '\\']) || ENDINGS.split(' ').any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::PathSort::{Base, Checkpoint, Data, Output};
    use super::*;

    #[test]
    fn settings_that_name_something() {
        for (key, value, want) in [
            ("data", "/data/perturb/train.h5ad", Data),
            ("dataset", "squad", Data),
            ("data.path", "/data/a", Data),
            ("dataset.name", "glue", Data),
            ("train_file", "a.csv", Data),
            ("trainFile", "a.csv", Data),
            ("--train-file", "a.csv", Data),
            ("datadir", "/data", Data),
            ("data_dir", "data", Data),
            ("datamodule.data_dir", "./data", Data),
            ("cfg/data/train", "s3://bucket/train", Data),
            ("model.train_ds.manifest_filepath", "/data/m.json", Data),
            ("perturb_h5ad_path", "/data/x.h5ad", Data),
            ("train", "coco/train.txt", Data),
            ("data.files.0", "/data/0.parquet", Data),
            ("input_dir", "/in", Data),
            ("test_csv", "/in/test.csv", Data),
            ("ckpt_dir", "out/ckpt", Checkpoint),
            ("checkpoint_path", "/scratch/out/last.pt", Checkpoint),
            ("trainer.checkpoint.dirpath", "/scratch/out/ckpt", Checkpoint),
            ("output_dir", "out", Output),
            ("outdir", "out", Output),
            ("out", "/scratch/out", Output),
            ("save_dir", "/scratch/out", Output),
            ("logdir", "logs", Output),
            ("output_data_dir", "/scratch/out", Output),
            ("model_name_or_path", "meta-llama/Llama-2-7b", Base),
            ("base_model", "bert-base-cased", Base),
            ("pretrained", "/models/x.pt", Base),
            ("resume_from_checkpoint", "/scratch/last.ckpt", Base),
            ("model", "yolov8n.pt", Base),
            ("weights", "yolov5s.pt", Base),
        ] {
            assert_eq!(sort(key, value), Some(want), "{key}={value}");
        }
    }

    #[test]
    fn settings_that_name_nothing() {
        for (key, value) in [
            ("data", "true"),
            ("data.seed", "1"),
            ("data.format", "csv"),
            ("data_type", "float32"),
            ("train", "true"),
            ("train", "full"),
            ("val", "x"),
            ("lr", "0.1"),
            ("model", "resnet50"),
            ("model_name", "resnet50"),
            ("init_weights", "xavier"),
            ("resume_from_checkpoint", "True"),
            ("save_strategy", "epoch"),
            ("log_level", "info"),
            ("log_file", "a.log"),
            ("output_activation", "sigmoid"),
            ("cache_dir", "/root/.cache"),
            ("tokenizer_path", "/models/tok"),
            ("data_loader", "fast"),
            ("dataset", "{'a': 1}"),
            ("dataset", ""),
            ("name", "/x/y"),
            ("path", "/x/y"),
            ("", "/x/y"),
            ("url", "https://host/x"),
            ("load_from", "/models/x.pth"),
        ] {
            assert_eq!(sort(key, value), None, "{key}={value}");
        }
    }

    #[test]
    fn arguments_of_commands() {
        let mut run = Run::default();
        let command = "train.py --lr 0.1 --data /data/a.h5ad --amp --out=/scratch/o data.val_file=b.csv --ckpt-dir c/d";
        fill_arguments(&mut run, command.split(' '));
        assert_eq!(run.dataset_path.as_deref(), Some("/data/a.h5ad"));
        assert_eq!(run.dataset_paths, ["/data/a.h5ad", "b.csv"]);
        assert_eq!(run.output_dir.as_deref(), Some("/scratch/o"));
        assert_eq!(run.checkpoint_path.as_deref(), Some("c/d"));
    }
}
