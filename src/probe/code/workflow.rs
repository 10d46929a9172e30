//! Snakemake's and Nextflow's pipelines: their rules and processes.
//!
//! After the grammars in their documentation: `rule name:` and `checkpoint name:` at the margin of a Snakefile, `process
//! name {` at that of a script of Nextflow. Nothing of the languages around them is read.

use super::keep;
use super::python::literals::is_path;
use super::words::{Language, Words};
use crate::model::{Code, Fact};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest pipeline that is read.
const MAX_PIPELINE: u64 = 2 << 20;

/// A Snakefile.
pub(crate) fn snakemake(input: &Input) -> Result<Finding, ProbeError> {
    read(input, "snakemake", &["rule", "checkpoint"], &["configfile", "include", "module"])
}

/// A script of Nextflow.
pub(crate) fn nextflow(input: &Input) -> Result<Finding, ProbeError> {
    read(input, "nextflow", &["process"], &["workflow"])
}

fn read(input: &Input, framework: &str, steps: &[&str], signs: &[&str]) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_PIPELINE)?;
    let mut code =
        Code { kind: Some("orchestration".to_owned()), framework: Some(framework.to_owned()), ..Code::default() };
    let mut words = Words::new(&text, Language::Workflow);
    let (mut is_step, mut is_pipeline) = (false, false);
    while let Some(word) = words.next() {
        if word.is_text {
            is_step = false;
            if is_path(&word.text) {
                keep(&mut code.paths, "path", &word.text);
            }
            continue;
        }
        if std::mem::take(&mut is_step) && word.line_goes_on {
            keep(&mut code.steps, "", &word.text);
        }
        is_step = word.at_margin && steps.contains(&word.text.as_str());
        is_pipeline |= word.at_margin && signs.contains(&word.text.as_str());
    }
    if code.steps.is_empty() && !is_pipeline {
        return Err(ProbeError::NotMine);
    }
    code.lines = Some(words.lines());
    Ok(Finding::new(Fact::Code(Box::new(code))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn steps(probe: fn(&Input) -> Result<Finding, ProbeError>, text: &str) -> Option<Vec<String>> {
        let blob = Memory::new(text.as_bytes());
        let finding = probe(&Input::new(&blob, text.as_bytes())).ok()?;
        finding.fact.code().map(|code| code.steps.clone())
    }

    #[test]
    fn rules_and_processes() {
        let snake = "# rule none:\nconfigfile: 'config.yaml'\nrule all:\n    input: \"out/a.h5ad\"\nrule train:\n    shell: 'rule not:'\n";
        assert_eq!(steps(snakemake, snake).unwrap(), ["all", "train"]);
        let flow = "// process NONE {\n/* process NEITHER { */\nprocess FIT {\n  script:\n  \"\"\"\n  process x\n  \"\"\"\n}\nworkflow { FIT() }\n";
        assert_eq!(steps(nextflow, flow).unwrap(), ["FIT"]);
        assert!(steps(snakemake, "a ruler is no rule:\n").is_none());
        assert!(steps(nextflow, "This process is slow.").is_none());
    }
}
