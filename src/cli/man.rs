//! `blastmap man`: the manual, one page a command.

use anyhow::Context;
use clap::CommandFactory;

use super::args::{Args, ManArgs};
use super::{Outcome, terminal};

/// Prints every page, or writes each into a file of a directory.
pub(super) fn run(args: &ManArgs) -> anyhow::Result<Outcome> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    if let Some(folder) = &args.into {
        let fail = || format!("{}: the pages cannot be written there; name a directory that exists", folder.display());
        clap_mangen::generate_to(command, folder).with_context(fail)?;
        return Ok(Outcome::Clean);
    }
    let mut pages = Vec::new();
    render(&command, &mut pages)?;
    terminal::write_all(&pages)?;
    Ok(Outcome::Clean)
}

fn render(command: &clap::Command, pages: &mut Vec<u8>) -> std::io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(pages)?;
    command.get_subcommands().filter(|command| !command.is_hide_set()).try_for_each(|command| render(command, pages))
}
