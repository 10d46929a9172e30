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
mod weights;

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
    Probe { id: "coreml", run: weights::coreml::probe },
    Probe { id: "generation-config", run: weights::hf_config::generation },
    Probe { id: "ggml", run: weights::ggml::probe },
    Probe { id: "gguf", run: weights::gguf::probe },
    Probe { id: "hf-config", run: weights::hf_config::config },
    Probe { id: "llamafile", run: weights::packed::llamafile },
    Probe { id: "mxnet", run: weights::mxnet::probe },
    Probe { id: "ncnn", run: weights::ncnn::probe },
    Probe { id: "npy", run: dataset::npy::probe },
    Probe { id: "npz", run: dataset::npz::probe },
    Probe { id: "ollama-manifest", run: weights::ollama::probe },
    Probe { id: "onnx", run: weights::onnx::probe },
    Probe { id: "openvino", run: weights::openvino::probe },
    Probe { id: "paddle", run: weights::paddle::pickled },
    Probe { id: "paddle-program", run: weights::paddle::program },
    Probe { id: "peft-config", run: weights::hf_config::peft },
    Probe { id: "raw-weights", run: weights::raw::probe },
    Probe { id: "safetensors", run: weights::safetensors::probe },
    Probe { id: "shard-index", run: weights::shard_index::probe },
    Probe { id: "tokenizer-config", run: weights::hf_config::tokenizer },
    Probe { id: "tokenizer-json", run: weights::tokenizer_json::probe },
    Probe { id: "torch-archive", run: weights::packed::mar },
    Probe { id: "torch-legacy", run: weights::torch_legacy::probe },
    Probe { id: "torch-tar", run: weights::torch_tar::probe },
    Probe { id: "torch-zip", run: weights::torch_zip::probe },
    Probe { id: "trainer-state", run: weights::hf_config::trainer_state },
];

/// The probe a signature names.
pub fn of(id: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.id == id)
}
