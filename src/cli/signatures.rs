//! `blastmap signatures list` and `check`.

use std::io::Write;
use std::path::{Component, Path, PathBuf};

use blastmap::report::{HEADING, QUIET, columns, pad, shorten};
use blastmap::signature::{Signature, Signatures};
use blastmap::table::{Class, Taxonomy};
use blastmap::{probe, unpack};
use serde::Serialize;

use super::args::{CheckArgs, Color, ListArgs, ListFormat, SignaturesCommand};
use super::config::read_bounded;
use super::{Outcome, signature_files, terminal};

/// Longest fixture of an example: examples are small.
const MAX_FIXTURE: u64 = 16 << 20;

/// Runs one of the two.
pub(super) fn run(command: &SignaturesCommand, color: Color) -> anyhow::Result<Outcome> {
    match command {
        SignaturesCommand::List(args) => list(args, color),
        SignaturesCommand::Check(args) => check(args, color),
    }
}

/// One signature of the list, for a program.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    family: &'a str,
    title: &'a str,
    confidence: String,
    parser: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(signature: &'a Signature) -> Row<'a> {
        Row {
            id: &signature.id,
            family: signature.family.folder(),
            title: &signature.title,
            confidence: format!("{:?}", signature.confidence).to_lowercase(),
            parser: signature.probe.as_deref().or(signature.unpack.as_deref()),
        }
    }
}

impl<'a> Row<'a> {
    /// A class of what a column may hold: its kind stands where a signature's confidence does.
    fn of_class(class: &'a Class) -> Row<'a> {
        let kind = class.kind.word().to_owned();
        Row { id: &class.id, family: "personal", title: &class.title, confidence: kind, parser: None }
    }
}

fn list(args: &ListArgs, color: Color) -> anyhow::Result<Outcome> {
    let signatures = signature_files::load(&args.signatures, &[])?;
    let classes = signature_files::classes(&args.signatures)?;
    let mut rows: Vec<Row> = signatures.iter().map(Row::new).chain(classes.iter().map(Row::of_class)).collect();
    let mut out = terminal::output(color);
    if args.format == ListFormat::Json {
        serde_json::to_writer_pretty(&mut out, &rows).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        rows.sort_by_key(|row| (row.family, row.id));
        table(&rows, &mut out)?;
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

fn table(rows: &[Row], out: &mut dyn Write) -> std::io::Result<()> {
    let widest = |of: fn(&Row) -> usize, head: &str| rows.iter().map(of).max().unwrap_or(0).max(head.len());
    let id = widest(|row| columns(row.id), "id").min(32);
    let family = widest(|row| columns(row.family), "family");
    let parser = widest(|row| columns(row.parser.unwrap_or("")), "parser").min(24);
    let title = terminal::width().saturating_sub(id + family + parser + 10 + 8).max(16);
    let title = widest(|row| columns(row.title), "title").min(title);
    writeln!(
        out,
        "{QUIET}{:id$}  {:family$}  {:title$}  {:10}  parser{QUIET:#}",
        "id", "family", "title", "confidence"
    )?;
    for row in rows {
        let line = [
            pad(&shorten(row.family, family), family),
            pad(&shorten(row.title, title), title),
            pad(&row.confidence, 10),
            shorten(row.parser.unwrap_or(""), parser),
        ];
        let name = pad(&shorten(row.id, id), id);
        writeln!(out, "{HEADING}{name}{HEADING:#}  {}", line.join("  ").trim_end())?;
    }
    Ok(())
}

fn check(args: &CheckArgs, color: Color) -> anyhow::Result<Outcome> {
    let files = signature_files::read(&args.dirs)?;
    let mut out = terminal::output(color);
    let problems: Vec<String> = match (Signatures::with(&files, &[]), Taxonomy::with(&files)) {
        (Ok(signatures), Ok(classes)) => {
            let mut problems = problems(&signatures, &args.dirs);
            problems.extend(classes.check().into_iter().map(|(id, what)| format!("{id}: {what}")));
            if problems.is_empty() {
                let (classes, signatures) = (classes.iter().len(), signatures.iter().count());
                writeln!(out, "{classes} classes and {signatures} signatures, every example holds")?;
            }
            problems
        }
        // The set stops at the first broken file; each by itself tells of all.
        (signatures, classes) => {
            let alone = |file: &(String, String)| {
                let file = std::slice::from_ref(file);
                let signatures = Signatures::with(file, &[]).err().map(|error| error.to_string());
                signatures.or_else(|| Taxonomy::with(file).err().map(|error| error.to_string()))
            };
            let mut broken: Vec<String> = files.iter().filter_map(alone).collect();
            if broken.is_empty() {
                broken.extend(signatures.err().map(|error| error.to_string()));
                broken.extend(classes.err().map(|error| error.to_string()));
            }
            broken
        }
    };
    for problem in &problems {
        writeln!(out, "{}", shorten(&problem.lines().map(str::trim).collect::<Vec<_>>().join(" "), usize::MAX))?;
    }
    out.flush()?;
    Ok(if problems.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

fn problems(signatures: &Signatures, dirs: &[PathBuf]) -> Vec<String> {
    let fixture = |name: &str| {
        let is_below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let folders = dirs.iter().flat_map(|dir| [Some(dir.as_path()), dir.parent()]).flatten();
        let mut files = folders.map(|folder| folder.join(signature_files::FIXTURES).join(name));
        is_below.then(|| files.find_map(|file| read_bounded(&file, MAX_FIXTURE).ok())).flatten()
    };
    let parsers = |id: &str| probe::of(id).is_some() || unpack::of(id).is_some();
    let problems = signatures.check(&fixture, &parsers);
    problems.into_iter().map(|problem| format!("{}: {}", problem.id, problem.what)).collect()
}
