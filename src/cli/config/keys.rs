//! The keys. The same types hold what the flags say, what a file says, the defaults, and what is in effect.

use std::path::{Path, PathBuf};

use blastmap::model::{Allow, CrownJewels, Date, Rules};
use blastmap::scan::{Limits, Plan};
use serde::{Deserialize, Serialize};

use super::super::args::{DepthArg, FailOn, SniffArg};
use super::super::size::Size;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct Config {
    pub(in super::super) scan: ScanKeys,
    pub(in super::super) limits: LimitKeys,
    pub(in super::super) signatures: SignatureKeys,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) crown_jewels: Vec<CrownJewelsKeys>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) allow: Vec<AllowKeys>,
}

/// `[scan]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct ScanKeys {
    pub(in super::super) depth: Option<DepthArg>,
    pub(in super::super) sniff: Option<SniffArg>,
    pub(in super::super) threads: Option<usize>,
    pub(in super::super) one_file_system: Option<bool>,
    pub(in super::super) recall: Option<bool>,
    pub(in super::super) fail_on: Option<FailOn>,
    pub(in super::super) strict: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) exclude: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) risk_set: Vec<String>,
}

/// `[limits]`, and the flags of the same names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct LimitKeys {
    /// Containers inside containers [default: 8]
    #[arg(long, value_name = "N")]
    pub(in super::super) max_depth: Option<usize>,
    /// Members of all containers [default: 2000000]
    #[arg(long, value_name = "N")]
    pub(in super::super) max_members: Option<u64>,
    /// Bytes out of decompressors [default: 64GiB]
    #[arg(long, value_name = "SIZE")]
    pub(in super::super) max_inflated: Option<Size>,
    /// Bytes out of a decompressor for each byte into it, past the first 16MiB [default: 250]
    #[arg(long, value_name = "N")]
    pub(in super::super) max_ratio: Option<u64>,
    /// Bytes in temporary files at a time [default: 8GiB]
    #[arg(long, value_name = "SIZE")]
    pub(in super::super) max_spool: Option<Size>,
    /// Seconds [default: 600]
    #[arg(long, value_name = "N")]
    pub(in super::super) max_seconds: Option<u64>,
    /// Open a file of at least this size although its name says it is something ordinary [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub(in super::super) ordinary_size: Option<Size>,
}

/// `[signatures]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct SignatureKeys {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) dirs: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in super::super) disable: Vec<String>,
}

impl SignatureKeys {
    /// Directories are meant from `folder`.
    pub(super) fn rebase(&mut self, folder: &Path) {
        for dir in &mut self.dirs {
            *dir = folder.join(&*dir);
        }
    }
}

/// `[[crown-jewels]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct CrownJewelsKeys {
    globs: Vec<String>,
    tier: String,
}

/// `[[allow]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in super::super) struct AllowKeys {
    id: String,
    glob: String,
    #[serde(deserialize_with = "reason")]
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "day", serialize_with = "write_day")]
    expires: Option<Date>,
}

fn reason<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(serde::de::Error::custom("an empty reason; say why this may be where it is"));
    }
    Ok(text)
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

fn write_day<S: serde::Serializer>(day: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_none(),
    }
}

impl Config {
    /// What holds where nobody says anything.
    pub(in super::super) fn defaults() -> Config {
        let plan = Plan::default();
        let Limits { depth, members, inflated, ratio, spool, seconds, ordinary_size } = plan.limits;
        Config {
            scan: ScanKeys {
                depth: Some(DepthArg::Content),
                sniff: Some(SniffArg::Unknown),
                threads: Some(plan.threads),
                one_file_system: Some(plan.one_file_system),
                recall: Some(plan.recall),
                fail_on: None,
                strict: Some(false),
                exclude: Vec::new(),
                risk_set: Vec::new(),
            },
            limits: LimitKeys {
                max_depth: Some(depth),
                max_members: Some(members),
                max_inflated: Some(Size(inflated)),
                max_ratio: Some(ratio),
                max_spool: Some(Size(spool)),
                max_seconds: Some(seconds),
                ordinary_size: Some(Size(ordinary_size)),
            },
            signatures: SignatureKeys::default(),
            crown_jewels: Vec::new(),
            allow: Vec::new(),
        }
    }

    /// What this says, and `under` where it says nothing. Lists add up.
    pub(in super::super) fn over(self, under: Config) -> Config {
        fn joined<T: PartialEq>(mut first: Vec<T>, second: Vec<T>) -> Vec<T> {
            for item in second {
                if !first.contains(&item) {
                    first.push(item);
                }
            }
            first
        }
        let (scan, limits) = (self.scan, self.limits);
        Config {
            scan: ScanKeys {
                depth: scan.depth.or(under.scan.depth),
                sniff: scan.sniff.or(under.scan.sniff),
                threads: scan.threads.or(under.scan.threads),
                one_file_system: scan.one_file_system.or(under.scan.one_file_system),
                recall: scan.recall.or(under.scan.recall),
                fail_on: scan.fail_on.or(under.scan.fail_on),
                strict: scan.strict.or(under.scan.strict),
                // Of two patterns the later holds: the flags must be able to bring back what a file leaves out.
                exclude: joined(under.scan.exclude, scan.exclude),
                risk_set: joined(under.scan.risk_set, scan.risk_set),
            },
            limits: LimitKeys {
                max_depth: limits.max_depth.or(under.limits.max_depth),
                max_members: limits.max_members.or(under.limits.max_members),
                max_inflated: limits.max_inflated.or(under.limits.max_inflated),
                max_ratio: limits.max_ratio.or(under.limits.max_ratio),
                max_spool: limits.max_spool.or(under.limits.max_spool),
                max_seconds: limits.max_seconds.or(under.limits.max_seconds),
                ordinary_size: limits.ordinary_size.or(under.limits.ordinary_size),
            },
            signatures: SignatureKeys {
                // Of two signatures of one id the later holds.
                dirs: joined(under.signatures.dirs, self.signatures.dirs),
                disable: joined(under.signatures.disable, self.signatures.disable),
            },
            crown_jewels: joined(self.crown_jewels, under.crown_jewels),
            allow: joined(self.allow, under.allow),
        }
    }

    /// The owner's rules.
    pub(in super::super) fn rules(&self) -> Rules {
        let crown_jewels =
            self.crown_jewels.iter().map(|rule| CrownJewels { globs: rule.globs.clone(), tier: rule.tier.clone() });
        let allow = self.allow.iter().map(|rule| Allow {
            id: rule.id.clone(),
            glob: rule.glob.clone(),
            reason: rule.reason.clone(),
            expires: rule.expires,
        });
        Rules { crown_jewels: crown_jewels.collect(), allow: allow.collect() }
    }

    /// As a file that says the same.
    pub(in super::super) fn dump(&self) -> anyhow::Result<String> {
        Ok(toml::to_string(self)?)
    }
}

impl LimitKeys {
    /// As the engine takes them; what is not said is the default.
    pub(in super::super) fn limits(&self) -> Limits {
        let default = Limits::default();
        let size = |size: Option<Size>, default| size.map_or(default, |size| size.0);
        Limits {
            depth: self.max_depth.unwrap_or(default.depth),
            members: self.max_members.unwrap_or(default.members),
            inflated: size(self.max_inflated, default.inflated),
            ratio: self.max_ratio.unwrap_or(default.ratio),
            spool: size(self.max_spool, default.spool),
            seconds: self.max_seconds.unwrap_or(default.seconds),
            ordinary_size: size(self.ordinary_size, default.ordinary_size),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;

    #[test]
    fn every_limit_states_its_real_default() {
        let defaults = toml::Table::try_from(Config::defaults().limits).unwrap();
        let command = LimitKeys::augment_args(clap::Command::new("x"));
        let mut stated = 0;
        for arg in command.get_arguments() {
            let flag = arg.get_long().unwrap();
            let default = match &defaults[flag] {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let help = arg.get_help().unwrap().to_string();
            assert!(help.ends_with(&format!("[default: {default}]")), "--{flag}: {help}, but it is {default}");
            stated += 1;
        }
        // A limit without a flag, or a flag without a key, would be one short.
        assert_eq!(stated, defaults.len());
    }

    #[test]
    fn a_dump_reads_back_to_the_same() {
        let text = r#"
            [scan]
            depth = "full"
            exclude = ["*.bak"]
            [limits]
            max-spool = "1MiB"
            max-inflated = 1000
            [signatures]
            disable = ["zip"]
            [[crown-jewels]]
            globs = ["prod/**"]
            tier = "1"
            [[allow]]
            id = "safetensors"
            glob = "*"
            reason = "a \"quoted\" reason"
            expires = "2030-01-31"
        "#;
        let effective = toml::from_str::<Config>(text).unwrap().over(Config::defaults());
        let again: Config = toml::from_str(&effective.dump().unwrap()).unwrap();
        assert_eq!(again, effective);
        assert_eq!(again.clone().over(Config::defaults()), again);
    }

    #[test]
    fn flags_win_and_lists_add_up() {
        let config = |text: &str| toml::from_str::<Config>(text).unwrap();
        let file = config("[scan]\nthreads = 2\nexclude = ['a']\n[limits]\nmax-depth = 1\nmax-ratio = 9");
        let flags = config("[scan]\nthreads = 4\nexclude = ['!a']\n[limits]\nmax-depth = 0");
        let effective = flags.over(file).over(Config::defaults());
        assert_eq!(effective.scan.threads, Some(4));
        assert_eq!(effective.scan.exclude, ["a", "!a"]);
        let limits = effective.limits.limits();
        assert_eq!((limits.depth, limits.ratio, limits.seconds), (0, 9, 600));
    }
}
