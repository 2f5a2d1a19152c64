//! The list of fixers, whose items are a word or one of five groups of keys.

use super::checked::{Reader, join};
use super::keys::TEXT_CHARS_MAX;
use super::raw::{Node, Value};
use crate::domain::agent::{AgentName, is_model_name};
use crate::domain::brief::FixerSpec;
use crate::domain::granularity::{Granularity, ModelChoice};

/// The most fixers of one repository: each is tried on every failure that it answers.
pub(super) const FIXERS_MAX: usize = 10;
/// The most characters of a fixer's or recipe's name: it stands in trailers and tables.
pub(super) const FIXER_NAME_CHARS_MAX: usize = 50;
/// What a model's name may be, in words.
const MODEL_FORM: &str =
    "at most 200 letters, digits, `-`, `_`, `.`, `:`, `/` and `@`, not beginning with `-`";
/// What a model may be, in words.
const CHOICE_FORM: &str = "is a name, or one for each of `trivial`, `simple` and `complex`";
const FIXER_NAME_FORM: &str = "at most 50 letters, digits, `-`, `_` and `.`";

/// What a fixer may be, in words.
pub(super) fn fixer_form() -> String {
    format!(
        "`recipes`, an agent ({}), `{{recipes: [name, …]}}`, `{{agent: name, model: …}}`, \
         `{{acp: \"…\", name: …, model: …}}`, `{{agentapi: \"…\", name: …, model: …}}` or \
         `{{command: \"…\", name: …}}`",
        agents()
    )
}

/// The agents' names, in words.
pub(super) fn agents() -> String {
    let names: Vec<String> = AgentName::all().map(|name| format!("`{}`", name.as_str())).collect();
    names.join(", ")
}

impl Reader<'_> {
    /// Reads the list.
    pub(super) fn fixers(&mut self, path: &str, node: &Node) {
        let Some(items) = self.items(path, node, &format!("each {}", fixer_form())) else { return };
        if items.is_empty() {
            let none = "are lists of at least 1; to switch selfheal off, write `enabled: false`";
            return self.refused(path, node, none);
        }
        if items.len() > FIXERS_MAX {
            return self.refused(path, node, &format!("are lists of at most {FIXERS_MAX}"));
        }
        let mut fixers: Vec<FixerSpec> = Vec::new();
        for (path, item) in items {
            let Some(fixer) = self.fixer(&path, item) else { continue };
            if fixers.iter().any(|earlier| name_of(earlier) == name_of(&fixer)) {
                let allowed = "is each fixer once; give commands a `name` of their own";
                self.refused(&path, item, allowed);
            }
            fixers.push(fixer);
        }
        self.draft.policy.fixers = fixers;
    }

    fn fixer(&mut self, path: &str, node: &Node) -> Option<FixerSpec> {
        if matches!(&node.value, Value::Text(text) if text == "recipes") {
            return Some(FixerSpec::Recipes { only: Vec::new() });
        }
        if let Value::Text(text) = &node.value
            && let Some(agent) = AgentName::parse(text)
        {
            return Some(FixerSpec::Agent { agent, model: None });
        }
        let Value::Map(entries) = &node.value else {
            self.refused(path, node, &format!("is {}", fixer_form()));
            return None;
        };
        let kinds = ["recipes", "agent", "acp", "agentapi", "command"];
        let known = [&kinds[..], &["name", "model"]].concat();
        let before = self.problems.len();
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            self.unknown(&join(path, &key.name), key, &known);
        }
        if self.problems.len() > before {
            return None;
        }
        let of =
            |name: &str| entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
        let mut named = kinds.into_iter().filter_map(|kind| Some((kind, of(kind)?)));
        match (named.next(), named.next(), of("name"), of("model")) {
            (Some(("recipes", node)), None, None, None) => {
                self.recipes(&join(path, "recipes"), node)
            }
            (Some(("agent", node)), None, None, model) => self.agent(path, node, model),
            (Some((kind @ ("acp" | "agentapi"), node)), None, name, model) => {
                let run = self.run(&join(path, kind), node)?;
                let name = self.name(path, name, kind)?;
                let model = match model {
                    None => None,
                    Some(model) => Some(self.model(path, model)?),
                };
                Some(match kind {
                    "acp" => FixerSpec::Acp { name, run, model },
                    _ => FixerSpec::AgentApi { name, run, model },
                })
            }
            (Some(("command", node)), None, name, None) => {
                let run = self.run(&join(path, "command"), node)?;
                let name = self.name(path, name, "command")?;
                Some(FixerSpec::Command { name, run })
            }
            _ => {
                self.refused(path, node, &format!("is {}", fixer_form()));
                None
            }
        }
    }

    fn agent(&mut self, path: &str, agent: &Node, model: Option<&Node>) -> Option<FixerSpec> {
        let known = agent.as_text(self.source).and_then(|name| AgentName::parse(&name));
        let Some(known) = known else {
            self.refused(&join(path, "agent"), agent, &format!("are {}", agents()));
            return None;
        };
        let model = match model {
            None => None,
            Some(model) => Some(self.model(path, model)?),
        };
        Some(FixerSpec::Agent { agent: known, model })
    }

    /// A model's name, or one for each granularity.
    fn model(&mut self, path: &str, node: &Node) -> Option<ModelChoice> {
        let path = join(path, "model");
        let Value::Map(entries) = &node.value else {
            return self.model_name(&path, node).map(ModelChoice::One);
        };
        if entries.is_empty() {
            self.refused(&path, node, CHOICE_FORM);
            return None;
        }
        let known = Granularity::WORKED_ON.map(Granularity::as_str);
        let (mut trivial, mut simple, mut complex) = (None, None, None);
        for (key, node) in entries {
            let path = join(&path, &key.name);
            let slot = match key.name.as_str() {
                "trivial" => &mut trivial,
                "simple" => &mut simple,
                "complex" => &mut complex,
                _ => {
                    self.unknown(&path, key, &known);
                    return None;
                }
            };
            *slot = Some(self.model_name(&path, node)?);
        }
        Some(ModelChoice::Each { trivial, simple, complex })
    }

    fn model_name(&mut self, path: &str, node: &Node) -> Option<String> {
        let model = node.as_text(self.source).filter(|model| is_model_name(model));
        if model.is_none() {
            self.refused(path, node, &format!("are {MODEL_FORM}"));
        }
        model
    }

    fn recipes(&mut self, path: &str, node: &Node) -> Option<FixerSpec> {
        let mut only = Vec::new();
        for (path, item) in self.items(path, node, "each the name of a recipe")? {
            match item.as_text(self.source).filter(|name| is_fixer_name(name)) {
                Some(name) => only.push(name),
                None => self.refused(&path, item, &format!("are {FIXER_NAME_FORM}")),
            }
        }
        Some(FixerSpec::Recipes { only })
    }

    /// A line for the shell.
    fn run(&mut self, path: &str, node: &Node) -> Option<String> {
        let run = node.as_text(self.source).filter(|run| {
            !run.trim().is_empty() && !run.contains('\0') && run.chars().count() <= TEXT_CHARS_MAX
        });
        if run.is_none() {
            let allowed = format!("is a command of at most {TEXT_CHARS_MAX} characters");
            self.refused(path, node, &allowed);
        }
        run
    }

    /// The name of a fixer that people made themselves.
    fn name(&mut self, path: &str, node: Option<&Node>, otherwise: &str) -> Option<String> {
        let Some(node) = node else { return Some(otherwise.to_owned()) };
        let name = node.as_text(self.source).filter(|name| is_fixer_name(name));
        if name.is_none() {
            let allowed = format!("are {FIXER_NAME_FORM}");
            self.refused(&join(path, "name"), node, &allowed);
        }
        name
    }
}

/// The name under which a fixer appears in receipts.
fn name_of(fixer: &FixerSpec) -> &str {
    match fixer {
        FixerSpec::Recipes { .. } => "recipes",
        FixerSpec::Command { name, .. }
        | FixerSpec::Acp { name, .. }
        | FixerSpec::AgentApi { name, .. } => name,
        FixerSpec::Agent { agent, .. } => agent.as_str(),
    }
}

fn is_fixer_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= FIXER_NAME_CHARS_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
