//! Secrets and people inside of a text: blocks of keys, headers, assignments, flags, names, home directories.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::keys::{self, Kind};
use super::{WITHHELD, is_switch, is_vocabulary, rule};

/// Private keys in PEM, to their end or that of the text, and the schemes of an authorization header.
pub(super) fn blocks(text: &str) -> String {
    static PEM: LazyLock<Regex> =
        LazyLock::new(|| rule(r"(?s)-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\z)"));
    static SCHEME: LazyLock<Regex> = LazyLock::new(|| rule(r#"(?i)\b(bearer|basic)([ \t]+)([^\s"',;<>]+)"#));
    let text = PEM.replace_all(text, WITHHELD);
    let mask = |found: &Captures| {
        let word = &found[3];
        // "Basic" is a word as well: what follows must look encoded.
        let encoded = word.len() >= 4
            && (word.ends_with('=') || word.chars().skip(1).any(|c| c.is_ascii_digit() || c.is_ascii_uppercase()));
        let bearer = found[1].eq_ignore_ascii_case("bearer") && word != "of" && !word.starts_with("token");
        if bearer || encoded { format!("{}{}{WITHHELD}", &found[1], &found[2]) } else { found[0].to_owned() }
    };
    SCHEME.replace_all(&text, mask).into_owned()
}

/// `key=value`, `key: value`, `--key value` and "the key is value" with the values of secrets and people masked.
pub(super) fn assignments(text: &str) -> String {
    static KEY: LazyLock<Regex> = LazyLock::new(|| {
        rule(concat!(
            r#"(?:(?P<key>[\p{L}\p{N}_][\p{L}\p{N}_.-]*)\\*["']?\]?(?P<sep>[ \t]*(?:=>|:=|==?|:)[ \t]*))"#,
            r#"|(?:(?:^|[\s"'\[,(])--?(?P<flag>[A-Za-z][\w.-]*)\\*(?P<gap>["']?,?\s+))"#,
            r"|(?:\b(?P<word>(?i:password|passwd|passphrase|passcode|pwd|pin|secret|token|key|credentials?))",
            r"[ \t]+(?i:is|was|are|equals)[ \t]+)",
        ))
    });
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = KEY.captures_at(text, at) {
        let Some(whole) = found.get(0) else { break };
        out.push_str(&text[at..whole.end()]);
        at = whole.end();
        let value = if let (Some(key), Some(sep)) = (found.name("key"), found.name("sep")) {
            let kind = keys::kind(key.as_str());
            if kind == Kind::Plain {
                continue;
            }
            // A connection string, an entry of a file: values have spaces there.
            let spaced = sep.as_str().contains([' ', '\t', ':']) || text[..key.start()].ends_with(';');
            // What is looked at and kept is looked at again: not to the end of a line of any length.
            let end = if kind == Kind::Author { text.floor_char_boundary(at.saturating_add(256)) } else { text.len() };
            let value = value_at(&text[at..end], spaced);
            if kind == Kind::Author && !names_person(value) {
                continue;
            }
            value
        } else if let Some(flag) = found.name("flag") {
            let value = value_at(&text[at..], false);
            if !matches!(keys::kind(flag.as_str()), Kind::Secret | Kind::Person) || value.starts_with('-') {
                // The gap may be what the next flag begins with.
                at = found.name("gap").map_or(at, |gap| gap.start());
                out.truncate(out.len().saturating_sub(whole.end().saturating_sub(at)));
                continue;
            }
            value
        } else {
            let value = value_at(&text[at..], false);
            let word = found.name("word").map_or("", |word| word.as_str()).to_ascii_lowercase();
            // "the token is used": prose, where it is no password.
            let plain = value.trim_end_matches(['.', ',']).bytes().all(|b| b.is_ascii_lowercase());
            if plain && ["secret", "token", "key", "pin"].contains(&word.as_str()) {
                continue;
            }
            value
        };
        let inner = value.trim_matches(|c: char| c == '\\' || c == '"' || c == '\'');
        if !inner.is_empty() && !is_switch(inner) && !is_vocabulary(inner) {
            let (open, close) = quotes(value);
            out.extend([open, &domains(inner).unwrap_or_else(|| WITHHELD.to_owned()), close]);
            at = at.saturating_add(value.len());
        }
    }
    out.push_str(&text[at..]);
    out
}

/// The marks around a quoted value.
fn quotes(value: &str) -> (&str, &str) {
    let open = value.len().saturating_sub(value.trim_start_matches(['\\', '"', '\'']).len());
    let close = value.trim_end_matches(['\\', '"', '\'']).len().max(open);
    if open == 0 { ("", "") } else { (&value[..open], &value[close..]) }
}

/// The value that `text` begins with: what is quoted, or all up to a space (to the end of the line, if values are
/// `spaced`), a semicolon of a connection string or the next assignment.
fn value_at(text: &str, spaced: bool) -> &str {
    static NEXT: LazyLock<Regex> = LazyLock::new(|| rule(r#"^[;,&][ \t]*["']?[A-Za-z_][\w.-]{0,40}["']?[=:]"#));
    let marks = text.len().saturating_sub(text.trim_start_matches('\\').len());
    let bare = &text[marks..];
    if let Some(quote) = bare.chars().next().filter(|c| "\"'".contains(*c)) {
        let mut escaped = false;
        for (at, c) in bare.char_indices().skip(1) {
            // Inside of an escaped text, an escaped quote is the end.
            if c == quote && (!escaped || marks > 0) {
                return &text[..marks.saturating_add(at).saturating_add(1)];
            }
            escaped = c == '\\' && !escaped;
        }
        return text;
    }
    for (at, c) in text.char_indices() {
        let near = || &text[at..text.floor_char_boundary(at.saturating_add(64))];
        let ends = match c {
            '\n' | '\r' => true,
            ';' if spaced => true,
            ';' | ',' | '&' => NEXT.is_match(near()) || at.saturating_add(1) == text.len(),
            '"' | '\'' | '`' => true,
            c => c.is_whitespace() && !spaced,
        };
        if ends {
            return &text[..at];
        }
    }
    text
}

const MAIL: &str = r"[\p{L}\p{N}_.+%-]+@(?P<domain>[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,})";

/// Names beside mail addresses, the users of the addresses, numbers of patients and users in home directories masked.
pub(super) fn people(text: &str) -> String {
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        let name = r"\p{Lu}[\p{L}'’.-]*";
        rule(&format!(
            r#"(?:"?(?:{name},?[ \t]+){{1,5}}"?[ \t]*<|(?:\p{{Ll}}+[ \t]+){{1,2}}<|(?:{name},?[ \t]+){{2,4}}[(\[]?|<)?{MAIL}(?:>|\]|[ \t]*\((?:{name}[ \t]*){{1,4}}\)|\))?"#
        ))
    });
    static PATIENT: LazyLock<Regex> = LazyLock::new(|| {
        rule(concat!(
            r"(?i)\b(mrn|patient|participant|subject|medical record)((?:[ \t_-]?(?:id|no|nr|number)\b)?[ \t#.:=]+)",
            r"([a-z]{0,4}-?\d{2}[\w-]*)"
        ))
    });
    static HOME: LazyLock<Regex> = LazyLock::new(|| {
        rule(concat!(
            r#"(/home/|/Users/|[A-Za-z]:/Users/)[^/\\\s"',;:()\[\]<>]+"#,
            r#"|([A-Za-z]:\\+Users\\+)[^\\/:*?"<>|\r\n]+"#
        ))
    });
    let masked = NAMED.replace_all(text, |found: &Captures| {
        let whole = &found[0];
        let is_remote = whole.starts_with("git@") || whole.contains(" git@");
        if is_remote { whole.to_owned() } else { format!("…@{}", &found["domain"]) }
    });
    let masked = PATIENT.replace_all(&masked, format!("${{1}}${{2}}{WITHHELD}"));
    HOME.replace_all(&masked, "${1}${2}…").into_owned()
}

/// The domains of the mail addresses in a text that is a person, if there are any.
pub(super) fn domains(text: &str) -> Option<String> {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| rule(MAIL));
    let found: Vec<String> = ADDRESS.captures_iter(text).map(|mail| format!("…@{}", &mail["domain"])).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

/// Words of the names of organisations.
#[rustfmt::skip]
const ORGANISATION: [&str; 36] = [
    "lab", "labs", "research", "inc", "ltd", "gmbh", "university", "institute", "hospital", "team", "group", "company",
    "corp", "corporation", "foundation", "face", "project", "community", "center", "centre", "clinic", "college",
    "department", "technologies", "systems", "google", "meta", "microsoft", "apple", "amazon", "the", "of", "health",
    "academy", "intelligence", "software",
];

/// Whether the author of something is a person: a mail address, or two capitalised words beside each other and none
/// that names an organisation. A person in small letters and one with a single name are taken for an organisation.
pub(super) fn names_person(author: &str) -> bool {
    if domains(author).is_some() {
        return true;
    }
    let words = || author.split(|c: char| !c.is_alphanumeric() && !"'’-.".contains(c)).filter(|word| !word.is_empty());
    if words().any(|word| ORGANISATION.contains(&word.trim_matches('.').to_lowercase().as_str())) {
        return false;
    }
    words().zip(words().skip(1)).any(|(first, second)| capitalised(first) && capitalised(second))
}

fn capitalised(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_some_and(|c| c.is_lowercase() || "'’.".contains(c))
}

/// The text with each run of two to four capitalised words masked, unless one of them names an organisation.
pub(super) fn without_names(text: &str) -> String {
    static RUN: LazyLock<Regex> =
        LazyLock::new(|| rule(r"\p{Lu}[\p{L}'’.-]+(?:(?:,[ \t]*|[ \t_^]+)\p{Lu}[\p{L}'’.-]+)+"));
    let mask = |found: &Captures| {
        let run = &found[0];
        if names_person(run) { WITHHELD.to_owned() } else { run.to_owned() }
    };
    RUN.replace_all(text, mask).into_owned()
}
