//! `blastmap man`: the manual, one page a command.

use anyhow::anyhow;
use clap::CommandFactory;

use super::args::{Args, ManArgs};
use super::say::reason;
use super::{Outcome, terminal};

/// Prints every page, or writes each into a file of a directory.
pub(super) fn run(args: &ManArgs) -> anyhow::Result<Outcome> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    if let Some(folder) = &args.into {
        clap_mangen::generate_to(command, folder).map_err(|error| {
            let (name, reason) = (folder.display(), reason(&error));
            anyhow!("{name}: the pages cannot be written there: {reason}; name a directory that can be written to")
        })?;
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
