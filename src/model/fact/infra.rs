//! Facts of maps and keys of machines and services.

use schemars::JsonSchema;
use serde::Serialize;

use super::{fill_list, fill_text, no_list};

/// Machines, by number or by name.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Nodes {
    /// How many.
    Count(u64),
    /// Which.
    Names(Vec<String>),
}

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
    /// Name a job script gives its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Where a job script has its log written, as written (`logs/%x-%j.out`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_output: Option<String>,
    /// Partition or queue of a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Account a job is charged to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whom the scheduler writes to about a job: an address of staff, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_user: Option<String>,
    /// Machines a job asks for, by number or by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    /// Machines a job asks for by name, expanded.
    #[serde(skip_serializing_if = "no_list")]
    pub nodelist: Vec<String>,
    /// Accelerators a job asks for, over all its machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u64>,
    /// Numbers of an array of jobs, as written (`0-9%2`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Image a job runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Data a job reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_path: Option<String>,
    /// Checkpoint a job begins from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_path: Option<String>,
    /// Account an image runs as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Programs it starts.
    #[serde(skip_serializing_if = "no_list")]
    pub programs: Vec<String>,
    /// Where an image recipe begins from: `docker`, `library`, `localimage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<String>,
    /// The image a recipe builds on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_image: Option<String>,
    /// What a recipe copies into an image, as written.
    #[serde(skip_serializing_if = "no_list")]
    pub copies: Vec<String>,
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
            "job_name" => fill_text(&mut self.job_name, values),
            "job_output" => fill_text(&mut self.job_output, values),
            "partition" => fill_text(&mut self.partition, values),
            "account" => fill_text(&mut self.account, values),
            "mail_user" => fill_text(&mut self.mail_user, values),
            "programs" => fill_list(&mut self.programs, values),
            "bootstrap" => fill_text(&mut self.bootstrap, values),
            "base_image" => fill_text(&mut self.base_image, values),
            "copies" => fill_list(&mut self.copies, values),
            "auth" => fill_text(&mut self.auth, values),
            _ => return false,
        }
        true
    }
}
