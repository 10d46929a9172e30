//! Facts of maps and keys of machines and services.

use schemars::JsonSchema;
use serde::Serialize;

use super::{fill_list, fill_text, no_list};

/// Facts of an infrastructure file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Infra {
    /// Host names it gives, patterns left out.
    #[serde(skip_serializing_if = "no_list")]
    pub hosts: Vec<String>,
    /// Host patterns it gives.
    #[serde(skip_serializing_if = "no_list")]
    pub patterns: Vec<String>,
    /// Addresses and real names behind its hosts.
    #[serde(skip_serializing_if = "no_list")]
    pub hostnames: Vec<String>,
    /// Accounts it names.
    #[serde(skip_serializing_if = "no_list")]
    pub users: Vec<String>,
    /// Private key files it points to.
    #[serde(skip_serializing_if = "no_list")]
    pub identity_files: Vec<String>,
    /// Further files it includes.
    #[serde(skip_serializing_if = "no_list")]
    pub includes: Vec<String>,
    /// Name of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Hosts that control the cluster.
    #[serde(skip_serializing_if = "no_list")]
    pub controllers: Vec<String>,
    /// Host of the accounting database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_host: Option<String>,
    /// Partitions or queues.
    #[serde(skip_serializing_if = "no_list")]
    pub partitions: Vec<String>,
    /// Node ranges as written (`gpu-[01-12]`).
    #[serde(skip_serializing_if = "no_list")]
    pub node_ranges: Vec<String>,
    /// How peers authenticate each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
}

impl Infra {
    /// See [`super::Fact::set`].
    pub(super) fn set(&mut self, field: &str, values: &[String]) -> bool {
        match field {
            "hosts" => fill_list(&mut self.hosts, values),
            "patterns" => fill_list(&mut self.patterns, values),
            "hostnames" => fill_list(&mut self.hostnames, values),
            "users" => fill_list(&mut self.users, values),
            "identity_files" => fill_list(&mut self.identity_files, values),
            "includes" => fill_list(&mut self.includes, values),
            "cluster" => fill_text(&mut self.cluster, values),
            "controllers" => fill_list(&mut self.controllers, values),
            "db_host" => fill_text(&mut self.db_host, values),
            "partitions" => fill_list(&mut self.partitions, values),
            "node_ranges" => fill_list(&mut self.node_ranges, values),
            "auth" => fill_text(&mut self.auth, values),
            _ => return false,
        }
        true
    }
}
