//! Files without a structure, and the file beside each that says what its bytes mean: a list of tokens with its
//! description, an index with its data, genotypes with their samples and variants.

use std::collections::BTreeMap;

use super::{Group, Made, finish};
use crate::model::{Locator, Role, Sighting};

/// Descriptions of a file of tokens: they are nothing without one.
const DESCRIPTIONS: [&str; 1] = ["raw-tokens"];
/// Indexes whose data lie beside them, under the same stem.
const INDEXES: [&str; 1] = ["megatron-indexed"];
/// Genotypes whose samples and variants lie beside them, under the same stem.
const GENOTYPES: [&str; 3] = ["plink", "plink2", "plink-text"];
const SAMPLES: &str = "plink-samples";
const VARIANTS: &str = "plink-variants";

/// The datasets that take one of the `raw` files, and everything else.
pub(super) fn split<'s>(sightings: Vec<&'s Sighting>, raw: &[&'s Sighting]) -> (Vec<Group<'s>>, Vec<&'s Sighting>) {
    let mut groups = Vec::new();
    let mut rest = Vec::new();
    let (beside, sightings): (Vec<&Sighting>, Vec<&Sighting>) =
        sightings.into_iter().partition(|sighting| [SAMPLES, VARIANTS].contains(&sighting.format.as_str()));
    let mut by_stem: BTreeMap<(Locator, &[u8]), Vec<&Sighting>> = BTreeMap::new();
    for file in &beside {
        by_stem.entry((file.locator.parent(), unpacked(file.locator.base_name()))).or_default().push(file);
    }
    for sighting in sightings {
        let format = sighting.format.as_str();
        if GENOTYPES.contains(&format) {
            let key = (sighting.locator.parent(), unpacked(sighting.locator.base_name()));
            groups.push(genotypes(sighting, by_stem.remove(&key).unwrap_or_default()));
        } else if DESCRIPTIONS.contains(&format) {
            groups.extend(described(sighting, raw));
        } else if INDEXES.contains(&format) {
            groups.push(indexed(sighting, raw));
        } else {
            rest.push(sighting);
        }
    }
    (groups, rest)
}

/// The file of tokens of the same stem, or every one beside it where the description has no stem.
fn described<'s>(description: &'s Sighting, raw: &[&'s Sighting]) -> Vec<Group<'s>> {
    let Some(dataset) = description.fact.dataset() else { return Vec::new() };
    let Some((dtype, count)) = dataset.dtypes.iter().next() else { return Vec::new() };
    let width = width(dtype);
    let directory = description.locator.parent();
    let own = stem(description.locator.base_name());
    let beside = raw.iter().filter(|file| file.role == Role::Companion && file.locator.parent() == directory);
    let mut groups = Vec::new();
    for file in beside {
        let of_stem = stem(file.locator.base_name()) == own;
        let is_set =
            own.is_empty() && [&b"train"[..], b"val", b"test", b"valid"].contains(&stem(file.locator.base_name()));
        let elements = file.size.checked_div(width).unwrap_or(0);
        let fits = file.size > 0 && file.size.checked_rem(width) == Some(0) && (*count == 0 || *count == elements);
        if !(of_stem || is_set) || !fits {
            continue;
        }
        let mut facts = dataset.clone();
        facts.dtypes = [(dtype.clone(), elements)].into();
        facts.element_count = Some(elements);
        facts.token_count = Some(elements);
        facts.described_by = Some(crate::model::escape_name(description.locator.base_name()));
        groups.push(finish(Made {
            primary: file,
            others: vec![description],
            format: description.format.clone(),
            name: None,
            dataset: facts,
            because: "the file beside it says the type of its elements".to_owned(),
        }));
    }
    groups
}

/// Genotypes with the lists of their samples and variants.
fn genotypes<'s>(primary: &'s Sighting, beside: Vec<&'s Sighting>) -> Group<'s> {
    let mut dataset = primary.fact.dataset().cloned().unwrap_or_default();
    let of = |format: &str| beside.iter().find(|file| file.format == format).and_then(|file| file.fact.dataset());
    if let Some(samples) = of(SAMPLES) {
        dataset.sample_count = samples.sample_count;
        dataset.table.distinct_subjects = samples.table.distinct_subjects;
        dataset.table.subject_kind = samples.table.subject_kind;
        dataset.table.sketch.clone_from(&samples.table.sketch);
    }
    if let Some(variants) = of(VARIANTS) {
        dataset.table.row_count = variants.table.row_count;
    }
    let because = format!("genotypes, and {} files of the same stem that say of whom and of what", beside.len());
    finish(Made { primary, others: beside, format: primary.format.clone(), name: None, dataset, because })
}

/// The name without its endings: that of a compression, too.
fn unpacked(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b".zst").or(name.strip_suffix(b".gz")).unwrap_or(name);
    without_ending(name)
}

/// An index with the data it lies beside.
fn indexed<'s>(index: &'s Sighting, raw: &[&'s Sighting]) -> Group<'s> {
    // Corpora are called `wiki.en_document`, `wiki.de_document`: the last dot alone begins an ending.
    let own = without_ending(index.locator.base_name());
    let is_data = |file: &&&Sighting| {
        file.locator.parent() == index.locator.parent() && without_ending(file.locator.base_name()) == own
    };
    let data = raw.iter().find(is_data).copied();
    let mut dataset = index.fact.dataset().cloned().unwrap_or_default();
    let because = match data {
        Some(_) => "the index of the data of the same name",
        None => {
            dataset.absent_shards = Some(1);
            "an index whose data are not here"
        }
    };
    finish(Made {
        primary: index,
        others: data.into_iter().collect(),
        format: index.format.clone(),
        name: None,
        dataset,
        because: because.to_owned(),
    })
}

/// Bytes of an element of that type.
fn width(dtype: &str) -> u64 {
    match dtype {
        "int8" | "uint8" => 1,
        "int16" | "uint16" => 2,
        "int64" | "uint64" | "float64" => 8,
        _ => 4,
    }
}

/// The name without its last ending.
fn without_ending(name: &[u8]) -> &[u8] {
    name.rsplitn(2, |&byte| byte == b'.').last().unwrap_or(name)
}

/// The name without endings, and without the word that makes it a description.
fn stem(name: &[u8]) -> &[u8] {
    let end = name.iter().position(|&byte| byte == b'.').unwrap_or(name.len());
    let stem = name.get(..end).unwrap_or(name);
    let words: [&[u8]; 5] = [b"metadata", b"meta", b"config", b"info", b"dtype"];
    words
        .iter()
        .find_map(|word| stem.strip_suffix(*word))
        .map_or(stem, |stem| stem.strip_suffix(b"_").or(stem.strip_suffix(b"-")).unwrap_or(stem))
}
