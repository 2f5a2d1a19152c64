//! Problem matchers: a repository's own rules for its own tools, in the form that GitHub's runner
//! and editors know.
//!
//! A matcher is one pattern, or several that match lines one below the other; the last of several
//! may loop. Patterns are JavaScript's in the file and `regex`'s here, which is linear on hostile
//! logs but knows no look-around and no back-references: such a matcher is left out with a note.
//! Nothing is fitted to a tool here; a matcher knows what its file says.

use regex::{Captures, Regex, RegexBuilder};
use serde_json::Value;
use thiserror::Error;

use super::draft::{Draft, Weight};
use super::severity;
use super::text::floor;
use crate::domain::failure::{FailureKind, Severity};

mod javascript;

/// The longest file of matchers; the largest known has a hundredth of it.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The most matchers of one file: each looks at every line.
const MATCHERS_MAX: usize = 64;

/// The most patterns of one matcher: each is a line of a tool's report.
const PATTERNS_MAX: usize = 16;

/// The longest pattern, and what it may grow to when it is compiled. Tools' own matchers grow to a
/// tenth; in one of four times the size, repeats inside of repeats were measured to cost thousands
/// of times more a byte than any pattern within it.
const PATTERN_BYTES_MAX: usize = 4 * 1024;
const COMPILED_BYTES_MAX: usize = 64 * 1024;

/// The longest line that matchers look at; no tool's report of a place is longer.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// The most failures that one matcher makes of a log.
const DRAFTS_MAX: usize = 2_000;

/// The longest owner, which failures carry as their tool.
const OWNER_CHARS_MAX: usize = 100;

/// Why a file of problem matchers cannot be read: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MatcherError {
    /// The file is too long.
    #[error("the file has {0} bytes, {FILE_BYTES_MAX} may; is it a file of problem matchers?")]
    TooLarge(usize),
    /// It is no JSON.
    #[error("the file is no JSON: {0}")]
    NoJson(String),
    /// A value is not what it should be.
    #[error("{at}: {what}")]
    Invalid {
        /// Where in the file: `problemMatcher[0].pattern[1].regexp`.
        at: String,
        /// What is wrong and what to do.
        what: String,
    },
}

/// One problem matcher, ready to match.
#[derive(Debug, Clone)]
pub struct Matcher {
    owner: String,
    kind: FailureKind,
    severity: Option<Severity>,
    patterns: Vec<Pattern>,
    /// Why it cannot be used, when it cannot.
    unusable: Option<String>,
}

/// One line of what a matcher recognises: a regular expression, and the groups that mean something.
#[derive(Debug, Clone)]
struct Pattern {
    regex: Regex,
    groups: [Option<usize>; FIELDS.len()],
    is_loop: bool,
}

/// What a pattern's groups may be, in the order in which a pattern keeps them.
const FIELDS: [&str; 7] = ["file", "line", "column", "severity", "code", "message", "fromPath"];

impl Matcher {
    /// Reads a file of problem matchers: `{"problemMatcher": [{"owner", "pattern": […]}]}`.
    ///
    /// # Errors
    /// When it is no such file. A pattern that is JavaScript's but not ours is no error: its matcher
    /// finds nothing, and [`note`](Self::note) says why.
    pub fn parse_file(text: &str) -> Result<Vec<Self>, MatcherError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(MatcherError::TooLarge(text.len()));
        }
        let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| MatcherError::NoJson(error.to_string()))?;
        let at = "problemMatcher";
        let listed = match file.get(at) {
            Some(Value::Array(listed)) => listed.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => return Err(invalid(at, "an array of matchers is expected")),
        };
        if listed.len() > MATCHERS_MAX {
            return Err(invalid(at, &format!("at most {MATCHERS_MAX} matchers; split the file")));
        }
        let one = |(index, value)| Self::parse(value, &format!("{at}[{index}]"));
        listed.iter().enumerate().map(one).collect()
    }

    fn parse(value: &Value, at: &str) -> Result<Self, MatcherError> {
        let owner: String = match value.get("owner").and_then(Value::as_str).map(str::trim) {
            Some(owner) if !owner.is_empty() => owner.chars().take(OWNER_CHARS_MAX).collect(),
            _ => return Err(invalid(&format!("{at}.owner"), "name the tool, as \"my-linter\"")),
        };
        let severity = match value.get("severity") {
            None | Some(Value::Null) => None,
            Some(word) => {
                let known = word.as_str().and_then(severity::of_word);
                let what = "\"error\", \"warning\" or \"notice\" is expected";
                Some(known.ok_or_else(|| invalid(&format!("{at}.severity"), what))?)
            }
        };
        let at = format!("{at}.pattern");
        let listed = match value.get("pattern") {
            Some(Value::Array(listed)) if !listed.is_empty() => listed.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => return Err(invalid(&at, "an array of patterns is expected")),
        };
        if listed.len() > PATTERNS_MAX {
            return Err(invalid(&at, &format!("at most {PATTERNS_MAX} patterns")));
        }
        let mut matcher = Self {
            kind: kind_of_owner(&owner),
            owner,
            severity,
            patterns: Vec::new(),
            unusable: None,
        };
        for (index, value) in listed.iter().enumerate() {
            let at = format!("{at}[{index}]");
            let pattern = Pattern::parse(value, &at)?;
            if index + 1 < listed.len() && is_loop(value) {
                return Err(invalid(&format!("{at}.loop"), "only the last pattern may loop"));
            }
            match pattern {
                Ok(pattern) => matcher.patterns.push(pattern),
                Err(why) => matcher.unusable = Some(why),
            }
        }
        let says = matcher.patterns.iter().any(|pattern| pattern.groups[MESSAGE].is_some());
        if !says && matcher.unusable.is_none() {
            return Err(invalid(&at, "one pattern must have \"message\", the number of its group"));
        }
        Ok(matcher)
    }

    /// The tool that its failures carry.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Why it finds nothing, when its pattern is none that can be used here.
    pub fn note(&self) -> Option<&str> {
        self.unusable.as_deref()
    }
}

const FILE: usize = 0;
const LINE: usize = 1;
const COLUMN: usize = 2;
const SEVERITY: usize = 3;
const CODE: usize = 4;
const MESSAGE: usize = 5;
const FROM_PATH: usize = 6;

impl Pattern {
    /// Reads a pattern; the inner error says why a valid one cannot be used here.
    fn parse(value: &Value, at: &str) -> Result<Result<Self, String>, MatcherError> {
        let here = format!("{at}.regexp");
        let Some(regexp) = value.get("regexp").and_then(Value::as_str) else {
            return Err(invalid(&here, "a regular expression is expected"));
        };
        if regexp.len() > PATTERN_BYTES_MAX {
            return Err(invalid(&here, &format!("at most {PATTERN_BYTES_MAX} bytes")));
        }
        let translated = javascript::translated(regexp);
        let built = RegexBuilder::new(&translated).size_limit(COMPILED_BYTES_MAX).build();
        let regex = match built {
            Ok(regex) => regex,
            Err(regex::Error::CompiledTooBig(_)) => {
                let why = format!("{here} grows too large to be used here; repeat less in it");
                return Ok(Err(why));
            }
            Err(error) => {
                let why = error.to_string();
                let last =
                    why.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
                let why = format!("{here} cannot be used here: {last}; write it without");
                return Ok(Err(why));
            }
        };
        let mut groups = [None; FIELDS.len()];
        for (group, field) in groups.iter_mut().zip(FIELDS) {
            let Some(number) = value.get(field) else { continue };
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
            let known = number.filter(|number| *number < regex.captures_len());
            if known.is_none() {
                let count = regex.captures_len() - 1;
                let what = format!("the number of one of the {count} groups is expected");
                return Err(invalid(&format!("{at}.{field}"), &what));
            }
            *group = known;
        }
        Ok(Ok(Self { regex, groups, is_loop: is_loop(value) }))
    }
}

fn is_loop(pattern: &Value) -> bool {
    pattern.get("loop") == Some(&Value::Bool(true))
}

fn invalid(at: &str, what: &str) -> MatcherError {
    MatcherError::Invalid { at: at.to_owned(), what: what.to_owned() }
}

/// What an owner's findings are, as its name says; a lint where it says nothing.
fn kind_of_owner(owner: &str) -> FailureKind {
    let owner = owner.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| owner.contains(word));
    if says(&["tsc", "typescript", "mypy", "pyright", "typecheck", "phpstan", "psalm"]) {
        FailureKind::TypeError
    } else if says(&["test", "spec", "mocha", "phpunit"]) {
        FailureKind::TestFailure
    } else if says(&["format", "fmt", "prettier"]) {
        FailureKind::Format
    } else if says(&["lint", "style", "cop", "flake8", "ruff", "check"]) {
        FailureKind::Lint
    } else if says(&["gcc", "clang", "msvc", "rustc", "cargo", "javac", "compil", "build", "go"]) {
        FailureKind::CompileError
    } else {
        FailureKind::Lint
    }
}

/// Matchers at work on one log: every clean line in order.
#[derive(Debug)]
pub(super) struct Matching<'m> {
    running: Vec<Running<'m>>,
}

/// One matcher on its way through its patterns.
#[derive(Debug)]
struct Running<'m> {
    matcher: &'m Matcher,
    /// The pattern that the next line must match.
    next: usize,
    /// What the lines so far said, by field.
    said: [Option<String>; FIELDS.len()],
    first: usize,
    made: usize,
}

impl<'m> Matching<'m> {
    /// Begins with a log's first line.
    pub(super) fn new(matchers: &'m [Matcher]) -> Self {
        let usable = matchers.iter().filter(|matcher| matcher.unusable.is_none());
        let running = usable
            .map(|matcher| Running {
                matcher,
                next: 0,
                said: Default::default(),
                first: 0,
                made: 0,
            })
            .collect();
        Self { running }
    }

    /// Looks at a line and adds what it completes; lines come in order.
    pub(super) fn line(&mut self, index: usize, text: &str, found: &mut Vec<Draft>) {
        let text = floor(text, LINE_BYTES_MAX);
        found.extend(self.running.iter_mut().filter_map(|running| running.line(index, text)));
    }
}

impl Running<'_> {
    fn line(&mut self, index: usize, text: &str) -> Option<Draft> {
        if self.made >= DRAFTS_MAX {
            return None;
        }
        let patterns = &self.matcher.patterns;
        let mut captures = patterns.get(self.next)?.regex.captures(text);
        if captures.is_none() && self.next > 0 {
            // The sequence ends here; the line may be the first of another.
            self.next = 0;
            captures = patterns.first()?.regex.captures(text);
        }
        let captures = captures?;
        let pattern = patterns.get(self.next)?;
        if self.next == 0 {
            self.said = Default::default();
            self.first = index;
        }
        let is_last = self.next + 1 == patterns.len();
        let before = (is_last && pattern.is_loop).then(|| self.said.clone());
        self.learn(pattern, &captures);
        if !is_last {
            self.next += 1;
            return None;
        }
        let draft = self.draft(index);
        match before {
            // A loop begins again with what stood above it.
            Some(before) if patterns.len() > 1 => self.said = before,
            _ => self.next = 0,
        }
        draft
    }

    fn learn(&mut self, pattern: &Pattern, captures: &Captures<'_>) {
        for (said, group) in self.said.iter_mut().zip(pattern.groups) {
            let text =
                group.and_then(|group| captures.get(group)).map(|found| found.as_str().trim());
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                *said = Some(text.to_owned());
            }
        }
    }

    fn draft(&mut self, index: usize) -> Option<Draft> {
        let said = |field: usize| self.said[field].as_deref();
        let mut draft = Draft::new(self.matcher.kind, "", Weight::Cause);
        draft.failure.tool = Some(self.matcher.owner.clone());
        draft.say(said(MESSAGE)?);
        let named = said(SEVERITY).and_then(severity::of_word);
        draft.failure.severity = named.or(self.matcher.severity).unwrap_or(Severity::Error);
        draft.failure.code = said(CODE).map(str::to_owned);
        if let Some(file) = said(FILE) {
            let number = |field| said(field)?.parse().ok().filter(|number: &u32| *number > 0);
            draft.place(&below(said(FROM_PATH), file), number(LINE), number(COLUMN));
        }
        draft.first = self.first;
        draft.last = index;
        self.made += 1;
        Some(draft)
    }
}

/// A file named from a project file's directory.
fn below(from: Option<&str>, file: &str) -> String {
    let is_absolute = file.starts_with(['/', '\\']) || file.as_bytes().get(1) == Some(&b':');
    let directory = from.and_then(|from| from.rfind(['/', '\\']).and_then(|at| from.get(..=at)));
    match directory {
        Some(directory) if !is_absolute => format!("{directory}{file}"),
        _ => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matchers(pattern: &str) -> Vec<Matcher> {
        let file = format!(r#"{{"problemMatcher":[{{"owner":"my-lint","pattern":{pattern}}}]}}"#);
        Matcher::parse_file(&file).unwrap()
    }

    #[track_caller]
    fn check(pattern: &str, log: &str, expected: &[&str]) {
        let matchers = matchers(pattern);
        assert_eq!(matchers[0].note(), None);
        let mut matching = Matching::new(&matchers);
        let mut found = Vec::new();
        for (index, line) in log.lines().enumerate() {
            matching.line(index, line, &mut found);
        }
        let line_of = |draft: Draft| {
            let failure = draft.failure;
            let place = [failure.line, failure.column].map(|n| n.unwrap_or(0));
            format!(
                "{}-{} {} {}:{}:{} {} {}",
                draft.first,
                draft.last,
                failure.severity.as_str(),
                draft.path.unwrap_or_default(),
                place[0],
                place[1],
                failure.code.unwrap_or_default(),
                failure.message,
            )
        };
        let got: Vec<String> = found.into_iter().map(line_of).collect();
        assert_eq!(got, expected, "{log}");
    }

    #[test]
    fn a_pattern_of_one_line_makes_a_failure_a_line() {
        check(
            concat!(
                r#"[{"regexp":"^([^\\s:]+):(\\d+):(\\d+):\\s+(error|warning|note):\\s+(.*)$","file":"#,
                r#"1,"line":2,"column":3,"severity":4,"message":5}]"#,
            ),
            "gcc -c a.c\nsrc/a.c:3:5: error: no\nsrc/a.c:4:1: warning: hm\nsrc/a.c: In function\n",
            &["1-1 error src/a.c:3:5  no", "2-2 warning src/a.c:4:1  hm"],
        );
    }

    #[test]
    fn the_last_of_several_patterns_may_loop() {
        let stylish = concat!(
            r#"[{"regexp":"^([^\\s].*)$","file":1},{"regexp":"^\\s+(\\d+):(\\d+)\\s+(error|warning"#,
            r#"|info)\\s+(.*)\\s\\s+(.*)$","line":1,"column":2,"severity":3,"message":4,"code":5,"#,
            r#""loop":true}]"#,
        );
        check(
            stylish,
            "test.js\n  1:0   error  Missing \"use strict\"  strict\n  5:10  warning  'a' unused  \
             no-unused\n\nfoo.js\n  36:10  error  Expected parens  arrow-parens\n",
            &[
                "0-1 error test.js:1:0 strict Missing \"use strict\"",
                "0-2 warning test.js:5:10 no-unused 'a' unused",
                "4-5 error foo.js:36:10 arrow-parens Expected parens",
            ],
        );
    }

    #[test]
    fn lines_of_a_sequence_stand_one_below_the_other() {
        let two = concat!(
            r#"[{"regexp":"^error: (.+)$","message":1},{"regexp":"^ at (.+):(\\d+) in (.+)$","#,
            r#""file":1,"line":2,"fromPath":3}]"#,
        );
        check(
            two,
            "error: a\n at x.c:4 in lib/p.proj\nerror: b\nother\n at y.c:1 in p\n",
            &["0-1 error lib/x.c:4:0  a"],
        );
        check(two, "error: a\nerror: b\n at x.c:4 in p\n", &["1-2 error x.c:4:0  b"]);
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_says_so() {
        let ahead = matchers(r#"[{"regexp":"^(?!x)(.*)$","message":1}]"#);
        let note = ahead[0].note().unwrap();
        assert!(note.starts_with("problemMatcher[0].pattern[0].regexp cannot be used"), "{note}");
        assert!(note.contains("look-around"), "{note}");
        let mut matching = Matching::new(&ahead);
        let mut found = Vec::new();
        matching.line(0, "a", &mut found);
        assert!(found.is_empty());
        assert!(matchers(r#"[{"regexp":"(a)\\1","message":1}]"#)[0].note().is_some());
        let heavy = matchers(r#"[{"regexp":"((?:[ab]{1,99}c?){1,99})d","message":1}]"#);
        let note = heavy[0].note().unwrap();
        assert!(note.ends_with("grows too large to be used here; repeat less in it"), "{note}");
        let long = r#"[{"regexp":"^(\\s*\\S{1,20}):(\\d{1,9}) \\[[\\w-]+\\] (.*)$","message":3}]"#;
        assert_eq!(matchers(long)[0].note(), None);
    }

    #[test]
    fn a_wrong_file_says_what_where_and_what_to_do() {
        for (file, expected) in [
            ("x", "the file is no JSON: expected value at line 1 column 1"),
            ("{}", "problemMatcher: an array of matchers is expected"),
            (
                r#"{"problemMatcher":[{"pattern":[]}]}"#,
                "problemMatcher[0].owner: name the tool, as \"my-linter\"",
            ),
            (
                r#"{"problemMatcher":[{"owner":"a","severity":"bad","pattern":[]}]}"#,
                "problemMatcher[0].severity: \"error\", \"warning\" or \"notice\" is expected",
            ),
            (
                r#"{"problemMatcher":[{"owner":"a","pattern":[]}]}"#,
                "problemMatcher[0].pattern: an array of patterns is expected",
            ),
            (
                r#"{"problemMatcher":[{"owner":"a","pattern":[{"regexp":"(a)","message":2}]}]}"#,
                concat!(
                    "problemMatcher[0].pattern[0].message: ",
                    "the number of one of the 1 groups is expected",
                ),
            ),
            (
                r#"{"problemMatcher":[{"owner":"a","pattern":[{"regexp":"(a)","file":1}]}]}"#,
                concat!(
                    "problemMatcher[0].pattern: ",
                    "one pattern must have \"message\", the number of its group",
                ),
            ),
            (
                concat!(
                    r#"{"problemMatcher":[{"owner":"a","pattern":[{"regexp":"(a)","message":1,"lo"#,
                    r#"op":true},{"regexp":"b"}]}]}"#,
                ),
                "problemMatcher[0].pattern[0].loop: only the last pattern may loop",
            ),
        ] {
            assert_eq!(Matcher::parse_file(file).unwrap_err().to_string(), expected);
        }
        let huge = " ".repeat(FILE_BYTES_MAX + 1);
        assert_eq!(Matcher::parse_file(&huge).unwrap_err(), MatcherError::TooLarge(huge.len()));
    }

    #[test]
    fn any_pattern_and_any_line_are_taken_without_harm() {
        proptest::proptest!(|(regexp in ".{0,40}", line in ".{0,80}")| {
            let file = serde_json::json!({ "problemMatcher": [{
                "owner": "a", "pattern": [{ "regexp": regexp, "message": 0 }],
            }] });
            if let Ok(matchers) = Matcher::parse_file(&file.to_string()) {
                let mut matching = Matching::new(&matchers);
                matching.line(0, &line, &mut Vec::new());
            }
        });
    }
}
