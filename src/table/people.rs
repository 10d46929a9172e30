//! How many different people: exact to begin with, then an estimate in bounded memory.
//!
//! Keys are held as hashes. Up to 100,000 all of them are kept. Beyond, a HyperLogLog sketch (p = 14, relative standard
//! error 0.81 %; Flajolet et al. 2007) counts them, and a blocked Bloom filter of 32 MiB remembers who was there, so that
//! the risk of the table is still by person and not by row: with ten million people it takes fewer than one in a
//! thousand for somebody met before.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::cell;
use crate::model::{LOWEST, People, REGISTERS, estimate_distinct, raise};

/// People that are counted exactly.
pub(super) const EXACT: usize = 100_000;
/// Relative standard error of the estimate: 1.04/√registers.
pub(super) const ERROR: f64 = 0.008_125;

/// Hashes are hashed already.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Builds [`Hashed`].
pub(super) type ByHash = BuildHasherDefault<Hashed>;

/// The different keys of one column.
pub(super) struct Count {
    pub(super) column: usize,
    exact: HashSet<u64, ByHash>,
    over: Option<Over>,
    /// Smallest and largest key where all are whole numbers.
    range: Option<(u64, u64)>,
    only_numbers: bool,
}

/// What counts past the exact number.
struct Over {
    filter: Filter,
    registers: Vec<u8>,
    lowest: BTreeSet<u64>,
}

impl Count {
    pub(super) fn new(column: usize) -> Count {
        Count { column, exact: HashSet::default(), over: None, range: None, only_numbers: true }
    }

    /// Counts a key in its normal form; says its hash, and whether it is new.
    pub(super) fn add(&mut self, normal: &str) -> (u64, bool) {
        let hash = if normal.bytes().any(|byte| byte.is_ascii_lowercase()) {
            cell::hash(&normal.to_ascii_uppercase())
        } else {
            cell::hash(normal)
        };
        let is_new = match &mut self.over {
            None => self.exact.insert(hash),
            Some(over) => over.add(hash),
        };
        if is_new {
            self.note_number(normal);
            if self.over.is_none() && self.exact.len() > EXACT {
                self.over = Some(Over::from(&mut self.exact));
            }
        }
        (hash, is_new)
    }

    fn note_number(&mut self, normal: &str) {
        if !self.only_numbers {
            return;
        }
        match normal.parse::<u64>() {
            Ok(number) => {
                let (low, high) = self.range.unwrap_or((number, number));
                self.range = Some((low.min(number), high.max(number)));
            }
            Err(_) => self.only_numbers = false,
        }
    }

    /// How many, and whether that is exact.
    pub(super) fn distinct(&self) -> (u64, bool) {
        match &self.over {
            None => (self.exact.len() as u64, true),
            Some(over) => (estimate_distinct(&over.registers), false),
        }
    }

    /// What joins it to other tables.
    pub(super) fn sketch(self, traits: BTreeMap<u64, u64>) -> People {
        let (distinct, _) = self.distinct();
        // Row counters: they start at 0 or 1 and leave hardly anything out.
        let dense = self.only_numbers
            && self.range.is_some_and(|(low, high)| low <= 1 && high.saturating_sub(low) < distinct + distinct / 8 + 1);
        match self.over {
            Some(over) => {
                let lowest: Vec<u64> = over.lowest.into_iter().collect();
                let traits = traits.into_iter().filter(|(key, _)| lowest.binary_search(key).is_ok()).collect();
                People { lowest, whole: false, registers: over.registers, traits, dense }
            }
            None => {
                let registers = if self.exact.len() > LOWEST { registers(self.exact.iter()) } else { Vec::new() };
                let whole = registers.is_empty();
                // Sorted right after: the order of the set does not show.
                #[allow(clippy::iter_over_hash_type)]
                let mut lowest: Vec<u64> = self.exact.into_iter().collect();
                lowest.sort_unstable();
                lowest.truncate(LOWEST);
                let traits = traits.into_iter().filter(|(key, _)| lowest.binary_search(key).is_ok()).collect();
                People { lowest, whole, registers, traits, dense }
            }
        }
    }
}

impl Over {
    fn from(exact: &mut HashSet<u64, ByHash>) -> Over {
        let mut filter = Filter::new();
        let mut sorted: Vec<u64> = exact.drain().collect();
        sorted.sort_unstable();
        for &hash in &sorted {
            filter.insert(hash);
        }
        *exact = HashSet::default();
        Over { filter, registers: registers(sorted.iter()), lowest: sorted.into_iter().take(LOWEST).collect() }
    }

    fn add(&mut self, hash: u64) -> bool {
        raise(&mut self.registers, hash);
        if self.lowest.last().is_some_and(|&last| hash < last) && self.lowest.insert(hash) {
            self.lowest.pop_last();
        }
        self.filter.insert(hash)
    }
}

fn registers<'h>(hashes: impl Iterator<Item = &'h u64>) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    hashes.for_each(|&hash| raise(&mut registers, hash));
    registers
}

/// A Bloom filter whose every key touches one block of 512 bits.
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// 32 MiB.
    const BLOCKS: usize = 1 << 19;

    fn new() -> Filter {
        Filter { words: vec![0; Filter::BLOCKS * 8] }
    }

    /// Whether the key is new, as far as the filter tells.
    fn insert(&mut self, hash: u64) -> bool {
        let block = (hash as usize % Filter::BLOCKS) * 8;
        let mut bits = cell::mix(hash, 0x5bd1_e995);
        let mut is_new = false;
        for _ in 0..7 {
            let word = block + (bits & 7) as usize;
            let bit = 1 << (bits >> 3 & 63);
            if let Some(word) = self.words.get_mut(word) {
                is_new |= *word & bit == 0;
                *word |= bit;
            }
            bits >>= 9;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(people: u64, rows: u64) -> (Count, u64) {
        let mut count = Count::new(0);
        let mut new = 0;
        for row in 0..rows {
            new += u64::from(count.add(&format!("S-{:07}", row % people)).1);
        }
        (count, new)
    }

    #[test]
    fn few_are_counted_exactly() {
        let (counted, new) = count(1234, 10_000);
        assert_eq!((counted.distinct(), new), ((1234, true), 1234));
        let sketch = counted.sketch(BTreeMap::new());
        assert!(sketch.whole && sketch.lowest.len() == 1234 && !sketch.dense);
    }

    #[test]
    fn many_are_estimated_and_still_told_apart() {
        let (counted, new) = count(1_000_000, 2_000_000);
        let (estimate, exact) = counted.distinct();
        assert!(!exact && (estimate as f64 / 1e6 - 1.0).abs() < 4.0 * ERROR, "{estimate}");
        assert!((999_000..=1_000_000).contains(&new), "{new} of a million were new");
    }

    #[test]
    fn a_counter_is_dense() {
        let mut counted = Count::new(0);
        for number in 1..=500 {
            counted.add(&number.to_string());
        }
        assert!(counted.sketch(BTreeMap::new()).dense);
        let mut counted = Count::new(0);
        for number in 1..=500 {
            counted.add(&(number * 37).to_string());
        }
        assert!(!counted.sketch(BTreeMap::new()).dense);
    }

    #[test]
    fn case_does_not_make_another_person() {
        let mut counted = Count::new(0);
        assert!(counted.add("ab-1").1 && !counted.add("AB-1").1);
    }
}
