//! Whom the datasets are about: tables that share keys are about the same people, who count once.
//!
//! Keys are compared as hashes of the run. Keys that are a mere count from 1 are the same in every table and say
//! nothing by themselves: tables with such keys belong together only where they are of one kind and lie together.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Asset, Evidence, Fact, Locator, People, Population, Presence, SubjectKind, TableFacts};

/// Share of the smaller set, in percent, that must be in the other for two tables to be about the same people.
const SHARED: usize = 5;

/// Where a generator made one table of a data model, it made the others beside it.
fn spread_synthetic(assets: &mut [Asset]) {
    let of = |asset: &Asset| {
        let table = table(asset)?;
        let standard = table.standard.clone()?;
        Some((asset.files.first()?.locator.parent(), standard))
    };
    let made: BTreeSet<(Locator, String)> = assets
        .iter()
        .filter(|asset| table(asset).is_some_and(|table| table.subject_kind == Some(SubjectKind::Synthetic)))
        .filter_map(of)
        .collect();
    for asset in assets {
        if !of(asset).is_some_and(|place| made.contains(&place)) {
            continue;
        }
        if let Fact::Dataset(dataset) = &mut asset.fact
            && dataset.table.subject_kind == Some(SubjectKind::Participant)
        {
            dataset.table.subject_kind = Some(SubjectKind::Synthetic);
            let why = "another table of the same data model beside it was made by a generator".to_owned();
            asset.evidence.push(Evidence { signature: "people".to_owned(), why });
            asset.impact.level = crate::model::Level::Low;
            asset.impact.because = vec!["people that a generator made up".to_owned()];
        }
    }
}

/// The people of all datasets. Puts it to the facts of datasets whose keys another one resolves.
pub fn populations(assets: &mut [Asset]) -> Vec<Population> {
    spread_synthetic(assets);
    let members: Vec<usize> = (0..assets.len()).filter(|&at| assets.get(at).is_some_and(is_about_people)).collect();
    let mut groups = Groups::new(members.len());
    let tables: Vec<(&Asset, &TableFacts)> =
        members.iter().filter_map(|&at| assets.get(at)).filter_map(|asset| Some((asset, table(asset)?))).collect();
    join_by_key(&tables, &mut groups);
    join_counts(&tables, &mut groups);
    let mut found: Vec<(Population, Vec<usize>)> = Vec::new();
    for group in groups.into_lists() {
        let parts: Vec<(&Asset, &TableFacts)> = group.iter().filter_map(|&at| tables.get(at).copied()).collect();
        let places = group.iter().filter_map(|&at| members.get(at).copied()).collect();
        found.push((population(&parts), places));
    }
    found.sort_by(|(a, _), (b, _)| {
        (a.kind, std::cmp::Reverse(a.distinct), &a.datasets).cmp(&(b.kind, std::cmp::Reverse(b.distinct), &b.datasets))
    });
    for (population, places) in &found {
        void(assets, population, places);
    }
    found.into_iter().map(|(population, _)| population).collect()
}

fn table(asset: &Asset) -> Option<&TableFacts> {
    asset.fact.dataset().map(|dataset| &dataset.table)
}

fn is_about_people(asset: &Asset) -> bool {
    let counted = table(asset).is_some_and(|table| table.distinct_subjects.is_some_and(|count| count > 0));
    asset.presence == Presence::Present && counted
}

fn people(table: &TableFacts) -> Option<&People> {
    table.sketch.as_ref()?.people.as_ref()
}

fn kind(table: &TableFacts) -> SubjectKind {
    table.subject_kind.unwrap_or(SubjectKind::Unknown)
}

/// Tables with keys in common.
fn join_by_key(tables: &[(&Asset, &TableFacts)], groups: &mut Groups) {
    let mut owners: Vec<(u64, usize)> = Vec::new();
    for (at, (_, table)) in tables.iter().enumerate() {
        let Some(people) = people(table).filter(|people| !people.dense) else { continue };
        owners.extend(people.lowest.iter().map(|&hash| (hash, at)));
    }
    owners.sort_unstable();
    // Joining is transitive: whoever shares a key with the first of its owners is with all of them.
    let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
    for owners in owners.chunk_by(|(a, _), (b, _)| a == b) {
        if let Some((&(_, first), others)) = owners.split_first() {
            pairs.extend(others.iter().map(|&(_, other)| (first, other)));
        }
        pairs.extend(owners.windows(2).filter_map(|pair| Some((pair.first()?.1, pair.last()?.1))));
    }
    // Those that share most are joined first: whoever disagrees with a group stays out of it.
    let mut shared: Vec<(usize, usize, usize, usize)> = Vec::new();
    for (first, second) in pairs {
        let (Some((_, a)), Some((_, b))) = (tables.get(first), tables.get(second)) else { continue };
        let (Some(left), Some(right)) = (people(a), people(b)) else { continue };
        let (both, asked) = left.shared(right);
        shared.push((both, asked, first, second));
    }
    shared.sort_by_key(|&(both, _, first, second)| (std::cmp::Reverse(both), first, second));
    let mut traits: Vec<Traits> = tables
        .iter()
        .map(|(_, table)| Traits::OfOne(people(table).map(|people| people.traits.as_slice()).unwrap_or_default()))
        .collect();
    for (both, asked, first, second) in shared {
        let (Some((_, a)), Some((_, b))) = (tables.get(first), tables.get(second)) else { continue };
        // One person in common may be an accident of short keys; the only one of a table is not.
        let enough = both >= 2 || both == asked;
        let related = enough && both * 100 >= asked * SHARED && may_be_the_same(kind(a), kind(b));
        let (one, other) = (groups.root(first), groups.root(second));
        let (Some(left), Some(right)) = (traits.get(one), traits.get(other)) else { continue };
        if !related || one == other || disagree(left, right) {
            continue;
        }
        groups.join(one, other);
        // The smaller of the two moves, so that each trait moves a few times only.
        let (large, small) = match (traits.get_mut(one).map(std::mem::take), traits.get_mut(other).map(std::mem::take))
        {
            (Some(a), Some(b)) if a.len() >= b.len() => (a, b),
            (Some(a), Some(b)) => (b, a),
            _ => continue,
        };
        if let Some(root) = traits.get_mut(groups.root(one)) {
            *root = large.with(small);
        }
    }
}

/// Sex and year of birth by hashed key: of one table as they lie there, or of all that were joined.
enum Traits<'t> {
    OfOne(&'t [(u64, u64)]),
    OfMany(BTreeMap<u64, u64>),
}

impl Default for Traits<'_> {
    fn default() -> Self {
        Traits::OfOne(&[])
    }
}

impl Traits<'_> {
    fn len(&self) -> usize {
        match self {
            Traits::OfOne(list) => list.len(),
            Traits::OfMany(map) => map.len(),
        }
    }

    fn get(&self, key: u64) -> Option<u64> {
        match self {
            Traits::OfOne(list) => {
                let at = list.binary_search_by_key(&key, |(key, _)| *key).ok()?;
                list.get(at).map(|(_, known)| *known)
            }
            Traits::OfMany(map) => map.get(&key).copied(),
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        match self {
            Traits::OfOne(list) => Box::new(list.iter().copied()),
            Traits::OfMany(map) => Box::new(map.iter().map(|(key, known)| (*key, *known))),
        }
    }

    /// The same, with those of another that it does not know.
    fn with(self, other: Traits) -> Self {
        let mut map = match self {
            Traits::OfOne(list) => list.iter().copied().collect(),
            Traits::OfMany(map) => map,
        };
        for (key, known) in other.iter() {
            map.entry(key).or_insert(known);
        }
        Traits::OfMany(map)
    }
}

/// Whether most people with the same key have another sex or year of birth in the two.
fn disagree(a: &Traits, b: &Traits) -> bool {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    // The lowest two bits say which traits they are.
    let known = small
        .iter()
        .filter_map(|(key, one)| Some((one, large.get(key)?)))
        .filter(|(one, other)| (one ^ other) & 3 == 0);
    let (same, other) =
        known.fold((0, 0), |(same, other), (a, b)| if a == b { (same + 1, other) } else { (same, other + 1) });
    other > same
}

/// Participants are no staff, even under the same numbers.
fn may_be_the_same(a: SubjectKind, b: SubjectKind) -> bool {
    a == b || a == SubjectKind::Unknown || b == SubjectKind::Unknown
}

/// Tables whose keys are counts: of one data model, or of one schema, or beside each other. Of each sort, the largest ones
/// are what the others are held against.
fn join_counts(tables: &[(&Asset, &TableFacts)], groups: &mut Groups) {
    let mut sorts: BTreeMap<Sort, Vec<usize>> = BTreeMap::new();
    for (at, (asset, table)) in tables.iter().enumerate() {
        let Some(column) = table.subject_column.as_deref().filter(|_| people(table).is_some()) else { continue };
        let column = column.to_ascii_lowercase();
        let model = table.standard.as_deref().filter(|standard| ONE_KEY.contains(standard));
        let place = asset.files.first().map(|file| file.locator.parent());
        let sorts_of = [
            model.map(|model| Sort::Model(column.clone(), model)),
            Some(Sort::Schema(column.clone(), &table.columns, table.row_count)),
            place.map(|place| Sort::Place(column.clone(), place)),
        ];
        for sort in sorts_of.into_iter().flatten() {
            sorts.entry(sort).or_default().push(at);
        }
    }
    for mut of_a_sort in sorts.into_values() {
        of_a_sort
            .sort_by_key(|&at| (std::cmp::Reverse(tables.get(at).and_then(|(_, table)| table.distinct_subjects)), at));
        for (index, &second) in of_a_sort.iter().enumerate() {
            for &first in of_a_sort.iter().take(index.min(MAX_HELD_AGAINST)) {
                if groups.root(first) != groups.root(second) && is_contained(tables, first, second) {
                    groups.join(first, second);
                }
            }
        }
    }
}

/// Data models in which a key means the same person in every table.
const ONE_KEY: [&str; 4] = ["omop", "i2b2", "pcornet", "sentinel"];
/// Tables of a sort that each of the others is held against.
const MAX_HELD_AGAINST: usize = 32;

/// What tables have in common whose keys are the same column.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Sort<'t> {
    Model(String, &'t str),
    Schema(String, &'t [String], Option<u64>),
    Place(String, Locator),
}

/// Whether nearly all people of the smaller table are in the other, and the keys are counts in one of them.
fn is_contained(tables: &[(&Asset, &TableFacts)], first: usize, second: usize) -> bool {
    let (Some((_, a)), Some((_, b))) = (tables.get(first), tables.get(second)) else { return false };
    let (Some(own), Some(other)) = (people(a), people(b)) else { return false };
    if !(own.dense || other.dense) || !may_be_the_same(kind(a), kind(b)) {
        return false;
    }
    let (both, asked) = own.shared(other);
    both * 100 >= asked * 95
}

fn population(parts: &[(&Asset, &TableFacts)]) -> Population {
    let mut all: Option<People> = None;
    let mut most = 0;
    let mut rows = 0u64;
    let mut of = SubjectKind::Unknown;
    for (_, table) in parts {
        match (&mut all, people(table)) {
            (Some(all), Some(people)) => all.unite(people),
            (None, Some(people)) => all = Some(people.clone()),
            (_, None) => {}
        }
        most = most.max(table.distinct_subjects.unwrap_or(0));
        rows = rows.saturating_add(table.row_count.unwrap_or(0));
        of = of.min(kind(table));
    }
    let (distinct, exact) = all.map_or((most, true), |all| all.count());
    let identifies =
        |(asset, table): &&(&Asset, &TableFacts)| (table.key_file || names_people(table)).then(|| asset.id.clone());
    Population {
        kind: of,
        studies: parts.iter().flat_map(|(_, table)| table.studies.iter().cloned()).collect(),
        distinct: distinct.max(most),
        estimated: !exact,
        rows,
        datasets: parts.iter().map(|(asset, _)| asset.id.clone()).collect(),
        identified_by: parts.iter().filter_map(|part| identifies(&part)).collect(),
    }
}

/// Whether a table holds direct identifiers of its people.
fn names_people(table: &TableFacts) -> bool {
    table.pseudonymised == Some(false)
}

/// Says of every dataset of the population that its keys are resolved by another.
fn void(assets: &mut [Asset], population: &Population, places: &[usize]) {
    let Some(key) = population.identified_by.first() else { return };
    let source = assets.iter().find(|asset| asset.id == *key).and_then(|asset| asset.files.first());
    let Some(place) = source.map(|file| file.locator.to_string()) else { return };
    for &at in places {
        let Some(asset) = assets.get_mut(at).filter(|asset| !population.identified_by.contains(&asset.id)) else {
            continue;
        };
        if let Fact::Dataset(dataset) = &mut asset.fact
            && dataset.table.pseudonymised == Some(true)
        {
            dataset.table.pseudonymised = Some(false);
            let why = format!("its keys lead to people through {place}: not pseudonymised while both are in one place");
            asset.evidence.push(Evidence { signature: "people".to_owned(), why: why.clone() });
            asset.impact.level = crate::model::Level::High;
            asset.impact.because.push(why);
        }
    }
}

/// Sets that are joined pairwise.
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn new(count: usize) -> Groups {
        Groups { parents: (0..count).collect() }
    }

    /// The lowest number of a set; on the way there, everyone is pointed further up.
    fn root(&mut self, mut at: usize) -> usize {
        while let Some(&parent) = self.parents.get(at).filter(|&&parent| parent != at) {
            let above = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parents.get_mut(at) {
                *slot = above;
            }
            at = parent;
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The lowest number is the root: the same groups in whatever order they were joined.
        if let Some(parent) = self.parents.get_mut(a.max(b)) {
            *parent = a.min(b);
        }
    }

    fn into_lists(mut self) -> Vec<Vec<usize>> {
        let mut lists: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in 0..self.parents.len() {
            lists.entry(self.root(at)).or_default().push(at);
        }
        lists.into_values().collect()
    }
}
