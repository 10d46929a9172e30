//! TensorBoard's event files: what was logged at which step, as records one behind the other.
//!
//! Follows `event.proto` and `summary.proto` of TensorBoard and the `api.proto` of its hparams plugin. The first event
//! names the version of the format, except where CatBoost writes; what TensorFlow, PyTorch, tensorboardX and CatBoost write differs in the name of the
//! file and in how a scalar is encoded. A file is read once and not kept: of an event that is an image or a graph only
//! the beginning is looked at, and no value that was logged is published. A run that goes on, or was killed, ends in the
//! middle of a record: what came before stands.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};

use crate::model::{Cause, Date, Fact, Run, publishable};
use crate::probe::framed::{self, FRAME};
use crate::probe::message::{Message, Value};
use crate::probe::run::paths;
use crate::probe::{Finding, Input, ProbeError};

/// Longest event that is read whole. Scalars have less than 100 bytes.
const MAX_EVENT: u64 = 1 << 20;
/// Bytes of a longer one: its step and its first tag are there.
const BEGINNING: u64 = 64 << 10;
/// Longest first event: a version and the name of the writer, or one number.
const MAX_FIRST: usize = 1024;
/// Most steps told apart: a set of 16 MiB.
const MAX_STEPS: usize = 1 << 20;
/// Most tags and parameters.
const MAX_NAMES: usize = 10_000;
/// Longest tag.
const MAX_TAG: usize = 1024;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// What the plugin for parameters logs under; a writer's own tags do not begin so.
const PARAMETERS: &[u8] = b"_hparams_/";

/// Where the plugin has the parameters of an experiment, and of a session.
const EXPERIMENT: u64 = 4;
const SESSION: u64 = 1;

/// Reads events to the end.
pub(crate) fn probe(input: &Input, stream: &mut dyn Read) -> Result<Finding, ProbeError> {
    if !begins_with_event(input.head) {
        return Err(ProbeError::NotMine);
    }
    let mut log = Log::default();
    let outcome = read(&mut BufReader::with_capacity(CHUNK, stream), &mut log);
    let mut run = log.run;
    run.tags = log.tags.into_iter().collect();
    run.params = log.params.into_iter().collect();
    run.steps_logged = Some(log.steps.len() as u64);
    run.last_step = log.steps.last().copied();
    of_name(&mut run, input.name);
    let mut finding = Finding::new(Fact::Run(Box::new(run))).ended_by(outcome);
    if log.steps_left_out {
        let detail = format!("logs more than {MAX_STEPS} different steps; those after them are not counted");
        finding.notes.push((Cause::OverBudget, detail));
    }
    Ok(finding)
}

/// Whether the first record is an event: one that names the format, or, as CatBoost begins, a time and a value.
fn begins_with_event(head: &[u8]) -> bool {
    let Some(frame) = head.first_chunk::<FRAME>() else { return false };
    let length = framed::length_of(frame).and_then(|length| usize::try_from(length).ok());
    let Some(length) = length.filter(|length| *length <= MAX_FIRST) else { return false };
    let body = head.get(FRAME..).unwrap_or_default();
    let mut event = Message(body.get(..length).unwrap_or(body));
    let mut has_time = false;
    while let Ok(Some((number, value))) = event.next() {
        match (number, value) {
            (1, Value::Fixed64(time)) => has_time = is_time(f64::from_bits(time)),
            (3, Value::Bytes(version)) => return version.starts_with(b"brain.Event:"),
            (5, Value::Bytes(values)) => {
                let tag = bytes_of(values, 1).and_then(|value| bytes_of(value, 1));
                return has_time && tag.is_some_and(|tag| std::str::from_utf8(tag).is_ok());
            }
            _ => {}
        }
    }
    false
}

/// What a file has told so far.
#[derive(Default)]
struct Log {
    run: Run,
    tags: BTreeSet<String>,
    params: BTreeSet<String>,
    steps: BTreeSet<u64>,
    steps_left_out: bool,
}

fn read(stream: &mut dyn Read, log: &mut Log) -> Result<(), ProbeError> {
    let mut record = Vec::new();
    while framed::next(stream, MAX_EVENT, BEGINNING, &mut record)?.is_some() {
        event(&record, log);
    }
    Ok(())
}

/// One event, or the beginning of a long one.
fn event(record: &[u8], log: &mut Log) {
    let mut event = Message(record);
    let (mut step, mut has_values) = (0, false);
    while let Some((number, field)) = event.next_of_cut() {
        match (number, field) {
            (1, Value::Fixed64(time)) => clock(f64::from_bits(time), &mut log.run),
            (2, Value::Number(number)) => step = number,
            (5, Value::Bytes(values)) => has_values |= summary(values, log),
            _ => {}
        }
    }
    // Steps are signed, and negative ones mean nothing.
    if !has_values || i64::try_from(step).is_err() || log.steps.contains(&step) {
        return;
    }
    if log.steps.len() < MAX_STEPS {
        log.steps.insert(step);
    } else {
        log.steps_left_out = true;
    }
}

/// Begin and end, as the clocks of the first and the last event have them.
fn clock(seconds: f64, run: &mut Run) {
    if !is_time(seconds) {
        return;
    }
    let time = Date::instant(seconds as i64);
    if run.started.is_none() {
        run.started.clone_from(&time);
    }
    run.ended = time;
}

/// What a clock of this century shows; anything else is a counter that someone put there.
fn is_time(seconds: f64) -> bool {
    (1e9..1e10).contains(&seconds)
}

/// The values of one summary; says whether there were any but those of the plugin for parameters.
fn summary(values: &[u8], log: &mut Log) -> bool {
    let mut summary = Message(values);
    let mut has_values = false;
    while let Some((number, one)) = summary.next_of_cut() {
        if let (1, Value::Bytes(one)) = (number, one) {
            has_values |= value(one, log);
        }
    }
    has_values
}

fn value(value: &[u8], log: &mut Log) -> bool {
    let mut fields = Message(value);
    let mut told = false;
    while let Some((number, field)) = fields.next_of_cut() {
        match (number, field) {
            (1, Value::Bytes(tag)) => told = tell(tag, log),
            (9, Value::Bytes(metadata)) => plugin(metadata, log),
            _ => {}
        }
    }
    told
}

/// Keeps a tag; says whether something was logged under it.
fn tell(tag: &[u8], log: &mut Log) -> bool {
    if tag.is_empty() || tag.len() > MAX_TAG {
        return !tag.is_empty();
    }
    if log.tags.len() < MAX_NAMES {
        log.tags.insert(publishable("", &String::from_utf8_lossy(tag)));
    }
    !tag.starts_with(PARAMETERS)
}

/// `SummaryMetadata`: of the plugin for parameters, the content is more than a note on how to show a value.
fn plugin(metadata: &[u8], log: &mut Log) {
    let Some(data) = bytes_of(metadata, 1) else { return };
    if bytes_of(data, 1) != Some(b"hparams") {
        return;
    }
    let Some(content) = bytes_of(data, 2) else { return };
    let mut content = Message(content);
    while let Ok(Some((number, field))) = content.next() {
        match (number, field) {
            // An experiment's parameters are messages whose first field is the name; a session's are a map.
            (2, Value::Bytes(experiment)) => names(experiment, EXPERIMENT, log),
            (3, Value::Bytes(session)) => names(session, SESSION, log),
            (4, Value::Bytes(end)) => ending(end, &mut log.run),
            _ => {}
        }
    }
}

/// Names of parameters: the first field of each message under that number. Of a session, each has its value behind it:
/// those that are paths say what was read.
fn names(message: &[u8], number: u64, log: &mut Log) {
    let mut fields = Message(message);
    while let Ok(Some((field, value))) = fields.next() {
        let (true, Value::Bytes(one)) = (field == number, value) else { continue };
        let Some(name) = bytes_of(one, 1).filter(|name| !name.is_empty() && name.len() <= MAX_TAG) else { continue };
        let name = String::from_utf8_lossy(name);
        if log.params.len() < MAX_NAMES {
            log.params.insert(publishable("", &name));
        }
        let text =
            bytes_of(one, 2).and_then(|value| bytes_of(value, 3)).and_then(|text| std::str::from_utf8(text).ok());
        if let Some(text) = text.filter(|_| number == SESSION) {
            paths::fill(&mut log.run, &name, text);
        }
    }
}

/// How a session ended.
fn ending(end: &[u8], run: &mut Run) {
    let mut fields = Message(end);
    while let Ok(Some((number, value))) = fields.next() {
        // `Status` of the plugin; success is written by who has only just begun, too.
        if let (1, Value::Number(2)) = (number, value) {
            run.failed = Some(true);
        }
    }
}

/// The first field of that number, if it is bytes.
fn bytes_of(message: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut fields = Message(message);
    while let Ok(Some((number, value))) = fields.next() {
        if let (true, Value::Bytes(bytes)) = (number == wanted, value) {
            return Some(bytes);
        }
    }
    None
}

/// `events.out.tfevents.<time>.<host>`, then from most writers `.<process>.<number>`, and whatever ending the writer
/// was asked for.
fn of_name(run: &mut Run, path: &[u8]) {
    let path = String::from_utf8_lossy(path);
    let base = path.rsplit('/').next().unwrap_or_default();
    let Some((_, rest)) = base.split_once("tfevents.") else { return };
    let Some((time, rest)) = rest.split_once('.') else { return };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(time) {
        return;
    }
    let parts: Vec<&str> = rest.split('.').collect();
    // The last two numbers one behind the other that do not stand at the front: an address is four.
    let pair =
        |at: &usize| parts.get(*at..).unwrap_or_default().iter().take(2).filter(|part| is_number(part)).count() == 2;
    let is_address = parts.len() >= 4 && parts.iter().take(4).all(|part| is_number(part));
    let first = if is_address { 4 } else { 1 };
    let process = (first..parts.len()).rev().find(pair);
    let named = match process {
        Some(at) => parts.get(..at).unwrap_or_default(),
        None if is_address => parts.get(..4).unwrap_or_default(),
        None => {
            let endings = ["v2", "profile-empty"];
            let end = parts.iter().position(|part| endings.contains(part)).unwrap_or(parts.len());
            parts.get(..end).unwrap_or_default()
        }
    };
    let host = named.join(".");
    if !host.is_empty() {
        run.hostname = Some(publishable("hostname", &host));
    }
    run.pid = process.and_then(|at| parts.get(at)?.parse().ok());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;
    use crate::probe::framed::forge;

    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        assert!(length < 1 << 28);
        let mut varint: Vec<u8> = [0, 7, 14, 21].map(|shift: u32| (length >> shift & 0x7f) as u8 | 0x80).to_vec();
        varint.push(0);
        [&[number << 3 | 2][..], &varint, body].concat()
    }

    fn version() -> Vec<u8> {
        forge(&field(3, b"brain.Event:2"))
    }

    fn scalar(step: u8, tag: &[u8], rest: &[u8]) -> Vec<u8> {
        let value = [field(1, tag), rest.to_vec()].concat();
        forge(&[&[0x10, step][..], &field(5, &field(1, &value))].concat())
    }

    fn run(name: &str, bytes: &[u8]) -> Result<(Run, Vec<Cause>), ProbeError> {
        let blob = Memory::new(bytes);
        let input = Input { name: name.as_bytes(), ..Input::new(&blob, &bytes[..bytes.len().min(4096)]) };
        let finding = probe(&input, &mut &bytes[..])?;
        let run = finding.fact.run().unwrap().clone();
        Ok((run, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
    }

    #[test]
    fn steps_are_counted_once_whatever_was_logged_at_them() {
        let events = [
            version(),
            scalar(1, b"loss", &[]),
            scalar(1, b"auc", &[]),
            scalar(9, b"loss", &[]),
            scalar(3, b"loss", &[]),
            forge(&[&[0x10][..], &[0xff; 9], &[1]].concat()),
        ];
        let (run, notes) = run("", &events.concat()).unwrap();
        assert_eq!((run.steps_logged, run.last_step, run.tags), (Some(3), Some(9), vec!["auc".into(), "loss".into()]));
        assert!(notes.is_empty());
    }

    #[test]
    fn parameters_are_named_and_their_values_are_not() {
        let entry = [field(1, b"lr"), field(2, b"canary")].concat();
        let session = field(3, &field(1, &entry));
        let metadata = field(9, &field(1, &[field(1, b"hparams"), field(2, &session)].concat()));
        let end = field(9, &field(1, &[field(1, b"hparams"), field(2, &field(4, &[8, 2]))].concat()));
        let events = [
            version(),
            scalar(0, b"_hparams_/session_start_info", &metadata),
            scalar(0, b"_hparams_/session_end_info", &end),
        ];
        let (run, _) = run("", &events.concat()).unwrap();
        assert_eq!(run.params, ["lr"]);
        assert_eq!((run.steps_logged, run.failed), (Some(0), Some(true)));
        assert!(!format!("{run:?}").contains("canary"));
    }

    #[test]
    fn of_a_long_event_the_tag_is_seen() {
        let image = field(4, &vec![7; 2 << 20]);
        let (run, notes) =
            run("", &[version(), scalar(4, b"sample", &image), scalar(5, b"loss", &[])].concat()).unwrap();
        assert_eq!((run.steps_logged, run.tags), (Some(2), vec!["loss".to_owned(), "sample".to_owned()]));
        assert!(notes.is_empty());
    }

    #[test]
    fn names_of_files_tell_host_and_process() {
        for (name, host, pid) in [
            ("events.out.tfevents.1795294517.gpu-node-07", Some("gpu-node-07"), None),
            ("a/events.out.tfevents.1795296741.gpu-07.26234.0", Some("gpu-07"), Some(26234)),
            ("events.out.tfevents.1795294068.n1.hpc.example.15910.1.v2", Some("n1.hpc.example"), Some(15910)),
            ("events.out.tfevents.1795294068.10.0.0.5", Some("10.0.0.5"), None),
            ("events.out.tfevents.1795294068.10.0.0.5.12.0", Some("10.0.0.5"), Some(12)),
            ("events.out.tfevents.1795294068.n1.profile-empty", Some("n1"), None),
            ("events.out.tfevents.1795294068.n1.77.3.eval", Some("n1"), Some(77)),
            ("events.out.tfevents.1795294068.host.12", Some("host.12"), None),
            ("events.out.tfevents", None, None),
            ("tfevents.x.y", None, None),
        ] {
            let mut run = Run::default();
            of_name(&mut run, name.as_bytes());
            assert_eq!((run.hostname.as_deref(), run.pid), (host, pid), "{name}");
        }
    }

    #[test]
    fn cut_and_bent_files_and_those_of_others() {
        let whole = [version(), scalar(1, b"loss", &[]), scalar(2, b"loss", &[])].concat();
        for size in 0..whole.len() {
            let _ = run("", &whole[..size]);
        }
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0x41;
            let _ = run("", &bent);
        }
        let (half, notes) = run("", &whole[..whole.len() - 3]).unwrap();
        assert_eq!((half.steps_logged, notes), (Some(1), vec![Cause::Truncated]));
        assert!(matches!(run("", &forge(&field(1, b"an example"))), Err(ProbeError::NotMine)));
        let time = [&[9][..], &1.7e9_f64.to_le_bytes()].concat();
        let bare = |time: &[u8]| forge(&[time, &field(5, &field(1, &field(1, b"Logloss")))].concat());
        assert_eq!(run("", &bare(&time)).unwrap().0.tags, ["Logloss"]);
        assert!(matches!(run("", &bare(&[])), Err(ProbeError::NotMine)));
        assert!(matches!(run("events.out.tfevents.1.h", b"not records"), Err(ProbeError::NotMine)));
    }
}
