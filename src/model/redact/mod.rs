//! What of a value found in a file may be published.
//!
//! Headers carry arbitrary key-value pairs: a data path is what an investigator needs, a token is what a thief needs.
//! No value of a secret ever leaves a parser, so every free text of a header passes through here.
//!
//! Three things decide: the name of the key ([`keys`]), assignments and names of people inside of the text ([`text`]),
//! and the shape of its words ([`token`], [`url`]). What is in doubt under the key of a secret is withheld. Every step
//! is linear in the length of the text.

mod keys;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod url;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use keys::Kind;

/// Longest text published; a caption file or a chat template in a header is cut.
const MAX_TEXT: usize = 300;
/// Most of a text that is looked at, more than enough to publish [`MAX_TEXT`] of it.
const MAX_LOOK: usize = 64 << 10;
const WITHHELD: &str = "[withheld]";

/// A rule of this module. All are constants, and a test compiles each.
#[allow(clippy::expect_used)]
fn rule(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// `value` as it may be published under `key`: withheld where the key or the value looks like a secret or a person,
/// a mail address masked, a long text cut.
pub fn publishable(key: &str, value: &str) -> String {
    let mut text = under_key(keys::kind(key), key, value);
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

/// What somebody typed into a header, as it may be published under `key`: the same, and without what looks like the name
/// of a person. Titles lose words to that; nobody is lost to a title.
pub fn typed(key: &str, value: &str) -> String {
    text::without_names(&publishable(key, value))
}

/// Whether the value under `key` opens a door, by the name of the key.
pub fn names_secret(key: &str) -> bool {
    keys::kind(key) == Kind::Secret
}

/// A JSON value as it may be published under `key`; nested containers are published leaf by leaf.
///
/// A number under the key of a secret is one too (`pin: 1234`); booleans and nulls tell nothing.
pub fn redact_map(key: &str, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(publishable(key, &text)),
        Value::Number(_) if keys::withholds_numbers(key) => Value::String(WITHHELD.to_owned()),
        Value::Array(items) => {
            // An argument list: the value of a flag is the next item.
            let mut flagged = false;
            let items = items.into_iter().map(|item| {
                let withheld = std::mem::replace(&mut flagged, item.as_str().is_some_and(is_secret_flag));
                let hidden = withheld && !flagged && matches!(item, Value::String(_) | Value::Number(_));
                if hidden { Value::String(WITHHELD.to_owned()) } else { redact_map(key, item) }
            });
            Value::Array(items.collect())
        }
        Value::Object(fields) => {
            // `{"name": "DB_PASSWORD", "value": …}`, as environments of containers are written.
            let named = ["name", "key"].iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned);
            let named = named.filter(|name| keys::kind(name) == Kind::Secret);
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(field, value)| {
                    let path = match &named {
                        Some(name) if field == "value" => format!("{key}.{name}"),
                        _ => format!("{key}.{field}"),
                    };
                    (publishable("", &field), redact_map(&path, value))
                })
                .collect();
            Value::Object(fields.into_iter().collect())
        }
        other => other,
    }
}

/// `--password` alone, whose value follows.
fn is_secret_flag(item: &str) -> bool {
    item.strip_prefix('-').is_some_and(|flag| !flag.contains(['=', ' ']) && keys::kind(flag) == Kind::Secret)
}

fn under_key(kind: Kind, key: &str, value: &str) -> String {
    let bare = value.trim();
    match kind {
        _ if bare.is_empty() || is_switch(bare) => value.to_owned(),
        Kind::Secret if is_vocabulary(bare) => value.to_owned(),
        Kind::Secret => WITHHELD.to_owned(),
        Kind::Author if !text::names_person(bare) => free_text(key, value),
        Kind::Author | Kind::Person => text::domains(bare).unwrap_or_else(|| WITHHELD.to_owned()),
        Kind::Plain => free_text(key, value),
    }
}

/// A text under a key that says nothing.
fn free_text(key: &str, value: &str) -> String {
    let mut value = value;
    if value.len() > MAX_LOOK {
        // At a space, as half a token is no longer told from a word.
        let head = &value[..value.floor_char_boundary(MAX_LOOK)];
        value = head.rfind(char::is_whitespace).map_or("", |end| &head[..end]);
        if value.is_empty() {
            return WITHHELD.to_owned();
        }
    }
    let start = value.trim_start();
    if start.starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str::<Value>(start)
    {
        let redacted = redact_map(key, json.clone());
        if redacted != json {
            return redacted.to_string();
        }
    }
    let text = text::blocks(value);
    let text = url::redact(&text);
    let text = text::assignments(&text);
    let text = text::people(&text);
    token::redact(&text)
}

/// A word that switches something, and never is a secret.
fn is_switch(value: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "none", "null"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// `<pad>`, `[MASK]`, `<|endoftext|>`: a token of a vocabulary.
fn is_vocabulary(value: &str) -> bool {
    static SHAPE: LazyLock<Regex> = LazyLock::new(|| rule(r"^(?:</?[a-z]{1,8}>|<\|[a-z_]{1,24}\|>|\[[A-Z]{2,8}\])$"));
    SHAPE.is_match(value)
}
