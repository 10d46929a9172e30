//! The self-check: every example holds, and no example is taken for something its signature does not declare.
//!
//! `blastmap signatures check` and the tests are this one function.

use super::matcher::{View, from_hex};
use super::schema::{Example, Signature};
use super::set::Signatures;
use crate::model::{Confidence, Fact, Role};

/// What is wrong with a signature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The signature.
    pub id: String,
    /// What is wrong with it.
    pub what: String,
}

impl Signatures {
    /// Holds every example against the whole set. `fixture` gives the bytes of a file below `fixtures/`, or nothing
    /// where there are none at hand; `parsers` says whether a probe or unpacker of that id exists.
    pub fn check(&self, fixture: &dyn Fn(&str) -> Option<Vec<u8>>, parsers: &dyn Fn(&str) -> bool) -> Vec<Problem> {
        let broken = self.broken().map(|(signature, what)| Problem { id: signature.id.clone(), what });
        let mut problems: Vec<Problem> = broken.collect();
        for signature in self.iter() {
            let mut say = |what: String| problems.push(Problem { id: signature.id.clone(), what });
            for id in signature.probe.iter().chain(&signature.unpack) {
                if !parsers(id) {
                    say(format!("names the parser '{id}', which does not exist"));
                }
            }
            let positive = signature.example.iter().filter(|example| example.expect == signature.id).count();
            let negative = signature.example.iter().filter(|example| example.expect == "none").count();
            if positive == 0 || negative == 0 || positive + negative != signature.example.len() {
                say(format!("needs examples that expect \"{}\" and examples that expect \"none\"", signature.id));
            }
            for id in signature.also.iter().filter(|id| self.get(id).is_none()) {
                say(format!("declares an overlap with '{id}', which does not exist"));
            }
            for example in &signature.example {
                match bytes(example, fixture) {
                    Ok(Some(bytes)) => self.check_example(signature, example, &bytes, &mut say),
                    Ok(None) => {}
                    Err(what) => say(what),
                }
            }
        }
        problems.sort();
        problems
    }

    fn check_example(&self, signature: &Signature, example: &Example, bytes: &[u8], say: &mut dyn FnMut(String)) {
        let more = |at: u64, len: usize| {
            let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            rest[..len.min(rest.len())].to_vec()
        };
        let head = &bytes[..bytes.len().min(super::HEAD)];
        let view = View::new(example.name.as_bytes(), bytes.len() as u64, head, &more);
        let matches = self.identify(&view);
        let own = matches.iter().find(|found| found.signature.id == signature.id);
        if example.expect == "none" {
            if own.is_some() {
                say(format!("matches its negative example '{}'", example.name));
            }
            return;
        }
        let Some(own) = own else {
            say(format!("does not match its example '{}'", example.name));
            return;
        };
        for other in &matches {
            let id = &other.signature.id;
            // What goes by a name alone, and comes after everything else, takes nothing away.
            let is_last_resort =
                other.signature.confidence == Confidence::Low && other.signature.role == Role::Companion;
            if *id != signature.id && !is_last_resort && !signature.also.contains(id) {
                say(format!(
                    "its example '{}' also matches '{id}': sharpen one, or declare it in `also`",
                    example.name
                ));
            }
        }
        let mut fact = Fact::empty(signature.family);
        own.lift(&view, &mut fact);
        let lifted = serde_json::to_value(&fact).unwrap_or_default();
        for (field, want) in &example.lifts {
            let got: Vec<String> = match lifted.get(field) {
                Some(serde_json::Value::Array(items)) => {
                    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
                }
                Some(serde_json::Value::String(text)) => vec![text.clone()],
                _ => Vec::new(),
            };
            if got != *want {
                say(format!("lifts {got:?} as '{field}' from its example '{}', not {want:?}", example.name));
            }
        }
    }
}

fn bytes(example: &Example, fixture: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Option<Vec<u8>>, String> {
    match (&example.text, &example.hex, &example.fixture) {
        (Some(text), None, None) => Ok(Some(text.clone().into_bytes())),
        (None, Some(hex), None) => from_hex(hex).map(Some),
        (None, None, Some(path)) => Ok(fixture(path)),
        _ => Err(format!("its example '{}' needs one of `text`, `hex` and `fixture`", example.name)),
    }
}
