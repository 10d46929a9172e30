//! Shell scripts that launch a training: torchrun, srun, mpirun, deepspeed, accelerate or Python with a program.
//!
//! A script for a scheduler, with its directives, is a job and not read here. Lines are put together, comments left out and
//! words split as the shell splits them; nothing is expanded. Values of options are published of the vocabulary only.

use super::keep;
use super::python::literals::is_path;
use crate::model::{Code, Fact, publishable};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest script that is read.
const MAX_SCRIPT: u64 = 1 << 20;
/// Words of programs that train.
const TRAINING: &[&str] = &["train", "finetun", "fine_tun", "pretrain", "sft", "dpo", "grpo", "fit_"];

/// A launcher.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let bytes = kit::whole(input.blob, MAX_SCRIPT)?;
    if bytes.contains(&0) {
        return Err(ProbeError::NotMine);
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut code = Code::default();
    let mut lines = 0u64;
    let mut command = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        lines = lines.saturating_add(1);
        match bare.strip_suffix('\\') {
            Some(part) => {
                command.push_str(part);
                command.push(' ');
            }
            None => {
                command.push_str(bare);
                read(&words(&command), &mut code);
                command.clear();
            }
        }
    }
    read(&words(&command), &mut code);
    if code.kind.is_none() {
        return Err(ProbeError::NotMine);
    }
    code.lines = Some(lines);
    Ok(Finding::new(Fact::Code(Box::new(code))))
}

/// The words of a command, quotes taken off.
fn words(command: &str) -> Vec<String> {
    /// Most words of a command that are looked at.
    const MOST: usize = 2000;
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (None, '#') if word.is_empty() => break,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, _) if c.is_whitespace() || c == ';' || c == '(' || c == ')' => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(c),
        }
        if words.len() >= MOST {
            return words;
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// What one command says.
fn read(words: &[String], code: &mut Code) {
    if let Some((framework, program)) = launched(words) {
        code.kind.get_or_insert_with(|| kind(&program).to_owned());
        code.framework.get_or_insert_with(|| framework.to_owned());
        keep(&mut code.steps, "path", &program);
    }
    for (at, word) in words.iter().enumerate() {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word.as_str(), words.get(at.saturating_add(1)).map(String::as_str)),
        };
        let key = key.trim_start_matches('-').to_ascii_lowercase().replace('-', "_");
        let value = value.filter(|value| !value.is_empty() && !value.starts_with(['$', '-']));
        if let Some(value) = value {
            match key.as_str() {
                "master_addr" | "rdzv_endpoint" | "main_process_ip" | "hosts" => {
                    keep(&mut code.hosts, "hostname", value);
                }
                "run_name" | "wandb_name" | "exp_name" if code.run_name.is_none() => {
                    code.run_name = Some(publishable("run_name", value));
                }
                "model_name_or_path" | "base_model" if code.base_model.is_none() => {
                    code.base_model = Some(publishable("base_model", value));
                }
                _ => {}
            }
        }
        let path = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        if is_path(path) {
            keep(&mut code.paths, "path", path);
        }
    }
}

/// The launcher of a command and the program that it launches.
fn launched(words: &[String]) -> Option<(&'static str, String)> {
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut framework = None;
    let mut is_python = false;
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at.saturating_add(1)).map(String::as_str).unwrap_or_default();
        match base(word).as_str() {
            "torchrun" | "torch.distributed.run" | "torch.distributed.launch" => framework = Some("torch"),
            "deepspeed" => framework = Some("deepspeed"),
            "horovodrun" => framework = Some("horovod"),
            "accelerate" if next == "launch" => framework = Some("accelerate"),
            "accelerate.commands.launch" => framework = Some("accelerate"),
            "composer" => framework = Some("composer"),
            "srun" => framework = framework.or(Some("slurm")),
            "mpirun" | "mpiexec" => framework = framework.or(Some("mpi")),
            "echo" | "printf" | "pip" | "apt" | "conda" if framework.is_none() => return None,
            name if name.starts_with("python") && !name.ends_with(".py") => is_python = true,
            name if name.ends_with(".py") => {
                // An interpreter alone launches anything; a program's name may say that it trains.
                let named = TRAINING.iter().any(|word| name.contains(word));
                let framework = framework.or((is_python && named).then_some("python"))?;
                return Some((framework, word.clone()));
            }
            "-m" if is_python && !next.starts_with("torch.distributed") && !next.starts_with("accelerate") => {
                let named = TRAINING.iter().any(|word| next.contains(word));
                let framework = framework.or(named.then_some("python"))?;
                return (!next.is_empty()).then(|| (framework, next.to_owned()));
            }
            _ => {}
        }
    }
    None
}

/// What a program is for, by its name.
fn kind(program: &str) -> &'static str {
    let name = program.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match () {
        () if has(TRAINING) => "training_script",
        () if has(&["eval", "benchmark", "test"]) => "evaluation",
        () if has(&["preprocess", "prepare", "tokeni", "dataset", "embed"]) => "data_pipeline",
        () if has(&["infer", "generate", "serve", "predict"]) => "inference",
        () => "training_script",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn launcher(text: &str) -> Option<Code> {
        let blob = Memory::new(text.as_bytes());
        probe(&Input::new(&blob, text.as_bytes())).ok()?.fact.code().cloned()
    }

    #[test]
    fn launchers_and_their_programs() {
        let text = "#!/bin/bash\n# torchrun old.py\nexport DATA=/data/atlas/v3\nMASTER_ADDR=gpu01 torchrun --nnodes=2 \\\n  --master_addr gpu01.hpc \\\n  src/pretrain.py --run_name base --data \"$DATA/train.h5ad\" --token hunter2hunter2\n";
        let code = launcher(text).unwrap();
        assert_eq!((code.kind.as_deref(), code.framework.as_deref()), (Some("training_script"), Some("torch")));
        assert_eq!(code.steps, ["src/pretrain.py"]);
        assert_eq!(code.hosts, ["gpu01", "gpu01.hpc"]);
        assert_eq!(code.run_name.as_deref(), Some("base"));
        assert_eq!(code.paths, ["/data/atlas/v3"]);
        assert!(!format!("{code:?}").contains("hunter2"));
        for (text, framework, kind) in [
            ("accelerate launch --config_file a.yaml train.py", "accelerate", "training_script"),
            ("deepspeed --hostfile h sft.py", "deepspeed", "training_script"),
            ("srun python tools/preprocess.py", "slurm", "data_pipeline"),
            ("python -m torch.distributed.run evaluate.py", "torch", "evaluation"),
            ("CUDA_VISIBLE_DEVICES=0 python3 train_net.py", "python", "training_script"),
            ("python -m acme.train --x", "python", "training_script"),
        ] {
            let code = launcher(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((code.framework.as_deref(), code.kind.as_deref()), (Some(framework), Some(kind)), "{text}");
        }
    }

    #[test]
    fn other_scripts() {
        for text in [
            "python manage.py migrate",
            "echo torchrun train.py",
            "pip install deepspeed",
            "npm run train",
            "srun hostname",
        ] {
            assert!(launcher(text).is_none(), "{text}");
        }
    }
}
