//! What a Python source defines, imports, calls and names, from its logical lines.
//!
//! No grammar is followed: a statement is told by its first words, a scope by its indentation, a call by a dotted name in
//! front of a bracket. Names are resolved through the imports above them. What is kept is counted.

use std::collections::{BTreeMap, BTreeSet};

use super::bases;
use super::lexer::{Lexer, Sort, Token};
use super::literals::is_path;
use super::modules::is_own;
use super::signs::{self, Sign, Told};

/// Most classes, functions, modules, paths and steps kept, each.
const MAX_KEPT: usize = 200;
/// Longest name of a column.
const MAX_COLUMN: usize = 64;
/// Most scopes that are open at once.
const MAX_SCOPES: usize = 100;
/// Most names bound by imports that are followed.
const MAX_ALIASES: usize = 2000;

/// What is known of a source.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Top-level modules that do not come with Python.
    pub(super) modules: Vec<String>,
    /// How many levels up the imports of the package it is in lead; 0 where there are none.
    pub(super) levels_up: usize,
    pub(super) classes: Vec<String>,
    pub(super) functions: Vec<String>,
    pub(super) paths: Vec<String>,
    /// What tables are asked for: `frame["age"]`.
    pub(super) columns: Vec<String>,
    pub(super) steps: Vec<String>,
    pub(super) model_type: Option<String>,
    pub(super) run_name: Option<String>,
    pub(super) lines: u64,
    pub(super) told: Told,
    /// Whether it is a program: `if __name__ == "__main__"`.
    pub(super) is_program: bool,
    aliases: BTreeMap<String, String>,
    /// Classes of this source that are parts of a network.
    networks: BTreeSet<String>,
    scopes: Vec<Scope>,
    /// Whether the function that follows is decorated as a step.
    is_step: bool,
}

#[derive(Debug)]
struct Scope {
    indent: usize,
    sort: ScopeSort,
}

#[derive(Debug, PartialEq)]
enum ScopeSort {
    /// Whether what the class is for is known already.
    Class(bool),
    Function,
}

impl Outline {
    /// Reads a source, or another part of one: the cells of a notebook.
    pub(super) fn read(&mut self, text: &[u8]) {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        self.scopes.clear();
        while let Some(indent) = lexer.line(&mut tokens) {
            self.line(indent, &tokens);
        }
        self.lines = self.lines.saturating_add(lexer.lines);
    }

    fn line(&mut self, indent: usize, tokens: &[Token]) {
        while self.scopes.last().is_some_and(|scope| scope.indent >= indent) {
            self.scopes.pop();
        }
        let Some(first) = tokens.first() else { return };
        if first.sort == Sort::Text && tokens.len() == 1 {
            // A text by itself is documentation.
            return;
        }
        self.columns(tokens);
        let rest = tokens.get(1..).unwrap_or_default();
        match first.text {
            b"import" => self.import(rest),
            b"from" => self.import_from(rest),
            b"class" => self.class(indent, rest),
            b"def" => self.function(indent, rest),
            b"async" if rest.first().is_some_and(|token| token.is("def")) => {
                self.function(indent, rest.get(1..).unwrap_or_default());
            }
            b"@" => self.decorator(rest),
            b"if" | b"else" | b"try" | b"except" | b"finally" | b"with" | b"for" | b"while" | b"elif" => {
                self.is_program |= rest.first().is_some_and(|token| token.is("__name__"));
                self.calls(rest);
                if let Some(body) = one_line_body(rest) {
                    match body.first().map(|token| token.text) {
                        Some(b"import") => self.import(body.get(1..).unwrap_or_default()),
                        Some(b"from") => self.import_from(body.get(1..).unwrap_or_default()),
                        _ => {}
                    }
                }
            }
            _ => {
                self.assignment(tokens);
                self.calls(tokens);
            }
        }
    }

    /// `x["a"]`, `f(x)["a"]`, `x["a"]["b"]`
    fn columns(&mut self, tokens: &[Token]) {
        for window in tokens.windows(4) {
            let [before, open, key, close] = window else { continue };
            let is_of_value = before.sort == Sort::Name || before.is("]") || before.is(")");
            let is_key = key.sort == Sort::Text && (1..=MAX_COLUMN).contains(&key.text.len());
            if is_of_value && open.is("[") && is_key && close.is("]") {
                keep(&mut self.columns, text(key));
            }
        }
    }

    /// `a.b as c, d`
    fn import(&mut self, tokens: &[Token]) {
        for part in tokens.split(|token| token.is(",")) {
            let Some((path, used)) = dotted(part) else { continue };
            let alias = alias(part.get(used..).unwrap_or_default());
            let module = path.split('.').next().unwrap_or_default().to_owned();
            self.bind(alias.unwrap_or_else(|| module.clone()), if part.len() > used { path } else { module.clone() });
            self.module(&module);
        }
    }

    /// `..a.b import c as d, (e)`
    fn import_from(&mut self, tokens: &[Token]) {
        let dots: usize = tokens
            .iter()
            .take_while(|token| token.is(".") || token.is("..") || token.is("..."))
            .map(|token| token.text.len())
            .sum();
        let skipped = tokens.iter().take_while(|token| token.sort == Sort::Sign).count();
        let tokens = tokens.get(skipped..).unwrap_or_default();
        self.levels_up = self.levels_up.max(dots);
        let (path, used) = match tokens.first() {
            Some(word) if word.is("import") => (String::new(), 0),
            _ => match dotted(tokens) {
                Some(found) => found,
                None => return,
            },
        };
        let names = tokens.get(used..).unwrap_or_default();
        let Some((_, names)) = names.split_first().filter(|(word, _)| word.is("import")) else { return };
        if dots == 0 {
            self.module(path.split('.').next().unwrap_or_default());
        }
        let from = if dots > 0 { format!(".{path}") } else { path };
        for part in names.split(|token| token.sort == Sort::Sign && matches!(token.text, b"," | b"(" | b")")) {
            let Some(name) = part.first().filter(|token| token.sort == Sort::Name).map(text) else { continue };
            let bound = alias(part.get(1..).unwrap_or_default()).unwrap_or_else(|| name.clone());
            self.bind(bound, format!("{from}.{name}"));
        }
    }

    fn bind(&mut self, name: String, path: String) {
        if self.aliases.len() < MAX_ALIASES {
            self.aliases.insert(name, path);
        }
    }

    fn module(&mut self, module: &str) {
        if module == "pytest" || module == "unittest" {
            self.told.tell(Sign::Test);
        }
        if !is_own(module) {
            keep(&mut self.modules, module.to_owned());
        }
    }

    fn class(&mut self, indent: usize, tokens: &[Token]) {
        let Some(name) = tokens.first().filter(|token| token.sort == Sort::Name).map(text) else { return };
        if self.scopes.is_empty() {
            keep(&mut self.classes, name.clone());
        }
        let (mut is_network, mut is_known) = (false, name.ends_with("Trainer"));
        if is_known {
            self.told.tell(Sign::TrainingClass);
        }
        let arguments = tokens.get(1..).unwrap_or_default();
        for part in arguments.split(|token| token.sort == Sort::Sign && matches!(token.text, b"," | b"(" | b")")) {
            let Some((path, used)) = dotted(part) else { continue };
            if part.get(used).is_some_and(|token| token.is("=")) {
                continue;
            }
            let sign = bases::base(&self.resolved(&path));
            // A set of data made for one function's use is a means; a network is one wherever it stands.
            if let Some(sign) = sign.filter(|sign| *sign == Sign::Module || !self.in_function()) {
                self.told.tell(sign);
                is_known = true;
                is_network |= sign == Sign::Module;
            }
            if self.networks.contains(&path) {
                self.told.tell(Sign::Module);
                is_network = true;
            }
        }
        if is_network && self.networks.len() < MAX_KEPT {
            self.networks.insert(name);
        }
        self.open(indent, ScopeSort::Class(is_network || is_known));
        self.is_step = false;
    }

    fn function(&mut self, indent: usize, tokens: &[Token]) {
        let Some(name) = tokens.first().filter(|token| token.sort == Sort::Name).map(text) else { return };
        if self.scopes.is_empty() {
            keep(&mut self.functions, name.clone());
        }
        if std::mem::take(&mut self.is_step) {
            keep(&mut self.steps, name.clone());
        }
        let in_class = self.scopes.last().is_some_and(|scope| matches!(scope.sort, ScopeSort::Class(_)));
        match name.as_str() {
            "train"
            | "train_epoch"
            | "train_one_epoch"
            | "training_step"
            | "train_step"
            | "training_loop"
            | "fit"
            | "train_model"
            | "train_loop"
            | "finetune"
            | "compute_loss"
            | "configure_optimizers" => {
                self.told.tell(Sign::TrainingFunction);
            }
            "evaluate" | "evaluate_model" | "run_eval" | "compute_metrics" | "evaluation" | "eval_model" => {
                self.told.tell(Sign::EvaluationFunction);
            }
            "forward" if in_class => self.forward(),
            name if name.starts_with("test_") => self.told.tell(Sign::Test),
            _ => {}
        }
        self.calls(tokens.get(1..).unwrap_or_default());
        self.open(indent, ScopeSort::Function);
    }

    /// A class with this method may be a part of a network whose base class is another source's.
    fn forward(&mut self) {
        if let Some(Scope { sort: ScopeSort::Class(known), .. }) = self.scopes.last_mut()
            && !*known
            && self.modules.iter().any(|module| module == "torch" || module == "paddle")
        {
            *known = true;
            self.told.tell(Sign::Forward);
        }
    }

    fn in_function(&self) -> bool {
        self.scopes.iter().any(|scope| scope.sort == ScopeSort::Function)
    }

    fn in_class(&self) -> bool {
        self.scopes.iter().any(|scope| matches!(scope.sort, ScopeSort::Class(_)))
    }

    fn open(&mut self, indent: usize, sort: ScopeSort) {
        if self.scopes.len() < MAX_SCOPES {
            self.scopes.push(Scope { indent, sort });
        }
    }

    fn decorator(&mut self, tokens: &[Token]) {
        if let Some((path, _)) = dotted(tokens) {
            self.is_step |= bases::decorator(&self.resolved(&path), &mut self.told);
        }
        self.calls(tokens);
    }

    /// `model_type = "x"` in a class.
    fn assignment(&mut self, tokens: &[Token]) {
        let mut tokens = tokens.iter().filter(|token| !token.is(":") && !token.is("str") && !token.is("ClassVar"));
        let (Some(name), Some(sign), Some(value)) = (tokens.next(), tokens.next(), tokens.next()) else { return };
        let in_class = self.scopes.last().is_some_and(|scope| matches!(scope.sort, ScopeSort::Class(_)));
        if in_class && name.is("model_type") && sign.is("=") && value.sort == Sort::Text && self.model_type.is_none() {
            self.model_type = Some(text(value)).filter(|model_type| !model_type.is_empty());
        }
    }

    /// Every call and text of a statement.
    fn calls(&mut self, tokens: &[Token]) {
        let mut at = 0usize;
        let mut after = Sort::Sign;
        while let Some(token) = tokens.get(at) {
            let rest = tokens.get(at..).unwrap_or_default();
            match token.sort {
                Sort::Text => {
                    let text = text(token);
                    if is_path(&text) {
                        keep(&mut self.paths, text);
                    }
                }
                Sort::Name => {
                    if let Some((path, used)) = dotted(rest) {
                        let is_attribute = after == Sort::Name;
                        self.name(path, is_attribute, rest.get(used..).unwrap_or_default());
                        at = at.saturating_add(used);
                        after = Sort::Sign;
                        continue;
                    }
                }
                // `f(x).g(y)`: what g belongs to is not known.
                Sort::Sign if token.is(".") => after = Sort::Name,
                _ => after = Sort::Sign,
            }
            at = at.saturating_add(1);
        }
    }

    /// A dotted name and what follows it.
    fn name(&mut self, path: String, is_attribute: bool, next: &[Token]) {
        let Some(sign) = next.first() else { return };
        let value = next.get(1).filter(|token| token.sort == Sort::Text);
        if sign.is("=") {
            if let Some(value) = value {
                self.keyword(&path, text(value));
            }
            return;
        }
        if !sign.is("(") {
            return;
        }
        let path = if is_attribute { format!(".{path}") } else { self.resolved(&path) };
        let first = value.map(text);
        if bases::orchestrates(&path, &mut self.told)
            && let Some(task) = task_id(next)
        {
            keep(&mut self.steps, task);
        }
        let acts = |told: &Told| {
            [Sign::Backward, Sign::Step, Sign::Fit, Sign::Trainer]
                .iter()
                .map(|sign| told.count(*sign))
                .fold(0, u32::saturating_add)
        };
        let before = acts(&self.told);
        signs::call(&path, first.as_deref(), &mut self.told);
        if acts(&self.told) > before && !self.in_class() {
            self.told.tell(Sign::Loop);
        }
    }

    fn keyword(&mut self, key: &str, value: String) {
        match key {
            "run_name" if self.run_name.is_none() && !value.is_empty() => self.run_name = Some(value),
            "report_to" if value == "wandb" => {
                self.told.writes.insert("wandb");
            }
            "report_to" if value == "tensorboard" => {
                self.told.writes.insert("tensorboard");
            }
            _ => {}
        }
    }

    /// A name with its first part replaced by what was imported under it.
    fn resolved(&self, path: &str) -> String {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        match (self.aliases.get(first), rest) {
            (Some(full), Some(rest)) => format!("{full}.{rest}"),
            (Some(full), None) => full.clone(),
            (None, _) => path.to_owned(),
        }
    }
}

/// The dotted name that tokens begin with, and how many of them it is.
fn dotted(tokens: &[Token]) -> Option<(String, usize)> {
    /// Longest that is followed.
    const PARTS: usize = 12;
    let mut path = tokens.first().filter(|token| token.sort == Sort::Name).map(text)?;
    let mut used = 1usize;
    for pair in tokens.get(1..).unwrap_or_default().chunks(2).take(PARTS) {
        let [dot, name] = pair else { break };
        if !dot.is(".") || name.sort != Sort::Name {
            break;
        }
        path.push('.');
        path.push_str(&text(name));
        used = used.saturating_add(2);
    }
    Some((path, used))
}

/// `as x`
fn alias(tokens: &[Token]) -> Option<String> {
    let name = tokens.get(1).filter(|token| token.sort == Sort::Name)?;
    tokens.first().filter(|word| word.is("as")).map(|_| text(name))
}

/// `task_id="x"` among the arguments of a call.
fn task_id(call: &[Token]) -> Option<String> {
    /// It is among the first.
    const NEAR: usize = 60;
    let near = call.get(..NEAR).unwrap_or(call);
    let found = near.windows(3).find_map(|part| match part {
        [key, sign, value] if key.is("task_id") && sign.is("=") && value.sort == Sort::Text => Some(text(value)),
        _ => None,
    });
    found.filter(|task| !task.is_empty())
}

/// What stands behind the colon of a statement that is all on one line.
fn one_line_body<'t, 's>(tokens: &'t [Token<'s>]) -> Option<&'t [Token<'s>]> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.sort == Sort::Sign) {
        match token.text {
            b"(" | b"[" | b"{" => depth = depth.saturating_add(1),
            b")" | b"]" | b"}" => depth = depth.saturating_sub(1),
            b":" if depth == 0 => return tokens.get(at.saturating_add(1)..).filter(|body| !body.is_empty()),
            _ => {}
        }
    }
    None
}

fn text(token: &Token) -> String {
    /// What is longer is no name and no path.
    const LONGEST: usize = 1000;
    String::from_utf8_lossy(token.text.get(..LONGEST).unwrap_or(token.text)).into_owned()
}

fn keep(list: &mut Vec<String>, value: String) {
    if list.len() < MAX_KEPT && !value.is_empty() && !list.contains(&value) {
        list.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> Outline {
        let mut outline = Outline::default();
        outline.read(text.as_bytes());
        outline
    }

    #[test]
    fn imports_by_their_top_level_module() {
        let found = outline(
            "import os, torch.nn as nn\nfrom torch.utils import (data as d,\n  tensorboard)\ntry: import wandb\nexcept: pass\n\
             from .model import Net\nfrom ..x import y\nif 1:\n    import numpy as np\n'import not_this'\n# import nor_this\n",
        );
        assert_eq!(found.modules, ["torch", "wandb", "numpy"]);
        assert_eq!(found.levels_up, 2);
        assert_eq!(found.resolved("nn.Linear"), "torch.nn.Linear");
        assert_eq!(found.resolved("d.Dataset"), "torch.utils.data.Dataset");
        assert_eq!(found.resolved("Net"), ".model.Net");
    }

    #[test]
    fn classes_and_functions_of_the_top_level() {
        let found = outline(
            "from torch import nn\nclass A(nn.Module):\n    model_type = 'acme'\n    def forward(self, x): return x\n    class In: pass\n\
             class B(A, metaclass=M):\n    pass\ndef f(a='/data/x.pt'):\n    def g(): pass\nif 1:\n    async def h(): pass\n",
        );
        assert_eq!(found.classes, ["A", "B"]);
        assert_eq!(found.functions, ["f", "h"]);
        assert_eq!(found.model_type.as_deref(), Some("acme"));
        assert_eq!(found.told.count(Sign::Module), 2);
        assert_eq!(found.paths, ["/data/x.pt"]);
    }

    #[test]
    fn calls_by_their_full_names() {
        let found = outline(
            "import torch as t, wandb\nloss(x).backward()\nself.opt.step()\nt.save(m, 'out/last.pt')\nwandb.init(name=1)\n\
             m.load_state_dict(t.load('/data/init.ckpt'))\nargs = dict(run_name='base')\n",
        );
        assert!(found.told.has(Sign::Backward) && found.told.has(Sign::Step) && found.told.has(Sign::LoadPath));
        assert_eq!(found.told.writes.iter().copied().collect::<Vec<_>>(), ["checkpoint", "wandb"]);
        assert_eq!(found.paths, ["out/last.pt", "/data/init.ckpt"]);
        assert_eq!(found.run_name.as_deref(), Some("base"));
    }
}
