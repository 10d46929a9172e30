//! Recipes of images: a Dockerfile, an Apptainer definition. What they build on and what they put in.
//!
//! After the Dockerfile reference (docs.docker.com) and the definition file format of Apptainer. Nothing is evaluated:
//! build arguments stay as they are written, files they copy are named and not looked for.

use crate::model::{Fact, Infra, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest recipe that is read.
const MAX_RECIPE: u64 = 1 << 20;
/// Most files that one recipe copies, as far as they are listed.
const MAX_COPIES: usize = 1000;

/// A Dockerfile.
pub(crate) fn dockerfile(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_RECIPE)?;
    let text = String::from_utf8_lossy(&text).replace("\\\r\n", " ").replace("\\\n", " ");
    let mut infra = Infra::default();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let (instruction, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let arguments = arguments(rest);
        match instruction.to_ascii_uppercase().as_str() {
            "FROM" => {
                // The last stage is the image; those before it are only built.
                infra.base_image = arguments.first().map(|image| publishable("image", image));
                infra.bootstrap = Some("docker".to_owned());
            }
            "COPY" | "ADD" if !rest.contains("--from=") => {
                let sources = arguments.split_last().map_or(&[][..], |(_, sources)| sources);
                copy(sources.iter().map(String::as_str), &mut infra);
            }
            "USER" => infra.user = arguments.first().map(|user| publishable("account", user)),
            _ => {}
        }
    }
    let Some(image) = &infra.base_image else { return Err(ProbeError::NotMine) };
    if image.contains(char::is_whitespace) {
        return Err(ProbeError::NotMine);
    }
    infra.bootstrap = None;
    Ok(Finding::new(Fact::Infra(Box::new(infra))))
}

/// Words of an instruction, without its flags; a JSON list of them where it is written so.
fn arguments(rest: &str) -> Vec<String> {
    let rest = rest.trim();
    let words = match rest.starts_with('[').then(|| kit::json::<Vec<String>>(rest.as_bytes(), "an instruction")) {
        Some(Ok(words)) => words,
        _ => rest.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect(),
    };
    words.into_iter().filter(|word| !word.starts_with("--")).collect()
}

/// An Apptainer (Singularity) definition file.
pub(crate) fn apptainer(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_RECIPE)?;
    let text = String::from_utf8_lossy(&text);
    let mut infra = Infra::default();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('%') {
            section = name.split_whitespace().next().unwrap_or_default().to_owned();
            // Files of another stage are no files of ours.
            if section == "files" && name.contains(" from ") {
                section.clear();
            }
            continue;
        }
        if section == "files" {
            copy(line.split_whitespace().take(1), &mut infra);
        } else if let Some((key, value)) = line.split_once(':').filter(|_| section.is_empty()) {
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "bootstrap" => infra.bootstrap = Some(publishable("bootstrap", value)),
                "from" => infra.base_image = Some(publishable("image", value)),
                _ => {}
            }
        }
    }
    if infra.bootstrap.is_none() {
        return Err(ProbeError::NotMine);
    }
    Ok(Finding::new(Fact::Infra(Box::new(infra))))
}

fn copy<'s>(sources: impl Iterator<Item = &'s str>, infra: &mut Infra) {
    for source in sources {
        if infra.copies.len() < MAX_COPIES && !source.starts_with("<<") {
            infra.copies.push(publishable("file", source));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn facts(probe: fn(&Input) -> Result<Finding, ProbeError>, text: &str) -> Option<Infra> {
        let blob = Memory::new(text.as_bytes());
        match probe(&Input::new(&blob, text.as_bytes())).ok()?.fact {
            Fact::Infra(infra) => Some(*infra),
            _ => None,
        }
    }

    #[test]
    fn dockerfiles() {
        let text = "ARG V=1\nFROM --platform=linux/amd64 reg.acme.example/cuda:12.1 AS build\nCOPY --chown=1:1 a.pt \\\n  .env /app/\n\
                    ADD [\"b c.pt\", \"/x\"]\nCOPY --from=build /y /z\nUSER trainer\n";
        let infra = facts(dockerfile, text).unwrap();
        assert_eq!(infra.base_image.as_deref(), Some("reg.acme.example/cuda:12.1"));
        assert_eq!(infra.copies, ["a.pt", ".env", "b c.pt"]);
        assert_eq!(infra.user.as_deref(), Some("trainer"));
        assert!(facts(dockerfile, "RUN nothing\n").is_none());
    }

    #[test]
    fn definitions() {
        let text = "Bootstrap: docker\nFrom: reg.acme.example/torch:2.4\n\n%files\n  acme /opt/acme\n  ckpt/final /opt/model\n%files from build\n  x /y\n%post\n  Bootstrap: no\n";
        let infra = facts(apptainer, text).unwrap();
        assert_eq!(infra.bootstrap.as_deref(), Some("docker"));
        assert_eq!(infra.copies, ["acme", "ckpt/final"]);
        assert!(facts(apptainer, "Name: x\n").is_none());
    }
}
