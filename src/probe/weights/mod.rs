//! Probes of model weights and of the files that describe them.

pub(super) mod caffe;
pub(super) mod coreml;
mod coreml_program;
pub(super) mod ggml;
pub(super) mod gguf;
mod gguf_keys;
pub(super) mod hf_config;
pub(super) mod mxnet;
pub(super) mod ncnn;
pub(super) mod ollama;
pub(super) mod onnx;
mod onnx_graph;
pub(super) mod openvino;
pub(super) mod packed;
pub(super) mod paddle;
mod pickle;
mod protobuf;
pub(super) mod raw;
pub(super) mod safetensors;
pub(super) mod shard_index;
pub(super) mod tensors;
pub(super) mod tokenizer_json;
mod torch;
mod torch_export;
pub(super) mod torch_legacy;
pub(super) mod torch_zip;
mod training_notes;
