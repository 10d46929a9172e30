//! What to type next: only commands that exist, with the words of this scan.

use blastmap::model::{Asset, Inventory, Presence};
use blastmap::signature::Signatures;

use super::settings::Settings;

/// Up to three commands, each with what it is good for.
pub(super) fn commands(settings: &Settings, signatures: &Signatures, inventory: &Inventory) -> Vec<(String, String)> {
    let mut commands = Vec::new();
    if let Some(id) = worst(inventory).and_then(|asset| known(asset, signatures)) {
        commands.push((format!("blastmap explain {id}"), "what it is, why it matters, what to do".to_owned()));
    }
    let is_empty = inventory.assets.is_empty();
    if settings.outputs.is_empty() && !is_empty {
        let what = "keep the whole inventory, readable by you alone".to_owned();
        commands.push((again("-o inventory.jsonl"), what));
    }
    if !settings.verbose && !inventory.gaps.is_empty() {
        commands.push((again("-v"), "list everything that was not looked at".to_owned()));
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

/// The words this scan was started with, and `more` of them.
fn again(more: &str) -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let words: Vec<String> = words.filter(|word| !matches!(word.as_str(), "-q" | "--quiet")).collect();
    // Directly behind the command: behind a `--` it would be a place.
    match words.iter().position(|word| word == "scan").and_then(|at| words.split_at_checked(at + 1)) {
        Some((command, rest)) => ["blastmap"]
            .into_iter()
            .chain(command.iter().map(String::as_str))
            .chain([more])
            .chain(rest.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
        None => format!("blastmap scan {more}"),
    }
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
