//! The command line: one file a subcommand, and what they share under names of their own.
//!
//! The only code that prints, reads the environment or knows the time. Standard output is data, standard error is talk;
//! a reader that goes away is a success. An error is one line: the thing, the reason, the remedy.
//!
//! Where to go next: [`args`] is what may be typed, [`settings`] what it means together with the configuration file,
//! [`scan`] the main job.

mod args;
mod completions;
mod config;
mod explain;
mod interrupt;
mod live;
mod man;
mod next;
mod output;
mod panics;
mod place;
mod say;
mod scan;
mod schema;
mod settings;
mod signature_files;
mod signatures;
mod size;
mod suggest;
mod terminal;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use args::{Args, Command};

/// How a command ended that did what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing to report.
    Clean,
    /// Findings at or over the threshold; problems in signatures.
    Findings,
    /// Something was not looked at, and that matters.
    Incomplete,
    /// No command was named.
    Unasked,
    /// Stopped by the user; what was known is written.
    Interrupted,
}

/// Usage, configuration, or anything else that kept a command from doing what it was asked for.
const FAILURE: u8 = 2;

impl Outcome {
    fn code(self) -> u8 {
        match self {
            Outcome::Clean => 0,
            Outcome::Findings => 1,
            Outcome::Unasked => FAILURE,
            Outcome::Incomplete => 3,
            Outcome::Interrupted => 130,
        }
    }
}

/// Runs the command this process was started as.
pub fn main() -> ExitCode {
    panics::keep_quiet();
    let code = match catch_unwind(AssertUnwindSafe(|| run(std::env::args_os().collect()))) {
        Ok(Ok(outcome)) => outcome.code(),
        Ok(Err(error)) if is_broken_pipe(&error) => Outcome::Clean.code(),
        Ok(Err(error)) => {
            say::error(&format!("{error:#}"));
            FAILURE
        }
        Err(_) => {
            say::error(&panics::report());
            FAILURE
        }
    };
    ExitCode::from(code)
}

fn run(words: Vec<OsString>) -> anyhow::Result<Outcome> {
    let args = match Args::try_parse_from(&words) {
        Ok(args) => args,
        Err(help) if help.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Nothing was asked for: what could be is talk, and not a success.
            let _ = help.print();
            return Ok(Outcome::Unasked);
        }
        Err(error) if error.use_stderr() => anyhow::bail!(usage(&error, &words)),
        Err(help) => {
            help.print()?;
            return Ok(Outcome::Clean);
        }
    };
    let color = args.color;
    match args.command {
        Command::Scan(args) => scan::run(*args, color),
        Command::Signatures(args) => signatures::run(&args.command, color),
        Command::Explain(args) => explain::run(&args, color),
        Command::Schema => schema::run(),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// What is wrong with the words typed, in one line.
fn usage(error: &clap::Error, words: &[OsString]) -> String {
    let text = error.render().to_string();
    let mut line = String::new();
    for part in text.lines().map(str::trim).take_while(|part| !part.starts_with("Usage:")) {
        let part = part.trim_start_matches("error: ").trim_start_matches("tip: ");
        if !part.is_empty() && !part.starts_with("For more information") {
            line.push_str(if line.is_empty() || line.ends_with(':') { "" } else { ";" });
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(part);
        }
    }
    let mut command = Args::command();
    let mut names = vec![command.get_name().to_owned()];
    for word in words.iter().skip(1) {
        let Some(below) = command.find_subcommand(word) else { break };
        names.push(below.get_name().to_owned());
        command = below.clone();
    }
    format!("{line}; see '{} --help'", names.join(" "))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
