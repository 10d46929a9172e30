//! The owner's rules over assembled assets: tiers, and what is allowed to be where it is.
//!
//! A rule never takes anything out of an inventory: it raises an impact, or says why an asset is no reason to fail.
//! Rules that have stopped working (expired, or matching nothing) are findings themselves, so that they cannot rot.

use globset::{GlobBuilder, GlobMatcher};

use crate::model::{Asset, Date, Evidence, Level, Presence, RuleFinding, Rules, Verdict};

/// The signature that evidence of an `[[allow]]` rule names.
const ALLOW: &str = "config:allow";

/// Rules whose patterns are compiled.
pub struct RuleSet<'r> {
    rules: &'r Rules,
    crown_jewels: Vec<Vec<GlobMatcher>>,
    allow: Vec<GlobMatcher>,
}

/// A pattern of a rule is not one.
#[derive(Debug, thiserror::Error)]
#[error("'{glob}' is not a pattern: {reason}")]
pub struct BadGlob {
    /// The pattern as written.
    pub glob: String,
    reason: String,
}

impl<'r> RuleSet<'r> {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// [`BadGlob`] for the first that is not one.
    pub fn new(rules: &'r Rules) -> Result<RuleSet<'r>, BadGlob> {
        let crown_jewels = rules.crown_jewels.iter().map(|rule| rule.globs.iter().map(|glob| compile(glob)).collect());
        let allow = rules.allow.iter().map(|rule| compile(&rule.glob));
        Ok(RuleSet {
            rules,
            crown_jewels: crown_jewels.collect::<Result<_, _>>()?,
            allow: allow.collect::<Result<_, _>>()?,
        })
    }

    /// Applies the rules as of `today`. What is only claimed to be an asset is left alone.
    pub fn apply(&self, assets: &mut [Asset], today: Date) -> Verdict {
        let mut verdict = Verdict::default();
        let mut matched = vec![false; self.allow.len()];
        for asset in assets.iter_mut().filter(|asset| asset.presence != Presence::Unverified) {
            self.tier(asset);
            self.allow(asset, today, &mut matched, &mut verdict);
        }
        for (rule, matched) in self.rules.allow.iter().zip(matched) {
            let name = format!("the allow rule for '{}' in '{}'", rule.id, rule.glob);
            let what = match rule.expires.filter(|expires| *expires < today) {
                Some(expires) => format!("{name} expired on {expires} and is ignored; renew it or remove it"),
                None if !matched => format!("{name} matches nothing; correct it or remove it"),
                None => continue,
            };
            verdict.findings.push(RuleFinding { level: Level::Low, what });
        }
        verdict
    }

    /// The first crown-jewels rule that matches any file of the asset decides.
    fn tier(&self, asset: &mut Asset) {
        let names: Vec<String> = asset.files.iter().map(|file| file.locator.to_string()).collect();
        for (rule, globs) in self.rules.crown_jewels.iter().zip(&self.crown_jewels) {
            let hit = globs.iter().zip(&rule.globs).find(|(glob, _)| names.iter().any(|name| glob.is_match(name)));
            if let Some((_, glob)) = hit {
                asset.impact.level = Level::High;
                asset.impact.because.insert(0, format!("matches the crown-jewels rule '{glob}'"));
                asset.impact.tier = Some(rule.tier.clone());
                return;
            }
        }
    }

    fn allow(&self, asset: &mut Asset, today: Date, matched: &mut [bool], verdict: &mut Verdict) {
        let Some(name) = asset.files.first().map(|file| file.locator.to_string()) else { return };
        for ((rule, glob), matched) in self.rules.allow.iter().zip(&self.allow).zip(matched) {
            let expired = rule.expires.is_some_and(|expires| expires < today);
            if expired || !(rule.id == asset.id || rule.id == asset.format) || !glob.is_match(&name) {
                continue;
            }
            *matched = true;
            if !verdict.allowed.contains_key(&asset.id) {
                asset.evidence.push(Evidence { signature: ALLOW.to_owned(), why: format!("allowed: {}", rule.reason) });
                verdict.allowed.insert(asset.id.clone(), rule.reason.clone());
            }
        }
    }
}

/// A pattern without a slash goes by the base name, in whatever directory or container; one with a slash by the whole
/// locator; one that ends in a slash by everything below.
fn compile(glob: &str) -> Result<GlobMatcher, BadGlob> {
    let text = if glob.contains('/') { glob.trim_start_matches('/').to_owned() } else { format!("**/{glob}") };
    let text = if text.ends_with('/') { format!("{text}**") } else { text };
    match GlobBuilder::new(&text).literal_separator(true).build() {
        Ok(compiled) if !glob.is_empty() => Ok(compiled.compile_matcher()),
        Ok(_) => Err(BadGlob { glob: glob.to_owned(), reason: "it is empty".to_owned() }),
        Err(error) => Err(BadGlob { glob: glob.to_owned(), reason: error.kind().to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Allow, AssetFile, Confidence, CrownJewels, Fact, Impact, Kind, Locator};

    fn asset(id: &str, locator: Locator) -> Asset {
        Asset {
            id: id.to_owned(),
            kind: Kind::Model,
            format: "safetensors".to_owned(),
            name: "m".to_owned(),
            files: vec![AssetFile { locator, size: 1, content: None, link: None }],
            size: 1,
            presence: Presence::Present,
            confidence: Confidence::Certain,
            origin: None,
            impact: Impact { level: Level::Low, because: vec!["a tokenizer".to_owned()], tier: None },
            fact: Fact::None {},
            access: None,
            identities: Vec::new(),
            evidence: Vec::new(),
        }
    }

    fn allow(id: &str, glob: &str, expires: Option<&str>) -> Allow {
        let expires = expires.map(|day| day.parse().unwrap());
        Allow { id: id.to_owned(), glob: glob.to_owned(), reason: "a demonstration".to_owned(), expires }
    }

    fn today() -> Date {
        "2026-06-15".parse().unwrap()
    }

    #[test]
    fn patterns_go_by_name_path_and_tree() {
        let nested = Locator::path(0, b"out/a.tar").member(b"m/final.pt").to_string();
        for (glob, holds) in [
            ("final.pt", true),
            ("*.pt", true),
            ("out/*.pt", false),
            ("out/**/*.pt", true),
            ("/out/a.tar!/m/*", true),
            ("out/", true),
            ("m/", false),
            ("*.tar", false),
        ] {
            assert_eq!(compile(glob).unwrap().is_match(&nested), holds, "{glob}");
        }
        assert!(compile("a[").is_err() && compile("").is_err());
    }

    #[test]
    fn crown_jewels_are_of_high_impact_whatever_they_look_like() {
        let jewels = |globs: &[&str], tier: &str| CrownJewels {
            globs: globs.iter().map(|glob| (*glob).to_owned()).collect(),
            tier: tier.to_owned(),
        };
        let rules =
            Rules { crown_jewels: vec![jewels(&["none", "prod/"], "one"), jewels(&["*"], "two")], allow: vec![] };
        let mut assets = [asset("model-1", Locator::path(0, b"prod/x/m.safetensors"))];
        RuleSet::new(&rules).unwrap().apply(&mut assets, today());
        let impact = &assets[0].impact;
        assert_eq!((impact.level, impact.tier.as_deref()), (Level::High, Some("one")));
        assert_eq!(impact.because, ["matches the crown-jewels rule 'prod/'", "a tokenizer"]);
    }

    #[test]
    fn what_is_allowed_stays_and_says_so() {
        let rules = Rules {
            crown_jewels: vec![],
            allow: vec![
                allow("safetensors", "demo/", Some("2026-06-15")),
                allow("model-2", "*", None),
                allow("gguf", "*", None),
                allow("safetensors", "*", Some("2026-06-14")),
            ],
        };
        let mut assets = [
            asset("model-1", Locator::path(0, b"demo/m.safetensors")),
            asset("model-2", Locator::path(0, b"x.safetensors")),
            asset("model-3", Locator::path(0, b"y.safetensors")),
        ];
        let verdict = RuleSet::new(&rules).unwrap().apply(&mut assets, today());
        assert_eq!(verdict.allowed.keys().collect::<Vec<_>>(), ["model-1", "model-2"]);
        assert_eq!(assets[0].evidence[0].why, "allowed: a demonstration");
        assert!(assets[2].evidence.is_empty());
        let findings: Vec<&str> = verdict.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(
            findings,
            [
                "the allow rule for 'gguf' in '*' matches nothing; correct it or remove it",
                "the allow rule for 'safetensors' in '*' expired on 2026-06-14 and is ignored; renew it or remove it",
            ]
        );
    }
}
