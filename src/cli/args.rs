//! What may be typed: words to values, without effects. What they mean is for [`super::settings`].

use std::path::PathBuf;

use blastmap::model::Level;
use blastmap::scan::{Depth, Sniff};
use clap::{Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use super::config::LimitKeys;

const EXAMPLES: &str = "\
Examples:
  blastmap scan                              what a breach of this directory would expose
  blastmap scan /srv/models -o models.jsonl  the same, with the whole inventory kept
  blastmap scan --fail-on high --strict      in CI: fail on high impact or unread files
  blastmap explain safetensors               what a format is, why it matters, what to do

Exit codes:
  0  done     1  findings at or over --fail-on     2  usage, configuration or fatal error
  3  something was not looked at, under --strict   130  interrupted";

const SCAN_EXAMPLES: &str = "\
Examples:
  blastmap scan                                  this directory
  blastmap scan ~/models /scratch -o all.jsonl   two places, the inventory kept
  blastmap scan --depth headers /archive         a map of something huge: names and structure only
  blastmap scan --exclude node_modules --exclude '*.bak'
  find . -newer mark -print0 | blastmap scan -   files that something else chose
  blastmap scan --format jsonl | jq 'select(.type == \"asset\").name'
  blastmap scan --fail-on high --strict          in CI

A file can never fail a scan: what cannot be read is listed as not looked at. Nothing is executed,
and nothing is sent anywhere.";

/// Maps what a breach of a place would expose: models, data, code, keys and maps of machines, without loading or
/// executing any of it.
#[derive(Debug, Parser)]
#[command(name = "blastmap", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,

    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Walk places and print what a breach of them would expose
    Scan(Box<ScanArgs>),
    /// The rules that things are recognised by
    Signatures(SignaturesArgs),
    /// What a format is, why it matters, how it is recognised, what to do
    Explain(ExplainArgs),
    /// Print the JSON Schema of an inventory line
    Schema,
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual
    Man(ManArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = SCAN_EXAMPLES)]
pub(super) struct ScanArgs {
    /// Directories or files; '-' reads a list of files from standard input, NUL- or newline-separated [default: .]
    #[arg(value_name = "PLACE")]
    pub(super) places: Vec<PathBuf>,

    /// Write the inventory to FILE (.jsonl), readable by you alone; may be given several times. A FILE inside a PLACE
    /// is left out of the scan
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Vec<PathBuf>,

    /// What to print on standard output [default: table]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<Format>,

    #[command(flatten, next_help_heading = "What to look at")]
    pub(super) look: LookArgs,

    #[command(flatten, next_help_heading = "Limits for everything under one file; each hit is listed")]
    pub(super) limits: LimitKeys,

    #[command(flatten, next_help_heading = "Rules and configuration")]
    pub(super) rules: RuleArgs,

    /// Exit with 1 when an asset of this impact or more is found that no rule allows
    #[arg(long, value_name = "LEVEL", help_heading = "Verdict")]
    pub(super) fail_on: Option<FailOn>,

    /// Exit with 3 when anything could not be looked at; what is left out on purpose does not count
    #[arg(long, help_heading = "Verdict")]
    pub(super) strict: bool,

    /// Print nothing but errors and what --format asks for
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Talk")]
    pub(super) quiet: bool,

    /// List every asset and every gap in the table
    #[arg(short, long, help_heading = "Talk")]
    pub(super) verbose: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct LookArgs {
    /// How much of a file to read [default: content]
    #[arg(long, value_name = "DEPTH")]
    pub(super) depth: Option<DepthArg>,

    /// Which files to open that no signature asks for by name [default: unknown]
    #[arg(long, value_name = "WHICH")]
    pub(super) sniff: Option<SniffArg>,

    /// Leave out what matches, as in a .gitignore; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,
    /// A set of quasi-identifiers whose risk is measured too: age,sex,race; repeatable
    #[arg(long, value_name = "CLASS,…", value_parser = risk_set)]
    pub(super) risk_set: Vec<String>,

    /// Follow mount points too; by default a scan stays on the file system of each PLACE
    #[arg(long, overrides_with = "one_file_system")]
    pub(super) cross_file_systems: bool,

    /// Stay on the file system of each PLACE, whatever the configuration says
    #[arg(long, overrides_with = "cross_file_systems")]
    pub(super) one_file_system: bool,

    /// Read files whose bytes lie on tape or in an object tier; that brings them back to disk
    #[arg(long)]
    pub(super) recall: bool,

    /// Files to look into at a time [default: one a processor, at most 16]
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(super) struct RuleArgs {
    /// Add the signatures of DIR; one with the id of a built-in one replaces it. May be given several times
    #[arg(long, value_name = "DIR")]
    pub(super) signatures: Vec<PathBuf>,

    /// Leave out the signature ID; may be given several times
    #[arg(long, value_name = "ID")]
    pub(super) disable: Vec<String>,

    /// Use this configuration [default: blastmap.toml in the first PLACE, or above it up to its repository's root]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub(super) config: Option<PathBuf>,

    /// Use no configuration file
    #[arg(long)]
    pub(super) isolated: bool,

    /// Print the configuration in effect, as a file for --config, and scan nothing
    #[arg(long)]
    pub(super) dump_config: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct SignaturesArgs {
    #[command(subcommand)]
    pub(super) command: SignaturesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum SignaturesCommand {
    /// List every signature
    List(ListArgs),
    /// Hold every example of every signature against all signatures; exit with 1 if one fails
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  blastmap signatures list\n  blastmap signatures list --format json | jq '.[].id'")]
pub(super) struct ListArgs {
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: ListFormat,

    /// Add the signatures of DIR; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(super) signatures: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  blastmap signatures check             the built-in set\n  blastmap signatures check ./site      the built-in set with the files of ./site added"
)]
pub(super) struct CheckArgs {
    /// Directories of signature files to add to the built-in set
    #[arg(value_name = "DIR")]
    pub(super) dirs: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  blastmap explain safetensors\n  blastmap signatures list      every ID there is")]
pub(super) struct ExplainArgs {
    /// A signature's id, as `blastmap signatures list` and the evidence of an inventory give it
    #[arg(value_name = "ID")]
    pub(super) id: String,

    /// Add the signatures of DIR; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(super) signatures: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  blastmap completions bash > ~/.local/share/bash-completion/completions/blastmap")]
pub(super) struct CompletionsArgs {
    /// The shell
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  blastmap man | man -l -\n  blastmap man --into /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write one page a command into DIR instead
    #[arg(long, value_name = "DIR")]
    pub(super) into: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A summary for a reader
    #[default]
    Table,
    /// The inventory as one JSON document
    Json,
    /// The inventory, one JSON object a line
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// Columns
    Table,
    /// One JSON array
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DepthArg {
    /// Names and structure
    Headers,
    /// The same, and every content that may hold something
    Content,
    /// The same, and a SHA-256 of everything recognised
    Full,
}

impl From<DepthArg> for Depth {
    fn from(depth: DepthArg) -> Depth {
        match depth {
            DepthArg::Headers => Depth::Headers,
            DepthArg::Content => Depth::Content,
            DepthArg::Full => Depth::Full,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SniffArg {
    /// None
    Named,
    /// Those whose names do not say that they are something ordinary
    Unknown,
    /// All
    All,
}

impl From<SniffArg> for Sniff {
    fn from(sniff: SniffArg) -> Sniff {
        match sniff {
            SniffArg::Named => Sniff::Named,
            SniffArg::Unknown => Sniff::Unknown,
            SniffArg::All => Sniff::All,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FailOn {
    /// Limited harm, or a rule that no longer does what it should
    Low,
    /// Serious harm
    Moderate,
    /// Severe harm
    High,
}

impl From<FailOn> for Level {
    fn from(level: FailOn) -> Level {
        match level {
            FailOn::Low => Level::Low,
            FailOn::Moderate => Level::Moderate,
            FailOn::High => Level::High,
        }
    }
}

/// Classes that a risk can be measured over, separated by commas.
fn risk_set(text: &str) -> Result<String, String> {
    let known = blastmap::table::RISK_CLASSES;
    let classes: Vec<&str> = text.split(',').map(str::trim).collect();
    match classes.iter().find(|class| !known.contains(class)) {
        Some(class) => Err(format!("'{class}' is no quasi-identifier; there are {}", known.join(", "))),
        None if classes.len() < 2 => Err("a set has at least two classes".to_owned()),
        None => Ok(classes.join(",")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_parser_is_sound() {
        Args::command().debug_assert();
    }
}
