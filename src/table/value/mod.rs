//! What one value looks like: tests by name, which the class files of `signatures/personal/` name.
//!
//! Each sees one value in its normal form ([`crate::table::cell`]) and answers yes or no. A test that holds for one
//! random value in ten is no evidence by itself; which share of how many different values is, the class files say.
//! Check digits follow the published rules of the register that issues the number, named at each test.

mod address;
mod code;
mod coded;
mod date;
mod digits;
mod mail;
mod measure;
mod money;
mod name;
mod national;
mod nordic;
mod text;
mod trade;
mod web;

pub(super) use date::date as is_date;
pub(super) use mail::email as is_mail;
pub(super) use name::{is_chinese as is_chinese_name, is_generated as is_generated_name, is_given as is_given_name};
pub(super) use trade::is_trial;

/// A test of one value.
pub type Test = fn(&str) -> bool;

/// Every test, by name.
pub const TESTS: &[(&str, Test)] = &[
    ("aadhaar", national::aadhaar),
    ("ada-result", coded::ada_result),
    ("age", measure::age),
    ("age-band", measure::age_band),
    ("atc", code::atc),
    ("birth-year", date::birth_year),
    ("bmi", measure::bmi),
    ("bsn", national::bsn),
    ("card", money::card),
    ("cn-id", national::cn_id),
    ("codice-fiscale", national::codice_fiscale),
    ("country", address::country),
    ("cpr", nordic::cpr),
    ("date", date::date),
    ("dea", trade::dea),
    ("dni", national::dni),
    ("email", mail::email),
    ("ethnicity", coded::ethnicity),
    ("flag", coded::flag),
    ("fodselsnummer", nordic::fodselsnummer),
    ("full-name", name::full),
    ("given-name", name::given),
    ("height", measure::height),
    ("hetu", nordic::hetu),
    ("hex-key", web::hex_key),
    ("iban", money::iban),
    ("icd10", code::icd10),
    ("ip", web::ip),
    ("kvnr", national::kvnr),
    ("latitude", measure::latitude),
    ("loinc", code::loinc),
    ("longitude", measure::longitude),
    ("long-text", text::is_long),
    ("mac", web::mac),
    ("mbi", national::mbi),
    ("meddra", code::meddra),
    ("my-number", national::my_number),
    ("name-word", name::word),
    ("nhs", national::nhs),
    ("nino", national::nino),
    ("nir", national::nir),
    ("npi", trade::npi),
    ("number", measure::number),
    ("orcid", trade::orcid),
    ("personnummer", nordic::personnummer),
    ("pesel", national::pesel),
    ("phone", mail::phone),
    ("postcode", address::postcode),
    ("race", coded::race),
    ("result", coded::result),
    ("rpps", trade::rpps),
    ("sex", coded::sex),
    ("snomed", code::snomed),
    ("ssn", national::ssn),
    ("steuer-id", national::steuer_id),
    ("street", address::street),
    ("trial", trade::is_trial),
    ("uuid", web::uuid),
    ("vin", web::vin),
    ("weight", measure::weight),
];

/// What the values of a column must be together for a test to be enough without a name, by the test's name. A shape that
/// numbers have by chance, too, says little of one value and much of how they differ.
pub fn together(test: &str) -> Option<fn(&[&str]) -> bool> {
    (test == "icd10").then_some(code::are_icd10)
}

/// The test of that name.
pub fn test(name: &str) -> Option<Test> {
    TESTS.iter().find(|(id, _)| *id == name).map(|(_, test)| *test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_test_stumbles_over_a_value() {
        let odd =
            ["", " ", "-", "é", "0", "999999999999999999999999", "😀@😀.😀", "+", "1.", ".1", "----", "٣", "１２３"];
        let long = "9".repeat(512);
        for (name, test) in TESTS {
            for value in odd.iter().copied().chain([long.as_str()]) {
                let _ = test(value);
            }
            assert!(TESTS.iter().filter(|(other, _)| other == name).count() == 1, "{name}");
        }
    }
}
