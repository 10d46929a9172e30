//! What a SAS format says of the numbers that are shown in it. SAS keeps days and seconds since 1960-01-01 as plain
//! numbers: the format alone tells a date of birth from a dose.

use crate::table::{Cell, Kind};

/// Days from 1960-01-01 to 1970-01-01.
const EPOCH: f64 = 3653.0;

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Number,
    Day,
    Second,
}

/// By the name of the format, without width and decimals.
pub(super) fn shown(format: &str) -> Shown {
    let name = format.trim().trim_end_matches(|byte: char| byte.is_ascii_digit() || byte == '.').to_ascii_uppercase();
    let name = name.strip_prefix('$').unwrap_or(&name);
    // Formats of a language (`NLDATE`, `EURDFDD`, `FRADFDE`) end like their plain ones.
    let moment = [
        "DATETIME", "DATEAMPM", "E8601DT", "B8601DT", "IS8601DT", "E8601DZ", "B8601DZ", "E8601DX", "B8601DX",
        "E8601LX", "B8601LX", "MDYAMPM", "NLDATM", "DTDATE", "DTMONYY", "DTWKDATX", "DTYEAR", "DTYYQC", "EURDFDT",
        "TOD8601",
    ];
    if moment.iter().any(|start| name.starts_with(start)) {
        return Shown::Second;
    }
    let day = [
        "DATE", "DAY", "DDMMYY", "MMDDYY", "YYMMDD", "E8601DA", "B8601DA", "IS8601DA", "JULDAY", "JULIAN", "MONYY",
        "MMYY", "YYMM", "YYMON", "YYQ", "MONNAME", "MONTH", "QTR", "WEEKDAT", "WEEKDAY", "WORDDAT", "YEAR", "DOWNAME",
        "NLDATE", "EURDFDD", "EURDFDE", "EURDFMY", "NENGO", "MINGUO", "HDATE", "HEBDATE", "PDJULG", "PDJULI", "WEEKU",
        "WEEKV", "WEEKW",
    ];
    if day.iter().any(|start| name.starts_with(start)) {
        return Shown::Day;
    }
    Shown::Number
}

impl Shown {
    /// The cell of a number, given in days or seconds since 1960.
    pub(super) fn cell(self, number: f64) -> Cell<'static> {
        match self {
            _ if !number.is_finite() => Cell::Missing,
            Shown::Number => Cell::Number(number),
            Shown::Day => Cell::Day((number - EPOCH).floor() as i64),
            Shown::Second => Cell::Second((number - EPOCH * 86_400.0).floor() as i64),
        }
    }

    /// How a column of them is stored.
    pub(super) fn kind(self) -> Kind {
        if self == Shown::Number { Kind::Number } else { Kind::Date }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_by_their_format() {
        for (format, want) in [
            ("DATE9.", Shown::Day),
            ("yymmdd10.", Shown::Day),
            ("E8601DA", Shown::Day),
            ("DATETIME20.", Shown::Second),
            ("E8601DT", Shown::Second),
            ("TIME8.", Shown::Number),
            ("BEST12.", Shown::Number),
            ("", Shown::Number),
            ("SEXFMT", Shown::Number),
        ] {
            assert_eq!(shown(format), want, "{format}");
        }
        assert_eq!(Shown::Day.cell(0.0), Cell::Day(-3653));
        assert_eq!(Shown::Second.cell(315_619_200.0), Cell::Second(0));
        assert_eq!(Shown::Day.cell(f64::NAN), Cell::Missing);
    }
}
