//! Names of classes, looked up by words.

use std::collections::HashMap;

use super::schema::Class;
use super::words::{is_gapless, spelled_out, words};

/// Longest name of a class, in words.
const LONGEST: usize = 6;
/// The same for names with digits in them, which fall apart: `HbA1c` is `hb a 1 c`.
const SHORTEST_WITH_DIGITS: usize = 5;
/// Words inside of a name that are left out as often as not: `fecha de visita`, `fecha_visita`.
const CONNECTING: [&str; 11] = ["de", "del", "du", "des", "d", "la", "le", "of", "der", "for", "n"];
/// Words at the end of a name that say when: `hba1c_v1`, `weight_bl`.
const VISITS: [&str; 19] = [
    "v",
    "m",
    "w",
    "d",
    "y",
    "t",
    "visit",
    "visite",
    "week",
    "month",
    "day",
    "year",
    "bl",
    "baseline",
    "fu",
    "followup",
    "scr",
    "screening",
    "eos",
];
/// Those of them that say it without a number.
const VISITS_ALONE: [&str; 6] = ["bl", "baseline", "fu", "followup", "scr", "eos"];
/// Shortest name that is also known written in one: `dateofbirth`, and not `dr` and `no` as `drno`.
const SHORTEST_IN_ONE: usize = 6;

/// A name of a class that is in a column's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hit {
    /// Number of the class.
    pub class: usize,
    /// How much it says: 0 to 1.
    pub weight: f64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    class: usize,
    telling: bool,
}

/// Every name of every class.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: HashMap<String, Vec<Entry>>,
    /// Names in scripts without gaps.
    gapless: Vec<(String, Entry)>,
}

impl Index {
    pub(super) fn new(classes: &[Class]) -> Index {
        let mut index = Index::default();
        for (number, class) in classes.iter().enumerate() {
            for (names, telling) in [(&class.names, true), (&class.hints, false)] {
                for name in names.values().flatten() {
                    index.add(name, Entry { class: number, telling });
                    index.add(&spelled_out(name), Entry { class: number, telling });
                }
            }
        }
        index
    }

    fn add(&mut self, name: &str, entry: Entry) {
        let words = words(name);
        let spaced = words.join(" ");
        if is_gapless(&spaced) {
            self.gapless.push((words.concat(), entry));
        }
        let in_one = words.concat();
        let has_digit = in_one.bytes().any(|byte| byte.is_ascii_digit());
        let shortest = if has_digit { SHORTEST_WITH_DIGITS } else { SHORTEST_IN_ONE };
        if words.len() > 1 && in_one.len() >= shortest {
            self.insert(in_one, entry);
        }
        let telling: Vec<&str> = words.iter().map(String::as_str).filter(|word| !CONNECTING.contains(word)).collect();
        if (2..words.len()).contains(&telling.len()) {
            self.insert(telling.join(" "), entry);
        }
        let long = words.last().is_some_and(|word| word.len() >= 4 && !word.ends_with('s'));
        if long {
            self.insert(format!("{spaced}s"), entry);
        }
        self.insert(spaced, entry);
    }

    fn insert(&mut self, name: String, entry: Entry) {
        let entries = self.names.entry(name).or_default();
        if !entries.iter().any(|other| other.class == entry.class && other.telling == entry.telling) {
            entries.push(entry);
        }
    }

    /// The classes whose names are in these words: the best place of each.
    pub(super) fn hits(&self, all: &[String], classes: &[Class]) -> Vec<Hit> {
        // A number at the end counts repetitions: `height2`, `race___3`.
        let counted = all.iter().rev().take_while(|word| word.bytes().all(|byte| byte.is_ascii_digit())).count();
        let mut hits = Vec::new();
        let without_count = all.len().saturating_sub(counted);
        let visit = all.get(..without_count).and_then(|words| words.last()).map_or("", String::as_str);
        let says_when = if counted > 0 { VISITS.contains(&visit) } else { VISITS_ALONE.contains(&visit) };
        let without_visit = without_count.saturating_sub(usize::from(says_when && without_count > 1));
        for kept in [all.len(), without_count, without_visit] {
            self.hits_of(all.get(..kept).unwrap_or_default(), classes, &mut hits);
        }
        hits
    }

    fn hits_of(&self, words: &[String], classes: &[Class], hits: &mut Vec<Hit>) {
        for first in 0..words.len() {
            for length in 1..=LONGEST.min(words.len() - first) {
                let Some(part) = words.get(first..first + length) else { continue };
                let place = Place::new(first, length, words.len());
                let spaced = part.join(" ");
                // What has digits in it falls into other words in other capitals.
                let in_one = (length > 2 && spaced.bytes().any(|byte| byte.is_ascii_digit())).then(|| part.concat());
                for name in in_one.into_iter().chain([spaced]) {
                    for entry in self.names.get(&name).into_iter().flatten() {
                        push(hits, words, classes, *entry, place, length);
                    }
                }
            }
        }
        for word in words.iter().filter(|word| is_gapless(word)) {
            for (name, entry) in &self.gapless {
                if word.len() > name.len() && word.contains(name.as_str()) {
                    let place = if word.ends_with(name.as_str()) { Place::End } else { Place::Inside };
                    push(hits, words, classes, *entry, place, 1);
                }
            }
        }
    }
}

/// Where in a name the class's name is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Whole,
    End,
    Start,
    Inside,
}

impl Place {
    fn new(first: usize, length: usize, of: usize) -> Place {
        match (first == 0, first + length == of) {
            (true, true) => Place::Whole,
            (false, true) => Place::End,
            (true, false) => Place::Start,
            (false, false) => Place::Inside,
        }
    }
}

/// Whether the name has a word that turns it into another's.
pub(super) fn is_turned(class: &Class, words: &[String]) -> bool {
    class.not.iter().any(|not| {
        let length = not.split(' ').count();
        words.windows(length).any(|part| part.iter().map(String::as_str).eq(not.split(' ')))
    })
}

fn push(hits: &mut Vec<Hit>, words: &[String], classes: &[Class], entry: Entry, place: Place, length: usize) {
    let Some(class) = classes.get(entry.class) else { return };
    if is_turned(class, words) {
        return;
    }
    let weight = match (entry.telling, place) {
        (true, Place::Whole) => 0.7,
        (true, Place::End) => 0.6,
        (true, Place::Start) => 0.5,
        (true, Place::Inside) => 0.4,
        (false, Place::Whole) => 0.3,
        (false, _) => return,
    };
    // Of two classes, the one whose name says more.
    let weight = weight + 0.01 * length.min(LONGEST) as f64;
    match hits.iter_mut().find(|hit| hit.class == entry.class) {
        Some(hit) => hit.weight = hit.weight.max(weight),
        None => hits.push(Hit { class: entry.class, weight }),
    }
}
