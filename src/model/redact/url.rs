//! URLs: the host and the path tell where something is, user information and most of a query tell how to get in.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{WITHHELD, rule, token};

/// Names of query values that open nothing.
#[rustfmt::skip]
const HARMLESS: [&str; 48] = [
    "page", "per_page", "limit", "offset", "version", "v", "api-version", "format", "lang", "ref", "branch", "download",
    "raw", "rev", "revision", "path", "file", "filename", "type", "sort", "order", "width", "height", "size", "epoch",
    "step", "tab", "view", "x-amz-date", "x-amz-expires", "x-amz-algorithm", "x-amz-signedheaders", "x-id", "sslmode",
    "charset", "versionid", "list-type", "delimiter", "prefix", "region", "se", "sp", "sv", "sr", "st", "spr",
    "timeout", "ssl",
];

/// `text` with what opens a door masked in each of its URLs.
pub(super) fn redact(text: &str) -> String {
    static URL: LazyLock<Regex> = LazyLock::new(|| rule(r#"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s"'<>`]+)"#));
    // Addresses that anyone may post to who knows them.
    static HOOK: LazyLock<Regex> = LazyLock::new(|| {
        rule(concat!(
            r"(?i)(hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/",
            r#"|webhook\.office\.com/|api\.telegram\.org/bot)[^\s"'<>`]+"#
        ))
    });
    let text = HOOK.replace_all(text, format!("${{1}}{WITHHELD}"));
    URL.replace_all(&text, |found: &Captures| format!("{}{}", &found[1], rest(&found[2]))).into_owned()
}

/// What follows the scheme.
fn rest(rest: &str) -> String {
    let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, _) = place.split_at(place.find('/').unwrap_or(place.len()));
    // A password may have a slash or a question mark in it, which is then mistaken for the end of the authority.
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    let cut_short = !authority.contains('@') && !port.bytes().all(|b| b.is_ascii_digit());
    let end = if cut_short { rest.rfind('@') } else { authority.rfind('@') };
    if cut_short && let Some(end) = end {
        return format!("{WITHHELD}{}", self::rest_after(&rest[end..]));
    }
    match end {
        // The one user of the forges says nothing.
        Some(end) if &rest[..end] != "git" => format!("{WITHHELD}{}{}", segments(&place[end..]), values(query)),
        _ => format!("{}{}", segments(place), values(query)),
    }
}

fn rest_after(rest: &str) -> String {
    let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    format!("{}{}", segments(place), values(query))
}

fn segments(place: &str) -> String {
    let mask = |part| if token::is_token(part) { WITHHELD } else { part };
    place.split('/').map(mask).collect::<Vec<_>>().join("/")
}

/// The query and the fragment, each with its first character.
fn values(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    for part in query.split_inclusive(['?', '#', '&', ';']) {
        let (pair, mark) = match part.char_indices().next_back() {
            Some((at, mark @ ('?' | '#' | '&' | ';'))) => (&part[..at], Some(mark)),
            _ => (part, None),
        };
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && !HARMLESS.contains(&name.to_ascii_lowercase().as_str()) => {
                out.extend([name, "=", WITHHELD]);
            }
            None if token::is_token(pair) => out.push_str(WITHHELD),
            _ => out.push_str(pair),
        }
        out.extend(mark);
    }
    out
}
