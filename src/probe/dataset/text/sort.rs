//! What sort of records they are, by the names of their columns alone: what trains a model, what measured a training,
//! what a program wrote to its log.

/// Words that say how well a training goes.
const MEASURES: [&str; 12] =
    ["loss", "accuracy", "acc", "perplexity", "ppl", "lr", "learning_rate", "grad_norm", "auc", "f1", "mae", "rmse"];
/// Words that count its progress.
const PROGRESS: [&str; 7] = ["epoch", "step", "global_step", "training_iteration", "iter", "iteration", "it"];

/// What fine-tuning tools and trainers call the members of their records.
pub(super) fn of(columns: &[String]) -> Option<&'static str> {
    let has = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    match () {
        () if has("messages") || has("conversations") => Some("chat_finetuning"),
        () if has("chosen") && has("rejected") => Some("preference_pairs"),
        () if (has("instruction") && has("output")) || (has("prompt") && has("completion")) => {
            Some("instruction_finetuning")
        }
        () if is_of_training(columns) => Some("training_metrics"),
        () => None,
    }
}

/// Whether records count steps and say how well each went.
fn is_of_training(columns: &[String]) -> bool {
    let last = |column: &str| column.rsplit(['/', '.']).next().unwrap_or_default().to_lowercase();
    let counts = columns.iter().any(|column| PROGRESS.contains(&last(column).as_str()));
    let measures = |column: &String| {
        let name = last(column);
        let mut parts = name.split(['_', '-', ' ']);
        MEASURES.contains(&name.as_str()) || parts.any(|part| MEASURES.contains(&part))
    };
    let runs = columns.iter().any(|column| ["time_this_iter_s", "trial_id"].contains(&column.as_str()));
    counts && (columns.iter().any(measures) || runs)
}

/// Whether records are what a program writes to its log: a level, a moment and a message.
pub(super) fn is_log(columns: &[String]) -> bool {
    let has = |names: &[&str]| columns.iter().any(|column| names.contains(&column.to_lowercase().as_str()));
    has(&["level", "lvl", "levelname", "severity", "loglevel"])
        && has(&["time", "ts", "timestamp", "asctime", "@timestamp", "t", "datetime"])
        && has(&["msg", "message", "event", "log", "text"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        list.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn records_are_told_by_their_columns() {
        for (columns, want) in [
            ("messages source", Some("chat_finetuning")),
            ("prompt chosen rejected", Some("preference_pairs")),
            ("epoch step train_loss", Some("training_metrics")),
            ("global_step eval/accuracy", Some("training_metrics")),
            ("score training_iteration trial_id", Some("training_metrics")),
            ("visit dose weight_loss_kg", None),
            ("id dose viability", None),
        ] {
            assert_eq!(of(&names(columns)), want, "{columns}");
        }
    }

    #[test]
    fn logs_are_no_data() {
        assert!(is_log(&names("time level source msg")));
        assert!(!is_log(&names("time level dose")));
    }
}
