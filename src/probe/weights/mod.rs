//! Probes of model weights and of the files that describe them.

mod pickle;
pub(super) mod safetensors;
pub(super) mod tensors;
mod torch;
mod torch_export;
pub(super) mod torch_legacy;
pub(super) mod torch_zip;
