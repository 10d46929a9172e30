//! `.nemo`: a tar archive, compressed or not, of a model of NeMo: `model_config.yaml`, its weights and its artefacts.
//!
//! Follows `nemo/core/connectors/save_restore_connector.py` of NeMo 2 and 3, and what NeMo 1 wrote: weights are a PyTorch
//! file `model_weights.ckpt`, one a rank where the model was split, or a directory `model_weights` that is a distributed
//! checkpoint of Megatron, whose arrays lie in `.distcp` files or in zarr. Headers of members are walked, the
//! configuration and what describes the weights are read where they lie; nothing is unpacked. Members are looked at by
//! the scan too, and belong to the model.

use super::super::{Finding, Input, ProbeError};
use super::{orbax, torch_dcp, torch_legacy, torch_zip, yaml};
use crate::archive::tar::{self, Blocks, Feed, Kind, TarError};
use crate::blob::{Blob, Cursor, Part, ReadError, read_full, read_vec};
use crate::model::{Cause, Fact, Weights, publishable};

const CONFIG: &[u8] = b"model_config.yaml";
const WEIGHTS: &[u8] = b"model_weights.ckpt";
const DIRECTORY: &[u8] = b"model_weights/";
/// Most members that are listed: an array a parameter has a file a chunk.
const MAX_MEMBERS: usize = 200_000;
/// Longest name that is kept.
const MAX_NAME: usize = 1024;
const MAX_CONFIG: u64 = 4 << 20;
/// Longest description of an array.
const MAX_ARRAY: u64 = 64 << 10;
const MAX_PATHS: usize = 200;
/// Bytes of a member that its own parser is shown first.
const HEAD: usize = 4096;
/// Settings that name files of the training data, and the models it began from.
const DATA_KEYS: [&str; 9] = [
    "manifest_filepath",
    "tarred_audio_filepaths",
    "data_prefix",
    "data_path",
    "dataset_path",
    "file_path",
    "file_names",
    "text_file",
    "input_file",
];
const BASE_KEYS: [&str; 4] =
    ["init_from_nemo_model", "init_from_pretrained_model", "restore_from_path", "init_from_ptl_ckpt"];
/// Artefacts that are a tokenizer.
const TOKENIZERS: [&[u8]; 5] = [b"tokenizer.model", b"tokenizer.json", b"vocab.txt", b"tokenizer.vocab", b"merges.txt"];

/// Where a member lies.
struct Place {
    name: Vec<u8>,
    at: u64,
    size: u64,
}

/// Reads the headers, the configuration and what describes the weights.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    if !tar::is_header(input.head.get(..512).unwrap_or_default()) {
        return Err(ProbeError::NotMine);
    }
    // Of a compressed one only the beginning is at hand, and the weights may lie anywhere.
    match Cursor::new(input.blob, input.blob.size()).u8() {
        Err(ReadError::Ended { .. }) | Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let (members, cut) = members(input.blob)?;
    let is_weights = |place: &&Place| base(&place.name) == WEIGHTS || place.name.starts_with(DIRECTORY);
    let config = members.iter().find(|place| base(&place.name) == CONFIG);
    let has_weights = members.iter().any(|place| is_weights(&place));
    if !has_weights || (config.is_none() && !cut) {
        return Err(ProbeError::NotMine);
    }
    let mut finding = Finding::new(Fact::Weights(Box::default()));
    let mut weights = tensors(input.blob, &members, &mut finding)?;
    weights.container = Some("tar".to_owned());
    weights.producer = Some("NeMo".to_owned());
    if let Some(place) = config {
        match read_vec(input.blob, place.at, place.size, MAX_CONFIG) {
            Ok(text) => settings(&String::from_utf8_lossy(&text), &mut weights),
            Err(error) => finding.notes.push(crate::probe::kit::note(error.into())?),
        }
    }
    // Artefacts are named after the digest of what they were: `4d0f…_tokenizer.model`.
    let is_tokenizer = |place: &Place| TOKENIZERS.iter().any(|name| base(&place.name).ends_with(name));
    weights.has_tokenizer = members.iter().any(is_tokenizer).then_some(true);
    if cut {
        finding.notes.push((Cause::Truncated, "its archive ends before its members do".to_owned()));
    }
    finding.fact = Fact::Weights(Box::new(weights));
    finding.descend = true;
    Ok(finding)
}

fn base(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b'/').next().unwrap_or(name)
}

/// Files of the archive, names without `./`, and whether it ends too early.
fn members(blob: &dyn Blob) -> Result<(Vec<Place>, bool), ProbeError> {
    let mut blocks = Blocks(Cursor::new(blob, 0));
    let mut found = Vec::new();
    while found.len() < MAX_MEMBERS {
        let member = match tar::next(&mut blocks) {
            Ok(Some(member)) => member,
            Ok(None) => return Ok((found, false)),
            Err(TarError::NotHeader | TarError::Malformed(_) | TarError::Read(ReadError::Ended { .. })) => {
                return Ok((found, true));
            }
            Err(TarError::Read(error)) => return Err(error.into()),
        };
        let at = blocks.0.position();
        let is_cut = member.size > blocks.0.remaining();
        if member.kind == Kind::File && member.name.len() <= MAX_NAME {
            let name = member.name.strip_prefix(b"./").unwrap_or(&member.name).to_vec();
            found.push(Place { name, at, size: member.size });
        }
        if is_cut {
            return Ok((found, true));
        }
        blocks.skip(member.size.saturating_add(tar::padding(member.size)))?;
    }
    Ok((found, true))
}

/// What the weights say, whichever way they are kept.
fn tensors(blob: &dyn Blob, members: &[Place], finding: &mut Finding) -> Result<Weights, ProbeError> {
    let mut sum = Weights::default();
    let mut ranks = 0u64;
    for place in members.iter().filter(|place| base(&place.name) == WEIGHTS) {
        ranks = ranks.saturating_add(1);
        take(torch(&part(blob, place)), &mut sum, finding)?;
    }
    if ranks > 0 {
        sum.world_size = Some(ranks).filter(|&ranks| ranks > 1);
        return Ok(sum);
    }
    let described = members.iter().find(|place| place.name.starts_with(DIRECTORY) && base(&place.name) == b".metadata");
    if let Some(place) = described {
        let part = part(blob, place);
        take(torch_dcp::probe(&Input::new(&part, &head(&part))), &mut sum, finding)?;
        return Ok(sum);
    }
    let arrays = members.iter().filter(|place| base(&place.name) == b".zarray" && place.size <= MAX_ARRAY);
    let mut entries = Vec::new();
    for place in arrays {
        let name = place.name.strip_prefix(DIRECTORY).unwrap_or(&place.name).to_vec();
        // One after the other, each of a few hundred bytes: names and descriptions stay, values are not read.
        entries.push((name, read_vec(blob, place.at, place.size, MAX_ARRAY)?));
    }
    orbax::sum(&entries, &mut sum)?;
    Ok(sum)
}

fn part<'a>(blob: &'a dyn Blob, place: &Place) -> Part<'a> {
    Part::new(blob, place.at, place.size.min(blob.size().saturating_sub(place.at)))
}

fn head(blob: &dyn Blob) -> Vec<u8> {
    let mut head = vec![0; HEAD];
    let got = read_full(blob, &mut head, 0).unwrap_or(0);
    head.truncate(got);
    head
}

fn torch(part: &Part) -> Result<Finding, ProbeError> {
    match torch_zip::archive(part) {
        Err(ProbeError::NotMine) => torch_legacy::probe(&Input::new(part, &head(part))),
        other => other,
    }
}

/// Adds what a part of the weights says; what is wrong with it becomes a note.
fn take(read: Result<Finding, ProbeError>, sum: &mut Weights, finding: &mut Finding) -> Result<(), ProbeError> {
    let of_part = match read {
        Ok(of_part) => of_part,
        Err(ProbeError::NotMine) => {
            finding.notes.push((Cause::Malformed, "its weights are none of PyTorch's".to_owned()));
            return Ok(());
        }
        Err(error) => {
            finding.notes.push(crate::probe::kit::note(error)?);
            return Ok(());
        }
    };
    finding.notes.extend(of_part.notes);
    let Fact::Weights(weights) = of_part.fact else { return Ok(()) };
    if sum.parameter_count.is_none() {
        *sum = *weights;
        return Ok(());
    }
    let add = |a: Option<u64>, b: Option<u64>| a.map(|a| a.saturating_add(b.unwrap_or(0)));
    sum.parameter_count = add(sum.parameter_count, weights.parameter_count);
    sum.tensor_count = add(sum.tensor_count, weights.tensor_count);
    for (dtype, elements) in weights.dtypes {
        let of_type = sum.dtypes.entry(dtype).or_default();
        *of_type = of_type.saturating_add(elements);
    }
    sum.structure = None;
    Ok(())
}

/// The class, the version, the data and the model it began from.
fn settings(text: &str, weights: &mut Weights) {
    let mut list = "";
    for line in yaml::lines(text) {
        if line.key.is_empty() {
            if DATA_KEYS.contains(&list) {
                add_path(list, line.value, weights);
            }
            continue;
        }
        list = line.key;
        match line.key {
            "target" if line.indent == 0 => {
                let class = line.value.rsplit('.').next().unwrap_or_default();
                weights.architecture = Some(publishable("", class)).filter(|class| !class.is_empty());
            }
            "nemo_version" if line.indent == 0 && !line.value.is_empty() => {
                weights.framework_version = Some(publishable("", line.value));
            }
            "name" if line.indent == 0 && !line.value.is_empty() => {
                weights.name = Some(publishable("name", line.value));
            }
            key if BASE_KEYS.contains(&key) && !line.value.is_empty() && weights.base_model.is_none() => {
                weights.base_model = Some(publishable(key, line.value));
            }
            key if DATA_KEYS.contains(&key) => add_path(key, line.value, weights),
            _ => {}
        }
    }
}

fn add_path(key: &str, value: &str, weights: &mut Weights) {
    for path in value.trim_matches(['[', ']']).split(',').map(|path| path.trim().trim_matches(['\'', '"'])) {
        let kept = publishable(key, path);
        if path.contains('/') && weights.paths.len() < MAX_PATHS && !weights.paths.contains(&kept) {
            weights.paths.push(kept);
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "sizes of a few forged bytes")]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const WHOLE: &[u8] = include_bytes!("../../../fixtures/weights/nemo/asr/input.nemo");

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), &bytes[..bytes.len().min(4096)]))
    }

    #[test]
    fn other_archives_are_left() {
        assert!(matches!(run(b"model_config.yaml"), Err(ProbeError::NotMine)));
        let empty = [&WHOLE[..512], &[0; 1024]].concat();
        assert!(matches!(run(&empty), Err(ProbeError::NotMine)));
    }

    #[test]
    fn cut_and_bent_archives_are_no_panic() {
        for size in (0..WHOLE.len()).step_by(61) {
            if let Ok(finding) = run(&WHOLE[..size]) {
                assert!(size > WHOLE.len() - 10_240 || !finding.notes.is_empty(), "{size}");
            }
        }
        for at in (0..WHOLE.len()).step_by(7) {
            let mut bent = WHOLE.to_vec();
            bent[at] ^= 0x41;
            let _ = run(&bent);
        }
    }
}
