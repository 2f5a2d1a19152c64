//! Names and what they stand for: what a value is called, what a function is given, and what is
//! given to helpers.
//!
//! The invariant: a name that gets a second value stands for none.

use tree_sitter::Node;

use super::Reader;
use super::tables::{PARENTS_MAX, ROWS_MAX, VALUE_BYTES_MAX};
use crate::weakening::model::Mark;
use crate::weakening::tokens::line_of;

/// The most names of a unit that are kept.
pub const NAMES_MAX: usize = 200;

impl Reader<'_> {
    /// A function that is called by its name alone.
    pub(super) fn given(&mut self, node: Node<'_>) {
        let callee = ["function", "method", "name"]
            .iter()
            .find_map(|field| node.child_by_field_name(field))
            .filter(|callee| callee.kind().ends_with("identifier"));
        let has_receiver = ["receiver", "object"]
            .iter()
            .filter_map(|field| node.child_by_field_name(field))
            .any(|at| !matches!(self.text(at), "self" | "this"));
        let arguments = node.child_by_field_name("arguments");
        let (Some(callee), Some(arguments), false) = (callee, arguments, has_receiver) else {
            return;
        };
        if self.unit().given.len() >= ROWS_MAX || arguments.byte_range().len() > VALUE_BYTES_MAX {
            return;
        }
        // Only what always happens.
        if self.conditions.last().copied().unwrap_or(0) > 0 {
            return;
        }
        let inside = self.mark(arguments).text;
        let inside = if inside.starts_with('(') { inside } else { format!("( {inside} )") };
        let text = format!("{} {inside}", self.text(callee));
        self.unit().given.push(Mark { text, line: line_of(node) });
    }

    /// The names of what a function is given, and what the groups around it are given.
    pub(super) fn parameters(&self, body: Node<'_>) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = body;
        for _ in 0..PARENTS_MAX {
            let Some(parent) = self.parent(at) else { break };
            let list = ["parameters", "parameter"]
                .iter()
                .find_map(|field| parent.child_by_field_name(field))
                .filter(|list| list.byte_range().len() < VALUE_BYTES_MAX);
            if let Some(list) = list {
                let tokens = self.tokens(list);
                names.extend(tokens.iter().filter(|it| it.is_name()).map(|it| it.text.to_owned()));
            }
            // Around a function only groups are looked at that are blocks themselves.
            if !matches!(parent.kind(), "do_block" | "block" | "call" | "body_statement") {
                break;
            }
            at = parent;
        }
        names
    }

    /// A name that is given to a value.
    pub(super) fn name(&mut self, node: Node<'_>) {
        let field = |names: &[&str]| names.iter().find_map(|name| node.child_by_field_name(name));
        let name = field(&["pattern", "name", "left"]);
        let value = field(&["value", "right"]).or_else(|| {
            (node.kind() == "variable_declarator").then(|| node.named_child(1)).flatten()
        });
        let (Some(name), Some(value)) = (name, value) else { return };
        if matches!(name.kind(), "object_pattern" | "struct_pattern") {
            self.fields(name, value);
            return;
        }
        let is_long = value.byte_range().len() > VALUE_BYTES_MAX;
        let name = self.text(name).trim_start_matches("mut ");
        if name.contains(',') && name.len() < VALUE_BYTES_MAX {
            // Of several names at once none stands for the value, but for one that comes with its
            // error.
            let names: Vec<&str> =
                name.trim_matches(['(', ')']).split(',').map(str::trim).collect();
            let is_with_error = matches!(names.as_slice(), [_, "err" | "_" | "ok" | "error"]);
            for (at, name) in names.into_iter().enumerate() {
                let is_it = at == 0 && is_with_error && name != "_";
                let value = if is_it && !is_long { self.mark(value).text } else { String::new() };
                self.keep(name.to_owned(), value);
            }
            return;
        }
        let value = if is_long { String::new() } else { self.mark(value).text };
        if name.len() < VALUE_BYTES_MAX {
            self.keep(name.to_owned(), value);
        }
    }

    /// Names that are given to fields: `let Point { x, y } = parse(text)`.
    fn fields(&mut self, pattern: Node<'_>, value: Node<'_>) {
        if pattern.byte_range().len() + value.byte_range().len() > VALUE_BYTES_MAX {
            return;
        }
        let value = self.mark(value).text;
        let mut cursor = pattern.walk();
        let inside: Vec<Node<'_>> = pattern.named_children(&mut cursor).collect();
        for field in inside {
            let name = self.text(field);
            let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if is_plain && name.starts_with(|c: char| c.is_lowercase() || c == '_') {
                let value = format!("{value} . {name}");
                self.keep(name.to_owned(), value);
            }
        }
    }

    /// Keeps a name and its value; what gets a second value has none that can be relied on.
    fn keep(&mut self, name: String, value: String) {
        let names = &mut self.unit().names;
        if let Some((_, known)) = names.iter_mut().find(|(known, _)| *known == name) {
            known.clear();
        } else if names.len() < NAMES_MAX {
            names.push((name, value));
        }
    }
}
