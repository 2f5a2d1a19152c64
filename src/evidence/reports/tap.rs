//! The Test Anything Protocol, versions 12 to 14, as Perl, node-tap, `node --test`, bats, pg_prove
//! and many others write it.
//!
//! A test point that is not ok is a fault unless it is one of the things to do or skip. Of subtests
//! the innermost is the fault, named with those around it. Details stand in a YAML block or in
//! comments below the point.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Found, ReportFormat, draft, frames};
use crate::domain::failure::FailureKind;
use crate::evidence::draft::Draft;
use crate::evidence::text::floor;

/// In how many lines at its front a report says what it is.
const HEAD_LINES: usize = 20;

/// How deep subtests are followed; deeper ones count as this deep.
const INDENT_MAX: usize = 64;

/// How many lines of details one test point has.
const DETAIL_LINES_MAX: usize = 400;

/// How much of one detail is kept.
const DETAIL_BYTES_MAX: usize = 16 * 1024;

/// The longest name of a test with those around it.
const NAME_BYTES_MAX: usize = 1024;

static POINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?P<not>not )?ok\b(?: +(?P<number>[0-9]+))?(?: *- *| +|$)(?P<rest>.*)$").ok()
});

static PLAN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^1\.\.(?P<tests>[0-9]+)(?:\s*#.*)?$").ok());

static PERL_PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\bat (?P<file>\S+) line (?P<line>[0-9]+)\.?$").ok());

/// What a test point says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    NotOk,
}

/// One point that is not ok.
#[derive(Debug)]
struct Fault {
    name: String,
    indent: usize,
    line: usize,
    details: Vec<String>,
}

/// Reads a report; `None` when the text is none.
pub(super) fn read(text: &str, found: &mut Found<'_>) -> Option<ReportFormat> {
    if !is_tap(text) {
        return None;
    }
    let mut state = State::default();
    for (index, line) in text.lines().enumerate() {
        state.line(line.trim_end(), index + 1);
    }
    let (planned, seen) = (state.planned, state.seen);
    for fault in state.faults {
        let line = fault.line;
        found.push(draft_of(fault, found.roots), line);
    }
    if let Some((reason, line)) = state.bail_out {
        let mut draft = draft(FailureKind::TestFailure, "tap");
        draft.say(&format!("Bail out! {reason}"));
        found.push(draft, line);
    } else if found.drafts.is_empty()
        && let Some(planned) = planned.filter(|planned| *planned > seen)
    {
        let mut draft = draft(FailureKind::TestFailure, "tap");
        draft.say(&format!("{planned} tests were planned, {seen} were run"));
        found.push(draft, 0);
    }
    Some(ReportFormat::Tap)
}

/// It says its version, or begins with a plan or the first test point.
fn is_tap(text: &str) -> bool {
    let mut head = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).take(HEAD_LINES);
    let Some(first) = head.next() else { return false };
    let first = first.trim_start_matches('\u{feff}');
    let is_plan = |line: &str| PLAN.as_ref().is_some_and(|plan| plan.is_match(line));
    let begins = ["ok 1", "not ok 1"].iter().any(|begin| {
        first.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let is_point = |line: &str| line.starts_with("ok ") || line.starts_with("not ok ");
    let named = |line: &str| line.starts_with("TAP version 1");
    named(first) || begins || is_plan(first) && head.any(is_point) || head.any(named)
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<Fault>,
    /// The indentation of the point whose details follow, and whether it is a fault.
    open: Option<(usize, bool)>,
    /// The indentation of the YAML block that is open.
    yaml: Option<usize>,
    details: usize,
    planned: Option<u64>,
    seen: u64,
    bail_out: Option<(String, usize)>,
}

impl State {
    fn line(&mut self, raw: &str, number: usize) {
        let text = raw.trim_start();
        let indent = (raw.len() - text.len()).min(INDENT_MAX);
        if let Some(block) = self.yaml {
            if text == "..." && indent <= block || text.starts_with("...") && indent == block {
                self.yaml = None;
            } else {
                self.detail(raw);
            }
            // A block that nobody closed ends where the next point of its test stands.
            let is_point = text.starts_with("ok ") || text.starts_with("not ok ");
            if !(is_point && indent < block) {
                return;
            }
            self.yaml = None;
        }
        if text.starts_with("---") && self.open.is_some_and(|(point, _)| indent > point) {
            self.yaml = Some(indent);
        } else if let Some(reason) = text.strip_prefix("Bail out!") {
            self.bail_out.get_or_insert((reason.trim().to_owned(), number));
        } else if let Some(said) = text.strip_prefix('#') {
            self.detail(said.strip_prefix(' ').unwrap_or(said));
        } else if let Some(plan) = PLAN.as_ref().and_then(|plan| plan.captures(text)) {
            if indent == 0 {
                self.planned = plan.name("tests").and_then(|tests| tests.as_str().parse().ok());
            }
        } else if let Some(point) = POINT.as_ref().and_then(|point| point.captures(text)) {
            let rest = point.name("rest").map_or("", |rest| rest.as_str());
            let outcome = if point.name("not").is_some() { Outcome::NotOk } else { Outcome::Ok };
            self.point(outcome, rest, indent, number);
        }
    }

    fn point(&mut self, outcome: Outcome, rest: &str, indent: usize, line: usize) {
        self.seen += u64::from(indent == 0);
        let (name, directive) = split_directive(rest);
        let name = name.trim().trim_end_matches('{').trim();
        let is_excused = directive.is_some();
        let from =
            self.faults.iter().rposition(|fault| fault.indent <= indent).map_or(0, |at| at + 1);
        if is_excused || outcome == Outcome::Ok {
            // What failed inside does not count where the whole is excused.
            self.faults.truncate(from);
        }
        for fault in &mut self.faults[from..] {
            fault.indent = indent;
            if !name.is_empty() && fault.name.len() < NAME_BYTES_MAX {
                fault.name = format!("{name} › {}", fault.name);
            }
        }
        let is_fault = outcome == Outcome::NotOk && !is_excused && from == self.faults.len();
        if is_fault && self.faults.len() < super::DRAFTS_MAX {
            let name = floor(name, NAME_BYTES_MAX).to_owned();
            self.faults.push(Fault { name, indent, line, details: Vec::new() });
        }
        self.open = Some((indent, is_fault));
        self.details = 0;
    }

    fn detail(&mut self, line: &str) {
        let is_wanted = matches!(self.open, Some((_, true))) && self.details < DETAIL_LINES_MAX;
        if let Some(fault) = self.faults.last_mut().filter(|_| is_wanted) {
            self.details += 1;
            fault.details.push(floor(line, DETAIL_BYTES_MAX).to_owned());
        }
    }
}

/// The description of a point, and the directive that excuses it where it has one.
fn split_directive(rest: &str) -> (&str, Option<&str>) {
    for (at, _) in rest.match_indices('#') {
        let after = rest[at + 1..].trim_start().as_bytes();
        let is_escaped = rest[..at].ends_with('\\');
        let is_directive = ["todo", "skip"]
            .iter()
            .any(|word| after.get(..4).is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes())));
        if is_directive && !is_escaped {
            return (&rest[..at], Some(&rest[at + 1..]));
        }
    }
    // Some write how long it took.
    (rest.split_once(" # time=").map_or(rest, |(name, _)| name), None)
}

fn draft_of(fault: Fault, roots: &[String]) -> Draft {
    let mut draft = draft(FailureKind::TestFailure, "tap");
    draft.failure.test = Some(fault.name).filter(|name| !name.is_empty());
    let details = fields(&fault.details);
    let field = |names: &[&str]| names.iter().find_map(|name| details.get(*name)).cloned();
    let said = field(&["message", "error"]);
    let comments = fault.details.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    match said {
        Some(said) => draft.say(said.trim()),
        None if details.is_empty() => comments.clone().for_each(|line| draft.say(line)),
        None => {}
    }
    for (name, keys) in
        [("expected", ["expected", "wanted", "want"]), ("actual", ["actual", "found", "got"])]
    {
        if let Some(value) = field(&keys) {
            draft.say(&format!("{name}: {}", value.trim()));
        }
    }
    if draft.failure.message.is_empty() {
        draft.say("not ok");
    }
    draft.failure.code = field(&["code", "operator"]);
    place(&mut draft, &details, &fault.details, roots);
    draft
}

fn place(draft: &mut Draft, details: &HashMap<String, String>, lines: &[String], roots: &[String]) {
    let number = |name: &str| details.get(name).and_then(|n| n.trim().parse::<u32>().ok());
    if let Some(file) = details.get("file") {
        draft.place(file, number("line"), number("column"));
        return;
    }
    for name in ["at", "location", "stack"] {
        let told = details.get(name).and_then(|told| frames::place_in(told, None, roots));
        if let Some(place) = told {
            place.put(draft);
            return;
        }
    }
    for line in lines {
        if let Some(captures) = PERL_PLACE.as_ref().and_then(|place| place.captures(line)) {
            draft.place(&captures["file"], captures["line"].parse().ok(), None);
            return;
        }
    }
    if let Some(place) = frames::place_in(&lines.join("\n"), None, roots) {
        place.put(draft);
    }
}

/// The keys of a YAML block that are of use, wherever they stand in it; not all of YAML.
fn fields(lines: &[String]) -> HashMap<String, String> {
    let mut fields: HashMap<String, String> = HashMap::new();
    // The key whose value goes on below, and how far it is indented.
    let mut open: Option<(String, usize)> = None;
    for line in lines {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        let pair = text.split_once(':').filter(|(key, _)| is_key(key));
        if let Some((key, outer)) = &open
            && indent > *outer
            && !(pair.is_some() && matches!(key.as_str(), "at" | "diag" | "error" | "data"))
        {
            let value = fields.entry(key.clone()).or_default();
            if value.len() < DETAIL_BYTES_MAX {
                value.push('\n');
                value.push_str(text);
            }
            continue;
        }
        let Some((key, value)) = pair else { continue };
        let value = value.trim().trim_matches(['\'', '"']);
        let is_block = value.is_empty() || ["|", "|-", ">", ">-"].contains(&value);
        open = Some((key.to_owned(), indent)).filter(|_| is_block);
        let value = if is_block { "" } else { value };
        fields.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    fields.retain(|_, value| !value.trim().is_empty());
    fields
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() < 40 && key.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use crate::evidence::reports::ReportFormat::Tap;
    use crate::evidence::reports::tests::{check, check_log};

    #[test]
    fn points_that_are_not_ok_are_faults() {
        check(
            Tap,
            "TAP version 13\n1..6\nok 1 - a\nnot ok 2 - adds # comment\n  ---\n  message: 'no'\n  \
             severity: fail\n  at:\n    file: t/cart.js\n    line: 4\n  found: 4\n  wanted: 5\n  ...\n\
             not ok 3 - later # TODO not done\nnot ok 4 # SKIP no net\nok 5\nnot ok 6\n",
            concat!("test_failure t/cart.js:4 {adds # comment} no\n", "test_failure not ok",),
        );
        check(Tap, "1..1\nok 1\n", "");
    }

    #[test]
    fn perl_says_where_in_comments() {
        check(
            Tap,
            "not ok 1 - adds\n#   Failed test 'adds'\n#   at t/cart.t line 12.\n#          got: '4'\n\
             #     expected: '5'\n1..1\n# Looks like you failed 1 test of 1.\n",
            "test_failure t/cart.t:12 {adds} expected: 5",
        );
    }

    #[test]
    fn the_innermost_subtest_is_the_fault() {
        check(
            Tap,
            "TAP version 14\n# Subtest: cart\n    # Subtest: adds\n        ok 1 - one\n        \
             not ok 2 - two\n          ---\n          location: '/builds/g/s/test/cart.mjs:7:3'\n          \
             error: |-\n            Expected values to be equal:\n            4 !== 5\n          code: \
             'ERR_ASSERTION'\n          ...\n        1..2\n    not ok 1 - adds\n      ---\n      \
             error: '1 subtest failed'\n      ...\n    1..1\nnot ok 1 - cart\n1..1\n",
            concat!(
                "test_failure test/cart.mjs:7:3 [ERR_ASSERTION] {cart › adds › two} ",
                "Expected values to be equal:",
            ),
        );
        check(Tap, "TAP version 14\n    not ok 1 - in\nnot ok 1 - out # TODO\n1..1\n", "");
    }

    #[test]
    fn a_report_that_stops_says_so() {
        check(Tap, "TAP version 13\nok 1\nBail out! no database\n", {
            "test_failure Bail out! no database"
        });
        check(Tap, "1..3\nok 1 - a\n", "test_failure 3 tests were planned, 1 were run");
    }

    #[test]
    fn other_words_of_ok_are_no_report() {
        check_log("ok  \tx.org/shop\t0.1s\n");
        check_log("ok\n1..2 foo\n");
        check_log("1..2\nnothing\n");
    }
}
