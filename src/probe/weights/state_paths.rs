//! What the path of an array says of it in checkpoints that keep a whole training in one tree: TensorFlow's, Flax's,
//! Orbax's and PyTorch's distributed ones.

/// The part an array plays in a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A parameter or buffer of the model.
    Model,
    /// State of an optimizer.
    Optimizer,
    /// An average of the model kept beside it.
    Average,
    /// A step, an epoch.
    Counter,
    /// State of generators, schedulers, metrics and data loaders.
    Bookkeeping,
}

/// The part of the array at `path`, given whether it is a single number.
pub(super) fn part<'a>(path: impl IntoIterator<Item = &'a str>, is_scalar: bool) -> Part {
    let mut last = "";
    for (depth, component) in path.into_iter().enumerate() {
        // Below the outermost levels a name is the model's own: `ema` may be a layer.
        if depth < 2
            && let Some(part) = outer_part(component)
        {
            return part;
        }
        if component.contains("OPTIMIZER_SLOT") {
            return Part::Optimizer;
        }
        last = component;
    }
    if is_scalar && is_counter(last) { Part::Counter } else { Part::Model }
}

fn outer_part(component: &str) -> Option<Part> {
    const MAX: usize = 64;
    if component.len() > MAX {
        return None;
    }
    let name = component.trim_start_matches(['_', '.']).to_ascii_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    if name.starts_with("optim") || is(&["opt", "opt_state", "opt_states", "optstate", "param_states", "adam", "optax"])
    {
        Some(Part::Optimizer)
    } else if name.starts_with("ema_") || name.ends_with("_ema") || is(&["ema"]) {
        Some(Part::Average)
    } else if is(&[
        "rng",
        "rngs",
        "rng_state",
        "prng_key",
        "dropout_rng",
        "keras_api",
        "metrics",
        "metric_states",
        "scheduler",
        "lr_scheduler",
        "dataloader",
        "data_iterator",
        "save_counter",
        "checkpointable_object_graph",
    ]) {
        Some(Part::Bookkeeping)
    } else {
        None
    }
}

/// Whether a single number of that name counts something, or is a setting of an optimizer.
pub(super) fn is_counter(name: &str) -> bool {
    const COUNTERS: [&str; 14] = [
        "step",
        "steps",
        "global_step",
        "epoch",
        "iter",
        "iterations",
        "iteration",
        "count",
        "save_counter",
        "beta1_power",
        "beta2_power",
        "learning_rate",
        "num_updates",
        "train_steps",
    ];
    COUNTERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_paths() {
        for (path, scalar, want) in [
            ("params/Dense_0/kernel", false, Part::Model),
            ("batch_stats/BatchNorm_0/mean", false, Part::Model),
            ("opt_state/0/mu/Dense_0/kernel", false, Part::Optimizer),
            ("model/optimizer/w", false, Part::Optimizer),
            ("_optimizer/_trainable_variables/1", false, Part::Optimizer),
            ("w/.OPTIMIZER_SLOT/optimizer/m", false, Part::Optimizer),
            ("ema_params/w", false, Part::Average),
            ("step", true, Part::Counter),
            ("step", false, Part::Model),
            ("params/temperature", true, Part::Model),
            ("rng", false, Part::Bookkeeping),
            ("params/a/b/ema", false, Part::Model),
        ] {
            assert_eq!(part(path.split('/'), scalar), want, "{path}");
        }
    }
}
