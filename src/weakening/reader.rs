//! The reader: one walk through a syntax tree that makes a [`Reading`] of it.
//!
//! A language says what a node is ([`Enter`]); everything else is the same for all. The walk has no
//! recursion, because the text is hostile and may be nested as deep as it likes. The invariant:
//! what was opened by a node is closed when the walk leaves it.

mod calls;
mod exits;
mod flow;
pub mod names;
mod parse;
mod rounds;
mod tables;

use std::cell::Cell;
use std::ops::Range;

use tree_sitter::Node;

pub use self::parse::read;

use super::assertions;
use super::model::{Assertion, Include, Mark, Reading, Silence, Silencer, Unit, UnitKind};
use super::tokens::{Token, digest, line_of, tokens, words};

/// The most tokens that are looked at in one file, those of nested calls again for each: thirty
/// times what the longest file of ordinary code has.
const WORK_TOKENS_MAX: usize = 4_000_000;

/// The most assertions of one test that are compared with each other.
const ASSERTIONS_OF_UNIT_MAX: usize = 1_500;

/// The most rows of one table that are compared with each other.
const CASES_OF_UNIT_MAX: usize = 5_000;

/// The most marks of one kind in a file or unit.
const MARKS_MAX: usize = 1_000;

/// What a node is.
#[derive(Debug)]
pub enum Enter {
    /// Nothing in itself; what is in it counts.
    Plain,
    /// Nothing, and nothing in it counts.
    Skip,
    /// What is in it happens only on a condition.
    Condition,
    /// A group of tests.
    Scope(Scope),
    /// A test or a function.
    Unit(Box<Start>),
}

/// A group of tests.
#[derive(Debug, Default)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// What keeps its tests from running.
    pub skips: Vec<Mark>,
    /// What keeps others from running.
    pub focus: Vec<Mark>,
    /// Whether functions in it are found as tests, where that hangs on the group.
    pub is_found: bool,
}

/// A test or a function that begins.
#[derive(Debug)]
pub struct Start {
    /// What it is so far.
    pub unit: Unit,
    /// Where its body stands, in bytes.
    body: Range<usize>,
}

/// What differs between languages.
#[derive(Clone, Copy)]
pub struct Language {
    /// Its grammar.
    pub grammar: fn() -> tree_sitter::Language,
    /// What a node is; marks are given to the reader.
    pub look: fn(&mut Reader<'_>, Node<'_>) -> Enter,
    /// Nodes that are calls.
    pub calls: &'static [&'static str],
    /// Nodes under which things happen only on a condition.
    pub conditions: &'static [&'static str],
    /// Nodes that are lists, and nodes that are rows in them.
    pub rows: (&'static [&'static str], &'static [&'static str]),
    /// Nodes that say a name and a value: keyword arguments, pairs.
    pub pairs: &'static [&'static str],
}

struct Frame {
    depth: u32,
    what: Opened,
}

enum Opened {
    Condition,
    Scope,
    Unit,
    Loop,
}

/// A reading in the making.
pub struct Reader<'s> {
    /// The file's text.
    pub source: &'s str,
    /// Attributes and decorators that belong to what comes next.
    pub pending: Vec<Mark>,
    /// The groups around.
    pub scopes: Vec<Scope>,
    reading: Reading,
    units: Vec<usize>,
    conditions: Vec<u32>,
    /// Where the bodies of the units around stand.
    bodies: Vec<Range<usize>>,
    outer_call: Option<usize>,
    /// Where the last assertion ends: lists in it are values, not rows.
    assertion_end: usize,
    /// Until where calls that fail are counted already.
    quiet_end: usize,
    /// Where the loops around end, by line.
    loops: Vec<u32>,
    /// Where something begins that somebody waits for.
    waited_at: usize,
    /// Where the innermost statement stands that is nothing but an expression.
    statement: Range<usize>,
    /// How deep the walk is.
    depth: u32,
    /// Tokens that were looked at so far, again and again.
    work: Cell<usize>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s str) -> Self {
        let file = Unit::new(UnitKind::File, String::new(), 1);
        Self {
            source,
            pending: Vec::new(),
            scopes: Vec::new(),
            reading: Reading { units: vec![file], ..Reading::default() },
            units: vec![0],
            conditions: vec![0],
            bodies: Vec::new(),
            outer_call: None,
            assertion_end: 0,
            quiet_end: 0,
            loops: Vec::new(),
            waited_at: usize::MAX,
            statement: 0..0,
            depth: 0,
            work: Cell::new(0),
        }
    }

    fn walk(mut self, language: &Language, root: Node<'_>) -> Self {
        let mut frames: Vec<Frame> = Vec::new();
        let mut cursor = root.walk();
        let mut depth = 0_u32;
        loop {
            let node = cursor.node();
            self.depth = depth;
            let descends = !node.is_named() || self.enter(language, node, depth, &mut frames);
            if descends && node.child_count() > 0 && cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            loop {
                while frames.last().is_some_and(|frame| frame.depth == depth) {
                    self.leave(frames.pop());
                }
                if cursor.goto_next_sibling() {
                    break;
                }
                if !cursor.goto_parent() {
                    return self;
                }
                depth -= 1;
            }
        }
    }

    /// Looks at a node; whether its children are to be looked at.
    fn enter(
        &mut self,
        language: &Language,
        node: Node<'_>,
        depth: u32,
        frames: &mut Vec<Frame>,
    ) -> bool {
        let what = match (language.look)(self, node) {
            Enter::Skip => return false,
            Enter::Plain => None,
            Enter::Condition => Some(Opened::Condition),
            Enter::Scope(scope) => {
                self.scopes.push(scope);
                Some(Opened::Scope)
            }
            Enter::Unit(start) => {
                self.begin(*start);
                Some(Opened::Unit)
            }
        };
        let kind = node.kind();
        let is_loop = self.flow(node, kind);
        // A test is a call in some languages, and no other call.
        let is_opened = what.is_some();
        let is_condition = || {
            language.conditions.contains(&kind)
                || language.calls.contains(&kind) && self.is_set_going(node)
        };
        let what = what.or_else(|| is_condition().then_some(Opened::Condition));
        let what = what.or_else(|| is_loop.then_some(Opened::Loop));
        if matches!(what, Some(Opened::Condition))
            && let Some(conditions) = self.conditions.last_mut()
        {
            *conditions += 1;
        }
        if let Some(what) = what {
            frames.push(Frame { depth, what });
        }
        if !is_opened && language.calls.contains(&kind) {
            self.call(node);
        }
        if language.rows.0.contains(&kind) {
            self.list(node, language.rows.1);
        }
        if language.pairs.contains(&kind) {
            self.pair(node);
        }
        self.tabulate(node, kind);
        self.exit(node, kind);
        self.constant(node, kind);
        self.replaces(node, kind);
        true
    }

    fn leave(&mut self, frame: Option<Frame>) {
        match frame.map(|frame| frame.what) {
            Some(Opened::Condition) => {
                if let Some(conditions) = self.conditions.last_mut() {
                    *conditions = conditions.saturating_sub(1);
                }
            }
            Some(Opened::Scope) => {
                self.scopes.pop();
            }
            Some(Opened::Loop) => {
                self.loops.pop();
            }
            Some(Opened::Unit) => {
                self.units.pop();
                self.conditions.pop();
                self.bodies.pop();
            }
            None => {}
        }
    }

    fn begin(&mut self, start: Start) {
        let Start { mut unit, body } = start;
        let groups: Vec<&str> = self
            .scopes
            .iter()
            .map(|scope| scope.name.as_str())
            .filter(|name| !name.is_empty())
            .collect();
        if !groups.is_empty() {
            unit.name = format!("{} > {}", groups.join(" > "), unit.name);
        }
        if unit.kind == UnitKind::Test {
            for scope in &self.scopes {
                unit.skips.extend(scope.skips.iter().cloned());
                unit.focus.extend(scope.focus.iter().cloned());
            }
            if self.conditions.iter().any(|count| *count > 0) {
                unit.skips.push(Mark { text: "a condition around it".to_owned(), line: unit.line });
            }
        }
        self.reading.units.push(unit);
        let at = self.reading.units.len() - 1;
        self.units.push(at);
        self.conditions.push(0);
        self.bodies.push(body);
    }

    /// The innermost unit.
    pub fn unit(&mut self) -> &mut Unit {
        let at = self.units.last().copied().unwrap_or(0);
        &mut self.reading.units[at]
    }

    /// Whether the walk is inside any function.
    pub fn is_in_unit(&self) -> bool {
        self.units.len() > 1
    }

    /// The text of a node.
    pub fn text(&self, node: Node<'_>) -> &'s str {
        self.source.get(node.byte_range()).unwrap_or_default()
    }

    /// The tokens of a node.
    pub fn tokens(&self, node: Node<'_>) -> Vec<Token<'s>> {
        // What is beyond its work looks empty; the reading is thrown away at the end.
        if self.work.get() > WORK_TOKENS_MAX {
            return Vec::new();
        }
        let found = tokens(self.source, node);
        self.work.set(self.work.get() + found.len() + 1);
        found
    }

    /// Whether the file has more in it than anybody writes by hand.
    fn is_beyond_limits(&self) -> bool {
        let is_large = |unit: &Unit| {
            unit.assertions.len() > ASSERTIONS_OF_UNIT_MAX
                || unit.cases.len() > CASES_OF_UNIT_MAX
                || unit.mocks.len() + unit.skips.len() + unit.focus.len() > MARKS_MAX
        };
        self.work.get() > WORK_TOKENS_MAX
            || self.reading.silencers.len() > MARKS_MAX
            || self.reading.units.iter().any(is_large)
    }

    /// The words of a node, and where it stands.
    pub fn mark(&self, node: Node<'_>) -> Mark {
        Mark { text: words(&self.tokens(node)), line: line_of(node) }
    }

    /// A new unit for a node with a body.
    pub fn start(
        &self,
        kind: UnitKind,
        name: &str,
        node: Node<'_>,
        body: Option<Node<'_>>,
    ) -> Enter {
        let mut unit = Unit::new(kind, name.to_owned(), line_of(node));
        if let Some(body) = body {
            let inside = self.tokens(body);
            unit.tokens = inside.len();
            unit.digest = digest(&inside);
            let words = inside.iter().map(|token| words(std::slice::from_ref(token)));
            unit.values = words.filter(|word| assertions::is_value(word)).collect();
            unit.returns = flow::returns_early(self.source, body);
            unit.parameters = self.parameters(body);
        }
        let body = body.map_or(0..0, |body| body.byte_range());
        Enter::Unit(Box::new(Start { unit, body }))
    }

    /// Something that makes a check or an error silent.
    pub fn silence(&mut self, silence: Silence, family: &'static str, mark: Mark) {
        self.reading.silencers.push(Silencer { silence, family, mark });
    }

    /// A case of the tests of a group that others use.
    pub fn share(&mut self, group: &str, case: &Mark) {
        // Nothing runs in a group that is skipped.
        if self.scopes.iter().any(|scope| !scope.skips.is_empty()) {
            return;
        }
        let class = self.scopes.first().map(|scope| scope.name.clone()).unwrap_or_default();
        let start = format!("{group} > ");
        let inner = format!(" > {start}");
        let is_of_group =
            |unit: &&mut Unit| unit.name.starts_with(&start) || unit.name.contains(&inner);
        for unit in self.reading.units.iter_mut().filter(is_of_group) {
            let values = case.text.split(" , ").filter(|word| assertions::is_value(word));
            unit.values.extend(values.map(str::to_owned));
            unit.cases.push(case.clone());
            // The class that a group describes is given to it as well.
            let text = format!("[ {} , {class} ]", case.text);
            unit.shared.push(Mark { text, line: case.line });
        }
    }

    /// A module that the file takes in.
    pub fn include(&mut self, include: Include) {
        self.reading.includes.push(include);
    }

    /// An assertion at this place, which is written so.
    pub fn assert(&mut self, mut assertion: Assertion, written: Node<'_>) {
        if assertions::is_failure(&assertion)
            && let Some(kinds) = self.attempted(written)
        {
            assertion = assertions::of_refusal(kinds, assertion.line);
        }
        let line = self.text(written).lines().next().unwrap_or_default();
        line.trim().clone_into(&mut assertion.said);
        assertion.is_awaited = written.start_byte() == self.waited_at;
        assertion.conditions = self.conditions.last().copied().unwrap_or(0);
        self.unit().assertions.push(assertion);
    }
}
