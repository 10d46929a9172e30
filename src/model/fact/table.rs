//! Facts of one table: its shape, and what it says about people. No value of a cell is ever in here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

/// Facts of a table: of a dataset as a whole, or of one sheet, table or group inside of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct TableFacts {
    /// Rows, records, or the extent of the first axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    /// Whether `row_count` is an estimate: nothing states it, and not every row was read.
    #[serde(skip_serializing_if = "is_false")]
    pub row_count_estimated: bool,
    /// Names of the columns, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// How many columns there are; more than are named, where there are too many to name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_count: Option<u64>,
    /// What a column holds, for every column of which that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_classes: Option<BTreeMap<String, String>>,
    /// The part of `column_classes` that is personal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitive_columns: BTreeMap<String, String>,
    /// Paths of nested records and what they hold, as far as it is personal.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitive_paths: BTreeMap<String, String>,
    /// Columns that name or number a person outright: names, addresses, national and record numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub direct_identifiers: Vec<String>,
    /// The column whose values stand for one person each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_column: Option<String>,
    /// Different people: exact up to 100,000, an estimate beyond.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_subjects: Option<u64>,
    /// Relative standard error of `distinct_subjects`, where it is an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_subjects_error: Option<f64>,
    /// Whom the rows are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_kind: Option<SubjectKind>,
    /// Different mail addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_emails: Option<u64>,
    /// Whether there is anything about somebody's health in it; absent where it is about nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_data: Option<bool>,
    /// The domain of a clinical standard: `DM`, `LB`; the table of a common data model: `person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The standard it follows: `cdisc-sdtm`, `omop`, `redcap`, `fhir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard: Option<String>,
    /// How easily a person is singled out, by sets of quasi-identifiers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risk: Vec<Risk>,
    /// Safe Harbor identifiers (45 CFR 164.514(b)(2)(i)) that are there, by letter.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub safe_harbor: BTreeSet<String>,
    /// Special categories of the GDPR (Art. 9) that are there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gdpr_article_9: BTreeSet<String>,
    /// Whether it joins a subject key to direct identifiers or to another study's key.
    #[serde(skip_serializing_if = "is_false")]
    pub key_file: bool,
    /// Whether its people stand under keys alone, and nothing found in the same scan leads from a key to a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudonymised: Option<bool>,
    /// Whether it tells who got which treatment.
    #[serde(skip_serializing_if = "is_false")]
    pub unblinded: bool,
    /// Identifiers found inside of free text, by class: in how many cells.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub embedded: BTreeMap<String, u64>,
    /// Studies it names: identifiers of trials, not of people.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub studies: BTreeSet<String>,
    /// Columns of whose values nothing is known, since there are too many. Written as a gap.
    #[serde(skip)]
    pub further_columns: u64,
    /// What sort of table it is, by its columns: `data_dictionary`, `redcap_export`, `hcp_contact_list`. Written as the
    /// sort of the dataset.
    #[serde(skip)]
    pub kind: Option<String>,
    /// What a data dictionary says that columns of other tables hold. Never written: they say so themselves.
    #[serde(skip)]
    pub declares: BTreeMap<String, Declared>,
    /// What the thinking half joins tables by. Never written.
    #[serde(skip)]
    pub sketch: Option<Arc<Sketch>>,
}

/// Whom the rows of a table are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// People who take part in a study, patients, donors.
    Participant,
    /// People known by their profession: clinicians, investigators.
    Professional,
    /// People who work there.
    Staff,
    /// No people at all.
    Animal,
    /// Made up by a generator.
    Synthetic,
    /// People, and nothing says which.
    Unknown,
}

/// How easily a person of a table is singled out by a set of quasi-identifiers, after El Emam: the prosecutor's risk,
/// whose attacker knows that the person is in it. A missing value is a category of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Risk {
    /// Name of the set: `demographic`, `clinical-profile`, `extended`, `all-detected`, or `asked`.
    pub set: String,
    /// The classes whose values together make a class, sorted.
    pub quasi_identifiers: Vec<String>,
    /// What a record is: `subject` or `row`.
    pub unit: String,
    /// Records.
    pub records: u64,
    /// Different combinations of values.
    pub classes: u64,
    /// Records that are alone with theirs.
    pub unique_records: u64,
    /// Records of the smallest class; an upper bound where the classes were sampled.
    pub k_min: u64,
    /// Classes divided by records: the expected share of records that a match would re-identify.
    pub average_risk: f64,
    /// Share of the records in classes of fewer than five.
    #[serde(rename = "at_risk_0.2")]
    pub at_risk: f64,
    /// Whether the classes are a sample: counts are then scaled up, shares unbiased.
    #[serde(skip_serializing_if = "is_false")]
    pub estimated: bool,
    /// The same over coarser values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Box<Risk>>,
}

/// A class that a dictionary declares a column to be, with what the class means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Its id.
    pub class: String,
    /// Whether it is data about a person.
    pub personal: bool,
    /// Whether it names the person.
    pub direct: bool,
    /// Whether it says something about somebody's health.
    pub health: bool,
    /// The Safe Harbor identifier it is.
    pub safe_harbor: Option<char>,
    /// The special category it belongs to.
    pub gdpr_article_9: Option<String>,
}

/// What tables are joined by in the thinking half. Its hashes are of the run alone and never leave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    /// Order-free digest over all rows, by column name and normalised value; nothing where not every row was read.
    pub rows: Option<u64>,
    /// The people, by hashed key.
    pub people: Option<People>,
}

/// A set of people, by hash of their normalised key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct People {
    /// The smallest hashes, sorted: all of them where `whole`, else the bottom 4,096.
    pub lowest: Vec<u64>,
    /// Whether `lowest` is everybody.
    pub whole: bool,
    /// HyperLogLog registers (p = 14), where there are more than `lowest` holds.
    pub registers: Vec<u8>,
    /// What else is known of those in `lowest`, as a hash, by key and sorted: sex and year of birth or age. Tables that
    /// disagree on it share keys by accident.
    pub traits: Vec<(u64, u64)>,
    /// Whether the keys are a dense count from 0 or 1, which overlaps with every other such count by accident.
    pub dense: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Smallest hashes that a sketch keeps: Jaccard and containment to ±1.6 points.
pub const LOWEST: usize = 4096;

impl People {
    /// How many there are, and whether that is exact.
    pub fn count(&self) -> (u64, bool) {
        if self.whole { (self.lowest.len() as u64, true) } else { (estimate_distinct(&self.registers), false) }
    }

    /// Adds everybody of another set: a union, so that nobody counts twice.
    pub fn unite(&mut self, other: &People) {
        if !(self.whole && other.whole) {
            let registers = std::mem::take(&mut self.registers);
            self.registers = raised(registers, &self.lowest);
            for (own, theirs) in self.registers.iter_mut().zip(raised(other.registers.clone(), &other.lowest)) {
                *own = (*own).max(theirs);
            }
        }
        self.whole &= other.whole;
        self.dense &= other.dense;
        self.lowest.extend(&other.lowest);
        self.lowest.sort_unstable();
        self.lowest.dedup();
        if self.lowest.len() > LOWEST {
            if self.whole {
                self.registers = raised(Vec::new(), &self.lowest);
            }
            self.whole = false;
            self.lowest.truncate(LOWEST);
        }
        // Stable: of two that know a person, the first is believed.
        self.traits.extend(&other.traits);
        self.traits.sort_by_key(|(key, _)| *key);
        self.traits.dedup_by_key(|(key, _)| *key);
        let last = self.lowest.last().copied();
        self.traits.retain(|(key, _)| Some(*key) <= last);
    }

    /// How many of the kept people of the smaller set are in the other, and out of how many that could be told.
    pub fn shared(&self, other: &People) -> (usize, usize) {
        let (small, large) = if self.lowest.len() <= other.lowest.len() { (self, other) } else { (other, self) };
        // Past the largest hash that both keep, nothing can be told.
        let bound = [small, large].iter().filter(|set| !set.whole).filter_map(|set| set.lowest.last()).min();
        let known = |hash: &&u64| bound.is_none_or(|bound| *hash <= bound);
        let asked = small.lowest.iter().filter(known).count();
        let both = small.lowest.iter().filter(known).filter(|hash| large.lowest.binary_search(hash).is_ok()).count();
        (both, asked)
    }
}

/// Registers of a set that keeps everybody's hash are made when they are needed.
fn raised(registers: Vec<u8>, hashes: &[u64]) -> Vec<u8> {
    if !registers.is_empty() {
        return registers;
    }
    let mut registers = vec![0; REGISTERS];
    hashes.iter().for_each(|&hash| raise(&mut registers, hash));
    registers
}

/// Registers of a HyperLogLog sketch of precision 14.
pub const REGISTERS: usize = 1 << 14;

/// Puts a hash to the registers.
pub fn raise(registers: &mut [u8], hash: u64) {
    let rank = ((hash << 14) | (1 << 13)).leading_zeros() + 1;
    if let Some(register) = registers.get_mut((hash >> 50) as usize) {
        *register = (*register).max(rank as u8);
    }
}

/// The number of different hashes that raised HyperLogLog registers (Flajolet et al. 2007; 64-bit hashes need no
/// correction of large ranges).
pub fn estimate_distinct(registers: &[u8]) -> u64 {
    let count = registers.len() as f64;
    let alpha = 0.7213 / (1.0 + 1.079 / count);
    let sum: f64 = registers.iter().map(|&rank| (-f64::from(rank)).exp2()).sum();
    let raw = alpha * count * count / sum;
    let empty = registers.iter().filter(|&&rank| rank == 0).count();
    if raw <= 2.5 * count && empty > 0 {
        (count * (count / empty as f64).ln()).round() as u64
    } else {
        raw.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(range: std::ops::Range<u64>) -> People {
        // SplitMix64: a bijection that spreads numbers over all 64 bits.
        let spread = |number: u64| {
            let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        let mut lowest: Vec<u64> = range.map(|number| spread(number + 1)).collect();
        lowest.sort_unstable();
        let whole = lowest.len() <= LOWEST;
        let registers = if whole { Vec::new() } else { raised(Vec::new(), &lowest) };
        lowest.truncate(LOWEST);
        People { lowest, whole, registers, ..People::default() }
    }

    #[test]
    fn a_union_counts_nobody_twice() {
        let mut all = people(0..300);
        all.unite(&people(100..306));
        assert_eq!(all.count(), (306, true));
        let mut all = people(0..3000);
        all.unite(&people(2000..6000));
        let (count, exact) = all.count();
        assert!(!exact && count.abs_diff(6000) < 200, "{count}");
        let mut all = people(0..50_000);
        all.unite(&people(10..20));
        assert!(all.count().0.abs_diff(50_000) < 2000);
    }

    #[test]
    fn containment_is_told_from_sketches() {
        assert_eq!(people(0..100).shared(&people(50..300)), (50, 100));
        let (both, asked) = people(0..1000).shared(&people(0..100_000));
        assert!(both == asked && asked > 10, "{both} of {asked}");
    }
}
