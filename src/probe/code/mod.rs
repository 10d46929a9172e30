//! Source and configuration of models and their training.
