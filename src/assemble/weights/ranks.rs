//! Checkpoints that the ranks of a training wrote together: DeepSpeed, Megatron, FSDP. Every rank has a file of its own,
//! in one directory or in a directory a rank; together they are one checkpoint.
//!
//! Follows `engine.py` of DeepSpeed 0.18 (`global_step<N>/mp_rank_<R>_model_states.pt` and
//! `…zero_pp_rank_<D>_mp_rank_<R>_optim_states.pt`), `checkpointing.py` of Megatron-LM
//! (`iter_<N>/mp_rank_<T>[_<P>]/model_optim_rng.pt`, `distrib_optim.pt`) and what accelerate names the directories of an
//! FSDP checkpoint. Names decide here, since the files alone do not say that they belong together; each was recognised
//! by its structure before.

use std::collections::{BTreeMap, BTreeSet};

use super::absorb::add_shard;
use super::{Group, directory_name, impact};
use crate::model::{Evidence, Fact, Locator, Sighting, Weights};

/// What a file or directory of a rank is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Writer {
    DeepSpeed,
    Megatron,
    Fsdp,
}

/// The place of a checkpoint, who wrote it, and the part of it a file holds.
struct Place {
    directory: Locator,
    writer: Writer,
    /// What is the same in all replicas of one part of the model: the rank within it.
    model_rank: Option<String>,
    /// The data-parallel rank, where a file is of one.
    rank: String,
}

/// Puts the files of all ranks of a checkpoint together.
pub(super) fn join(groups: Vec<Group<'_>>) -> Vec<Group<'_>> {
    let mut rest = Vec::new();
    let mut checkpoints: BTreeMap<(Locator, Writer), Vec<(Place, Group)>> = BTreeMap::new();
    for group in groups {
        match place(&group.primary.locator, &group.draft.format) {
            Some(place) => {
                checkpoints.entry((place.directory.clone(), place.writer)).or_default().push((place, group));
            }
            None => rest.push(group),
        }
    }
    for ((directory, writer), parts) in checkpoints {
        rest.extend(together(&directory, writer, parts));
    }
    rest
}

/// Whether a file is named as a rank's part of a checkpoint: then what it holds is not for its neighbours.
pub(super) fn is_part(file: &Sighting) -> bool {
    place(&file.locator, &file.format).is_some()
}

fn place(locator: &Locator, format: &str) -> Option<Place> {
    let own = locator.parent();
    let name = std::str::from_utf8(locator.base_name()).ok()?;
    let folder = own.base_name().to_vec();
    let folder = std::str::from_utf8(&folder).ok()?;
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&["_model_states.pt", "_optim_states.pt"]) && name.contains("mp_rank_") {
        let is_model = name.ends_with("_model_states.pt");
        let model_rank = number_behind(name, "mp_rank_")?;
        let rank = number_behind(name, "zero_pp_rank_").unwrap_or_default();
        return Some(Place {
            directory: own,
            writer: Writer::DeepSpeed,
            // A stage-3 rank writes a model file too, which holds the shapes of all: one of them counts.
            model_rank: is_model.then(|| model_rank.clone()),
            rank: format!("{model_rank}/{rank}"),
        });
    }
    if folder.starts_with("mp_rank_") {
        let is_model = name.starts_with("model_optim_rng") || name.starts_with("model_rng");
        return Some(Place {
            directory: own.parent(),
            writer: Writer::Megatron,
            model_rank: is_model.then(|| folder.to_owned()),
            rank: folder.to_owned(),
        });
    }
    let fsdp = folder.starts_with("pytorch_model_fsdp") || folder.starts_with("optimizer_");
    if format == "torch-dcp" && fsdp {
        let is_model = folder.starts_with("pytorch_model_fsdp");
        return Some(Place {
            directory: own.parent(),
            writer: Writer::Fsdp,
            model_rank: is_model.then(|| folder.to_owned()),
            rank: String::new(),
        });
    }
    None
}

/// The digits behind a word.
fn number_behind(name: &str, word: &str) -> Option<String> {
    let (_, behind) = name.split_once(word)?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

/// The checkpoint of all parts. A part alone stays what it is.
fn together<'s>(directory: &Locator, writer: Writer, mut parts: Vec<(Place, Group<'s>)>) -> Vec<Group<'s>> {
    if parts.len() == 1 {
        return parts.into_iter().map(|(_, group)| group).collect();
    }
    // The model first: a part that holds one stands for the checkpoint.
    parts.sort_by(|(a, x), (b, y)| {
        (a.model_rank.is_none(), &x.primary.locator).cmp(&(b.model_rank.is_none(), &y.primary.locator))
    });
    let mut ranks: BTreeSet<String> = parts.iter().map(|(place, _)| place.rank.clone()).collect();
    // Of DeepSpeed's files those of the model name no data-parallel rank.
    if ranks.iter().any(|rank| !rank.ends_with('/')) {
        ranks.retain(|rank| !rank.ends_with('/'));
    }
    let mut counted: BTreeSet<String> = BTreeSet::new();
    let mut weights = Weights::default();
    let mut optimizer = false;
    let mut whole: Option<Group> = None;
    for (place, group) in parts {
        if let Some(of_part) = group.draft.fact.weights() {
            optimizer |= of_part.has_optimizer == Some(true) || of_part.kind.as_deref() == Some("optimizer_state");
            match place.model_rank {
                Some(rank) if counted.insert(rank.clone()) => add_shard(&mut weights, of_part),
                Some(_) => {}
                None => {
                    let state = weights.state_elements.unwrap_or(0).saturating_add(of_part.state_elements.unwrap_or(0));
                    weights.state_elements = Some(state).filter(|&state| state > 0);
                }
            }
        }
        match &mut whole {
            None => whole = Some(group),
            Some(whole) => {
                whole.others.push(group.primary);
                whole.others.extend(group.others);
            }
        }
    }
    let Some(mut whole) = whole else { return Vec::new() };
    weights.world_size = Some(ranks.len() as u64).filter(|_| writer != Writer::Fsdp).or(weights.world_size);
    weights.has_optimizer = optimizer.then_some(true).or(weights.has_optimizer);
    if optimizer {
        weights.kind = Some("training_checkpoint".to_owned());
    }
    weights.global_step = weights.global_step.or_else(|| step(directory));
    let (format, title) = match writer {
        Writer::DeepSpeed => ("deepspeed-zero", "DeepSpeed"),
        Writer::Megatron => ("megatron", "Megatron"),
        Writer::Fsdp => ("torch-dcp", "FSDP"),
    };
    format.clone_into(&mut whole.draft.format);
    let why =
        format!("named like the parts of one {title} checkpoint, of {} files", whole.others.len().saturating_add(1));
    whole.draft.evidence.push(Evidence { signature: "ranks".to_owned(), why });
    whole.others.sort_by(|a, b| a.locator.cmp(&b.locator));
    if let Some(name) = directory_name(directory) {
        whole.draft.name = name;
    }
    if optimizer {
        whole.draft.origin = Some(crate::model::Origin::Proprietary);
    }
    whole.draft.fact = Fact::Weights(Box::new(weights));
    whole.draft.impact = impact::of(&whole.draft);
    vec![whole]
}

/// The step in a directory's name: `global_step200`, `iter_0000200`, `checkpoint-200`.
pub(super) fn step(directory: &Locator) -> Option<u64> {
    const WORDS: [&str; 6] = ["global_step", "iter", "step", "steps", "checkpoint", "ckpt"];
    let name = std::str::from_utf8(directory.base_name()).ok()?;
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let word = name.strip_suffix(digits)?.trim_end_matches(['_', '-', '=']);
    digits.parse().ok().filter(|_| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_steps_are_read_from_names() {
        let name = "bf16_zero_pp_rank_3_mp_rank_01_optim_states.pt";
        assert_eq!(number_behind(name, "zero_pp_rank_").as_deref(), Some("3"));
        assert_eq!(number_behind(name, "mp_rank_").as_deref(), Some("01"));
        assert_eq!(number_behind("model.pt", "mp_rank_"), None);
        for (name, want) in
            [("x/global_step200", Some(200)), ("iter_0000040", Some(40)), ("200", None), ("x", None), ("v2", None)]
        {
            assert_eq!(step(&Locator::path(0, name.as_bytes())), want, "{name}");
        }
    }
}
