//! Scripts that a scheduler is handed: Slurm's `#SBATCH` lines, and what the script starts.
//!
//! After sbatch(1): directives count until the first command, long options take `=` or a space, short ones either. Never
//! evaluated: variables stay as they are written.

use crate::model::{Fact, Infra, Nodes, publishable};
use crate::probe::run::paths::{self, PathSort};
use crate::probe::{Finding, Input, ProbeError, hostlist, kit};

/// Longest script that is read.
const MAX_SCRIPT: u64 = 1 << 20;
/// Most programs of one script.
const MAX_PROGRAMS: usize = 64;
/// Words that start another program.
const LAUNCHERS: [&str; 14] = [
    "python",
    "python3",
    "torchrun",
    "deepspeed",
    "accelerate",
    "srun",
    "mpirun",
    "mpiexec",
    "Rscript",
    "julia",
    "bash",
    "sh",
    "horovodrun",
    "snakemake",
];

/// A batch script of Slurm.
pub(crate) fn sbatch(input: &Input) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_SCRIPT)?;
    let text = String::from_utf8_lossy(&text);
    if !text.starts_with("#!") {
        return Err(ProbeError::NotMine);
    }
    let mut infra = Infra::default();
    let mut gpus_per_node = None;
    let mut is_mine = false;
    for line in text.lines() {
        if let Some(directive) = line.trim_start().strip_prefix("#SBATCH") {
            is_mine = true;
            options(directive, &mut infra, &mut gpus_per_node);
        } else if !line.trim_start().starts_with('#') {
            programs(line, &mut infra);
        }
    }
    if !is_mine {
        return Err(ProbeError::NotMine);
    }
    settle(&mut infra, gpus_per_node);
    Ok(Finding::new(Fact::Infra(Box::new(infra))))
}

/// The options of one directive.
fn options(directive: &str, infra: &mut Infra, gpus_per_node: &mut Option<u64>) {
    let mut words = directive.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word.starts_with('#') {
            return;
        }
        let (name, value) = match word.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, words.next_if(|next| !next.starts_with('-'))),
            },
            None => match word.split_at_checked(2) {
                Some((short, "")) => (short, words.next_if(|next| !next.starts_with('-'))),
                Some((short, value)) => (short, Some(value)),
                None => continue,
            },
        };
        if let Some(value) = value {
            option(name, value.trim_matches(['"', '\'']), infra, gpus_per_node);
        }
    }
}

fn option(name: &str, value: &str, infra: &mut Infra, gpus_per_node: &mut Option<u64>) {
    let text = || Some(publishable(name, value));
    match name {
        "job-name" | "-J" => infra.job_name = text(),
        "output" | "-o" => infra.job_output = text(),
        "partition" | "-p" => infra.partition = text(),
        "account" | "-A" => infra.account = Some(publishable("charged", value)),
        // Whom the scheduler writes to is staff, not a subject: the address is what a responder needs.
        "mail-user" => infra.mail_user = Some(value.chars().take(200).collect()),
        "nodelist" | "-w" => infra.nodelist = hostlist::expand(value).unwrap_or_default(),
        "nodes" | "-N" => {
            infra.nodes = value.split('-').next_back().and_then(|nodes| nodes.parse().ok()).map(Nodes::Count)
        }
        "array" | "-a" => infra.array = text(),
        "container-image" => infra.container = text(),
        "gpus-per-node" => *gpus_per_node = count(value),
        "gpus" | "-G" => infra.gpus = count(value),
        "gres" => {
            let gpus = value.split(',').find_map(|one| one.strip_prefix("gpu"));
            *gpus_per_node = gpus.and_then(|gpu| count(gpu.trim_start_matches(':'))).or(*gpus_per_node);
        }
        _ => {}
    }
}

/// Accelerators of all nodes, where they were asked for by node.
fn settle(infra: &mut Infra, gpus_per_node: Option<u64>) {
    let nodes = if let Some(Nodes::Count(nodes)) = infra.nodes { nodes } else { 1 };
    infra.gpus = infra.gpus.or(gpus_per_node.map(|each| each.saturating_mul(nodes)));
}

/// `8`, `a100:8`.
fn count(value: &str) -> Option<u64> {
    value.rsplit(':').next()?.parse().ok()
}

/// Programs that a line starts, the container it starts them in, and the data it names.
fn programs(line: &str, infra: &mut Infra) {
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
    if !words.iter().any(|word| LAUNCHERS.contains(&base(word))) {
        return;
    }
    for word in &words {
        let is_program = [".py", ".sh", ".R", ".jl", ".smk"].iter().any(|end| word.ends_with(end));
        if is_program && !word.contains('$') && infra.programs.len() < MAX_PROGRAMS {
            let program = publishable("program", word);
            if !infra.programs.contains(&program) {
                infra.programs.push(program);
            }
        }
        if word.ends_with(".sif") || word.ends_with(".sqsh") {
            infra.container.get_or_insert_with(|| publishable("container", word));
        }
    }
    for pair in words.windows(2) {
        let [flag, value] = pair else { continue };
        let Some(flag) = flag.strip_prefix("--").filter(|_| !value.contains('$')) else { continue };
        match paths::sort(flag, value) {
            Some(PathSort::Data) => drop(infra.dataset_path.get_or_insert_with(|| publishable(flag, value))),
            Some(PathSort::Checkpoint | PathSort::Base) => {
                infra.checkpoint_path.get_or_insert_with(|| publishable(flag, value));
            }
            _ => {}
        }
    }
}

/// The name of a program without its directories.
fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn facts(text: &str) -> Option<Infra> {
        let blob = Memory::new(text.as_bytes());
        match sbatch(&Input::new(&blob, text.as_bytes())).ok()?.fact {
            Fact::Infra(infra) => Some(*infra),
            _ => None,
        }
    }

    #[test]
    fn options_in_all_their_forms() {
        let infra = facts(
            "#!/bin/bash\n#SBATCH -J eval -a 0-9%2 -pcpu --nodes 2\n#SBATCH --gres=gpu:a100:4 # all of it\n\
             #SBATCH --nodelist=gpu-[07-08] --mail-user=alice@acme.example\n#SBATCH --hold\n\
             export X=1\nsrun apptainer exec --nv /c/pert.sif torchrun train.py --data /data/train.h5ad --ckpt \"$OUT/x.pt\"\n",
        )
        .unwrap();
        assert_eq!((infra.job_name.as_deref(), infra.array.as_deref()), (Some("eval"), Some("0-9%2")));
        assert_eq!((infra.partition.as_deref(), infra.nodes), (Some("cpu"), Some(Nodes::Count(2))));
        assert_eq!((infra.gpus, infra.nodelist.join(" ").as_str()), (Some(8), "gpu-07 gpu-08"));
        assert_eq!((infra.container.as_deref(), infra.programs.join(" ").as_str()), (Some("/c/pert.sif"), "train.py"));
        assert_eq!((infra.dataset_path.as_deref(), infra.checkpoint_path), (Some("/data/train.h5ad"), None));
        assert_eq!(infra.mail_user.as_deref(), Some("alice@acme.example"));
    }

    #[test]
    fn scripts_without_options_are_none() {
        assert!(facts("#!/bin/bash\npython train.py\n").is_none());
        assert!(facts("Use #SBATCH -p x\n").is_none());
        assert!(facts(&format!("#!/bin/sh\n#SBATCH {}\n", "-".repeat(100_000))).is_some());
    }
}
