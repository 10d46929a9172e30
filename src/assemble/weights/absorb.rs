//! Facts of one file put to those of another: shards are summed, companions fill what is not known yet.

use crate::model::Weights;

/// Adds a shard's tensors to its model.
pub(super) fn add_shard(model: &mut Weights, shard: &Weights) {
    let sum = |a: &mut Option<u64>, b: Option<u64>| {
        if let Some(b) = b {
            *a = Some(a.unwrap_or(0).saturating_add(b));
        }
    };
    sum(&mut model.parameter_count, shard.parameter_count);
    sum(&mut model.tensor_count, shard.tensor_count);
    for (dtype, elements) in &shard.dtypes {
        let of_type = model.dtypes.entry(dtype.clone()).or_default();
        *of_type = of_type.saturating_add(*elements);
    }
    model.structure = add_structures(model.structure.as_deref(), shard.structure.as_deref());
    if shard.has_optimizer == Some(true) {
        model.has_optimizer = Some(true);
    }
    fill(model, shard);
}

/// The structure of both sets of tensors: the sum of two sums.
fn add_structures(a: Option<&str>, b: Option<&str>) -> Option<String> {
    let number = |text: Option<&str>| text.and_then(|text| u128::from_str_radix(text, 16).ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => Some(format!("{:032x}", a.wrapping_add(b))),
        (a, b) => a.or(b).map(|one| format!("{one:032x}")),
    }
}

/// Takes from `other` every descriptive fact that `weights` does not have; what counts tensors is left alone.
pub(super) fn fill(weights: &mut Weights, other: &Weights) {
    macro_rules! take_missing {
        ($($field:ident)*) => {
            $(if weights.$field.is_none() { weights.$field.clone_from(&other.$field); })*
        };
    }
    macro_rules! take_empty {
        ($($field:ident)*) => {
            $(if weights.$field.is_empty() { weights.$field.clone_from(&other.$field); })*
        };
    }
    take_missing!(
        kind container architecture model_type name base_model author license producer framework_version
        global_step epoch state_elements optimizer_params model_key wandb_run_id pickle_root_class hidden_size
        num_layers vocab_size tied_weights has_tokenizer peft_type r lora_alpha gguf_version opset graph_name
        index_total_size weight_map_entries repo_id revision root_class n_features coef_count n_estimators num_trees
        objective serializer pickle_protocol model_file run_id created lang dim node_count tensor_count_in_graph
        checkpoint_variable_count model_name keras_version layout checkpoint_leaves world_size lineage spec_version
        layer_count constant_count constant_elements bin_bytes
    );
    take_empty!(
        args hyper_parameters metadata pickle_globals auto_map custom_code target_modules node_types inputs outputs
        top_level_keys components steps feature_names labels flavors pipeline paths hosts input_shape output_shape
        signatures dataset_dirs datasets classes external_data
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_add_up_to_the_structure_of_the_whole() {
        assert_eq!(add_structures(Some("0f"), Some("01")).unwrap(), format!("{:032x}", 16));
        assert_eq!(add_structures(None, Some("01")).unwrap(), format!("{:032x}", 1));
        assert_eq!(add_structures(Some(&"f".repeat(32)), Some("01")).unwrap(), "0".repeat(32));
    }
}
