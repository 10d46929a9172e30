//! Tensors as PyTorch pickles them: a call of one of its rebuild functions over a storage kept elsewhere.
//!
//! Follows `torch/_utils.py`, `torch/_tensor.py` and `torch/serialization.py` of PyTorch 2.15, and of 0.4 and 1.13 for
//! what older files hold. A call that is not known, or whose arguments are not what its function takes, is no tensor.

use super::super::pickle::{Global, Id, Node, Tree};
use crate::probe::numpy;

/// Most dimensions of a tensor: PyTorch itself stops at 64.
const MAX_DIMS: usize = 64;
/// Deepest wrapping of a tensor in a parameter, in a subclass.
const MAX_WRAPPERS: u8 = 4;
/// Longest storage key: writers number storages, or use an address of 64 bits.
const MAX_KEY: usize = 64;

/// What a pickle says of a tensor.
pub(super) struct Tensor<'t> {
    pub(super) dtype: &'t str,
    pub(super) shape: Vec<u64>,
    /// Where its elements are, if they are in a storage of the file.
    pub(super) storage: Option<Storage<'t>>,
}

impl Tensor<'_> {
    /// Its elements; as many as 64 bits count where there are more.
    pub(super) fn elements(&self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &extent| product.saturating_mul(extent))
    }
}

/// A storage a pickle refers to.
#[derive(Clone)]
pub(in super::super) struct Storage<'t> {
    /// Its name in the file.
    pub(in super::super) key: &'t str,
    /// Its elements.
    pub(in super::super) elements: u64,
    /// Its element type; `None` where the storage is of bytes.
    dtype: Option<&'t str>,
}

impl Storage<'_> {
    /// Its length in the file, if the size of its elements is known.
    pub(in super::super) fn bytes(&self) -> Option<u64> {
        let size = match self.dtype {
            None | Some("uint8" | "int8" | "bool" | "qint8" | "quint8") => 1,
            Some("float16" | "bfloat16" | "int16") => 2,
            Some("float32" | "int32" | "qint32") => 4,
            Some("float64" | "int64" | "complex64") => 8,
            Some("complex128") => 16,
            Some(_) => return None,
        };
        self.elements.checked_mul(size)
    }
}

/// The storage a persistent id names: `('storage', class, key, device, elements)`, and in legacy files a view after it.
pub(in super::super) fn storage<'t>(tree: &'t Tree, node: &Node) -> Option<Storage<'t>> {
    let Node::Persistent(id) = node else { return None };
    let [tag, class, key, _, elements, ..] = tree.items(*id)? else { return None };
    let (tag, class, key) = (tree.text(*tag)?, tree.global(*class)?, tree.text(*key)?);
    if tag != "storage" || !is_storage_class(class) || key.len() > MAX_KEY {
        return None;
    }
    Some(Storage { key, elements: tree.unsigned(*elements)?, dtype: storage_dtype(&class.name) })
}

/// Whether it is one of PyTorch's storage classes: loading those imports nothing that is not PyTorch's own.
pub(super) fn is_storage_class(class: &Global) -> bool {
    class.name.ends_with("Storage") && matches!(class.module.as_str(), "torch" | "torch.storage" | "torch.cuda")
}

fn storage_dtype(class: &str) -> Option<&str> {
    Some(match class {
        "DoubleStorage" => "float64",
        "FloatStorage" => "float32",
        "HalfStorage" => "float16",
        "BFloat16Storage" => "bfloat16",
        "LongStorage" => "int64",
        "IntStorage" => "int32",
        "ShortStorage" => "int16",
        "CharStorage" => "int8",
        "ByteStorage" => "uint8",
        "BoolStorage" => "bool",
        "ComplexFloatStorage" => "complex64",
        "ComplexDoubleStorage" => "complex128",
        "QInt8Storage" => "qint8",
        "QUInt8Storage" => "quint8",
        "QInt32Storage" => "qint32",
        "QUInt4x2Storage" => "quint4x2",
        "QUInt2x4Storage" => "quint2x4",
        _ => return None,
    })
}

/// The tensor a value is, if it is one.
pub(super) fn tensor(tree: &Tree, id: Id) -> Option<Tensor<'_>> {
    let object = tree.object(id)?;
    let callable = tree.global(object.callable)?;
    // `Parameter(data)` and `Variable(data, …)` of the first versions keep the data in the arguments or in the state.
    if matches!(callable.name.as_str(), "Parameter" | "Variable") && callable.module.starts_with("torch.") {
        let inner = tree.args(id).first().or_else(|| tree.items(object.state?)?.first());
        return rebuilt_of(tree, *inner?, MAX_WRAPPERS);
    }
    rebuilt(tree, callable, tree.args(id), MAX_WRAPPERS)
}

fn rebuilt_of(tree: &Tree, id: Id, wrappers: u8) -> Option<Tensor<'_>> {
    array(tree, id).or_else(|| rebuilt(tree, tree.class(id)?, tree.args(id), wrappers.checked_sub(1)?))
}

/// The tensor that `callable` would make of `args`.
fn rebuilt<'t>(tree: &'t Tree, callable: &'t Global, args: &'t [Id], wrappers: u8) -> Option<Tensor<'t>> {
    if !matches!(callable.module.as_str(), "torch._utils" | "torch._tensor" | "torch.tensor") {
        return None;
    }
    match (callable.name.as_str(), args) {
        ("_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_qtensor", [data, _, size, ..]) => {
            dense(tree, *data, *size, None)
        }
        ("_rebuild_tensor_v3", [data, _, size, _, _, _, dtype, ..]) => dense(tree, *data, *size, Some(*dtype)),
        ("_rebuild_parameter" | "_rebuild_parameter_with_state", [data, ..]) => rebuilt_of(tree, *data, wrappers),
        ("_rebuild_from_type" | "_rebuild_from_type_v2", [inner, _, inner_args, ..]) => {
            rebuilt(tree, tree.global(*inner)?, tree.items(*inner_args)?, wrappers.checked_sub(1)?)
        }
        (
            "_rebuild_device_tensor_from_numpy" | "_rebuild_device_tensor_from_cpu_tensor" | "_rebuild_xla_tensor",
            args,
        ) => {
            let [data, dtype, ..] = args else { return None };
            let inner = rebuilt_of(tree, *data, wrappers)?;
            Some(Tensor { dtype: dtype_name(tree, *dtype).unwrap_or(inner.dtype), ..inner })
        }
        ("_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor", [_, data]) => {
            sparse(tree, tree.items(*data)?, wrappers)
        }
        // Ragged rows lie in one buffer: its elements are the tensor's.
        ("_rebuild_nested_tensor", [buffer, ..]) => rebuilt_of(tree, *buffer, wrappers),
        ("_rebuild_wrapper_subclass", [_, dtype, size, ..])
        | ("_rebuild_meta_tensor_no_storage", [dtype, size, ..]) => {
            Some(Tensor { dtype: dtype_name(tree, *dtype)?, shape: shape(tree, *size)?, storage: None })
        }
        _ => None,
    }
}

fn dense<'t>(tree: &'t Tree, data: Id, size: Id, dtype: Option<Id>) -> Option<Tensor<'t>> {
    let storage = storage(tree, tree.node(data))?;
    let dtype = dtype.and_then(|dtype| dtype_name(tree, dtype)).or(storage.dtype).unwrap_or("uint8");
    Some(Tensor { dtype, shape: shape(tree, size)?, storage: Some(storage) })
}

/// `(indices, values, size, …)` or `(compressed, plain, values, size)`: the extents are those of the whole.
fn sparse<'t>(tree: &'t Tree, data: &'t [Id], wrappers: u8) -> Option<Tensor<'t>> {
    let tensors = data.iter().map_while(|&part| rebuilt_of(tree, part, wrappers));
    let (count, values) = tensors.enumerate().last()?;
    let size = *data.get(count.checked_add(1)?)?;
    Some(Tensor { dtype: values.dtype, shape: shape(tree, size)?, storage: None })
}

/// An element type, by its name in the module `torch`.
pub(in super::super) fn dtype_name(tree: &Tree, id: Id) -> Option<&str> {
    let name = tree.global(id).filter(|global| global.module == "torch")?.name.as_str();
    numpy::can_be_published(name).then_some(name)
}

/// Extents: a tuple of integers, or `torch.Size` of one.
pub(in super::super) fn shape(tree: &Tree, id: Id) -> Option<Vec<u64>> {
    let items = match tree.class(id) {
        Some(class) if class.is("torch", "Size") => tree.items(*tree.args(id).first()?)?,
        _ => tree.items(id)?,
    };
    if items.len() > MAX_DIMS {
        return None;
    }
    items.iter().map(|&extent| tree.unsigned(extent)).collect()
}

/// A numpy array: `_reconstruct(ndarray, (0,), b'b')`, whose state holds extents and type, or since protocol 5
/// `_frombuffer(bytes, dtype, shape, order)`.
pub(super) fn array(tree: &Tree, id: Id) -> Option<Tensor<'_>> {
    let class = tree.class(id).filter(|class| is_numpy(class))?;
    let (size, dtype) = match class.name.as_str() {
        "_reconstruct" => match tree.items(tree.object(id)?.state?)? {
            [_, size, dtype, ..] => (*size, *dtype),
            _ => return None,
        },
        "_frombuffer" => match tree.args(id) {
            [_, dtype, size, ..] => (*size, *dtype),
            _ => return None,
        },
        _ => return None,
    };
    Some(Tensor { dtype: numpy_dtype(tree, dtype)?, shape: shape(tree, size)?, storage: None })
}

fn is_numpy(class: &Global) -> bool {
    let inside = class.module.strip_prefix("numpy._core.").or_else(|| class.module.strip_prefix("numpy.core."));
    matches!(inside, Some("multiarray" | "numeric"))
}

fn numpy_dtype(tree: &Tree, id: Id) -> Option<&str> {
    let code = tree.text(*tree.args(id).first().filter(|_| tree.class(id).is_some_and(|c| c.is("numpy", "dtype")))?)?;
    numpy::type_name(code).or_else(|| numpy::can_be_published(code).then_some(code))
}

/// A number: an integer, a float that is one, or a numpy scalar of either.
pub(super) fn whole_number(tree: &Tree, id: Id) -> Option<u64> {
    /// Beyond this a float does not hold every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match tree.node(id) {
        Node::Int(value) => u64::try_from(*value).ok(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "held against its range before")]
        Node::Float(value) if (0.0..EXACT).contains(value) && value.fract() == 0.0 => Some(*value as u64),
        Node::Object(_) => numpy_scalar(tree, id),
        _ => None,
    }
}

/// `numpy.core.multiarray.scalar(dtype, bytes)` of an integer type.
fn numpy_scalar(tree: &Tree, id: Id) -> Option<u64> {
    let class = tree.class(id)?;
    if class.name != "scalar" || !is_numpy(class) {
        return None;
    }
    let [dtype, data] = tree.args(id) else { return None };
    let bytes = scalar_bytes(tree, *data)?;
    let size = match numpy_dtype(tree, *dtype)? {
        "int64" | "uint64" => 8,
        "int32" | "uint32" => 4,
        "int16" | "uint16" => 2,
        "int8" | "uint8" => 1,
        _ => return None,
    };
    let mut wide = [0; 8];
    wide.get_mut(..size)?.copy_from_slice(bytes.get(..size)?);
    // With its highest bit set it is negative, or as good as: no count of anything.
    let highest = bytes.get(..size)?.last()?;
    (highest & 0x80 == 0).then_some(u64::from_le_bytes(wide))
}

/// The bytes of a scalar: as such (protocol 3), as the latin-1 text Python 3 writes into protocol 2, or as a text of
/// Python 2.
fn scalar_bytes(tree: &Tree, id: Id) -> Option<[u8; 8]> {
    let text = match tree.node(id) {
        Node::Bytes { head, .. } => return Some(*head),
        Node::Str(text) => text,
        _ if tree.class(id)?.is("_codecs", "encode") => tree.text(*tree.args(id).first()?)?,
        _ => return None,
    };
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text.chars()) {
        *to = u8::try_from(from).ok()?;
    }
    Some(bytes)
}
