//! The self-check of the class files: every example comes out as it says.
//!
//! `blastmap signatures check` and the tests are this one function.

use super::schema::{Class, Example};
use super::{Context, Taxonomy};
use crate::table::cell;
use crate::table::profile::{Column, Profile};

impl Taxonomy {
    /// What is wrong with the classes: id, and what.
    pub fn check(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        for class in &self.classes {
            let mut say = |what: String| problems.push((class.id.clone(), what));
            let positive = class.example.iter().filter(|example| example.expect == class.id).count();
            if positive == 0 || positive == class.example.len() {
                say(format!("needs examples that expect \"{}\" and examples that expect something else", class.id));
            }
            for example in &class.example {
                let given = self.given(example);
                let given = given.as_deref().unwrap_or("none");
                if !holds(class, example, given) {
                    say(format!("its example '{}' comes out as '{given}', not '{}'", example.column, example.expect));
                }
            }
        }
        problems
    }

    /// The class that the example's column is given.
    fn given(&self, example: &Example) -> Option<String> {
        let column = Column { name: example.column.clone(), label: example.label.clone(), ..Column::default() };
        let beside = example.beside.iter().map(|name| Column::named(name.as_str()));
        let mut profiles: Vec<Profile> = std::iter::once(column)
            .chain(beside)
            .map(|column| Profile::new(column, example.values.len() + 1))
            .collect();
        for value in &example.values {
            if let Some(first) = profiles.first_mut() {
                first.count(value, cell::hash(value));
            }
        }
        self.classify(&profiles, &Context::default()).column_classes?.remove(&example.column)
    }
}

/// A negative example may be of another class.
fn holds(class: &Class, example: &Example, given: &str) -> bool {
    given == example.expect || (example.expect == "none" && given != class.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_the_embedded_classes_holds() {
        let problems: Vec<String> =
            Taxonomy::with(&[]).unwrap().check().into_iter().map(|(id, what)| format!("{id}: {what}")).collect();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
