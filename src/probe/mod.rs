//! Bytes of one entry → facts. One format a file, grouped by family.
//!
//! A probe sees one entry and nothing beside it: what belongs together is for [`crate::assemble`]. It parses by
//! structure and never re-tests the name; it executes nothing, follows nothing and allocates nothing by a length it
//! has not checked. It answers [`ProbeError::NotMine`] where the structure is another's, so the next candidate tries.
//!
//! To add a format: a signature that names the probe, a file here, a row in [`PROBES`], a folder of fixtures.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod code;
mod dataset;
mod events;
mod flatbuffer;
mod framed;
mod hostlist;
mod infra;
pub mod kit;
mod message;
mod numpy;
mod protobuf;
mod run;
mod short_json;
mod stream;
mod weights;
mod yaml;

use std::io::Read;
use std::sync::{Arc, LazyLock};

use crate::archive::zip::ZipError;
use crate::blob::{Blob, Memory, ReadError, Reader};
use crate::model::{Cause, ContentId, Fact};
use crate::table::{self, Context, MAX_COLUMNS, Means, Settings, Table};

/// What a probe looks at.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The entry's bytes.
    pub blob: &'a dyn Blob,
    /// The same to share, where the engine has them so: libraries keep what they read from.
    pub shared: Option<&'a Arc<dyn Blob>>,
    /// Its first bytes, at most [`crate::signature::HEAD`].
    pub head: &'a [u8],
    /// Its path, less the endings of compressions: a table's context, never a test of what it is.
    pub name: &'a [u8],
    /// How tables are looked at, and what everything may cost.
    pub tables: Means<'a>,
    /// Whether rows are to be read, or names and structure alone (`--depth headers`).
    pub rows: bool,
}

impl<'a> Input<'a> {
    /// An entry without a name, looked at in the usual way.
    pub fn new(blob: &'a dyn Blob, head: &'a [u8]) -> Input<'a> {
        static USUAL: LazyLock<Settings> = LazyLock::new(Settings::default);
        Input { blob, shared: None, head, name: b"", tables: Means::from(&*USUAL), rows: true }
    }

    /// The entry's bytes to share; read into memory, where nobody has them so and they are few.
    ///
    /// # Errors
    /// As [`kit::whole`].
    pub fn shared(&self) -> Result<Arc<dyn Blob>, ReadError> {
        /// Who has no file to share has an example.
        const FEW: u64 = 16 << 20;
        match self.shared {
            Some(blob) => Ok(Arc::clone(blob)),
            None => Ok(Arc::new(Memory::new(kit::whole(self.blob, FEW)?))),
        }
    }

    /// A table of this name, without the ending: the context of a file that is one table.
    pub fn table(&self) -> Table<'a> {
        Table::new(self.tables, self.context())
    }

    /// The context of a file that is one table: its name without the ending.
    pub fn context(&self) -> Context {
        let base = self.name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let stem = base.rsplitn(2, |&byte| byte == b'.').last().unwrap_or_default();
        Context { name: String::from_utf8_lossy(stem).into_owned(), ..Context::default() }
    }
}

/// What a probe found.
#[derive(Debug)]
pub struct Finding {
    /// The format's id, where the probe knows it better than the signature that called it.
    pub format: Option<&'static str>,
    /// What the entry says.
    pub fact: Fact,
    /// Identities of the content that the structure gives away.
    pub identities: Vec<ContentId>,
    /// What could not be read of it: each becomes a gap.
    pub notes: Vec<(Cause, String)>,
    /// Whether the entry's members, if it is a container too, are worth a look of their own.
    pub descend: bool,
    /// Things the entry holds that are assets each: the runs of a tracker's database. Where there are some and `fact` is
    /// [`Fact::None`], the entry is a container and nothing by itself.
    pub members: Vec<Member>,
}

/// One of several things in one entry.
#[derive(Debug)]
pub struct Member {
    /// Where it is in the entry: `runs/<id>`.
    pub path: String,
    /// Its format, where that is not the entry's.
    pub format: Option<&'static str>,
    /// What it says.
    pub fact: Fact,
}

impl Finding {
    /// A finding of the format that was looked for.
    pub fn new(mut fact: Fact) -> Finding {
        // What the columns alone give away of the sort, unless the format says it.
        if let Fact::Dataset(dataset) = &mut fact
            && dataset.kind.is_none()
        {
            dataset.kind.clone_from(&dataset.table.kind);
        }
        Finding { format: None, fact, identities: Vec::new(), notes: Vec::new(), descend: false, members: Vec::new() }
    }

    /// The same with names of columns of bounded length, and a note where a table has columns that were not looked at.
    #[must_use]
    pub fn settled(mut self) -> Finding {
        if let Fact::Dataset(dataset) = &mut self.fact {
            let mut further = 0;
            for table in dataset.tables.values_mut().chain(dataset.sheets.values_mut()).chain([&mut dataset.table]) {
                table.columns.iter_mut().for_each(table::cut);
                further = further.max(table.further_columns);
            }
            if further > 0 {
                let detail = format!("the values of {further} columns past the first {MAX_COLUMNS} were not looked at");
                self.notes.push((Cause::OverBudget, detail));
            }
        }
        self
    }

    /// The same, with a note of what ended the reading early, if anything did.
    ///
    /// # Errors
    /// As [`kit::note`].
    pub fn noting(mut self, outcome: Result<(), ProbeError>) -> Result<Finding, ProbeError> {
        if let Err(error) = outcome {
            self.notes.push(kit::note(error)?);
        }
        Ok(self)
    }

    /// The same for what was read as a stream: whatever ended it, what came before stands.
    pub fn ended_by(mut self, outcome: Result<(), ProbeError>) -> Finding {
        if let Err(error) = outcome {
            self.notes.push((error.cause(), error.to_string()));
        }
        self
    }
}

impl ProbeError {
    /// The contract's word for it.
    pub fn cause(&self) -> Cause {
        match self {
            ProbeError::NotMine | ProbeError::Malformed(_) => Cause::Malformed,
            ProbeError::Encrypted => Cause::Encrypted,
            ProbeError::Unsupported(_) => Cause::Unsupported,
            ProbeError::Read(error) => error.cause(),
        }
    }
}

/// Why a probe found nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The structure is another's: not a word about it.
    #[error("another format")]
    NotMine,
    /// It is this format, and broken or cut.
    #[error("{0}")]
    Malformed(String),
    /// The bytes could not be had.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its keys are needed.
    #[error("encrypted")]
    Encrypted,
    /// It is this format in a variant that is not read.
    #[error("{0}")]
    Unsupported(String),
}

impl From<ZipError> for ProbeError {
    fn from(error: ZipError) -> ProbeError {
        match error {
            ZipError::Read(error) => error.into(),
            ZipError::Encrypted => ProbeError::Encrypted,
            ZipError::Method => ProbeError::Unsupported(error.to_string()),
            other => ProbeError::Malformed(other.to_string()),
        }
    }
}

/// A parser of one format.
pub struct Probe {
    /// Its id; signatures name it.
    pub id: &'static str,
    /// Bytes to facts.
    pub run: Run,
}

/// How a parser wants its bytes.
#[derive(Clone, Copy)]
pub enum Run {
    /// Anywhere; of a compressed stream, the beginning is at hand, and [`ReadError::NeedMore`] has all of it spooled.
    At(fn(&Input) -> Result<Finding, ProbeError>),
    /// Once through, from the first byte on, however long it is: nothing is spooled. What it is not, it must say by the
    /// beginning that `input.blob` holds, before it reads: a stream that was read is gone for the next candidate.
    Through(fn(&Input, &mut dyn Read) -> Result<Finding, ProbeError>),
}

impl Probe {
    /// Looks at an entry whose bytes can be read anywhere.
    ///
    /// # Errors
    /// As the parser.
    pub fn look(&self, input: &Input) -> Result<Finding, ProbeError> {
        match self.run {
            Run::At(run) => run(input),
            Run::Through(run) => run(input, &mut Reader::new(input.blob, 0, u64::MAX)),
        }
    }
}

/// Every probe, by family and name.
pub const PROBES: &[Probe] = &[
    Probe { id: "aim", run: Run::At(run::aim::probe) },
    Probe { id: "annex-pointer", run: Run::At(dataset::pointer::annex::probe) },
    Probe { id: "apptainer-def", run: Run::At(infra::recipe::apptainer) },
    Probe { id: "arrow-file", run: Run::At(dataset::columnar::arrow_ipc::file) },
    Probe { id: "arrow-stream", run: Run::At(dataset::columnar::arrow_ipc::stream) },
    Probe { id: "avro", run: Run::Through(dataset::columnar::avro::probe) },
    Probe { id: "bam", run: Run::Through(dataset::genomic::alignment::bam) },
    Probe { id: "bcf", run: Run::Through(dataset::genomic::variants::bcf) },
    Probe { id: "caffe", run: Run::At(weights::caffe::caffe) },
    Probe { id: "caffe2", run: Run::At(weights::caffe::caffe2) },
    Probe { id: "catboost", run: Run::At(weights::catboost::binary) },
    Probe { id: "catboost-info", run: Run::At(run::catboost::info) },
    Probe { id: "catboost-json", run: Run::At(weights::catboost::json) },
    Probe { id: "clearml-offline", run: Run::At(run::clearml::archive) },
    Probe { id: "clearml-task", run: Run::At(run::clearml::task) },
    Probe { id: "comet-offline", run: Run::At(run::comet::probe) },
    Probe { id: "coreml", run: Run::At(weights::coreml::probe) },
    Probe { id: "cram", run: Run::Through(dataset::genomic::alignment::cram) },
    Probe { id: "dataset-json", run: Run::Through(dataset::clinical::dataset_json::probe) },
    Probe { id: "define-xml", run: Run::Through(dataset::clinical::define_xml::probe) },
    Probe { id: "delimited", run: Run::Through(dataset::text::delimited::named) },
    Probe { id: "delimited-text", run: Run::Through(dataset::text::delimited::unnamed) },
    Probe { id: "delta-log", run: Run::Through(dataset::sharded::delta::log) },
    Probe { id: "dicom", run: Run::Through(dataset::clinical::dicom::probe) },
    Probe { id: "dockerfile", run: Run::At(infra::recipe::dockerfile) },
    Probe { id: "dta", run: Run::Through(dataset::statistics::dta::probe) },
    Probe { id: "duckdb", run: Run::At(dataset::store::duckdb::probe) },
    Probe { id: "dvc-config", run: Run::At(dataset::pointer::dvc::config) },
    Probe { id: "dvc-pointer", run: Run::At(dataset::pointer::dvc::probe) },
    Probe { id: "dvclive", run: Run::At(run::dvclive::metrics) },
    Probe { id: "dvclive-params", run: Run::At(run::dvclive::params) },
    Probe { id: "dvclive-plot", run: Run::At(run::dvclive::plot) },
    Probe { id: "fasta", run: Run::Through(dataset::genomic::sequence::fasta) },
    Probe { id: "fastq", run: Run::Through(dataset::genomic::sequence::fastq) },
    Probe { id: "fasttext", run: Run::At(weights::fasttext::probe) },
    Probe { id: "feather-v1", run: Run::At(dataset::columnar::feather::probe) },
    Probe { id: "fhir", run: Run::Through(dataset::clinical::fhir::probe) },
    Probe { id: "flax-msgpack", run: Run::At(weights::flax::probe) },
    Probe { id: "frozen-graph", run: Run::At(weights::tf_graph::frozen) },
    Probe { id: "generation-config", run: Run::At(weights::hf_config::generation) },
    Probe { id: "genotypes", run: Run::Through(dataset::genomic::genotypes::probe) },
    Probe { id: "ggml", run: Run::At(weights::ggml::probe) },
    Probe { id: "gguf", run: Run::At(weights::gguf::probe) },
    Probe { id: "git-lfs-pointer", run: Run::At(dataset::pointer::lfs::probe) },
    Probe { id: "glove", run: Run::At(weights::word_vectors::glove) },
    Probe { id: "guild", run: Run::At(run::guild::probe) },
    Probe { id: "h2o-mojo", run: Run::At(weights::mojo::probe) },
    Probe { id: "hdf5", run: Run::At(dataset::array::hdf5::probe) },
    Probe { id: "hf-config", run: Run::At(weights::hf_config::config) },
    Probe { id: "hf-dataset-dict", run: Run::At(dataset::sharded::hf::dict) },
    Probe { id: "hf-dataset-info", run: Run::At(dataset::sharded::hf::info) },
    Probe { id: "hf-dataset-state", run: Run::At(dataset::sharded::hf::state) },
    Probe { id: "hf-results", run: Run::At(run::trainer::results) },
    Probe { id: "hl7v2", run: Run::Through(dataset::clinical::hl7v2::probe) },
    Probe { id: "hudi", run: Run::At(dataset::sharded::hudi::probe) },
    Probe { id: "hydra-config", run: Run::At(run::hydra::config) },
    Probe { id: "hydra-hydra", run: Run::At(run::hydra::hydra) },
    Probe { id: "hydra-overrides", run: Run::At(run::hydra::overrides) },
    Probe { id: "iceberg", run: Run::At(dataset::sharded::iceberg::probe) },
    Probe { id: "json-array", run: Run::Through(dataset::text::json::array) },
    Probe { id: "json-document", run: Run::Through(dataset::text::document::probe) },
    Probe { id: "json-lines", run: Run::Through(dataset::text::json::lines) },
    Probe { id: "julia", run: Run::At(code::r::julia) },
    Probe { id: "keras-h5", run: Run::At(weights::keras_h5::probe) },
    Probe { id: "keras-tuner", run: Run::At(run::keras_tuner::probe) },
    Probe { id: "keras-zip", run: Run::At(weights::keras_zip::probe) },
    Probe { id: "lance", run: Run::At(dataset::sharded::lance::manifest) },
    Probe { id: "lance-data", run: Run::At(dataset::sharded::lance::data) },
    Probe { id: "lightgbm", run: Run::At(weights::lightgbm::probe) },
    Probe { id: "lightgbm-json", run: Run::At(weights::boosted_dump::lightgbm) },
    Probe { id: "lightning-hparams", run: Run::At(run::lightning::hparams) },
    Probe { id: "lightning-metrics", run: Run::Through(run::lightning::metrics) },
    Probe { id: "litdata", run: Run::At(dataset::sharded::mds::litdata) },
    Probe { id: "llamafile", run: Run::At(weights::packed::llamafile) },
    Probe { id: "lmdb", run: Run::At(dataset::store::lmdb::probe) },
    Probe { id: "lsf-log", run: Run::At(run::log::lsf) },
    Probe { id: "mat", run: Run::At(dataset::array::mat::probe) },
    Probe { id: "mds", run: Run::At(dataset::sharded::mds::mds) },
    Probe { id: "megatron-indexed", run: Run::At(dataset::sharded::megatron::probe) },
    Probe { id: "mlflow-around", run: Run::At(run::mlflow::around) },
    Probe { id: "mlflow-files", run: Run::At(run::mlflow::meta) },
    Probe { id: "mlflow-model", run: Run::At(weights::mlmodel::probe) },
    Probe { id: "mlflow-sqlite", run: Run::At(run::mlflow_sqlite::probe) },
    Probe { id: "mlflow-value", run: Run::At(run::mlflow::value) },
    Probe { id: "mxnet", run: Run::At(weights::mxnet::probe) },
    Probe { id: "ncnn", run: Run::At(weights::ncnn::probe) },
    Probe { id: "nemo", run: Run::At(weights::nemo::probe) },
    Probe { id: "neptune", run: Run::Through(run::neptune::log) },
    Probe { id: "neptune-metadata", run: Run::At(run::neptune::metadata) },
    Probe { id: "nextflow", run: Run::At(code::workflow::nextflow) },
    Probe { id: "nextflow-history", run: Run::At(run::workflow::nextflow) },
    Probe { id: "nifti", run: Run::At(dataset::array::nifti::probe) },
    Probe { id: "notebook", run: Run::At(code::notebook::probe) },
    Probe { id: "npy", run: Run::At(dataset::npy::probe) },
    Probe { id: "npz", run: Run::At(dataset::npz::probe) },
    Probe { id: "ods", run: Run::At(dataset::store::ods::probe) },
    Probe { id: "ollama-manifest", run: Run::At(weights::ollama::probe) },
    Probe { id: "onnx", run: Run::At(weights::onnx::probe) },
    Probe { id: "openvino", run: Run::At(weights::openvino::probe) },
    Probe { id: "optuna-journal", run: Run::Through(run::optuna::journal::probe) },
    Probe { id: "optuna-sqlite", run: Run::At(run::optuna::sqlite::probe) },
    Probe { id: "orbax", run: Run::At(weights::orbax::probe) },
    Probe { id: "orbax-store", run: Run::At(weights::orbax::store) },
    Probe { id: "orc", run: Run::At(dataset::columnar::orc::probe) },
    Probe { id: "orchestration", run: Run::At(code::orchestration::probe) },
    Probe { id: "paddle", run: Run::At(weights::paddle::pickled) },
    Probe { id: "paddle-program", run: Run::At(weights::paddle::program) },
    Probe { id: "parquet", run: Run::At(dataset::columnar::parquet::probe) },
    Probe { id: "pbs-log", run: Run::At(run::log::pbs) },
    Probe { id: "peft-config", run: Run::At(weights::hf_config::peft) },
    Probe { id: "pickle", run: Run::At(weights::python_object::probe) },
    Probe { id: "plink", run: Run::At(dataset::genomic::plink::bed) },
    Probe { id: "plink-samples", run: Run::Through(dataset::genomic::plink::samples) },
    Probe { id: "plink-text", run: Run::Through(dataset::genomic::plink::ped) },
    Probe { id: "plink-variants", run: Run::Through(dataset::genomic::plink::variants) },
    Probe { id: "plink2", run: Run::At(dataset::genomic::plink::pgen) },
    Probe { id: "python", run: Run::At(code::python::probe) },
    Probe { id: "r-script", run: Run::At(code::r::script) },
    Probe { id: "raw-tokens", run: Run::At(dataset::sharded::raw_tokens::probe) },
    Probe { id: "raw-tokens-pickle", run: Run::At(dataset::sharded::raw_tokens::pickled) },
    Probe { id: "raw-weights", run: Run::At(weights::raw::probe) },
    Probe { id: "ray-error", run: Run::At(run::ray::error) },
    Probe { id: "ray-params", run: Run::At(run::ray::params) },
    Probe { id: "ray-progress", run: Run::Through(run::ray::progress) },
    Probe { id: "ray-result", run: Run::At(run::ray::result) },
    Probe { id: "rda", run: Run::Through(dataset::statistics::r_data::rda) },
    Probe { id: "rds", run: Run::Through(dataset::statistics::r_data::rds) },
    Probe { id: "sacred", run: Run::At(run::sacred::run) },
    Probe { id: "sacred-file", run: Run::At(run::sacred::file) },
    Probe { id: "safetensors", run: Run::At(weights::safetensors::probe) },
    Probe { id: "sam", run: Run::Through(dataset::genomic::alignment::sam) },
    Probe { id: "sas7bdat", run: Run::At(dataset::statistics::sas7bdat::probe) },
    Probe { id: "sav", run: Run::Through(dataset::statistics::sav::probe) },
    Probe { id: "saved-model", run: Run::At(weights::tf_graph::saved_model) },
    Probe { id: "sbatch", run: Run::At(infra::job_script::sbatch) },
    Probe { id: "sentencepiece", run: Run::At(weights::vocabulary::sentencepiece) },
    Probe { id: "shard-index", run: Run::At(weights::shard_index::probe) },
    Probe { id: "shell-launcher", run: Run::At(code::shell::probe) },
    Probe { id: "skops", run: Run::At(weights::skops::probe) },
    Probe { id: "slurm-log", run: Run::At(run::log::slurm) },
    Probe { id: "snakemake", run: Run::At(code::workflow::snakemake) },
    Probe { id: "snakemake-log", run: Run::At(run::workflow::snakemake) },
    Probe { id: "spacy", run: Run::At(weights::spacy::meta) },
    Probe { id: "sqlite", run: Run::At(dataset::store::sqlite::probe) },
    Probe { id: "sqlite-journal", run: Run::At(dataset::store::sqlite_log::journal) },
    Probe { id: "sqlite-wal", run: Run::At(dataset::store::sqlite_log::wal) },
    Probe { id: "submitit", run: Run::At(run::log::submitit) },
    Probe { id: "submitit-pickle", run: Run::At(run::submitit::pickle) },
    Probe { id: "tf-checkpoint", run: Run::At(weights::tf_checkpoint::probe) },
    Probe { id: "tfevents", run: Run::Through(run::tfevents::probe) },
    Probe { id: "tflite", run: Run::At(weights::tflite::probe) },
    Probe { id: "tfrecord", run: Run::Through(dataset::sharded::tfrecord::probe) },
    Probe { id: "thinc", run: Run::At(weights::spacy::thinc) },
    Probe { id: "tiktoken", run: Run::At(weights::vocabulary::tiktoken) },
    Probe { id: "tokenizer-config", run: Run::At(weights::hf_config::tokenizer) },
    Probe { id: "tokenizer-json", run: Run::At(weights::tokenizer_json::probe) },
    Probe { id: "torch-archive", run: Run::At(weights::packed::mar) },
    Probe { id: "torch-dcp", run: Run::At(weights::torch_dcp::probe) },
    Probe { id: "torch-legacy", run: Run::At(weights::torch_legacy::probe) },
    Probe { id: "torch-tar", run: Run::At(weights::torch_tar::probe) },
    Probe { id: "torch-zip", run: Run::At(weights::torch_zip::probe) },
    Probe { id: "trainer-state", run: Run::At(weights::hf_config::trainer_state) },
    Probe { id: "training-config", run: Run::At(code::config::probe) },
    Probe { id: "training-log", run: Run::At(run::log::training) },
    Probe { id: "vcf", run: Run::Through(dataset::genomic::variants::vcf) },
    Probe { id: "wandb", run: Run::Through(run::wandb::probe) },
    Probe { id: "wandb-config", run: Run::At(run::wandb::config) },
    Probe { id: "wandb-file", run: Run::At(run::wandb::file) },
    Probe { id: "wandb-metadata", run: Run::At(run::wandb::metadata) },
    Probe { id: "wandb-summary", run: Run::At(run::wandb::summary) },
    Probe { id: "webdataset", run: Run::At(dataset::sharded::webdataset::probe) },
    Probe { id: "word2vec", run: Run::At(weights::word_vectors::word2vec) },
    Probe { id: "xgboost-binary", run: Run::At(weights::xgboost::binary) },
    Probe { id: "xgboost-dump", run: Run::At(weights::boosted_dump::xgboost) },
    Probe { id: "xgboost-json", run: Run::At(weights::xgboost::json) },
    Probe { id: "xgboost-ubj", run: Run::At(weights::xgboost::ubjson) },
    Probe { id: "xls", run: Run::At(dataset::store::xls::probe) },
    Probe { id: "xlsx", run: Run::At(dataset::store::xlsx::probe) },
    Probe { id: "xpt", run: Run::Through(dataset::statistics::xpt::probe) },
    Probe { id: "zarr", run: Run::At(dataset::array::zarr::node) },
    Probe { id: "zarr-attributes", run: Run::At(dataset::array::zarr::attributes) },
];

/// The probe a signature names.
pub fn of(id: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.id == id)
}
