//! Calls that say what data, models and trackers a source uses.

use super::signs::{Name, Sign, Told};

/// Data that is read, written or prepared.
pub(super) fn data(name: &Name, first: Option<&str>, told: &mut Told) {
    let format = match name.last {
        "read_h5ad" | "read_10x_h5" => Some("h5ad"),
        "read_10x_mtx" => Some("mtx"),
        "read_h5mu" => Some("h5mu"),
        "read_loom" => Some("loom"),
        "read_csv" | "scan_csv" => Some("csv"),
        "read_parquet" | "scan_parquet" | "read_table" | "ParquetFile" | "ParquetDataset" => Some("parquet"),
        "read_feather" => Some("feather"),
        "read_excel" => Some("xlsx"),
        "read_sas" => Some("sas7bdat"),
        "read_spss" => Some("sav"),
        "read_stata" => Some("dta"),
        "read_sql" | "read_sql_query" => Some("sql"),
        "read_hdf" => Some("hdf5"),
        "read_json" => Some("json"),
        "read_pickle" => Some("pickle"),
        "dcmread" | "read_file" if name.path.starts_with("pydicom") => Some("dicom"),
        "load" if name.path.starts_with("nibabel") => Some("nifti"),
        "File" if name.path.starts_with("h5py") => Some("hdf5"),
        "AlignmentFile" | "VariantFile" if name.path.starts_with("pysam") => Some("bam"),
        "load" | "memmap" | "loadtxt" | "genfromtxt" if name.path.starts_with("numpy.") => Some("npy"),
        "open" | "open_group" if name.path.starts_with("zarr") => Some("zarr"),
        "open" if name.path.starts_with("lmdb") => Some("lmdb"),
        "open_dataset" if name.path.starts_with("xarray") => Some("netcdf"),
        "TFRecordDataset" => Some("tfrecord"),
        "WebDataset" => Some("webdataset"),
        "load_from_disk" => Some("arrow"),
        "load_dataset" if name.framework == Some("datasets") => Some("hf-datasets"),
        "StreamingDataset" => Some("mds"),
        "SeqIO" | "FastaFile" => Some("fasta"),
        "ImageFolder" if name.framework == Some("torch") => Some("images"),
        _ => None,
    };
    if let Some(format) = format {
        told.reads(format);
    }
    match name.last {
        "to_parquet" | "write_parquet" => told.writes("parquet"),
        "write_table" if name.path.starts_with("pyarrow") => told.writes("parquet"),
        "to_csv" | "write_csv" => told.writes("csv"),
        "to_feather" => told.writes("feather"),
        "write_h5ad" => told.writes("h5ad"),
        "write" if first.is_some_and(|path| path.ends_with(".h5ad")) => told.writes("h5ad"),
        "write_h5mu" => told.writes("h5mu"),
        "save_to_disk" => told.writes("arrow"),
        "to_hdf" | "create_dataset" => told.writes("hdf5"),
        "to_zarr" => told.writes("zarr"),
        "save" | "savez" | "savez_compressed" if name.path.starts_with("numpy.") => told.writes("npy"),
        "tofile" => told.writes("npy"),
        "push_to_hub" => told.writes("hub"),
        "ShardWriter" | "TarWriter" | "MDSWriter" | "TFRecordWriter" | "ArrowWriter" if name.framework.is_some() => {
            told.tell(Sign::ShardWriter);
        }
        "optimize" if name.framework == Some("litdata") => told.tell(Sign::ShardWriter),
        "train_test_split" | "random_split" | "StratifiedKFold" | "GroupKFold" => told.tell(Sign::Split),
        "train_new_from_iterator" | "train_from_iterator" => told.tell(Sign::ShardWriter),
        _ => {}
    }
    if name.is_of(&["scanpy", "anndata", "squidpy"]) && name.within("pp") {
        told.tell(Sign::Prepare);
    }
}

/// Models that are loaded, used and measured.
pub(super) fn models(name: &Name, first: Option<&str>, told: &mut Told) {
    let is_load = match name.last {
        "load" => {
            name.is_of(&["torch", "mlx", "keras", "open_clip", "spacy", "paddle", "clip", "jax"])
                || name.path.starts_with("joblib")
                || (name.path.starts_with("mlflow") && name.owner != "tracking")
        }
        "load_model" => name.framework.is_some() || name.path.contains("mlflow") || name.path.contains("whisper"),
        "load_weights" | "load_from_checkpoint" => true,
        "from_pretrained" => {
            let is_part = ["Tokenizer", "Processor", "Config", "FeatureExtractor", "Scheduler"];
            !is_part.iter().any(|part| name.owner.contains(part))
        }
        "load_file" => name.framework == Some("safetensors"),
        "InferenceSession" => name.framework == Some("onnxruntime"),
        "LLM" | "AsyncLLMEngine" | "from_engine_args" => name.framework == Some("vllm"),
        "Llama" => name.framework == Some("llama.cpp"),
        "pipeline" => name.framework == Some("transformers"),
        "SentenceTransformer" | "CrossEncoder" => name.framework == Some("sentence-transformers"),
        "YOLO" => name.framework == Some("ultralytics"),
        "Translator" | "Generator" => name.framework == Some("ctranslate2"),
        _ => false,
    };
    if is_load {
        told.tell(Sign::Load);
        if let Some(first) = first {
            if is_weights(first) {
                told.tell(Sign::LoadPath);
            }
            if matches!(name.last, "from_pretrained" | "LLM" | "SentenceTransformer") && told.base_model.is_none() {
                told.base_model = Some(first.to_owned());
            }
        }
    }
    match name.last {
        "generate" | "predict" | "predict_proba" | "forward" | "predict_step" | "transcribe" | "inference"
        | "infer" => {
            told.tell(Sign::Use);
        }
        "eval" if !name.owner.is_empty() => told.tell(Sign::Frozen),
        "no_grad" | "inference_mode" => told.tell(Sign::Frozen),
        "simple_evaluate" => told.tell(Sign::Benchmark),
        "evaluate" if name.framework == Some("lm-eval") => told.tell(Sign::Benchmark),
        "load" if name.path.starts_with("evaluate.") => told.tell(Sign::Metric),
        "Flask" | "FastAPI" | "BentoService" | "Interface" | "Blocks" | "deployment" => told.tell(Sign::Serve),
        _ => {}
    }
    let is_metric = (name.framework == Some("sklearn") && name.within("metrics"))
        || name.path.starts_with("torchmetrics")
        || (name.framework == Some("monai") && name.within("metrics"))
        || name.path.starts_with("sacrebleu")
        || name.path.starts_with("rouge_score");
    if is_metric {
        told.tell(Sign::Metric);
    }
}

/// Models that are written.
pub(super) fn saving(name: &Name, told: &mut Told) {
    match name.last {
        "save" if name.is_of(&["torch", "paddle", "jax", "mlx"]) => told.writes("checkpoint"),
        "save_pretrained" | "save_checkpoint" | "save_model" | "save_weights" | "save_state" | "save_lora_weights" => {
            told.writes("checkpoint");
        }
        "save_file" if name.framework == Some("safetensors") => told.writes("checkpoint"),
        "dump" if name.path.starts_with("joblib") => told.writes("checkpoint"),
        "ModelCheckpoint" | "CheckpointManager" | "PyTreeCheckpointer" | "StandardCheckpointer" => {
            told.writes("checkpoint");
        }
        "save" if name.owner.to_ascii_lowercase().ends_with("model") => told.writes("checkpoint"),
        _ => {}
    }
}

/// Whether a text is the path of weights.
fn is_weights(path: &str) -> bool {
    const ENDINGS: [&str; 17] = [
        ".pt",
        ".pth",
        ".ckpt",
        ".bin",
        ".safetensors",
        ".h5",
        ".hdf5",
        ".keras",
        ".onnx",
        ".pkl",
        ".joblib",
        ".gguf",
        ".pdparams",
        ".npz",
        ".msgpack",
        ".model",
        ".engine",
    ];
    ENDINGS.iter().any(|ending| path.ends_with(ending)) || path.starts_with(['/', '.'])
}

/// Who keeps a log.
pub(super) fn trackers(name: &Name, told: &mut Told) {
    let tracker = match (name.path.split('.').next().unwrap_or_default(), name.last) {
        ("wandb", "init") | (_, "WandbLogger" | "WandbCallback") => "wandb",
        (_, "SummaryWriter" | "TensorBoardLogger" | "TensorBoard" | "create_file_writer") => "tensorboard",
        ("mlflow", "start_run" | "log_metric" | "log_metrics" | "log_params" | "log_model" | "autolog") => "mlflow",
        (_, "MLFlowLogger") => "mlflow",
        ("aim", "Run") | (_, "AimLogger") => "aim",
        ("comet_ml", _) | (_, "CometLogger") => "comet",
        ("neptune", _) | (_, "NeptuneLogger") => "neptune",
        ("clearml", "init") => "clearml",
        ("dvclive", _) => "dvclive",
        ("sacred", _) => "sacred",
        (_, "CSVLogger") => "csv-log",
        _ => return,
    };
    told.writes.insert(tracker);
}
