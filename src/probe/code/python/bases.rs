//! What base classes and decorators say of what a source is for.

use super::signs::{Name, Sign, TRAINERS, Told};

/// What a class that derives from `path` is.
pub(super) fn base(path: &str) -> Option<Sign> {
    let name = Name::new(path);
    Some(match name.last {
        "PreTrainedModel"
        | "PretrainedConfig"
        | "PreTrainedConfig"
        | "PreTrainedTokenizer"
        | "PreTrainedTokenizerFast"
        | "ProcessorMixin"
        | "BaseImageProcessor"
        | "FeatureExtractionMixin"
        | "SequenceFeatureExtractor"
        | "TFPreTrainedModel"
        | "FlaxPreTrainedModel"
        | "PretrainedTokenizer"
        | "PretrainedModel"
        | "LightningModule"
        | "HybridBlock"
        | "MessagePassing"
        | "BaseModuleClass"
        | "PyroModule" => Sign::Module,
        "LightningDataModule"
        | "GeneratorBasedBuilder"
        | "ArrowBasedBuilder"
        | "IterableDataset"
        | "InMemoryDataset" => Sign::DatasetClass,
        "FlowSpec" => Sign::Orchestration,
        "TestCase" => Sign::Test,
        "TrainerCallback" => Sign::TrainingClass,
        last if last.ends_with("Trainer") && (name.is_of(TRAINERS) || name.framework.is_none()) => Sign::TrainingClass,
        _ => return library_base(&name),
    })
}

fn library_base(name: &Name) -> Option<Sign> {
    let in_data = name.within("data") || name.within("datasets");
    Some(match (name.framework, name.last) {
        (
            _,
            "Dataset" | "Sequence" | "PyDataset" | "VisionDataset" | "Sampler" | "BatchSampler" | "StreamingDataset",
        ) if name.framework.is_some() => Sign::DatasetClass,
        (Some("torch"), _) if in_data => Sign::DatasetClass,
        (Some("torch"), _) if name.within("optim") => Sign::TrainingClass,
        (Some("torch"), _) if name.within("nn") => Sign::Module,
        (Some("torch"), "Function") => Sign::Module,
        (None, "Module") if name.path == "nn.Module" || name.path == "torch.nn.Module" => Sign::Module,
        (Some("flax" | "haiku" | "equinox" | "sonnet" | "mlx" | "tensorflow"), "Module") => Sign::Module,
        (Some("paddle" | "mxnet"), "Layer" | "Block") => Sign::Module,
        (Some("keras" | "tensorflow"), "Model" | "Layer" | "Sequential" | "Loss" | "Metric") => Sign::Module,
        (Some("keras" | "tensorflow"), "Callback" | "Optimizer" | "LearningRateSchedule") => Sign::TrainingClass,
        (Some("lightning"), "Callback") => Sign::TrainingClass,
        (Some("ray"), "Trainable") => Sign::TrainingClass,
        (Some("diffusers"), "ModelMixin" | "ConfigMixin" | "DiffusionPipeline") => Sign::Module,
        (Some("gpytorch"), last) if last.contains("GP") || last.contains("Kernel") => Sign::Module,
        (Some("sklearn"), "ClassifierMixin" | "RegressorMixin" | "ClusterMixin") => Sign::Module,
        (Some("timm" | "monai" | "fairseq" | "transformers" | "peft" | "torch-geometric"), last)
            if last.ends_with("Model")
                || last.ends_with("Transformer")
                || last.ends_with("Net")
                || name.within("nn") =>
        {
            Sign::Module
        }
        (Some("transformers"), last) if last.contains("PreTrained") || last.contains("For") => Sign::Module,
        (Some("luigi"), "Task") => Sign::Orchestration,
        _ => return None,
    })
}

/// Whether a function with this decorator is a step, or makes a pipeline of others.
pub(super) fn decorator(path: &str, told: &mut Told) -> bool {
    let name = Name::new(path);
    let is_step = match name.framework {
        Some("airflow") => name.last == "dag" || name.last == "task" || name.owner == "task",
        Some("kubeflow") => {
            matches!(name.last, "pipeline" | "component" | "container_component" | "func_to_container_op")
        }
        Some("metaflow") => name.last == "step",
        Some("prefect") => matches!(name.last, "flow" | "task"),
        Some("dagster") => matches!(name.last, "asset" | "op" | "job" | "multi_asset" | "graph" | "asset_check"),
        Some("zenml") => matches!(name.last, "pipeline" | "step"),
        _ => false,
    };
    if is_step {
        told.tell(Sign::Orchestration);
    }
    if matches!(name.last, "no_grad" | "inference_mode") {
        told.tell(Sign::Frozen);
    }
    if matches!(name.last, "fixture" | "parametrize") {
        told.tell(Sign::Test);
    }
    if name.owner == "app" && matches!(name.last, "route" | "post" | "get") {
        told.tell(Sign::Serve);
    }
    is_step
}

/// What a call of an orchestrator's class says; `true` where its first text or `task_id` names a step.
pub(super) fn orchestrates(path: &str, told: &mut Told) -> bool {
    let name = Name::new(path);
    let is_step =
        name.framework == Some("airflow") && (name.last.ends_with("Operator") || name.last.ends_with("Sensor"));
    if is_step || (name.framework == Some("airflow") && name.last == "DAG") {
        told.tell(Sign::Orchestration);
    }
    is_step
}
