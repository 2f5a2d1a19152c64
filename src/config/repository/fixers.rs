//! The list of fixers, whose items have three forms.

use super::checked::{Reader, join};
use super::keys::TEXT_CHARS_MAX;
use super::raw::{Node, Value};
use crate::domain::brief::FixerSpec;

/// The most fixers of one repository: each is tried on every failure that it answers.
pub(super) const FIXERS_MAX: usize = 10;
/// The most characters of a fixer's or recipe's name: it stands in trailers and tables.
pub(super) const FIXER_NAME_CHARS_MAX: usize = 50;
/// What a fixer may be, in words.
pub(super) const FIXER_FORM: &str =
    "`recipes`, `{recipes: [name, …]}` or `{command: \"…\", name: …}`";
const FIXER_NAME_FORM: &str = "at most 50 letters, digits, `-`, `_` and `.`";

impl Reader<'_> {
    /// Reads the list.
    pub(super) fn fixers(&mut self, path: &str, node: &Node) {
        let Some(items) = self.items(path, node, &format!("each {FIXER_FORM}")) else { return };
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
        let Value::Map(entries) = &node.value else {
            self.refused(path, node, &format!("is {FIXER_FORM}"));
            return None;
        };
        let known = ["recipes", "command", "name"];
        let before = self.problems.len();
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            self.unknown(&join(path, &key.name), key, &known);
        }
        if self.problems.len() > before {
            return None;
        }
        let of =
            |name: &str| entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node);
        match (of("recipes"), of("command"), of("name")) {
            (Some(recipes), None, None) => self.recipes(&join(path, "recipes"), recipes),
            (None, Some(command), name) => self.command(path, command, name),
            (Some(_), _, _) | (None, None, _) => {
                self.refused(path, node, &format!("is {FIXER_FORM}"));
                None
            }
        }
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

    fn command(&mut self, path: &str, command: &Node, name: Option<&Node>) -> Option<FixerSpec> {
        let run = command.as_text(self.source).filter(|run| {
            !run.trim().is_empty() && !run.contains('\0') && run.chars().count() <= TEXT_CHARS_MAX
        });
        let Some(run) = run else {
            let allowed = format!("is a command of at most {TEXT_CHARS_MAX} characters");
            self.refused(&join(path, "command"), command, &allowed);
            return None;
        };
        let name = match name {
            None => Some("command".to_owned()),
            Some(node) => {
                let name = node.as_text(self.source).filter(|name| is_fixer_name(name));
                if name.is_none() {
                    let allowed = format!("are {FIXER_NAME_FORM}");
                    self.refused(&join(path, "name"), node, &allowed);
                }
                name
            }
        };
        name.map(|name| FixerSpec::Command { name, run })
    }
}

/// The name under which a fixer appears in receipts.
fn name_of(fixer: &FixerSpec) -> &str {
    match fixer {
        FixerSpec::Recipes { .. } => "recipes",
        FixerSpec::Command { name, .. } => name,
    }
}

fn is_fixer_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= FIXER_NAME_CHARS_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
