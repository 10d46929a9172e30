//! What to type next: only commands that exist, with the words of this scan.

use blastmap::model::{Asset, Inventory, Presence};
use blastmap::scan::Place;
use blastmap::signature::Signatures;

use super::settings::Settings;

/// Up to three commands, each with what it is good for.
pub(super) fn commands(settings: &Settings, signatures: &Signatures, inventory: &Inventory) -> Vec<(String, String)> {
    let mut commands = Vec::new();
    if let Some(id) = worst(inventory).and_then(|asset| known(asset, signatures)) {
        commands.push((format!("blastmap explain {id}"), "what it is, why it matters, what to do".to_owned()));
    }
    let scan = format!("blastmap scan{}", places(settings));
    let is_empty = inventory.assets.is_empty();
    if settings.outputs.is_empty() && !is_empty {
        let what = "keep the whole inventory, readable by you alone".to_owned();
        commands.push((format!("{scan} -o inventory.jsonl"), what));
    }
    if !settings.verbose && !inventory.gaps.is_empty() {
        commands.push((format!("{scan} -v"), "list everything that was not looked at".to_owned()));
    }
    if is_empty {
        commands.push(("blastmap signatures list".to_owned(), "what can be recognised".to_owned()));
    }
    commands
}

fn worst(inventory: &Inventory) -> Option<&Asset> {
    let present = inventory.assets.iter().filter(|asset| asset.presence != Presence::Unverified);
    present.max_by_key(|asset| asset.impact.level)
}

/// A signature that explains the asset: its format's own, else the one that recognised it.
fn known<'a>(asset: &'a Asset, signatures: &Signatures) -> Option<&'a str> {
    let ids = std::iter::once(asset.format.as_str()).chain(asset.evidence.iter().map(|seen| seen.signature.as_str()));
    ids.into_iter().find(|id| signatures.get(id).is_some())
}

/// The places as a shell takes them.
fn places(settings: &Settings) -> String {
    let words = settings.plan.places.iter().map(|place| match place {
        Place::Path(path) => quoted(&path.to_string_lossy()),
        Place::StandardInput => "-".to_owned(),
    });
    let words: Vec<String> = words.collect();
    if words == ["."] { String::new() } else { format!(" {}", words.join(" ")) }
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:@,%~".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("a/b.c"), "a/b.c");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
