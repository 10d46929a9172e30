//! Arguments of a command line and overrides: values that open a door under names that say so only there, and what
//! somebody wrote in words of his own.
//!
//! In a configuration `model.key` names a field; behind `--key` on a command line stands what opens a service as often.
//! [`crate::model::publishable`] knows names that are secrets everywhere, so this comes in front of it.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::names_secret;

const WITHHELD: &str = "[withheld]";
/// Secrets where they are all of the last part of a name.
const SECRETS: [&str; 2] = ["key", "hf"];
/// Secrets where they are its last word.
const SECRET_ENDS: [&str; 5] = ["pat", "cred", "creds", "dsn", "api"];
/// Last words of names of texts.
const TEXTS: [&str; 11] =
    ["note", "notes", "message", "messages", "msg", "comment", "comments", "tag", "tags", "desc", "description"];
/// What an argument may be wrapped in.
const OPENING: [char; 8] = ['"', '\'', '`', '\\', '(', '[', '{', ','];

/// What the value of an option is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Secret,
    Text,
    /// `user:password`.
    User,
    Plain,
}

fn sort(name: &str) -> Sort {
    let end = name.rsplit(['.', '/', ':', '@']).next().unwrap_or_default().to_ascii_lowercase();
    let last = end.rsplit(['-', '_']).next().unwrap_or_default();
    if SECRETS.contains(&end.as_str()) || SECRET_ENDS.contains(&last) || names_secret(name) {
        Sort::Secret
    } else if TEXTS.contains(&last) {
        Sort::Text
    } else if matches!(name, "u" | "user") {
        Sort::User
    } else {
        Sort::Plain
    }
}

/// The words of a command, values of secrets and texts withheld. A value in quotes may be several words.
pub(super) fn withheld<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut state = State { next: Sort::Plain, quote: None };
    for word in words {
        state.word(word, &mut out);
    }
    out
}

/// The same of one argument or override.
pub(super) fn withheld_in(argument: &str) -> String {
    withheld(std::iter::once(argument)).concat()
}

struct State {
    /// What the next word is.
    next: Sort,
    /// What ends the quotation that is being left out.
    quote: Option<char>,
}

impl State {
    fn word(&mut self, word: &str, out: &mut Vec<String>) {
        if let Some(mark) = self.quote {
            // One mask stands for all of a quotation.
            self.quote = (!is_odd(word, mark)).then_some(mark);
            return;
        }
        if word.is_empty() {
            out.push(String::new());
            return;
        }
        let bare = word.trim_start_matches(OPENING);
        match std::mem::replace(&mut self.next, Sort::Plain) {
            _ if is_option(bare) => {}
            Sort::Plain => {}
            Sort::Text if is_assignment(bare) => {}
            Sort::User => return out.push(user(word)),
            _ if is_switch(word) => return out.push(word.to_owned()),
            // `Authorization: Bearer …`.
            Sort::Secret if ["bearer", "basic", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme)) => {
                self.next = Sort::Secret;
                return out.push(word.to_owned());
            }
            next => {
                let is_more = next == Sort::Text && out.last().is_some_and(|last| last.ends_with(WITHHELD));
                if !is_more {
                    out.push(WITHHELD.to_owned());
                }
                self.quote = opened(word);
                // A text that lost its quotes goes on to the next option.
                self.next = if next == Sort::Text { next } else { Sort::Plain };
                return;
            }
        }
        if word.contains(' ') {
            out.push(withheld(word.split(' ')).join(" "));
            return;
        }
        let argument = self.argument(word, bare);
        out.push(argument);
    }

    /// One argument that is no value of the one before.
    fn argument(&mut self, word: &str, bare: &str) -> String {
        let inner = bare.trim_start_matches(['-', '+', '~']);
        let Some((name, value)) = inner.split_once('=').filter(|(name, _)| is_name(name)) else {
            if let Some(value) = bare.strip_prefix("-u").filter(|value| value.contains(':')) {
                let at = word.len().saturating_sub(value.len());
                return format!("{}{}", word.get(..at).unwrap_or_default(), user(value));
            }
            let name = inner.trim_end_matches(['"', '\'', ',', ']', ')']);
            if is_option(bare) && is_name(name) {
                self.next = sort(name);
                return word.to_owned();
            }
            return self.nested(word, 0);
        };
        let at = word.len().saturating_sub(value.len());
        match sort(name) {
            Sort::Plain => self.nested(word, at),
            Sort::User => format!("{}{}", word.get(..at).unwrap_or_default(), user(value)),
            sort => self.masked(word, at, sort),
        }
    }

    /// A word whose value begins at `at`, withheld; the next one, where there is none.
    fn masked(&mut self, word: &str, at: usize, sort: Sort) -> String {
        let (front, value) = word.split_at_checked(at).unwrap_or((word, ""));
        let wrapped = opened(word);
        if value.is_empty() && wrapped.is_none() {
            self.next = sort;
            return word.to_owned();
        }
        if is_switch(value) {
            return word.to_owned();
        }
        self.quote = wrapped.or_else(|| opened(value));
        if sort == Sort::Text {
            self.next = sort;
        }
        format!("{front}{WITHHELD}")
    }

    /// `--args=a=1,key=…`, `{"key":…}`: all that stands behind such a name.
    fn nested(&mut self, word: &str, from: usize) -> String {
        static NAME: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"([A-Za-z_][\w.@-]*)(\\*["']?(?:=|:))"#).ok());
        let found = NAME.as_ref().into_iter().flat_map(|rule| rule.captures_iter(word));
        for found in found {
            let (Some(name), Some(mark)) = (found.get(1), found.get(2)) else { continue };
            let sort = sort(name.as_str());
            if name.start() < from || !matches!(sort, Sort::Secret | Sort::Text) {
                continue;
            }
            // `api:8080` is a place.
            let before = word.get(..name.start()).unwrap_or_default();
            let is_entry = mark.as_str() != ":"
                || before.ends_with(['{', ','])
                || before.trim_start_matches(OPENING).is_empty() && mark.end() == word.len();
            if is_entry {
                return self.masked(word, mark.end(), sort);
            }
        }
        word.to_owned()
    }
}

/// `bob` of `bob:password`.
fn user(value: &str) -> String {
    match value.split_once(':') {
        Some((user, rest)) if !rest.is_empty() && !rest.starts_with(['/', '\\']) => format!("{user}:{WITHHELD}"),
        _ => value.to_owned(),
    }
}

/// `-x`, `--name`; no number below zero and no dash.
fn is_option(bare: &str) -> bool {
    bare.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '-'))
}

fn is_assignment(bare: &str) -> bool {
    bare.trim_start_matches(['+', '~']).split_once('=').is_some_and(|(name, _)| is_name(name))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./@:".contains(&byte))
        && !name.contains("//")
}

/// The quote that `word` begins with and does not end.
fn opened(word: &str) -> Option<char> {
    let mark = word.trim_start_matches(['\\', '$', '[', '(', '{']).chars().next()?;
    (matches!(mark, '"' | '\'') && is_odd(word, mark)).then_some(mark)
}

fn is_odd(word: &str, mark: char) -> bool {
    word.matches(mark).count() % 2 == 1
}

/// A value that tells nothing.
fn is_switch(value: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "none", "null"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_a_door_on_a_command_line_is_withheld() {
        for (given, want) in [
            ("--key=XQ", "--key=[withheld]"),
            ("--key XQ --lr 1", "--key [withheld] --lr 1"),
            ("data.key=XQ", "data.key=[withheld]"),
            ("--wandb.key=XQ,XQ;XQ", "--wandb.key=[withheld]"),
            ("+wandb.api=XQ", "+wandb.api=[withheld]"),
            ("--pat=XQ", "--pat=[withheld]"),
            ("--github-pat XQ", "--github-pat [withheld]"),
            ("--cred XQ --creds XQ", "--cred [withheld] --creds [withheld]"),
            ("--dsn=XQ a", "--dsn=[withheld] a"),
            ("--hf XQ", "--hf [withheld]"),
            ("--key 'XQ XQ' b", "--key [withheld] b"),
            ("--password=\"XQ XQ\" b", "--password=[withheld] b"),
            ("-u bob:XQ h", "-u bob:[withheld] h"),
            ("-ubob:XQ --user=bob:XQ", "-ubob:[withheld] --user=bob:[withheld]"),
            ("--args=a=1,api=XQ,XQ", "--args=a=1,api=[withheld]"),
            ("-c {\"key\": \"XQ XQ\"}", "-c {\"key\": [withheld]"),
            ("-H 'Authorization: Bearer XQ' h", "-H 'Authorization:[withheld] h"),
            ("-H Authorization: Bearer XQ h", "-H Authorization: Bearer [withheld] h"),
            ("--notes XQ for XQ --lr 1", "--notes [withheld] --lr 1"),
            ("'--notes=XQ for XQ' --lr 1", "'--notes=[withheld] --lr 1"),
            ("--wandb_tags XQ XQ lr=1", "--wandb_tags [withheld] lr=1"),
            ("--message=XQ", "--message=[withheld]"),
            ("--comment XQ", "--comment [withheld]"),
            ("run.description=XQ", "run.description=[withheld]"),
        ] {
            assert_eq!(withheld(given.split(' ')).join(" "), want, "{given}");
            assert!(!withheld_in(given).contains("XQ"), "{given}");
        }
        assert_eq!(withheld(["t.py", "--notes", "XQ for XQ", "--x"].into_iter()), ["t.py", "--notes", WITHHELD, "--x"]);
    }

    #[test]
    fn other_arguments_stay() {
        for given in [
            "python -u train.py --batch_key donor --model_key=state_dict",
            "--key_size 64 --tokenizer acme/bert --max_tokens 5 --bos_token_id 1",
            "docker -u bob:/x http://api:8080/x api:8080 s3://b/k",
            "--patience 5 --pattern a*b --lr -1 --api --x",
            "model.optim={lr: 0.1, name: adam} ~callbacks  two",
            "--use_auth_token True --tags null",
            "-u",
            "",
        ] {
            assert_eq!(withheld(given.split(' ')).join(" "), given);
            assert_eq!(withheld_in(given), given);
        }
    }
}
