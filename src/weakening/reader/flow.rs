//! In which order a test runs: its loops, where it leaves them, what it waits for, and what it sets
//! going without waiting.

use tree_sitter::Node;

use super::Reader;
use crate::weakening::habits;
use crate::weakening::model::Mark;
use crate::weakening::tokens::{last_line_of, line_of};

/// Nodes that are loops over something, in all languages.
pub(super) const LOOPS: &[&str] = &[
    "for_statement",
    "for_expression",
    "for_in_statement",
    "enhanced_for_statement",
    "foreach_statement",
    "for",
];

/// Nodes that leave a loop, or a round of it.
const LEAVES: &[&str] = &[
    "break_statement",
    "continue_statement",
    "break_expression",
    "continue_expression",
    "break",
    "next",
];

/// Nodes that leave a function.
pub(super) const RETURNS: &[&str] = &["return_statement", "return_expression", "return"];

/// Nodes that handle an error.
const HANDLERS: &[&str] = &["catch_clause", "except_clause", "rescue"];

/// The longest head of a loop, and the longest name of a function, that are looked at.
const HEAD_BYTES_MAX: usize = 400;

impl Reader<'_> {
    /// Takes note of what a node says about the order of things; whether it is a loop.
    pub(super) fn flow(&mut self, node: Node<'_>, kind: &str) -> bool {
        if LEAVES.contains(&kind) || RETURNS.contains(&kind) {
            self.unit().ends.push(line_of(node));
        }
        match kind {
            "await_expression" | "await" | "return_statement" => {
                let waited = node.named_child(0).map(|waited| waited.start_byte());
                self.waited_at = waited.unwrap_or(self.waited_at);
            }
            "arrow_function" => {
                let body = node.child_by_field_name("body").map(|body| body.start_byte());
                self.waited_at = body.unwrap_or(self.waited_at);
            }
            "expression_statement" => self.statement = node.byte_range(),
            _ if LEAVES.contains(&kind) => {
                if let Some(until) = self.loops.last().copied() {
                    self.unit().leaves.push((line_of(node), until));
                }
            }
            _ => {}
        }
        if !LOOPS.contains(&kind) {
            return false;
        }
        let body = node.child_by_field_name("body").map_or(node.end_byte(), |at| at.start_byte());
        let head = self.source.get(node.start_byte()..body).unwrap_or_default();
        if head.len() <= HEAD_BYTES_MAX {
            let text = head.split_whitespace().collect::<Vec<_>>().join(" ");
            self.unit().loops.push(Mark { text, line: line_of(node) });
        }
        self.loops.push(last_line_of(node));
        true
    }

    /// What is caught of what is attempted around a failure: who fails there says that something
    /// is refused before.
    pub(super) fn attempted(&self, failure: Node<'_>) -> Option<Vec<String>> {
        const PARENTS_MAX: usize = 6;
        let mut at = failure;
        for _ in 0..PARENTS_MAX {
            let parent = self.parent(at)?;
            // What handles it is not what is attempted.
            if HANDLERS.contains(&at.kind()) {
                return None;
            }
            let mut cursor = parent.walk();
            let handler =
                parent.named_children(&mut cursor).find(|it| HANDLERS.contains(&it.kind()));
            if let Some(handler) = handler {
                // What is caught stands on its first line.
                let head = self.text(handler).lines().next().unwrap_or_default();
                let head = head.split('{').next().unwrap_or_default();
                let words = head.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')));
                let is_kind = |word: &&str| word.starts_with(char::is_uppercase);
                return Some(words.filter(is_kind).map(str::to_owned).collect());
            }
            at = parent;
        }
        None
    }

    /// Whether a call sets something going for which nobody waits: what fails in it fails unseen.
    pub(super) fn is_set_going(&self, node: Node<'_>) -> bool {
        let is_statement =
            node.start_byte() == self.statement.start && node.end_byte() + 1 >= self.statement.end;
        if !is_statement {
            return false;
        }
        let text = self.text(node);
        let name = text.split_once('(').map_or("", |(name, _)| name);
        if name.len() > HEAD_BYTES_MAX {
            return false;
        }
        let is_started = text.ends_with(".start()") || text.ends_with(".Start()");
        let of = |field: &str| node.child_by_field_name(field);
        // What is called on the result may wait for it.
        let is_last = || of("function").is_none_or(|at| !self.text(at).contains('('));
        let is_follow_up = || {
            let method = of("name").or_else(|| of("function")).map_or("", |at| self.text(at));
            habits::is_follow_up(method.rsplit(['.', ' ', '\n']).next().unwrap_or_default())
        };
        habits::is_detached(name) && is_last()
            || habits::is_thread(name) && is_started
            || is_follow_up() && !text.contains("done(")
    }
}

/// Where a body returns before its end, on no condition.
pub(super) fn returns_early(source: &str, body: Node<'_>) -> Option<u32> {
    let mut cursor = body.walk();
    let mut statements: Vec<Node<'_>> = body.named_children(&mut cursor).collect();
    // Some grammars put a list of statements between.
    if let [list] = statements.as_slice()
        && matches!(list.kind(), "statement_list" | "body_statement" | "block_body")
    {
        let mut cursor = list.walk();
        statements = list.named_children(&mut cursor).collect();
    }
    statements.retain(|statement| !statement.kind().contains("comment"));
    let (_, before_last) = statements.split_last()?;
    let is_return = |statement: &&Node<'_>| {
        let text = source.get(statement.byte_range()).unwrap_or_default();
        let rest = text.strip_prefix("return");
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    before_last.iter().find(is_return).map(|statement| line_of(*statement))
}
