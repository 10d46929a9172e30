//! Probes of data.
