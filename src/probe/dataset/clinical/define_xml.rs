//! Define-XML: what a submission says its datasets and their variables are. About nobody, and the best evidence there is
//! for the datasets beside it.
//!
//! After CDISC Define-XML 1.0 to 2.1, an extension of ODM 1.2 and 1.3: `ItemGroupDef` is a dataset, its `ItemRef`s are
//! the variables, each described by an `ItemDef`. A document type is refused: no entity is ever expanded, and nothing
//! that is pointed at is fetched.

use std::collections::BTreeMap;
use std::io::Read;

use super::super::super::{Finding, Input, ProbeError};
use super::super::store::xml::{Piece, Pieces};
use crate::model::{Dataset, Fact, TableFacts, keep, publishable};
use crate::table::{Cell, Column, Context, Table};

/// Datasets, and variables of all of them, that are looked at.
const MAX_DATASETS: usize = 1000;
const MAX_VARIABLES: usize = 50_000;
/// Bytes kept of a name or a label.
const MAX_TEXT: usize = 256;

#[derive(Default)]
struct Document {
    study: Option<String>,
    version: Option<String>,
    standard: Option<String>,
    datasets: Vec<Group>,
    /// Variables by the id that datasets refer to.
    variables: BTreeMap<String, Variable>,
    references: usize,
    left_out: bool,
}

#[derive(Default)]
struct Group {
    name: String,
    variables: Vec<String>,
}

#[derive(Default)]
struct Variable {
    name: String,
    kind: String,
    label: String,
}

/// Reads the document.
pub(crate) fn probe(input: &Input, source: &mut dyn Read) -> Result<Finding, ProbeError> {
    let head = String::from_utf8_lossy(input.head);
    if !head.contains("ODM") || !head.contains("cdisc.org/ns/def/") {
        return Err(ProbeError::NotMine);
    }
    let mut document = Document::default();
    let outcome = document.read(&mut Pieces::of(source));
    if document.datasets.is_empty() && document.variables.is_empty() {
        outcome?;
        return Err(ProbeError::Malformed("defines no dataset".to_owned()));
    }
    let left_out = document.left_out;
    let mut finding = Finding::new(Fact::Dataset(Box::new(document.facts(input)))).ended_by(outcome);
    if left_out {
        let detail = format!("defines more than {MAX_VARIABLES} variables or {MAX_DATASETS} datasets");
        finding.notes.push((crate::model::Cause::OverBudget, detail));
    }
    Ok(finding)
}

impl Document {
    fn read(&mut self, pieces: &mut Pieces) -> Result<(), ProbeError> {
        // The variable whose label may come, and whether the text at hand is that of the study or of a label.
        let mut variable: Option<String> = None;
        let mut inside: Option<&'static str> = None;
        loop {
            match pieces.next()? {
                Piece::Open(name) => {
                    let of = |key: &str| cut(pieces.attribute(key).unwrap_or_default());
                    match name.as_str() {
                        "MetaDataVersion" => {
                            self.version = Some(of("DefineVersion")).filter(|text| !text.is_empty());
                            self.standard = Some(of("StandardName")).filter(|text| !text.is_empty());
                        }
                        "Standard" => self.standard = self.standard.take().or(Some(of("Name"))),
                        "ItemGroupDef" => self.group(of("Name")),
                        "ItemRef" => self.refer(of("ItemOID")),
                        "ItemDef" => {
                            let id = of("OID");
                            let label = of("Label");
                            let described = Variable { name: of("Name"), kind: of("DataType"), label };
                            variable = self.describe(&id, described).then_some(id);
                        }
                        "StudyName" => inside = Some("study"),
                        "TranslatedText" if variable.is_some() => inside = Some("label"),
                        _ => {}
                    }
                }
                Piece::Close(name) => match name.as_str() {
                    "ItemDef" => variable = None,
                    "StudyName" | "TranslatedText" => inside = None,
                    _ => {}
                },
                Piece::Text(text) => match (inside, &variable) {
                    (Some("study"), _) => self.study = self.study.take().or(Some(cut(text.trim()))),
                    (Some("label"), Some(id)) => {
                        if let Some(variable) = self.variables.get_mut(id)
                            && variable.label.is_empty()
                        {
                            variable.label = cut(text.trim());
                        }
                    }
                    _ => {}
                },
                Piece::End => return Ok(()),
            }
        }
    }

    fn group(&mut self, name: String) {
        if self.datasets.len() >= MAX_DATASETS {
            self.left_out = true;
            return;
        }
        self.datasets.push(Group { name, variables: Vec::new() });
    }

    fn refer(&mut self, id: String) {
        self.references = self.references.saturating_add(1);
        match self.datasets.last_mut() {
            Some(dataset) if self.references <= MAX_VARIABLES => dataset.variables.push(id),
            Some(_) => self.left_out = true,
            None => {}
        }
    }

    fn describe(&mut self, id: &str, variable: Variable) -> bool {
        if self.variables.len() >= MAX_VARIABLES {
            self.left_out = true;
            return false;
        }
        self.variables.insert(id.to_owned(), variable);
        true
    }

    fn facts(self, input: &Input) -> Dataset {
        let mut dataset = Dataset {
            kind: Some("data_dictionary".to_owned()),
            schema_name: self.version.as_ref().map(|version| publishable("version", &format!("Define-XML {version}"))),
            description: self.study.as_ref().map(|study| publishable("study", study)),
            ..Dataset::default()
        };
        let standard = self.standard.as_deref().map(str::to_uppercase).unwrap_or_default();
        let standard = [("SDTM", "cdisc-sdtm"), ("ADAM", "cdisc-adam"), ("SEND", "cdisc-send")]
            .into_iter()
            .find_map(|(word, id)| standard.contains(word).then(|| id.to_owned()));
        let mut count = 0u64;
        for group in &self.datasets {
            let variables = || group.variables.iter().filter_map(|id| self.variables.get(id));
            count = count.saturating_add(group.variables.len() as u64);
            let mut table = table(input, &group.name, variables());
            table.domain = Some(group.name.clone()).filter(|_| standard.is_some());
            table.standard.clone_from(&standard);
            keep(&mut dataset.tables, publishable("table", &group.name), table);
        }
        dataset.table =
            TableFacts { row_count: Some(count), kind: dataset.kind.clone(), standard, ..TableFacts::default() };
        dataset
    }
}

/// A dataset as it is described: its variables as columns, and what their labels say of them.
fn table<'v>(input: &Input, name: &str, variables: impl Iterator<Item = &'v Variable>) -> TableFacts {
    let mut rows = Table::new(input.tables, Context { name: name.to_owned(), ..Context::default() });
    let columns = ["variable", "label", "data type"].map(|name| rows.column(Column::named(name)));
    let mut names = Vec::new();
    for variable in variables {
        for (column, text) in columns.iter().zip([&variable.name, &variable.label, &variable.kind]) {
            rows.cell(*column, Cell::Text(text));
        }
        if rows.end_row().is_err() {
            break;
        }
        names.push(variable.name.clone());
    }
    let described = rows.finish();
    TableFacts {
        column_count: Some(names.len() as u64),
        columns: names,
        declares: described.declares,
        kind: Some("data_dictionary".to_owned()),
        ..TableFacts::default()
    }
}

fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    const START: &str = r#"<?xml version="1.0"?><ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:def="http://www.cdisc.org/ns/def/v2.1">"#;

    fn look(text: &str) -> Result<Finding, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        probe(&Input::new(&blob, text.as_bytes()), &mut text.as_bytes())
    }

    fn defined() -> String {
        let item = |id: &str, label: &str| {
            format!(
                r#"<ItemDef OID="IT.{id}" Name="{id}" DataType="text"><Description><TranslatedText xml:lang="en">{label}</TranslatedText></Description></ItemDef>"#
            )
        };
        format!(
            r#"{START}<Study OID="S"><GlobalVariables><StudyName>AB-1</StudyName></GlobalVariables><MetaDataVersion OID="M" def:DefineVersion="2.1.0"><def:Standards><def:Standard OID="s" Name="SDTMIG"/></def:Standards><ItemGroupDef OID="IG.DM" Name="DM"><ItemRef ItemOID="IT.USUBJID"/><ItemRef ItemOID="IT.QX"/></ItemGroupDef>{}{}</MetaDataVersion></Study></ODM>"#,
            item("USUBJID", "Unique Subject Identifier"),
            item("QX", "Date of birth")
        )
    }

    #[test]
    fn datasets_and_variables_are_told() {
        let finding = look(&defined()).unwrap();
        assert!(finding.notes.is_empty(), "{:?}", finding.notes);
        let dataset = finding.fact.dataset().unwrap();
        assert_eq!(dataset.kind.as_deref(), Some("data_dictionary"));
        assert_eq!(dataset.description.as_deref(), Some("AB-1"));
        let table = &dataset.tables["DM"];
        assert_eq!(table.columns, ["USUBJID", "QX"]);
        assert_eq!(table.standard.as_deref(), Some("cdisc-sdtm"));
        assert_eq!(table.declares["QX"].class, "birth_date");
    }

    #[test]
    fn entities_are_never_expanded() {
        let bomb = defined().replace(
            "<ODM",
            r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><ODM"#,
        );
        assert!(look(&bomb).is_err());
    }

    #[test]
    fn broken_documents_keep_what_was_read() {
        let text = defined();
        let finding = look(&text[..text.len() - 120]).unwrap();
        assert!(finding.fact.dataset().unwrap().tables.contains_key("DM"));
        for at in (START.len()..text.len()).step_by(5) {
            let _ = look(&text[..at.min(text.len())]);
        }
        assert!(look(&format!("{START}{}", "<a>".repeat(100_000))).is_err());
        assert!(matches!(look("<ODM/>"), Err(ProbeError::NotMine)));
    }
}
