//! What calls, lists and pairs say inside of a unit: assertions, pauses, doubles, skips, rows.

use tree_sitter::Node;

use super::Reader;
use crate::weakening::model::{Amount, Mark, Silence};
use crate::weakening::tokens::{Token, chain, line_of, number, words};
use crate::weakening::{assertions, habits};

/// The longest call that is looked at as an assertion.
pub(super) const CALL_BYTES_MAX: usize = 16 * 1024;

/// The longest name that is taken for one.
const NAME_BYTES_MAX: usize = 200;

/// Fewer than this many rows are no table.
const ROWS_MIN: usize = 2;

/// Whether a call by a name that other functions have as well makes a double: `double("mailer")`
/// and not `double(2)`, `allow(x).to receive(:send)` and not `receive(channel)`.
fn is_double(name: &str, args: &[Token<'_>]) -> bool {
    let first = args.first().map_or("", |token| token.text);
    let (receiver, last) = name.rsplit_once('.').unwrap_or(("", name));
    match last {
        "receive" => first.starts_with(':'),
        "double" => first.is_empty() || first.starts_with([':', '"', '\'']),
        // An HTTP client has one, too.
        "patch" => receiver.is_empty() || receiver.to_lowercase().contains("mock"),
        _ => true,
    }
}

impl Reader<'_> {
    /// What a call says: an assertion, a pause, a double, a skip, or the name of a helper.
    pub fn call(&mut self, node: Node<'_>) {
        let is_inner = self.outer_call == Some(node.start_byte());
        self.outer_call = Some(node.start_byte());
        if is_inner || node.byte_range().len() > CALL_BYTES_MAX {
            return;
        }
        let tokens = self.tokens(node);
        let (links, rest) = chain(&tokens);
        if let (Some(last), true) = (links.last(), links.len() <= 2) {
            // A helper may be called like an assertion.
            let called = last.name.to_owned();
            self.unit().calls.push(called);
        }
        if let Some(assertion) = assertions::of_call(&tokens) {
            if node.start_byte() >= self.quiet_end || assertion.verb != "fail" {
                self.assertion_end = self.assertion_end.max(node.end_byte());
                self.assert(assertion, node);
            }
            return;
        }
        let Some(last) = links.last() else { return };
        let line = line_of(node);
        let name = links.iter().map(|link| link.name).collect::<Vec<_>>().join(".");
        let args = last.args.unwrap_or(rest);
        let is_in_hook = !self.is_in_unit() && !self.scopes.is_empty();
        if habits::is_mock(&name) && is_double(&name, args) && (self.is_in_unit() || is_in_hook)
            || habits::is_module_mock(&name)
        {
            let text = words(&tokens);
            self.unit().mocks.push(Mark { text, line });
        }
        // What is written with `::` has its dots here.
        let is_spawn = || name.ends_with("spawn") && habits::is_detached(&name.replace('.', "::"));
        if habits::is_detached(&name) || is_spawn() {
            self.unit().set_going += 1;
        }
        self.unit().joins += usize::from(habits::is_join(&name));
        if habits::is_skip(&name) {
            let mark = Mark { text: words(&tokens), line };
            self.unit().skips.push(mark);
        }
        if habits::is_wait(&name) {
            self.amounts(&name, args, line);
        }
        if habits::is_retry(&name) {
            let value = args.iter().find_map(|token| number(token.text)).unwrap_or(1.0);
            self.unit().retries.push(Amount { of: name.clone(), value, line });
        }
        if habits::is_case(&name) {
            let text = words(&tokens);
            self.unit().cases.push(Mark { text, line });
        }
        if habits::is_exit(&name) && matches!(words(args).as_str(), "" | "0" | "true") {
            let mark = Mark { text: words(&tokens), line };
            self.silence(Silence::Exit, "exit", mark);
        }
    }

    /// A function that is put in the place of another: `weigh = func(…) { … }`.
    pub(super) fn replaces(&mut self, node: Node<'_>, kind: &str) {
        const ASSIGNS: [&str; 3] = ["assignment_statement", "assignment", "assignment_expression"];
        const FUNCTIONS: [&str; 5] =
            ["func_literal", "lambda", "arrow_function", "function_expression", "function"];
        if !ASSIGNS.contains(&kind) || !self.is_in_unit() {
            return;
        }
        let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        let (Some(left), Some(right)) = (left, right) else { return };
        // A list of one, in Go.
        let value =
            if right.kind() == "expression_list" { right.named_child(0) } else { Some(right) };
        let is_function = value.is_some_and(|value| FUNCTIONS.contains(&value.kind()));
        let name = self.text(left);
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_shared = node.kind() == "assignment_statement" || name.contains('.');
        // What is told when something happens is not replaced by that.
        let is_handler = last.starts_with("on") || last.starts_with("On");
        if is_function && is_shared && !is_handler && name.len() <= NAME_BYTES_MAX {
            let mark = Mark { text: format!("{name} ="), line: line_of(node) };
            self.unit().mocks.push(mark);
        }
    }

    /// The numbers of a call that waits.
    fn amounts(&mut self, name: &str, args: &[Token<'_>], line: u32) {
        let scale = habits::unit_of(name)
            * args.iter().map(|token| habits::unit_of(token.text)).product::<f64>();
        let numbers: Vec<f64> = args.iter().filter_map(|token| number(token.text)).collect();
        let of = habits::family(name);
        if let Some(value) = numbers.last() {
            self.unit().waits.push(Amount { of, value: value * scale, line });
        }
    }

    /// Rows of a table: elements that are lists or records themselves.
    pub(super) fn list(&mut self, node: Node<'_>, rows: &[&str]) {
        let mut cursor = node.walk();
        let found: Vec<Mark> = node
            .named_children(&mut cursor)
            .filter(|child| rows.contains(&child.kind()))
            .map(|child| self.mark(child))
            .collect();
        self.add_cases(node, found);
    }

    /// Takes up the rows of a table, unless the table is a value in an assertion.
    pub fn add_cases(&mut self, table: Node<'_>, rows: Vec<Mark>) {
        if rows.len() >= ROWS_MIN && table.start_byte() >= self.assertion_end {
            self.unit().cases.extend(rows);
        }
    }

    /// Calls that fail a test are counted already, up to that byte.
    pub fn quiet_until(&mut self, end: usize) {
        self.quiet_end = self.quiet_end.max(end);
    }

    /// A name with a value: `timeout: 500`, `retries=3`.
    pub(super) fn pair(&mut self, node: Node<'_>) {
        let tokens = self.tokens(node);
        let Some(name) = tokens.first().map(|token| token.text.trim_matches(['"', '\''])) else {
            return;
        };
        self.setting(name, &tokens[1..], line_of(node));
    }

    /// A setting of a test, wherever it stands.
    pub fn setting(&mut self, name: &str, value: &[Token<'_>], line: u32) {
        let Some(amount) = value.iter().find_map(|token| number(token.text)) else { return };
        if habits::is_wait(name) {
            let scale = value.iter().map(|token| habits::unit_of(token.text)).product::<f64>();
            self.unit().waits.push(Amount {
                of: habits::family(name),
                value: amount * scale,
                line,
            });
        }
        if habits::is_retry(name) {
            self.unit().retries.push(Amount { of: habits::family(name), value: amount, line });
        }
    }
}
