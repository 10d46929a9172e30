//! Days and years.

use crate::table::value::digits::digits;

/// Earliest year of birth of anybody in living memory.
const EARLIEST: u32 = 1880;
/// Latest year that is one: data is never this old.
const LATEST: u32 = 2099;

/// A day of the calendar, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub year: u32,
    pub month: Option<u32>,
    pub day: Option<u32>,
}

/// Whether there is such a day.
pub fn exists(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A date: ISO 8601 with any precision (`2001-05-17T10:00`, `2001-05`), digits alone (`20010517`), the national ways
/// (`17.05.2001`, `17/05/2001`, `5/17/2001`, `17-05-2001`), and that of SAS and Oracle (`17MAY2001`, `17-May-2001`).
pub fn parse(text: &str) -> Option<Day> {
    let text = text.trim();
    // A time may follow.
    let date = text.split(['T', ' ']).next()?;
    named_month(text).or_else(|| numbers(date)).filter(|day| (1000..=LATEST).contains(&day.year))
}

fn numbers(date: &str) -> Option<Day> {
    let separators = date.bytes().filter(|byte| matches!(byte, b'-' | b'/' | b'.')).count();
    let mut parts = date.splitn(4, ['-', '/', '.']);
    let number = |text: Option<&str>| text.filter(|text| text.len() <= 4).and_then(|text| text.parse::<u32>().ok());
    match separators {
        0 if date.len() == 8 => {
            let number = digits(date)?.iter().fold(0, |number, digit| number * 10 + digit);
            whole(number / 10_000, number / 100 % 100, number % 100)
        }
        1 => {
            let (year, month) = (parts.next()?, number(parts.next())?);
            let is_one = year.len() == 4 && (1..=12).contains(&month) && date.contains('-');
            is_one.then(|| year.parse().ok()).flatten().map(|year| Day { year, month: Some(month), day: None })
        }
        2 => {
            let first = parts.next()?;
            let (second, third) = (number(parts.next())?, parts.next()?);
            let (leading, last) = (number(Some(first))?, number(Some(third))?);
            if first.len() == 4 {
                return whole(leading, second, last);
            }
            if third.len() != 4 {
                return None;
            }
            whole(last, second, leading).or_else(|| whole(last, leading, second))
        }
        _ => None,
    }
}

fn whole(year: u32, month: u32, day: u32) -> Option<Day> {
    exists(year, month, day).then_some(Day { year, month: Some(month), day: Some(day) })
}

fn named_month(text: &str) -> Option<Day> {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let mut parts = text.split([' ', '-', ':', ',']).filter(|part| !part.is_empty());
    let first = parts.next()?;
    let (day, month, year) = match first.len() {
        9 => (first.get(..2)?, first.get(2..5)?, first.get(5..)?),
        1 | 2 => (first, parts.next()?, parts.next()?),
        _ => return None,
    };
    let month = month.get(..3)?.to_uppercase();
    let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
    whole(year.parse().ok().filter(|_| year.len() == 4)?, month, day.parse().ok()?)
}

/// Whether a value is a date.
pub fn date(text: &str) -> bool {
    parse(text).is_some_and(|day| day.year >= EARLIEST)
}

/// Whether a value is a year somebody may be born in.
pub fn birth_year(text: &str) -> bool {
    text.len() == 4 && text.parse().is_ok_and(|year: u32| (EARLIEST..=LATEST - 60).contains(&year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_from_numbers() {
        for yes in [
            "2001-05-17",
            "2001-05",
            "2001-05-17T10:00",
            "1998-04-09 00:00:00",
            "20010517",
            "17.05.2001",
            "17/05/2001",
            "5/17/2001",
            "1-2-1999",
            "17MAY2001",
            "17MAY2001:10:00:00",
            "17-May-2001",
            "17 March 1999",
        ] {
            assert!(date(yes), "{yes}");
        }
        for no in [
            "2001-13-17",
            "2001-02-30",
            "20011317",
            "3.14",
            "12/2001x",
            "1.0.0",
            "10-20",
            "abc",
            "192.168.1.1",
            "0001-01-01",
        ] {
            assert!(!date(no), "{no}");
        }
        assert_eq!(parse("17.05.2001").map(|day| day.year), Some(2001));
        assert!(birth_year("1931") && !birth_year("31") && !birth_year("2075") && !birth_year("1500"));
    }
}
