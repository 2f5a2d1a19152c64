//! Lines that name a place: `FILE:LINE:COLUMN: what is wrong there`, as compilers and linters have
//! written it since the first ones.
//!
//! Tools without a rule of their own write so, too. Only the last words of a step that failed are
//! asked, and only where no rule explains it; so nothing is guessed of programs that went on. The
//! invariant: a place is one that the line itself names, in a file that is named like one.

use std::sync::LazyLock;

use regex::Regex;

use super::draft::Draft;
use super::lines::Place;

/// The longest line that is asked.
const LINE_BYTES_MAX: usize = 1_000;

/// A place at a line's beginning, and what is said of it.
const FORM: &str = concat!(
    r"^ {0,8}(?:\[?[Ee](?:rror|RROR)\]?:? )?(?P<file>(?:[A-Za-z]:)?[^\s:()'\x22`]*\.[A-Za-z][A-Za-z0-9_+-]{0,11}):? ?",
    r"(?::?(?P<line>[0-9]{1,7})(?:[:.](?P<column>[0-9]{1,7}))?(?:-[0-9.:]{1,15})?:(?: |\b)",
    r"|\((?P<line2>[0-9]{1,7})(?:,(?P<column2>[0-9]{1,7}))?\):? ?",
    r"|line (?P<line3>[0-9]{1,7})(?:: |, col(?:umn)? (?P<column3>[0-9]{1,7})[,:] )",
    r"|:?(?P<line4>[0-9]{1,7}) in )(?P<message>\S.*)$",
);

/// With what names of hosts end, where a port follows.
const HOSTS: [&str; 8] = [".com", ".org", ".net", ".io", ".dev", ".local", ".internal", ".svc"];

/// Words that say that a line is no fault.
const ASIDES: [&str; 6] = ["warning", "note", "info", "hint", "help", "debug"];

/// The failure that a line tells, and whether its words go on below it.
pub(super) fn read(place: Place, text: &str, mut draft: Draft) -> Option<(Draft, bool)> {
    static COMPILED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FORM).ok());
    if text.len() > LINE_BYTES_MAX {
        return None;
    }
    let Some(found) = COMPILED.as_ref()?.captures(text) else {
        return behind(place, text, draft);
    };
    let (file, message) = (&found["file"], found["message"].trim());
    let lower = message.to_ascii_lowercase();
    let is_aside = ASIDES.iter().any(|word| lower.trim_start_matches('[').starts_with(word));
    // Ruby's stack frames.
    let is_frame = message.starts_with("in '") || message.starts_with("in `");
    if file.contains("//") || is_aside || is_frame || HOSTS.iter().any(|end| file.ends_with(end)) {
        return None;
    }
    let number = |names: &[&str]| {
        let group = names.iter().find_map(|name| found.name(name))?;
        group.as_str().parse().ok().filter(|number| *number > 0)
    };
    let line = number(&["line", "line2", "line3", "line4"])?;
    draft.place(file, Some(line), number(&["column", "column2", "column3"]));
    (draft.first, draft.last) = (place.index, place.index);
    draft.say(message.strip_suffix(':').unwrap_or(message));
    Some((draft, message.ends_with(':')))
}

/// The form of parsers of JavaScript: `SyntaxError: FILE: what is wrong (LINE:COLUMN)`.
fn behind(place: Place, text: &str, mut draft: Draft) -> Option<(Draft, bool)> {
    let told = text.trim().trim_end_matches(':');
    let (said, numbers) = told.strip_suffix(')')?.rsplit_once(" (")?;
    let (line, column) = numbers.split_once(':')?;
    let (line, column) = (line.parse().ok().filter(|line| *line > 0)?, column.parse().ok()?);
    let (before, rest) = said.split_once(": ")?;
    let is_name = before.ends_with("Error") && !before.contains(char::is_whitespace);
    let (file, message) = if is_name { rest.split_once(": ")? } else { (before, rest) };
    if !is_path(file) {
        return None;
    }
    draft.place(file, Some(line), Some(column));
    (draft.first, draft.last) = (place.index, place.index);
    draft.say(message);
    Some((draft, false))
}

/// Whether a line is a file's path and nothing else.
pub(super) fn is_path(line: &str) -> bool {
    let path = line.trim();
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, end)| end);
    !path.contains(|c: char| c.is_whitespace() || "():'\"`<>|=,;".contains(c))
        && !path.contains("//")
        && !HOSTS.iter().any(|end| path.ends_with(end))
        && extension.is_some_and(|end| {
            (1..=12).contains(&end.len())
                && end.starts_with(|c: char| c.is_ascii_alphabetic())
                && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::failure::FailureKind;
    use crate::evidence::draft::Weight;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, u32, Option<u32>, &str)>) {
        let draft = Draft::new(FailureKind::Unknown, "", Weight::Guess);
        let place = Place { index: 3, start: 0, end: text.len() };
        let found = read(place, text, draft).map(|(draft, _)| draft);
        let found = found.as_ref().map(|draft| {
            let Draft { path, failure, .. } = draft;
            let path = path.as_deref().unwrap();
            (path, failure.line.unwrap(), failure.column, failure.message.as_str())
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn places_are_read_in_the_forms_that_tools_write() {
        check(
            "a/b.proto:4:47:cannot find `X`",
            Some(("a/b.proto", 4, Some(47), "cannot find `X`")),
        );
        check(
            "q.erl:2:2: function g/0 undefined",
            Some(("q.erl", 2, Some(2), "function g/0 undefined")),
        );
        check("README.md:3: teh ==> the", Some(("README.md", 3, None, "teh ==> the")));
        check("x.sh: line 7: A: unbound variable", Some(("x.sh", 7, None, "A: unbound variable")));
        check("    m.lua:1:7: unused", Some(("m.lua", 1, Some(7), "unused")));
        check("j.js: line 1, col 11, no", Some(("j.js", 1, Some(11), "no")));
        check("p.pas(12,3) Error: no", Some(("p.pas", 12, Some(3), "Error: no")));
        check("src/a.py:9 in public class `X`:", Some(("src/a.py", 9, None, "public class `X`")));
        check("Error: main.tf:3: no", Some(("main.tf", 3, None, "no")));
        check(
            "./paper.tex:4: Missing $ inserted.",
            Some(("./paper.tex", 4, None, "Missing $ inserted.")),
        );
        check(
            "SyntaxError: src/a.js: Unexpected token (1:11):",
            Some(("src/a.js", 1, Some(11), "Unexpected token")),
        );
        check("b.ts: ';' expected (3:4)", Some(("b.ts", 3, Some(4), "';' expected")));
    }

    #[test]
    fn what_is_no_fault_at_a_place_is_none() {
        for text in [
            "a.c:3: warning: unused",
            "a.c:3: note: here",
            "  a.rb:3:in 'Cart#total'",
            "example.com:443: refused",
            "https://example.com:443: refused",
            "127.0.0.1:80: refused",
            "12:30:45: done",
            "Done in 3.2s: 4 files",
            "    at f (a.js:3:5)",
            "took 1.5:3",
            "a.py:0: none",
            "v1.2.3: 4",
            "built a.js: done in two turns (2:03)x",
            "the game ended: draw (2:2)",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_path_alone_is_one() {
        for (line, expected) in [
            ("src/a.js", true),
            ("b.css", true),
            (".eslintrc", false),
            ("done.", false),
            ("v1.2", false),
            ("https://example.com/a.js", false),
            ("src/a.js 12ms", false),
            ("example.com", false),
        ] {
            assert_eq!(is_path(line), expected, "{line}");
        }
    }
}
