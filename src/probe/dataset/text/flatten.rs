//! A JSON record → cells, while it is parsed: nothing of it is held but the path at hand.
//!
//! Members of objects become paths (`name.family`), items of arrays share the path of their array. Depth is bounded by
//! the parser (128), the number of paths by the table.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::blob::ReadError;
use crate::model::TableFacts;
use crate::table::{Cell, Column, Table};

/// Paths that become columns; members under further ones are passed over.
const MAX_PATHS: usize = 2000;
const MAX_PATH: usize = 200;

/// A table that records are poured into.
pub(super) struct Sink<'t> {
    pub(super) table: Table<'t>,
    columns: HashMap<String, usize>,
    /// Outermost names, in the order they showed up.
    pub(super) outermost: Vec<String>,
    seen: HashSet<String>,
    path: String,
    announcing: bool,
    /// Whether there were more paths than are looked at.
    pub(super) overflowed: bool,
}

impl<'t> Sink<'t> {
    pub(super) fn new(table: Table<'t>) -> Sink<'t> {
        Sink {
            table,
            columns: HashMap::new(),
            outermost: Vec::new(),
            seen: HashSet::new(),
            path: String::new(),
            announcing: false,
            overflowed: false,
        }
    }

    /// The facts of the table, with the outermost names as columns.
    pub(super) fn finish(self) -> TableFacts {
        let mut facts = self.table.finish();
        facts.column_count = Some(self.outermost.len() as u64);
        facts.columns = self.outermost;
        facts
    }

    /// Makes columns of the paths of a record, so that they are there before the first value.
    pub(super) fn announce(&mut self, json: &str) {
        self.path.clear();
        self.announcing = true;
        // A record that does not parse is told when it is read.
        let mut source = serde_json::Deserializer::from_str(json);
        let _ = Value { sink: self, outer: true }.deserialize(&mut source);
        self.announcing = false;
    }

    /// One record that is an object; answers false where it is anything else.
    pub(super) fn record<'de, D: Deserializer<'de>>(&mut self, source: D) -> Result<bool, D::Error> {
        self.path.clear();
        let was_object = Value { sink: self, outer: true }.deserialize(source)?;
        if was_object && !self.announcing {
            // Whoever gets the error asks the table whether there was time.
            self.table.end_row().map_err(D::Error::custom)?;
        }
        Ok(was_object)
    }

    /// Whether values make columns and no cells.
    pub(super) fn announcing(&mut self, announcing: bool) {
        self.announcing = announcing;
    }

    /// The value of one column of the row at hand, whatever is in it.
    pub(super) fn member<'de, D: Deserializer<'de>>(&mut self, name: &str, source: D) -> Result<(), D::Error> {
        self.path.clear();
        self.enter(name);
        Value { sink: self, outer: false }.deserialize(source)?;
        self.path.clear();
        Ok(())
    }

    /// A row whose members were given one by one is complete.
    ///
    /// # Errors
    /// As [`Table::end_row`].
    pub(super) fn end_row(&mut self) -> Result<(), ReadError> {
        if self.announcing { Ok(()) } else { self.table.end_row() }
    }

    /// A cell of one column of the row at hand.
    pub(super) fn put(&mut self, name: &str, cell: Cell) {
        self.path.clear();
        self.enter(name);
        self.cell(cell);
        self.path.clear();
    }

    /// Goes one name deeper; the number takes it back.
    fn enter(&mut self, name: &str) -> usize {
        let mark = self.path.len();
        let name = name.get(..name.floor_char_boundary(MAX_PATH.min(name.len()))).unwrap_or_default();
        if mark == 0 {
            if self.outermost.len() < MAX_PATHS && !self.seen.contains(name) {
                self.seen.insert(name.to_owned());
                self.outermost.push(name.to_owned());
            }
        } else {
            self.path.push('.');
        }
        self.path.push_str(name);
        mark
    }

    fn column(&mut self) -> Option<usize> {
        if let Some(&column) = self.columns.get(&self.path) {
            return Some(column);
        }
        if self.columns.len() >= MAX_PATHS || self.path.len() > MAX_PATH.saturating_mul(8) {
            self.overflowed = true;
            return None;
        }
        let column = self.table.column(Column::named(self.path.clone()));
        self.columns.insert(self.path.clone(), column);
        Some(column)
    }

    fn cell(&mut self, cell: Cell) {
        if let Some(column) = self.column()
            && !self.announcing
        {
            self.table.cell(column, cell);
        }
    }
}

/// A value under the path at hand. Says whether it was an object.
struct Value<'s, 't> {
    sink: &'s mut Sink<'t>,
    outer: bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<bool, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(name) = map.next_key::<std::borrow::Cow<str>>()? {
            let mark = self.sink.enter(&name);
            if self.sink.overflowed && !self.sink.columns.contains_key(&self.sink.path) && mark == 0 {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Value { sink: self.sink, outer: false })?;
            }
            self.sink.path.truncate(mark);
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        if self.outer {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(false);
        }
        while items.next_element_seed(Value { sink: self.sink, outer: false })?.is_some() {}
        Ok(false)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        if !self.outer {
            self.sink.cell(Cell::Text(text));
        }
        Ok(false)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        if !self.outer {
            self.sink.cell(Cell::Integer(number));
        }
        Ok(false)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => self.visit_f64(number as f64),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<bool, E> {
        if !self.outer {
            self.sink.cell(Cell::Number(number));
        }
        Ok(false)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<bool, E> {
        if !self.outer {
            self.sink.cell(Cell::Boolean(flag));
        }
        Ok(false)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        // An empty member still is a column.
        if !self.outer {
            self.sink.column();
        }
        Ok(false)
    }
}

/// A row whose values stand without names.
pub(super) struct Unnamed<'s, 't> {
    pub(super) sink: &'s mut Sink<'t>,
    pub(super) names: &'s [String],
}

impl<'de> DeserializeSeed<'de> for Unnamed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Unnamed<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for name in self.names {
            if items.next_element_seed(Field { sink: &mut *self.sink, name })?.is_none() {
                break;
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.sink.end_row().map_err(A::Error::custom)
    }
}

struct Field<'s, 't> {
    sink: &'s mut Sink<'t>,
    name: &'s str,
}

impl<'de> DeserializeSeed<'de> for Field<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        self.sink.member(self.name, source)
    }
}
