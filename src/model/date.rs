//! A day of the calendar, without a clock: whoever knows what day it is says so.

use std::fmt;
use std::str::FromStr;

/// A day, ordered by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

/// Why a text is not a day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a day; write it as YYYY-MM-DD")]
pub struct DateError(String);

impl Date {
    /// The day that many days after 1970-01-01.
    pub fn from_unix_days(days: u32) -> Date {
        // Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last of its year.
        let days = i64::from(days) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // 2^32 days are twelve million years, and days and months are small: nothing is cut.
        Date {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day).unwrap_or(31),
        }
    }

    /// The moment that many seconds after 1970-01-01T00:00:00Z, in RFC 3339; nothing for one no clock shows.
    pub fn instant(seconds: i64) -> Option<String> {
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let date = Date::from_unix_days(u32::try_from(days).ok().filter(|days| *days < 2_932_897)?);
        Some(format!("{date}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60))
    }
}

fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Date, DateError> {
        let fail = || DateError(text.to_owned());
        let mut parts = text.split('-');
        let mut part = |width: usize| {
            let digits = parts.next().filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()));
            digits.ok_or_else(fail)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let year: i32 = year.parse().map_err(|_| fail())?;
        let month: u8 = month.parse().map_err(|_| fail())?;
        let day: u8 = day.parse().map_err(|_| fail())?;
        let is_real = parts.next().is_none() && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if is_real { Ok(Date { year, month, day }) } else { Err(fail()) }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339() {
        assert_eq!(Date::instant(1_717_000_100).as_deref(), Some("2024-05-29T16:28:20Z"));
        assert_eq!(Date::instant(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!((Date::instant(-1), Date::instant(i64::MAX)), (None, None));
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (days, text) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (10_957, "2000-01-01"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Date::from_unix_days(days).to_string(), text);
            assert_eq!(text.parse(), Ok(Date::from_unix_days(days)));
        }
        Date::from_unix_days(u32::MAX);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026",
            "2026-1-01",
            "2026-13-01",
            "2026-00-10",
            "2025-02-29",
            "2026-04-31",
            "2026-01-01-",
            "+026-01-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_have_an_order() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(day("2025-12-31") < day("2026-01-01") && day("2026-01-31") < day("2026-02-01"));
    }
}
