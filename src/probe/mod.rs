//! Bytes of one entry → facts. One format a file, grouped by family.
//!
//! A probe sees one entry and nothing beside it: what belongs together is for [`crate::assemble`]. It parses by
//! structure and never re-tests the name; it executes nothing, follows nothing and allocates nothing by a length it
//! has not checked. It answers [`ProbeError::NotMine`] where the structure is another's, so the next candidate tries.
//!
//! To add a format: a signature that names the probe, a file here, a row in [`PROBES`], a folder of fixtures.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod dataset;
pub mod kit;
mod numpy;
mod weights;

use crate::archive::zip::ZipError;
use crate::blob::{Blob, ReadError};
use crate::model::{Cause, ContentId, Fact};

/// What a probe looks at.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The entry's bytes.
    pub blob: &'a dyn Blob,
    /// Its first bytes, at most [`crate::signature::HEAD`].
    pub head: &'a [u8],
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
}

impl Finding {
    /// A finding of the format that was looked for.
    pub fn new(fact: Fact) -> Finding {
        Finding { format: None, fact, identities: Vec::new(), notes: Vec::new(), descend: false }
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
    pub run: fn(&Input) -> Result<Finding, ProbeError>,
}

/// Every probe, by family and name.
pub const PROBES: &[Probe] = &[
    Probe { id: "caffe", run: weights::caffe::caffe },
    Probe { id: "caffe2", run: weights::caffe::caffe2 },
    Probe { id: "catboost", run: weights::catboost::binary },
    Probe { id: "catboost-json", run: weights::catboost::json },
    Probe { id: "coreml", run: weights::coreml::probe },
    Probe { id: "fasttext", run: weights::fasttext::probe },
    Probe { id: "flax-msgpack", run: weights::flax::probe },
    Probe { id: "frozen-graph", run: weights::tf_graph::frozen },
    Probe { id: "generation-config", run: weights::hf_config::generation },
    Probe { id: "ggml", run: weights::ggml::probe },
    Probe { id: "gguf", run: weights::gguf::probe },
    Probe { id: "glove", run: weights::word_vectors::glove },
    Probe { id: "hf-config", run: weights::hf_config::config },
    Probe { id: "keras-h5", run: weights::keras_h5::probe },
    Probe { id: "keras-zip", run: weights::keras_zip::probe },
    Probe { id: "lightgbm", run: weights::lightgbm::probe },
    Probe { id: "llamafile", run: weights::packed::llamafile },
    Probe { id: "mlflow-model", run: weights::mlmodel::probe },
    Probe { id: "mxnet", run: weights::mxnet::probe },
    Probe { id: "ncnn", run: weights::ncnn::probe },
    Probe { id: "npy", run: dataset::npy::probe },
    Probe { id: "npz", run: dataset::npz::probe },
    Probe { id: "ollama-manifest", run: weights::ollama::probe },
    Probe { id: "onnx", run: weights::onnx::probe },
    Probe { id: "openvino", run: weights::openvino::probe },
    Probe { id: "orbax", run: weights::orbax::probe },
    Probe { id: "orbax-store", run: weights::orbax::store },
    Probe { id: "paddle", run: weights::paddle::pickled },
    Probe { id: "paddle-program", run: weights::paddle::program },
    Probe { id: "peft-config", run: weights::hf_config::peft },
    Probe { id: "pickle", run: weights::python_object::probe },
    Probe { id: "raw-weights", run: weights::raw::probe },
    Probe { id: "safetensors", run: weights::safetensors::probe },
    Probe { id: "saved-model", run: weights::tf_graph::saved_model },
    Probe { id: "sentencepiece", run: weights::vocabulary::sentencepiece },
    Probe { id: "shard-index", run: weights::shard_index::probe },
    Probe { id: "skops", run: weights::skops::probe },
    Probe { id: "spacy", run: weights::spacy::meta },
    Probe { id: "tf-checkpoint", run: weights::tf_checkpoint::probe },
    Probe { id: "tflite", run: weights::tflite::probe },
    Probe { id: "thinc", run: weights::spacy::thinc },
    Probe { id: "tiktoken", run: weights::vocabulary::tiktoken },
    Probe { id: "tokenizer-config", run: weights::hf_config::tokenizer },
    Probe { id: "tokenizer-json", run: weights::tokenizer_json::probe },
    Probe { id: "torch-archive", run: weights::packed::mar },
    Probe { id: "torch-dcp", run: weights::torch_dcp::probe },
    Probe { id: "torch-legacy", run: weights::torch_legacy::probe },
    Probe { id: "torch-tar", run: weights::torch_tar::probe },
    Probe { id: "torch-zip", run: weights::torch_zip::probe },
    Probe { id: "trainer-state", run: weights::hf_config::trainer_state },
    Probe { id: "word2vec", run: weights::word_vectors::word2vec },
    Probe { id: "xgboost-binary", run: weights::xgboost::binary },
    Probe { id: "xgboost-json", run: weights::xgboost::json },
    Probe { id: "xgboost-ubj", run: weights::xgboost::ubjson },
];

/// The probe a signature names.
pub fn of(id: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.id == id)
}
