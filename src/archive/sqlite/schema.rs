//! The schema table, and the columns of a table by the statement that made it.

use super::btree::Stored;
use super::record::{Value, values};
use super::{Database, SqliteError};

/// Most things of a schema.
const MAX_ITEMS: usize = 20_000;
/// Most words of one statement.
const MAX_WORDS: usize = 200_000;

/// What a thing of the schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A table of rows.
    Table,
    /// A table that a program makes up: no rows of its own here.
    Virtual,
    /// A stored query.
    View,
}

/// A table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub sort: Sort,
    /// Its name.
    pub name: String,
    /// Its columns in the order they were declared, those of a table only.
    pub columns: Vec<Column>,
    /// The page its rows hang from.
    root: u32,
    /// Whether rows lie in the order of their key and have no number.
    has_no_rowid: bool,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, in capitals, as declared: anything or nothing.
    pub declared: String,
    /// Whether it is the row's number under another name.
    is_rowid: bool,
    /// Whether it is computed where it is asked for, and not stored.
    is_computed: bool,
    /// Its place in the key.
    key: Option<usize>,
}

impl Item {
    /// Where each value of a stored record goes, by number of column.
    fn stored(&self) -> Vec<usize> {
        let kept = |&column: &usize| self.columns.get(column).is_some_and(|column| !column.is_computed);
        let mut order: Vec<usize> = (0..self.columns.len()).filter(kept).collect();
        if self.has_no_rowid {
            // The key first, the others behind it.
            order.sort_by_key(|&column| {
                self.columns.get(column).and_then(|column| column.key).map_or((1, column), |place| (0, place))
            });
        }
        order
    }
}

impl Database<'_> {
    /// Tables and views, in the order they were made; without those the library keeps for itself.
    ///
    /// # Errors
    /// [`SqliteError`].
    pub fn schema(&mut self) -> Result<Vec<Item>, SqliteError> {
        let encoding = self.encoding;
        let mut items: Vec<Item> = Vec::new();
        self.walk(1, &mut |row: Stored| {
            let row = values(row.payload, encoding)?;
            let text = |at: usize| row.get(at).and_then(Value::text);
            let Some(name) = text(1) else { return Ok(true) };
            let sql = text(4).unwrap_or_default();
            let root = row.get(3).and_then(Value::integer).and_then(|root| u32::try_from(root).ok()).unwrap_or(0);
            let sort = match text(0) {
                Some("table") if root == 0 => Sort::Virtual,
                Some("table") => Sort::Table,
                Some("view") => Sort::View,
                _ => return Ok(true),
            };
            if name.starts_with("sqlite_") {
                return Ok(true);
            }
            if items.len() >= MAX_ITEMS {
                return Err(SqliteError::TooLarge("tables"));
            }
            let (columns, has_no_rowid) = if sort == Sort::Table { columns(sql) } else { Default::default() };
            items.push(Item { sort, name: name.to_owned(), columns, root, has_no_rowid });
            Ok(true)
        })?;
        Ok(items)
    }

    /// The rows of a table: the values of its columns, in the order they were declared; a row may have fewer, where
    /// columns were added later. Goes on as long as `each` says so.
    ///
    /// # Errors
    /// [`SqliteError`]; the rows before it were handed over.
    pub fn rows(&mut self, table: &Item, each: &mut dyn FnMut(&[Value]) -> bool) -> Result<(), SqliteError> {
        let encoding = self.encoding;
        let order = table.stored();
        let rowid = table.columns.iter().position(|column| column.is_rowid).filter(|_| !table.has_no_rowid);
        self.walk(table.root, &mut |stored: Stored| {
            let mut row = vec![Value::Null; table.columns.len()];
            for (value, &column) in values(stored.payload, encoding)?.into_iter().zip(&order) {
                if let Some(place) = row.get_mut(column) {
                    *place = value;
                }
            }
            let unwritten = rowid.and_then(|column| row.get_mut(column)).filter(|value| **value == Value::Null);
            if let Some(place) = unwritten {
                *place = Value::Integer(stored.rowid);
            }
            Ok(each(&row))
        })
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// [`SqliteError`].
    pub fn count(&mut self, table: &Item) -> Result<u64, SqliteError> {
        let mut rows = 0u64;
        self.walk(table.root, &mut |_| {
            rows = rows.saturating_add(1);
            Ok(true)
        })?;
        Ok(rows)
    }
}

/// A word of a statement.
#[derive(Clone, Debug, PartialEq)]
struct Word {
    text: String,
    /// Whether it was in quotes: then it is a name and no keyword.
    is_quoted: bool,
}

impl Word {
    fn is(&self, keyword: &str) -> bool {
        !self.is_quoted && self.text.eq_ignore_ascii_case(keyword)
    }

    fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }
}

/// The columns of `CREATE TABLE`, and whether it is `WITHOUT ROWID`.
fn columns(sql: &str) -> (Vec<Column>, bool) {
    let words = words(sql);
    let Some(open) = words.iter().position(|word| word.is("(")) else { return Default::default() };
    let mut depth = 0usize;
    let mut items: Vec<Vec<Word>> = vec![Vec::new()];
    let mut rest = words.into_iter().skip(open.saturating_add(1));
    for word in rest.by_ref() {
        if word.is("(") {
            depth = depth.saturating_add(1);
        } else if word.is(")") {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => break,
            }
        } else if word.is(",") && depth == 0 {
            items.push(Vec::new());
            continue;
        }
        if let Some(item) = items.last_mut() {
            item.push(word);
        }
    }
    let options: Vec<Word> = rest.collect();
    let has_no_rowid = options.windows(2).any(|pair| matches!(pair, [a, b] if a.is("without") && b.is("rowid")));
    let mut columns: Vec<Column> = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    for item in items.iter().filter(|item| !item.is_empty()) {
        let is_constraint =
            item.first().is_some_and(|word| word.is_any(&["constraint", "primary", "unique", "check", "foreign"]));
        if is_constraint {
            if let Some(names) = key_of(item) {
                keys = names;
            }
            continue;
        }
        let (column, is_key) = column(item);
        if is_key {
            keys = vec![column.name.clone()];
        }
        columns.push(column);
    }
    for (place, name) in keys.iter().enumerate() {
        let Some(column) = columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name)) else { continue };
        column.key = column.key.or(Some(place));
        // `INTEGER PRIMARY KEY` and nothing but that is the row's number.
        column.is_rowid = !has_no_rowid && keys.len() == 1 && column.declared == "INTEGER";
    }
    (columns, has_no_rowid)
}

/// A column, and whether it alone is the key.
fn column(item: &[Word]) -> (Column, bool) {
    const CONSTRAINTS: [&str; 11] = [
        "constraint",
        "primary",
        "not",
        "null",
        "unique",
        "check",
        "default",
        "collate",
        "references",
        "generated",
        "as",
    ];
    let Some((name, rest)) = item.split_first() else { return Default::default() };
    let end = rest.iter().position(|word| word.is_any(&CONSTRAINTS)).unwrap_or(rest.len());
    let (kind, rest) = rest.split_at_checked(end).unwrap_or_default();
    let declared = kind.iter().map(|word| word.text.to_ascii_uppercase()).collect::<Vec<_>>().join(" ");
    let outer = at_top(rest);
    let has = |keyword: &str| outer.iter().any(|word| word.is(keyword));
    let column =
        Column { name: name.text.clone(), declared, is_computed: has("as") && !has("stored"), ..Column::default() };
    let is_key = outer.windows(2).any(|pair| matches!(pair, [a, b] if a.is("primary") && b.is("key")));
    (column, is_key)
}

/// The words that stand in no brackets.
fn at_top(words: &[Word]) -> Vec<&Word> {
    let mut depth = 0usize;
    let mut outer = Vec::new();
    for word in words {
        if word.is(")") {
            depth = depth.saturating_sub(1);
        } else if word.is("(") {
            depth = depth.saturating_add(1);
        } else if depth == 0 {
            outer.push(word);
        }
    }
    outer
}

/// The columns of `PRIMARY KEY (a, b DESC)`.
fn key_of(item: &[Word]) -> Option<Vec<String>> {
    let at = item.windows(2).position(|pair| matches!(pair, [a, b] if a.is("primary") && b.is("key")))?;
    let inner = item.get(at.checked_add(3)?..)?;
    let inner = inner.split(|word| word.is(")")).next()?;
    Some(inner.split(|word| word.is(",")).filter_map(|part| part.first()).map(|word| word.text.clone()).collect())
}

/// The words of a statement: names, numbers, texts and signs, without comments.
fn words(sql: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if words.len() >= MAX_WORDS {
            break;
        }
        if first.is_whitespace() {
            rest = rest.trim_start();
        } else if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
        } else if let Some(close) = closing(first) {
            let (text, after) = quoted(rest.get(first.len_utf8()..).unwrap_or_default(), close);
            words.push(Word { text, is_quoted: true });
            rest = after;
        } else {
            let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '$') || !char.is_ascii();
            let end = match rest.find(|char| !is_part(char)) {
                Some(0) => first.len_utf8(),
                Some(end) => end,
                None => rest.len(),
            };
            let (text, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            words.push(Word { text: text.to_owned(), is_quoted: false });
            rest = after;
        }
    }
    words
}

/// What closes a quoted name that begins so.
fn closing(first: char) -> Option<char> {
    match first {
        '"' | '\'' | '`' => Some(first),
        '[' => Some(']'),
        _ => None,
    }
}

/// The text up to a closing mark, which doubled stands for itself; and what follows.
fn quoted(mut rest: &str, close: char) -> (String, &str) {
    let mut text = String::new();
    while let Some((part, after)) = rest.split_once(close) {
        text.push_str(part);
        match after.strip_prefix(close).filter(|_| close != ']') {
            Some(more) => {
                text.push(close);
                rest = more;
            }
            None => return (text, after),
        }
    }
    text.push_str(rest);
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> Vec<String> {
        columns(sql).0.into_iter().map(|column| format!("{}:{}", column.name, column.declared)).collect()
    }

    #[test]
    fn columns_of_statements() {
        assert_eq!(names("CREATE TABLE t(a,b)"), ["a:", "b:"]);
        assert_eq!(
            names(
                "create table if not exists \"my \"\"t\"\"\" (id INTEGER PRIMARY KEY, -- the (key\n [odd, name] VARCHAR(20) \
                 NOT NULL DEFAULT ('x, y'), `c` DECIMAL(10, 2) CHECK (c > 0), /* no */ d unsigned big int,\n \
                 UNIQUE (a, b), CONSTRAINT k FOREIGN KEY (d) REFERENCES o(d)) STRICT"
            ),
            ["id:INTEGER", "odd, name:VARCHAR ( 20 )", "c:DECIMAL ( 10 , 2 )", "d:UNSIGNED BIG INT"]
        );
        for hostile in ["", "CREATE", "(", "((((", "CREATE TABLE t(\"a", "CREATE TABLE t(a, /*", ")(,,)"] {
            assert!(columns(hostile).0.len() <= 1, "{hostile}");
        }
    }

    #[test]
    fn keys_and_what_is_not_stored() {
        let (columns, without) = columns(
            "CREATE TABLE t(a TEXT, b INT, c AS (a || b), d INT GENERATED ALWAYS AS (1) STORED, PRIMARY KEY (b DESC, \"A\")) \
             WITHOUT ROWID",
        );
        let item = Item { sort: Sort::Table, name: String::new(), columns, root: 2, has_no_rowid: without };
        assert!(without);
        assert_eq!(item.stored(), [1, 0, 3]);
        let rowid = |sql: &str| super::columns(sql).0.iter().any(|column| column.is_rowid);
        assert!(
            rowid("CREATE TABLE t(a integer primary key, b)") && rowid("CREATE TABLE t(a INTEGER, PRIMARY KEY(a))")
        );
        assert!(
            !rowid("CREATE TABLE t(a INT PRIMARY KEY)") && !rowid("CREATE TABLE t(a INTEGER, b, PRIMARY KEY(a, b))")
        );
        assert!(!rowid("CREATE TABLE t(a INTEGER PRIMARY KEY) WITHOUT ROWID"));
    }
}
