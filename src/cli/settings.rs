//! From what was typed and what a configuration file says to what a scan does. Everything that can be wrong is found
//! here, before a file is looked into: a configuration can always fail a scan.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use blastmap::assemble::rules::RuleSet;
use blastmap::model::{Level, Rules};
use blastmap::report::Decisions;
use blastmap::scan::{Depth, Place, Plan};
use blastmap::table;

use super::args::{DepthArg, Format, LookArgs, ScanArgs, SniffArg};
use super::config::{self, Config, Found};
use super::{output, place, signature_files};

/// More workers than this only get into each other's way.
const MOST_THREADS: usize = 256;

/// What a scan does.
pub(super) struct Settings {
    /// Where and how to look.
    pub(super) plan: Plan,
    /// Configuration in effect.
    pub(super) config: Config,
    /// What the configuration file decided.
    pub(super) decisions: Option<Decisions>,
    /// The owner's rules.
    pub(super) rules: Rules,
    /// Inventory files to write.
    pub(super) outputs: Vec<PathBuf>,
    /// What to print; nothing where nobody asked and nobody wants talk.
    pub(super) format: Option<Format>,
    /// From which impact on an asset is a reason to fail.
    pub(super) fail_on: Option<Level>,
    /// Whether gaps are.
    pub(super) strict: bool,
    /// No talk.
    pub(super) quiet: bool,
    /// More talk.
    pub(super) verbose: bool,
}

impl Settings {
    /// Holds the words against each other and the file system.
    pub(super) fn new(args: ScanArgs) -> anyhow::Result<Settings> {
        let places = place::all(&args.places)?;
        let flags = flags(&args)?;
        let found = configuration(&args, &places)?;
        let decisions = found.as_ref().map(|found| Decisions {
            file: found.file.display().to_string(),
            found: found.looked_for,
            settings: found.decisions(&flags),
        });
        let file = found.map(|found| found.config).unwrap_or_default();
        let config = flags.over(file).over(Config::defaults());
        let rules = config.rules();
        let named = decisions.as_ref().map_or("the configuration", |decisions| decisions.file.as_str());
        RuleSet::new(&rules).with_context(|| named.to_owned())?;
        let outputs = args.output.iter().map(|file| output::check(file)).collect::<Result<Vec<_>, _>>()?;
        Ok(Settings {
            plan: plan(places, &config, outputs)?,
            decisions,
            rules,
            outputs: args.output,
            format: args.format.or((!args.quiet).then(Format::default)),
            fail_on: config.scan.fail_on.map(Level::from),
            strict: config.scan.strict == Some(true),
            quiet: args.quiet,
            verbose: args.verbose,
            config,
        })
    }
}

/// What the flags say, in the configuration's terms.
fn flags(args: &ScanArgs) -> anyhow::Result<Config> {
    let LookArgs { depth, sniff, exclude, risk_set, cross_file_systems, one_file_system, recall, threads } = &args.look;
    let here = std::env::current_dir().context("the current directory cannot be looked at; change to one that can")?;
    let mut config = Config { limits: args.limits.clone(), ..Config::default() };
    config.scan.depth = *depth;
    config.scan.sniff = *sniff;
    config.scan.threads = *threads;
    config.scan.one_file_system = match (cross_file_systems, one_file_system) {
        (true, _) => Some(false),
        (_, true) => Some(true),
        _ => None,
    };
    config.scan.recall = recall.then_some(true);
    config.scan.fail_on = args.fail_on;
    config.scan.strict = args.strict.then_some(true);
    config.scan.exclude.clone_from(exclude);
    config.scan.risk_set.clone_from(risk_set);
    // Absolute, so that a dump means the same wherever it is read.
    config.signatures.dirs = args.rules.signatures.iter().map(|dir| here.join(dir)).collect();
    config.signatures.disable.clone_from(&args.rules.disable);
    Ok(config)
}

fn configuration(args: &ScanArgs, places: &[Place]) -> anyhow::Result<Option<Found>> {
    if let Some(file) = &args.rules.config {
        return config::named(file).map(Some);
    }
    if args.rules.isolated {
        return Ok(None);
    }
    match places.first() {
        Some(Place::Path(root)) => config::look_for(root),
        _ => config::look_for(Path::new(".")),
    }
}

fn plan(places: Vec<Place>, config: &Config, outputs: Vec<PathBuf>) -> anyhow::Result<Plan> {
    let default = Plan::default();
    let scan = &config.scan;
    let depth = Depth::from(scan.depth.unwrap_or(DepthArg::Content));
    Ok(Plan {
        places,
        depth,
        sniff: scan.sniff.unwrap_or(SniffArg::Unknown).into(),
        limits: config.limits.limits(),
        threads: scan.threads.unwrap_or(default.threads).min(MOST_THREADS),
        one_file_system: scan.one_file_system.unwrap_or(default.one_file_system),
        recall: scan.recall.unwrap_or(default.recall),
        exclude: scan.exclude.clone(),
        outputs,
        tables: Arc::new(tables(depth, &scan.risk_set, &config.signatures.dirs)?),
    })
}

/// How tables are looked at.
fn tables(depth: Depth, risk_sets: &[String], dirs: &[PathBuf]) -> anyhow::Result<table::Settings> {
    let classes = |set: &String| set.split(',').map(str::to_owned).collect();
    let taxonomy = signature_files::classes(dirs)?;
    let risk_sets = risk_sets.iter().map(classes).collect();
    Ok(table::Settings { taxonomy, risk_sets, names_only: depth == Depth::Headers })
}
