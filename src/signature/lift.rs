//! Captures that become facts.

use super::matcher::Pattern;
use super::schema::Lift;
use crate::model::{Fact, Family};

/// Values kept of one lift.
const MAX_VALUES: usize = 10_000;
/// Longest value; a longer one is not what the rule meant.
const MAX_VALUE: usize = 1024;

enum From {
    Text(Pattern),
    Value(String),
}

pub(super) struct CompiledLift {
    field: String,
    from: From,
    split: Option<Pattern>,
    keep: Option<Pattern>,
    drop: Option<Pattern>,
}

impl CompiledLift {
    pub(super) fn new(lift: &Lift, family: Family) -> Result<CompiledLift, String> {
        Fact::empty(family).set(&lift.field, &[]).map_err(|error| error.to_string())?;
        let optional = |text: &Option<String>| text.as_deref().map(Pattern::new);
        Ok(CompiledLift {
            field: lift.field.clone(),
            from: match (&lift.text, &lift.value) {
                (Some(text), None) => From::Text(Pattern::new(text)),
                (None, Some(value)) => From::Value(value.clone()),
                _ => return Err(format!("the lift of '{}' needs either `text` or `value`", lift.field)),
            },
            split: optional(&lift.split),
            keep: optional(&lift.keep),
            drop: optional(&lift.drop),
        })
    }

    /// Compiles every pattern now.
    pub(super) fn settle(&self) -> Result<(), String> {
        let from = match &self.from {
            From::Text(pattern) => Some(pattern),
            From::Value(_) => None,
        };
        let patterns = from.into_iter().chain(&self.split).chain(&self.keep).chain(&self.drop);
        patterns.into_iter().try_for_each(Pattern::settle)
    }

    /// Puts what `text` gives away into `fact`.
    pub(super) fn apply(&self, text: &[u8], fact: &mut Fact) {
        let mut values = Vec::new();
        let regex = match &self.from {
            From::Text(pattern) => pattern.regex(),
            From::Value(value) => {
                // The field was checked when the rule was compiled.
                let _ = fact.set(&self.field, std::slice::from_ref(value));
                return;
            }
        };
        for captures in regex.into_iter().flat_map(|regex| regex.captures_iter(text)) {
            let Some(value) = captures.get(1).or_else(|| captures.get(0)) else { continue };
            match &self.split {
                Some(split) => split
                    .regex()
                    .into_iter()
                    .flat_map(|split| split.split(value.as_bytes()))
                    .for_each(|part| self.take(part, &mut values)),
                None => self.take(value.as_bytes(), &mut values),
            }
            if values.len() >= MAX_VALUES {
                break;
            }
        }
        // The field was checked when the rule was compiled.
        let _ = fact.set(&self.field, &values);
    }

    fn take(&self, value: &[u8], values: &mut Vec<String>) {
        let value = value.trim_ascii();
        let kept = self.keep.as_ref().is_none_or(|keep| keep.is_match(value));
        let dropped = self.drop.as_ref().is_some_and(|drop| drop.is_match(value));
        if !value.is_empty() && value.len() <= MAX_VALUE && kept && !dropped {
            values.push(crate::model::publishable("", &String::from_utf8_lossy(value)));
        }
    }
}
