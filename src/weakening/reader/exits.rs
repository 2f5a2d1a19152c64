//! Where a test ends before its end, and what its constants let pass.
//!
//! Not where it always ends, which the start of a unit finds. The invariant: what leaves another
//! function than the unit's own does not leave the unit.

use tree_sitter::Node;

use super::Reader;
use super::flow::RETURNS;
use crate::weakening::habits;
use crate::weakening::model::{Amount, Mark};
use crate::weakening::tokens::{line_of, number};

/// Nodes that are functions, or blocks that are left like one.
const FUNCTIONS: &[&str] = &[
    "function_item",
    "closure_expression",
    "async_block",
    "function_definition",
    "lambda",
    "function_declaration",
    "generator_function",
    "generator_function_declaration",
    "function_expression",
    "arrow_function",
    "method_definition",
    "method_declaration",
    "constructor_declaration",
    "local_function_statement",
    "anonymous_method_expression",
    "lambda_expression",
    "func_literal",
    "method",
    "singleton_method",
    "do_block",
    "block",
];

/// Nodes under which something happens only sometimes, in all languages.
const CONDITIONS: &[&str] = &[
    "if_statement",
    "if_expression",
    "if_modifier",
    "unless_modifier",
    "if",
    "unless",
    "let_declaration",
    "match_arm",
    "match_expression",
    "match_statement",
    "switch_statement",
    "switch_expression",
    "expression_switch_statement",
    "case",
    "case_statement",
    "except_clause",
    "catch_clause",
    "rescue",
    "elif_clause",
    "else_clause",
];

/// How far up is looked for the function that is left.
const ABOVE_MAX: usize = 40;

/// How many of the last assertions may say that a test has failed already.
const LOOK_BACK: usize = 8;

/// What is given back where a test ends as well as it can.
const NOTHING: &[&str] = &["Ok", "Promise.resolve", "Task.FromResult"];

/// Nodes that give something a name.
const NAMED: &[&str] = &[
    "const_item",
    "static_item",
    "let_declaration",
    "variable_declarator",
    "const_spec",
    "var_spec",
    "short_var_declaration",
    "assignment",
    "assignment_statement",
];

/// The longest value of a constant that is looked at.
const VALUE_BYTES_MAX: usize = 200;

impl Reader<'_> {
    /// Takes note of a node that leaves the unit on a condition.
    pub(super) fn exit(&mut self, node: Node<'_>, kind: &str) {
        if kind == "go_statement" {
            self.unit().set_going += 1;
        }
        if !(RETURNS.contains(&kind) || kind == "next") || self.hands_over(node) {
            return;
        }
        let Some((function, condition)) = self.left_by(node) else {
            // So deep that nobody would see what is left.
            let mark = self.mark(node);
            self.unit().exits.push(mark);
            return;
        };
        let Some(condition) = condition else { return };
        let body = function.child_by_field_name("body").unwrap_or(function).start_byte();
        let head = self.text(condition).lines().next().unwrap_or_default().trim();
        let mark = Mark { text: head.to_owned(), line: line_of(node) };
        let is_of_group = !self.is_in_unit() && !self.scopes.is_empty();
        if is_of_group && node.named_child_count() == 0 {
            self.unit().skips.push(mark);
            return;
        }
        let since = line_of(condition);
        let is_own = self.bodies.last().is_some_and(|own| own.start == body);
        let unit = self.unit();
        // Who says that it failed may go.
        let before = unit.assertions.iter().rev().take(LOOK_BACK);
        let has_failed = before.take_while(|it| it.line >= since).any(|it| it.line <= mark.line);
        if is_own && !has_failed {
            unit.exits.push(mark);
        }
    }

    /// Whether what is given back says how the test ended: `return done(error)`.
    fn hands_over(&self, node: Node<'_>) -> bool {
        let Some(value) = node.named_child(0) else { return false };
        let text = self.text(value);
        let name = text.split_once('(').map(|(name, _)| name.trim());
        name.is_some_and(|name| !NOTHING.contains(&name))
    }

    /// A constant that says how far off a value may be, or how long or often something is tried.
    pub(super) fn constant(&mut self, node: Node<'_>, kind: &str) {
        if !NAMED.contains(&kind) {
            return;
        }
        let of = |names: [&str; 3]| names.iter().find_map(|name| node.child_by_field_name(name));
        let name = of(["name", "left", "pattern"]).map_or("", |at| self.text(at));
        let last = u32::try_from(node.named_child_count())
            .ok()
            .and_then(|count| node.named_child(count.checked_sub(1)?));
        let Some(value) = of(["value", "right", "value"]).or(last) else { return };
        if value.byte_range().len() > VALUE_BYTES_MAX {
            return;
        }
        let line = line_of(node);
        if habits::is_tolerance(name) {
            let tokens = self.tokens(value);
            if let Some(value) = tokens.iter().find_map(|token| number(token.text)) {
                let scale = tokens.iter().map(|token| habits::unit_of(token.text)).product::<f64>();
                let amount = Amount { of: name.to_owned(), value: value * scale, line };
                self.unit().tolerances.push(amount);
            }
        } else if name.chars().all(|c| !c.is_lowercase()) {
            let tokens = self.tokens(value);
            self.setting(name, &tokens, line);
        }
    }

    /// The function that a node leaves, and the innermost condition on which it does.
    fn left_by<'t>(&self, node: Node<'t>) -> Option<(Node<'t>, Option<Node<'t>>)> {
        let mut condition = None;
        let mut at = self.parent(node)?;
        for _ in 0..ABOVE_MAX {
            // A block of another language is no function of its own.
            let is_function = FUNCTIONS.contains(&at.kind())
                && (at.kind() != "block" || at.child_by_field_name("body").is_some());
            if is_function {
                return Some((at, condition));
            }
            if condition.is_none() && CONDITIONS.contains(&at.kind()) {
                condition = Some(at);
            }
            at = self.parent(at)?;
        }
        None
    }
}
