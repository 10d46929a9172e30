//! Whether the first record of a table names its columns, told by how it differs from the records below.
//!
//! Every column has a vote: a word over numbers is a name, a value that comes again below is none. A table of words alone
//! has a first record that names it only where its words are known as names of columns or look unlike what is below
//! them. In doubt there is no header: a record taken for names is printed, and it may be somebody's.

use std::collections::HashSet;

use super::cell::is_nothing;
use super::class::Taxonomy;
use super::value;

/// Columns that vote.
const MAX_COLUMNS: usize = 4096;
/// Longest name of a column.
const MAX_NAME: usize = 200;
/// Records below which a difference may be chance.
const MANY: usize = 20;
/// Tests whose values are nobody's name of a column, where the values below pass them, too.
const OF_VALUES: [&str; 8] = ["email", "full-name", "given-name", "sex", "phone", "cpr", "icd10", "uuid"];

/// What a column says of the record above it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Vote {
    /// A word over numbers.
    Name,
    /// A word that differs from all below it.
    Differs,
    /// A number or a day, over something of its own sort or over nothing.
    Value,
    /// A day over numbers.
    Day,
    /// A value like those below it.
    Against,
    /// Nothing.
    Silent,
}

/// Whether `first` names the columns of the records `body`.
pub fn names_columns(taxonomy: &Taxonomy, first: &[&str], body: &[Vec<&str>]) -> bool {
    let first: Vec<&str> = first.iter().map(|cell| cell.trim()).collect();
    let empty = first.iter().filter(|cell| cell.is_empty()).count();
    if empty == first.len() || first.iter().any(|cell| cell.len() > MAX_NAME) {
        return false;
    }
    // Files that were put together repeat their header.
    let is_again = |record: &&Vec<&str>| record.iter().map(|cell| cell.trim()).eq(first.iter().copied());
    let rows: Vec<&Vec<&str>> = body.iter().filter(|record| !is_again(record)).collect();
    let comes_again = rows.len() < body.len();
    let known: Vec<bool> = first.iter().take(MAX_COLUMNS).map(|cell| taxonomy.knows_column(cell)).collect();
    let votes: Vec<Vote> = first
        .iter()
        .zip(&known)
        .enumerate()
        .map(|(at, (cell, known))| vote(cell, *known, rows.iter().filter_map(|row| row.get(at).copied())))
        .collect();
    let count = |wanted: Vote| votes.iter().filter(|vote| **vote == wanted).count();
    let (names, differ, against) = (count(Vote::Name), count(Vote::Differs), count(Vote::Against));
    let (valued, days) = (count(Vote::Value), count(Vote::Day));
    let known_words = known.iter().zip(&votes).filter(|(known, vote)| **known && **vote != Vote::Against).count();
    let different: HashSet<String> =
        first.iter().filter(|cell| !cell.is_empty()).map(|cell| cell.to_lowercase()).collect();
    let repeated = first.len() - empty - different.len();
    // A row-name column has no name; programs number columns of the same name or leave them be.
    let is_clean = match names > 0 {
        true => empty * 2 <= first.len() && (repeated * 5 <= first.len() || names * 2 >= first.len()),
        false => empty <= 1 && repeated * 5 <= first.len(),
    };
    let outvoted = against > 0 && (valued > 0 || against >= names + known_words);
    if !is_clean || outvoted || (comes_again && names == 0) {
        return false;
    }
    let words = first.len() - empty - valued - days;
    if rows.is_empty() {
        return valued + days == 0 && known_words * 2 >= words && words > 0;
    }
    if valued > 0 {
        // Numbers name columns where they count on, are years, or stand beside words that are names for certain.
        return are_deliberate(&first, &votes) && names + differ + known_words > 0
            || known_words > 0 && names + differ > 0;
    }
    if names > 0 || (days > 0 && known_words > 0) {
        return true;
    }
    let enough = if rows.len() >= MANY { 1 } else { words.div_ceil(3) };
    against == 0 && (differ + known_words >= enough) && (differ > 0 || known_words * 2 >= words)
}

fn vote<'v>(cell: &str, known: bool, below: impl Iterator<Item = &'v str>) -> Vote {
    let below: Vec<&str> = below.map(str::trim).filter(|value| !value.is_empty() && !is_nothing(value)).collect();
    if cell.is_empty() || is_nothing(cell) {
        return Vote::Silent;
    }
    let numbers = below.iter().filter(|value| is_valued(value)).count();
    let are_numbers = !below.is_empty() && numbers * 10 >= below.len() * 9;
    if is_valued(cell) {
        let days = below.iter().filter(|value| is_day(value)).count();
        return match is_day(cell) {
            true if days > 0 => Vote::Against,
            true if are_numbers => Vote::Day,
            _ => Vote::Value,
        };
    }
    let is_word = cell.chars().any(char::is_alphabetic);
    if is_word && are_numbers {
        return Vote::Name;
    }
    let is_same = |value: &&&str| value.to_lowercase() == cell.to_lowercase();
    if below.iter().filter(is_same).count() > 0 {
        return Vote::Against;
    }
    let passes_as_they_do = |name: &&&str| {
        let Some(test) = value::test(name) else { return false };
        test(cell) && below.iter().filter(|value| test(value)).count() * 2 >= below.len()
    };
    if !known && (value::is_mail(cell) || (!below.is_empty() && OF_VALUES.iter().any(|name| passes_as_they_do(&name))))
    {
        return Vote::Against;
    }
    if is_word && differs(cell, &below) { Vote::Differs } else { Vote::Silent }
}

/// Whether a cell is built unlike all those below it.
fn differs(cell: &str, below: &[&str]) -> bool {
    if below.len() < 3 {
        return false;
    }
    // One in fifty may be an exception.
    let nearly_all =
        |test: &dyn Fn(&str) -> bool| below.iter().filter(|value| !test(value)).count() * 50 <= below.len();
    let only_they = |test: &dyn Fn(&str) -> bool| !test(cell) && nearly_all(test);
    let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    let is_snake = |text: &str| {
        text.contains('_')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let length = |text: &str| text.chars().count();
    let (low, high) = below
        .iter()
        .map(|value| length(value))
        .fold((usize::MAX, 0), |(low, high), length| (low.min(length), high.max(length)));
    let is_low = |text: &str| text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase);
    let starts_high = |text: &str| text.chars().next().is_some_and(|char| char.is_uppercase() || char.is_numeric());
    only_they(&has_digit)
        || (below.len() >= 5 && is_low(cell) && nearly_all(&starts_high))
        || (below.len() >= 5 && starts_high(cell) && nearly_all(&is_low))
        || ['@', '/', ':', '-', '.', '<', ','].iter().any(|mark| only_they(&|text: &str| text.contains(*mark)))
        || (is_snake(cell) && nearly_all(&|text: &str| !is_snake(text)))
        || (below.len() >= 5 && high - low <= 1 && length(cell) > high + 1)
        || (nearly_all(&|text: &str| text.split_whitespace().count() >= 4) && cell.split_whitespace().count() <= 2)
}

/// Whether the numbers of a record count on by one, or are years that go on, each once.
fn are_deliberate(first: &[&str], votes: &[Vote]) -> bool {
    let numbers: Vec<Option<i64>> =
        first.iter().zip(votes).filter(|(_, vote)| **vote == Vote::Value).map(|(cell, _)| cell.parse().ok()).collect();
    let steps_by_one = |pair: &[Option<i64>]| matches!(pair, [Some(a), Some(b)] if *b == a + 1 || *b == a - 1);
    let is_year = |number: &Option<i64>| number.is_some_and(|number| (1900..2100).contains(&number));
    let are_years = numbers.iter().all(is_year) && numbers.iter().collect::<HashSet<_>>().len() == numbers.len();
    are_years || (numbers.len() > 1 && numbers.windows(2).all(steps_by_one))
}

/// Whether a field is a number, however it is written, or a day.
fn is_valued(field: &str) -> bool {
    if field.parse::<f64>().is_ok() {
        return true;
    }
    let digits = field.bytes().filter(u8::is_ascii_digit).count();
    let is_number = digits > 0 && field.bytes().all(|byte| byte.is_ascii_digit() || b".,+-eE% <>".contains(&byte));
    let separators = field.bytes().filter(|byte| b"-/.: ,T".contains(byte)).count();
    is_number && field.bytes().filter(|byte| *byte == b'-').count() <= 1
        || digits >= 6 && digits + separators == field.len() && is_day(field)
        || value::is_date(field)
        || ["true", "false"].iter().any(|flag| field.eq_ignore_ascii_case(flag))
}

fn is_day(field: &str) -> bool {
    field.len() >= 8 && value::is_date(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> bool {
        let records: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let (first, body) = records.split_first().unwrap();
        names_columns(&Taxonomy::default(), first, body)
    }

    #[test]
    fn words_over_numbers_are_names() {
        for text in [
            "id,dose\n1,2.5\n2,3",
            ",a,b\n1,2,3",
            "country,2018,2019,2020\nC0,18,73,98\nC1,9,33,16\nC2,5,5,5",
            "patient_id,2024-01-01,2024-02-01\nP0,91,153\nP1,221,80\nP2,1,2",
            "sample,0,1,2,3\ns0,230,85,123,1.5\ns1,81,52,222,1.5\ns2,0,1,0,0",
            ",0,1,2,label\n0,0.47,0.71,0.90,1\n1,0.12,0.57,0.85,0",
            "gene_id,9606,10090\ng0,43,63\ng1,193,90\ng2,3,4",
            "id,value,value,value\n0,1,2,3\n1,1,2,3",
            "eid,31-0.0,34-0.0,21001-0.0\n1000000,0,1963,38.9\n1000007,0,1961,26.1",
            "id,dose\n1,2\nid,dose\n3,4",
            "label,1x1,1x2\n8,112,230\n8,15,202",
        ] {
            assert!(named(text), "{text}");
        }
    }

    #[test]
    fn words_that_are_known_or_differ_are_names() {
        for text in [
            "first_name,city\nAnna,Aarhus\nBo,Odense\nCarl,Aarhus",
            "name,country\nAnna,Denmark\nBo,Norway",
            "isbn_no,shelf\nx-1-2,a4\ny-2-3,b7\nz-3-4,c2",
            "id,name,dose",
            "artist,album\nQueen,Jazz\nAbba,Arrival\nBlur,Parklife\nMuse,Drones\nWham,Fantastic",
        ] {
            assert!(named(text), "{text}");
        }
    }

    #[test]
    fn a_record_of_values_names_nothing() {
        for text in [
            "1,2\n3,4",
            "Carl Krag,Aarhus,Dr\nErik Jensen,Odense,Dr\nHans Holm,Odense,Dr",
            "Anna,Holm,M,Diabetes type 1\nGert,Jensen,F,Diabetes type 2\nDina,Krag,F,Diabetes type 2",
            "AD,Andorra\nAE,Emirates\nAF,Afghanistan\nAG,Antigua",
            "img_0000.png,dog\nimg_0001.png,cat\nimg_0002.png,cat\nimg_0003.png,dog",
            "the cat 0,le chat 0\nthe cat 1,le chat 1\nthe cat 2,le chat 2",
            "ann@x.org,2024-01-01\nbob@x.org,2024-01-02",
            "Anna,34,M\nBo,45,M\nCarl,46,M",
            "Holm,Anna,M",
            "Xiomara,Qvist\nZbigniew,Qrog\nYrsa,Qrag\nUlvhild,Qmoe",
        ] {
            assert!(!named(text), "{text}");
        }
    }
}
