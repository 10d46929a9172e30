//! Tables whose columns lie apart, each in a data set of its own: read side by side, a row at a time.

use crate::archive::hdf5::{Class, Datatype, File, Scalar, Series};
use crate::probe::{Input, ProbeError};
use crate::table::{Cell, Column, Kind, Table};

/// Bytes that the pieces of all columns may take at a time.
const MAX_HELD: u64 = 16 << 20;
/// Columns that are read.
const MAX_READ: usize = 2_000;

/// One column.
pub(super) struct Source {
    /// Its name.
    pub(super) name: String,
    /// How its values are stored.
    pub(super) kind: Kind,
    /// Its values; none where they are not read.
    pub(super) values: Option<Values>,
}

/// The values of a column.
pub(super) enum Values {
    /// As they are: an element of each row.
    Plain(Series, u64),
    /// By number in a list.
    Coded(Series, Vec<String>),
    /// Those that are not marked as missing.
    Masked(Series, Series),
}

impl Values {
    fn held(&self) -> u64 {
        match self {
            Values::Plain(series, _) => series.held(),
            Values::Coded(series, names) => {
                series.held().saturating_add(names.iter().map(|name| name.len() as u64).sum::<u64>())
            }
            Values::Masked(values, mask) => values.held().saturating_add(mask.held()),
        }
    }
}

/// How values of a type are stored.
pub(super) fn kind(datatype: &Datatype) -> Kind {
    match datatype.class {
        Class::Text | Class::VariableText => Kind::Text,
        Class::Integer { .. } => Kind::Integer,
        Class::Float { .. } => Kind::Number,
        Class::Enumeration(_) if datatype.size == 1 => Kind::Boolean,
        Class::Enumeration(_) => Kind::Integer,
        _ => Kind::Other,
    }
}

/// Names the columns, and hands over the rows where they are to be read.
///
/// # Errors
/// What ended the reading early; the table knows then that it is cut.
pub(super) fn feed(
    input: &Input,
    file: &mut File,
    table: &mut Table,
    sources: Vec<Source>,
    rows: u64,
) -> Result<(), ProbeError> {
    let mut open = Vec::new();
    let (mut held, mut left_out) = (0u64, 0u64);
    for source in sources {
        let number = table.column(Column::of(source.name, source.kind));
        let needed = source.values.as_ref().map(Values::held);
        match (source.values, needed) {
            (Some(values), Some(needed)) if held.saturating_add(needed) <= MAX_HELD && open.len() < MAX_READ => {
                held = held.saturating_add(needed);
                open.push((number, values));
            }
            _ => left_out = left_out.saturating_add(1),
        }
    }
    if !input.rows {
        return Ok(());
    }
    // Without a single column there is nothing to count in a row.
    for row in 0..if open.is_empty() { 0 } else { rows } {
        for (number, values) in &mut open {
            if let Err(error) = hand_over(file, values, row, |cell| table.cell(*number, cell)) {
                table.cut();
                return Err(error);
            }
        }
        table.end_row()?;
    }
    if left_out > 0 {
        table.cut();
        return Err(ProbeError::Unsupported(format!("{left_out} of its columns were not read")));
    }
    Ok(())
}

/// A field of records: its column, its number in the record, and which of its elements.
pub(super) struct Field {
    pub(super) column: Column,
    pub(super) field: usize,
    pub(super) element: u64,
}

/// The same for records, all of whose fields lie in one data set.
///
/// # Errors
/// As [`feed`].
pub(super) fn feed_records(
    input: &Input,
    file: &mut File,
    table: &mut Table,
    series: Option<Series>,
    fields: Vec<Field>,
) -> Result<(), ProbeError> {
    let fields: Vec<(usize, usize, u64)> =
        fields.into_iter().map(|field| (table.column(field.column), field.field, field.element)).collect();
    let Some(mut series) = series.filter(|_| input.rows && !fields.is_empty()) else { return Ok(()) };
    for row in 0..series.rows {
        for &(number, field, element) in &fields {
            match file.value(&mut series, row, element, Some(field)) {
                Ok(value) => table.cell(number, of(&value)),
                Err(error) => {
                    table.cut();
                    return Err(error.into());
                }
            }
        }
        table.end_row()?;
    }
    Ok(())
}

fn hand_over(file: &mut File, values: &mut Values, row: u64, mut cell: impl FnMut(Cell)) -> Result<(), ProbeError> {
    match values {
        Values::Plain(series, column) => cell(of(&file.value(series, row, *column, None)?)),
        Values::Coded(series, names) => {
            let code = file.value(series, row, 0, None)?.integer();
            let name = code.and_then(|code| usize::try_from(code).ok()).and_then(|code| names.get(code));
            cell(name.map_or(Cell::Missing, |name| Cell::Text(name)));
        }
        Values::Masked(series, mask) => {
            let is_missing = file.value(mask, row, 0, None)?.integer() == Some(1);
            let value = file.value(series, row, 0, None)?;
            cell(if is_missing { Cell::Missing } else { of(&value) });
        }
    }
    Ok(())
}

fn of<'v>(value: &'v Scalar) -> Cell<'v> {
    match value {
        Scalar::Integer(number) => Cell::Integer(*number),
        Scalar::Number(number) => Cell::Number(*number),
        Scalar::Boolean(flag) => Cell::Boolean(*flag),
        Scalar::Text(text) => Cell::Text(text),
        Scalar::Other => Cell::Bytes,
    }
}
