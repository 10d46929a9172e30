//! `blastmap completions SHELL`.

use clap::CommandFactory;

use super::args::{Args, CompletionsArgs};
use super::{Outcome, terminal};

/// Prints the completions of a shell.
pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "blastmap", &mut script);
    terminal::write_all(&script)?;
    Ok(Outcome::Clean)
}
