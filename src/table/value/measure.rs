//! Numbers in the ranges that people have.

/// The value as a number, with a decimal point or comma.
fn value(text: &str) -> Option<f64> {
    let number: f64 = match text.parse() {
        Ok(number) => number,
        Err(_) => text.replace(',', ".").parse().ok()?,
    };
    (number.is_finite()
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b',' | b'-' | b'+' | b'e' | b'E')))
    .then_some(number)
}

fn within(text: &str, low: f64, high: f64) -> bool {
    value(text).is_some_and(|number| (low..=high).contains(&number))
}

/// A number.
pub fn number(text: &str) -> bool {
    value(text).is_some()
}

/// Years of a life; `90+` and `>89` too, which stand for the oldest.
pub fn age(text: &str) -> bool {
    within(text, 0.0, 125.0) || age_band(text)
}

/// A range of ages: `<50`, `>=50`, `40-49`, `18 - 64`, `90+`, `65 and over`, `[40,50)`.
pub fn age_band(text: &str) -> bool {
    let text = text.trim();
    let numbers: Vec<&str> = text.split(|char: char| !char.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let are_ages = numbers.iter().all(|part| part.len() <= 3 && part.parse().is_ok_and(|age: u32| age <= 125));
    let is_range = numbers.len() == 2 && text.contains(['-', '–']);
    let has_sign = is_range
        || text.contains(['<', '>', '≤', '≥', '+', '(', '[', '~'])
        || ["to", "and", "over", "under", "bis", "til", "years"].iter().any(|word| text.contains(word));
    (1..=2).contains(&numbers.len()) && are_ages && has_sign && text.len() <= 24
}

/// kg/m².
pub fn bmi(text: &str) -> bool {
    within(text, 8.0, 100.0)
}

/// Centimetres, metres or inches of a body.
pub fn height(text: &str) -> bool {
    within(text, 40.0, 250.0) || within(text, 0.4, 2.5)
}

/// Kilograms or pounds of a body.
pub fn weight(text: &str) -> bool {
    within(text, 0.4, 700.0)
}

fn has_places(text: &str) -> bool {
    text.split_once(['.', ',']).is_some_and(|(_, places)| places.len() >= 3)
}

/// Degrees north, exact to some hundred metres or better.
pub fn latitude(text: &str) -> bool {
    within(text, -90.0, 90.0) && has_places(text)
}

/// Degrees east, exact to some hundred metres or better.
pub fn longitude(text: &str) -> bool {
    within(text, -180.0, 180.0) && has_places(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_people() {
        assert!(age("0") && age("63") && age("63.5") && age("90+") && !age("1940") && !age("-3") && !age("old"));
        for band in ["<50", ">=50", "40-49", "18 - 64", "[40,50)", "65 and over", "18 to 30"] {
            assert!(age_band(band), "{band}");
        }
        for no in ["50", "2024-01", "<5000", "abc-def", "1-2-3"] {
            assert!(!age_band(no), "{no}");
        }
        assert!(bmi("31.4") && bmi("31,4") && !bmi("BMI") && !bmi("314"));
        assert!(height("172") && height("1.72") && !height("12"));
        assert!(latitude("55.6761") && !latitude("55.6") && longitude("-122.4194") && !longitude("200.1234"));
        assert!(!number("inf") && !number("NaN") && number("-1.5e3"));
    }
}
