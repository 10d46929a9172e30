//! What speaks for a column being of a class, and what against.
//!
//! Four kinds of evidence: its name, its place in a standard, what is declared of it, and its values. Each is a weight
//! below one, and together they leave 1 − Π(1 − w). Values are tested one by one as they differ, never row by row: one
//! value repeated is one piece of evidence.

use super::Taxonomy;
use super::index::is_turned;
use super::schema::{Class, ClassKind, Values};
use super::standard::{Standard, is_variable};
use super::words::words;
use crate::table::profile::{Column, Kind, Profile};
use crate::table::value::{self, Test};

/// Different values below which nothing is said by values alone.
const ENOUGH: usize = 20;
/// Share of them that must pass where nothing else speaks.
const NEARLY_ALL: f64 = 0.9;
/// What a declaration weighs.
const DECLARED: f64 = 1.0;
/// What a standard's variable weighs in a table of the standard.
const STANDARD: f64 = 0.97;
/// What a variable that every domain has weighs: with values that pass, less than one of the domain's own.
const ANY_DOMAIN: f64 = 0.85;
/// What the name or the standard must say for it to say something without the rest of the table.
const TELLING: f64 = 0.4;
/// What passing values weigh beside a name.
const PASSED: f64 = 0.5;
/// What passing values weigh alone.
const ALONE: f64 = 0.8;
/// What is left of the evidence where values do not look like it.
const FAILED: f64 = 0.6;

/// How sure a column is of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score {
    /// Number of the class.
    pub class: usize,
    /// 0 to 1.
    pub sure: f64,
    /// Whether its values were tested and passed.
    pub passed: bool,
    /// Whether it says something without the rest of the table: by a telling name, a standard, or values like no other.
    pub telling: bool,
}

/// The tests of a class, compiled.
#[derive(Debug, Default)]
pub(super) struct Tests {
    with_name: Vec<Test>,
    alone: Vec<Alone>,
}

/// A test that is enough without a name, and what the values must be together.
#[derive(Debug)]
struct Alone {
    each: Test,
    all: Option<fn(&[&str]) -> bool>,
}

impl Tests {
    /// # Errors
    /// The name of a test that does not exist.
    pub(super) fn new(values: Option<&Values>) -> Result<Tests, String> {
        let Some(values) = values else { return Ok(Tests::default()) };
        let find = |names: &[String]| {
            let all =
                names.iter().map(|name| value::test(name).ok_or_else(|| format!("there is no value test '{name}'")));
            all.collect::<Result<Vec<Test>, String>>()
        };
        let together = values.alone.iter().map(|name| value::together(name));
        let alone = find(&values.alone)?.into_iter().zip(together).map(|(each, all)| Alone { each, all });
        Ok(Tests { with_name: find(&values.tests)?, alone: alone.collect() })
    }
}

/// The classes of a column, the surest first.
pub(super) fn scores(taxonomy: &Taxonomy, profile: &Profile, standard: Option<&Standard>) -> Vec<Score> {
    let column = &profile.column;
    let named = named(taxonomy, column);
    let mut scores = Vec::new();
    // Classes that nothing but values speak for; and how the values of those look that the name tells.
    let (mut unnamed, mut told) = (Vec::new(), None);
    for (number, class) in taxonomy.classes.iter().enumerate() {
        let declared = if column.declared.as_deref() == Some(class.id.as_str()) { DECLARED } else { 0.0 };
        let standard = standard_weight(class, column, standard);
        let name = named.iter().filter(|(of, _)| *of == number).map(|(_, weight)| *weight).fold(0.0, f64::max);
        let before = together(&[declared, standard, name]);
        let values = match taxonomy.tests.get(number) {
            Some(tests) if before == 0.0 && tests.alone.is_empty() => continue,
            Some(tests) => look(class, tests, profile),
            None => Look::Silent,
        };
        let trusted = declared > 0.0 || standard > 0.0;
        let sure = match values {
            Look::Unfit if !trusted => continue,
            Look::Alone if before == 0.0 => ALONE,
            Look::Alone | Look::Passed if before > 0.0 => together(&[before, PASSED]),
            Look::Failed if !trusted => before * FAILED,
            _ => before,
        };
        if sure > 0.0 {
            let passed = matches!(values, Look::Passed | Look::Alone);
            if before == 0.0 {
                unnamed.push(number);
            } else if before >= TELLING && values != Look::Failed {
                told = Some(passed || told.unwrap_or(false));
            }
            scores.push(Score { class: number, sure, passed, telling: before >= TELLING || values == Look::Alone });
        }
    }
    // A column that says what it holds is not taken for another's by the look of its values, unless they name somebody:
    // a `patient_id` may hold numbers of the state.
    let names_somebody =
        |class: usize| taxonomy.classes.get(class).is_some_and(|class| class.kind == ClassKind::Direct);
    if let Some(fits) = told {
        scores.retain(|score| !unnamed.contains(&score.class) || (!fits && names_somebody(score.class)));
    }
    scores.sort_by(|a, b| b.sure.total_cmp(&a.sure).then(a.class.cmp(&b.class)));
    scores
}

/// What the names say: that of the column, of the end of its path, and the format's own words for it.
fn named(taxonomy: &Taxonomy, column: &Column) -> Vec<(usize, f64)> {
    let mut named = Vec::new();
    let all = words(&column.name);
    let last = column.name.rsplit(['.', '/', ':']).next().unwrap_or_default();
    named.extend(taxonomy.index.hits(&all, &taxonomy.classes).into_iter().map(|hit| (hit.class, hit.weight)));
    if last.len() < column.name.len() {
        let hits = taxonomy.index.hits(&words(last), &taxonomy.classes);
        // The end of a path is less than a name, and what stands before it may turn it into another's.
        let turned = |class: usize| taxonomy.classes.get(class).is_some_and(|class| is_turned(class, &all));
        named.extend(hits.into_iter().filter(|hit| !turned(hit.class)).map(|hit| (hit.class, hit.weight * 0.95)));
    }
    if let Some(label) = &column.label {
        let hits = taxonomy.index.hits(&words(label), &taxonomy.classes);
        // A label is a second source: it counts beside the name.
        for hit in hits {
            match named.iter_mut().find(|(class, _)| *class == hit.class) {
                Some((_, weight)) => *weight = together(&[*weight, hit.weight * 0.8]),
                None => named.push((hit.class, hit.weight * 0.8)),
            }
        }
    }
    named
}

fn standard_weight(class: &Class, column: &Column, standard: Option<&Standard>) -> f64 {
    let Some(standard) = standard else { return 0.0 };
    let variables = class.standard.get(standard.family).into_iter().flatten();
    let weight = |variable: &String| match is_variable(variable, &column.name, standard) {
        false => 0.0,
        // A variable of any domain says less than one of this.
        true if variable.starts_with("--") => ANY_DOMAIN,
        true => STANDARD,
    };
    variables.map(weight).fold(0.0, f64::max)
}

/// What the values say.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    /// They cannot be of that class.
    Unfit,
    /// They do not look like it.
    Failed,
    /// Nothing.
    Silent,
    /// They look like it.
    Passed,
    /// They look like nothing else.
    Alone,
}

fn look(class: &Class, tests: &Tests, profile: &Profile) -> Look {
    let distinct = profile.distinct();
    // Twelve months or seven weekdays name nobody.
    if class.kind == ClassKind::Direct && profile.filled > 200 && distinct <= 12 {
        return Look::Unfit;
    }
    let Some(values) = &class.values else { return Look::Silent };
    if !values.stored.is_empty() && !values.stored.iter().any(|stored| stored.is(profile.column.kind)) {
        return Look::Unfit;
    }
    if profile.filled == 0 {
        return Look::Silent;
    }
    if distinct < values.min_distinct || values.max_distinct.is_some_and(|most| distinct > most) {
        return Look::Unfit;
    }
    if profile.column.kind == Kind::Other || profile.values().all(|value| value == "\u{0}") {
        return Look::Silent;
    }
    let share = |test: &Test| {
        let passed = profile.values().filter(|value| test(value)).count();
        passed as f64 / profile.values().len().max(1) as f64
    };
    let is_alone = |test: &Alone| {
        let fits = || test.all.is_none_or(|all| all(&profile.values().collect::<Vec<&str>>()));
        share(&test.each) >= NEARLY_ALL && fits()
    };
    if profile.values().len() >= ENOUGH && tests.alone.iter().any(is_alone) {
        return Look::Alone;
    }
    if tests.with_name.is_empty() {
        return Look::Silent;
    }
    match tests.with_name.iter().map(share).fold(0.0, f64::max) >= values.share {
        true => Look::Passed,
        false if values.required => Look::Unfit,
        false => Look::Failed,
    }
}

/// 1 − Π(1 − w).
pub(super) fn together(weights: &[f64]) -> f64 {
    1.0 - weights.iter().map(|weight| 1.0 - weight.min(1.0)).product::<f64>()
}
