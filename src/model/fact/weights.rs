//! Facts of a model, or of a file that describes or belongs to one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{fill_list, fill_text, no_list};

/// Facts of a model. Counts are of elements unless a name says bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Weights {
    /// Elements of all tensors of the model: parameters and buffers, a shared storage counted under each name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_count: Option<u64>,
    /// Named tensors of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor_count: Option<u64>,
    /// Elements by element type: `float32`, `bfloat16`, …; quantised blocks by their own name (`Q8_0`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dtypes: BTreeMap<String, u64>,
    /// Sum over tensors of a hash of (name, dtype, shape), 128 bits as 32 hexadecimal digits: equal for two files that
    /// hold weights of the same structure, in whatever order and however sharded. Says nothing of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structure: Option<String>,
    /// `state_dict`, `training_checkpoint`, `optimizer_state`, `pickled_module`, `adapter`, `tokenizer`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The file structure around the weights: `zip`, `legacy`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The architecture or model class it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The model type of a configuration (`llama`, `bert`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// A name it gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The model it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_model: Option<String>,
    /// Data it was trained on, as its model card says.
    #[serde(skip_serializing_if = "no_list")]
    pub datasets: Vec<String>,
    /// Classes of its own that a program in it defines.
    #[serde(skip_serializing_if = "no_list")]
    pub classes: Vec<String>,
    /// Further versions of the same weights that lie beside it, by what tells them apart: `fp16`, `ema`.
    #[serde(skip_serializing_if = "no_list")]
    pub variants: Vec<String>,
    /// Who made it, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its licence, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The program that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// Version of the framework that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framework_version: Option<String>,
    /// Whether optimizer state is in it: then training can be resumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_optimizer: Option<bool>,
    /// Optimizer steps done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_step: Option<u64>,
    /// Epochs done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Elements of optimizer state tensors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_elements: Option<u64>,
    /// Parameters the optimizer keeps state of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer_params: Option<u64>,
    /// Key path under which a checkpoint keeps the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_key: Option<String>,
    /// Keys of a checkpoint's outermost dictionary.
    #[serde(skip_serializing_if = "no_list")]
    pub top_level_keys: Vec<String>,
    /// Training arguments kept in it; values of secret-looking keys are replaced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Value>,
    /// Constructor arguments kept in it; values of secret-looking keys are replaced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hyper_parameters: BTreeMap<String, Value>,
    /// Free metadata of the header; values of secret-looking keys are replaced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Folders the training data lay in.
    #[serde(skip_serializing_if = "no_list")]
    pub dataset_dirs: Vec<String>,
    /// The tracker run that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wandb_run_id: Option<String>,
    /// Callables and classes a pickle names: what loading it would import.
    #[serde(skip_serializing_if = "no_list")]
    pub pickle_globals: Vec<String>,
    /// Class of a pickle's outermost object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pickle_root_class: Option<String>,
    /// Class of a pickled object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_class: Option<String>,
    /// Steps of a pipeline by class, or the steps of a training that one directory keeps.
    #[serde(skip_serializing_if = "no_list")]
    pub steps: Vec<Value>,
    /// Names of the columns it was trained on.
    #[serde(skip_serializing_if = "no_list")]
    pub feature_names: Vec<String>,
    /// How many columns it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_features: Option<u64>,
    /// Names of the classes it tells apart.
    #[serde(skip_serializing_if = "no_list")]
    pub labels: Vec<String>,
    /// Coefficients and intercepts of a linear model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coef_count: Option<u64>,
    /// Members of an ensemble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_estimators: Option<u64>,
    /// Trees of a boosted model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_trees: Option<u64>,
    /// What it was trained to minimise (`binary:logistic`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// What pickled it: `pickle`, `joblib`, `cloudpickle`, `dill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serializer: Option<String>,
    /// Protocol of its pickle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pickle_protocol: Option<u64>,
    /// Ways in which a model directory can be loaded.
    #[serde(skip_serializing_if = "no_list")]
    pub flavors: Vec<String>,
    /// File of a model directory that holds the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_file: Option<String>,
    /// The tracker run that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// When it was made, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Language of a text model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// Components of a text pipeline, in order.
    #[serde(skip_serializing_if = "no_list")]
    pub pipeline: Vec<String>,
    /// Width of word vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dim: Option<u64>,
    /// Paths of the writer's machine that it gives away.
    #[serde(skip_serializing_if = "no_list")]
    pub paths: Vec<String>,
    /// Hosts it gives away.
    #[serde(skip_serializing_if = "no_list")]
    pub hosts: Vec<String>,
    /// Whether two names share one storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_storage: Option<bool>,
    /// Elements of distinct storages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_storage_elements: Option<u64>,
    /// Files the weights are split over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<u64>,
    /// Of those, the ones that are there; absent when all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards_present: Option<u64>,
    /// File names an index lists.
    #[serde(skip)]
    pub shard_files: Vec<String>,
    /// Which of the shards this file is, counted from 0, where the file says so itself.
    #[serde(skip)]
    pub shard_index: Option<u64>,
    /// Tensors of all shards together, where a shard says so.
    #[serde(skip)]
    pub split_tensors: Option<u64>,
    /// `metadata.total_size` of an index, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_total_size: Option<u64>,
    /// Tensors an index maps to files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_map_entries: Option<u64>,
    /// Files beside it that hold its tensors.
    #[serde(skip_serializing_if = "no_list")]
    pub external_data: Vec<String>,
    /// Parts of a pipeline that is made of several models.
    #[serde(skip_serializing_if = "no_list")]
    pub components: Vec<String>,
    /// The repository of a model hub it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repo_id: Option<String>,
    /// The commit of that repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The path a written-out link holds.
    #[serde(skip)]
    pub link_text: Option<String>,
    /// Width of the hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_size: Option<u64>,
    /// Number of hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_layers: Option<u64>,
    /// Entries of the vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocab_size: Option<u64>,
    /// Whether input and output embeddings are one tensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tied_weights: Option<bool>,
    /// Whether a tokenizer lies beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_tokenizer: Option<bool>,
    /// Custom classes a loader would import, by role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub auto_map: BTreeMap<String, String>,
    /// Source files of those classes that lie beside the weights.
    #[serde(skip_serializing_if = "no_list")]
    pub custom_code: Vec<String>,
    /// Adapter method (`LORA`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peft_type: Option<String>,
    /// Adapter rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r: Option<u64>,
    /// Adapter scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_alpha: Option<f64>,
    /// Modules an adapter changes.
    #[serde(skip_serializing_if = "no_list")]
    pub target_modules: Vec<String>,
    /// Version of the GGUF container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gguf_version: Option<u64>,
    /// Operator set version of the default domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opset: Option<u64>,
    /// Version of the specification the file follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_version: Option<u64>,
    /// Layers of a network, or operations of a program, constants left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_count: Option<u64>,
    /// Constants of a graph whose weights lie in a file beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant_count: Option<u64>,
    /// Elements of those constants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant_elements: Option<u64>,
    /// Bytes of the file beside it that hold them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin_bytes: Option<u64>,
    /// Name of the graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph_name: Option<String>,
    /// Nodes of the graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_count: Option<u64>,
    /// Distinct operators of the graph.
    #[serde(skip_serializing_if = "no_list")]
    pub node_types: Vec<String>,
    /// Names of the graph's inputs, initializers left out.
    #[serde(skip_serializing_if = "no_list")]
    pub inputs: Vec<String>,
    /// Names of the graph's outputs.
    #[serde(skip_serializing_if = "no_list")]
    pub outputs: Vec<String>,
    /// Extents of the graph's first input, -1 where they vary.
    #[serde(skip_serializing_if = "no_list")]
    pub input_shape: Vec<i64>,
    /// Extents of the graph's first output.
    #[serde(skip_serializing_if = "no_list")]
    pub output_shape: Vec<i64>,
    /// Tensors of the graph, activations included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor_count_in_graph: Option<u64>,
    /// Entry points of a TensorFlow model.
    #[serde(skip_serializing_if = "no_list")]
    pub signatures: Vec<String>,
    /// Variables of a TensorFlow checkpoint: those of the model, counters and optimizer state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_variable_count: Option<u64>,
    /// The name a model of Keras gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_name: Option<String>,
    /// Version of Keras that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keras_version: Option<String>,
    /// How an Orbax checkpoint stores its arrays: `ocdbt`, `zarr`, `zarr3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// Leaves of the tree a checkpoint stores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_leaves: Option<u64>,
    /// Processes that wrote a part each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world_size: Option<u64>,
    /// The training whose checkpoint it is, where several of its steps are kept: the place they share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
}

impl Weights {
    /// See [`super::Fact::set`].
    pub(super) fn set(&mut self, field: &str, values: &[String]) -> bool {
        match field {
            "architecture" => fill_text(&mut self.architecture, values),
            "model_type" => fill_text(&mut self.model_type, values),
            "name" => fill_text(&mut self.name, values),
            "base_model" => fill_text(&mut self.base_model, values),
            "author" => fill_text(&mut self.author, values),
            "license" => fill_text(&mut self.license, values),
            "producer" => fill_text(&mut self.producer, values),
            "framework_version" => fill_text(&mut self.framework_version, values),
            "layout" => fill_text(&mut self.layout, values),
            "link_text" => fill_text(&mut self.link_text, values),
            "run_id" => fill_text(&mut self.run_id, values),
            "created" => fill_text(&mut self.created, values),
            "lang" => fill_text(&mut self.lang, values),
            "kind" => fill_text(&mut self.kind, values),
            "root_class" => fill_text(&mut self.root_class, values),
            "model_file" => fill_text(&mut self.model_file, values),
            "datasets" => fill_list(&mut self.datasets, values),
            "feature_names" => fill_list(&mut self.feature_names, values),
            "labels" => fill_list(&mut self.labels, values),
            "flavors" => fill_list(&mut self.flavors, values),
            "pipeline" => fill_list(&mut self.pipeline, values),
            "paths" => fill_list(&mut self.paths, values),
            "hosts" => fill_list(&mut self.hosts, values),
            "inputs" => fill_list(&mut self.inputs, values),
            "outputs" => fill_list(&mut self.outputs, values),
            "custom_code" => fill_list(&mut self.custom_code, values),
            _ => return false,
        }
        true
    }
}
