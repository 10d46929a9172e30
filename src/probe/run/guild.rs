//! Guild AI: `runs/<id>/.guild/attrs/`, a small YAML file for each attribute, and the operation in `.guild/opref`.
//!
//! Follows `guild/run.py` and `guild/op.py`, release 0.9. Attributes that are not named below are not looked at.

use super::{paths, settings};
use crate::model::{Date, Fact, Run};
use crate::probe::yaml::{self, MAX_TEXT, Yaml};
use crate::probe::{Finding, Input, ProbeError, kit};

/// One file of `.guild/attrs/`, or `.guild/opref`.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut parts = input.name.rsplit(|&byte| byte == b'/');
    let name = parts.next().unwrap_or_default();
    let is_attribute = parts.next() == Some(b"attrs");
    let directory = if is_attribute { parts.nth(1) } else { parts.next() };
    let run_id = directory.and_then(|id| std::str::from_utf8(id).ok());
    let mut run = Run { run_id: settings::text("run_id", run_id), ..Run::default() };
    if !matches!(
        name,
        b"started"
            | b"stopped"
            | b"exit_status"
            | b"label"
            | b"user"
            | b"host"
            | b"vcs_commit"
            | b"flags"
            | b"env"
            | b"cmd"
            | b"opref"
    ) {
        return Ok(Finding::new(Fact::Run(Box::new(run))));
    }
    let bytes = kit::whole(input.blob, MAX_TEXT)?;
    let text = String::from_utf8_lossy(&bytes);
    if name == b"opref" {
        // `script:<directory> '' '' <operation>`
        run.experiment = text.split_whitespace().last().and_then(|name| settings::text("operation", Some(name)));
        return Ok(Finding::new(Fact::Run(Box::new(run))));
    }
    let documents = yaml::documents(&text);
    if let Some(value) = documents.documents.first() {
        attribute(&mut run, name, value);
    }
    let finding = Finding::new(Fact::Run(Box::new(run)));
    Ok(finding.ended_by(documents.ended_by.map_or(Ok(()), Err)))
}

fn attribute(run: &mut Run, name: &[u8], value: &Yaml) {
    let text = value.text();
    let number = || text.and_then(|text| text.parse::<i64>().ok());
    let moment = || number().and_then(|micros| micros.checked_div(1_000_000)).and_then(Date::instant);
    match name {
        b"started" => run.started = moment(),
        b"stopped" => run.ended = moment(),
        b"exit_status" => {
            run.failed = number().map(|status| status != 0);
            run.status = run.failed.map(|failed| if failed { "error" } else { "completed" }.to_owned());
        }
        b"label" => run.name = settings::text("name", text),
        b"user" => run.user = settings::account(text),
        b"host" => run.hostname = settings::text("host", text),
        // `git:<commit>`, with a star where there were changes.
        b"vcs_commit" => {
            let commit = text.map(|text| text.trim_start_matches("git:").trim_end_matches('*'));
            run.git_commit = settings::text("commit", commit);
        }
        b"flags" => value.leaves(&mut |path, leaf| settings::param(run, path, leaf.text().unwrap_or_default())),
        b"env" => value.leaves(&mut |path, leaf| settings::leak(run, path, leaf.text().unwrap_or_default())),
        b"cmd" => {
            let words: Vec<&str> = value.items().iter().filter_map(Yaml::text).collect();
            run.command = settings::command(words.iter().copied());
            paths::fill_arguments(run, words.into_iter());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn look(name: &str, text: &str) -> Run {
        let blob = Memory::new(text.as_bytes());
        let name = format!("runs/b8fd56bf4562404ea30aee2bb9160171/.guild/{name}");
        match probe(&Input { name: name.as_bytes(), ..Input::new(&blob, text.as_bytes()) }).unwrap().fact {
            Fact::Run(run) => *run,
            _ => panic!(),
        }
    }

    #[test]
    fn attributes_by_their_names() {
        assert_eq!(look("attrs/started", "1795328904857730").started.as_deref(), Some("2026-11-22T06:28:24Z"));
        assert_eq!(look("attrs/exit_status", "1").failed, Some(true));
        assert_eq!(look("attrs/host", "node").run_id.as_deref(), Some("b8fd56bf4562404ea30aee2bb9160171"));
        assert_eq!(look("attrs/vcs_commit", "git:c0ffee*").git_commit.as_deref(), Some("c0ffee"));
        let run = look("attrs/flags", "data_path: /data/cells.h5ad\nlr: 0.1\n");
        assert_eq!((run.params.len(), run.dataset_path.as_deref()), (2, Some("/data/cells.h5ad")));
        let run = look("attrs/env", "API_KEY: hunter2\nLANG: C\n");
        assert!(run.environment_leaks == ["API_KEY"] && !format!("{run:?}").contains("hunter2"));
        let run = look("attrs/cmd", "- python\n- -um\n- t\n- --data_path\n- /data/x\n");
        assert_eq!(run.command.as_deref(), Some("python -um t --data_path /data/x"));
        assert_eq!(look("opref", "script:/srv/cells '' '' t.py").experiment.as_deref(), Some("t.py"));
        assert_eq!(look("attrs/pip_freeze", "- a==1\n").params.len(), 0);
    }
}
