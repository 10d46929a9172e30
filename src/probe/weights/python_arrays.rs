//! Arrays and tables of numpy and pandas in a pickle, and what of them is data.
//!
//! An array says its shape and type beside its bytes, which are not kept. Joblib's stand-ins
//! ([`super::pickle`]) are arrays too. Follows numpy 1 and 2 (`_reconstruct`, `_frombuffer`) and pandas 1 to 3
//! (`_new_Index`: the first index of a frame is its columns, the second its rows).

use super::pickle::{Id, Node, Tree, Visits};
use super::tensors::Tensors;
use crate::model::{Dataset, TableFacts, Weights, keep, publishable};
use crate::probe::{ProbeError, kit, numpy};

/// Most arrays and columns that are listed.
const MAX_LISTED: usize = 1000;
/// Entries of dictionaries looked at.
const MAX_VISITS: u32 = 100_000;
/// Most dimensions of an array: numpy stops at 64.
const MAX_DIMS: usize = 64;
/// Last parts of a parameter's name.
const PARAMETER_WORDS: [&str; 14] = [
    "weight",
    "weights",
    "bias",
    "biases",
    "kernel",
    "gamma",
    "beta",
    "running_mean",
    "running_var",
    "moving_mean",
    "moving_variance",
    "embedding",
    "scale",
    "w",
];

/// What a pickle says of an array.
pub(super) struct Array<'t> {
    /// numpy's type code, without byte order.
    code: &'t str,
    /// Its extents.
    pub(super) shape: Vec<u64>,
    /// Its elements, where they are objects.
    objects: Option<Id>,
}

impl<'t> Array<'t> {
    /// The array a value is, if it is one.
    pub(super) fn of(tree: &'t Tree, id: Id) -> Option<Array<'t>> {
        let class = tree.class(id)?;
        let (size, dtype, objects) = match class.name.as_str() {
            "NumpyArrayWrapper" => {
                let attribute = |name| super::python_object::attribute(tree, id, name);
                let inner = tree.object(id)?.items.first().and_then(|&inner| plain_array(tree, inner));
                return Some(Array {
                    code: code(tree, attribute("dtype")?)?,
                    shape: shape(tree, attribute("shape")?)?,
                    objects: inner.and_then(|inner| inner.objects),
                });
            }
            "_reconstruct" => match tree.items(tree.object(id)?.state?)? {
                [_, size, dtype, _, data, ..] => (*size, *dtype, Some(*data)),
                _ => return None,
            },
            "_frombuffer" => match tree.args(id) {
                [_, dtype, size, ..] => (*size, *dtype, None),
                _ => return None,
            },
            _ => return None,
        };
        let of_objects = objects.filter(|&objects| matches!(tree.node(objects), Node::List(_)));
        let numpy = class.module.starts_with("numpy.");
        Some(Array { code: code(tree, dtype)?, shape: shape(tree, size)?, objects: of_objects }).filter(|_| numpy)
    }

    /// Its elements; as many as 64 bits count where there are more.
    pub(super) fn elements(&self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &extent| product.saturating_mul(extent))
    }

    /// Its element type by its long name.
    fn dtype(&self) -> &'t str {
        let objects = matches!(self.code, "O" | "O8").then_some("object");
        objects.or_else(|| numpy::type_name(self.code)).unwrap_or(self.code)
    }

    /// The texts in it, if all of its elements are texts.
    pub(super) fn texts(&self, tree: &Tree) -> Option<Vec<String>> {
        texts(tree, tree.items(self.objects?)?)
    }
}

/// An array that is no stand-in: those do not stand in each other.
fn plain_array(tree: &Tree, id: Id) -> Option<Array<'_>> {
    let class = tree.class(id).filter(|class| class.name != "NumpyArrayWrapper");
    class.and_then(|_| Array::of(tree, id))
}

/// Texts as they may be published, if all values are texts.
pub(super) fn texts(tree: &Tree, items: &[Id]) -> Option<Vec<String>> {
    let items = || items.iter().take(MAX_LISTED).map(|&item| tree.text(item));
    // Asked before anything is copied: a hostile pickle can have the same list in many places.
    let all_texts = items().all(|text| text.is_some()) && items().next().is_some();
    all_texts.then(|| items().flatten().map(|text| publishable("", text)).collect())
}

fn code(tree: &Tree, dtype: Id) -> Option<&str> {
    tree.text(*tree.args(dtype).first()?).filter(|code| numpy::can_be_published(code))
}

fn shape(tree: &Tree, id: Id) -> Option<Vec<u64>> {
    let extents = tree.items(id).filter(|extents| extents.len() <= MAX_DIMS)?;
    extents.iter().map(|&extent| tree.unsigned(extent)).collect()
}

/// The frame, series or index a pickle of pandas is.
pub(super) fn table(tree: &Tree) -> Dataset {
    let mut indexes = tree.nodes().filter_map(|node| match node {
        Node::Object(object) if tree.global(object.callable).is_some_and(|maker| maker.name == "_new_Index") => {
            tree.items(object.args)
        }
        _ => None,
    });
    let (columns, rows) = (indexes.next(), indexes.next());
    let names = columns.and_then(|args| index_names(tree, args)).unwrap_or_default();
    Dataset {
        kind: Some("dataframe".to_owned()),
        table: TableFacts {
            row_count: rows.or(columns).and_then(|args| index_length(tree, args)),
            ..TableFacts::default()
        },
        keys: if rows.is_some() { names } else { Vec::new() },
        ..Dataset::default()
    }
}

fn index_field(tree: &Tree, args: &[Id], name: &str) -> Option<Id> {
    let fields = tree.entries(*args.get(1)?)?.iter().take(16);
    fields.clone().find(|(key, _)| tree.text(*key) == Some(name)).map(|(_, value)| *value)
}

fn index_names(tree: &Tree, args: &[Id]) -> Option<Vec<String>> {
    let data = index_field(tree, args, "data")?;
    if let Some(array) = Array::of(tree, data) {
        return array.texts(tree);
    }
    // An extension array keeps the array among its attributes, or in its state.
    let state = tree.object(data)?.state;
    let attributes = tree.attributes(data).unwrap_or_default().iter().map(|&(_, value)| value);
    let parts = state.and_then(|state| tree.items(state)).unwrap_or_default().iter().copied();
    attributes.chain(parts).take(16).find_map(|value| Array::of(tree, value)?.texts(tree))
}

fn index_length(tree: &Tree, args: &[Id]) -> Option<u64> {
    if let Some(data) = index_field(tree, args, "data") {
        return Array::of(tree, data)?.shape.first().copied();
    }
    let number = |name| index_field(tree, args, name).and_then(|id| tree.unsigned(id));
    let (start, stop, step) = (number("start")?, number("stop")?, number("step")?);
    stop.checked_sub(start)?.div_ceil(step.max(1)).into()
}

/// What a pickle of arrays alone is: the parameters of a model by their names, or data.
pub(super) enum Arrays {
    /// Named like the parameters of a model.
    Weights(Box<Weights>),
    /// Anything else.
    Data(Box<Dataset>),
}

/// The arrays a pickle is made of: one, a list of them, or a dictionary of them.
///
/// # Errors
/// [`ProbeError::Malformed`] where their elements are more than 64 bits count.
pub(super) fn arrays(tree: &Tree, root: Id) -> Result<Option<Arrays>, ProbeError> {
    if let Some(array) = Array::of(tree, root) {
        let mut dataset = Dataset { shape: Some(array.shape.clone()), ..data() };
        add(&mut dataset, &array)?;
        dataset.table.row_count = array.shape.first().copied();
        return Ok((array.elements() > 1).then_some(Arrays::Data(Box::new(dataset))));
    }
    let named = named(tree, root);
    if named.is_empty() {
        return Ok(None);
    }
    let parameters = named.iter().filter(|(name, _)| is_parameter(name)).count();
    if parameters >= 2 && parameters.saturating_mul(2) > named.len() {
        let mut sum = Tensors::default();
        for (name, array) in &named {
            sum.add(name, array.dtype(), &array.shape)?;
        }
        let mut weights = Weights { kind: Some("state_dict".to_owned()), ..Weights::default() };
        sum.fill(&mut weights);
        return Ok(Some(Arrays::Weights(Box::new(weights))));
    }
    let mut dataset = data();
    for (name, array) in &named {
        add(&mut dataset, array)?;
        if !name.is_empty() && dataset.arrays.len() < MAX_LISTED {
            dataset.keys.push(publishable("", name));
            keep(&mut dataset.arrays, publishable("", name), array.shape.clone());
        }
    }
    let rows = named.first().and_then(|(_, array)| array.shape.first().copied());
    dataset.table.row_count = rows.filter(|rows| named.iter().all(|(_, array)| array.shape.first() == Some(rows)));
    Ok((dataset.element_count > Some(1)).then_some(Arrays::Data(Box::new(dataset))))
}

fn data() -> Dataset {
    Dataset { kind: Some("tensor_data".to_owned()), element_count: Some(0), ..Dataset::default() }
}

fn add(dataset: &mut Dataset, array: &Array) -> Result<(), ProbeError> {
    let elements = kit::elements(&array.shape)?;
    dataset.element_count = dataset.element_count.and_then(|sum| sum.checked_add(elements));
    let of_type = dataset.dtypes.entry(array.dtype().to_owned()).or_default();
    *of_type = of_type.saturating_add(elements);
    if array.objects.is_some() {
        dataset.contains_pickle = Some(true);
    }
    Ok(())
}

/// The arrays of a list or dictionary, and of dictionaries in it, by dotted name; those of a list have none.
fn named(tree: &Tree, root: Id) -> Vec<(String, Array<'_>)> {
    let mut found = Vec::new();
    let key = |id: Id| match tree.node(id) {
        Node::Str(text) => Some(text.to_string()),
        Node::Int(number) => Some(number.to_string()),
        // Keys of Python 2 that were read as bytes.
        Node::Bytes { len, head } => {
            let kept = usize::try_from(*len).ok().and_then(|len| head.get(..len)).unwrap_or(head);
            Some(String::from_utf8_lossy(kept).into_owned())
        }
        _ => None,
    };
    let mut visits = Visits::new(MAX_VISITS);
    for &item in tree.items(root).unwrap_or_default().iter().take(MAX_LISTED) {
        found.extend(Array::of(tree, item).map(|array| (String::new(), array)));
    }
    for &(name, value) in tree.entries(root).unwrap_or_default() {
        if !visits.take() {
            break;
        }
        let Some(name) = key(name) else { continue };
        if let Some(array) = Array::of(tree, value) {
            found.push((name, array));
            continue;
        }
        for &(inner, value) in tree.entries(value).unwrap_or_default() {
            if !visits.take() {
                break;
            }
            let inner = key(inner).and_then(|inner| Some((format!("{name}.{inner}"), Array::of(tree, value)?)));
            found.extend(inner);
        }
    }
    found
}

fn is_parameter(name: &str) -> bool {
    let last = name.rsplit(['.', '/', ':']).find(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
    let last = last.unwrap_or_default().to_ascii_lowercase();
    let first = last.rsplit('_').next().unwrap_or_default();
    PARAMETER_WORDS.contains(&last.as_str()) || (name.contains(['.', '/', '_']) && PARAMETER_WORDS.contains(&first))
}
