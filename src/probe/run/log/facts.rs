//! What the lines of a log tell, one after the other.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::command;
use super::patterns::{self, Sign};
use super::words::{behind, is_filler, is_path, part};
use crate::model::{Run, names_secret, publishable};
use crate::probe::run::{nodelist, paths};

/// Longest line that is looked at; the rest of a longer one is output of another sort.
const MAX_LINE: usize = 4096;
/// Lines from the beginning in which words for places count; later ones are the training's own.
const PREAMBLE: u64 = 400;
/// Most checkpoints, and different counts, that are kept.
const MAX_KEPT: usize = 4096;
/// Lines between one that counts and one that measures.
const NEAR: u64 = 6;
/// Lines that may come behind a traceback that ended the log.
const MAX_TRACE: u64 = 80;

/// What a log has told so far.
#[derive(Default)]
pub(super) struct Told {
    pub(super) run: Run,
    pub(super) job_id: Option<String>,
    /// Job and task of an array.
    array: (Option<String>, Option<String>),
    pub(super) slurm: u64,
    pub(super) pbs: u64,
    pub(super) submitit: u64,
    pub(super) job_signs: u64,
    pub(super) training: u64,
    pub(super) requests: u64,
    pub(super) core: u64,
    ids: BTreeSet<String>,
    /// The last line that counted and measured nothing.
    counted: Option<u64>,
    steps: BTreeSet<u64>,
    distinct: BTreeSet<u64>,
    bar: Option<(u64, u64)>,
    failed: bool,
    lines: u64,
    /// The last head of a traceback.
    traced: Option<u64>,
    succeeded: bool,
    head: Option<String>,
    node_list: Option<String>,
    checkpoints: Vec<String>,
}

impl Told {
    pub(super) fn is_training(&self) -> bool {
        self.training >= 2
    }

    /// Different lines of training.
    pub(super) fn distinct(&self) -> usize {
        self.distinct.len()
    }

    /// Whether a job that the log names is the one its name has.
    pub(super) fn ids_in(&self, name: &str) -> bool {
        self.ids.iter().any(|id| name.contains(id.as_str()))
    }

    /// The key of a task of an array, as Slurm writes it.
    pub(super) fn array_id(&self) -> Option<String> {
        let (job, task) = (self.array.0.as_ref()?, self.array.1.as_ref()?);
        Some(format!("{job}_{task}"))
    }

    /// Whether the log says which job it is of.
    pub(super) fn names_job(&self) -> bool {
        self.job_id.is_some() || self.array_id().is_some()
    }

    /// One line.
    pub(super) fn line(&mut self, line: &str) {
        let line = line.get(..line.floor_char_boundary(MAX_LINE)).unwrap_or(line);
        let clean = if line.contains(['\u{1b}', '\u{8}']) {
            patterns::ESCAPE.replace_all(line, "")
        } else {
            std::borrow::Cow::Borrowed(line)
        };
        let line = clean.trim_end();
        if line.trim().is_empty() {
            return;
        }
        self.lines = self.lines.saturating_add(1);
        let is_training = self.signs(line);
        let mut is_job = false;
        if is_training {
            self.count(line);
        } else if self.lines <= PREAMBLE {
            is_job = self.job(line);
            self.places(line, is_job);
            self.variables(line);
        }
        self.progress(line);
        if !is_training {
            self.paths(line, is_job);
        }
    }

    /// Counts what a line is a sign of; says whether it is one of training: it counts and measures, or measures soon after
    /// one that counts.
    fn signs(&mut self, line: &str) -> bool {
        let (mut counts, mut measures, mut is_core) = (false, false, false);
        for sign in patterns::signs(line) {
            let count = match sign {
                Sign::Slurm => &mut self.slurm,
                Sign::Pbs => &mut self.pbs,
                Sign::Submitit => &mut self.submitit,
                Sign::Job => &mut self.job_signs,
                Sign::Request => &mut self.requests,
                Sign::Count => {
                    counts = true;
                    continue;
                }
                Sign::Measure => {
                    measures = true;
                    continue;
                }
                Sign::Core => {
                    is_core = true;
                    continue;
                }
                Sign::Failure => {
                    self.failed = true;
                    continue;
                }
                Sign::Traceback => {
                    self.traced = Some(self.lines);
                    continue;
                }
                Sign::Success => {
                    self.succeeded = true;
                    continue;
                }
            };
            *count = count.saturating_add(1);
        }
        let is_near = self.counted.take_if(|_| measures || counts);
        let is_training = measures && (counts || is_near.is_some_and(|at| self.lines.saturating_sub(at) <= NEAR));
        if counts && !measures {
            self.counted = Some(self.lines);
        }
        if is_training {
            self.training = self.training.saturating_add(1);
            self.core = self.core.saturating_add(u64::from(is_core));
        }
        is_training
    }

    /// The step of a line of training.
    fn count(&mut self, line: &str) {
        if self.distinct.len() < MAX_KEPT {
            let mut hash = DefaultHasher::new();
            line.hash(&mut hash);
            self.distinct.insert(hash.finish());
        }
        let step = patterns::STEP.captures(line).and_then(|found| found.get(1)?.as_str().replace(',', "").parse().ok());
        if let Some(step) = step {
            self.step(step);
        }
    }

    fn step(&mut self, step: u64) {
        if self.steps.len() >= MAX_KEPT {
            self.steps.pop_first();
        }
        self.steps.insert(step);
    }

    /// The job's own key, name and machines; says whether there are any.
    fn job(&mut self, line: &str) -> bool {
        let Some(found) = patterns::JOB.captures(line) else { return false };
        let text = |at: usize| found.get(at).map(|part| part.as_str());
        if let Some(id) = text(1) {
            self.ids.insert(id.to_owned());
            self.job_id.get_or_insert_with(|| id.to_owned());
        }
        if let Some(name) = text(2) {
            self.run.job_name.get_or_insert_with(|| publishable("job_name", name));
        }
        if let Some(hosts) = text(3) {
            self.hosts(hosts);
        }
        true
    }

    fn hosts(&mut self, list: &str) {
        if self.node_list.is_none() && !nodelist::expand(list).is_empty() {
            self.node_list = Some(list.to_owned());
        }
    }

    /// Words for places and accounts, with what stands behind them.
    fn places(&mut self, line: &str, is_job: bool) {
        for found in patterns::WORD.captures_iter(line) {
            let (Some(key), Some(between), Some(value)) = (part(&found, 1), part(&found, 2), part(&found, 3)) else {
                continue;
            };
            // A space alone says little, except where a job introduces itself.
            if between.trim().is_empty() && !is_job {
                continue;
            }
            let value = value.trim_matches(['"', '\'', '.', ':']);
            self.place(&key.to_lowercase().replace([' ', '_'], ""), value);
        }
        if let Some(time) = patterns::ISO.captures(line).filter(|_| is_job || line.to_lowercase().contains("start"))
            && let (Some(day), Some(clock)) = (part(&time, 1), part(&time, 2))
        {
            self.run.started.get_or_insert_with(|| format!("{day}T{clock}Z"));
        }
    }

    fn place(&mut self, key: &str, value: &str) {
        let is_name = !value.is_empty()
            && value.len() <= 64
            && value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._@+".contains(&byte));
        let run = &mut self.run;
        let (field, as_key) = match key {
            "user" | "username" => (&mut run.user, "account"),
            "partition" | "queue" => (&mut run.partition, "partition"),
            "account" => (&mut run.account, "account"),
            "jobname" => (&mut run.job_name, "job_name"),
            "host" | "hostname" | "node" if value != "name" => (&mut run.hostname, "hostname"),
            "headnode" | "master" | "masteraddr" => (&mut self.head, "nodes"),
            "nodelist" | "nodes" if !value.starts_with(|c: char| c.is_ascii_digit()) => return self.hosts(value),
            "workdir" | "workingdir" | "workingdirectory" | "workdirectory" | "dir" | "cwd"
                if value.starts_with('/') =>
            {
                run.working_directory.get_or_insert_with(|| publishable("working_directory", value));
                return;
            }
            _ => return,
        };
        if is_name && field.is_none() {
            *field = Some(publishable(as_key, value));
        }
    }

    /// Variables of the environment: the scheduler's own say where a job ran; of the others, those that hold secrets are
    /// named.
    fn variables(&mut self, line: &str) {
        for found in patterns::SCHEDULER_VARIABLE.captures_iter(line) {
            let (Some(key), Some(value)) = (part(&found, 1), part(&found, 2)) else { continue };
            self.scheduler_variable(key, value);
        }
        for found in patterns::ARRAY.captures_iter(line) {
            let (Some(which), Some(number)) = (part(&found, 1), part(&found, 2)) else { continue };
            if which.eq_ignore_ascii_case("task") {
                self.array.1.get_or_insert_with(|| number.to_owned());
            } else {
                self.ids.insert(number.to_owned());
                self.array.0.get_or_insert_with(|| number.to_owned());
            }
        }
        let Some(found) = patterns::VARIABLE.captures(line) else { return };
        let (Some(key), Some(value)) = (part(&found, 1), part(&found, 2)) else { return };
        match key {
            "USER" | "LOGNAME" => self.place("user", value),
            "HOSTNAME" => self.place("host", value),
            "WORLD_SIZE" => self.run.world_size = self.run.world_size.or(value.parse().ok()),
            "PWD" => self.place("cwd", value),
            "MASTER_ADDR" => self.place("masteraddr", value),
            _ => {}
        }
        let leaks = &mut self.run.environment_leaks;
        let is_secret = names_secret(key) || publishable("", value).contains("[withheld]");
        if is_secret && leaks.len() < MAX_KEPT && !leaks.iter().any(|leak| leak == key) {
            leaks.push(publishable("", key));
        }
    }

    fn scheduler_variable(&mut self, key: &str, value: &str) {
        match key.split_once('_').map_or(key, |(_, key)| key) {
            "JOB_ID" | "JOBID" => {
                let id = value.split('.').next().unwrap_or(value);
                if id.starts_with(|c: char| c.is_ascii_digit()) {
                    self.ids.insert(id.to_owned());
                    self.job_id = Some(id.to_owned());
                }
            }
            "JOB_NAME" | "JOBNAME" => self.place("jobname", value),
            "JOB_PARTITION" | "O_QUEUE" | "QUEUE" => self.place("partition", value),
            "JOB_USER" | "O_LOGNAME" => self.place("user", value),
            "JOB_ACCOUNT" | "ACCOUNT" => self.place("account", value),
            "JOB_NODELIST" | "NODELIST" => self.hosts(value),
            "NODENAME" => self.place("host", value),
            "SUBMIT_DIR" | "O_WORKDIR" => self.place("cwd", value),
            _ => {}
        }
    }

    /// How far it came, in how many processes, and under which keys others know it.
    fn progress(&mut self, line: &str) {
        if let Some(bar) = patterns::BAR.captures_iter(line).last() {
            let number = |at| part(&bar, at).and_then(|text| text.parse::<u64>().ok());
            if let (Some(done), Some(all)) = (number(1), number(2))
                && self.bar.is_none_or(|(before, total)| all > total || all == total && done > before)
            {
                self.bar = Some((done, all));
            }
        }
        let run = &mut self.run;
        if run.world_size.is_none()
            && let Some(found) = patterns::WORLD.captures(line)
        {
            run.world_size = found.iter().skip(1).flatten().next().and_then(|number| number.as_str().parse().ok());
        }
        if run.wandb_run_id.is_none()
            && let Some(found) = patterns::WANDB.captures(line).filter(|_| line.contains("wandb"))
        {
            run.wandb_run_id = found.iter().skip(1).flatten().next().map(|id| publishable("run_id", id.as_str()));
        }
        if run.project.is_none()
            && let Some(found) = patterns::WANDB_PLACE.captures(line)
        {
            run.entity = part(&found, 1).map(|text| publishable("entity", text));
            run.project = part(&found, 2).map(|text| publishable("project", text));
        }
        if let Some(found) = patterns::MLFLOW.captures(line).filter(|_| run.also_known_as.len() < 8) {
            let id = found.iter().skip(1).flatten().next().map(|id| format!("mlflow:{}", id.as_str()));
            run.also_known_as.extend(id.filter(|id| !run.also_known_as.contains(id)));
        }
        if run.gpu.is_none()
            && let Some(found) = patterns::GPU.captures(line)
        {
            run.gpu = part(&found, 1).map(|text| publishable("gpu", text));
        }
        if self.head.is_none()
            && let Some(found) = patterns::HEAD.captures(line)
        {
            self.head = part(&found, 1).map(str::to_owned);
        }
    }

    /// Commands, data and checkpoints.
    fn paths(&mut self, line: &str, is_job: bool) {
        if let Some(command) = command::of(line) {
            command::fill(&mut self.run, command);
            return;
        }
        if line.trim_start().starts_with("File \"") || self.requests > 0 {
            return;
        }
        if let Some(path) = behind(&patterns::SAVED, line) {
            if self.checkpoints.len() < MAX_KEPT && !self.checkpoints.contains(&path) {
                self.step_of(&path);
                self.checkpoints.push(path);
            }
            return;
        }
        if let Some(path) = behind(&patterns::LOADED, line) {
            self.run.base_model.get_or_insert(path);
            return;
        }
        let saves =
            ["sav", "wrote", "writ", "stor", "log", "output"].iter().any(|word| line.to_lowercase().contains(word));
        if !saves || is_job {
            self.data(line);
        }
    }

    /// The step in the name of a checkpoint is one that was done.
    fn step_of(&mut self, path: &str) {
        let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let lower = base.to_lowercase();
        let number = ["checkpoint-", "checkpoint_", "step_", "step-", "step=", "iter_"]
            .iter()
            .find_map(|word| lower.split_once(word).map(|(_, rest)| rest.to_owned()));
        let digits: String = number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        if let Ok(step) = digits.parse() {
            self.step(step);
        }
    }

    /// Paths that stand behind a word for data.
    fn data(&mut self, line: &str) {
        let mut key = "";
        for word in line.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty()) {
            let bare = word.trim_matches(['"', '\'', '(', ')', '[', ']', ':', '=']).trim_end_matches('.');
            match bare.split_once(['=', ':']).filter(|(name, value)| !name.contains('/') && !value.starts_with("//")) {
                Some((name, value)) if is_path(value) => self.note(name, value.trim_matches(['"', '\''])),
                _ if is_path(bare) => self.note(key, bare),
                _ if !is_filler(bare) => key = bare,
                _ => {}
            }
        }
    }

    fn note(&mut self, key: &str, path: &str) {
        if paths::sort(key, path) == Some(paths::PathSort::Data) {
            paths::fill(&mut self.run, key, path);
        }
    }

    /// The facts of the run; `id` is the key its file's name gives it.
    pub(super) fn finish(mut self, id: Option<String>) -> Run {
        let nodes = self.node_list.as_deref().map(nodelist::expand).unwrap_or_default();
        let run = &mut self.run;
        run.run_id = id.or(self.job_id).map(|id| publishable("run_id", &id));
        if run.nodes.is_empty() {
            run.nodes = nodes.iter().map(|node| publishable("nodes", node)).collect();
        }
        match run.nodes.as_slice() {
            [] => run.nodes.extend(run.hostname.clone()),
            [node] => drop(run.hostname.get_or_insert_with(|| node.clone())),
            _ => {}
        }
        let head = self.head.filter(|head| !matches!(head.as_str(), "localhost" | "127.0.0.1"));
        run.head_node = head.map(|head| publishable("nodes", &head)).or_else(|| run.nodes.first().cloned());
        run.last_step = self.steps.last().copied().or(self.bar.filter(|(_, all)| *all > 1).map(|(done, _)| done));
        run.global_step = run.last_step;
        // A file may have been given as a checkpoint to write to before the first was written.
        if !self.checkpoints.is_empty() {
            run.checkpoint_path = self.checkpoints.last().cloned();
            run.checkpoint_paths = self.checkpoints;
        }
        let is_cut_short = self.traced.is_some_and(|at| self.lines.saturating_sub(at) <= MAX_TRACE);
        let failed = run.failed == Some(true) || self.failed || is_cut_short && !self.succeeded;
        run.failed = Some(failed);
        std::mem::take(run)
    }
}
