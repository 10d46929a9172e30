//! Probes of model weights and of the files that describe them.

pub(super) mod safetensors;
pub(super) mod tensors;
