//! `blastmap explain ID`: what a thing is, why it matters, how it is recognised, what to do.

use std::io::{self, Write};

use anyhow::bail;
use blastmap::model::{Confidence, Role};
use blastmap::report::{HEADING, QUIET, shorten, wrap};
use blastmap::signature::{Magic, Matchers, Signature};
use blastmap::table::Class;

use super::args::{Color, ExplainArgs};
use super::{Outcome, signature_files, suggest, terminal};

/// Prose is read best in lines of a book.
const WIDEST: usize = 90;

/// Explains one signature.
pub(super) fn run(args: &ExplainArgs, color: Color) -> anyhow::Result<Outcome> {
    let signatures = signature_files::load(&args.signatures, &[])?;
    let classes = signature_files::classes(&args.signatures)?;
    let mut out = terminal::output(color);
    let mut page = Page { out: &mut out, width: terminal::width().min(WIDEST) };
    if let Some(class) = classes.get(&args.id) {
        page.write_class(class)?;
        out.flush()?;
        return Ok(Outcome::Clean);
    }
    let Some(signature) = signatures.get(&args.id) else {
        let near = suggest::near(
            &args.id,
            signatures
                .iter()
                .map(|signature| signature.id.as_str())
                .chain(classes.iter().map(|class| class.id.as_str())),
        );
        match near.as_slice() {
            [] => bail!("{}: there is no such signature; see 'blastmap signatures list'", args.id),
            near => bail!("{}: there is no such signature; did you mean {}?", args.id, quoted(near)),
        }
    };
    page.write(signature)?;
    out.flush()?;
    Ok(Outcome::Clean)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" or ")
}

struct Page<'o> {
    out: &'o mut dyn Write,
    width: usize,
}

impl Page<'_> {
    fn write(&mut self, signature: &Signature) -> io::Result<()> {
        let Signature { id, title, family, exposes, explain, remedy, references, .. } = signature;
        let title = shorten(title, self.width);
        let (id, family) = (shorten(id, 64), family.folder());
        writeln!(self.out, "{HEADING}{title}{HEADING:#}  {QUIET}id {id}, family {family}{QUIET:#}")?;
        self.prose("What it is", explain)?;
        self.prose("Why it matters", exposes)?;
        self.heading("How it is recognised")?;
        for line in recognition(signature) {
            self.item(&line)?;
        }
        self.prose("What to do", remedy)?;
        self.references(references)
    }

    fn write_class(&mut self, class: &Class) -> io::Result<()> {
        let title = shorten(&class.title, self.width);
        let (id, kind) = (shorten(&class.id, 64), class.kind.word());
        writeln!(self.out, "{HEADING}{title}{HEADING:#}  {QUIET}class {id}, {kind}{QUIET:#}")?;
        self.prose("What it is", &class.explain)?;
        self.prose("Why it matters", &class.exposes)?;
        self.heading("How it is recognised")?;
        for line in recognition_of_class(class) {
            self.item(&line)?;
        }
        self.prose("What to do", &class.remedy)?;
        self.references(&class.references)
    }

    fn references(&mut self, references: &[String]) -> io::Result<()> {
        if !references.is_empty() {
            self.heading("References")?;
        }
        for reference in references {
            // Whole: an address that is cut is none.
            writeln!(self.out, "  {}", shorten(reference, usize::MAX))?;
        }
        Ok(())
    }

    fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{HEADING}{text}{HEADING:#}")
    }

    fn prose(&mut self, heading: &str, text: &str) -> io::Result<()> {
        self.heading(heading)?;
        for line in wrap(text, self.width.saturating_sub(2)) {
            writeln!(self.out, "  {line}")?;
        }
        Ok(())
    }

    fn item(&mut self, text: &str) -> io::Result<()> {
        for (index, line) in wrap(text, self.width.saturating_sub(4)).iter().enumerate() {
            writeln!(self.out, "  {} {line}", if index == 0 { "-" } else { " " })?;
        }
        Ok(())
    }
}

/// What is looked at, a line each, from the matchers themselves.
fn recognition(signature: &Signature) -> Vec<String> {
    let mut lines = Vec::new();
    let groups = [("", &signature.all), ("any of: ", &signature.any), ("not where ", &signature.not)];
    for (prefix, matchers) in groups {
        lines.extend(looks(matchers).into_iter().map(|look| format!("{prefix}{look}")));
    }
    let sure = match (&signature.probe, &signature.unpack) {
        (Some(parser), _) => format!("then the parser '{parser}' reads its structure; what holds is certain"),
        (None, Some(parser)) => format!("then the unpacker '{parser}' opens it, and its members are looked into"),
        (None, None) => format!("confidence: {}, since nothing more is read", confidence(signature.confidence)),
    };
    lines.push(sure);
    if !signature.claims.is_empty() {
        let names = signature.claims.join(", ");
        lines.push(format!("other bytes under the name {names} are reported as unverified"));
    }
    match signature.role {
        Role::Companion => lines.push("it belongs to an asset beside it, and is none by itself".to_owned()),
        Role::Manifest => lines.push("it lists or describes the files of an asset".to_owned()),
        Role::Tree => lines.push("everything recognised below its directory belongs to it".to_owned()),
        Role::Primary => {}
    }
    lines
}

/// What is looked at of a column.
fn recognition_of_class(class: &Class) -> Vec<String> {
    let mut lines = Vec::new();
    for (language, names) in &class.names {
        lines.push(format!("a column named {} ({language})", names.join(", ")));
    }
    for (language, names) in &class.hints {
        lines.push(format!("among other data about people, a column named {} ({language})", names.join(", ")));
    }
    for (standard, variables) in &class.standard {
        lines.push(format!("in a table of {standard}, {}", variables.join(", ")));
    }
    if let Some(values) = &class.values {
        if !values.tests.is_empty() {
            lines.push(format!("values that pass one of the tests {}", values.tests.join(", ")));
        }
        if !values.alone.is_empty() {
            lines.push(format!("whatever its name, values that pass {}", values.alone.join(", ")));
        }
    }
    if let Some(letter) = class.safe_harbor {
        lines.push(format!("counted as the Safe Harbor identifier ({letter})"));
    }
    if let Some(category) = &class.gdpr_article_9 {
        lines.push(format!("counted as a special category of GDPR Art. 9: {category}"));
    }
    lines
}

fn looks(matchers: &Matchers) -> Vec<String> {
    let mut looks = Vec::new();
    if !matchers.name.is_empty() {
        looks.push(format!("its name is {}", matchers.name.join(" or ")));
    }
    looks.extend(matchers.magic.iter().map(magic));
    looks.extend(matchers.text.iter().map(|text| format!("its beginning reads like /{text}/")));
    looks.extend(matchers.keys.iter().map(|key| format!("it has the key {key}")));
    looks
}

fn magic(magic: &Magic) -> String {
    let place = if magic.at < 0 { format!("{} from its end", -i128::from(magic.at)) } else { magic.at.to_string() };
    let bytes = match (&magic.hex, &magic.text) {
        (Some(hex), _) => hex.split_whitespace().collect(),
        (None, Some(text)) => format!("\"{text}\""),
        (None, None) => String::new(),
    };
    let mask = magic.mask.as_ref().map(|mask| format!(" under the mask {mask}")).unwrap_or_default();
    format!("its bytes at {place} are {bytes}{mask}")
}

fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
        Confidence::Certain => "certain",
    }
}
