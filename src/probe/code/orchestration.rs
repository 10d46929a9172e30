//! Pipelines written down in YAML: custom resources of Kubernetes for trainings, Argo's workflows, compiled Kubeflow
//! pipelines, `dvc.yaml`, `MLproject`, Azure ML's jobs and SkyPilot's tasks.
//!
//! Layouts after the reference documentation of each. Deployments, services and playbooks are none.

use super::{keep, settings};
use crate::model::{Code, Fact};
use crate::probe::yaml::Yaml;
use crate::probe::{Finding, Input, ProbeError};

/// Kinds of resource that train, with the framework that has them.
const RESOURCES: &[(&str, &[&str], &str)] = &[
    (
        "kubeflow.org",
        &[
            "PyTorchJob",
            "TFJob",
            "MPIJob",
            "XGBoostJob",
            "PaddleJob",
            "JAXJob",
            "MXJob",
            "TrainJob",
            "Experiment",
            "TrainingRuntime",
        ],
        "kubeflow",
    ),
    ("ray.io", &["RayJob", "RayCluster", "RayService"], "ray"),
    ("argoproj.io", &["Workflow", "WorkflowTemplate", "CronWorkflow", "ClusterWorkflowTemplate"], "argo"),
    ("volcano.sh", &["Job"], "volcano"),
    ("serving.kserve.io", &["InferenceService"], "kserve"),
];

/// A pipeline in YAML.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let (trees, format) = settings::documents(input)?;
    let mut code = Code { kind: Some("orchestration".to_owned()), ..Code::default() };
    for tree in &trees {
        let Some(framework) = framework(tree) else { continue };
        code.framework.get_or_insert_with(|| framework.to_owned());
        steps(framework, tree, &mut code.steps);
    }
    if code.framework.is_none() {
        return Err(ProbeError::NotMine);
    }
    settings::describe(&trees, &mut code);
    let mut finding = Finding::new(Fact::Code(Box::new(code)));
    finding.format = Some(format);
    Ok(finding)
}

fn framework(tree: &Yaml) -> Option<&'static str> {
    let has = |path: &[&str]| tree.at(path).is_some();
    if let (Some(group), Some(kind)) = (tree.text_at(&["apiVersion"]), tree.text_at(&["kind"])) {
        let group = group.split('/').next().unwrap_or_default();
        let fits = |of: &str| group == of || group.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
        return RESOURCES
            .iter()
            .find(|(of, kinds, _)| fits(of) && kinds.contains(&kind))
            .map(|(_, _, framework)| *framework);
    }
    let stages = tree.get("stages").map(Yaml::entries).unwrap_or_default();
    let does = |stage: &Yaml| stage.get("cmd").is_some() || stage.at(&["do", "cmd"]).is_some();
    Some(match () {
        () if !stages.is_empty() && stages.iter().all(|(_, stage)| does(stage)) => "dvc",
        () if has(&["entry_points"]) && commands(tree) > 0 => "mlflow",
        () if has(&["deploymentSpec"]) && has(&["pipelineInfo"]) => "kubeflow",
        () if tree.text_at(&["$schema"]).is_some_and(|schema| schema.contains("azuremlschemas")) => "azureml",
        () if has(&["resources", "accelerators"]) && has(&["run"]) => "skypilot",
        () => return None,
    })
}

/// Entry points that have a command.
fn commands(tree: &Yaml) -> usize {
    let points = tree.get("entry_points").map(Yaml::entries).unwrap_or_default();
    points.iter().filter(|(_, point)| point.get("command").is_some()).count()
}

fn steps(framework: &str, tree: &Yaml, steps: &mut Vec<String>) {
    let mut names = |path: &[&str]| {
        for (name, _) in tree.at(path).map(Yaml::entries).unwrap_or_default() {
            keep(steps, "", name);
        }
    };
    match framework {
        "dvc" => names(&["stages"]),
        "mlflow" => names(&["entry_points"]),
        "azureml" => names(&["jobs"]),
        "kubeflow" => {
            names(&["root", "dag", "tasks"]);
            ["pytorchReplicaSpecs", "tfReplicaSpecs", "mpiReplicaSpecs"].iter().for_each(|spec| names(&["spec", spec]));
        }
        "argo" => {
            let templates = [&["spec", "templates"][..], &["spec", "workflowSpec", "templates"]];
            let templates = templates.iter().filter_map(|path| tree.at(path)).flat_map(Yaml::items);
            for name in templates.filter_map(|template| template.text_at(&["name"])) {
                keep(steps, "", name);
            }
        }
        "ray" => {
            if let Some(command) = tree.text_at(&["spec", "entrypoint"]) {
                keep(steps, "command", command);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn read(name: &str, text: &str) -> Option<Code> {
        let blob = Memory::new(text.as_bytes());
        let mut input = Input::new(&blob, text.as_bytes());
        input.name = name.as_bytes();
        probe(&input).ok()?.fact.code().cloned()
    }

    #[test]
    fn pipelines_and_their_steps() {
        for (name, text, framework, steps) in [
            (
                "dvc.yaml",
                "stages:\n  prepare:\n    cmd: python p.py\n  train: {cmd: python t.py}\n",
                "dvc",
                &["prepare", "train"][..],
            ),
            ("MLproject", "name: x\nentry_points:\n  main:\n    command: python t.py\n", "mlflow", &["main"]),
            (
                "j.yaml",
                "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nspec:\n  pytorchReplicaSpecs:\n    Master: {}\n    Worker: {}\n",
                "kubeflow",
                &["Master", "Worker"],
            ),
            (
                "w.yaml",
                "apiVersion: v1\nkind: Secret\n---\napiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templates:\n    - name: fit\n",
                "argo",
                &["fit"],
            ),
            (
                "r.yaml",
                "apiVersion: ray.io/v1\nkind: RayJob\nspec: {entrypoint: python train.py}\n",
                "ray",
                &["python train.py"],
            ),
            ("sky.yaml", "resources: {accelerators: A100:8}\nrun: torchrun t.py\n", "skypilot", &[]),
        ] {
            let code = read(name, text).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(
                (code.framework.as_deref(), code.steps.as_slice()),
                (Some(framework), &*steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>())
            );
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "apiVersion: apps/v1\nkind: Deployment\n",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\n",
            "apiVersion: evilray.io/v1\nkind: RayJob\n",
            "stages:\n  - build\n  - test\nbuild: {script: make}\n",
            "services: {web: {image: x}}\n",
            "run: make\n",
        ] {
            assert!(read("x.yaml", text).is_none(), "{text}");
        }
    }
}
