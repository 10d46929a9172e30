//! Files of one pickled object: pickle, joblib, cloudpickle, dill.
//!
//! What it is, is decided by the classes it names ([`super::python_classes`]): an object of a library of models, or of
//! somebody's own code, is a model; a table or array is data; settings, caches and sessions are neither, and not a word
//! is said of them. The pickle is walked as structure ([`super::pickle`]): nothing is imported, called or built.

use super::super::{Finding, Input, ProbeError, kit};
use super::pickle::{self, Id, Node, Pickle, Tree, Visits};
use super::python_arrays::{self, Arrays};
use super::python_classes::{Origin, class_of, origin, reads_like_state};
use super::{estimator, torch};
use crate::blob::Cursor;
use crate::model::{Fact, Weights, publishable};

/// Newest protocol there is.
const MAX_PROTOCOL: u8 = 5;
/// Values looked at while a model is looked for in containers.
const MAX_VISITS: u32 = 20_000;
/// Names looked at: real pickles have some hundred.
const MAX_GLOBALS: usize = 10_000;
/// Deepest container a model is looked for in.
const MAX_DEPTH: u8 = 4;
/// Attributes of an object among which one is looked for.
const MAX_ATTRIBUTES: usize = 512;
/// Files beside a pickle that are listed.
const MAX_SIDECARS: usize = 10_000;

/// A file of whatever pickler.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let protocol = protocol(input.head).ok_or(ProbeError::NotMine)?;
    let pickle = pickle::walk(&mut Cursor::new(input.blob, 0));
    if let Some(error) = &pickle.stopped
        && !error.is_storage()
        && protocol < 2
    {
        // Nothing but its opcodes says that it is one: they must make sense to their end.
        return Err(ProbeError::NotMine);
    }
    if protocol < 2 && pickle.end != input.blob.size() {
        return Err(ProbeError::NotMine);
    }
    describe(pickle, protocol)
}

/// The protocol a beginning could be of. Protocols 0 and 1 have no mark: the first opcode must be one that begins an
/// object or a container.
fn protocol(head: &[u8]) -> Option<u8> {
    match head {
        [0x80, protocol, ..] => (*protocol <= MAX_PROTOCOL).then_some(*protocol),
        [b'(' | b'c', _, ..] => Some(0),
        [b']' | b'}', b'q' | b'r' | b'(', ..] => Some(1),
        _ => None,
    }
}

fn describe(pickle: Pickle, protocol: u8) -> Result<Finding, ProbeError> {
    let (tree, root) = (&pickle.tree, pickle.root);
    let found = recognise(tree, root)?;
    let Some(fact) = found else {
        return Err(match pickle.stopped {
            Some(error) => error.into(),
            None => ProbeError::NotMine,
        });
    };
    let mut finding = Finding::new(fact);
    let serializer = serializer(tree);
    if let Fact::Weights(weights) = &mut finding.fact {
        weights.pickle_protocol = Some(u64::from(protocol));
        weights.pickle_globals = torch::globals(tree);
        weights.serializer = Some(serializer.to_owned());
        weights.external_data = sidecars(tree);
    }
    if serializer == "joblib" {
        finding.format = Some("joblib");
    }
    if let Some(stopped) = &pickle.stopped {
        if stopped.is_storage() {
            return Err(pickle.stopped.map_or(ProbeError::NotMine, ProbeError::from));
        }
        finding.notes.push((stopped.cause(), format!("{stopped}; what follows was not read")));
    }
    Ok(finding)
}

/// Files beside it that hold its arrays: joblib before 0.10 kept each in one, named after the pickle.
fn sidecars(tree: &Tree) -> Vec<String> {
    let is_old = |node: &Node| match node {
        Node::Global(global) => matches!(global.name.as_str(), "NDArrayWrapper" | "ZNDArrayWrapper"),
        _ => false,
    };
    if !tree.nodes().any(is_old) {
        return Vec::new();
    }
    let name = |node: &Node| match node {
        Node::Str(text) if text.ends_with(".npy") || text.ends_with(".npy.z") => Some(publishable("", text)),
        _ => None,
    };
    let mut names: Vec<String> = tree.nodes().filter_map(name).filter(|name| !kit::leaves_directory(name)).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(MAX_SIDECARS);
    names
}

/// Who wrote it, by the helpers it calls; without any, Python's own pickler, or another that needed no help.
fn serializer(tree: &Tree) -> &'static str {
    let names = |word: &str| {
        tree.nodes().any(|node| match node {
            Node::Global(global) => global.module.split('.').any(|part| part == word),
            _ => false,
        })
    };
    let known = [("joblib", "joblib"), ("cloudpickle", "cloudpickle"), ("_dill", "dill"), ("dill", "dill")];
    known.into_iter().find(|(word, _)| names(word)).map_or("pickle", |(_, serializer)| serializer)
}

/// What of this house's families it is, if any.
fn recognise(tree: &Tree, root: Id) -> Result<Option<Fact>, ProbeError> {
    let class = class_of(tree, root);
    let from = class.as_ref().map_or(Origin::Neither, origin);
    if torch::is_module(tree, root) || from == Origin::Model {
        return Ok(Some(model(tree, root)));
    }
    if from == Origin::Own && class.as_ref().is_some_and(|class| learned(tree) || !reads_like_state(class)) {
        return Ok(Some(model(tree, root)));
    }
    if let Some(class) = class.as_ref().filter(|_| from == Origin::Data)
        && class.module.split('.').next() == Some("pandas")
    {
        return Ok(Some(Fact::Dataset(Box::new(python_arrays::table(tree)))));
    }
    if from != Origin::Own
        && let Some(part) = part(tree, root, MAX_DEPTH, &mut Visits::new(MAX_VISITS))
    {
        return Ok(Some(model(tree, part)));
    }
    Ok(match python_arrays::arrays(tree, root)? {
        Some(Arrays::Weights(weights)) => Some(Fact::Weights(weights)),
        Some(Arrays::Data(dataset)) => Some(Fact::Dataset(dataset)),
        None => None,
    })
}

fn model(tree: &Tree, id: Id) -> Fact {
    let root_class = class_of(tree, id).map(|class| publishable("", &class.dotted()));
    let mut weights = Weights { root_class, ..Weights::default() };
    estimator::describe(tree, id, &mut weights);
    Fact::Weights(Box::new(weights))
}

/// Whether anything of a library of models or arrays is in it.
fn learned(tree: &Tree) -> bool {
    let globals = tree.nodes().filter_map(|node| match node {
        Node::Global(global) => Some(global),
        _ => None,
    });
    globals.take(MAX_GLOBALS).any(|global| matches!(origin(global), Origin::Model | Origin::Data))
}

/// The first object of a library of models in a container: `{"model": …, "columns": […]}`, `[scaler, model]`.
fn part(tree: &Tree, id: Id, depth: u8, visits: &mut Visits) -> Option<Id> {
    if !visits.take() {
        return None;
    }
    let is_model = class_of(tree, id).is_some_and(|class| origin(&class) == Origin::Model);
    if is_model || torch::is_module(tree, id) {
        return Some(id);
    }
    let depth = depth.checked_sub(1)?;
    let values = tree.entries(id).unwrap_or_default().iter().map(|&(_, value)| value);
    let items = tree.items(id).unwrap_or_default().iter().copied();
    values.chain(items).find_map(|value| part(tree, value, depth, visits))
}

/// The value of an object's attribute.
pub(super) fn attribute(tree: &Tree, id: Id, name: &str) -> Option<Id> {
    let mut attributes = tree.attributes(id)?.iter().take(MAX_ATTRIBUTES);
    attributes.find(|(key, _)| tree.text(*key) == Some(name)).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(bytes: &[u8]) -> Result<Finding, ProbeError> {
        probe(&Input::new(&Memory::new(bytes), bytes))
    }

    /// `class` with the given attributes, in protocol 2.
    fn object(module: &str, name: &str, attributes: &[u8]) -> Vec<u8> {
        let mut bytes = format!("\u{2}c{module}\n{name}\n)").into_bytes();
        bytes.insert(0, 0x80);
        bytes.extend(b"\x81}(");
        bytes.extend(attributes);
        bytes.extend(b"ub.");
        bytes
    }

    #[test]
    fn classes_say_what_is_a_model() {
        let own = run(&object("acme.models", "Foo", b"")).unwrap();
        assert_eq!(own.fact.weights().unwrap().root_class.as_deref(), Some("acme.models.Foo"));
        for (module, name) in [
            ("collections", "OrderedDict"),
            ("acme.settings", "Preferences"),
            ("sphinx.environment", "BuildEnvironment"),
            ("google.oauth2.credentials", "Credentials"),
            ("posix", "system"),
        ] {
            assert!(matches!(run(&object(module, name, b"")), Err(ProbeError::NotMine)), "{module}.{name}");
        }
    }

    #[test]
    fn a_cut_model_says_what_came_before_the_cut() {
        let attributes = b"X\x10\0\0\0_sklearn_versionX\x05\0\0\0" as &[u8];
        let whole = object("sklearn.svm", "SVC", &[attributes, b"1.2.3X\x0e\0\0\0n_features_in_K\x07"].concat());
        let weights = run(&whole).unwrap().fact.weights().unwrap().clone();
        assert_eq!((weights.framework_version.as_deref(), weights.n_features), (Some("1.2.3"), Some(7)));
        let cut = run(&whole[..whole.len() - 3]).unwrap();
        assert_eq!(cut.fact.weights().unwrap().framework_version.as_deref(), Some("1.2.3"));
        assert_eq!(cut.notes.len(), 1);
    }

    #[test]
    fn protocols_without_a_mark_must_make_sense_to_their_end() {
        let old = b"ccopy_reg\n_reconstructor\n(cacme.models\nFoo\nc__builtin__\nobject\nNtR.";
        assert_eq!(run(old).unwrap().fact.weights().unwrap().root_class.as_deref(), Some("acme.models.Foo"));
        for bytes in [&old[..old.len() - 1], b"(a bracket)", b"configuration\n", b"]q", b"", b"{}"] {
            assert!(matches!(run(bytes), Err(ProbeError::NotMine)), "{bytes:?}");
        }
        assert!(run(&[old.as_slice(), b"more"].concat()).is_err());
    }

    #[test]
    fn arrays_of_joblib_are_passed_over() {
        let wrapper = |dtype: &str| {
            let mut bytes = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\0\0\0shapeK\x02K\x03\x86X\x05\0\0\0dtypecnumpy\ndtype\n".to_vec();
            bytes.extend(b"X\x02\0\0\0");
            bytes.extend(dtype.as_bytes());
            bytes.extend(b"\x85Rub");
            bytes
        };
        let whole = [wrapper("f4"), vec![b'!'; 24], b".".to_vec()].concat();
        let found = run(&whole).unwrap();
        assert_eq!(found.format, Some("joblib"));
        let Fact::Dataset(dataset) = found.fact else { panic!() };
        assert_eq!((dataset.shape, dataset.element_count), (Some(vec![2, 3]), Some(6)));
        // A pickle within a pickle within a pickle ends.
        let deep: Vec<u8> = (0..50).flat_map(|_| wrapper("O8")).collect();
        let _ = run(&deep);
    }

    #[test]
    fn memos_of_many_pickles_in_one_are_bounded_together() {
        let mut bytes = b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81q\x00}(X\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0O8\x85Ruq\x01".to_vec();
        bytes.extend(b"bNr\xff\xff\x3f\0.");
        for _ in 0..100_000 {
            bytes.extend(b"h\x00h\x01bNr\xff\xff\x3f\0.");
        }
        let start = std::time::Instant::now();
        let _ = run(&bytes);
        assert!(start.elapsed().as_secs() < 2);
    }
}
