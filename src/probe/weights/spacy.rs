//! spaCy pipelines: `meta.json`, which describes the directory, and the weights of its components.
//!
//! Follows spaCy 3 (`Language.to_disk`) and thinc 8 (`Model.to_bytes`): a component's `model` is MessagePack, with one
//! row of arrays for each node of its graph.

use serde_json::{Map, Value};

use super::super::{Finding, Input, ProbeError, kit};
use super::tensors::Tensors;
use crate::model::{Fact, Weights, publishable};
use crate::probe::events::{self, Event, Syntax, short};

/// Largest description: one with the labels of a large parser has some 100 KiB.
const MAX_META: u64 = 16 << 20;
/// Bytes of weights files that are read: arrays themselves are passed over.
const MAX_MODEL: u64 = 64 << 20;
const MAX_LABELS: usize = 10_000;
const MAX_DIMS: usize = 64;

/// `meta.json`.
pub(crate) fn meta(input: &Input) -> Result<Finding, ProbeError> {
    let meta: Map<String, Value> =
        kit::json_file(input, MAX_META, &["\"spacy_version\""], "the description of the pipeline")?;
    let text = |key: &str| meta.get(key)?.as_str().filter(|text| !text.is_empty()).map(|text| publishable(key, text));
    let pipeline = meta.get("pipeline").and_then(Value::as_array);
    let (Some(lang), Some(pipeline)) = (text("lang"), pipeline) else { return Err(ProbeError::NotMine) };
    let component = |part: &Value| part.as_str().map(|name| publishable("", name));
    let vectors = |key: &str| meta.get("vectors")?.get(key)?.as_u64().filter(|&count| count > 0);
    let mut weights = Weights {
        lang: Some(lang),
        name: text("name"),
        author: text("author"),
        license: text("license"),
        framework_version: text("spacy_version"),
        revision: text("version"),
        pipeline: pipeline.iter().filter_map(component).take(MAX_LABELS).collect(),
        labels: labels(meta.get("labels").unwrap_or(&Value::Null)),
        dim: vectors("width"),
        vocab_size: vectors("keys"),
        ..Weights::default()
    };
    if let Some(sources) = meta.get("sources").and_then(Value::as_array) {
        let names: Vec<&str> = sources.iter().filter_map(|source| source.get("name")?.as_str()).collect();
        weights.metadata.insert("sources".to_owned(), publishable("", &names.join(", ")));
    }
    Ok(Finding::new(Fact::Weights(Box::new(weights))))
}

/// The labels of all components, each once.
fn labels(components: &Value) -> Vec<String> {
    let lists = components.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_array);
    let mut labels: Vec<String> =
        lists.flatten().filter_map(Value::as_str).take(MAX_LABELS).map(str::to_owned).collect();
    labels.sort_unstable();
    labels.dedup();
    labels.into_iter().map(|label| publishable("", &label)).collect()
}

/// A component's weights.
pub(crate) fn thinc(input: &Input) -> Result<Finding, ProbeError> {
    let mut model = Model::default();
    let outcome = events::walk(input.blob, 0, MAX_MODEL, Syntax::Msgpack, &mut |path, event| model.take(path, event));
    if !model.has_params {
        return Err(outcome.err().unwrap_or(ProbeError::NotMine));
    }
    let mut weights = Weights::default();
    model.sum.fill(&mut weights);
    let mut finding = Finding::new(Fact::Weights(Box::new(weights)));
    if let Some(error) = outcome.err().or(model.failed) {
        finding.notes.push(kit::note(error)?);
    }
    Ok(finding)
}

/// The arrays of a graph's nodes.
#[derive(Default)]
struct Model {
    sum: Tensors,
    has_params: bool,
    dtype: String,
    shape: Vec<u64>,
    failed: Option<ProbeError>,
}

impl Model {
    fn take(&mut self, path: &[String], event: Event) {
        let Some(path) = short::<5>(path) else { return };
        match (path.as_slice(), event) {
            (["params"], Event::Open) => self.has_params = true,
            (["params", "", _], Event::Open) => self.shape.clear(),
            (["params", "", _, "type"], Event::Text(code)) => dtype(code).clone_into(&mut self.dtype),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held against its range")]
            (["params", "", _, "shape", ""], Event::Number(extent))
                if (0.0..1e15).contains(&extent) && self.shape.len() < MAX_DIMS =>
            {
                self.shape.push(extent as u64);
            }
            (["params", "", name, "data"], Event::Word) => {
                // The node's number tells arrays of one name apart.
                let name = format!("{}.{name}", self.sum.count());
                self.failed = self.sum.add(&name, &self.dtype, &self.shape).err().or(self.failed.take());
            }
            _ => {}
        }
    }
}

/// numpy's type code with its byte order, as a name.
fn dtype(code: &str) -> &'static str {
    match code.trim_start_matches(['<', '>', '|', '=']) {
        "f2" => "float16",
        "f4" => "float32",
        "f8" => "float64",
        "i4" => "int32",
        "i8" => "int64",
        "u4" => "uint32",
        "u8" => "uint64",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(probe: fn(&Input) -> Result<Finding, ProbeError>, bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    #[test]
    fn descriptions_of_other_things_are_left() {
        for text in
            [r#"{"lang": "en"}"#, r#"{"name": "x", "pipeline": ["a"]}"#, r#"{"lang": "en", "pipeline": 3}"#, "{}"]
        {
            assert!(matches!(run(meta, text.as_bytes()), Err(ProbeError::NotMine)), "{text}");
        }
        let text = r#"{"lang": "en", "pipeline": ["ner", "textcat"], "labels": {"ner": ["B", "A"], "textcat": ["A"]}}"#;
        assert_eq!(run(meta, text.as_bytes()).unwrap().fact.weights().unwrap().labels, ["A", "B"]);
    }

    #[test]
    fn arrays_are_summed_over_nodes() {
        let array =
            b"\x85\xc4\x02nd\xc3\xc4\x04type\xa3<f4\xc4\x04kind\xc4\x00\xc4\x05shape\x92\x02\x03\xc4\x04data\xc4\x02xx";
        let mut bytes = b"\x82\xa5nodes\x90\xa6params\x92\x81\xa1E".to_vec();
        bytes.extend(array);
        bytes.extend(b"\x81\xa1E");
        bytes.extend(array);
        let finding = run(thinc, &bytes).unwrap();
        let weights = finding.fact.weights().unwrap();
        assert_eq!((weights.parameter_count, weights.tensor_count), (Some(12), Some(2)));
        assert_eq!(weights.dtypes.keys().collect::<Vec<_>>(), ["float32"]);
        assert!(matches!(run(thinc, b"\x81\xa5nodes\x90"), Err(ProbeError::NotMine)));
    }
}
