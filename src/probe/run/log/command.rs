//! Command lines in logs: what a launcher was given.

use crate::model::{Run, publishable};
use crate::probe::run::{paths, settings};

/// Longest command that is looked at.
const MAX_COMMAND: usize = 16 << 10;
/// Programs that start a training; what stands in front of them places it on machines.
const PROGRAMS: [&str; 13] = [
    "torchrun",
    "accelerate",
    "deepspeed",
    "composer",
    "horovodrun",
    "python",
    "python2",
    "python3",
    "Rscript",
    "julia",
    "lightning",
    "fairseq-train",
    "axolotl",
];
/// What only places a program on machines or into a container.
const PLACERS: [&str; 10] =
    ["srun", "mpirun", "mpiexec", "jsrun", "aprun", "singularity", "apptainer", "time", "nohup", "exec"];

/// The command of a line, if it is one: what `set -x` echoes, or what is announced as one.
pub(super) fn of(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.len() > MAX_COMMAND {
        return None;
    }
    let echoed = line.trim_start_matches('+');
    let is_echoed = echoed.len() < line.len() && echoed.starts_with(' ');
    let announced = ["command:", "cmd:", "running:", "executing:", "running command:", "launching:", "launch command:"];
    let behind = announced.iter().find_map(|word| {
        let (front, rest) = line.split_at_checked(word.len())?;
        front.eq_ignore_ascii_case(word).then_some(rest)
    });
    let command = match behind {
        Some(rest) => rest.trim(),
        None if is_echoed => echoed.trim(),
        // A launcher by itself, with an option behind: prose has none.
        None if line.split(' ').next().is_some_and(|first| PLACERS.contains(&first) || PROGRAMS.contains(&first)) => {
            line
        }
        None => return None,
    };
    let words = words(command);
    let first = name_of(words.first()?.1);
    if !(PROGRAMS.contains(&first) || PLACERS.contains(&first)) {
        return None;
    }
    let at = words.iter().position(|(_, word)| PROGRAMS.contains(&name_of(word)))?;
    let is_argument = |word: &str| word.starts_with('-') || word.ends_with(".py") || word.ends_with(".R");
    let is_call = words.iter().skip(at).any(|(_, word)| is_argument(word));
    let (from, _) = words.get(at)?;
    is_call.then(|| command.get(*from..)).flatten()
}

/// The words of a text, each with where it begins.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0usize;
    let mut words = Vec::new();
    for word in text.split(' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at = at.saturating_add(word.len()).saturating_add(1);
    }
    words
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Puts the command of a run, and what it names, where it belongs.
pub(super) fn fill(run: &mut Run, command: &str) {
    if run.command.is_none() {
        run.command = settings::command(command.split_whitespace());
        run.program = program(command);
    }
    paths::fill_arguments(run, command.split_whitespace());
    if run.world_size.is_none() {
        let number = |names: &[&str]| option(command, names).and_then(|text| text.parse::<u64>().ok());
        let nodes = number(&["nnodes", "num_machines", "num_nodes"]);
        let each = number(&["nproc_per_node", "nproc-per-node", "num_gpus"]);
        run.world_size = match (nodes, each) {
            (Some(nodes), Some(each)) => nodes.checked_mul(each),
            (None, Some(each)) => Some(each),
            _ => number(&["num_processes"]),
        };
    }
}

/// The script that was run.
fn program(command: &str) -> Option<String> {
    let mut words = command.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word == "-m" {
            return words.next().map(|module| publishable("program", module));
        }
        if [".py", ".R", ".jl"].iter().any(|end| word.ends_with(end)) {
            return Some(publishable("program", word));
        }
    }
    None
}

/// The value of the first of these options.
fn option<'c>(command: &'c str, names: &[&str]) -> Option<&'c str> {
    let mut words = command.split_whitespace();
    while let Some(word) = words.next() {
        let bare = word.trim_start_matches('-');
        if bare.len() == word.len() {
            continue;
        }
        match bare.split_once('=') {
            Some((name, value)) if names.contains(&name) => return Some(value),
            None if names.contains(&bare) => return words.next(),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_are_found_behind_what_places_them() {
        for (line, command) in [
            (
                "+ srun --nodes=2 torchrun --nnodes=2 train.py --data /d/a.h5ad",
                Some("torchrun --nnodes=2 train.py --data /d/a.h5ad"),
            ),
            ("++ /opt/conda/bin/python -u train.py", Some("/opt/conda/bin/python -u train.py")),
            ("Command: accelerate launch --num_processes 8 run.py", Some("accelerate launch --num_processes 8 run.py")),
            ("srun apptainer exec --nv a.sif python3 train.py", Some("python3 train.py")),
            ("python is a language", None),
            ("+ module load cuda", None),
            ("step 3 loss 0.5", None),
            ("", None),
        ] {
            assert_eq!(of(line), command, "{line}");
        }
    }

    #[test]
    fn a_command_names_paths_and_sizes() {
        let mut run = Run::default();
        fill(&mut run, "torchrun --nnodes 2 --nproc_per_node=8 train.py --data /d/a.h5ad --api-key canary7Qx1");
        assert_eq!((run.world_size, run.dataset_path.as_deref()), (Some(16), Some("/d/a.h5ad")));
        assert_eq!(run.program.as_deref(), Some("train.py"));
        assert!(!format!("{run:?}").contains("canary"), "{run:?}");
    }
}
