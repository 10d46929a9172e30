//! Probes of model weights and of the files that describe them.

pub(super) mod flax;
pub(super) mod gguf;
mod gguf_keys;
pub(super) mod hf_config;
pub(super) mod keras_h5;
pub(super) mod keras_zip;
mod np_types;
pub(super) mod onnx;
mod onnx_graph;
pub(super) mod orbax;
mod pickle;
mod protobuf;
pub(super) mod safetensors;
pub(super) mod shard_index;
mod sstable;
mod state_paths;
pub(super) mod tensors;
pub(super) mod tf_checkpoint;
pub(super) mod tf_graph;
mod tf_types;
pub(super) mod tflite;
pub(super) mod tokenizer_json;
mod torch;
pub(super) mod torch_dcp;
mod torch_export;
pub(super) mod torch_legacy;
pub(super) mod torch_zip;
