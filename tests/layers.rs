//! The floors of the house. A room imports rooms below it and nothing else; whoever needs an exception changes the
//! table here, in the open.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::path::{Path, PathBuf};

/// Floor, room, and the rooms it may import. `lib.rs` lists the rooms and may name any; the binary (`main.rs`, `cli/`)
/// goes through `blastmap::` like everybody else's.
const ROOMS: &[(u8, &str, &[&str])] = &[
    (1, "model", &[]),
    (2, "blob", &["model"]),
    (3, "table", &["blob", "model"]),
    (3, "archive", &["blob", "model"]),
    (3, "signature", &["model"]),
    (3, "assemble", &["model"]),
    (3, "relate", &["model"]),
    (4, "probe", &["archive", "table", "blob", "model"]),
    (4, "unpack", &["archive", "blob", "model"]),
    (4, "source", &["blob", "model"]),
    (4, "report", &["model"]),
    (5, "scan", &["source", "unpack", "probe", "signature", "table", "blob", "model"]),
];
/// Rooms that think about what was read, and never read.
const THINKING: [&str; 3] = ["assemble", "relate", "report"];
const MAX_CODE_LINES: usize = 400;
/// Names under which things that do not belong together gather.
const DRAWERS: [&str; 6] = ["utils", "util", "helpers", "helper", "common", "misc"];

#[test]
fn the_table_itself_is_a_staircase() {
    for (floor, room, below) in ROOMS {
        for other in *below {
            let (lower, ..) = ROOMS.iter().find(|(_, name, _)| name == other).unwrap();
            assert!(lower < floor, "{room} may not see {other}: same floor, or above");
            assert!(!(THINKING.contains(room) && *other == "blob"), "{room} thinks; it may not read");
        }
    }
}

#[test]
fn rooms_import_only_rooms_below_them() {
    let mut offences = Vec::new();
    for file in sources("src") {
        let room = room_of(&file);
        let code = without_comments_and_strings(&fs::read_to_string(&file).unwrap());
        for (at, path) in paths(&code) {
            if let Some(offence) = offence(&room, &file, &path) {
                let line = code[..at].matches('\n').count() + 1;
                offences.push(format!("{}:{line}: {path}: {offence}", file.display()));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

/// Why a path may not be written in a file of `room`.
fn offence(room: &str, file: &Path, path: &str) -> Option<String> {
    if path.starts_with('^') {
        // Components below `src/`, without the file's own name where that is `mod.rs`, are how deep its module is.
        let parts = file.components().count() - 1;
        let depth = if file.ends_with("mod.rs") { parts - 1 } else { parts };
        return (path.len() >= depth)
            .then(|| "`super::` leaves the room; write `crate::` and the floor shows".to_owned());
    }
    let (root, other) = path.split_once("::")?;
    match (root, room) {
        ("blastmap", "main" | "cli") => None,
        ("crate", "main" | "cli") if other == "cli" => None,
        ("crate", "lib") => None,
        ("blastmap", _) => Some("the library calls itself `crate`".to_owned()),
        ("crate", "main" | "cli") => Some("the binary sees the library as `blastmap`".to_owned()),
        _ if other == room => None,
        _ => match ROOMS.iter().find(|(_, name, _)| *name == room) {
            None => Some(format!("`{room}` is no room of the table in this test")),
            Some((_, _, below)) if below.contains(&other) => None,
            Some(_) => Some(format!("`{room}` may not see `{other}`")),
        },
    }
}

/// Every `crate::room`, `blastmap::room` (groups taken apart) and chain of `super::` (as that many `^`), with its place.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate", "blastmap"] {
        for (at, _) in code.match_indices(&format!("{root}::")) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = code[at + root.len() + 2..].trim_start();
            for room in first_segments(rest) {
                found.push((at, format!("{root}::{room}")));
            }
        }
    }
    for (at, _) in code.match_indices("super::").filter(|(at, _)| !code[..*at].ends_with("super::")) {
        let mut ups = 0;
        while code[at + ups * 7..].starts_with("super::") {
            ups += 1;
        }
        // A module written out inside the file is one level deeper than the file.
        let inside = code[..at].contains("mod tests {").into();
        // `super::{super::x}` hides how far it goes: as good as all the way.
        let group = code[at + ups * 7..].strip_prefix('{').and_then(|group| group.split('}').next());
        let hidden = group.is_some_and(|group| group.contains("super::"));
        found.push((at, "^".repeat(if hidden { 99 } else { ups.saturating_sub(inside) })));
    }
    found.retain(|(_, path)| !path.is_empty());
    found
}

/// `a::b` → a; `{a, b::{c, d}}` → a, b.
fn first_segments(rest: &str) -> Vec<String> {
    let ident = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![ident(rest)] };
    let (mut depth, mut fresh, mut segments) = (1, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => fresh = true,
            c if depth == 1 && fresh && !c.is_whitespace() => {
                segments.push(ident(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    segments
}

#[test]
fn no_file_is_longer_than_a_reader_holds() {
    for file in sources("src") {
        let text = fs::read_to_string(&file).unwrap();
        let code = without_comments_and_strings(&text);
        let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= MAX_CODE_LINES, "{}: {lines} lines of code, at most {MAX_CODE_LINES}", file.display());
    }
}

#[test]
fn there_is_no_drawer_for_odds_and_ends() {
    for file in sources("src").into_iter().chain(sources("tests")) {
        for part in file.with_extension("").components() {
            let part = part.as_os_str().to_str().unwrap();
            assert!(!DRAWERS.contains(&part), "{}: call it what it does", file.display());
        }
    }
}

#[test]
fn the_engine_knows_no_format() {
    let mut words: Vec<String> =
        ["safetensors", "torch", "pytorch", "pickle", "gguf", "onnx", "numpy"].map(Into::into).into();
    for family in fs::read_dir("signatures").unwrap().map(|entry| entry.unwrap().path()) {
        if family.is_dir() && !family.ends_with("container") {
            let files = fs::read_dir(family).unwrap().map(|entry| entry.unwrap().path());
            words.extend(files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()));
        }
    }
    for file in sources("src/scan") {
        let text = fs::read_to_string(&file).unwrap().to_ascii_lowercase();
        for (number, line) in text.lines().enumerate() {
            let mut tokens = line.split(|c: char| !(c.is_alphanumeric() || "-._".contains(c)));
            let named = tokens.find(|token| words.iter().any(|word| word == token));
            assert!(named.is_none(), "{}:{}: the engine names '{}'", file.display(), number + 1, named.unwrap());
        }
    }
}

/// The Rust files below `root`, sorted.
fn sources(root: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The folder below `src/`, or the file's own name where it lies in none.
fn room_of(file: &Path) -> String {
    let part = file.components().nth(1).unwrap().as_os_str().to_str().unwrap();
    part.trim_end_matches(".rs").to_owned()
}

/// The text with comments blanked and strings emptied, line for line: documentation may name any room.
fn without_comments_and_strings(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (skipped, kept) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "")
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            (3 + raw.find("\"#").unwrap() + 2, "\"\"")
        } else if c == '"' {
            (string_end(rest), "\"\"")
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\'") {
            (3, "' '")
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        out.push_str(kept);
        out.extend(rest[..skipped].matches('\n'));
        rest = &rest[skipped..];
    }
    out
}

/// Where the string that `text` starts with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn the_reader_of_paths_sees_what_it_should() {
    let code = without_comments_and_strings(
        "// crate::no\nuse crate::{blob::{A, B}, model};\nlet x = crate::probe::of(\"crate::no\");\nuse super::super::y;",
    );
    let found: Vec<String> = paths(&code).into_iter().map(|(_, path)| path).collect();
    assert_eq!(found, ["crate::blob", "crate::model", "crate::probe", "^^"]);
    let file = Path::new("src/probe/weights/x.rs");
    assert!(offence("probe", file, "^^").is_none(), "still in the room");
    assert!(offence("probe", file, "^^^").is_some(), "out of it");
    assert!(offence("relate", file, "crate::blob").is_some() && offence("probe", file, "crate::blob").is_none());
}
