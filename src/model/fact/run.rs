//! Facts of training runs, whoever kept the log.

use schemars::JsonSchema;
use serde::Serialize;

use super::{fill_list, fill_text, no_list};

/// Facts of one training run, or of one file that a tracker wrote about it.
///
/// Texts are published as [`crate::model::publishable`] gives them; parameters, metrics and environments by their names
/// alone, since their values may be anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Run {
    /// The tracker's own key of the run: the job id of a scheduler, the directory of a logger that has no other key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The name its owner gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Key of the run it is a part of (MLflow's nested runs, a resumed run's first one).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<String>,
    /// Keys under which other trackers know the run, as this one's log states them: `tracker:id`.
    #[serde(skip_serializing_if = "no_list")]
    pub also_known_as: Vec<String>,
    /// Key of the Weights & Biases run that a log names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wandb_run_id: Option<String>,
    /// Id of the scheduler's job it ran in, where that is not its own key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Whether it is one trial of a search for hyper-parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<bool>,
    /// Whether its tracker has it as deleted; it is still on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Whether it was logged without a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<bool>,
    /// The tracker's word for how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether it ended in an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<bool>,
    /// Project it was logged to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Team or account it was logged under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Group of runs it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Name of its experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Key of its experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_id: Option<String>,
    /// Names of the studies a search is kept under.
    #[serde(skip_serializing_if = "no_list")]
    pub studies: Vec<String>,
    /// Account it ran under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Machine it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Number of its process there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// The first machine of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_node: Option<String>,
    /// Machines it ran on.
    #[serde(skip_serializing_if = "no_list")]
    pub nodes: Vec<String>,
    /// Partition or queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Account the scheduler charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Name of the scheduler's job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Script the scheduler was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_script: Option<String>,
    /// Where its source comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_remote: Option<String>,
    /// Branch of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// Commit of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// Program that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The command as it was given, secrets withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Directory it ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Directory it wrote to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_dir: Option<String>,
    /// Data it read first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_path: Option<String>,
    /// All data it read, as far as the log tells.
    #[serde(skip_serializing_if = "no_list")]
    pub dataset_paths: Vec<String>,
    /// The last checkpoint it wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_path: Option<String>,
    /// All checkpoints it wrote, as far as the log tells.
    #[serde(skip_serializing_if = "no_list")]
    pub checkpoint_paths: Vec<String>,
    /// Names of checkpoints in its output directory.
    #[serde(skip_serializing_if = "no_list")]
    pub checkpoints: Vec<String>,
    /// Model it began from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_model: Option<String>,
    /// Names of its parameters.
    #[serde(skip_serializing_if = "no_list")]
    pub params: Vec<String>,
    /// Parameters given on its command line, as written (`optim.lr=0.1`), secrets withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Vec<String>>,
    /// Names of its metrics.
    #[serde(skip_serializing_if = "no_list")]
    pub metrics: Vec<String>,
    /// Names of its summaries, as TensorBoard calls them.
    #[serde(skip_serializing_if = "no_list")]
    pub tags: Vec<String>,
    /// Steps for which something was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps_logged: Option<u64>,
    /// The last step that was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_step: Option<u64>,
    /// Optimizer steps done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_step: Option<u64>,
    /// Passes over the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Batch size of the training on each device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_batch_size: Option<u64>,
    /// Processes it was spread over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world_size: Option<u64>,
    /// Accelerators it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_count: Option<u64>,
    /// Their model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Begin, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// End, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Version of the framework or tracker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework_version: Option<String>,
    /// Version of Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Names of settings and environment variables in it that hold secrets.
    #[serde(skip_serializing_if = "no_list")]
    pub environment_leaks: Vec<String>,
    /// Whether it keeps source that was not committed (a patch or copied files).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds_source: Option<bool>,
    /// Whether a file of it runs code when loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains_pickle: Option<bool>,
}

impl Run {
    /// See [`super::Fact::set`].
    pub(super) fn set(&mut self, field: &str, values: &[String]) -> bool {
        match field {
            "run_id" => fill_text(&mut self.run_id, values),
            "name" => fill_text(&mut self.name, values),
            "project" => fill_text(&mut self.project, values),
            "user" => fill_text(&mut self.user, values),
            "hostname" => fill_text(&mut self.hostname, values),
            "experiment" => fill_text(&mut self.experiment, values),
            "dataset_paths" => fill_list(&mut self.dataset_paths, values),
            "params" => fill_list(&mut self.params, values),
            "metrics" => fill_list(&mut self.metrics, values),
            _ => return false,
        }
        true
    }

    /// Fills what is not known yet from another file of the same run; lists become the union, counts the larger one.
    pub fn fill_from(&mut self, other: &Run) {
        macro_rules! first { ($($field:ident),*) => { $(
            if self.$field.is_none() { self.$field.clone_from(&other.$field); }
        )* } }
        macro_rules! union { ($($field:ident),*) => { $( fill_list(&mut self.$field, &other.$field); )* } }
        macro_rules! larger { ($($field:ident),*) => { $( self.$field = self.$field.max(other.$field); )* } }
        first!(
            run_id,
            name,
            parent_run_id,
            wandb_run_id,
            job_id,
            trial,
            deleted,
            offline,
            status,
            failed,
            project,
            entity,
            group,
            experiment,
            experiment_id,
            user,
            hostname,
            pid,
            head_node,
            partition,
            account,
            job_name,
            job_script,
            git_remote,
            git_branch,
            git_commit,
            program,
            command,
            working_directory,
            output_dir,
            dataset_path,
            checkpoint_path,
            base_model,
            overrides,
            epochs,
            train_batch_size,
            world_size,
            gpu_count,
            gpu,
            started,
            ended,
            framework_version,
            python,
            holds_source,
            contains_pickle
        );
        union!(
            also_known_as,
            studies,
            nodes,
            dataset_paths,
            checkpoint_paths,
            checkpoints,
            params,
            metrics,
            tags,
            environment_leaks
        );
        larger!(steps_logged, last_step, global_step);
    }
}
