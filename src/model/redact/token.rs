//! Words that are shaped like an issued token.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{WITHHELD, rule};

/// Prefixes under which issuers hand out tokens.
#[rustfmt::skip]
const PREFIXES: [&str; 32] = [
    "hf_", "sk-", "sk_live_", "sk_test_", "rk_live_", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-",
    "AKIA", "ASIA", "xoxb-", "xoxp-", "xoxa-", "xoxs-", "xapp-", "eyJ", "npm_", "pypi-", "AIza", "ya29.", "wandb_v1_",
    "nvapi-", "gsk_", "r8_", "dckr_pat_", "dop_v1_", "lsv2_", "AGE-SECRET-KEY-",
];

/// `text` without the tokens in it.
pub(super) fn redact(text: &str) -> String {
    static WORD: LazyLock<Regex> = LazyLock::new(|| rule(r"[A-Za-z0-9_.+/-]{20,}={0,2}"));
    let mask = |found: &Captures| {
        let word = &found[0];
        if is_base64_key(word) || !word.contains('/') && is_token(word) {
            return WITHHELD.to_owned();
        }
        let segments: Vec<&str> = word.split('/').map(|part| if is_token(part) { WITHHELD } else { part }).collect();
        segments.join("/")
    };
    WORD.replace_all(text, mask).into_owned()
}

/// Whether a word is shaped like an issued token. Digests are left alone: 32, 40 and 64 hexadecimal digits name
/// commits and contents far more often than they open a door.
pub(super) fn is_token(word: &str) -> bool {
    if word.len() < 20 {
        return false;
    }
    PREFIXES.iter().any(|prefix| word.starts_with(prefix)) || word.split(['_', '-', '.', '+', '=']).any(is_random)
}

/// A run of letters and digits without meaning.
fn is_random(part: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| part.bytes().any(|b| kind(&b));
    part.len() >= 20
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && !part.bytes().all(|b| b.is_ascii_hexdigit())
        && !is_camel_case(part)
}

/// An identifier made of words, as names of classes are: `Wav2Vec2ForSequenceClassification`. Its letters are mostly
/// small ones, its words long and pronounceable, its digits few.
fn is_camel_case(part: &str) -> bool {
    static WORD: LazyLock<Regex> = LazyLock::new(|| rule("[A-Z]+[a-z]*|[a-z]+"));
    let count = |kind: fn(&u8) -> bool| part.bytes().filter(kind).count();
    let (digits, capitals) = (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase));
    let letters = part.len().saturating_sub(digits);
    let words: Vec<&str> = WORD.find_iter(part).map(|word| word.as_str()).collect();
    let spoken = |word: &str| word.len() < 4 || word.bytes().any(|b| b"aeiouyAEIOUY".contains(&b));
    part.starts_with(|c: char| c.is_ascii_alphabetic())
        && digits <= 4
        && capitals.saturating_mul(5) <= letters.saturating_mul(2)
        && words.len().saturating_mul(7) <= letters.saturating_mul(2)
        && words.iter().all(|word| spoken(word))
}

/// Forty digits of base 64, as secret access keys have: their slashes make them look like a path.
fn is_base64_key(word: &str) -> bool {
    let count = |kind: fn(&u8) -> bool| word.bytes().filter(kind).count();
    word.len() == 40
        && !word.starts_with('/')
        && !word.bytes().any(|b| b"_.-".contains(&b))
        && word.bytes().any(|b| b"+/".contains(&b))
        && count(u8::is_ascii_uppercase) >= 6
        && count(u8::is_ascii_lowercase) >= 6
        && count(u8::is_ascii_digit) >= 1
}
