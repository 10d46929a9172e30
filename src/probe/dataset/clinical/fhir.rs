//! FHIR: resources one a line (bulk export), a bundle of them, or one by itself. Every resource is a row of the table of
//! its type, every element a column under its path.
//!
//! After HL7 FHIR R4 (hl7.org/fhir/R4), whose JSON form is the same from STU3 to R5, and the Bulk Data Access guide. No
//! reference is followed, no attachment decoded; text of a narrative is a cell like any other.

use std::io::Read;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::super::short_json::ShortJson;
use super::super::super::stream::{Line, Stream};
use super::super::super::{Finding, Input, ProbeError};
use super::super::json_rows::{Collect, Columns, Leaf, Paths, Record, outer_text};
use super::fhir_elements::{class, is_health, is_professional, is_resource};
use crate::blob::ReadError;
use crate::model::{Cause, Dataset, Fact, SubjectKind, TableFacts};
use crate::table::{Cell, Context, Table};

/// Longest line; texts in it were cut before.
const MAX_LINE: usize = 4 << 20;
/// Types of resources that are read; of further ones only the number is known.
const MAX_TYPES: usize = 16;
/// What Synthea, the usual generator of made-up patients, writes into each of them.
const SYNTHEA: [&[u8]; 2] = [b"synthetichealth", b"/synthea"];

/// How the resources stand in the file.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Lines,
    Bundle,
    Single,
}

/// Reads every resource.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let head = input.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input.head);
    let first = outer_text(head, "resourceType").filter(|name| is_resource(name)).ok_or(ProbeError::NotMine)?;
    let form = form(input, head, &first);
    let mut resources = Resources::new(input);
    let mut outcome = Ok(());
    if input.rows {
        let mut short = ShortJson::new(source);
        let mut stream = Stream::new(&mut short);
        if stream.peek()?.starts_with(b"\xef\xbb\xbf") {
            stream.skip(3)?;
        }
        outcome = match form {
            Form::Lines => resources.lines(&mut stream),
            Form::Bundle => resources.bundle(&mut stream),
            Form::Single => resources.single(&mut stream),
        };
    }
    let mut finding = resources.finish(form, &first, outcome.is_err());
    finding.format = Some(match form {
        Form::Lines => "fhir-ndjson",
        Form::Bundle => "fhir-bundle",
        Form::Single => "fhir-resource",
    });
    Ok(finding.ended_by(outcome))
}

fn form(input: &Input, head: &[u8], first: &str) -> Form {
    let end = head.iter().position(|&byte| byte == b'\n');
    let line = head.get(..end.unwrap_or(head.len())).unwrap_or_default();
    let rest = head.get(line.len()..).unwrap_or_default().trim_ascii_start();
    let is_whole = serde_json::from_slice::<IgnoredAny>(line).is_ok();
    let is_named = input.name.to_ascii_lowercase().ends_with(b"ndjson");
    match first {
        _ if is_whole && (rest.starts_with(b"{") || is_named) => Form::Lines,
        "Bundle" => Form::Bundle,
        // A first line that is longer than what was seen of it.
        _ if end.is_none() && !is_whole => Form::Lines,
        _ => Form::Single,
    }
}

/// The resources of one type.
struct Of<'a> {
    name: String,
    table: Table<'a>,
    columns: Columns,
}

struct Resources<'i, 'a> {
    input: &'i Input<'a>,
    synthetic: bool,
    types: Vec<Of<'a>>,
    paths: Paths,
    /// Resources of types past those that are read.
    further: u64,
    /// Lines that are no resource.
    odd: u64,
    /// Whether values of a resource were left out.
    is_cut: bool,
}

impl<'i, 'a> Resources<'i, 'a> {
    fn new(input: &'i Input<'a>) -> Resources<'i, 'a> {
        let lower = input.head.to_ascii_lowercase();
        let synthetic = SYNTHEA.iter().any(|sign| lower.windows(sign.len()).any(|part| part == *sign));
        Resources { input, synthetic, types: Vec::new(), paths: Paths::default(), further: 0, odd: 0, is_cut: false }
    }

    fn lines(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        let mut line = Vec::new();
        loop {
            match stream.line(&mut line, MAX_LINE)? {
                Line::End => return Ok(()),
                Line::Whole if line.trim_ascii().is_empty() => {}
                Line::Whole => self.line(&line)?,
                Line::Long => self.odd = self.odd.saturating_add(1),
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), ReadError> {
        let mut record = Record::default();
        let mut json = serde_json::Deserializer::from_slice(line);
        let mut path = String::new();
        let read = Collect::new(&mut record, &mut self.paths, &mut path).deserialize(&mut json);
        match read.and_then(|()| json.end()) {
            Ok(()) => self.take(&record),
            Err(_) => {
                self.odd = self.odd.saturating_add(1);
                Ok(())
            }
        }
    }

    fn bundle(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        let mut json = serde_json::Deserializer::from_reader(stream);
        Outer(&mut *self)
            .deserialize(&mut json)
            .map_err(|error| self.input.tables.check().map_or_else(Into::into, |()| broken(error)))
    }

    fn single(&mut self, stream: &mut Stream) -> Result<(), ProbeError> {
        let mut record = Record::default();
        let mut json = serde_json::Deserializer::from_reader(stream);
        let mut path = String::new();
        Collect::new(&mut record, &mut self.paths, &mut path).deserialize(&mut json).map_err(broken)?;
        Ok(self.take(&record)?)
    }

    /// Hands a resource over to the table of its type.
    fn take(&mut self, record: &Record) -> Result<(), ReadError> {
        self.is_cut |= record.is_cut;
        let name = record.leaves.iter().find_map(|(path, leaf)| match leaf {
            Leaf::Text(name) if self.paths.name(*path) == "resourceType" => Some(name),
            _ => None,
        });
        let Some(name) = name.filter(|name| is_resource(name)) else {
            self.odd = self.odd.saturating_add(1);
            return Ok(());
        };
        let at = match self.types.iter().position(|of| of.name == *name) {
            Some(at) => at,
            None if self.types.len() >= MAX_TYPES => {
                self.further = self.further.saturating_add(1);
                return Ok(());
            }
            None => {
                let context = Context {
                    name: name.clone(),
                    label: None,
                    standard: Some("fhir".to_owned()),
                    synthetic: self.synthetic,
                };
                let table = Table::new(self.input.tables, context);
                self.types.push(Of { name: name.clone(), table, columns: Columns::default() });
                self.types.len().saturating_sub(1)
            }
        };
        let Some(of) = self.types.get_mut(at) else { return Ok(()) };
        let describe = |path: &str| class(name, path);
        of.columns.row(&mut of.table, &self.paths, record, describe, |table, column, path, leaf| match leaf {
            Leaf::Text(text) if path.ends_with("reference") => table.cell(column, Cell::Text(patient(text))),
            leaf => table.cell(column, leaf.cell()),
        })
    }

    fn finish(self, form: Form, first: &str, is_broken: bool) -> Finding {
        let is_short = is_broken || self.further > 0 || self.odd > 0;
        let types = self.types.len();
        let tables: Vec<(String, TableFacts)> = self
            .types
            .into_iter()
            .map(|mut of| {
                if is_broken {
                    of.table.cut();
                }
                let facts = settle(&of.name, self.synthetic, of.table.finish());
                (of.name, facts)
            })
            .collect();
        let patients = tables.iter().find(|(name, _)| types > 1 && name == "Patient").map(|(_, table)| table.clone());
        let mut dataset = Dataset::of_tables(tables);
        dataset.resource_type = match form {
            Form::Bundle => Some("Bundle".to_owned()),
            _ => (types <= 1).then(|| first.to_owned()),
        };
        dataset.table.standard = Some("fhir".to_owned());
        if let Some(patients) = patients {
            dataset.table.distinct_subjects = patients.distinct_subjects;
            dataset.table.distinct_subjects_error = patients.distinct_subjects_error;
            dataset.table.subject_kind = patients.subject_kind;
        }
        if let Some(rows) = &mut dataset.table.row_count {
            *rows = rows.saturating_add(self.further);
        }
        dataset.table.row_count_estimated |= is_short && is_broken;
        let mut finding = Finding::new(Fact::Dataset(Box::new(dataset)));
        let mut note = |count: u64, cause: Cause, what: &str| {
            if count > 0 {
                finding.notes.push((cause, format!("{count} {what}")));
            }
        };
        note(self.further, Cause::Unsupported, "resources of further types were counted and not looked at");
        note(self.odd, Cause::Malformed, "lines are no resources, or too long for one, and were not looked at");
        note(u64::from(self.is_cut), Cause::OverBudget, "or more resources have more elements than are looked at");
        finding
    }
}

/// What the standard says of a resource, where its columns cannot.
fn settle(name: &str, synthetic: bool, mut facts: TableFacts) -> TableFacts {
    facts.sensitive_paths = std::mem::take(&mut facts.sensitive_columns);
    facts.standard = Some("fhir".to_owned());
    if is_professional(name) {
        facts.subject_kind = Some(if synthetic { SubjectKind::Synthetic } else { SubjectKind::Professional });
        facts.risk.clear();
    }
    if is_health(name) {
        facts.health_data = Some(true);
    }
    facts
}

/// The key of a patient a reference names, as the patient's own record has it; any other reference as it stands.
fn patient(reference: &str) -> &str {
    let Some((before, after)) = reference.rsplit_once("Patient/") else { return reference };
    let is_type = before.is_empty() || before.ends_with('/');
    let key = after.split('/').next().unwrap_or(after);
    if is_type && !key.is_empty() { key } else { reference }
}

/// The place of an error, never its words: those quote the content.
fn broken(error: serde_json::Error) -> ProbeError {
    match error.classify() {
        serde_json::error::Category::Io => ReadError::from_io(error.into()).into(),
        serde_json::error::Category::Eof => ReadError::Cut.into(),
        _ => ProbeError::Malformed(format!("is no JSON in line {}, column {}", error.line(), error.column())),
    }
}

/// A bundle: of all its keys, its entries.
struct Outer<'o, 'i, 'a>(&'o mut Resources<'i, 'a>);
/// The entries of a bundle.
struct Entries<'o, 'i, 'a>(&'o mut Resources<'i, 'a>);
/// One of them: of all its keys, its resource.
struct Entry<'o, 'i, 'a>(&'o mut Resources<'i, 'a>);

macro_rules! seed {
    ($name:ident, $ask:ident) => {
        impl<'de> DeserializeSeed<'de> for $name<'_, '_, '_> {
            type Value = ();

            fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.$ask(self)
            }
        }
    };
}
seed!(Outer, deserialize_map);
seed!(Entries, deserialize_seq);
seed!(Entry, deserialize_map);

impl<'de> Visitor<'de> for Outer<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("a bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            if key == "entry" {
                entries.next_value_seed(Entries(self.0))?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_element_seed(Entry(self.0))?.is_some() {}
        Ok(())
    }
}

impl<'de> Visitor<'de> for Entry<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("an entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key::<String>()? {
            if key != "resource" {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            let mut record = Record::default();
            let mut path = String::new();
            entries.next_value_seed(Collect::new(&mut record, &mut self.0.paths, &mut path))?;
            // Whoever gets the error asks whether there was time.
            self.0.take(&record).map_err(Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn run(name: &str, text: &str) -> Result<(Finding, Dataset), ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let mut source = text.as_bytes();
        let input = Input { name: name.as_bytes(), ..Input::new(&blob, text.as_bytes()) };
        let finding = probe(&input, &mut source)?;
        let dataset = finding.fact.dataset().cloned().unwrap();
        Ok((finding, dataset))
    }

    const PATIENT: &str = r#"{"id": "p1", "name": [{"family": "A", "given": ["B", "C"]}], "resourceType": "Patient"}"#;
    const VALUE: &str = r#"{"resourceType": "Observation", "subject": {"reference": "Patient/p1"}}"#;

    #[test]
    fn resources_one_a_line() {
        let (finding, dataset) = run("x", &format!("{PATIENT}\r\n\n{PATIENT}\n")).unwrap();
        assert_eq!((finding.format, dataset.table.row_count), (Some("fhir-ndjson"), Some(2)));
        assert_eq!(dataset.resource_type.as_deref(), Some("Patient"));
        assert_eq!(dataset.table.columns, ["id", "name.family", "name.given", "resourceType"]);
        let (finding, dataset) =
            run("x", &format!("{PATIENT}\n{VALUE}\nnot one\n{{\"resourceType\": \"Odd\"}}")).unwrap();
        assert_eq!((dataset.table.row_count, dataset.tables.len(), dataset.resource_type), (Some(2), 2, None));
        assert_eq!(finding.notes.len(), 1);
        assert_eq!(dataset.tables["Observation"].health_data, Some(true));
    }

    #[test]
    fn a_bundle_and_a_single_resource() {
        let text = format!(
            "{{\n \"resourceType\": \"Bundle\",\n \"entry\": [{{\"fullUrl\": \"x\", \"resource\": {PATIENT}}},\n {{\"resource\": {VALUE}}}]}}"
        );
        let (finding, dataset) = run("x.json", &text).unwrap();
        assert_eq!((finding.format, dataset.table.row_count), (Some("fhir-bundle"), Some(2)));
        assert_eq!(dataset.tables.keys().collect::<Vec<_>>(), ["Observation", "Patient"]);
        for size in 0..text.len() {
            if let Ok((finding, _)) = run("x.json", &text[..size]) {
                assert_eq!(finding.notes.len(), 1, "{size}");
            }
        }
        let (finding, dataset) = run("x.json", PATIENT).unwrap();
        assert_eq!((finding.format, dataset.table.row_count), (Some("fhir-resource"), Some(1)));
        assert_eq!(run("x.ndjson", PATIENT).unwrap().0.format, Some("fhir-ndjson"));
    }

    #[test]
    fn what_others_call_so_is_theirs() {
        for text in [
            r#"{"resourceType": "AWS::EC2::Instance"}"#,
            r#"{"item": {"resourceType": "Patient"}}"#,
            r#"[{"resourceType": "Patient"}]"#,
            r#"{"name": "Patient"}"#,
            "",
        ] {
            assert!(matches!(run("Patient.ndjson", text), Err(ProbeError::NotMine)), "{text}");
        }
    }

    #[test]
    fn references_are_keys_of_patients() {
        for (reference, key) in [
            ("Patient/p1", "p1"),
            ("https://x.example/fhir/Patient/p1/_history/2", "p1"),
            ("Practitioner/d1", "Practitioner/d1"),
            ("urn:uuid:1", "urn:uuid:1"),
            ("OtherPatient/p1", "OtherPatient/p1"),
        ] {
            assert_eq!(patient(reference), key);
        }
    }

    #[test]
    fn hostile_text() {
        let deep = format!("{{\"resourceType\": \"Patient\", \"x\": {}\n{{", "[".repeat(100_000));
        let (finding, dataset) = run("x", &deep).unwrap();
        assert!(!finding.notes.is_empty() && dataset.table.row_count.unwrap_or(0) == 0);
        let long = format!("{{\"resourceType\": \"Binary\", \"data\": \"{}\"}}\n{PATIENT}\n", "A".repeat(9 << 20));
        let (finding, dataset) = run("x", &long).unwrap();
        assert_eq!((dataset.table.row_count, finding.notes.len()), (Some(2), 0));
    }
}
