//! Probes of model weights and of the files that describe them.

pub(super) mod catboost;
mod estimator;
mod events;
mod flatbuffer;
pub(super) mod gguf;
mod gguf_keys;
pub(super) mod hf_config;
pub(super) mod lightgbm;
pub(super) mod onnx;
mod onnx_graph;
mod pickle;
mod protobuf;
mod python_arrays;
mod python_classes;
pub(super) mod python_object;
pub(super) mod safetensors;
pub(super) mod shard_index;
pub(super) mod tensors;
pub(super) mod tokenizer_json;
mod torch;
mod torch_export;
pub(super) mod torch_legacy;
pub(super) mod torch_zip;
mod ubjson;
pub(super) mod xgboost;
