//! How far a training came: the epoch and step that a checkpoint keeps beside its weights.

use super::super::pickle::{Id, Node, Tree};
use super::checkpoint::{Row, find, is_aside};
use super::parts;
use super::tensor::whole_number;

/// Most rows of a dictionary that is looked into for counters.
const MAX_SMALL: usize = 64;
const EPOCH_KEYS: [&str; 6] = ["epoch", "current_epoch", "cur_epoch", "epochs", "epoch_idx", "last_epoch"];
const STEP_KEYS: [&str; 10] = [
    "global_step",
    "global_steps",
    "step",
    "steps",
    "iteration",
    "iter",
    "iter_num",
    "num_updates",
    "current_step",
    "n_iter",
];
/// Totals of a plan and counters of a scheduler, where they are not in the root.
const ROOT_ONLY: [&str; 3] = ["epochs", "steps", "last_epoch"];

/// The epoch.
pub(super) fn epoch(tree: &Tree, rows: &[Row]) -> Option<u64> {
    counter(tree, rows, &EPOCH_KEYS).or_else(|| fairseq_epoch(tree, rows)).or_else(|| below(tree, rows, &EPOCH_KEYS))
}

/// The step.
pub(super) fn step(tree: &Tree, rows: &[Row]) -> Option<u64> {
    counter(tree, rows, &STEP_KEYS).or_else(|| fairseq_updates(tree, rows)).or_else(|| below(tree, rows, &STEP_KEYS))
}

/// The first of the keys that holds a number, in whatever case.
fn counter(tree: &Tree, rows: &[Row], keys: &[&str]) -> Option<u64> {
    keys.iter().find_map(|key| {
        let mut named = rows.iter().filter(|(other, _)| other.eq_ignore_ascii_case(key));
        named.find_map(|&(_, id)| whole_number(tree, id))
    })
}

/// The same in the small dictionaries of the root: `meta`, `trainer`, `info`.
fn below(tree: &Tree, rows: &[Row], keys: &[&str]) -> Option<u64> {
    rows.iter().take(MAX_SMALL).filter(|(key, _)| !is_aside(key)).find_map(|&(_, id)| {
        let entries = tree.entries(id).filter(|entries| entries.len() <= MAX_SMALL)?;
        keys.iter().filter(|key| !ROOT_ONLY.contains(key)).find_map(|key| {
            let named = |entry: &&(Id, Id)| tree.text(entry.0).is_some_and(|name| name.eq_ignore_ascii_case(key));
            whole_number(tree, entries.iter().find(named)?.1)
        })
    })
}

/// fairseq keeps the epoch with its iterator.
fn fairseq_epoch(tree: &Tree, rows: &[Row]) -> Option<u64> {
    let extra = find(rows, &["extra_state"])?;
    let iterator = parts::field(tree, extra, "train_iterator").unwrap_or(extra);
    whole_number(tree, parts::field(tree, iterator, "epoch")?)
}

/// fairseq keeps the number of updates with each optimizer it used.
fn fairseq_updates(tree: &Tree, rows: &[Row]) -> Option<u64> {
    let history = find(rows, &["optimizer_history"])?;
    let Node::List(history) = tree.node(history) else { return None };
    whole_number(tree, parts::field(tree, *history.last()?, "num_updates")?)
}
