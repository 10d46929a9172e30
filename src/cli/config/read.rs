//! Reading a configuration file: bounded, and with errors that name the line and what was meant.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{anyhow, bail};

use super::super::say::reason as reason_of;
use super::super::suggest;
use super::Config;

/// Longest file of configuration or signatures; the longest known has some hundred lines.
pub(in super::super) const MAX_FILE: u64 = 1 << 20;

/// The bytes of a regular file of at most `most` bytes.
pub(in super::super) fn read_bounded(file: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let name = file.display();
    let fail =
        |error: std::io::Error| anyhow!("{name}: cannot be read: {}; check the path and its mode", reason_of(&error));
    // A named pipe would be waited for.
    if !std::fs::metadata(file).map_err(fail)?.is_file() {
        bail!("{name}: not a regular file; name one");
    }
    let mut bytes = Vec::new();
    let mut input = File::open(file).map_err(fail)?.take(most + 1);
    std::io::copy(&mut input, &mut bytes).map_err(fail)?;
    if bytes.len() as u64 > most {
        bail!("{name}: longer than {most} bytes, which no such file is; shorten it");
    }
    Ok(bytes)
}

/// What a file says.
pub(super) fn parse(file: &Path) -> anyhow::Result<Config> {
    let bytes = read_bounded(file, MAX_FILE)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = line_of(&bytes, error.valid_up_to());
        anyhow!("{}:{line}: not UTF-8; save it as such", file.display())
    })?;
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let line = line_of(&bytes, error.span().map_or(0, |span| span.start));
        anyhow!("{}:{line}: {}", file.display(), reason(error.message()))
    })
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|&&byte| byte == b'\n').count() + 1
}

/// The parser's reason, with the key that was probably meant.
fn reason(message: &str) -> String {
    let message = message.replace('`', "'");
    let quoted: Vec<&str> = message.split('\'').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((unknown, known)) if message.starts_with("unknown field") => {
            match suggest::nearest(unknown, known.iter().copied()) {
                Some(key) => format!("unknown key '{unknown}'; did you mean '{key}'?"),
                None => format!("unknown key '{unknown}'; known here: {}", known.join(", ")),
            }
        }
        Some((unknown, known)) if message.starts_with("unknown variant") => {
            let instead =
                suggest::nearest(unknown, known.iter().copied()).map(|known| format!("did you mean '{known}'?"));
            let instead = instead.unwrap_or_else(|| format!("write one of {}", known.join(", ")));
            format!("'{unknown}' is not a value of this key; {instead}")
        }
        Some((missing, _)) if message.starts_with("missing field") => format!("the key '{missing}' is missing; add it"),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("blastmap.toml");
        std::fs::write(&file, text).unwrap();
        let error = parse(&file).unwrap_err().to_string();
        error.rsplit_once("blastmap.toml").unwrap().1.to_owned()
    }

    #[test]
    fn errors_name_the_line_and_what_was_meant() {
        for (text, want) in [
            ("[scan]\ndepht = \"full\"\n", ":2: unknown key 'depht'; did you mean 'depth'?"),
            ("\n[crown_jewels]\n", ":2: unknown key 'crown_jewels'; did you mean 'crown-jewels'?"),
            ("[scan]\nfoo = 1\n", ":2: unknown key 'foo'; known here: depth, sniff"),
            ("[scan]\ndepth = \"ful\"\n", ":2: 'ful' is not a value of this key; did you mean 'full'?"),
            ("[limits]\nmax-spool = \"1.5GB\"\n", ":2: '1.5GB' is not a size"),
            ("[limits]\nmax-spool = -1\n", ":2: '-1' is less than nothing"),
            ("[[allow]]\nid = 'a'\nglob = 'b'\n", ":1: the key 'reason' is missing; add it"),
            ("[[allow]]\nid = 'a'\nglob = 'b'\nreason = ' '\n", ":4: an empty reason"),
            (
                "[[allow]]\nid = 'a'\nglob = 'b'\nreason = 'c'\nexpires = '2026-02-30'\n",
                ":5: '2026-02-30' is not a day",
            ),
            ("[scan\n", ":1: "),
        ] {
            let got = error(text);
            assert!(got.starts_with(want), "{got}");
            assert!(!got.contains('\n'), "{got}");
        }
    }

    #[test]
    fn what_is_too_long_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("long");
        std::fs::write(&file, "123456").unwrap();
        assert_eq!(read_bounded(&file, 6).unwrap(), b"123456");
        assert!(read_bounded(&file, 5).is_err());
        assert!(read_bounded(folder.path(), 5).is_err());
        assert!(read_bounded(&folder.path().join("none"), 5).is_err());
    }
}
