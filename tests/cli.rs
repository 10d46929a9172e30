//! What a command does that cannot be written down as text: pipes that close, signals, modes of files, names that no
//! checkout can hold.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may stop where it stands")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn blastmap(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blastmap"));
    command.current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

fn run(folder: &Path, words: &[&str]) -> Output {
    blastmap(folder).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A whole safetensors file of one tensor.
fn safetensors() -> Vec<u8> {
    let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  "#;
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 8]].concat()
}

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors"), safetensors()).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_reader_that_goes_away_is_a_success() {
    let folder = tree();
    for words in [
        &["scan"][..],
        &["scan", "--format", "jsonl"],
        &["scan", "--format", "json"],
        &["scan", "--dump-config"],
        &["signatures", "list"],
        &["signatures", "check"],
        &["explain", "safetensors"],
        &["schema"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["--version"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = blastmap(folder.path()).args(words).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{words:?}: {}", text(&output.stderr));
    }
}

#[test]
fn an_inventory_is_whole_and_readable_by_its_owner_alone() {
    let folder = tree();
    let file = folder.path().join("map.jsonl");
    fs::write(&file, "an old one").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let first = run(folder.path(), &["scan", "-o", "map.jsonl", "-o", "again.jsonl", "-q"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(first.stdout.is_empty() && first.stderr.is_empty());
    assert_eq!(names(folder.path()), ["again.jsonl", "map.jsonl", "model.safetensors"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written, fs::read_to_string(folder.path().join("again.jsonl")).unwrap());
    assert!(written.starts_with("{\"type\":\"header\"") && written.contains("\"interrupted\":false,"));
    // What is written is not part of what is scanned: the second scan finds what the first one found.
    run(folder.path(), &["scan", "-o", "map.jsonl", "-o", "again.jsonl", "-q"]);
    assert_eq!(written, fs::read_to_string(&file).unwrap());
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_scan() {
    let folder = tree();
    let output = run(folder.path(), &["scan", "-o", "none/map.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr).lines().count(), 1);
    assert!(output.stdout.is_empty());
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for name in
        [&b"a\x1b[2J\x1b]0;owned\x07.safetensors"[..], b"\xff\xfe.safetensors", "x\u{202e}cod.safetensors".as_bytes()]
    {
        fs::write(folder.path().join(OsStr::from_bytes(name)), safetensors()).unwrap();
    }
    let evil = "\u{1b}[31mred";
    fs::write(
        folder.path().join("blastmap.toml"),
        format!("[[allow]]\nid = \"safetensors\"\nglob = \"*\"\nreason = {}\n", toml::Value::from(evil)),
    )
    .unwrap();
    for words in [&["scan"][..], &["scan", "-v"], &["scan", "--format", "jsonl"], &["scan", "--format", "json"]] {
        let output = run(folder.path(), words);
        let all = text(&output.stdout) + &text(&output.stderr);
        let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!all.contains(is_bad), "{words:?}: {all:?}");
        assert!(all.contains("a%1B[2J%1B]0;owned%07.safetensors"), "{all}");
    }
    let output = run(folder.path(), &["scan", "\u{1b}[31mnone"]);
    assert!(!text(&output.stderr).contains('\u{1b}'));
    fs::create_dir(folder.path().join("\u{1b}[31mplace")).unwrap();
    let output = run(folder.path(), &["scan", "\u{1b}[31mplace"]);
    assert!(!(text(&output.stdout) + &text(&output.stderr)).contains('\u{1b}'));
}

#[test]
fn a_configuration_is_looked_for_up_to_the_repository() {
    let folder = tree();
    let deep = folder.path().join("repo/a/b");
    fs::create_dir_all(&deep).unwrap();
    let dump = |root: &str, more: &[&str]| {
        let words = [&["scan", root, "--dump-config"], more].concat();
        let output = run(folder.path(), &words);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).parse::<toml::Table>().unwrap()["scan"]["threads"].as_integer().unwrap()
    };
    let config =
        |at: &str, threads: u8| fs::write(folder.path().join(at), format!("[scan]\nthreads = {threads}\n")).unwrap();
    config("blastmap.toml", 1);
    config("repo/blastmap.toml", 2);
    assert_eq!(dump("repo/a/b", &[]), 0, "without a repository, only the root itself");
    assert_eq!(dump("repo", &[]), 2);
    fs::create_dir(folder.path().join("repo/.git")).unwrap();
    assert_eq!(dump("repo/a/b", &[]), 2, "up to the repository's root");
    fs::write(deep.join("file"), "").unwrap();
    assert_eq!(dump("repo/a/b/file", &[]), 2, "from a file's directory");
    config("repo/a/blastmap.toml", 3);
    assert_eq!(dump("repo/a/b", &[]), 3, "the nearest");
    assert_eq!(dump("repo/a/b", &["--isolated"]), 0);
    assert_eq!(dump("repo/a/b", &["--threads", "4"]), 4);
    assert_eq!(dump("repo/a/b", &["--config", "blastmap.toml"]), 1);
    fs::remove_file(folder.path().join("repo/blastmap.toml")).unwrap();
    fs::remove_file(folder.path().join("repo/a/blastmap.toml")).unwrap();
    assert_eq!(dump("repo/a/b", &[]), 0, "never above the repository");
}

#[test]
fn a_strangers_configuration_reaches_nothing_outside() {
    let folder = tree();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::create_dir(folder.path().join("site")).unwrap();
    fs::write(inside.join("blastmap.toml"), "[signatures]\ndirs = [\"../site\"]\n").unwrap();
    let output = run(folder.path(), &["scan", "inside"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("not a directory below"), "{}", text(&output.stderr));
    // A link to a file of the user's would be read, and its keys quoted.
    fs::remove_file(inside.join("blastmap.toml")).unwrap();
    fs::write(folder.path().join("private.toml"), "password = 1\n").unwrap();
    std::os::unix::fs::symlink("../private.toml", inside.join("blastmap.toml")).unwrap();
    let output = run(folder.path(), &["scan", "inside"]);
    assert!(!text(&output.stderr).contains("password"), "{}", text(&output.stderr));
}

#[test]
fn a_dump_loads_to_itself() {
    let folder = tree();
    fs::create_dir(folder.path().join("site")).unwrap();
    let words = ["scan", "--dump-config", "--isolated", "--depth", "full", "--max-spool", "1000", "--exclude", "*.bak"];
    let more = ["--signatures", "site", "--disable", "zip", "--fail-on", "high", "--strict", "--cross-file-systems"];
    let first = run(folder.path(), &[&words[..], &more].concat());
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    fs::write(folder.path().join("dump.toml"), &first.stdout).unwrap();
    let second = run(folder.path(), &["scan", "--dump-config", "--config", "dump.toml"]);
    assert_eq!(text(&first.stdout), text(&second.stdout), "{}", text(&second.stderr));
}

/// A scan that waits for its list on standard input, with its handler in place.
#[cfg(target_os = "linux")]
fn waiting(folder: &Path) -> std::process::Child {
    let child = blastmap(folder)
        .args(["scan", "-", "-o", "map.jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Signals that are caught, as a mask: the second bit is the interrupt.
    let status = format!("/proc/{}/status", child.id());
    let is_caught = || {
        let text = fs::read_to_string(&status).unwrap();
        let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
        u64::from_str_radix(&mask, 16).unwrap() & 2 != 0
    };
    while !is_caught() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child
}

#[cfg(target_os = "linux")]
fn interrupt(child: &std::process::Child) {
    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_keeps_what_is_known() {
    let folder = tree();
    let mut child = waiting(folder.path());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    interrupt(&child);
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("stopping"), "{line}");
    child.stdin.take().unwrap().write_all(b"model.safetensors\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let written = fs::read_to_string(folder.path().join("map.jsonl")).unwrap();
    assert!(written.contains("\"interrupted\":true") && written.contains("the scan was interrupted"), "{written}");
    assert!(text(&output.stdout).contains("Interrupted"), "{}", text(&output.stdout));
}

#[cfg(target_os = "linux")]
#[test]
fn a_second_interrupt_leaves_at_once_and_writes_nothing() {
    let folder = tree();
    let mut child = waiting(folder.path());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    interrupt(&child);
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    interrupt(&child);
    // Its input stays open: only the second interrupt ends it.
    let status = {
        let _input = child.stdin.take();
        child.wait().unwrap()
    };
    assert_eq!(status.code(), Some(130));
    assert_eq!(names(folder.path()), ["model.safetensors"]);
}
