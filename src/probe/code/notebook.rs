//! Jupyter notebooks: what their cells do, and how much of the data they left behind in outputs.
//!
//! Follows nbformat 3 and 4 (nbformat.readthedocs.io). The JSON is read as a stream, so that embedded images cost nothing;
//! the code of all cells is one source, read as Python or R as the kernel says. No text of an output leaves.

use super::python::Source;
use super::r;
use crate::model::{Code, Fact};
use crate::probe::events::{Event, Syntax, walk};
use crate::probe::{Finding, Input, ProbeError};

/// Longest notebook that is read to its end.
const MAX_NOTEBOOK: u64 = 256 << 20;
/// Longest code of one cell, and of all of them.
const MAX_CELL: usize = 256 << 10;
const MAX_CODE: usize = 4 << 20;

/// A notebook.
pub(crate) fn probe(input: &Input) -> Result<Finding, ProbeError> {
    let mut reader = Notebook::default();
    let outcome = walk(input.blob, 0, MAX_NOTEBOOK, Syntax::Json, &mut |path, event| reader.take(path, event));
    reader.end_cell();
    if reader.cells == 0 || (outcome.is_ok() && !reader.has_format) {
        return Err(ProbeError::NotMine);
    }
    let mut code = reader.code().ok_or(ProbeError::NotMine)?;
    code.kind = Some("notebook".to_owned());
    code.cells = Some(reader.cells);
    code.cells_with_output = Some(reader.with_output);
    code.tables_in_output = Some(reader.tables).filter(|tables| *tables > 0);
    Finding::new(Fact::Code(Box::new(code))).noting(outcome)
}

#[derive(Default)]
struct Notebook {
    has_format: bool,
    language: Option<String>,
    cells: u64,
    with_output: u64,
    tables: u64,
    code: Vec<u8>,
    cell: Cell,
}

/// The cell that is read.
#[derive(Default)]
struct Cell {
    is_code: bool,
    source: Vec<u8>,
    has_output: bool,
    /// Whether the output that is read has shown a table already.
    has_table: bool,
}

impl Notebook {
    fn take(&mut self, path: &[String], event: Event) {
        let keys: Vec<&str> = path.iter().take(9).map(String::as_str).collect();
        let inner = match keys.as_slice() {
            ["cells", "", inner @ ..] | ["worksheets", "", "cells", "", inner @ ..] => inner,
            ["nbformat"] => {
                self.has_format = true;
                return;
            }
            ["metadata", "kernelspec", "language"] | ["metadata", "language_info", "name"] => {
                if let Event::Text(name) = event {
                    self.language = Some(name.to_ascii_lowercase());
                }
                return;
            }
            _ => return,
        };
        match (inner, event) {
            ([], Event::Open) => {
                self.end_cell();
                self.cells = self.cells.saturating_add(1);
            }
            (["cell_type"], Event::Text(sort)) => self.cell.is_code = sort == "code",
            (["source" | "input"] | ["source" | "input", ""], Event::Text(text))
                if self.cell.source.len() < MAX_CELL =>
            {
                self.cell.source.extend_from_slice(text.as_bytes());
            }
            (["outputs", ""], Event::Open) => {
                self.cell.has_output = true;
                self.cell.has_table = false;
            }
            (["outputs", "", rest @ ..], Event::Text(text)) => self.output(rest, text),
            _ => {}
        }
    }

    /// A part of an output: lines of HTML or plain text.
    fn output(&mut self, path: &[&str], text: &str) {
        let is_table = match path {
            ["data", "text/html", ..] | ["html", ..] => text.contains("<table"),
            ["data", "text/plain", ..] | ["text", ..] => is_frame(text),
            _ => false,
        };
        if is_table && !std::mem::replace(&mut self.cell.has_table, true) {
            self.tables = self.tables.saturating_add(1);
        }
    }

    fn end_cell(&mut self) {
        let cell = std::mem::take(&mut self.cell);
        self.with_output = self.with_output.saturating_add(u64::from(cell.has_output));
        let is_python = !cell.source.starts_with(b"%%")
            || [&b"%%time"[..], b"%%capture", b"%%timeit", b"%%python"]
                .iter()
                .any(|magic| cell.source.starts_with(magic));
        if cell.is_code && is_python && self.code.len() < MAX_CODE {
            self.code.extend_from_slice(&cell.source);
            self.code.push(b'\n');
        }
    }

    /// The facts of its code, where it has to do with models or data.
    fn code(&self) -> Option<Code> {
        match self.language.as_deref() {
            Some("r") => Some(r::facts(&self.code)).filter(|code| !code.imports.is_empty() || self.tables > 0),
            None | Some("python" | "python3") => {
                let mut source = Source::default();
                source.add(&self.code);
                (source.uses_known_library() || self.tables > 0).then(|| source.facts())
            }
            Some(_) => (self.tables > 0).then(Code::default),
        }
    }
}

/// Whether a line is the end of a frame that pandas or polars printed: `[5 rows x 3 columns]`, `shape: (5, 3)`.
fn is_frame(text: &str) -> bool {
    let of_pandas = text.contains(" rows x ") && text.contains(" columns]");
    of_pandas || text.trim_start().starts_with("shape: (")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn read(text: &str) -> Result<Code, ProbeError> {
        let blob = Memory::new(text.as_bytes());
        let finding = probe(&Input::new(&blob, text.as_bytes()))?;
        Ok(finding.fact.code().cloned().unwrap())
    }

    #[test]
    fn cells_outputs_and_tables() {
        let text = r##"{"cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["import nothing"]},
            {"cell_type": "code", "outputs": [
                {"output_type": "execute_result", "data": {"text/html": ["<div>\n", "<table border=\"1\">\n", "<table>"],
                 "text/plain": ["a  b\n", "[5 rows x 2 columns]"]}},
                {"output_type": "stream", "text": ["[9 rows x 2 columns]\n"]},
                {"output_type": "display_data", "data": {"image/png": "aGVsbG8="}}],
             "source": ["%matplotlib inline\n", "import torch\n", "!ls\n", "a = torch.load('/data/x/a.pt')\n"]},
            {"cell_type": "code", "outputs": [], "source": "%%bash\nimport wandb"}],
            "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4}"##;
        let code = read(text).unwrap();
        assert_eq!((code.cells, code.cells_with_output, code.tables_in_output), (Some(3), Some(1), Some(2)));
        assert_eq!(code.kind.as_deref(), Some("notebook"));
        assert_eq!((code.imports, code.paths), (vec!["torch".to_owned()], vec!["/data/x/a.pt".to_owned()]));
    }

    #[test]
    fn old_notebooks_and_those_of_r() {
        let old = r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["import sklearn"], "outputs": []}]}]}"#;
        assert_eq!(read(old).unwrap().imports, ["sklearn"]);
        let r = r#"{"nbformat": 4, "metadata": {"language_info": {"name": "R"}},
            "cells": [{"cell_type": "code", "source": ["library(Seurat)\n", "x <- readRDS('pbmc.rds')"]}]}"#;
        assert_eq!(read(r).unwrap().imports, ["Seurat"]);
    }

    #[test]
    fn what_is_no_notebook_of_ours() {
        let lesson = r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["print('hello')"]}]}"#;
        assert!(matches!(read(lesson), Err(ProbeError::NotMine)));
        for text in ["{}", "[1]", "{\"cells\": [{}]}", "{\"cells\": 1, \"nbformat\": 4}"] {
            assert!(matches!(read(text), Err(ProbeError::NotMine)), "{text}");
        }
        assert!(read("").is_err() && read("{\"cells\": [").is_err());
        let cut = r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["import torch\n", "x"#;
        assert!(read(cut).is_ok());
    }
}
