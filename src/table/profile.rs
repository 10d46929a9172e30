//! What is known of one column: its name, what the format declares, and a bounded sample of its different values.

use std::collections::BTreeMap;

use super::cell;

/// Longest piece of a value that is kept in a sample.
const MAX_KEPT: usize = 96;
/// Slots of the table of values met last: most columns repeat themselves.
const RECENT: usize = 64;

/// A column as its format describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name: a path, `name.family`, where records are nested.
    pub name: String,
    /// What the format says of it in words: an XPT label, a field note.
    pub label: Option<String>,
    /// How its values are stored.
    pub kind: Kind,
    /// What a dictionary declares it to be, by class id of the taxonomy.
    pub declared: Option<String>,
}

impl Column {
    /// A column of which only the name is known.
    pub fn named(name: impl Into<String>) -> Column {
        Column { name: name.into(), ..Column::default() }
    }

    /// The same, stored as `kind`.
    pub fn of(name: impl Into<String>, kind: Kind) -> Column {
        Column { name: name.into(), kind, ..Column::default() }
    }
}

/// How values are stored. Text formats store everything as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Text, or not known.
    #[default]
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Number,
    /// Yes or no.
    Boolean,
    /// Days or moments.
    Date,
    /// Bytes, lists, records: nothing a value test applies to.
    Other,
}

/// What one pass over a column left behind.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The column.
    pub column: Column,
    /// Cells that hold something.
    pub filled: u64,
    /// Whether nothing was read of it, or nothing was there in what was read: then its name is all that speaks.
    pub unread: bool,
    /// Bytes of the longest value's normal form, at most 512.
    pub longest: usize,
    /// Bytes of all values' normal forms.
    pub total: u64,
    /// Different values, by hash: a uniform sample over the whole column, not its beginning. Each is cut to 96 bytes.
    sample: BTreeMap<u64, Box<str>>,
    /// Most values of the sample.
    capacity: usize,
    recent: Box<[u64; RECENT]>,
    /// The hash of the column's name, as it counts in a digest of rows: the same in every format.
    pub(super) seed: u64,
}

impl Profile {
    pub(super) fn new(column: Column, capacity: usize) -> Profile {
        Profile {
            seed: cell::hash(&column.name.to_lowercase()),
            column,
            filled: 0,
            unread: false,
            longest: 0,
            total: 0,
            sample: BTreeMap::new(),
            capacity: capacity.max(1),
            recent: Box::new([0; RECENT]),
        }
    }

    /// The different values that were kept, in no order that says anything.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &str> {
        self.sample.values().map(AsRef::as_ref)
    }

    /// Different values: exact up to the capacity of the sample (1,024 unless there are many columns), an estimate
    /// with a relative standard error of 1/√capacity beyond.
    pub fn distinct(&self) -> u64 {
        let kept = self.sample.len();
        if kept < self.capacity {
            return kept as u64;
        }
        // The k-th smallest of n uniform hashes lies at k/n of the range.
        let highest = self.sample.keys().next_back().copied().unwrap_or(u64::MAX);
        let share = (highest as f64) / (u64::MAX as f64);
        ((kept as f64 - 1.0) / share.max(f64::MIN_POSITIVE)).round().min(self.filled as f64) as u64
    }

    /// Whether [`Profile::distinct`] and [`Profile::values`] are all there is.
    pub fn is_exact(&self) -> bool {
        self.sample.len() < self.capacity
    }

    pub(super) fn count(&mut self, normal: &str, hash: u64) {
        self.filled += 1;
        self.longest = self.longest.max(normal.len());
        self.total += normal.len() as u64;
        let slot = (hash >> 32) as usize % RECENT;
        if let Some(recent) = self.recent.get_mut(slot) {
            if *recent == hash {
                return;
            }
            *recent = hash;
        }
        if self.sample.len() >= self.capacity {
            match self.sample.keys().next_back() {
                Some(highest) if hash < *highest => {}
                _ => return,
            }
        }
        if self.sample.contains_key(&hash) {
            return;
        }
        let cut = normal.floor_char_boundary(MAX_KEPT.min(normal.len()));
        self.sample.insert(hash, normal.get(..cut).unwrap_or_default().into());
        if self.sample.len() > self.capacity {
            self.sample.pop_last();
        }
    }

    /// Whether there is something in it, as far as is known.
    pub fn may_hold(&self) -> bool {
        self.filled > 0 || self.unread
    }

    /// Whether most of its values are words rather than numbers: bands, not ages.
    pub fn is_in_words(&self) -> bool {
        let words = self.values().filter(|value| value.parse::<f64>().is_err()).count();
        words * 2 > self.sample.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(values: impl Iterator<Item = u64>) -> Profile {
        let mut profile = Profile::new(Column::named("x"), 1024);
        for value in values {
            let text = value.to_string();
            profile.count(&text, cell::hash(&text));
        }
        profile
    }

    #[test]
    fn few_values_are_counted_exactly() {
        let profile = fill((0..10_000).map(|n| n % 700));
        assert_eq!((profile.distinct(), profile.is_exact(), profile.filled), (700, true, 10_000));
        assert_eq!(profile.values().len(), 700);
    }

    #[test]
    fn many_values_are_sampled_from_everywhere() {
        let profile = fill(0..200_000);
        let estimate = profile.distinct() as f64;
        assert!((estimate / 200_000.0 - 1.0).abs() < 0.1, "{estimate}");
        let late = profile.values().filter(|value| value.parse::<u64>().unwrap() >= 100_000).count();
        assert!((400..650).contains(&late), "{late} of 1024 from the second half");
    }
}
