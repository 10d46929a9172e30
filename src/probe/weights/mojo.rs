//! MOJO: a zip archive in which H2O exports a model for scoring: `model.ini`, the names of categories, the trees.
//!
//! Follows `ModelMojoWriter` and `ModelMojoReader` of H2O 3.46. Only `model.ini` is read: `key = value` lines of `[info]`,
//! then the columns, a line each.

use super::super::{Finding, Input, ProbeError, kit};
use crate::archive::zip::{Directory, ZipError};
use crate::model::{Fact, Weights, publishable};

const DESCRIPTION: &[u8] = b"model.ini";
const MAX_DESCRIPTION: u64 = 16 << 20;
const MAX_NAMES: usize = 10_000;

/// Reads the description.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let directory = Directory::read(input.blob).map_err(|error| match error {
        ZipError::NoDirectory => ProbeError::NotMine,
        other => other.into(),
    })?;
    let member = directory.get(DESCRIPTION).ok_or(ProbeError::NotMine)?;
    let text = directory.content(input.blob, member, MAX_DESCRIPTION);
    let text = text.map_err(|error| kit::of_member(error, "its description"))?;
    let text = String::from_utf8_lossy(&text);
    let mut weights =
        Weights { producer: Some("h2o".to_owned()), container: Some("zip".to_owned()), ..Weights::default() };
    let (mut section, mut is_supervised, mut is_mojo) = ("", false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') && line.ends_with(']') {
            section = line;
        } else if section == "[columns]" && !line.is_empty() && weights.feature_names.len() < MAX_NAMES {
            weights.feature_names.push(publishable("", line));
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| section == "[info]") {
            is_mojo |= key == "mojo_version" || key == "h2o_version";
            is_supervised |= key == "supervised" && value == "true";
            setting(key, value, &mut weights);
        }
    }
    if !is_mojo {
        return Err(ProbeError::NotMine);
    }
    // The last column is what a supervised model says.
    let count = weights.n_features.and_then(|count| usize::try_from(count).ok());
    if let Some(count) = count.filter(|_| is_supervised) {
        weights.feature_names.truncate(count);
    }
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    finding.identities.push(directory.identity());
    Ok(finding)
}

fn setting(key: &str, value: &str, weights: &mut Weights) {
    match key {
        "h2o_version" => weights.framework_version = Some(publishable("", value)),
        "algorithm" => weights.architecture = Some(publishable("", value)),
        "algo" => weights.architecture = weights.architecture.take().or_else(|| Some(publishable("", value))),
        "n_features" => weights.n_features = value.parse().ok(),
        "n_trees" => weights.num_trees = value.parse().ok(),
        "category" => weights.objective = Some(publishable("", value)),
        "uuid" | "mojo_version" | "timestamp" => {
            weights.metadata.insert(key.to_owned(), publishable("", value));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const WHOLE: &[u8] = include_bytes!("../../../fixtures/weights/h2o-mojo/gbm/input.zip");

    #[test]
    fn cut_and_bent_archives_are_no_panic() {
        let run = |bytes: &[u8]| probe(&Input::new(&Memory::new(bytes), bytes.get(..64).unwrap_or(bytes)));
        assert!(run(WHOLE).is_ok());
        for size in 0..WHOLE.len() {
            assert!(run(&WHOLE[..size]).is_err(), "{size}");
        }
        for at in 0..WHOLE.len() {
            let mut bent = WHOLE.to_vec();
            bent[at] ^= 0x21;
            let _ = run(&bent);
        }
    }
}
