//! One record of a W&B log: the message `Record` of `wandb_internal.proto`.
//!
//! Only the fields named below are followed. Mail addresses, notes, console output and values of the history stay where
//! they are.

use std::collections::BTreeSet;

use super::super::settings::{self, MAX_NAMES};
use crate::blob::Memory;
use crate::model::{Date, Run, publishable};
use crate::probe::protobuf::{Field, Span, Value, Wire};
use crate::probe::{ProbeError, kit};

/// Longest text of a field that is read.
const MAX_TEXT: u64 = 64 << 10;

/// What the records of a log told so far.
#[derive(Default)]
pub(super) struct Told {
    pub(super) run: Run,
    /// Records understood as far as they go.
    pub(super) records: u64,
    metrics: BTreeSet<String>,
    arguments: Vec<String>,
    executable: Option<String>,
    program: Option<String>,
    started: Option<i64>,
    /// Whether the program says itself which step it logs: then that is the optimizer's, not a count of calls.
    counts_steps: bool,
}

impl Told {
    /// Adds what a record says.
    ///
    /// # Errors
    /// [`ProbeError::Malformed`] where it is no such message; what was read of it before stands.
    pub(super) fn add(&mut self, record: &[u8]) -> Result<(), ProbeError> {
        let blob = Memory::new(record);
        let mut wire = Wire::new(&blob);
        let mut root = wire.root();
        self.records = self.records.saturating_add(1);
        while let Some(Field { number, value }) = wire.next(&mut root)? {
            let Value::Bytes(span) = value else { continue };
            match number {
                2 => self.history(&mut wire, span)?,
                3 => self.items(&mut wire, span, Part::Summary)?,
                5 => self.items(&mut wire, span, Part::Config)?,
                6 => self.files(&mut wire, span)?,
                8 => self.artifact(&mut wire, span)?,
                11 => self.telemetry(&mut wire, span)?,
                17 => self.run(&mut wire, span)?,
                18 => self.exit(&mut wire, span)?,
                21 => self.header(&mut wire, span)?,
                25 => self.use_artifact(&mut wire, span)?,
                26 => self.environment(&mut wire, span)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// All of it, put in order.
    pub(super) fn finish(self) -> Run {
        let mut run = self.run;
        run.metrics = self.metrics.into_iter().map(|name| publishable("", &name)).collect();
        run.params.sort();
        run.params.dedup();
        if self.counts_steps {
            run.global_step = run.global_step.max(run.last_step);
        }
        // What the command names stands behind what the settings name.
        super::super::paths::fill_arguments(&mut run, self.arguments.iter().map(String::as_str));
        let program = self.program.or_else(|| run.program.clone());
        let words = self.executable.iter().chain(&program).chain(&self.arguments).map(String::as_str);
        if program.is_some() && run.command.is_none() {
            run.command = settings::command(words);
        }
        run
    }

    fn header(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            if let (1, Value::Bytes(mut version)) = (number, value) {
                while let Some(Field { number, value }) = wire.next(&mut version)? {
                    if let (1, Value::Bytes(producer)) = (number, value) {
                        let producer = wire.text(producer, MAX_TEXT)?;
                        let version = producer.split('+').next().unwrap_or_default();
                        self.run.framework_version = settings::text("version", Some(version));
                    }
                }
            }
        }
        Ok(())
    }

    fn run(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            let Value::Bytes(span) = value else { continue };
            match number {
                1 => set(&mut self.run.run_id, wire, span, "run_id")?,
                2 => set(&mut self.run.entity, wire, span, "entity")?,
                3 => set(&mut self.run.project, wire, span, "project")?,
                4 => self.items(wire, span, Part::Config)?,
                5 => self.items(wire, span, Part::Summary)?,
                6 => set(&mut self.run.group, wire, span, "group")?,
                8 => set(&mut self.run.name, wire, span, "name")?,
                12 => {
                    // A run of a sweep is one trial of a search.
                    let sweep = wire.text(span, MAX_TEXT)?;
                    if !sweep.is_empty() {
                        self.run.trial = Some(true);
                        self.run.studies = vec![publishable("sweep_id", &sweep)];
                    }
                }
                13 => set(&mut self.run.hostname, wire, span, "host")?,
                17 => {
                    self.started = seconds(wire, span)?;
                    self.run.started = self.started.and_then(Date::instant);
                }
                19 => self.telemetry(wire, span)?,
                21 => self.git(wire, span)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn telemetry(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            let Value::Bytes(mut span) = value else { continue };
            match number {
                3 => {
                    while let Some(Field { number, value }) = wire.next(&mut span)? {
                        match (number, value) {
                            (4, Value::Varint(1)) => self.run.offline = Some(true),
                            (61, Value::Varint(1)) => self.counts_steps = true,
                            _ => {}
                        }
                    }
                }
                4 => set(&mut self.run.python, wire, span, "version")?,
                5 => set(&mut self.run.framework_version, wire, span, "version")?,
                _ => {}
            }
        }
        Ok(())
    }

    fn git(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            match (number, value) {
                (1, Value::Bytes(span)) => set(&mut self.run.git_remote, wire, span, "remote_url")?,
                (2, Value::Bytes(span)) => set(&mut self.run.git_commit, wire, span, "commit")?,
                _ => {}
            }
        }
        Ok(())
    }

    fn environment(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        let (mut code_path, mut local) = (None, None);
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            let span = match value {
                Value::Bytes(span) => span,
                Value::Varint(count) if number == 19 && count > 0 => {
                    self.run.gpu_count = Some(count);
                    continue;
                }
                _ => continue,
            };
            match number {
                2 => {
                    let python = wire.text(span, MAX_TEXT)?;
                    self.run.python = settings::text("version", Some(python.trim_start_matches("CPython ")));
                }
                5 if self.arguments.len() < MAX_NAMES => self.arguments.push(wire.text(span, MAX_TEXT)?),
                6 => self.program = Some(wire.text(span, MAX_TEXT)?),
                7 => set(&mut code_path, wire, span, "program")?,
                8 => set(&mut local, wire, span, "program")?,
                9 => self.git(wire, span)?,
                11 => set(&mut self.run.working_directory, wire, span, "path")?,
                12 => set(&mut self.run.hostname, wire, span, "host")?,
                13 => self.run.user = settings::account(Some(&wire.text(span, MAX_TEXT)?)),
                14 => self.executable = Some(wire.text(span, MAX_TEXT)?),
                18 => set(&mut self.run.gpu, wire, span, "gpu")?,
                27 => self.slurm(wire, span)?,
                _ => {}
            }
        }
        // The writer adds what it learns of the machine in messages of their own.
        let known = || self.run.program.clone();
        let program = || self.program.as_deref().and_then(|program| settings::text("program", Some(program)));
        self.run.program = code_path.or(local).or_else(known).or_else(program);
        Ok(())
    }

    fn slurm(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        let (mut key, mut text) = (String::new(), String::new());
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            match (number, value) {
                (1, Value::Bytes(span)) => key = wire.text(span, MAX_TEXT)?,
                (2, Value::Bytes(span)) => text = wire.text(span, MAX_TEXT)?,
                _ => {}
            }
        }
        super::slurm(&mut self.run, &key, &text);
        Ok(())
    }

    fn exit(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        let (mut code, mut runtime) = (0, None);
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            match (number, value) {
                (1, Value::Varint(number)) => code = number,
                (2, Value::Varint(seconds)) => runtime = i64::try_from(seconds).ok(),
                _ => {}
            }
        }
        self.run.failed = Some(code != 0);
        self.run.status = Some(if code == 0 { "finished" } else { "failed" }.to_owned());
        let ended = self.started.zip(runtime).and_then(|(started, runtime)| started.checked_add(runtime));
        self.run.ended = ended.and_then(Date::instant);
        Ok(())
    }

    fn history(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        let (mut has_values, mut step) = (false, None);
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            let Value::Bytes(mut span) = value else { continue };
            match number {
                1 => {
                    let (key, json) = item(wire, span)?;
                    if key == "_step" {
                        step = match json {
                            Some(json) => wire.text(json, 32)?.parse().ok(),
                            None => step,
                        };
                    } else if !key.starts_with('_') {
                        has_values = true;
                        if let Some(json) = json.filter(|_| key.rsplit(['/', '.']).next() == Some("global_step")) {
                            let told: Option<f64> = wire.text(json, 32)?.parse().ok();
                            self.run.global_step = self.run.global_step.max(told.and_then(settings::whole));
                        }
                        self.metric(key);
                    }
                }
                2 => {
                    step = step.or(Some(0));
                    while let Some(Field { number, value }) = wire.next(&mut span)? {
                        if let (1, Value::Varint(number)) = (number, value) {
                            step = Some(number);
                        }
                    }
                }
                _ => {}
            }
        }
        self.run.last_step = self.run.last_step.max(step);
        if has_values {
            self.run.steps_logged = Some(self.run.steps_logged.unwrap_or(0).saturating_add(1));
        }
        Ok(())
    }

    fn metric(&mut self, name: String) {
        if self.metrics.len() < MAX_NAMES {
            self.metrics.insert(name);
        }
    }

    /// `update` of a configuration or a summary.
    fn items(&mut self, wire: &mut Wire, mut message: Span, part: Part) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            let (1, Value::Bytes(span)) = (number, value) else { continue };
            let (key, json) = item(wire, span)?;
            if key.starts_with('_') {
                continue;
            }
            match (part, json) {
                (Part::Summary, _) => self.metric(key),
                (Part::Config, Some(json)) => {
                    let text = wire.bytes(json, MAX_TEXT)?;
                    match kit::json::<serde_json::Value>(&text, "a setting") {
                        Ok(value) => settings::params(&mut self.run, &key, &value),
                        // A long one was cut: its name is known all the same.
                        Err(_) => settings::param(&mut self.run, &key, ""),
                    }
                }
                (Part::Config, None) => {}
            }
        }
        Ok(())
    }

    /// Files that the run keeps: its code and its differences are source.
    fn files(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            let (1, Value::Bytes(mut file)) = (number, value) else { continue };
            while let Some(Field { number, value }) = wire.next(&mut file)? {
                if let (1, Value::Bytes(path)) = (number, value)
                    && super::is_source(&wire.text(path, MAX_TEXT)?)
                {
                    self.run.holds_source = Some(true);
                }
            }
        }
        Ok(())
    }

    /// An artifact that the run wrote: the files of a model are checkpoints.
    fn artifact(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        let mut sort = String::new();
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            match (number, value) {
                (4, Value::Bytes(span)) => sort = wire.text(span, MAX_TEXT)?,
                (12, Value::Bytes(manifest)) if sort.contains("model") || sort.contains("checkpoint") => {
                    self.manifest(wire, manifest)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn manifest(&mut self, wire: &mut Wire, mut manifest: Span) -> Result<(), ProbeError> {
        while let Some(Field { number, value }) = wire.next(&mut manifest)? {
            let (4, Value::Bytes(mut entry)) = (number, value) else { continue };
            while let Some(Field { number, value }) = wire.next(&mut entry)? {
                if let (1, Value::Bytes(path)) = (number, value) {
                    let path = publishable("path", &wire.text(path, MAX_TEXT)?);
                    if self.run.checkpoints.len() < 256 && !self.run.checkpoints.contains(&path) {
                        self.run.checkpoints.push(path);
                    }
                }
            }
        }
        Ok(())
    }

    fn use_artifact(&mut self, wire: &mut Wire, mut message: Span) -> Result<(), ProbeError> {
        let (mut sort, mut name) = (String::new(), String::new());
        while let Some(Field { number, value }) = wire.next(&mut message)? {
            match (number, value) {
                (2, Value::Bytes(span)) => sort = wire.text(span, MAX_TEXT)?,
                (3, Value::Bytes(span)) => name = wire.text(span, MAX_TEXT)?,
                _ => {}
            }
        }
        match sort.as_str() {
            "dataset" => super::super::paths::fill(&mut self.run, "dataset", &name),
            "model" => super::super::paths::fill(&mut self.run, "base_model", &name),
            _ => {}
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Part {
    Config,
    Summary,
}

/// The name of an item of a history, configuration or summary, and its value in JSON.
fn item(wire: &mut Wire, mut message: Span) -> Result<(String, Option<Span>), ProbeError> {
    let (mut key, mut json) = (String::new(), None);
    while let Some(Field { number, value }) = wire.next(&mut message)? {
        match (number, value) {
            (1 | 2, Value::Bytes(span)) => {
                let part = wire.text(span, MAX_TEXT)?;
                if !key.is_empty() {
                    key.push('.');
                }
                key.push_str(&part);
            }
            (16, Value::Bytes(span)) => json = Some(span),
            _ => {}
        }
    }
    Ok((key, json))
}

/// Sets a text, unless it is empty.
fn set(field: &mut Option<String>, wire: &mut Wire, span: Span, key: &str) -> Result<(), ProbeError> {
    let value = wire.text(span, MAX_TEXT)?;
    if let Some(value) = settings::text(key, Some(&value)) {
        *field = Some(value);
    }
    Ok(())
}

/// The seconds of a `Timestamp`.
fn seconds(wire: &mut Wire, mut message: Span) -> Result<Option<i64>, ProbeError> {
    let mut seconds = None;
    while let Some(Field { number, value }) = wire.next(&mut message)? {
        if let (1, Value::Varint(number)) = (number, value) {
            seconds = Some(number.cast_signed());
        }
    }
    Ok(seconds)
}
