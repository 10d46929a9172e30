//! Record batches of Arrow → cells of a table: one adapter for every format that a library gives as Arrow columns.
//!
//! Nested columns become one column a leaf, named by its path as Parquet writes it (`visits.list.element.x`); the names
//! that are published stay those of the outermost fields. Values are handed over typed and never formatted.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, Field, Fields, TimeUnit};

use crate::blob::ReadError;
use crate::model::TableFacts;
use crate::table::{Cell, Column, Kind, Table};

/// Elements of one list that are looked at: an embedding's thousandth number says nothing more.
const MAX_ELEMENTS: usize = 64;
/// Deepest nesting of types followed.
const MAX_DEPTH: usize = 32;

/// How the columns of a schema become columns of a table.
pub(super) struct Layout {
    /// One for each outermost field.
    nodes: Vec<Node>,
    /// Names of the outermost fields.
    names: Vec<String>,
}

enum Node {
    /// A column of the table.
    Leaf(usize),
    /// Something that is there, and no more: its column.
    There(usize),
    Struct(Vec<Node>),
    List(Box<Node>),
    Map(Box<Node>),
}

impl Layout {
    /// Adds the columns of a schema to a table. Only names and types are needed.
    pub(super) fn new(fields: &Fields, table: &mut Table) -> Layout {
        let mut layout = Layout { nodes: Vec::new(), names: Vec::new() };
        for field in fields {
            let label = ["comment", "description", "label"].into_iter().find_map(|key| field.metadata().get(key));
            let node = layout.node(field.name(), field.data_type(), label, table, 0);
            layout.nodes.push(node);
            layout.names.push(field.name().clone());
        }
        layout
    }

    fn node(&mut self, path: &str, kind: &DataType, label: Option<&String>, table: &mut Table, depth: usize) -> Node {
        let deeper = depth.saturating_add(1);
        let mut child = |field: &Field, suffix: &str| {
            self.node(&format!("{path}.{suffix}"), field.data_type(), None, table, deeper)
        };
        if depth < MAX_DEPTH {
            match kind {
                DataType::Struct(fields) => {
                    return Node::Struct(fields.iter().map(|field| child(field, field.name())).collect());
                }
                // Vectors of one length are embeddings.
                DataType::List(field) | DataType::LargeList(field) => {
                    return Node::List(Box::new(child(field, "list.element")));
                }
                DataType::Map(entries, _) => return Node::Map(Box::new(child(entries, "key_value"))),
                _ => {}
            }
        }
        let stored = kind_of(kind);
        let mut column = Column::of(path, stored);
        column.label = label.cloned();
        let number = table.column(column);
        // One too many has no number: the table has counted it.
        let is_there = number == usize::MAX || stored == Kind::Other && !is_text_like(kind);
        if is_there { Node::There(number) } else { Node::Leaf(number) }
    }

    /// Names of the outermost fields.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Hands over the rows of a batch. `chosen` are the numbers of the outermost fields that the batch has, in its
    /// order; of the others it is only known that something is there.
    pub(super) fn feed(&self, batch: &RecordBatch, chosen: &[usize], table: &mut Table) -> Result<(), ReadError> {
        let left_out: Vec<&Node> =
            self.nodes.iter().enumerate().filter(|(at, _)| !chosen.contains(at)).map(|(_, node)| node).collect();
        for row in 0..batch.num_rows() {
            for (array, at) in batch.columns().iter().zip(chosen) {
                if let Some(node) = self.nodes.get(*at) {
                    hand_over(node, array.as_ref(), row, table);
                }
            }
            for node in &left_out {
                if let Node::Leaf(column) | Node::There(column) = node {
                    table.cell(*column, Cell::Bytes);
                }
            }
            table.end_row()?;
        }
        Ok(())
    }

    /// The facts of the table with the names of its outermost fields as columns.
    pub(super) fn finish(&self, table: Table) -> TableFacts {
        let mut facts = table.finish();
        facts.columns.clone_from(&self.names);
        facts.column_count = Some(self.names.len() as u64);
        facts
    }
}

fn hand_over(node: &Node, array: &dyn Array, row: usize, table: &mut Table) {
    if row >= array.len() || array.is_null(row) {
        return;
    }
    match node {
        Node::Leaf(column) => value(array, row, *column, table),
        Node::There(column) => table.cell(*column, Cell::Bytes),
        Node::Struct(children) => {
            if let Some(array) = array.as_struct_opt() {
                for (child, array) in children.iter().zip(array.columns()) {
                    hand_over(child, array.as_ref(), row, table);
                }
            }
        }
        Node::List(child) => {
            let range = match array.data_type() {
                DataType::List(_) => array
                    .as_list_opt::<i32>()
                    .map(|list| (list.value_offsets(), list.values()))
                    .and_then(|(offsets, values)| Some((bounds(offsets, row)?, values))),
                _ => array
                    .as_list_opt::<i64>()
                    .map(|list| (list.value_offsets(), list.values()))
                    .and_then(|(offsets, values)| Some((bounds(offsets, row)?, values))),
            };
            elements(child, range, table);
        }
        Node::Map(child) => {
            let Some(map) = array.as_map_opt() else { return };
            let Some((from, to)) = bounds(map.value_offsets(), row) else { return };
            let Node::Struct(children) = child.as_ref() else { return };
            for row in (from..to).take(MAX_ELEMENTS) {
                for (child, array) in children.iter().zip(map.entries().columns()) {
                    hand_over(child, array.as_ref(), row, table);
                }
            }
        }
    }
}

/// Rows of a child that belong to a row of its list.
type Slice<'a> = ((usize, usize), &'a std::sync::Arc<dyn Array>);

fn elements(child: &Node, range: Option<Slice>, table: &mut Table) {
    let Some(((from, to), values)) = range else { return };
    for row in (from..to).take(MAX_ELEMENTS) {
        hand_over(child, values.as_ref(), row, table);
    }
}

/// Where the elements of a row begin and end.
fn bounds<O: Copy + TryInto<usize>>(offsets: &[O], row: usize) -> Option<(usize, usize)> {
    let from = (*offsets.get(row)?).try_into().ok()?;
    let to = (*offsets.get(row.checked_add(1)?)?).try_into().ok()?;
    Some((from, to))
}

/// Hands over the value of a leaf, which is not null.
fn value(array: &dyn Array, row: usize, column: usize, table: &mut Table) {
    fn at<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> Option<T::Native> {
        Some(array.as_primitive_opt::<T>()?.value(row))
    }
    let cell = match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().map(|array| Cell::Text(array.value(row))),
        DataType::LargeUtf8 => array.as_string_opt::<i64>().map(|array| Cell::Text(array.value(row))),
        DataType::Utf8View => array.as_string_view_opt().map(|array| Cell::Text(array.value(row))),
        DataType::Binary => array.as_binary_opt::<i32>().map(|array| text_or_bytes(array.value(row))),
        DataType::LargeBinary => array.as_binary_opt::<i64>().map(|array| text_or_bytes(array.value(row))),
        DataType::BinaryView => array.as_binary_view_opt().map(|array| text_or_bytes(array.value(row))),
        DataType::Boolean => array.as_boolean_opt().map(|array| Cell::Boolean(array.value(row))),
        DataType::Int8 => at::<Int8Type>(array, row).map(|value| Cell::Integer(value.into())),
        DataType::Int16 => at::<Int16Type>(array, row).map(|value| Cell::Integer(value.into())),
        DataType::Int32 => at::<Int32Type>(array, row).map(|value| Cell::Integer(value.into())),
        DataType::Int64 => at::<Int64Type>(array, row).map(Cell::Integer),
        DataType::UInt8 => at::<UInt8Type>(array, row).map(|value| Cell::Integer(value.into())),
        DataType::UInt16 => at::<UInt16Type>(array, row).map(|value| Cell::Integer(value.into())),
        DataType::UInt32 => at::<UInt32Type>(array, row).map(|value| Cell::Integer(value.into())),
        DataType::UInt64 => at::<UInt64Type>(array, row)
            .map(|value| i64::try_from(value).map_or(Cell::Number(value as f64), Cell::Integer)),
        DataType::Float16 => at::<Float16Type>(array, row).map(|value| Cell::Number(value.to_f64())),
        DataType::Float32 => at::<Float32Type>(array, row).map(|value| Cell::Number(shortest(value))),
        DataType::Float64 => at::<Float64Type>(array, row).map(Cell::Number),
        DataType::Date32 => at::<Date32Type>(array, row).map(|value| Cell::Day(value.into())),
        DataType::Date64 => at::<Date64Type>(array, row).map(|value| Cell::Second(value.div_euclid(1000))),
        DataType::Timestamp(unit, _) => moment(array, row, *unit).map(Cell::Second),
        DataType::Decimal32(_, scale) => at::<Decimal32Type>(array, row).map(|value| decimal(value.into(), *scale)),
        DataType::Decimal64(_, scale) => at::<Decimal64Type>(array, row).map(|value| decimal(value.into(), *scale)),
        DataType::Decimal128(_, scale) => at::<Decimal128Type>(array, row).map(|value| decimal(value, *scale)),
        DataType::Dictionary(key, _) => return behind_key(key, array, row, column, table),
        _ => Some(Cell::Bytes),
    };
    if let Some(cell) = cell {
        table.cell(column, cell);
    }
}

/// The value that a key of a dictionary stands for.
fn behind_key(key: &DataType, array: &dyn Array, row: usize, column: usize, table: &mut Table) {
    fn behind<K: ArrowDictionaryKeyType>(array: &dyn Array, row: usize) -> Option<(usize, &dyn Array)>
    where
        K::Native: TryInto<usize>,
    {
        let array = array.as_dictionary_opt::<K>()?;
        Some((array.keys().value(row).try_into().ok()?, array.values().as_ref()))
    }
    let found = match key {
        DataType::Int8 => behind::<Int8Type>(array, row),
        DataType::Int16 => behind::<Int16Type>(array, row),
        DataType::Int32 => behind::<Int32Type>(array, row),
        DataType::Int64 => behind::<Int64Type>(array, row),
        DataType::UInt8 => behind::<UInt8Type>(array, row),
        DataType::UInt16 => behind::<UInt16Type>(array, row),
        DataType::UInt32 => behind::<UInt32Type>(array, row),
        DataType::UInt64 => behind::<UInt64Type>(array, row),
        _ => None,
    };
    // A dictionary of dictionaries is not written by anyone.
    if let Some((row, values)) = found
        && row < values.len()
        && !values.is_null(row)
        && !matches!(values.data_type(), DataType::Dictionary(..))
    {
        value(values, row, column, table);
    }
}

/// Strings of old writers are bytes without a word of their meaning.
fn text_or_bytes(bytes: &[u8]) -> Cell<'_> {
    let is_text = |text: &&str| !text.bytes().any(|byte| byte < 0x20 && !byte.is_ascii_whitespace());
    std::str::from_utf8(bytes).ok().filter(is_text).map_or(Cell::Bytes, Cell::Text)
}

/// The number of 64 bits that is written as the one of 32 bits is: 0.1 and not 0.10000000149.
pub(super) fn shortest(value: f32) -> f64 {
    let whole = value.fract() == 0.0 && value.abs() < 16_777_216.0;
    if whole { f64::from(value) } else { value.to_string().parse().unwrap_or_else(|_| f64::from(value)) }
}

/// The second of a moment.
fn moment(array: &dyn Array, row: usize, unit: TimeUnit) -> Option<i64> {
    Some(match unit {
        TimeUnit::Second => array.as_primitive_opt::<TimestampSecondType>()?.value(row),
        TimeUnit::Millisecond => array.as_primitive_opt::<TimestampMillisecondType>()?.value(row).div_euclid(1_000),
        TimeUnit::Microsecond => array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row).div_euclid(1_000_000),
        TimeUnit::Nanosecond => {
            array.as_primitive_opt::<TimestampNanosecondType>()?.value(row).div_euclid(1_000_000_000)
        }
    })
}

fn decimal(value: i128, scale: i8) -> Cell<'static> {
    match i64::try_from(value) {
        Ok(value) if scale == 0 => Cell::Integer(value),
        _ => Cell::Number(value as f64 / 10f64.powi(scale.into())),
    }
}

/// Bytes that may turn out to be text.
fn is_text_like(kind: &DataType) -> bool {
    matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn kind_of(kind: &DataType) -> Kind {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Boolean => Kind::Boolean,
        kind if kind.is_integer() => Kind::Integer,
        kind if kind.is_floating() => Kind::Number,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => Kind::Number,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Kind::Date,
        DataType::Dictionary(_, values) if !matches!(values.as_ref(), DataType::Dictionary(..)) => kind_of(values),
        _ => Kind::Other,
    }
}
