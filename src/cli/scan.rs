//! `blastmap scan`: walk, write, print, judge.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use blastmap::assemble::rules::RuleSet;
use blastmap::model::{Cause, Date, Inventory, Level, Presence, Verdict};
use blastmap::report::{self, Summary, human_count};
use blastmap::scan::{Progress, SurveyError, survey};
use blastmap::signature::Signatures;

use super::args::{Color, Format, ScanArgs};
use super::settings::Settings;
use super::{Outcome, interrupt, live, next, output, say, signature_files, terminal};

/// Runs a scan.
pub(super) fn run(args: ScanArgs, color: Color) -> anyhow::Result<Outcome> {
    let dump = args.rules.dump_config;
    let settings = Settings::new(args)?;
    let signatures = signature_files::load(&settings.config.signatures.dirs, &settings.config.signatures.disable)?;
    if let Some(decisions) = &settings.decisions {
        say::note(settings.quiet, &format!("configuration: {}", decisions.file));
    }
    if dump {
        terminal::write_all(settings.config.dump()?.as_bytes())?;
        return Ok(Outcome::Clean);
    }
    let live = !settings.quiet && io::stderr().is_terminal();
    let stop = interrupt::flag(!live && !settings.quiet);
    let mut inventory = look(&settings, &signatures, &stop, live)?;
    let verdict = RuleSet::new(&settings.rules)?.apply(&mut inventory.assets, today());
    for file in &settings.outputs {
        output::write(file, &|out| report::write_jsonl(&inventory, out))?;
        say::note(settings.quiet, &format!("inventory: {}, readable by you alone", file.display()));
    }
    let outcome = outcome(&settings, &inventory, &verdict);
    // Before the data: a reader that goes away ends the command.
    talk(&settings, &inventory, &verdict, outcome);
    print(&settings, &signatures, &inventory, &verdict, color)?;
    Ok(outcome)
}

fn look(settings: &Settings, signatures: &Signatures, stop: &AtomicBool, live: bool) -> anyhow::Result<Inventory> {
    let progress = Progress::default();
    let seen = live::during(live, &progress, stop, || survey(&settings.plan, signatures, &progress, stop));
    match seen {
        Ok(survey) => Ok(blastmap::inventory(survey)),
        Err(error) => {
            let remedy = match error {
                SurveyError::Place { .. } => "; name a place that can be read",
                SurveyError::Exclude { .. } => "; write it as in a .gitignore",
                SurveyError::Input(_) => "",
            };
            Err(anyhow!("{error}{remedy}"))
        }
    }
}

/// The only clock of the house: rules may end on a day.
fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Date::from_unix_days(u32::try_from(seconds / 86_400).unwrap_or(u32::MAX))
}

/// Assets at or over the threshold that no rule allows, and rules that no longer do what they should.
fn findings(settings: &Settings, inventory: &Inventory, verdict: &Verdict) -> (usize, usize) {
    let Some(threshold) = settings.fail_on else { return (0, 0) };
    let counts = inventory.assets.iter().filter(|asset| {
        asset.presence != Presence::Unverified
            && asset.impact.level >= threshold
            && !verdict.allowed.contains_key(&asset.id)
    });
    (counts.count(), verdict.findings.iter().filter(|finding| finding.level >= threshold).count())
}

/// Gaps that nobody chose.
fn unwanted_gaps(inventory: &Inventory) -> usize {
    inventory.gaps.iter().filter(|gap| gap.cause != Cause::Skipped).count()
}

fn outcome(settings: &Settings, inventory: &Inventory, verdict: &Verdict) -> Outcome {
    if inventory.coverage.interrupted {
        Outcome::Interrupted
    } else if findings(settings, inventory, verdict) != (0, 0) {
        Outcome::Findings
    } else if settings.strict && unwanted_gaps(inventory) > 0 {
        Outcome::Incomplete
    } else {
        Outcome::Clean
    }
}

/// What is said beside the data.
fn talk(settings: &Settings, inventory: &Inventory, verdict: &Verdict, outcome: Outcome) {
    let note = |text: String| say::note(settings.quiet, &text);
    if settings.format != Some(Format::Table) {
        for finding in &verdict.findings {
            note(finding.what.clone());
        }
        let settings = settings.decisions.iter().filter(|decisions| decisions.found).flat_map(|found| &found.settings);
        for setting in settings {
            note(format!("the configuration decided: {setting}"));
        }
    }
    let plural = |number: usize, one: &str, more: &str| {
        format!("{} {}", human_count(number as u64), if number == 1 { one } else { more })
    };
    match outcome {
        Outcome::Clean | Outcome::Unasked => {}
        Outcome::Findings => {
            let (assets, rules) = findings(settings, inventory, verdict);
            let level = settings.fail_on.map_or("", Level::word);
            let mut parts = Vec::new();
            if assets > 0 {
                parts.push(plural(assets, "asset", "assets"));
            }
            if rules > 0 {
                parts.push(plural(rules, "rule of the configuration", "rules of the configuration"));
            }
            note(format!("{} at or over --fail-on {level}", parts.join(" and ")));
        }
        Outcome::Incomplete => {
            let gaps = plural(unwanted_gaps(inventory), "thing", "things");
            note(format!("incomplete: {gaps} could not be looked at, and --strict was asked for"));
        }
        Outcome::Interrupted => note("interrupted: what was known by then is written".to_owned()),
    }
}

fn print(
    settings: &Settings,
    signatures: &Signatures,
    inventory: &Inventory,
    verdict: &Verdict,
    color: Color,
) -> anyhow::Result<()> {
    let Some(format) = settings.format else { return Ok(()) };
    let mut out = terminal::output(color);
    match format {
        Format::Json => report::write_json(inventory, &mut out)?,
        Format::Jsonl => report::write_jsonl(inventory, &mut out)?,
        Format::Table => {
            let next = next::commands(settings, signatures, inventory);
            let summary = Summary {
                width: terminal::width(),
                verbose: settings.verbose,
                verdict,
                decisions: settings.decisions.as_ref(),
                next: &next,
            };
            report::write_table(inventory, &summary, &mut out)?;
        }
    }
    out.flush()?;
    Ok(())
}
