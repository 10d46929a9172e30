//! What of a value found in a file may be published.
//!
//! Headers carry arbitrary key-value pairs: a data path is what an investigator needs, a token is what a thief needs.
//! No value of a secret ever leaves a parser, so every free text of a header passes through here.

use std::collections::BTreeMap;

use serde_json::Value;

/// Longest text published; a caption file or a chat template in a header is cut.
const MAX_TEXT: usize = 300;
const WITHHELD: &str = "[withheld]";

/// Parts of key names whose values are withheld.
const SECRET_KEYS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "credential",
    "private_key",
    "access_key",
    "authorization",
];

/// Key names that hold one of the words above and are not secrets: counts and names of tokens of a vocabulary.
const HARMLESS_KEYS: [&str; 6] = ["tokenizer", "token_id", "token_type", "max_token", "num_token", "n_token"];

/// `value` as it may be published under `key`: withheld where the key or the value looks like a secret, a mail address
/// masked, a long text cut.
pub fn publishable(key: &str, value: &str) -> String {
    let key = key.to_ascii_lowercase();
    let harmless = HARMLESS_KEYS.iter().any(|word| key.contains(word));
    if !harmless && SECRET_KEYS.iter().any(|word| key.contains(word)) && !value.is_empty() {
        return WITHHELD.to_owned();
    }
    let words: Vec<String> = value.split_inclusive(char::is_whitespace).map(publishable_word).collect();
    let mut text = words.concat();
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A JSON value as it may be published under `key`; nested containers are published leaf by leaf.
pub fn redact_map(key: &str, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(publishable(key, &text)),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| redact_map(key, item)).collect()),
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(field, value)| {
                    let value = redact_map(&format!("{key}.{field}"), value);
                    (publishable("", &field), value)
                })
                .collect();
            Value::Object(fields.into_iter().collect())
        }
        other => other,
    }
}

/// One word, its trailing space kept: withheld if it is an issued token or a URL with a password, masked if a mail
/// address.
fn publishable_word(word: &str) -> String {
    let trimmed = word.trim_end();
    let space = &word[trimmed.len()..];
    let core = trimmed.trim_matches(|c: char| "\"'`,;()[]{}<>".contains(c));
    if is_token(core) || has_url_password(core) {
        return format!("{WITHHELD}{space}");
    }
    match core.split_once('@') {
        Some((user, domain)) if !user.is_empty() && domain.contains('.') && !core.contains('/') => {
            format!("…@{domain}{space}")
        }
        _ => word.to_owned(),
    }
}

fn has_url_password(word: &str) -> bool {
    word.split_once("://")
        .and_then(|(_, rest)| rest.split('/').next())
        .and_then(|authority| authority.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':') || is_token(user))
}

/// Prefixes under which issuers hand out tokens.
const TOKEN_PREFIXES: [&str; 18] = [
    "hf_",
    "sk-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "AKIA",
    "ASIA",
    "xoxb-",
    "xoxp-",
    "eyJ",
    "npm_",
    "pypi-",
    "AIza",
    "wandb_v1_",
    "nvapi-",
];

/// Whether a word is shaped like an issued token. Digests are left alone: 32, 40 and 64 hexadecimal digits name
/// commits and contents far more often than they open a door.
fn is_token(word: &str) -> bool {
    let body = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.=+/".contains(&b));
    if !body || word.len() < 20 {
        return false;
    }
    if TOKEN_PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
        return true;
    }
    let hex = word.bytes().all(|b| b.is_ascii_hexdigit());
    let words_in_it = word.split(['_', '-', '.', '/', '=']).all(|part| part.len() < 20);
    let mixed = word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_lowercase())
        && word.bytes().any(|b| b.is_ascii_uppercase());
    !hex && !words_in_it && mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thief_needs_is_withheld() {
        let token = format!("hf_{}", "aB3dE".repeat(7));
        let secrets = [
            ("hub_token", "anything".to_owned()),
            ("db_password", "x".to_owned()),
            ("note", token.clone()),
            ("note", format!("see {token}, please")),
            ("url", format!("https://user:{}@git.example/x", "hunter2")),
            ("comment", "Zk9XqP2mVb7LrT4yWc8NdH3sJf6GaE5u".to_owned()),
        ];
        for (key, value) in secrets {
            let out = publishable(key, &value);
            assert!(out.contains(WITHHELD), "{key}: {out}");
            assert!(!out.contains("hunter2") && !out.contains(&token));
        }
    }

    #[test]
    fn what_an_investigator_needs_is_kept() {
        for (key, value) in [
            ("data", "/data/cohort_a/train"),
            ("git_sha", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"),
            ("tokenizer", "acme/bert-tiny"),
            ("repo", "git@github.com:acme/pert.git"),
            ("file", "s3://acme-bucket/runs/2026-01-02/checkpoint_epoch_12_global_step_3450.pt"),
            ("note", "trained on cohort_a"),
        ] {
            let kept = publishable(key, value);
            assert!(kept == value || key == "repo" && kept.ends_with("acme/pert.git"), "{key}: {kept}");
        }
        assert_eq!(publishable("author", "alice@acme.example"), "…@acme.example");
    }

    #[test]
    fn long_texts_are_cut_on_a_character() {
        let cut = publishable("template", &"é ".repeat(1000));
        assert!(cut.len() < MAX_TEXT + 8 && cut.ends_with('…'));
    }
}
