//! What lies beside weights and belongs to them.

use std::collections::BTreeSet;

use super::absorb::fill;
use super::{Draft, is_standard_name};
use crate::model::{Locator, Role, Sighting, Weights};

/// Kinds of file that a training leaves beside weights: state, not a model.
const STATES: [&str; 5] = ["optimizer_state", "scheduler_state", "rng_state", "scaler_state", "training_args"];

/// Kinds of file that a framework wrote and that hold nothing of a model: some object, some number.
const NOTHING: [&str; 3] = ["other", "pickled_object", "tensor"];

/// Whether a file is worth being an asset.
pub(super) fn is_something(file: &&Sighting) -> bool {
    let kind = file.fact.weights().and_then(|weights| weights.kind.as_deref());
    !kind.is_some_and(|kind| NOTHING.contains(&kind))
}

/// Separates tokenizers from models where there is one they can belong to. Alone, a tokenizer is an asset: it holds words
/// of the text it was made from. One of the tokenizers library is then taken out of the companions.
pub(super) fn split_tokenizers<'s>(
    companions: &mut Vec<&'s Sighting>,
    files: Vec<&'s Sighting>,
    has_models: bool,
) -> Vec<&'s Sighting> {
    let (tokenizers, mut rest): (Vec<_>, Vec<_>) = files.into_iter().partition(is_tokenizer);
    let models = rest.len().saturating_add(usize::from(has_models));
    let standard = rest.iter().any(|file| is_standard_name(file.locator.base_name()));
    if models == 1 || (models > 0 && standard) {
        companions.extend(tokenizers);
    } else {
        rest.extend(tokenizers);
    }
    if rest.is_empty() && !has_models {
        let alone = companions.iter().position(|companion| companion.format == "tokenizer-json");
        rest.extend(alone.map(|alone| companions.remove(alone)));
    }
    rest
}

/// The facts of a file that becomes an asset: a companion can be one only as a tokenizer.
pub(super) fn own_weights(primary: &Sighting) -> Weights {
    let mut weights = primary.fact.weights().cloned().unwrap_or_default();
    if primary.role == Role::Companion {
        weights.kind = Some("tokenizer".to_owned());
        weights.parameter_count = Some(0);
    }
    weights
}

fn is_tokenizer(file: &&Sighting) -> bool {
    file.fact.weights().is_some_and(|weights| weights.kind.as_deref() == Some("tokenizer"))
}

/// Separates training state from weights.
pub(super) fn split_states(files: Vec<&Sighting>) -> (Vec<&Sighting>, Vec<&Sighting>) {
    files.into_iter().partition(|file| state_of(file).is_some())
}

/// Whether a directory's states and configurations can be told to be of this model: it is the only one, or the one with
/// the name a framework gives.
fn adopts(draft: &Draft, alone: bool) -> bool {
    alone || is_standard_name(draft.primary.locator.base_name())
}

/// The states that are assets by themselves, since nothing says which model they are of: an optimizer's state holds as
/// much as the weights.
pub(super) fn orphans<'s>(drafts: &[Draft], states: &mut Vec<&'s Sighting>) -> Vec<&'s Sighting> {
    if drafts.iter().any(|draft| adopts(draft, drafts.len() == 1)) {
        return Vec::new();
    }
    let (orphans, rest) = states.drain(..).partition(|state| state_of(state) == Some("optimizer_state"));
    *states = rest;
    orphans
}

fn state_of(file: &Sighting) -> Option<&'static str> {
    let kind = file.fact.weights()?.kind.as_deref()?;
    STATES.into_iter().find(|state| *state == kind)
}

/// Puts companions and states of a directory to the models they describe.
pub(super) fn attach<'s>(
    directory: &Locator,
    drafts: &mut [Draft<'s>],
    companions: &[&'s Sighting],
    states: &[&'s Sighting],
    code: &BTreeSet<&Locator>,
) {
    let alone = drafts.len() == 1;
    for draft in drafts.iter_mut() {
        if !adopts(draft, alone) {
            continue;
        }
        let is_adapter = draft.primary.locator.base_name().starts_with(b"adapter_");
        for companion in companions {
            if is_for_adapters(companion) != is_adapter && !(is_for_adapters(companion) && alone) {
                // An adapter's configuration says nothing of the whole model beside it, and the other way round.
                if is_for_adapters(companion) || companion.format == "hf-config" {
                    continue;
                }
            }
            draft.others.push(companion);
            if let Some(weights) = companion.fact.weights() {
                take(&mut draft.weights, companion, weights);
            }
            if is_for_adapters(companion) {
                "peft-adapter".clone_into(&mut draft.format);
            }
        }
        for state in states {
            draft.others.push(state);
            take_state(&mut draft.weights, state);
        }
        if draft.format == "peft-adapter" {
            draft.weights.kind = Some("adapter".to_owned());
        }
        own_code(directory, draft, code);
        draft.others.sort_by(|a, b| a.locator.cmp(&b.locator));
    }
}

fn is_for_adapters(companion: &Sighting) -> bool {
    companion.format == "peft-config"
}

pub(super) fn take(model: &mut Weights, companion: &Sighting, weights: &Weights) {
    match companion.format.as_str() {
        "tokenizer-json" | "tokenizer-config" => {
            model.has_tokenizer = Some(true);
            // A configuration states the rows of the embedding, which are padded; the tokenizer counts its entries.
            model.vocab_size = weights.vocab_size.or(model.vocab_size);
        }
        "sentencepiece" | "tiktoken" => model.has_tokenizer = Some(true),
        "hf-config" => {
            fill(model, weights);
            model.shards = model.shards.or(Some(1));
        }
        "trainer-state" => {
            fill(model, weights);
            model.kind = Some("training_checkpoint".to_owned());
        }
        _ => fill(model, weights),
    }
}

fn take_state(model: &mut Weights, state: &Sighting) {
    let Some(weights) = state.fact.weights() else { return };
    model.kind = Some("training_checkpoint".to_owned());
    match state_of(state) {
        Some("optimizer_state") => {
            model.has_optimizer = Some(true);
            model.state_elements = model.state_elements.or(weights.state_elements);
            model.optimizer_params = model.optimizer_params.or(weights.optimizer_params);
        }
        Some("training_args") if model.args.is_empty() => model.args.clone_from(&weights.args),
        _ => {}
    }
}

/// The source files that a configuration's `auto_map` names and that lie beside it.
fn own_code(directory: &Locator, draft: &mut Draft, code: &BTreeSet<&Locator>) {
    if draft.weights.auto_map.is_empty() {
        // What the file itself names stands.
        return;
    }
    let modules: BTreeSet<String> = draft
        .weights
        .auto_map
        .values()
        // `org/repo--module.Class` where the code is taken from another repository.
        .filter_map(|target| target.rsplit("--").next()?.rsplit_once('.').map(|(module, _)| module))
        .map(|module| format!("{}.py", module.replace('.', "/")))
        .filter(|file| code.contains(&directory.child(file.as_bytes())))
        .collect();
    draft.weights.custom_code = modules.into_iter().collect();
}
