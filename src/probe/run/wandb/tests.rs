use super::*;
use crate::blob::Memory;

/// A field of bytes.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for mut value in [u64::from(number) << 3 | 2, content.len() as u64] {
        while value >= 0x80 {
            out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    out.extend_from_slice(content);
    out
}

fn item(key: &str, json: &str) -> Vec<u8> {
    field(1, &[field(1, key.as_bytes()), field(16, json.as_bytes())].concat())
}

fn run_of(name: &str, bytes: &[u8]) -> (Run, Finding) {
    let blob = Memory::new(bytes);
    let input = Input { name: name.as_bytes(), ..Input::new(&blob, bytes) };
    let mut reader = bytes;
    let finding = probe(&input, &mut reader).unwrap();
    let Fact::Run(run) = &finding.fact else { panic!() };
    (run.as_ref().clone(), finding)
}

fn records() -> Vec<Vec<u8>> {
    let config =
        [item("lr", "0.1"), item("data", "{\"path\": \"/data/a.h5ad\"}"), item("api_key", "\"hunter2hunter2\"")];
    let run = [field(1, b"abc"), field(3, b"p"), field(4, &config.concat()), field(12, b"sw33p"), field(13, b"node")];
    let environment = [
        field(5, b"--password"),
        field(5, b"hunter2"),
        field(6, b"/src/t.py"),
        field(10, b"alice@example.org"),
        field(13, b"alice"),
        field(27, &[field(1, b"job_id"), field(2, b"4711")].concat()),
    ];
    let history = [item("loss", "1"), item("_step", "7")].concat();
    vec![
        field(17, &run.concat()),
        field(26, &environment.concat()),
        field(2, &history),
        field(6, &field(1, &field(1, b"diff.patch"))),
        field(25, &[field(2, b"dataset"), field(3, b"team/p/cells:v3")].concat()),
        field(18, b"\x08\x01"),
    ]
}

#[test]
fn records_of_every_sort() {
    let records = records();
    let bytes = log::tests::forged(&records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let (run, finding) = run_of("wandb/offline-run-20240101_000000-abc/run-abc.wandb", &bytes);
    assert_eq!(finding.format, Some("wandb-offline"));
    assert_eq!(
        (run.run_id.as_deref(), run.hostname.as_deref(), run.user.as_deref()),
        (Some("abc"), Some("node"), Some("alice"))
    );
    assert_eq!(run.params, ["api_key", "data.path", "lr"]);
    assert_eq!(run.environment_leaks, ["api_key"]);
    assert_eq!(run.dataset_paths, ["/data/a.h5ad", "team/p/cells:v3"]);
    assert_eq!((run.last_step, run.failed, run.job_id.as_deref()), (Some(7), Some(true), Some("4711")));
    assert_eq!((run.trial, run.holds_source, run.offline), (Some(true), Some(true), Some(true)));
    let told = format!("{run:?}");
    assert!(!told.contains("hunter2") && !told.contains("example.org"), "{told}");
}

#[test]
fn a_log_that_ends_anywhere_says_what_it_held() {
    let records = records();
    let bytes = log::tests::forged(&records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for end in log::HEADER.len()..bytes.len() {
        let (_, finding) = run_of("run-abc.wandb", &bytes[..end]);
        assert!(finding.notes.len() <= 1);
    }
    let (run, finding) = run_of("x/run-abc.wandb", &bytes[..bytes.len() - 3]);
    assert_eq!((run.last_step, run.failed, finding.format), (Some(7), None, Some("wandb")));
    assert!(matches!(finding.notes.as_slice(), [(Cause::Truncated, _)]));
    for at in log::HEADER.len()..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        assert!(!run_of("run-abc.wandb", &damaged).1.notes.is_empty());
    }
}

#[test]
fn files_beside_the_log() {
    let look = |name: &str, text: &str, probe: fn(&Input) -> Result<Finding, ProbeError>| {
        let blob = Memory::new(text.as_bytes());
        probe(&Input { name: name.as_bytes(), ..Input::new(&blob, text.as_bytes()) })
    };
    let run = |finding: Result<Finding, ProbeError>| match finding.unwrap().fact {
        Fact::Run(run) => *run,
        _ => panic!(),
    };
    let text = r#"{"host": "node", "username": "alice", "program": "/src/t.py", "codePath": "t.py", "email": "a@b.example",
        "args": ["--data", "/data/x", "--token", "hunter2"], "git": {"remote": "https://u:hunter2@h.example/r", "commit": "c0"}}"#;
    let meta = run(look("run-1-a/files/wandb-metadata.json", text, metadata));
    assert_eq!((meta.program.as_deref(), meta.dataset_path.as_deref()), (Some("t.py"), Some("/data/x")));
    assert!(!format!("{meta:?}").contains("hunter2") && !format!("{meta:?}").contains("b.example"));
    assert!(matches!(look("x.json", "{\"a\": 1}", metadata), Err(ProbeError::NotMine)));
    let text = "wandb_version: 1\n_wandb:\n  desc: null\n  value:\n    python_version: 3.9.1\nlr:\n  desc: null\n  value: 0.1\nm:\n  value:\n    d: [1, 2]\n";
    let config = run(look("config.yaml", text, config));
    assert_eq!(
        (config.params, config.python.as_deref()),
        (vec!["lr".to_owned(), "m.d.0".to_owned(), "m.d.1".to_owned()], Some("3.9.1"))
    );
    assert!(matches!(look("config.yaml", "a: 1\n", super::config), Err(ProbeError::NotMine)));
    let summary = run(look("run-1-a/files/wandb-summary.json", "{\"loss\": NaN, \"_step\": 9}", summary));
    assert_eq!((summary.metrics, summary.last_step), (vec!["loss".to_owned()], Some(9)));
    let patch = look("run-1-a/files/diff.patch", "--- a", file);
    assert_eq!(run(patch).holds_source, Some(true));
    assert!(matches!(look("files/diff.patch", "--- a", file), Err(ProbeError::NotMine)));
}
